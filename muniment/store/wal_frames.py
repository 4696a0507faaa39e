"""The write-ahead file's frames: how acknowledged entries lie on disk before they are sealed.

A frame is the magic `MWF1`, the body's length (8 bytes, big-endian), the body's SHA-256, and the
body, an Arrow IPC stream whose buffers are compressed with LZ4, since what is flushed is what one
waits for. A last frame that is cut short or whose digest differs was never acknowledged; a bad
frame with a whole one after it is damage.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import pyarrow as pa
import pyarrow.ipc

from muniment.errors import EvidenceBrokenError
from muniment.store.encoder import in_log_schema

MAGIC = b"MWF1"
_HEAD = len(MAGIC) + 8 + 32
_COMPRESSED = pa.ipc.IpcWriteOptions(compression="lz4")


def frame_of(table: pa.Table) -> bytes:
    """The bytes of one frame."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema, options=_COMPRESSED) as writer:
        writer.write_table(table)
    body = memoryview(sink.getvalue())
    head = MAGIC + len(body).to_bytes(8, "big") + hashlib.sha256(body).digest()
    return b"".join((head, body))


def read_frames(path: Path) -> tuple[list[pa.Table], int]:
    """The whole frames of a file, in order, and the number of bytes that they take.

    Raises EvidenceBrokenError where a frame is damaged that others follow: cutting the file there
    would lose entries that were acknowledged.
    """
    try:
        content = memoryview(path.read_bytes())
    except FileNotFoundError:
        return [], 0
    tables: list[pa.Table] = []
    position = 0
    while (body := _body_at(content, position)) is not None:
        # A copy: Arrow wants its buffers aligned, and a frame starts anywhere.
        with pa.ipc.open_stream(bytes(body)) as reader:
            tables.append(in_log_schema(reader.read_all()))
        position += _HEAD + len(body)
    if _frame_follows(content, position):
        raise EvidenceBrokenError(
            f"the write-ahead file `{path}` is damaged at byte {position:,}, before entries that "
            "were acknowledged. Restore it from a backup; cutting it to that length gives up what "
            "follows."
        )
    return tables, position


def _body_at(content: memoryview, position: int) -> memoryview | None:
    """The body of a whole frame that starts at `position`."""
    body = content[position + _HEAD : position + _HEAD + _length_at(content, position)]
    if content[position : position + len(MAGIC)] != MAGIC or not body:
        return None
    start = position + len(MAGIC)
    if len(body) != _length_at(content, position):
        return None
    return body if hashlib.sha256(body).digest() == content[start + 8 : start + 40] else None


def _length_at(content: memoryview, position: int) -> int:
    start = position + len(MAGIC)
    return int.from_bytes(content[start : start + 8], "big")


def _frame_follows(content: memoryview, position: int) -> bool:
    """Whether a whole frame lies anywhere after the bad bytes at `position`."""
    if position >= len(content):
        return False
    after = position + _HEAD + _length_at(content, position)
    if content[position : position + len(MAGIC)] == MAGIC and after <= len(content):
        return _body_at(content, after) is not None
    rest = bytes(content[position:])
    at = rest.find(MAGIC, 1)
    while at != -1:
        if _body_at(content, position + at) is not None:
            return True
        at = rest.find(MAGIC, at + 1)
    return False
