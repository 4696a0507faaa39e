"""Reading many values of one column at once, exactly as `FieldReader.read` reads one.

Arrow reads what it reads as the reference does: plain texts, whole numbers, decimals, ISO 8601
times, epochs, lists of texts. Whatever it leaves NULL goes to the reference, once for each distinct
value. So the two differ in speed and in nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from muniment.ingest.canonical_text import sanitise
from muniment.ingest.fields import Field, FieldReader
from muniment.ingest.readers import plain
from muniment.ingest.rows import MAX_TEXT_BYTES, RowError
from muniment.model.columns import ColumnKind
from muniment.model.times import MAX_NANOS, MIN_NANOS
from muniment.store.arrow_text import bytes_of, offsets_of, one_piece
from muniment.store.encoder import ARROW_KINDS, column_of, digests_of

Mask = npt.NDArray[np.bool_]
Numbers = npt.NDArray[np.int64]
# What the reference raises for a value that it cannot read; its row is then refused.
REFUSED = (RowError, ArithmeticError, RecursionError, UnicodeError)
_ORIGIN = frozenset({"path", "paths"})
# Of nineteen digits some are too large: then Arrow reads none, and the reference all.
_WHOLE = r"\A-?[0-9]{1,19}\z"
_NUMBER = r"\A-?[0-9]{1,18}(\.[0-9]{1,9})?\z"
# Years that 64-bit nanoseconds hold for certain, and zones that all readers know.
_ISO = (
    r"\A(1[789]|20|21)[0-9]{2}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?"
    r"(Z|[+-](0[0-9]|1[0-4]):[0-5][0-9])\z"
)
_NANOS_IN = {"epoch_s": 10**9, "epoch_ms": 10**6, "epoch_us": 10**3, "epoch_ns": 1}
_UTC = frozenset({"UTC", "Etc/UTC", "+00:00"})


@dataclass(slots=True)
class ReadColumn:
    """Values as a column holds them; NULL: there was none, or reading left nothing.

    wrong: rows whose value cannot be read; None: there is none. stated: whether a time stated its
    zone; None: each did.
    """

    values: pa.Array
    wrong: Mask | None = None
    stated: Mask | None = None


def read_column(
    reader: FieldReader, one: Field, values: pa.Array, others: dict[int, Any]
) -> ReadColumn:
    """Read every value of an array, and those of other types in `others`, by row."""
    found = ReadColumn(_quick(one, values))
    if found.values.null_count > values.null_count:
        left = pc.and_(values.is_valid(), found.values.is_null())
        rows = np.flatnonzero(left.to_numpy(zero_copy_only=False))
        distinct, numbers = distinct_values(values.take(pa.array(rows)))
        _patch(found, one, rows, [_read_one(reader, one, value) for value in distinct], numbers)
    if others:
        rows = np.fromiter(others, np.int64, len(others))
        read = [_read_one(reader, one, value) for value in others.values()]
        _patch(found, one, rows, read, np.arange(len(rows)))
    return found


def distinct_values(values: pa.Array) -> tuple[list[Any], Numbers]:
    """Values as the reference has them, each once, and for each row which of them it holds."""
    if pa.types.is_list(values.type):
        return [plain(value) for value in values.to_pylist()], np.arange(len(values))
    encoded = one_piece(values.dictionary_encode("encode"))
    numbers = encoded.indices.to_numpy().astype(np.int64)
    return [plain(value) for value in encoded.dictionary.to_pylist()], numbers


def _read_one(reader: FieldReader, one: Field, value: Any) -> tuple[Any, bool] | None:
    try:
        return reader.read(one, value)
    except REFUSED:
        return None


def _patch(
    found: ReadColumn,
    one: Field,
    rows: Numbers,
    read: Sequence[tuple[Any, bool] | None],
    numbers: Numbers,
) -> None:
    """Put what the reference read into its rows; numbers: which of `read` each row has."""
    values = [None if each is None or each[0] in ("", []) else each[0] for each in read]
    places = np.arange(len(found.values))
    places[rows] = len(found.values) + numbers
    pool = pa.concat_arrays([found.values, column_of(one.column.kind, values)])
    found.values = pool.take(pa.array(places))
    if found.wrong is None or found.stated is None:
        found.wrong = np.zeros(len(found.values), np.bool_)
        found.stated = np.ones(len(found.values), np.bool_)
    found.wrong[rows] = np.array([each is None for each in read])[numbers]
    found.stated[rows] = np.array([each is None or each[1] for each in read])[numbers]


# What Arrow reads: NULL for what it leaves to the reference


def _quick(one: Field, values: pa.Array) -> pa.Array:
    kind = one.column.kind
    parts = frozenset(one.spec.model_fields_set - _ORIGIN)
    known, kernels = _KERNELS[kind]
    family = _family(values.type)
    kernel: Kernel | None = kernels.get(family) if parts <= known else None
    if kind is ColumnKind.TEXT and family == "string" and not one.column.choices:
        kernel = kernel or _MASKING.get(parts)
    if kernel is not None:
        try:
            return kernel(one, values)
        except pa.ArrowInvalid:  # one of them is no date, or too large: the reference says which
            pass
    return pa.nulls(len(values), ARROW_KINDS[kind])


def _family(kind: pa.DataType) -> str:
    if pa.types.is_timestamp(kind):
        return "instant" if kind.tz in _UTC else "other time"
    if pa.types.is_decimal(kind):
        return "decimal"
    return "list" if pa.types.is_list(kind) else str(kind)


def _texts(one: Field, values: pa.Array) -> pa.Array:
    choices = one.column.choices
    if choices:
        known = pc.is_in(values, pa.array(choices))
        values = pc.if_else(known, values, pa.scalar(None, pa.string()))
    return _storable(values)


def _storable(values: pa.Array) -> pa.Array:
    """The texts that a database can hold."""
    if (bytes_of(values) == 0).any():
        nul = pc.match_substring(values, "\x00")
        values = pc.if_else(nul, pa.scalar(None, pa.string()), values)
    if (np.diff(offsets_of(values)) > MAX_TEXT_BYTES).any():
        long = pc.greater(pc.binary_length(values), MAX_TEXT_BYTES)
        values = pc.if_else(long, pa.scalar(None, pa.string()), values)
    return values


def _digests(one: Field, values: pa.Array) -> pa.Array:
    """The digests of texts, as many digits as the map keeps."""
    hexadecimal = [digest.hex()[: one.spec.keep] for digest in digests_of(values)]
    return pc.if_else(values.is_valid(), pa.array(hexadecimal), pa.scalar(None, pa.string()))


def _sanitised(_: Field, values: pa.Array) -> pa.Array:
    texts = [text and sanitise(text) for text in values.to_pylist()]
    return _storable(pa.array(texts, pa.string()))


def _words(one: Field, values: pa.Array) -> pa.Array:
    return _texts(one, pc.cast(values, pa.string()))


def _same(_: Field, values: pa.Array) -> pa.Array:
    return values


def _fitting(values: pa.Array, pattern: str) -> pa.Array:
    """The texts that fit a pattern."""
    fit = pc.match_substring_regex(values, pattern)
    if pc.all(fit).as_py():
        return values
    return pc.if_else(fit, values, pa.scalar(None, pa.string()))


def _whole_numbers(_: Field, values: pa.Array) -> pa.Array:
    return pc.cast(_fitting(values, _WHOLE), pa.int64())


def _decimals(one: Field, values: pa.Array) -> pa.Array:
    """Numbers that nine places hold; `round` changes nothing where there are no more places."""
    fixed = pc.cast(values, ARROW_KINDS[ColumnKind.DECIMAL])
    if one.spec.round is None:
        return fixed
    short = pc.equal(pc.round(fixed, one.spec.round, "half_to_even"), fixed)
    return pc.if_else(short, fixed, pa.scalar(None, fixed.type))


def _decimal_texts(one: Field, values: pa.Array) -> pa.Array:
    return _decimals(one, _fitting(values, _NUMBER))


def _fractions(one: Field, values: pa.Array) -> pa.Array:
    # Arrow and Python both write the shortest decimal that gives the same binary fraction.
    return _decimal_texts(one, pc.cast(values, pa.string()))


def _time_texts(one: Field, values: pa.Array) -> pa.Array:
    if one.spec.time in ((), ("iso",)):
        return _naive(pc.cast(_fitting(values, _ISO), pa.timestamp("ns", "UTC")))
    return _epochs(one, _whole_numbers(one, values))


def _instants(one: Field, values: pa.Array) -> pa.Array:
    if one.spec.time not in ((), ("iso",)):
        return pa.nulls(len(values), pa.timestamp("ns"))
    return _inside(_naive(pc.cast(values, pa.timestamp("ns", "UTC"))))


def _epochs(one: Field, values: pa.Array) -> pa.Array:
    nanos = _NANOS_IN.get(one.spec.time[0]) if len(one.spec.time) == 1 else None
    if nanos is None:
        return pa.nulls(len(values), pa.timestamp("ns"))
    return _inside(pc.multiply_checked(values, nanos).cast(pa.timestamp("ns")))


def _naive(times: pa.Array) -> pa.Array:
    return pc.cast(times, pa.timestamp("ns"))


def _inside(times: pa.Array) -> pa.Array:
    numbers = times.cast(pa.int64())
    inside = pc.and_(pc.greater_equal(numbers, MIN_NANOS), pc.less_equal(numbers, MAX_NANOS))
    return pc.if_else(inside, times, pa.scalar(None, times.type))


def _lists(_: Field, values: pa.Array) -> pa.Array:
    """Lists of texts, of which none is empty or holds an empty one."""
    items = values.flatten()
    sizes = np.diff(offsets_of(items))
    if items.null_count or (sizes == 0).any() or (bytes_of(items) == 0).any():
        return pa.nulls(len(values), values.type)
    counts = pc.list_value_length(values).fill_null(0).to_numpy()
    ends = offsets_of(items)[np.cumsum(np.concatenate(([0], counts)))]
    good = (counts > 0) & (np.diff(ends) <= MAX_TEXT_BYTES)
    return pc.if_else(pa.array(good), values, pa.scalar(None, values.type))


def _split(one: Field, values: pa.Array) -> pa.Array:
    """Texts cut into lists, where no part is empty or has white space around it."""
    if one.split is None:
        return pa.nulls(len(values), ARROW_KINDS[ColumnKind.TEXT_LIST])
    lists = pc.split_pattern(values, one.split)
    items = lists.flatten()
    if not len(items):
        return lists
    offsets = offsets_of(items)
    content = np.frombuffer(items.buffers()[2] or b"\0", np.uint8)
    last = len(content) - 1
    ends = (content[np.minimum(offsets[:-1], last)], content[np.clip(offsets[1:] - 1, 0, last)])
    odd = np.diff(offsets) == 0
    for characters in ends:  # beyond ASCII there is white space too
        odd |= (characters <= ord(" ")) | (characters >= 0x7F)
    if odd.any():
        rows = np.zeros(len(lists), np.bool_)
        rows[pc.list_parent_indices(lists).to_numpy()[odd]] = True
        lists = pc.if_else(pa.array(rows), pa.scalar(None, lists.type), lists)
    return _lists(one, lists)


Kernel = Callable[[Field, pa.Array], pa.Array]
# What is kept of a text that is not kept as it stands, by the parts of its field map.
_MASKING: dict[frozenset[str], Kernel] = {
    frozenset({"sanitise"}): _sanitised,
    frozenset({"digest"}): _digests,
    frozenset({"digest", "keep"}): _digests,
}
# For each kind of column: the parts of a field map that its kernels know, and the kernels.
_KERNELS: dict[ColumnKind, tuple[frozenset[str], dict[str, Kernel]]] = {
    ColumnKind.TEXT: (
        frozenset(),
        {"string": _texts, "int64": _words, "bool": _words},
    ),
    ColumnKind.INTEGER: (frozenset(), {"int64": _same, "string": _whole_numbers}),
    ColumnKind.BOOLEAN: (frozenset(), {"bool": _same}),
    ColumnKind.DECIMAL: (
        frozenset({"round"}),
        {"int64": _decimals, "string": _decimal_texts, "decimal": _decimals, "double": _fractions},
    ),
    ColumnKind.TIME: (
        frozenset({"time", "zone"}),
        {"string": _time_texts, "instant": _instants, "int64": _epochs},
    ),
    ColumnKind.TEXT_LIST: (frozenset({"split"}), {"list": _lists, "string": _split}),
}
