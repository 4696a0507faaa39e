"""The write-ahead file's frames: how acknowledged entries lie on disk before they are sealed.

A frame is the magic `MWF1`, the body's length (8 bytes, big-endian), the body's SHA-256, and the
body, an Arrow IPC stream. A frame that is cut short or whose digest differs ends the file: it was
never acknowledged.
"""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

import pyarrow as pa
import pyarrow.ipc

MAGIC = b"MWF1"
_HEAD = len(MAGIC) + 8 + 32


def frame_of(table: pa.Table) -> bytes:
    """The bytes of one frame."""
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    body = sink.getvalue()
    return MAGIC + len(body).to_bytes(8, "big") + hashlib.sha256(body).digest() + body


def read_frames(path: Path) -> tuple[list[pa.Table], int]:
    """The whole frames of a file, in order, and the number of bytes that they take."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return [], 0
    tables: list[pa.Table] = []
    position = 0
    while position + _HEAD <= len(content):
        start = position + len(MAGIC)
        length = int.from_bytes(content[start : start + 8], "big")
        body = content[position + _HEAD : position + _HEAD + length]
        digest = content[start + 8 : start + 40]
        whole = content[position:start] == MAGIC and len(body) == length
        if not whole or hashlib.sha256(body).digest() != digest:
            break
        with pa.ipc.open_stream(body) as reader:
            tables.append(reader.read_all())
        position += _HEAD + length
    return tables, position
