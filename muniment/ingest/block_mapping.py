"""Applying a row map to a whole block, column by column, exactly as `Mapper` applies it to a row.

A column whose field map holds more than paths and ways of reading is taken row by row, by the
reference itself. A row in which anything cannot be read is not taken here at all: the reference
takes it, and says why it is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from muniment.ingest.block_words import blanks_of, holds_special, keys_of, masked_in
from muniment.ingest.blocks import Block
from muniment.ingest.cells import Cells
from muniment.ingest.column_values import REFUSED, Mask, Numbers, read_column
from muniment.ingest.fields import Field
from muniment.ingest.mapping import MappedRow, Mapper, check_requirement
from muniment.model.columns import ColumnKind
from muniment.model.entries import CONTENT_COLUMNS
from muniment.model.paths import IMPORT_TIME, Row
from muniment.store.encoder import ARROW_KINDS, column_of

# What a field map may hold for its column to be read at once; anything else is asked row by row.
_AT_ONCE = frozenset({
    "path", "paths", "const", "json_text", "extract", "split", "each", "join", "values", "default",
    "time", "zone", "unit", "round", "canonical_json", "sanitise", "cut", "digest", "keep", "lower",
    "prefix",
})  # fmt: skip
_BASIS = "time_basis"
_NO_ROW = Row(None, None, None)


@dataclass(frozen=True, slots=True)
class MappedBlock:
    """Events: the content columns, and each natural key as JSON (NULL where there is none).

    numbers: which rows of the block these are.
    """

    table: pa.Table
    keys: pa.Array
    numbers: Numbers


@dataclass(slots=True)
class _Column:
    """One column of a block: its values, and where it is empty, masked, or cannot be read.

    stated: which times stated their zone. A mask that is None holds for no row (`stated`: for all).
    """

    values: pa.Array
    empty: Mask | None = None
    redacted: Mask | None = None
    wrong: Mask | None = None
    stated: Mask | None = None

    @property
    def there(self) -> Mask:
        """The rows that have a value."""
        there: Mask = self.values.is_valid().to_numpy(zero_copy_only=False)
        return there


def map_block(mapper: Mapper, block: Block) -> tuple[MappedBlock, Numbers]:
    """The block's events, and the numbers of the rows that the reference must take."""
    columns: dict[str, _Column] = {}
    for number in block.reached(mapper.reach):
        tried = mapper.fields[number]
        columns[tried[0].column.name] = _column(mapper, tried, block)
    wrong = _unsaid(mapper, columns, len(block)) | _invalid(mapper, block)
    for column in columns.values():
        if column.wrong is not None:
            wrong |= column.wrong
    keys = keys_of(mapper, block, wrong)
    table = _table(columns, len(block))
    good = np.flatnonzero(~wrong)
    if len(good) < len(block):
        table, keys = table.take(pa.array(good)), keys.take(pa.array(good))
    return MappedBlock(table, keys, good), np.flatnonzero(wrong)


def _column(mapper: Mapper, tried: tuple[Field, ...], block: Block) -> _Column:
    if all(one.spec.model_fields_set <= _AT_ONCE for one in tried):
        made = _at_first_path(mapper, tried, block) or _at_any_path(mapper, tried, block)
        if made is not None:
            return made
    return _by_row(mapper, tried, block)


def _at_first_path(mapper: Mapper, tried: tuple[Field, ...], block: Block) -> _Column | None:
    """The column where its first path tells all: nothing is empty, masked or of another type."""
    one = tried[0]
    if not one.paths or one.paths[0].start == IMPORT_TIME:
        return None
    cells = block.cells(one.paths[0], one.column.kind)
    if cells is None or cells.others or cells.blank is not None:
        return None
    values = cells.values
    is_only = len(tried) == 1 and len(one.paths) == 1
    if (values.null_count and not is_only) or holds_special(mapper.reader, values):
        return None
    read = read_column(mapper.reader, one, values, {})
    made = _Column(read.values, wrong=read.wrong, stated=read.stated)
    if read.values.null_count > values.null_count:
        made.empty = values.is_valid().to_numpy(zero_copy_only=False) & ~made.there
    return made


class _Filling:
    """A column that is filled from path after path.

    open: rows of which nothing has told yet. blank: rows where something was there and empty.
    """

    def __init__(self, kind: ColumnKind, count: int) -> None:
        self.values = pa.nulls(count, ARROW_KINDS[kind])
        self.open = np.ones(count, np.bool_)
        self.blank = np.zeros(count, np.bool_)
        self.redacted = np.zeros(count, np.bool_)
        self.wrong = np.zeros(count, np.bool_)
        self.stated = np.ones(count, np.bool_)

    def put(self, values: pa.Array, rows: Mask) -> None:
        """Add the values of rows that were open."""
        no_values = self.values.null_count == len(self.values)
        self.values = values if no_values else pc.coalesce(self.values, values)
        self.open &= ~rows

    def column(self) -> _Column:
        """The column as it was filled."""
        made = _Column(self.values, None, self.redacted, self.wrong, self.stated)
        # Empty as the source left it, or because reading left nothing.
        made.empty = ~made.there & ~self.redacted & (self.blank | ~self.open)
        return made


def _at_any_path(mapper: Mapper, tried: tuple[Field, ...], block: Block) -> _Column | None:
    """The column from all its paths in turn; None where one must be followed row by row."""
    made = _Filling(tried[0].column.kind, len(block))
    for one in tried:
        if one.spec.const is not None:
            if not _fill_always(mapper, made, one):
                return None
            continue
        masked = np.zeros(len(block), np.bool_)
        for path in one.paths:
            cells = None if path.start == IMPORT_TIME else block.cells(path, one.column.kind)
            if cells is None:
                return None
            masked |= _fill(mapper, made, one, cells)
        made.redacted |= masked & made.open
        made.open &= ~masked
    return made.column()


def _fill_always(mapper: Mapper, made: _Filling, one: Field) -> bool:
    """Fill every row that is open with the column's constant."""
    try:
        value, stated = mapper.reader.read(one, mapper.reader.find(one, _NO_ROW))
    except REFUSED:
        return False
    numbers = np.where(made.open, 0, 1)
    held = None if value in ("", []) else value
    made.stated &= stated | ~made.open
    made.put(column_of(one.column.kind, [held, None]).take(pa.array(numbers)), made.open.copy())
    return True


def _fill(mapper: Mapper, made: _Filling, one: Field, cells: Cells) -> Mask:
    """Read what a path finds in rows that are open; gives the rows in which it was masked."""
    masked, nothing = masked_in(mapper.reader, cells), blanks_of(mapper.reader, cells)
    told = cells.values.is_valid().to_numpy(zero_copy_only=False).copy()
    if cells.blank is not None:
        told |= cells.blank
    for row in cells.others:
        told[row] = True
    made.blank |= told & nothing & made.open
    taken = told & ~nothing & ~masked & made.open
    values = pc.if_else(pa.array(taken), cells.values, pa.scalar(None, cells.values.type))
    others = {row: value for row, value in cells.others.items() if taken[row]}
    read = read_column(mapper.reader, one, values, others)
    if read.wrong is not None:
        made.wrong |= read.wrong
    if read.stated is not None:
        made.stated &= read.stated | ~taken
    made.put(read.values, taken)
    return masked


def _by_row(mapper: Mapper, tried: tuple[Field, ...], block: Block) -> _Column:
    """A column as the reference takes it from each row."""
    made = _Filling(tried[0].column.kind, len(block))
    name, values = tried[0].column.name, []
    for number, row in enumerate(block.rows()):
        mapped = MappedRow(mapper.row_map.record)
        try:
            mapper.fill(mapped, tried, row)
        except REFUSED:
            made.wrong[number] = True
        values.append(mapped.values.get(name))
        made.redacted[number] = bool(mapped.redacted)
        made.blank[number] = bool(mapped.empty)
        made.stated[number] = mapped.values.get(_BASIS) != "declared"
    made.values = column_of(tried[0].column.kind, values)
    return made.column()


# The whole row


def _unsaid(mapper: Mapper, columns: Mapping[str, _Column], count: int) -> Mask:
    """The rows of which the source says nothing that the map reads."""
    said = np.zeros(count, np.bool_)
    for name, column in columns.items():
        by_source = name not in mapper.consts
        if name == "event_time" and _BASIS not in mapper.consts:
            by_source = True  # it brings its basis with it
        if by_source and not column.values.null_count:
            return np.zeros(count, np.bool_)
        if by_source:
            said |= column.there
        for mask in (column.empty, column.redacted):
            if mask is not None:
                said |= mask
    return ~said


def _invalid(mapper: Mapper, block: Block) -> Mask:
    """The rows that do not satisfy what the map requires of a valid one."""
    invalid = np.zeros(len(block), np.bool_)
    if not mapper.require:
        return invalid
    for number, row in enumerate(block.rows()):
        try:
            for requirement, path in mapper.require:
                check_requirement(requirement, path.find(row))
        except REFUSED:
            invalid[number] = True
    return invalid


def _table(columns: Mapping[str, _Column], count: int) -> pa.Table:
    arrays: dict[str, pa.Array] = {
        "redacted_fields": _names_where({n: c.redacted for n, c in columns.items()}, count),
        "empty_fields": _names_where({n: c.empty for n, c in columns.items()}, count),
    }
    arrays |= {name: column.values for name, column in columns.items()}
    if "event_time" in columns:
        arrays[_BASIS] = _basis(columns["event_time"], arrays.get(_BASIS))
    return pa.table({
        column.name: arrays.get(column.name, pa.nulls(count, ARROW_KINDS[column.kind]))
        for column in CONTENT_COLUMNS
    })  # fmt: skip


def _basis(times: _Column, said: pa.Array | None) -> pa.Array:
    """What the source says of its times, else whether each stated its zone."""
    words = pa.array(["declared", "stated", None], pa.string())
    stated = 1 if times.stated is None else times.stated.astype(np.int64)
    own = words.take(pa.array(np.where(times.there, stated, 2)))
    return own if said is None else pc.coalesce(said, own)


def _names_where(masks: Mapping[str, Mask | None], count: int) -> pa.Array:
    """For each row the sorted names of the columns whose mask is set; NULL: of none."""
    held = {name: mask for name, mask in masks.items() if mask is not None and mask.any()}
    names = sorted(held)
    if not names:
        return pa.nulls(count, ARROW_KINDS[ColumnKind.TEXT_LIST])
    rows, numbers = np.nonzero(np.stack([held[name] for name in names], axis=1))
    ends = np.searchsorted(rows, np.arange(count + 1)).astype(np.int32)
    items = pa.array(names, pa.string()).take(pa.array(numbers))
    nothing = pa.array(np.diff(ends) == 0)
    return pa.ListArray.from_arrays(pa.array(ends), items, mask=nothing)
