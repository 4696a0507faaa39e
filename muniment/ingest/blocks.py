"""Blocks: many rows of one group, so that a path is followed for all of them at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import pyarrow as pa

from muniment.ingest.cells import Cells, cells_of, cells_of_array
from muniment.ingest.column_values import Numbers
from muniment.ingest.gathered import ROWS_AT_HAND, Gathered
from muniment.ingest.reach import Reach
from muniment.ingest.readers import plain
from muniment.ingest.row_mapping import Group, rows_of
from muniment.ingest.rows import Document, Unreadable
from muniment.model.columns import ColumnKind
from muniment.model.paths import MISSING, Path, Row
from muniment.store.arrow_text import one_piece

# Parsed, a row takes about five times its characters.
CHARACTERS_AT_ONCE = 32 << 20


class Block(Protocol):
    """Rows of one group, in order, with the place of each in the file."""

    places: Numbers

    def __len__(self) -> int:
        """How many rows."""

    def rows(self) -> Sequence[Row]:
        """Every row as the reference takes it."""

    def cells(self, path: Path, kind: ColumnKind) -> Cells | None:
        """What a path finds in each row; None where that must be asked row by row."""

    def reached(self, reach: Reach) -> list[int]:
        """The numbers of the columns that any row could fill."""

    def chosen(self, numbers: Numbers) -> Block:
        """Some of the rows, in the order of `numbers`."""


class RowBlock:
    """Rows of parsed documents."""

    def __init__(self, rows: Sequence[Row], places: Numbers, gathered: Gathered) -> None:
        self._rows = rows
        self._gathered = gathered
        self._found: dict[tuple[str, ColumnKind], Cells] = {}
        self.places = places

    def __len__(self) -> int:
        return len(self._rows)

    def rows(self) -> Sequence[Row]:
        """Every row as the reference takes it."""
        return self._rows

    def cells(self, path: Path, kind: ColumnKind) -> Cells | None:
        """What a path finds in each row."""
        wanted = (path.text, kind)
        if wanted not in self._found:
            values = self._gathered.find(path)
            if values is None:
                values = [path.find(row) for row in self._rows]
            self._found[wanted] = cells_of(values, kind)
        return self._found[wanted]

    def reached(self, reach: Reach) -> list[int]:
        """The numbers of the columns that any row could fill."""
        return reach.columns(self._gathered.keys_by_name())

    def chosen(self, numbers: Numbers) -> RowBlock:
        """Some of the rows, in the order of `numbers`."""
        rows = [self._rows[at] for at in numbers.tolist()]
        return RowBlock(rows, self.places[numbers], self._gathered.chosen(numbers.tolist()))


class TableBlock:
    """Rows of a table without nested columns; each row is one document."""

    def __init__(self, table: pa.Table, places: Numbers) -> None:
        self._table = table
        self._names = frozenset(table.column_names)
        self._rows: Sequence[Row] | None = None
        self.places = places

    def __len__(self) -> int:
        return int(self._table.num_rows)

    def rows(self) -> Sequence[Row]:
        """Every row as the reference takes it."""
        if self._rows is None:
            values = [plain(row) for row in self._table.to_pylist()]
            self._rows = [Row(value, None, value) for value in values]
        return self._rows

    def cells(self, path: Path, kind: ColumnKind) -> Cells | None:
        """What a path finds in each row; None for a path or type that Arrow cannot follow."""
        names = [step for step in path.steps if isinstance(step, str)]
        if path.start not in ("", "$") or len(names) != len(path.steps) or not names:
            return None
        # Steps may together be one name, `a.b`; below a column there is nothing.
        ends = (end for end in range(1, len(names) + 1) if ".".join(names[:end]) in self._names)
        end = next(ends, None)
        if end != len(names):
            return cells_of([MISSING] * len(self), kind)
        return cells_of_array(one_piece(self._table.column(".".join(names))))

    def reached(self, reach: Reach) -> list[int]:
        """The numbers of the columns that any row could fill."""
        return reach.columns(dict.fromkeys(self._names))

    def chosen(self, numbers: Numbers) -> TableBlock:
        """Some of the rows, in the order of `numbers`."""
        return TableBlock(self._table.take(pa.array(numbers)), self.places[numbers])


@dataclass(slots=True)
class Batch:
    """A stretch of a file: its rows by group, each with its number in the stretch, and the rest."""

    blocks: list[tuple[Group, Block, Numbers]] = field(default_factory=list)
    unreadable: list[tuple[int, Unreadable]] = field(default_factory=list)


def batches_of(
    groups: list[Group], pieces: Iterable[Document | Unreadable], most: int
) -> Iterator[Batch]:
    """The rows of a file, about so many at a time, and fewer where they are large."""
    weighed = _Weighed(pieces)
    stretch = _Stretch(groups)
    for place, group, row in rows_of(groups, weighed):
        stretch.add(place, group, row)
        if stretch.count >= most or weighed.characters >= CHARACTERS_AT_ONCE:
            yield stretch.batch()
            stretch, weighed.characters = _Stretch(groups), 0
    if stretch.count:
        yield stretch.batch()


class _Weighed:
    """Pieces of a file as they are taken, and how many characters they hold together."""

    def __init__(self, pieces: Iterable[Document | Unreadable]) -> None:
        self._pieces = pieces
        self.characters = 0

    def __iter__(self) -> Iterator[Document | Unreadable]:
        for piece in self._pieces:
            if isinstance(piece, Document):
                self.characters += piece.size or _size(piece.value, 8)
            yield piece


def _size(value: Any, depth: int) -> int:
    """About how many characters a parsed value holds."""
    if isinstance(value, str):
        return len(value)
    if not isinstance(value, (dict, list)) or not depth:
        return 8
    inner = value.values() if isinstance(value, dict) else value
    return 8 * len(value) + sum(_size(item, depth - 1) for item in inner)


class _Open:
    """A block while its rows come in."""

    def __init__(self, group: Group) -> None:
        self.rows: list[Row] = []
        self.places: list[int] = []
        self.numbers: list[int] = []
        self.gathered = Gathered(group.wanted)

    def gather(self) -> None:
        """Take the fields of the rows that came in since the last time."""
        fresh = self.rows[self.gathered.count :]
        if fresh:
            self.gathered.add([row.value for row in fresh])


class _Stretch:
    """A batch while its rows come in."""

    def __init__(self, groups: list[Group]) -> None:
        self._open = {id(group): (group, _Open(group)) for group in groups}
        self._unreadable: list[tuple[int, Unreadable]] = []
        self.count = 0

    def add(self, place: int, group: Group | None, row: Row | Unreadable) -> None:
        """Take the next row."""
        if isinstance(row, Unreadable):
            self._unreadable.append((self.count, row))
        else:
            _, held = self._open[id(group)]
            held.rows.append(row)
            held.places.append(place)
            held.numbers.append(self.count)
            if len(held.rows) - held.gathered.count >= ROWS_AT_HAND:
                held.gather()
        self.count += 1

    def batch(self) -> Batch:
        """All that came in."""
        batch = Batch(unreadable=self._unreadable)
        for group, held in self._open.values():
            if held.rows:
                held.gather()
                block = RowBlock(held.rows, np.array(held.places, np.int64), held.gathered)
                batch.blocks.append((group, block, np.array(held.numbers, np.int64)))
        return batch
