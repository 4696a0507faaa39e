"""What is acknowledged and not sealed yet, as the writer of the log holds it in memory.

The same lies in the write-ahead file. Held here, with the hashes that were computed when it came
in, it need be neither read back nor hashed again to be sealed.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import pyarrow as pa

from muniment.store.encoder import EntryHashes, entry_hashes
from muniment.store.identity import ids_bytes


@dataclass(frozen=True, slots=True)
class Hashed:
    """Entries, and of each in row order its 16-byte id and its hashes."""

    table: pa.Table
    keys: list[bytes]
    hashes: EntryHashes


def hashed(table: pa.Table) -> Hashed:
    """The entries with their ids and hashes."""
    return Hashed(table, ids_bytes(table.column("event_id").to_pylist()), entry_hashes(table))


class Waiting:
    """The frames that wait, in order, and what each of their entries says, by its id."""

    def __init__(self, frames: Iterable[Hashed] = ()) -> None:
        self.frames: list[Hashed] = []
        self.contents: dict[bytes, bytes] = {}
        for frame in frames:
            self.add(frame)

    def add(self, frame: Hashed) -> None:
        """Take a frame that was just acknowledged."""
        self.frames.append(frame)
        self.contents.update(zip(frame.keys, frame.hashes.contents, strict=True))

    def enough(self, rows: int) -> list[Hashed]:
        """The first frames that together hold `rows` entries; all, where there are fewer."""
        count, held = 0, 0
        while count < len(self.frames) and held < rows:
            held += self.frames[count].table.num_rows
            count += 1
        return self.frames[:count]

    def without(self, sealed: list[Hashed]) -> Waiting:
        """What still waits after the first frames were sealed."""
        return Waiting(self.frames[len(sealed) :])


def joined(frames: list[Hashed]) -> Hashed:
    """Several frames as one."""
    return Hashed(
        pa.concat_tables([frame.table for frame in frames]),
        [key for frame in frames for key in frame.keys],
        EntryHashes(
            [content for frame in frames for content in frame.hashes.contents],
            [leaf for frame in frames for leaf in frame.hashes.leaves],
        ),
    )


def in_pieces(entries: Hashed, rows: int) -> list[Hashed]:
    """The entries, at most `rows` in each piece."""
    table, keys, hashes = entries.table, entries.keys, entries.hashes
    if table.num_rows <= rows:
        return [entries]
    return [
        Hashed(
            table.slice(at, rows),
            keys[at : at + rows],
            EntryHashes(hashes.contents[at : at + rows], hashes.leaves[at : at + rows]),
        )
        for at in range(0, table.num_rows, rows)
    ]
