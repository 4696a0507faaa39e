"""Which event ids the log holds and where: one sorted index file per segment, rebuildable.

Layout of `seg-N.ids`: magic `MID1`, row count (8 bytes), then four blocks in the order of ids: the
first 8 bytes of each id as a number, the row, the 16-byte id, the 16-byte content digest.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

MAGIC = b"MID1"


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
        """The ids of `wanted` that this segment holds."""
        if not len(self.prefixes) or not wanted:
            return {}
        asked = np.frombuffer(b"".join(w[:8] for w in wanted), dtype=">u8").astype(np.uint64)
        at = np.searchsorted(self.prefixes, asked)
        maybe = np.flatnonzero(self.prefixes[np.minimum(at, len(self.prefixes) - 1)] == asked)
        found = {wanted[i]: self.find(wanted[i]) for i in maybe.tolist()}
        return {key: value for key, value in found.items() if value is not None}


def build_index(event_ids: Iterable[str], digests: Sequence[bytes]) -> IdIndex:
    """The index of a segment's rows, in row order."""
    packed = b"".join(id_bytes(event_id) for event_id in event_ids)
    ids = np.frombuffer(packed, dtype=np.uint8).reshape(-1, 16)
    prefixes = ids[:, :8].copy().view(">u8").ravel().astype(np.uint64)
    order = np.argsort(prefixes, kind="stable")
    contents = np.frombuffer(b"".join(digests), dtype=np.uint8).reshape(-1, 16)
    return IdIndex(prefixes[order], order.astype(np.uint32), ids[order], contents[order])


def id_bytes(event_id: str) -> bytes:
    """The 16 bytes of an event id."""
    return bytes.fromhex(event_id)


def write_index(path: Path, index: IdIndex) -> None:
    """Write the file to a temporary name and rename it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".ids.tmp")
    with temporary.open("wb") as file:
        file.write(MAGIC + len(index.prefixes).to_bytes(8, "big"))
        for block in (index.prefixes, index.rows, index.ids, index.digests):
            file.write(np.ascontiguousarray(block).tobytes())
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def read_index(path: Path, count: int) -> IdIndex | None:
    """The index of a segment of `count` rows; None where the file is missing or does not fit."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    size = 12 + count * (8 + 4 + 16 + 16)
    if (
        content[:4] != MAGIC
        or int.from_bytes(content[4:12], "big") != count
        or len(content) != size
    ):
        return None
    start = 12
    prefixes = np.frombuffer(content, np.uint64, count, start)
    rows = np.frombuffer(content, np.uint32, count, start + 8 * count)
    ids = np.frombuffer(content, np.uint8, 16 * count, start + 12 * count).reshape(-1, 16)
    digests = np.frombuffer(content, np.uint8, 16 * count, start + 28 * count).reshape(-1, 16)
    return IdIndex(prefixes, rows, ids, digests)
