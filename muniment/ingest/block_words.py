"""Of a whole block: which rows a row map takes, and their natural keys.

Both compare values as words, as the reference does. What has no certain word is left to it.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from muniment.ingest.blocks import Block
from muniment.ingest.cells import Cells
from muniment.ingest.column_values import REFUSED, Mask, distinct_values
from muniment.ingest.fields import FieldReader, word_of
from muniment.ingest.mapping import Mapper
from muniment.ingest.rows import MAX_TEXT_BYTES
from muniment.model.columns import ColumnKind
from muniment.model.sources import Condition
from muniment.store.arrow_text import bytes_of, offsets_of
from muniment.store.encoder import concatenated, escaped

_WORDS = (pa.int64(), pa.bool_())  # types whose texts in Arrow are those of the reference


def taken_by(mapper: Mapper, block: Block) -> tuple[Mask, Mask]:
    """Which rows satisfy `where`, and of which that must be asked one by one."""
    takes, unsure = np.ones(len(block), np.bool_), np.zeros(len(block), np.bool_)
    for condition, path in mapper.where:
        cells = block.cells(path, ColumnKind.TEXT)
        if cells is None:
            return np.zeros(len(block), np.bool_), np.ones(len(block), np.bool_)
        if condition.one_of:
            takes &= _is_one_of(condition, cells, unsure)
        else:
            takes &= blanks_of(mapper.reader, cells) == condition.absent
    return takes & ~unsure, unsure


def keys_of(mapper: Mapper, block: Block, unsure: Mask) -> pa.Array:
    """Each row's natural key as a JSON list, NULL where a part of it has no value.

    unsure: set for rows whose key must be taken by the reference.
    """
    if not mapper.key:
        return pa.nulls(len(block), pa.string())
    pieces: list[Any] = ["[" + json.dumps(mapper.row_map.kind, ensure_ascii=False)]
    whole = np.ones(len(block), np.bool_)
    for path in mapper.key:
        cells = block.cells(path, ColumnKind.TEXT)
        if cells is None:
            unsure |= True
            return pa.nulls(len(block), pa.string())
        whole &= ~blanks_of(mapper.reader, cells)
        words = _words(cells, unsure)
        if (bytes_of(words) == 0).any() or (np.diff(offsets_of(words)) > MAX_TEXT_BYTES).any():
            unsure |= True
        pieces += [',"', escaped(words), '"']
    return pc.if_else(pa.array(whole), concatenated([*pieces, "]"]), pa.scalar(None, pa.string()))


def blanks_of(reader: FieldReader, cells: Cells) -> Mask:
    """The rows in which a path finds nothing, or what stands for nothing."""
    values = cells.values
    blank: Mask = values.is_null().to_numpy(zero_copy_only=False).copy()
    if pa.types.is_string(values.type):
        blank |= np.diff(offsets_of(values)) == 0
        if reader.nulls:
            nulls = pc.is_in(values, pa.array(sorted(reader.nulls), pa.string()))
            blank |= nulls.to_numpy(zero_copy_only=False)
    for row, value in cells.others.items():
        blank[row] = reader.blank(value)
    return blank


def masked_in(reader: FieldReader, cells: Cells) -> Mask:
    """The rows in which a path finds a text that stands for a masked value."""
    values, marks = cells.values, reader.marks
    masked: Mask = np.zeros(len(values), np.bool_)
    if pa.types.is_string(values.type) and marks.pattern is not None:
        distinct, numbers = distinct_values(values)
        masked = np.array([marks.holds(text) for text in distinct], np.bool_)[numbers]
    elif pa.types.is_string(values.type) and marks.texts:
        found = pc.is_in(values, pa.array(sorted(marks.texts), pa.string()))
        masked = found.to_numpy(zero_copy_only=False).copy()
    for row, value in cells.others.items():
        masked[row] = marks.holds(value)
    return masked


def holds_special(reader: FieldReader, values: pa.Array) -> bool:
    """Whether any text could stand for no value or a masked one, told by lengths."""
    if not pa.types.is_string(values.type):
        return False
    lengths = np.diff(offsets_of(values))
    if np.count_nonzero(lengths == 0) > values.null_count or reader.marks.pattern is not None:
        return True
    special = {len(text.encode()) for text in reader.nulls | reader.marks.texts}
    return any((lengths == length).any() for length in special)


def _is_one_of(condition: Condition, cells: Cells, unsure: Mask) -> Mask:
    words = _words(cells, unsure).fill_null("")
    known = pc.is_in(words, pa.array(condition.one_of, pa.string()))
    found: Mask = known.to_numpy(zero_copy_only=False)
    return found ^ condition.absent


def _words(cells: Cells, unsure: Mask) -> pa.Array:
    """Each value as a word; NULL where there is none."""
    values = cells.values
    if values.type in _WORDS:
        values = pc.cast(values, pa.string())
    elif not pa.types.is_string(values.type):
        distinct, numbers = distinct_values(values)
        words = pa.array([None if v is None else word_of(v) for v in distinct], pa.string())
        values = words.take(pa.array(numbers))
    if not cells.others:
        return values
    found = values.to_pylist()
    for row, value in cells.others.items():
        try:
            found[row] = word_of(value)
            found[row].encode()
        except REFUSED:
            found[row], unsure[row] = None, True
    return pa.array(found, pa.string())
