"""Which event ids the log holds and where: one sorted index file per segment, rebuildable.

Layout of `seg-N.ids`: magic `MID2`, four bytes of nothing, row count (8 bytes), SHA-256 of the
segment's file, SHA-256 of what follows; then four blocks in the order of ids: the first 8 bytes of
each id as a number, the row, the 16-byte id, the 16-byte content digest.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

MAGIC = b"MID2\0\0\0\0"
# Instead of the content digest of an entry whose body was erased: without it nobody can guess.
ERASED = bytes(16)
_HEAD = 80
_ROW_BYTES = 8 + 4 + 16 + 16
_ID = re.compile(r"[0-9a-f]{32}\Z")
_HEX = re.compile(r"[0-9a-f]*\Z")


@dataclass(frozen=True, slots=True)
class IdIndex:
    """The ids of one segment, sorted, with the row and content digest of each."""

    prefixes: npt.NDArray[np.uint64]
    rows: npt.NDArray[np.uint32]
    ids: npt.NDArray[np.uint8]
    digests: npt.NDArray[np.uint8]

    def find(self, wanted: bytes) -> tuple[int, bytes] | None:
        """(row, content digest) of a 16-byte id; None where the segment lacks it."""
        prefix = np.uint64(int.from_bytes(wanted[:8], "big"))
        at = int(np.searchsorted(self.prefixes, prefix))
        while at < len(self.prefixes) and self.prefixes[at] == prefix:
            if self.ids[at].tobytes() == wanted:
                return int(self.rows[at]), self.digests[at].tobytes()
            at += 1
        return None

    def find_many(self, wanted: Sequence[bytes]) -> dict[bytes, tuple[int, bytes]]:
        """The ids of `wanted` that this segment holds, each with its row and content digest."""
        return self.find_wanted(WantedIds(wanted))

    def find_wanted(self, wanted: WantedIds) -> dict[bytes, tuple[int, bytes]]:
        """As `find_many`, for ids that are looked for in many segments."""
        if not len(self.prefixes) or not len(wanted.prefixes):
            return {}
        at = np.searchsorted(self.prefixes, wanted.prefixes)
        there = self.prefixes[np.minimum(at, len(self.prefixes) - 1)] == wanted.prefixes
        maybe = [wanted.ids[row] for row in wanted.order[there].tolist()]
        found = {key: self.find(key) for key in maybe}
        return {key: value for key, value in found.items() if value is not None}

    def blocks(self) -> bytes:
        """The index as its file holds it after the head."""
        parts = (self.prefixes, self.rows, self.ids, self.digests)
        return b"".join(np.ascontiguousarray(part).tobytes() for part in parts)


class WantedIds:
    """Ids to look for, in the order in which an index holds its own: neighbours share the cache."""

    def __init__(self, ids: Sequence[bytes]) -> None:
        prefixes = _prefixes(np.frombuffer(b"".join(ids), np.uint8).reshape(-1, 16))
        self.ids = ids
        self.order = np.argsort(prefixes)
        self.prefixes = prefixes[self.order]


def build_index(event_ids: Iterable[str], digests: Sequence[bytes]) -> IdIndex:
    """The index of a segment's rows, in row order."""
    ids = np.frombuffer(_packed(list(event_ids)), np.uint8).reshape(-1, 16)
    prefixes = _prefixes(ids)
    order = np.argsort(prefixes, kind="stable")
    contents = np.frombuffer(b"".join(digests), dtype=np.uint8).reshape(-1, 16)
    return IdIndex(prefixes[order], order.astype(np.uint32), ids[order], contents[order])


def id_bytes(event_id: str) -> bytes:
    """The 16 bytes of an event id; ValueError for anything but 32 lower-case hex digits."""
    if not _ID.match(event_id):
        raise ValueError(f"`{event_id[:40]}` is no event id: 32 lower-case hex digits")
    return bytes.fromhex(event_id)


def ids_bytes(event_ids: Sequence[str]) -> list[bytes]:
    """As `id_bytes`, of many at once."""
    found: list[bytes] = np.frombuffer(_packed(event_ids), "V16").tolist()
    return found


def _packed(event_ids: Sequence[str]) -> bytes:
    whole = "".join(event_ids)
    if _HEX.match(whole) and all(len(event_id) == 32 for event_id in event_ids):
        return bytes.fromhex(whole)
    return b"".join(map(id_bytes, event_ids))  # says which of them is none


def _prefixes(ids: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint64]:
    """The first half of each id as a number, by which an index is sorted."""
    return ids[:, :8].copy().view(">u8").ravel().astype(np.uint64)


def write_index(path: Path, index: IdIndex, file_sha256: str) -> None:
    """Write the file to a temporary name of this process and rename it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    blocks = index.blocks()
    head = MAGIC + len(index.prefixes).to_bytes(8, "big") + bytes.fromhex(file_sha256)
    temporary = path.with_suffix(f".{os.getpid()}.tmp")
    with temporary.open("wb") as file:
        file.write(head + hashlib.sha256(blocks).digest() + blocks)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def read_index(path: Path, count: int, file_sha256: str) -> IdIndex | None:
    """The index of a segment of `count` rows; None where the file is missing or does not fit.

    The blocks stay on disk, mapped into memory: a store of many segments needs little of it.
    """
    try:
        if path.stat().st_size != _HEAD + count * _ROW_BYTES:
            return None
        content = np.memmap(path, np.uint8, "r")
    except FileNotFoundError:
        return None
    head = MAGIC + count.to_bytes(8, "big") + bytes.fromhex(file_sha256)
    digest = hashlib.sha256(content[_HEAD:].data).digest()
    if content[:_HEAD].tobytes() != head + digest:
        return None
    prefixes = np.frombuffer(content, np.uint64, count, _HEAD)
    rows = np.frombuffer(content, np.uint32, count, _HEAD + 8 * count)
    ids = np.frombuffer(content, np.uint8, 16 * count, _HEAD + 12 * count).reshape(-1, 16)
    digests = np.frombuffer(content, np.uint8, 16 * count, _HEAD + 28 * count).reshape(-1, 16)
    return IdIndex(prefixes, rows, ids, digests)
