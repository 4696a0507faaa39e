"""One column of a source map, ready to be applied: finding its value in a row, and reading it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import tzinfo
from decimal import Decimal
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from muniment.ingest.canonical_text import canonical_text, digest_of, sanitise
from muniment.ingest.json_text import parse_json
from muniment.ingest.rows import RowError
from muniment.ingest.values import (
    SIMPLE,
    check_choice,
    to_decimal,
    to_fixed_decimal,
    to_list,
    to_text,
    to_time,
)
from muniment.model.columns import Column, ColumnKind
from muniment.model.paths import IMPORT_TIME, MISSING, Path, Row, parse_path
from muniment.model.sources import FieldMap, SourceMap

path_of = lru_cache(maxsize=4096)(parse_path)
EMPTY: Any = type("Empty", (), {"__repr__": lambda _: "EMPTY"})()
REDACTED: Any = type("Redacted", (), {"__repr__": lambda _: "REDACTED"})()
# Whence a value comes; every other part of a field map says how it is read.
_ORIGIN = frozenset({"path", "paths"})
# A regular expression may take long on a long text, and the text is the source's.
_EXTRACTED_CHARACTERS = 8_192
_SEARCHED_CHARACTERS = 1 << 20


@dataclass(frozen=True, slots=True)
class Field:
    """A column, where it comes from, and how it is read.

    plain: a text taken as it stands. split: at what a text is cut into a list.
    """

    column: Column
    spec: FieldMap
    paths: tuple[Path, ...]
    masked_by: tuple[Path, ...]
    masked_if: re.Pattern[str] | None
    zone: tzinfo | None
    plain: bool
    split: str | None = None

    @property
    def always(self) -> bool:
        """Whether the column has a value whatever the row holds."""
        return self.spec.const is not None or self.spec.absent is not None


class Marks:
    """The texts by which a source says that it masked a value."""

    def __init__(self, source: SourceMap) -> None:
        self.texts = frozenset(source.redaction_marks)
        patterns = "|".join(f"(?:{pattern})" for pattern in source.redaction_patterns)
        self.pattern = re.compile(patterns, re.S) if patterns else None

    def holds(self, value: Any) -> bool:
        """Whether a value is such a text."""
        if not isinstance(value, str):
            return False
        return value in self.texts or bool(self.pattern and self.pattern.fullmatch(value))


class FieldReader:
    """Finds and reads columns of one source; `import_time` is what `@import_time` gives."""

    def __init__(self, source: SourceMap, import_time: str) -> None:
        self.marks = Marks(source)
        self.nulls = frozenset(source.null_marks)
        self._unusual = self.nulls | self.marks.texts
        self._source = source
        self._import_time = import_time

    def field(self, column: Column, spec: FieldMap) -> Field:
        """A field map made ready for a column."""
        zone = spec.zone or self._source.zone
        is_list = column.kind is ColumnKind.TEXT_LIST
        plain = column.kind is ColumnKind.TEXT and spec.model_fields_set <= _ORIGIN
        return Field(
            column, spec,
            paths=tuple(map(path_of, spec.all_paths)),
            masked_by=tuple(map(path_of, spec.masked_by)),
            masked_if=re.compile(spec.masked_if) if spec.masked_if else None,
            zone=ZoneInfo(zone) if zone else None,
            plain=plain,
            split=spec.split or self._source.split if is_list else spec.split,
        )  # fmt: skip

    def blank(self, value: Any) -> bool:
        """Whether a value stands for none."""
        return value is None or value == "" or (isinstance(value, str) and value in self.nulls)

    def is_masked(self, one: Field, row: Row) -> bool:
        """Whether the row says elsewhere that this column was masked, wholly or in part."""
        found = (path.find(row) for path in one.masked_by)
        return any(not (v is MISSING or self.blank(v) or v == []) for v in found)

    def find(self, one: Field, row: Row) -> Any:
        """The raw value, or MISSING, EMPTY or REDACTED."""
        if one.spec.const is not None:
            return list(one.spec.const) if isinstance(one.spec.const, tuple) else one.spec.const
        if one.spec.all_of:
            found = self._joined(one, row)
        elif one.spec.sum_of:
            found = self._added(one, row)
        else:
            found = self._first(one, row)
        if one.masked_if is not None and found not in (MISSING, EMPTY, REDACTED):
            text = word_of(found)
            if one.masked_if.search(text, 0, _SEARCHED_CHARACTERS):
                return REDACTED
        return found

    def plain_text(self, one: Field, row: Row) -> str | None:
        """The short way for most values: a text at the first path, taken as it stands."""
        found = one.paths[0].find(row)
        if type(found) is not str or not found or found in self._unusual:
            return None
        if self.marks.pattern is not None and self.marks.holds(found):
            return None
        value = to_text(one.column.name, found)
        return check_choice(one.column, value) if one.column.choices else value

    def read(self, one: Field, found: Any) -> tuple[Any, bool]:
        """The column's value (None where reading leaves nothing); whether it states its zone."""
        spec, name, kind = one.spec, one.column.name, one.column.kind
        if one.plain:
            return check_choice(one.column, to_text(name, found)), True
        value = _shaped(spec, name, found, one.split)
        if value is None or (isinstance(value, str) and value in self.nulls):
            return self.absent(one), True
        if spec.values is not None:
            value = _translated(spec, name, value, each=kind is ColumnKind.TEXT_LIST)
        if value is None:
            return None, True
        if kind is ColumnKind.TIME:
            return to_time(name, value, spec.time or ("iso",), one.zone)
        return _of_kind(one, value), True

    def absent(self, one: Field) -> Any:
        """What the column holds where there is no value; None: nothing."""
        return None if one.spec.absent is None else _of_kind(one, one.spec.absent)

    def _first(self, one: Field, row: Row) -> Any:
        state = MISSING
        for path in one.paths:
            if path.start == IMPORT_TIME:
                return self._import_time
            found = path.find(row)
            if found is MISSING or (one.spec.scalar and isinstance(found, (dict, list))):
                continue
            if self.marks.holds(found) or found in one.spec.marks:
                state = REDACTED
            elif not (self.blank(found) or (one.spec.nulls and word_of(found) in one.spec.nulls)):
                return found
            elif state is MISSING:
                state = EMPTY
        return state

    def _joined(self, one: Field, row: Row) -> Any:
        parts = [path.find(row) for path in one.paths]
        if all(part is MISSING for part in parts):
            return MISSING
        if any(map(self.marks.holds, parts)):
            return REDACTED
        texts = ["" if p is MISSING or self.blank(p) else word_of(p) for p in parts]
        return (one.spec.join or "").join(texts) if any(texts) else EMPTY

    def _added(self, one: Field, row: Row) -> Any:
        """The sum of what is there; without its first part it would be a wrong one."""
        parts = [path.find(row) for path in one.paths]
        if any(map(self.marks.holds, parts)):
            return REDACTED
        if parts[0] is MISSING or self.blank(parts[0]):
            return parts[0] if parts[0] is MISSING else EMPTY
        there = (part for part in parts if part is not MISSING and not self.blank(part))
        return sum((to_decimal(one.column.name, part) for part in there), Decimal(0))


def _of_kind(one: Field, value: Any) -> Any:
    spec, name, kind = one.spec, one.column.name, one.column.kind
    if kind is ColumnKind.DECIMAL:
        return to_fixed_decimal(name, value, spec.unit, spec.round)
    if kind is ColumnKind.TEXT:
        return check_choice(one.column, _finished_text(spec, name, value))
    if kind is ColumnKind.TEXT_LIST:
        return [_cased(spec, item) for item in to_list(name, value)]
    return SIMPLE[kind](name, value)


def _shaped(spec: FieldMap, name: str, value: Any, split: str | None) -> Any:
    if spec.json_text and isinstance(value, str):
        try:
            value = parse_json(value)
        except (ValueError, RecursionError) as error:
            raise RowError(f"{name}: not JSON", f"`{name}` is not exact JSON text") from error
    if spec.extract is not None:
        value = _extracted(spec.extract, name, value)
    if split is not None and isinstance(value, str):
        value = [part.strip() for part in value.split(split) if part.strip()]
    if spec.each is not None and isinstance(value, list):
        path = path_of(spec.each)
        found = [path.find(Row(item, None, item)) for item in value]
        value = [item for item in found if item is not MISSING]
    if spec.join is not None and isinstance(value, list):
        value = spec.join.join(to_list(name, value))
    return value


def _extracted(pattern: str, name: str, value: Any) -> str | None:
    text = to_text(name, value)
    if len(text) > _EXTRACTED_CHARACTERS:
        raise RowError(f"{name}: too long to extract", f"`{name}` is too long to extract from")
    match = re.search(pattern, text)
    return match.group(1) if match else None


def _translated(spec: FieldMap, name: str, value: Any, *, each: bool) -> Any:
    values = spec.values or {}
    if each and isinstance(value, list):
        return [_translated(spec, name, item, each=False) for item in value]
    word = word_of(value)
    if word in values:
        return values[word]
    if "default" in spec.model_fields_set:
        return spec.default
    raise RowError(
        f"{name}: word not in the source map",
        f"`{name}` is `{word[:60]}`, which the source map does not translate",
    )


def _finished_text(spec: FieldMap, name: str, value: Any) -> str:
    try:
        if spec.canonical_json:
            value = canonical_text(value)
        if spec.sanitise:
            value = sanitise(value if isinstance(value, str) else canonical_text(value))
        if spec.cut is not None and isinstance(value, str) and len(value) > spec.cut:
            value = f"{value[: spec.cut]} […]"
        if spec.digest:
            value = digest_of(value)[: spec.keep]
    except (UnicodeEncodeError, RecursionError) as error:
        raise RowError(
            f"{name}: half a character or too deep",
            f"`{name}` holds half a character or is nested too deeply",
        ) from error
    return _cased(spec, to_text(name, value))


def _cased(spec: FieldMap, text: str) -> str:
    return spec.prefix + (text.lower() if spec.lower else text)


def word_of(value: Any) -> str:
    """A value as `where`, `values` and keys compare it."""
    return value if isinstance(value, str) else canonical_text(value)
