"""What one path finds in every row of a block, held by Arrow where that is exact."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from muniment.ingest.column_values import Mask
from muniment.model.columns import ColumnKind
from muniment.model.paths import MISSING
from muniment.store.encoder import ARROW_KINDS

_NOTHING = frozenset({type(None), type(MISSING)})
_NUMBERS = frozenset({int, Decimal})
_LISTS = ARROW_KINDS[ColumnKind.TEXT_LIST]


@dataclass(slots=True)
class Cells:
    """The values of one type in `values`, NULL where there is none; of other types in `others`.

    blank: rows in which the field is there and holds no value at all.
    """

    values: pa.Array
    others: dict[int, Any] = field(default_factory=dict)
    blank: Mask | None = None


def cells_of(found: Sequence[Any], kind: ColumnKind) -> Cells:
    """The cells of values as parsed JSON has them, to be read as a column of some kind."""
    types = set(map(type, found))
    held = types - _NOTHING
    made = Cells(_array_of(found, held, kind, clean=not types & _NOTHING))
    if type(None) in types:
        made.blank = np.fromiter((value is None for value in found), np.bool_, len(found))
    if len(made.values) != len(found):
        made.values = pa.nulls(len(found), pa.string())
        made.others = {
            row: value
            for row, value in enumerate(found)
            if value is not None and value is not MISSING
        }
    return made


def _array_of(found: Sequence[Any], held: set[type], kind: ColumnKind, *, clean: bool) -> pa.Array:
    """The values as one array; an empty one where no type of Arrow holds them all exactly."""
    target = _type_of(held, kind)
    if target is None:
        return pa.array([], pa.string())
    values = found if clean else [None if value is MISSING else value for value in found]
    try:
        return pa.array(values, target)
    except (pa.ArrowException, UnicodeError, OverflowError):
        return pa.array([], pa.string())


def _type_of(held: set[type], kind: ColumnKind) -> pa.DataType | None:
    if len(held) == 1:
        (only,) = held
        if only is list:
            return _LISTS if kind is ColumnKind.TEXT_LIST else None
        if only is not Decimal:
            return {str: pa.string(), int: pa.int64(), bool: pa.bool_()}.get(only)
    if held and held <= _NUMBERS and kind is ColumnKind.DECIMAL:
        return ARROW_KINDS[ColumnKind.DECIMAL]
    return pa.string() if not held else None


def cells_of_array(values: pa.Array) -> Cells | None:
    """The cells of a table's column; None for a type that must be taken row by row."""
    if pa.types.is_dictionary(values.type):
        values = values.dictionary_decode()
    kind = values.type
    taken: pa.Array | None = None
    if pa.types.is_null(kind) or _is_text(kind):
        taken = pc.cast(values, pa.string())
    elif pa.types.is_integer(kind) and kind != pa.uint64():
        taken = pc.cast(values, pa.int64())
    elif pa.types.is_floating(kind):
        wide = pc.cast(values, pa.float64())
        taken = pc.if_else(pc.is_finite(wide), wide, pa.scalar(None, pa.float64()))
    elif pa.types.is_boolean(kind) or pa.types.is_timestamp(kind) or pa.types.is_decimal128(kind):
        taken = values
    elif pa.types.is_list(kind) and _is_text(kind.value_type):
        taken = pc.cast(values, _LISTS)
    return None if taken is None else Cells(taken, blank=_blank(taken))


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _blank(values: pa.Array) -> Mask | None:
    if not values.null_count:
        return None
    blank: Mask = values.is_null().to_numpy(zero_copy_only=False)
    return blank
