"""Blocks: many rows of one group, so that a path is followed for all of them at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import pyarrow as pa

from muniment.ingest.cells import Cells, cells_of, cells_of_array
from muniment.ingest.column_values import Numbers
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

    def __init__(self, rows: Sequence[Row], places: Numbers) -> None:
        self._rows = rows
        self._values = [row.value for row in rows]
        self._are_objects = set(map(type, self._values)) == {dict}
        self.places = places

    def __len__(self) -> int:
        return len(self._rows)

    def rows(self) -> Sequence[Row]:
        """Every row as the reference takes it."""
        return self._rows

    def cells(self, path: Path, kind: ColumnKind) -> Cells | None:
        """What a path finds in each row."""
        key = path.key
        if key is not None and self._are_objects:
            return cells_of([value.get(key, MISSING) for value in self._values], kind)
        find = path.find
        return cells_of([find(row) for row in self._rows], kind)

    def reached(self, reach: Reach) -> list[int]:
        """The numbers of the columns that any row could fill."""
        return reach.columns_of_all(self._values)

    def chosen(self, numbers: Numbers) -> RowBlock:
        """Some of the rows, in the order of `numbers`."""
        return RowBlock([self._rows[at] for at in numbers.tolist()], self.places[numbers])


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
    waiting: list[tuple[int, Group | None, Row | Unreadable]] = []
    for each in rows_of(groups, weighed):
        waiting.append(each)
        if len(waiting) >= most or weighed.characters >= CHARACTERS_AT_ONCE:
            yield _batch(groups, waiting)
            waiting, weighed.characters = [], 0
    if waiting:
        yield _batch(groups, waiting)


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


def _batch(groups: list[Group], taken: list[tuple[int, Group | None, Row | Unreadable]]) -> Batch:
    batch = Batch()
    for group in groups:
        own = [
            (number, place, row)
            for number, (place, of, row) in enumerate(taken)
            if of is group and isinstance(row, Row)
        ]
        if own:
            places = np.array([place for _, place, _ in own], np.int64)
            numbers = np.array([number for number, _, _ in own], np.int64)
            batch.blocks.append((group, RowBlock([row for _, _, row in own], places), numbers))
    for number, (_, _, row) in enumerate(taken):
        if isinstance(row, Unreadable):
            batch.unreadable.append((number, row))
    return batch
