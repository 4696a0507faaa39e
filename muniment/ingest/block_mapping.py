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

from muniment.ingest.block_words import blanks_of, keys_of
from muniment.ingest.blocks import Block
from muniment.ingest.cells import Cells
from muniment.ingest.column_values import REFUSED, Mask, Numbers, read_column
from muniment.ingest.fields import Field
from muniment.ingest.mapping import MappedRow, Mapper, check_requirement
from muniment.model.columns import ColumnKind
from muniment.model.entries import CONTENT_COLUMNS
from muniment.model.paths import IMPORT_TIME, Row
from muniment.store.arrow_text import one_piece
from muniment.store.encoder import ARROW_KINDS, column_of

# What a field map may hold for its column to be read at once; anything else is asked row by row.
_AT_ONCE = frozenset({
    "path", "paths", "const", "json_text", "extract", "split", "each", "join", "values", "default",
    "time", "zone", "unit", "round", "canonical_json", "sanitise", "digest", "keep", "lower",
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


class _Column:
    """One column of a block while it is filled.

    open: rows of which nothing has told yet. blank: rows where something was there and empty.
    """

    def __init__(self, kind: ColumnKind, count: int) -> None:
        self.values = pa.nulls(count, ARROW_KINDS[kind])
        self.open = np.ones(count, np.bool_)
        self.blank = np.zeros(count, np.bool_)
        self.redacted = np.zeros(count, np.bool_)
        self.wrong = np.zeros(count, np.bool_)
        self.stated = np.ones(count, np.bool_)

    def put(self, values: pa.Array) -> None:
        """Add values of rows that were open."""
        no_values = self.values.null_count == len(self.values)
        self.values = values if no_values else pc.coalesce(self.values, values)

    @property
    def there(self) -> Mask:
        """The rows that have a value."""
        there: Mask = self.values.is_valid().to_numpy(zero_copy_only=False)
        return there

    @property
    def empty(self) -> Mask:
        """The rows where the source left the column empty, or reading left nothing of it."""
        return ~self.there & ~self.redacted & (self.blank | ~self.open)


def map_block(mapper: Mapper, block: Block) -> tuple[MappedBlock, Numbers]:
    """The block's events, and the numbers of the rows that the reference must take."""
    columns: dict[str, _Column] = {}
    for number in block.reached(mapper.reach):
        tried = mapper.fields[number]
        columns[tried[0].column.name] = _column(mapper, tried, block)
    wrong = _unsaid(mapper, columns, len(block)) | _invalid(mapper, block)
    for column in columns.values():
        wrong |= column.wrong
    keys = keys_of(mapper, block, wrong)
    table = _table(columns, len(block))
    good = np.flatnonzero(~wrong)
    if len(good) < len(block):
        table, keys = table.take(pa.array(good)), keys.take(pa.array(good))
    return MappedBlock(table, keys, good), np.flatnonzero(wrong)


def _column(mapper: Mapper, tried: tuple[Field, ...], block: Block) -> _Column:
    made = _Column(tried[0].column.kind, len(block))
    for one in tried:
        at_once = one.spec.model_fields_set <= _AT_ONCE
        if not at_once or not _fill(mapper, made, one, block):
            return _by_row(mapper, tried, block)
    return made


def _fill(mapper: Mapper, made: _Column, one: Field, block: Block) -> bool:
    """Fill rows that are open from one field map; False where it must be asked row by row."""
    if one.spec.const is not None:
        return _fill_always(mapper, made, one)
    masked = np.zeros(len(block), np.bool_)
    for path in one.paths:
        cells = None if path.start == IMPORT_TIME else block.cells(path, one.column.kind)
        if cells is None:
            return False
        masked |= _take(mapper, made, one, cells)
    masked &= made.open
    made.redacted |= masked
    made.open &= ~masked
    return True


def _fill_always(mapper: Mapper, made: _Column, one: Field) -> bool:
    """Fill every row that is open with the column's constant."""
    try:
        value, stated = mapper.reader.read(one, mapper.reader.find(one, _NO_ROW))
    except REFUSED:
        return False
    numbers = np.where(made.open, 0, 1)
    held = None if value in ("", []) else value
    made.put(column_of(one.column.kind, [held, None]).take(pa.array(numbers)))
    made.stated &= stated | ~made.open
    made.open[:] = False
    return True


def _take(mapper: Mapper, made: _Column, one: Field, cells: Cells) -> Mask:
    """Read what a path finds in rows that are open; gives the rows in which it was masked."""
    masked = _masked(mapper, cells)
    nothing = blanks_of(mapper.reader, cells)
    there = cells.values.is_valid().to_numpy(zero_copy_only=False)
    told = there.copy() if cells.blank is None else there | cells.blank
    for row in cells.others:
        told[row] = True
    made.blank |= told & nothing & made.open
    taken = told & ~nothing & ~masked & made.open
    values = cells.values
    if not (taken == there).all():
        values = pc.if_else(pa.array(taken), values, pa.scalar(None, values.type))
    others = {row: value for row, value in cells.others.items() if taken[row]}
    read = read_column(mapper.reader, one, values, others)
    made.put(read.values)
    made.wrong |= read.wrong
    made.stated &= read.stated | ~taken
    made.open &= ~taken
    return masked


def _masked(mapper: Mapper, cells: Cells) -> Mask:
    marks = mapper.reader.marks
    masked = np.zeros(len(cells.values), np.bool_)
    if pa.types.is_string(cells.values.type) and (marks.texts or marks.pattern):
        encoded = one_piece(cells.values.dictionary_encode())
        held = [marks.holds(text) for text in encoded.dictionary.to_pylist()]
        if any(held):
            numbers = encoded.indices.fill_null(len(held)).to_numpy()
            masked = np.array([*held, False])[numbers]
    for row, value in cells.others.items():
        masked[row] = marks.holds(value)
    return masked


def _by_row(mapper: Mapper, tried: tuple[Field, ...], block: Block) -> _Column:
    """A column as the reference takes it from each row."""
    made = _Column(tried[0].column.kind, len(block))
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
    made.put(column_of(tried[0].column.kind, values))
    return made


# The whole row


def _unsaid(mapper: Mapper, columns: Mapping[str, _Column], count: int) -> Mask:
    """The rows of which the source says nothing that the map reads."""
    said = np.zeros(count, np.bool_)
    for name, column in columns.items():
        if name not in mapper.consts:
            said |= column.there
        said |= column.empty | column.redacted
    if "event_time" in columns and _BASIS not in mapper.consts:
        said |= columns["event_time"].there
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
    own = words.take(pa.array(np.where(times.there, times.stated.astype(np.int64), 2)))
    return own if said is None else pc.coalesce(said, own)


def _names_where(masks: Mapping[str, Mask], count: int) -> pa.Array:
    """For each row the sorted names of the columns whose mask is set; NULL: of none."""
    names = sorted(name for name, mask in masks.items() if mask.any())
    if not names:
        return pa.nulls(count, ARROW_KINDS[ColumnKind.TEXT_LIST])
    rows, numbers = np.nonzero(np.stack([masks[name] for name in names], axis=1))
    ends = np.searchsorted(rows, np.arange(count + 1)).astype(np.int32)
    items = pa.array(names, pa.string()).take(pa.array(numbers))
    nothing = pa.array(np.diff(ends) == 0)
    return pa.ListArray.from_arrays(pa.array(ends), items, mask=nothing)
