"""Applying a source map: from a row of a document to the columns of an event or a record."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import tzinfo
from decimal import Decimal
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from muniment.catalog.sources import EVENT, mappable_columns
from muniment.ingest.canonical_text import canonical_text, digest_of, sanitise
from muniment.ingest.json_text import parse_json
from muniment.ingest.reach import Reach
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
from muniment.model.records import IMPORTABLE_TABLES
from muniment.model.sources import SKIP, Condition, FieldMap, Requirement, RowMap, SourceMap

path_of = lru_cache(maxsize=4096)(parse_path)
EMPTY: Any = type("Empty", (), {"__repr__": lambda _: "EMPTY"})()
REDACTED: Any = type("Redacted", (), {"__repr__": lambda _: "REDACTED"})()


@dataclass(slots=True)
class MappedRow:
    """One row in our terms; `values` holds the columns that have a value.

    key: the natural key's values, where all are there. valid_from: for records only.
    """

    record: str
    values: dict[str, Any] = field(default_factory=dict)
    redacted: list[str] = field(default_factory=list)
    empty: list[str] = field(default_factory=list)
    not_carried: list[str] = field(default_factory=list)
    key: tuple[str, ...] | None = None
    valid_from: str = ""
    at_import: bool = False


@dataclass(frozen=True, slots=True)
class _Field:
    column: Column
    spec: FieldMap
    paths: tuple[Path, ...]
    masked_by: Path | None
    zone: tzinfo | None
    plain: bool  # a text that is taken as it stands


# Whence a value comes; every other part of a field map says how it is read.
_ORIGIN = frozenset({"path", "paths"})
# A regular expression may take long on a long text, and the text is the source's.
_EXTRACTED_CHARACTERS = 8_192


class Mapper:
    """One row map, ready to be applied; `import_time` is what `@import_time` gives."""

    def __init__(self, source: SourceMap, row_map: RowMap, import_time: str) -> None:
        self.row_map = row_map
        self._source = source
        self._import_time = import_time
        self._nulls = frozenset(source.null_marks)
        self._marks = Marks(source)
        self._unusual = self._nulls | self._marks.texts
        self._require = [(each, path_of(each.path)) for each in row_map.require]
        self._where = [(condition, path_of(condition.path)) for condition in row_map.where]
        self._key = [path_of(path) for path in row_map.natural_key]
        self._fields = list(self._tried(row_map))
        self._reach = Reach([_paths_of(tried) for tried in self._fields])
        self._consts = {n for n, spec in row_map.columns.items() if spec.const is not None}
        started = Column("valid_from", ColumnKind.TIME, "")
        self._valid_from = self._field(started, row_map.valid_from) if row_map.valid_from else None

    def takes(self, row: Row) -> bool:
        """Whether the row satisfies every condition of `where`."""
        return all(self._holds(condition, path.find(row)) for condition, path in self._where)

    def apply(self, row: Row) -> MappedRow | None:
        """The row in our terms, None for `skip`; RowError where it cannot be."""
        if self.row_map.record == SKIP:
            return None
        for requirement, path in self._require:
            check_requirement(requirement, path.find(row))
        mapped = MappedRow(self.row_map.record)
        for number in self._reach.columns(row.value):
            tried = self._fields[number]
            if not (tried[0].plain and self._took_plain(mapped, tried[0], row)):
                self._fill(mapped, tried, row)
        if not self._said_by_source(mapped):
            raise RowError("nothing mapped", "the row has no field that the source map reads")
        if mapped.record == EVENT:
            self._finish_event(mapped, row)
        else:
            self._finish_record(mapped, row)
        return mapped

    def _said_by_source(self, mapped: MappedRow) -> bool:
        return bool(mapped.values.keys() - self._consts or mapped.empty or mapped.redacted)

    def _tried(self, row_map: RowMap) -> Iterator[tuple[_Field, ...]]:
        """For each column, where it may come from: first its own name, then what is listed."""
        for name, column in mappable_columns(row_map.record).items():
            specs = []
            if row_map.own_names is not None:
                specs.append(FieldMap(path=row_map.own_names + name))
            if name in row_map.columns:
                specs.append(row_map.columns[name])
            if specs:
                yield tuple(self._field(column, spec) for spec in specs)

    def _field(self, column: Column, spec: FieldMap) -> _Field:
        zone = spec.zone or self._source.zone
        paths = tuple(path_of(path) for path in spec.all_paths)
        masked_by = path_of(spec.masked_by) if spec.masked_by else None
        plain = column.kind is ColumnKind.TEXT and spec.model_fields_set <= _ORIGIN
        return _Field(column, spec, paths, masked_by, ZoneInfo(zone) if zone else None, plain)

    def _holds(self, condition: Condition, found: Any) -> bool:
        if condition.one_of:
            text = "" if found is MISSING or found is None else _word(found)
            return (text in condition.one_of) is not condition.absent
        return (found is MISSING or self._blank(found)) is condition.absent

    def _blank(self, value: Any) -> bool:
        return value is None or value == "" or (isinstance(value, str) and value in self._nulls)

    def _find(self, one: _Field, row: Row) -> Any:
        """The raw value, or MISSING, EMPTY or REDACTED."""
        if one.spec.const is not None:
            return list(one.spec.const) if isinstance(one.spec.const, tuple) else one.spec.const
        if one.spec.all_of:
            return self._joined(one, row)
        if one.spec.sum_of:
            return self._added(one, row)
        state = MISSING
        for path in one.paths:
            if path.start == IMPORT_TIME:
                return self._import_time
            found = path.find(row)
            if found is MISSING:
                continue
            if self._marks.holds(found) or found in one.spec.marks:
                state = REDACTED
            elif not self._blank(found):
                return found
            elif state is MISSING:
                state = EMPTY
        return state

    def _joined(self, one: _Field, row: Row) -> Any:
        parts = [path.find(row) for path in one.paths]
        if all(part is MISSING for part in parts):
            return MISSING
        if any(map(self._marks.holds, parts)):
            return REDACTED
        texts = ["" if p is MISSING or self._blank(p) else _word(p) for p in parts]
        return (one.spec.join or "").join(texts) if any(texts) else EMPTY

    def _added(self, one: _Field, row: Row) -> Any:
        """The sum of what is there; without its first part it would be a wrong one."""
        parts = [path.find(row) for path in one.paths]
        if any(map(self._marks.holds, parts)):
            return REDACTED
        if parts[0] is MISSING or self._blank(parts[0]):
            return parts[0] if parts[0] is MISSING else EMPTY
        there = (part for part in parts if part is not MISSING and not self._blank(part))
        return sum((to_decimal(one.column.name, part) for part in there), Decimal(0))

    def _took_plain(self, mapped: MappedRow, one: _Field, row: Row) -> bool:
        """The short way for most values: a text at the first path, taken as it stands."""
        found = one.paths[0].find(row)
        if type(found) is not str or not found or found in self._unusual:
            return False
        if self._marks.pattern is not None and self._marks.holds(found):
            return False
        column = one.column
        value = to_text(column.name, found)
        mapped.values[column.name] = check_choice(column, value) if column.choices else value
        return True

    def _fill(self, mapped: MappedRow, tried: tuple[_Field, ...], row: Row) -> None:
        state, one = MISSING, tried[0]
        for one in tried:
            found = self._find(one, row)
            state = found if state is MISSING or found is not MISSING else state
            if found is not MISSING and found is not EMPTY:
                break
        if one.masked_by is not None and not self._nothing(one.masked_by.find(row)):
            mapped.redacted.append(one.column.name)
            state = MISSING if state is REDACTED or state is EMPTY else state
        if state is not MISSING:
            self._take(mapped, one, state)

    def _nothing(self, found: Any) -> bool:
        return found is MISSING or self._blank(found) or found == []

    def _take(self, mapped: MappedRow, one: _Field, found: Any) -> None:
        name = one.column.name
        if found is REDACTED:
            mapped.redacted.append(name)
        elif found is EMPTY:
            mapped.empty.append(name)
        else:
            value = self._read(mapped, one, found)
            if value in (None, "", []):
                mapped.empty.append(name)
            else:
                mapped.values[name] = value

    def _read(self, mapped: MappedRow, one: _Field, found: Any) -> Any:
        """The column's value; None where reading it leaves nothing."""
        spec, name, kind = one.spec, one.column.name, one.column.kind
        if one.plain:
            return check_choice(one.column, to_text(name, found))
        split = spec.split or (self._source.split if kind is ColumnKind.TEXT_LIST else None)
        value = _shaped(spec, name, found, split)
        if spec.values is not None and value is not None:
            value = _translated(spec, name, value, each=kind is ColumnKind.TEXT_LIST)
        if value is None or (isinstance(value, str) and value in self._nulls):
            return None
        if kind is ColumnKind.TIME:
            text, stated = to_time(name, value, spec.time or ("iso",), one.zone)
            if name == "event_time":
                mapped.values.setdefault("time_basis", "stated" if stated else "declared")
            return text
        return _of_kind(one, value)

    def _finish_event(self, mapped: MappedRow, row: Row) -> None:
        if not self._key:
            return
        parts = [path.find(row) for path in self._key]
        if not any(part is MISSING or self._blank(part) for part in parts):
            words = [to_text("natural key", _word(part)) for part in parts]
            mapped.key = (self.row_map.kind, *words)

    def _finish_record(self, mapped: MappedRow, row: Row) -> None:
        table = IMPORTABLE_TABLES[mapped.record]
        for column in table.columns:
            if column.required and column.name not in mapped.values:
                raise RowError(f"{column.name}: required", f"`{column.name}` has no value")
        known = mapped.values.keys() | set(mapped.empty) | set(mapped.redacted)
        mapped.not_carried = [c.name for c in table.columns if c.name not in known]
        if self._valid_from is None:
            return
        found = self._find(self._valid_from, row)
        mapped.at_import = found == self._import_time
        if found is MISSING or found is EMPTY or found is REDACTED:
            raise RowError("valid_from: required", "the row does not say since when it holds")
        mapped.valid_from = self._read(mapped, self._valid_from, found)


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


def _paths_of(tried: tuple[_Field, ...]) -> list[Path] | None:
    """Every path of a column; None where a constant fills it."""
    if any(one.spec.const is not None for one in tried):
        return None
    masks = [one.masked_by for one in tried if one.masked_by is not None]
    return [path for one in tried for path in one.paths] + masks


def check_requirement(requirement: Requirement, found: Any) -> None:
    """Raise RowError where a value is not as the format demands."""
    for item in found if isinstance(found, list) else [] if found is MISSING else [found]:
        lacking = [n for n in requirement.has if not isinstance(item, dict) or not item.get(n)]
        text = item if isinstance(item, str) else canonical_text(item)
        differs = requirement.matches is not None and not re.fullmatch(requirement.matches, text)
        if lacking or differs:
            what = f"lacks `{lacking[0]}`" if lacking else f"is `{text[:60]}`"
            raise RowError(
                f"not valid: {requirement.says}",
                f"{requirement.says}, but at `{requirement.path}` one {what}",
            )


def _of_kind(one: _Field, value: Any) -> Any:
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
    word = _word(value)
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


def _word(value: Any) -> str:
    """A value as `where`, `values` and keys compare it."""
    return value if isinstance(value, str) else canonical_text(value)
