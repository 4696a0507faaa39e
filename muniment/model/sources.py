"""A source map as data: how a format's fields become columns of events or records."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from muniment.model.controls import Strict

SKIP = "skip"
TIME_WORDS = ("iso", "epoch_s", "epoch_ms", "epoch_us", "epoch_ns", "seconds_nanos")
_SOME_TIME = datetime(2003, 11, 20, 18, 4, 5, tzinfo=UTC)


def _compiles(pattern: str) -> str:
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError(f"`{pattern[:60]}` is no regular expression: {error}") from error
    return pattern


class FieldMap(Strict):
    """Where one column comes from, and how its value is read. A bare text stands for `path`.

    Where from, exactly one of: `path` (see model/paths.py); `paths`, the first that has a value;
    `all_of`, several values as texts joined by `join`; `sum_of`, several numbers added, of which
    the first must be there; `const`, always this value. `masked_by` are paths of which one has a
    value where the source masked this column or part of it; `marks` are texts that stand for a
    masked value in this column alone; `masked_if` is a regular expression found in the text of a
    value that was masked or cut. `nulls` are texts (or canonical JSON) that stand for no value in
    this column; `scalar` passes over objects and lists at a path, and looks at the next; `absent`
    is the value where there is none.

    How read, in this order: `json_text` parses a text as JSON. `extract` keeps the first group of a
    regular expression; without a match the column is empty. `split` cuts a text into a list.
    `each` is the path inside each element of a list. `join` makes a list one text. `values`
    translates the source's words; a word not listed gives `default` (null: the column is empty), or
    else the row is rejected, so that nothing is renamed in silence. `time` says how a time is
    written (ISO 8601 unless given; a pattern as in `%d/%m/%Y %H:%M:%S`; several are tried in turn),
    `zone` in which zone a time without zone is meant. `unit` scales;
    `round` keeps so many decimals, half to even, declared because evidence is never rounded in
    silence. `canonical_json` writes any value as canonical JSON, `sanitise` masks secrets and
    personal data in a text, `cut` keeps so many characters and marks the place, `digest` gives
    SHA-256 (of a text as it stands, else of the canonical JSON), of which `keep` digits stay.
    `lower` and `prefix` come last.
    """

    path: str | None = None
    paths: tuple[str, ...] = ()
    all_of: tuple[str, ...] = ()
    sum_of: tuple[str, ...] = ()
    const: str | int | bool | tuple[str, ...] | None = None
    masked_by: tuple[str, ...] = ()
    marks: tuple[str, ...] = ()
    masked_if: str | None = None
    nulls: tuple[str, ...] = ()
    scalar: bool = False
    absent: str | bool | int | None = None
    json_text: bool = False
    extract: str | None = None
    split: str | None = Field(default=None, min_length=1)
    each: str | None = None
    join: str | None = None
    values: dict[str, str | bool | int] | None = None
    default: str | bool | int | None = None
    time: tuple[str, ...] = ()
    zone: str | None = None
    unit: Literal["micros_to_units", "cents_to_units"] | None = None
    round: int | None = Field(default=None, ge=0, le=9)
    canonical_json: bool = False
    sanitise: bool = False
    cut: int | None = Field(default=None, ge=100, le=250_000)
    digest: bool = False
    keep: int | None = Field(default=None, ge=8, le=64)
    lower: bool = False
    prefix: str = ""

    @model_validator(mode="before")
    @classmethod
    def _text_is_path(cls, value: Any) -> Any:
        return {"path": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _one_origin(self) -> FieldMap:
        origins = (self.path is not None, bool(self.paths), bool(self.all_of), bool(self.sum_of),
                   self.const is not None)  # fmt: skip
        if sum(origins) != 1:
            raise ValueError("give exactly one of `path`, `paths`, `all_of`, `sum_of`, `const`")
        return self

    @field_validator("time", "masked_by", mode="before")
    @classmethod
    def _one_is_a_list(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else value

    @field_validator("time")
    @classmethod
    def _times_are_known(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for spelling in value:
            if spelling not in TIME_WORDS and not _tells_a_day(spelling):
                raise ValueError(
                    f"`{spelling[:60]}` is neither one of {', '.join(TIME_WORDS)} nor a pattern "
                    "that tells year, month and day, such as `%d/%m/%Y %H:%M:%S`"
                )
        return value

    @field_validator("masked_if")
    @classmethod
    def _masked_if_compiles(cls, value: str | None) -> str | None:
        return None if value is None else _compiles(value)

    @field_validator("extract")
    @classmethod
    def _extract_has_a_group(cls, value: str | None) -> str | None:
        if value is not None and re.compile(_compiles(value)).groups < 1:
            raise ValueError(f"`{value[:60]}` has no group `( )` that says what to keep")
        return value

    @property
    def all_paths(self) -> tuple[str, ...]:
        """Every path that the column may be read from."""
        return (self.path,) if self.path is not None else self.paths + self.all_of + self.sum_of


def _with_shared(row_map: Any, shared: Any) -> Any:
    """The row map with the columns that all events share; its own come first."""
    if not isinstance(row_map, dict) or row_map.get("record") != "event":
        return row_map
    return {**row_map, "columns": {**shared, **(row_map.get("columns") or {})}}


def _tells_a_day(pattern: str) -> bool:
    """Whether a time written in this pattern can be read back to the same day."""
    try:
        return datetime.strptime(_SOME_TIME.strftime(pattern), pattern).date() == _SOME_TIME.date()
    except ValueError:
        return False


class Condition(Strict):
    """A row is taken only where the path's text is one of `in`; without `in`, where it has a value.

    absent: turned round, where the path has no value.
    """

    path: str
    one_of: tuple[str, ...] = Field(default=(), alias="in")
    absent: bool = False


class Requirement(Strict):
    """What a row must satisfy to be a valid one; a row that does not is rejected with the reason.

    Of the value at `path` (of each, where it is a list; nothing there satisfies everything): `has`
    are fields that must be there, `matches` is a regular expression for the whole text. `says` is
    the reason in words.
    """

    path: str
    has: tuple[str, ...] = ()
    matches: str | None = None
    says: str

    @field_validator("matches")
    @classmethod
    def _matches_compiles(cls, value: str | None) -> str | None:
        return None if value is None else _compiles(value)


class RowMap(Strict):
    """One kind of row inside the document, and the entry or record it becomes.

    record: `event`, a record table's name, or `skip` for rows that are left out on purpose. Each
    row goes to the first map of the same `rows` and `set` whose `where` holds; a row that no map of
    a set takes is rejected. set: maps of another set read the same rows once more, so that one row
    may give several records. natural_key: paths whose values identify an event for ever; `kind`
    keeps the keys of several maps apart. own_names: every column is taken from the field of the
    same name under this
    prefix (`""`: in the row itself), as it stands; where it is not there, `columns` says
    whence. valid_from: since when a record row holds. require: what makes a row a valid one.
    """

    record: str
    kind: str = ""
    rows: str = "$"
    set: str = ""
    where: tuple[Condition, ...] = ()
    require: tuple[Requirement, ...] = ()
    natural_key: tuple[str, ...] = ()
    valid_from: FieldMap | None = None
    own_names: str | None = None
    columns: dict[str, FieldMap] = Field(default_factory=dict)


class Recognise(Strict):
    """By what a file shows its format: paths in its document (its line, its CSV columns).

    All of `has`, one of `any_of` (where given) and none of `lacks` must be there; the map with the
    most `has` wins.
    """

    has: tuple[str, ...] = ()
    any_of: tuple[str, ...] = ()
    lacks: tuple[str, ...] = ()


class TableMap(Strict):
    """Where a format lies in a database, to be read in place.

    order_by: columns by which pages follow each other, oldest first; a row that is written later
    must not sort before those that were read, but for `overlap_minutes`, which are read again.
    """

    name: str
    order_by: tuple[str, ...] = ()
    overlap_minutes: int = Field(default=60, ge=0)


class SourceMap(Strict):
    """One source format: how to read it, recognise it, and map its rows.

    zone: the time zone of times that state none, unless a column declares its own. split: how CSV
    cells hold lists. redaction_marks: texts that stand for a value the source masked;
    redaction_patterns: regular expressions for the whole text of such a value. null_marks: texts
    that stand for no value. json_texts: fields of a row that hold JSON as text, read before
    anything else. wrapped_in: for `objects`, names of the top-level array that holds them.
    line: for `lines`, a regular expression whose named groups become the row's fields. shared:
    columns of every event, unless a row map fills them otherwise. table: where the format lies
    in a database. fullest: a column of numbers; of several copies of one event (one natural key)
    the one with the largest holds, whatever their order.
    """

    id: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    title: str
    reads: Literal["csv", "json", "jsonl", "lines", "objects", "otlp", "parquet", "w3c", "yaml"]
    source_class: str
    encoding: str = "utf-8"
    delimiter: str = Field(default=",", min_length=1, max_length=1)
    split: str | None = Field(default=None, min_length=1)
    zone: str | None = None
    redaction_marks: tuple[str, ...] = ()
    redaction_patterns: tuple[str, ...] = ()
    null_marks: tuple[str, ...] = ()
    json_texts: tuple[str, ...] = ()
    wrapped_in: tuple[str, ...] = ()
    line: str | None = None
    recognise: Recognise | None = None
    table: TableMap | None = None
    fullest: str | None = None
    shared: dict[str, FieldMap] = Field(default_factory=dict)
    maps: tuple[RowMap, ...] = Field(min_length=1)
    notes: str = ""
    digest: str = ""  # filled by the catalog

    @model_validator(mode="before")
    @classmethod
    def _share_columns(cls, value: Any) -> Any:
        shared = value.get("shared") if isinstance(value, dict) else None
        maps = value.get("maps") if isinstance(shared, dict) else None
        if not isinstance(maps, list):
            return value
        return {**value, "maps": [_with_shared(each, shared) for each in maps]}

    @field_validator("redaction_patterns")
    @classmethod
    def _patterns_compile(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(map(_compiles, value))

    @model_validator(mode="after")
    def _line_goes_with_lines(self) -> SourceMap:
        if (self.reads == "lines") != (self.line is not None):
            raise ValueError("`reads: lines` and `line`, its regular expression, go together")
        if self.line is not None and not re.compile(_compiles(self.line)).groupindex:
            raise ValueError("`line` has no named group such as `(?P<host>\\S+)`")
        if self.wrapped_in and self.reads != "objects":
            raise ValueError("`wrapped_in` goes with `reads: objects`")
        return self
