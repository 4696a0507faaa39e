"""Keys of partials: everything that a test's outcome over a unit depends on, and nothing else.

Of the record tables that a test joins, only rows count that its events can meet: of the things
that the unit's events name, what held between the first and the last event that names them. So a
grant of today leaves the days before it as they are, and a late approval touches the units whose
events name it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
import pyarrow as pa

from muniment import __version__
from muniment.catalog.controls_conditions import EVENT
from muniment.catalog.joins import JOINS, with_those_before
from muniment.evaluation.events_tests import EventsTest, items_sql, scan_sql
from muniment.evaluation.inputs import Setting
from muniment.evaluation.unit_source import Changes, EventSource
from muniment.model.columns import ColumnKind
from muniment.model.records import RECORD_TABLE_BY_NAME
from muniment.store.units import Unit

# Raised when the same key would come to mean another result.
ENGINE = f"{__version__}/2/{duckdb.__version__}"
_LISTS = ("not_carried_fields", "redacted_fields")
# Columns that every test reads: they place an event, name its agent, and say why a value is NULL.
_ALWAYS_READ = ("event_time", "agent_id", "redacted_fields", "empty_fields")
# Columns by which joins find rows, and the kind of source, which completeness is about.
NAMED = (
    *sorted({j.on.removeprefix(f"{EVENT}.") for j in JOINS.values() if not j.after}),
    "source_class",
)


@dataclass(frozen=True, slots=True)
class Cut:
    """A unit as one evaluation sees it: what of it lies in the period and was known.

    window: `start/end` in nanoseconds where the period cuts the unit, else empty. known: the
    instant known at where some entries came later, else empty. changes: what annotations say of
    its events, by event id.
    """

    unit: Unit
    window: str
    known: str
    changes: Changes


def cut_of(
    unit: Unit, setting: Setting, changes: Changes, window: tuple[int, int] | None = None
) -> Cut | None:
    """How the period, or another window, cuts a unit; None where it lies outside."""
    start, end = window or (setting.nanos("period_start"), setting.nanos("period_end"))
    known_at = setting.nanos("known_at")
    moved = any("event_time" in each for each in changes.values())
    if not moved and (unit.happened[1] < start or unit.happened[0] >= end):
        return None
    whole = not moved and unit.happened[0] >= start and unit.happened[1] < end
    known = "" if unit.ingested[1] <= known_at else str(known_at)
    return Cut(unit, "" if whole else f"{start}/{end}", known, changes)


def profile_key(cut: Cut, zone: str) -> str:
    """The key of what a unit's events name."""
    said = changes_digest(cut.changes, (*NAMED, *_ALWAYS_READ))
    return digest_of(["profile", ENGINE, NAMED, zone, cut.unit.digest, cut.window, cut.known, said])


def population_key(key: str) -> str:
    """The key of the whole population, item by item, beside that of its counts."""
    return digest_of(["population", key])


def profile_sql() -> str:
    """What the events of `event` name, by unit: column, value, first and last time."""
    return "\nunion all ".join(
        f"select unit_at, '{name}' as named, {name} as value, min(event_time) as first_time,"
        f" max(event_time) as last_time from event where {name} is not null"
        f" group by unit_at, {name}"
        for name in NAMED
    )


def changes_digest(changes: Changes, columns: Sequence[str]) -> str:
    """A digest of what annotations say of some columns; empty where they say nothing."""
    wanted = set(columns)
    held = {
        event_id: {name: value for name, value in sorted(each.items()) if name in wanted}
        for event_id, each in sorted(changes.items())
    }
    held = {event_id: each for event_id, each in held.items() if each}
    return digest_of(held) if held else ""


def test_columns(test: EventsTest) -> tuple[str, ...]:
    """The log's columns that decide a test's outcome."""
    own = {n.removeprefix(f"{EVENT}.") for n in test.columns if n.startswith(f"{EVENT}.")}
    return tuple(sorted(own | set(_ALWAYS_READ)))


@dataclass(frozen=True, slots=True)
class TestKey:
    """What the keys of one test share over all units."""

    __test__ = False
    content: str
    columns: tuple[str, ...]
    joins: tuple[tuple[str, tuple[str, ...]], ...]

    def of(self, cut: Cut, touched: Mapping[tuple[str, tuple[str, ...]], str]) -> str:
        """The key over one unit. touched: by join and columns, the digest of the rows it meets."""
        return digest_of(
            [
                self.content, cut.unit.digest, cut.window, cut.known,
                changes_digest(cut.changes, self.columns),
                [[name, touched.get((name, columns), "")] for name, columns in self.joins],
            ]
        )  # fmt: skip


def test_key(
    test: EventsTest, bound: Mapping[str, Any], zone: str, history: Mapping[str, pa.Table]
) -> TestKey:
    """The shared part of a test's keys: its SQL, its values, and which tables hold any row."""
    values = {
        name: str(value.object if isinstance(value, duckdb.Value) else value)
        for name, value in sorted(bound.items())
        if name in test.parameters
    }
    joins = with_those_before(test.test.joins)
    recorded = {name: history[JOINS[name].table].num_rows > 0 for name in joins}
    # With the name: two controls may hold the same test, and each needs partials of its own.
    content = [ENGINE, test.key, scan_sql([test]), items_sql(test), values, zone, recorded]
    return TestKey(
        digest_of(content),
        test_columns(test),
        tuple((name, _columns(test, name)) for name in joins),
    )


def _columns(test: EventsTest, join: str) -> tuple[str, ...]:
    start = f"{join}."
    own = {name.removeprefix(start) for name in test.columns if name.startswith(start)}
    known = {c.name for c in RECORD_TABLE_BY_NAME[JOINS[join].table].all_columns}
    return tuple(sorted(own & known - set(_LISTS)))


def touched_rows(
    source: EventSource, profile: pa.Table, wanted: Sequence[tuple[str, tuple[str, ...]]]
) -> dict[tuple[str, tuple[str, ...]], dict[int, str]]:
    """By join and columns, then by unit's place: the digest of the rows that its events meet.

    profile: `place`, named, value, first_time, last_time. The joins' rows lie in the source.
    """
    source.connection.register("profile", profile)
    found = {}
    for name, columns in wanted:
        table = source.fetch(_touched_sql(name, columns))
        found[name, columns] = dict(
            zip(table.column(0).to_pylist(), table.column(1).to_pylist(), strict=True)
        )
    source.connection.unregister("profile")
    return found


def _touched_sql(name: str, columns: Sequence[str]) -> str:
    join = JOINS[name]
    content = _row_digest(name, columns)
    if join.at is None:
        pieces = f"select join_key, cast(null as timestamp_ns) as piece_from, {content} as content"
        pieces += f" from {name}_rows"
        meets = "true"
    else:
        pieces = (
            f"select join_key, piece_from, lead(piece_from) over (partition by join_key"
            f" order by piece_from) as piece_to, {content} as content from {name}_rows"
        )
        meets = "p.piece_from <= t.last_time and (p.piece_to is null or p.piece_to > t.first_time)"
    # A piece that began before the first event that meets it might have begun at any time.
    begins = (
        "case when p.piece_from > t.first_time then cast(epoch_ns(p.piece_from) as varchar) end"
    )
    return (
        f"with pieces as ({pieces}),\nnamed as ({_named_sql(name)})\n"
        "select t.place, sha256(string_agg(sha256(t.value) || '|' ||"
        f" coalesce({begins}, '') || '|' || p.content, '/' order by t.value, p.piece_from))\n"
        f"from named t join pieces p on p.join_key = t.value and {meets}\ngroup by t.place"
    )


def _named_sql(name: str) -> str:
    join = JOINS[name]
    if not join.after:
        column = join.on.removeprefix(f"{EVENT}.")
        return f"select place, value, first_time, last_time from profile where named = '{column}'"
    before = JOINS[join.after]
    column = before.on.removeprefix(f"{EVENT}.")
    return (
        f"select distinct f.place, {join.on} as value, {join.at} as first_time,"
        f" {join.at} as last_time from profile f join {join.after}_rows {join.after}"
        f" on {join.after}.join_key = f.value where f.named = '{column}' and {join.on} is not null"
    )


def _row_digest(name: str, columns: Sequence[str]) -> str:
    join = JOINS[name]
    kinds = {c.name: c.kind for c in RECORD_TABLE_BY_NAME[join.table].all_columns}
    parts = ["cast(found as varchar)"]
    parts += ["cast(ever as varchar)"] if join.at is not None else []
    for column in (*_LISTS, *columns):
        value = f"{name}_rows.{column}"
        if kinds[column] is ColumnKind.TEXT_LIST:
            value = f"list_transform(list_sort({value}), lambda x: sha256(x))"
        parts.append(f"coalesce(sha256(cast({value} as varchar)), '-')")
    return f"sha256({' || '.join(parts)})"


def digest_of(content: Any) -> str:
    """SHA-256 over content as JSON with sorted keys."""
    text = json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
