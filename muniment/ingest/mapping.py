"""Applying a source map: from a row of a document to the columns of an event or a record."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from muniment.catalog.sources import EVENT, mappable_columns, table_of
from muniment.ingest.canonical_text import canonical_text
from muniment.ingest.fields import (
    EMPTY,
    REDACTED,
    Field,
    FieldReader,
    path_of,
    word_of,
)
from muniment.ingest.reach import Reach
from muniment.ingest.rows import RowError
from muniment.ingest.values import to_text
from muniment.model.columns import Column, ColumnKind
from muniment.model.paths import MISSING, Path, Row
from muniment.model.sources import SKIP, Condition, FieldMap, Requirement, RowMap, SourceMap


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


class Mapper:
    """One row map, ready to be applied; `import_time` is what `@import_time` gives.

    fields: for each column, where it may come from, in turn. consts: columns that have a value
    whatever the row holds.
    """

    def __init__(self, source: SourceMap, row_map: RowMap, import_time: str) -> None:
        self.row_map = row_map
        self._import_time = import_time
        self.reader = FieldReader(source, import_time)
        self.require = [(each, path_of(each.path)) for each in row_map.require]
        self.where = [(condition, path_of(condition.path)) for condition in row_map.where]
        self.key = [path_of(path) for path in row_map.natural_key]
        self.fields = list(self._tried(row_map))
        self.reach = Reach([_paths_of(tried) for tried in self.fields])
        self.consts = {one.column.name for tried in self.fields for one in tried if one.always}
        started = Column("valid_from", ColumnKind.TIME, "")
        self._valid_from = (
            self.reader.field(started, row_map.valid_from) if row_map.valid_from else None
        )

    def paths(self) -> Iterator[Path]:
        """Every path that is followed in a row that becomes an event."""
        yield from self.key
        yield from (path for _, path in self.where)
        yield from (path for tried in self.fields for one in tried for path in one.paths)

    def takes(self, row: Row) -> bool:
        """Whether the row satisfies every condition of `where`."""
        return all(self._holds(condition, path.find(row)) for condition, path in self.where)

    def apply(self, row: Row) -> MappedRow | None:
        """The row in our terms, None for `skip`; RowError where it cannot be."""
        if self.row_map.record == SKIP:
            return None
        for requirement, path in self.require:
            check_requirement(requirement, path.find(row))
        mapped = MappedRow(self.row_map.record)
        for number in self.reach.columns(row.value):
            tried = self.fields[number]
            text = self.reader.plain_text(tried[0], row) if tried[0].plain else None
            if text is None:
                self.fill(mapped, tried, row)
            else:
                mapped.values[tried[0].column.name] = text
        if not self._said_by_source(mapped):
            raise RowError("nothing mapped", "the row has no field that the source map reads")
        if mapped.record == EVENT:
            self._finish_event(mapped, row)
        else:
            self._finish_record(mapped, row)
        return mapped

    def _said_by_source(self, mapped: MappedRow) -> bool:
        return bool(mapped.values.keys() - self.consts or mapped.empty or mapped.redacted)

    def _tried(self, row_map: RowMap) -> Iterator[tuple[Field, ...]]:
        """For each column, where it may come from: first its own name, then what is listed."""
        for name, column in mappable_columns(row_map.record).items():
            specs = []
            if row_map.own_names is not None:
                specs.append(FieldMap(path=row_map.own_names + name))
            if name in row_map.columns:
                specs.append(row_map.columns[name])
            if specs:
                yield tuple(self.reader.field(column, spec) for spec in specs)

    def _holds(self, condition: Condition, found: Any) -> bool:
        if condition.one_of:
            text = "" if found is MISSING or found is None else word_of(found)
            return (text in condition.one_of) is not condition.absent
        return (found is MISSING or self.reader.blank(found)) is condition.absent

    def fill(self, mapped: MappedRow, tried: tuple[Field, ...], row: Row) -> None:
        """Take one column of a row; RowError where its value cannot be read."""
        state, one = MISSING, tried[0]
        for one in tried:
            found = self.reader.find(one, row)
            state = found if state is MISSING or found is not MISSING else state
            if found is not MISSING and found is not EMPTY:
                break
        masked = bool(one.masked_by) and self.reader.is_masked(one, row)
        if masked:
            mapped.redacted.append(one.column.name)
            state = MISSING if state is REDACTED or state is EMPTY else state
        if state is MISSING and not masked and one.spec.absent is not None:
            mapped.values[one.column.name] = self.reader.absent(one)
        elif state is not MISSING:
            self._take(mapped, one, state)

    def _take(self, mapped: MappedRow, one: Field, found: Any) -> None:
        name = one.column.name
        if found is REDACTED:
            mapped.redacted.append(name)
            return
        value, stated = (None, True) if found is EMPTY else self.reader.read(one, found)
        if value in (None, "", []):
            mapped.empty.append(name)
            return
        mapped.values[name] = value
        if name == "event_time":
            mapped.values.setdefault("time_basis", "stated" if stated else "declared")

    def _finish_event(self, mapped: MappedRow, row: Row) -> None:
        if not self.key:
            return
        parts = [path.find(row) for path in self.key]
        if not any(part is MISSING or self.reader.blank(part) for part in parts):
            words = [to_text("natural key", word_of(part)) for part in parts]
            mapped.key = (self.row_map.kind, *words)

    def _finish_record(self, mapped: MappedRow, row: Row) -> None:
        table = table_of(mapped.record)
        assert table is not None  # noqa: S101 (the catalog knows no other record)
        for column in table.columns:
            if column.required and column.name not in mapped.values:
                raise RowError(f"{column.name}: required", f"`{column.name}` has no value")
        known = mapped.values.keys() | set(mapped.empty) | set(mapped.redacted)
        mapped.not_carried = [c.name for c in table.columns if c.name not in known]
        if self._valid_from is None:
            return
        found = self.reader.find(self._valid_from, row)
        mapped.at_import = found == self._import_time
        value = None
        if found is not MISSING and found is not EMPTY and found is not REDACTED:
            value, _ = self.reader.read(self._valid_from, found)
        if value is None:
            raise RowError("valid_from: required", "the row does not say since when it holds")
        mapped.valid_from = value


def _paths_of(tried: tuple[Field, ...]) -> list[Path] | None:
    """Every path of a column; None where it has a value in any row."""
    if any(one.always for one in tried):
        return None
    return [path for one in tried for path in (*one.paths, *one.masked_by)]


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
