"""Source maps: reading them from mappings/sources and checking them against the model."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ValidationError

from muniment.bundle import mappings_root
from muniment.catalog.yaml_files import KeyPath, YamlFile, display_path, read_yaml
from muniment.errors import CatalogError
from muniment.model.columns import Column, ColumnKind
from muniment.model.entries import CONTENT_COLUMNS, MAPPABLE_NAMES, SOURCE_CLASSES
from muniment.model.paths import IMPORT_TIME, parse_path
from muniment.model.records import IMPORTABLE_TABLES, RecordTable
from muniment.model.sources import (
    SKIP,
    Condition,
    FieldMap,
    Recognise,
    Requirement,
    RowMap,
    SourceMap,
)
from muniment.model.visits import VISIT

EVENT = "event"
_FLAT = frozenset({"csv", "lines", "otlp", "parquet", "w3c"})
# Kinds of error of what should be a text, or a text or more.
_WANTS_TEXT = frozenset({"string_type", "model_type", "model_attributes_type"})
_MOST_LISTED = 40
_NUMBERS = tuple(
    c.name for c in CONTENT_COLUMNS if c.kind in (ColumnKind.INTEGER, ColumnKind.DECIMAL)
)
_EVENT_COLUMNS = {c.name: c for c in CONTENT_COLUMNS if c.name in MAPPABLE_NAMES}


def mappable_columns(record: str) -> dict[str, Column]:
    """The columns that a map may fill for `event` or a record table; none for `skip`."""
    if record == EVENT:
        return _EVENT_COLUMNS
    table = table_of(record)
    return {column.name: column for column in table.columns} if table else {}


def table_of(record: str) -> RecordTable | None:
    """The record table that rows of a kind fill, or the visits of a proxy; None for events."""
    return VISIT if record == VISIT.name else IMPORTABLE_TABLES.get(record)


def load_source_maps(folder: Path | None = None) -> dict[str, SourceMap]:
    """Every source map of a folder by its id; default the maps that ship with Muniment.

    Raises CatalogError for the first map that is wrong, or whose file is not named by its id.
    """
    maps: dict[str, SourceMap] = {}
    for path in sorted((folder or mappings_root() / "sources").glob("*.yaml")):
        source_map = load_source_map(path)
        if source_map.id != path.stem:
            raise CatalogError(
                f"`{display_path(path)}`: the id is `{source_map.id}`. "
                f"Name the file `{source_map.id}.yaml`, or change the id."
            )
        maps[source_map.id] = source_map
    return maps


def load_source_map(path: Path) -> SourceMap:
    """One source map, checked; its `digest` is the SHA-256 of the file.

    Raises CatalogError naming file, line, what is wrong and, for an unknown name, the
    nearest valid one.
    """
    file = read_yaml(path)
    try:
        source_map = SourceMap.model_validate({**file.content, "digest": file.sha256})
    except ValidationError as error:
        # A misspelt key also leaves its right spelling missing; the misspelling says more.
        first = min(error.errors(), key=lambda one: one["type"] != "extra_forbidden")
        raise _wrong(file, tuple(first["loc"]), _what_is_wrong(first)) from error
    _check_choice(file, ("source_class",), "source class", source_map.source_class, SOURCE_CLASSES)
    _check_zone(file, ("zone",), source_map.zone)
    _check_encoding(file, source_map.encoding)
    if source_map.fullest is not None:
        _check_choice(file, ("fullest",), "column of numbers", source_map.fullest, _NUMBERS)
    for number, row_map in enumerate(source_map.maps):
        _check_row_map(file, ("maps", number), source_map, row_map)
    rules = source_map.recognise or Recognise()
    _check_paths(file, ("recognise",), (*rules.has, *rules.any_of, *rules.lacks))
    return source_map


def _wrong(file: YamlFile, at: KeyPath, what: str) -> CatalogError:
    return CatalogError(f"{file.where(at)}: {what}")


def _what_is_wrong(error: Any) -> str:
    name = ".".join(str(part) for part in error["loc"])
    given = error.get("input")
    if error["type"] in _WANTS_TEXT and isinstance(given, (bool, int, float, date)):
        word = str(given).lower()
        return (
            f"`{name}`: a text should stand here, and YAML reads what stands here as `{word}`. "
            "Put it in quotes: without them on, off, yes, no, true and false are truth values, "
            "and numbers and dates are no texts."
        )
    if error["type"] == "extra_forbidden":
        key = str(error["loc"][-1])
        return f"`{name}` is unknown.{_nearest(key, _known_keys(error['loc']))}"
    return f"`{name}`: {str(error['msg']).removeprefix('Value error, ')}."


def _known_keys(loc: tuple[str | int, ...]) -> Iterable[str]:
    names = [part for part in loc[:-1] if isinstance(part, str)]
    model: type[BaseModel] = SourceMap
    if names[:1] == ["recognise"]:
        model = Recognise
    elif names[:2] == ["maps", "where"]:
        return (*Condition.model_fields, "in")
    elif names[:2] == ["maps", "require"]:
        model = Requirement
    elif names[:2] in (["maps", "columns"], ["maps", "valid_from"]):
        model = FieldMap
    elif names[:1] == ["maps"]:
        model = RowMap
    # The digest of a source map is taken from its file.
    own = {"digest"} if model is SourceMap else set()
    return tuple(name for name in model.model_fields if name not in own)


def _nearest(name: str, known: Iterable[str], listed_by: str = "") -> str:
    """The nearest word, and all of them, or the command that lists them where they are many."""
    words = sorted(known)
    near = difflib.get_close_matches(name, words, n=1, cutoff=0.3)
    meant = f" Did you mean `{near[0]}`?" if near else ""
    if len(words) > _MOST_LISTED and listed_by:
        return f"{meant} `{listed_by}` lists all {len(words)}."
    return f"{meant} Use one of: {', '.join(words)}."


def _check_choice(file: YamlFile, at: KeyPath, what: str, value: str, known: Iterable[str]) -> None:
    if value not in known:
        raise _wrong(file, at, f"{what} `{value}` is unknown.{_nearest(value, known)}")


def _check_zone(file: YamlFile, at: KeyPath, zone: str | None) -> None:
    if zone is None:
        return
    try:
        ZoneInfo(zone)
    except (KeyError, ValueError, OSError) as error:
        raise _wrong(
            file, at, f"time zone `{zone}` is unknown. Use an IANA name such as Europe/Copenhagen."
        ) from error


def _check_encoding(file: YamlFile, encoding: str) -> None:
    try:
        "".encode(encoding)
    except LookupError as error:
        raise _wrong(
            file, ("encoding",), f"encoding `{encoding}` is unknown. Use utf-8, utf-16 or cp1252."
        ) from error


def _check_paths(file: YamlFile, at: KeyPath, paths: Iterable[str]) -> None:
    for path in paths:
        try:
            parse_path(path)
        except ValueError as error:
            raise _wrong(file, at, f"{error}. See docs/sources.md, `Paths`.") from error


def _check_row_map(file: YamlFile, at: KeyPath, source_map: SourceMap, row_map: RowMap) -> None:
    _check_choice(
        file,
        (*at, "record"),
        "record",
        row_map.record,
        (EVENT, SKIP, VISIT.name, *IMPORTABLE_TABLES),
    )
    _check_paths(file, (*at, "rows"), [row_map.rows])
    _check_paths(file, (*at, "where"), [condition.path for condition in row_map.where])
    _check_paths(file, (*at, "require"), [requirement.path for requirement in row_map.require])
    _check_paths(file, (*at, "natural_key"), row_map.natural_key)
    if source_map.reads in _FLAT and row_map.rows != "$":
        raise _wrong(
            file, (*at, "rows"), f"`{source_map.reads}` has one row at a time; leave out `rows`."
        )
    if not row_map.rows.startswith("$"):
        raise _wrong(file, (*at, "rows"), f"`{row_map.rows}` must start at the document, with `$`.")
    columns = mappable_columns(row_map.record)
    for name, field in row_map.columns.items():
        place = (*at, "columns", name)
        if name not in columns:
            raise _wrong(
                file,
                place,
                f"`{row_map.record}` has no column `{name}`."
                + _nearest(name, columns or (SKIP,), f"muniment sources columns {row_map.record}"),
            )
        _check_field(file, place, columns[name], field, row_map.rows)
    _check_record(file, at, row_map)


def _check_record(file: YamlFile, at: KeyPath, row_map: RowMap) -> None:
    table = table_of(row_map.record)
    if table is None:
        if row_map.valid_from is not None:
            raise _wrong(file, (*at, "valid_from"), "only records have `valid_from`.")
        if row_map.record == EVENT and not row_map.columns and row_map.own_names is None:
            raise _wrong(file, at, "the map fills no column. Add `columns`.")
        return
    if row_map.natural_key:
        raise _wrong(file, (*at, "natural_key"), f"a record's key is `{table.key}`; leave it out.")
    if row_map.valid_from is not None:
        started = Column("valid_from", ColumnKind.TIME, "")
        _check_field(file, (*at, "valid_from"), started, row_map.valid_from, row_map.rows)
    elif table is not VISIT:
        raise _wrong(file, at, "say since when a row holds: add `valid_from`, e.g. `@import_time`.")
    for column in table.columns:
        if column.required and column.name not in row_map.columns and row_map.own_names is None:
            raise _wrong(file, at, f"`{table.name}` needs the column `{column.name}`. Map it.")


def _check_field(file: YamlFile, at: KeyPath, column: Column, field: FieldMap, rows: str) -> None:
    _check_paths(file, at, field.all_paths + field.masked_by)
    _check_zone(file, (*at, "zone"), field.zone)
    if "$" in field.all_paths and "[*]" in rows:
        raise _wrong(file, at, "`$` alone would hold a whole file of rows. Name a part, `$.info`.")
    if IMPORT_TIME in field.all_paths and column.kind is not ColumnKind.TIME:
        raise _wrong(file, at, f"`{IMPORT_TIME}` is a time, `{column.name}` is not.")
    if field.zone is not None and column.kind is not ColumnKind.TIME:
        raise _wrong(file, (*at, "zone"), f"`{column.name}` is no time, so it has no zone.")
    if field.sum_of and column.kind not in (ColumnKind.INTEGER, ColumnKind.DECIMAL):
        raise _wrong(file, (*at, "sum_of"), f"`{column.name}` is no number, so nothing adds up.")
    if field.time and column.kind is not ColumnKind.TIME:
        raise _wrong(file, (*at, "time"), f"`{column.name}` is no time. Leave `time` out.")
    if field.cut is not None and field.digest:
        raise _wrong(
            file, (*at, "cut"), "a digest of a cut text is not the text's. Leave out `cut`."
        )
    if field.round is not None and column.kind is not ColumnKind.DECIMAL:
        raise _wrong(file, (*at, "round"), f"`{column.name}` is no decimal. Leave `round` out.")
    given = [*(field.values or {}).values(), field.default, field.const, field.absent]
    for value in given:
        if column.choices and value is not None and value not in column.choices:
            raise _wrong(
                file,
                at,
                f"`{value}` is not a value of `{column.name}`."
                + _nearest(str(value), column.choices),
            )
