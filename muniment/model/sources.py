"""A source map as data: how a format's fields become columns of events or records."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, model_validator

from muniment.model.controls import Strict

SKIP = "skip"


class FieldMap(Strict):
    """Where one column comes from, and how its value is read. A bare text stands for `path`.

    Where from, exactly one of: `path` (see model/paths.py); `paths`, the first that has a value;
    `all_of`, several values as texts joined by `join`; `const`, always this value.

    How read, in this order: `json_text` parses a text as JSON. `split` cuts a text into a list.
    `each` is the path inside each element of a list. `join` makes a list one text. `values`
    translates the source's words; a word not listed gives `default`, or else the row is
    rejected, so that nothing is renamed in silence. `time` says how a time is written
    (ISO 8601 unless given), `zone` in which zone a time without zone is meant. `unit` scales;
    `round` keeps so many decimals, half to even, declared because evidence is never rounded in
    silence. `canonical_json` writes any value as canonical JSON, `sanitise` masks secrets and
    personal data in a text, `digest` gives SHA-256 (of a text as it stands, else of the canonical
    JSON), of which `keep` digits stay. `lower` and `prefix` come last.
    """

    path: str | None = None
    paths: tuple[str, ...] = ()
    all_of: tuple[str, ...] = ()
    const: str | int | bool | tuple[str, ...] | None = None
    json_text: bool = False
    split: str | None = Field(default=None, min_length=1)
    each: str | None = None
    join: str | None = None
    values: dict[str, str | bool | int] | None = None
    default: str | bool | int | None = None
    time: Literal["iso", "epoch_s", "epoch_ms", "epoch_us", "epoch_ns"] | None = None
    zone: str | None = None
    unit: Literal["micros_to_units", "cents_to_units"] | None = None
    round: int | None = Field(default=None, ge=0, le=9)
    canonical_json: bool = False
    sanitise: bool = False
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
        origins = (self.path is not None, bool(self.paths), bool(self.all_of),
                   self.const is not None)  # fmt: skip
        if sum(origins) != 1:
            raise ValueError("give exactly one of `path`, `paths`, `all_of`, `const`")
        return self

    @property
    def all_paths(self) -> tuple[str, ...]:
        """Every path that the column may be read from."""
        return (self.path,) if self.path is not None else self.paths + self.all_of


class Condition(Strict):
    """A row is taken only where the path's text is one of `in`; without `in`, where it has a value.

    absent: turned round, where the path has no value.
    """

    path: str
    one_of: tuple[str, ...] = Field(default=(), alias="in")
    absent: bool = False


class RowMap(Strict):
    """One kind of row inside the document, and the entry or record it becomes.

    record: `event`, a record table's name, or `skip` for rows that are left out on purpose. Each
    row goes to the first map of the same `rows` whose `where` holds; a row that no map takes is
    rejected. natural_key: paths whose values identify an event for ever; `kind` keeps the keys of
    several maps apart. own_names: every column is taken from the field of the same name under this
    prefix (`""`: in the row itself), as it stands; where it is not there, `columns` says
    whence. valid_from: since when a record row holds.
    """

    record: str
    kind: str = ""
    rows: str = "$"
    where: tuple[Condition, ...] = ()
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


class SourceMap(Strict):
    """One source format: how to read it, recognise it, and map its rows.

    zone: the time zone of times that state none, unless a column declares its own. split: how CSV
    cells hold lists. redaction_marks: texts that stand for a value the source masked. null_marks:
    texts that stand for no value.
    """

    id: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    title: str
    reads: Literal["csv", "json", "jsonl", "parquet", "otlp_json"]
    source_class: str
    encoding: str = "utf-8"
    delimiter: str = Field(default=",", min_length=1, max_length=1)
    split: str | None = Field(default=None, min_length=1)
    zone: str | None = None
    redaction_marks: tuple[str, ...] = ()
    null_marks: tuple[str, ...] = ()
    recognise: Recognise | None = None
    maps: tuple[RowMap, ...] = Field(min_length=1)
    notes: str = ""
    digest: str = ""  # filled by the catalog
