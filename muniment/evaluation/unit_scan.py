"""One batch of units against some tests: counts in one aggregate, items where there are any.

The counts need one pass. A second keeps the events that some test lists, and of each unit the few
hundred that the draw favours; each test's items are then found among these few. Only a test whose
population in a unit is rarer than that, or which leaves most of it undetermined, looks again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from muniment.catalog.controls_conditions import EVENT
from muniment.evaluation.events_tests import (
    EventsTest,
    chosen_sql,
    items_sql,
    scan_columns,
    scan_sql,
)
from muniment.evaluation.items import UNDETERMINED_LISTED
from muniment.evaluation.sampling import SAMPLE_SIZE
from muniment.evaluation.unit_source import EventSource
from muniment.store.units import Unit

# How many of a unit's events the draw looks at first.
FAVOURED = 1_500
# Up to so many undetermined items of a test in a batch are kept with the others.
FEW = 50_000
_KEYS = ("unit_at", "local_day", "agent_id")
_DRAW = "sha256(h.header_hash || {id})"
_HEADS = (
    "join heads h on h.unit_at = {e}.unit_at and h.segment_no is not distinct from {e}.segment_no"
)
_ITEM = (
    "item_id", "outcome", "reason", "epoch_ns(observed_at) as observed", "agent_id", "attributes",
    "missing", "local_day",
)  # fmt: skip


@dataclass(slots=True)
class BatchRows:
    """What a batch gave, by grain: rows with `test` and `unit_at`, their places in the batch."""

    counts: list[pa.Table] = field(default_factory=list)
    items: list[pa.Table] = field(default_factory=list)
    gaps: list[pa.Table] = field(default_factory=list)

    def tables(self) -> dict[str, pa.Table]:
        """Each grain as one table, with its columns even where it has no row."""
        return {
            name: pa.concat_tables([_EMPTY[name], *(_cast(t, _EMPTY[name]) for t in parts)])
            for name, parts in (("counts", self.counts), ("items", self.items), ("gaps", self.gaps))
        }


@dataclass(frozen=True, slots=True)
class Totals:
    """By test and unit: population, exceptions and undetermined."""

    population: np.ndarray[Any, Any]
    exceptions: np.ndarray[Any, Any]
    undetermined: np.ndarray[Any, Any]


@dataclass(frozen=True, slots=True)
class Batch:
    """Units that a source has open as `event`, and the tests that look at them.

    units: none for entries that are in no segment.
    """

    source: EventSource
    units: Sequence[Unit]
    tests: Sequence[EventsTest]
    bound: Mapping[str, Any]

    def fetch(self, sql: str) -> pa.Table:
        """What a statement gives, with the tests' values bound."""
        return self.source.fetch(sql, self.bound)


def scan_batch(batch: Batch) -> BatchRows:
    """All that is known of these tests over these units.

    Raises duckdb.Error where a condition fails.
    """
    rows = BatchRows()
    totals = count_batch(batch, rows)
    if totals.population.any():
        batch.source.heads(batch.units)
        _items(batch, totals, rows)
    return rows


def population_rows(batch: Batch) -> BatchRows:
    """Every item of these tests, whatever came out: for populations that are small."""
    rows = BatchRows()
    for number, test in enumerate(batch.tests):
        found = batch.fetch(
            f"select i.unit_at, {_fields('i')}, false as listed, '' as rank"
            f" from ({items_sql(test, _PLACED)}) i"
        )
        rows.items.append(_marked(found, number))
    return rows


def count_batch(batch: Batch, rows: BatchRows) -> Totals:
    """Count every test by unit, day and agent in one pass; the rows are added to `rows`."""
    tests, unit_count = batch.tests, max(1, len(batch.units))
    found = batch.fetch(scan_sql(tests, _KEYS))
    at = found.column(0).to_numpy().astype(np.int64)
    totals = Totals(*(np.zeros((len(tests), unit_count), np.int64) for _ in range(3)))
    keys = [found.column(n).combine_chunks() for n in range(len(_KEYS))]
    for place, (number, letter) in enumerate(scan_columns(tests)):
        three = [found.column(len(_KEYS) + 3 * place + n).to_numpy() for n in range(3)]
        held = np.flatnonzero(three[0])
        if not letter:
            for total, values in zip(
                (totals.population, totals.exceptions, totals.undetermined), three, strict=True
            ):
                total[number] = np.bincount(at, values, minlength=unit_count)
        if len(held):
            rows.counts.append(_counted(number, letter, keys, held, three))
    return totals


def _counted(
    number: int,
    letter: str,
    keys: Sequence[Any],
    held: np.ndarray[Any, Any],
    three: Sequence[np.ndarray[Any, Any]],
) -> pa.Table:
    unit_at, day, agent = (key.take(pa.array(held)) for key in keys)
    counts = [pa.array(values[held], pa.int64()) for values in three]
    return pa.table(
        {
            "test": pa.array(np.full(len(held), number), pa.int32()),
            "unit_at": unit_at.cast(pa.int32()),
            "letter": pa.array([letter] * len(held), pa.string()),
            "day": day.cast(pa.int32()),
            "agent_id": agent,
            "population": counts[0],
            "exceptions": counts[1],
            "undetermined": counts[2],
        }
    )


def _items(batch: Batch, totals: Totals, rows: BatchRows) -> None:
    few = totals.undetermined.sum(axis=1) <= FEW
    asked = totals.exceptions.sum(axis=1) + np.where(few, totals.undetermined.sum(axis=1), 0)
    wanted = {n: ">= 1" if few[n] else "= 1" for n in range(len(batch.tests)) if asked[n]}
    _choose(batch, wanted)
    for number, test in enumerate(batch.tests):
        if not totals.population[number].any():
            continue
        listed = _listed(batch, test)
        rows.items.append(_marked(listed, number))
        drawn = _drawn_by_unit(listed, totals.population.shape[1])
        short = drawn < np.minimum(totals.population[number], SAMPLE_SIZE)
        if short.any():
            rows.items.append(_marked(_draw_again(batch, test, short), number))
        if totals.undetermined[number].any():
            relation = "chosen" if few[number] else EVENT
            rows.items.append(_marked(_undetermined(batch, test, relation), number))
            rows.gaps.append(_marked(_gaps(batch, test, relation), number))


def _choose(batch: Batch, wanted: Mapping[int, str]) -> None:
    """Make `chosen`: the events that are listed or favoured, with the columns that tests read."""
    shares = [min(1.0, FAVOURED / max(1, unit.entries)) for unit in batch.units] or [1.0]
    limits = pa.table(
        {
            "unit_at": pa.array(range(len(shares)), pa.uint64()),
            "limit": pa.array([_limit(share) for share in shares], pa.string()),
        }
    )
    connection = batch.source.connection
    connection.register("limits", limits)
    connection.execute(
        "create or replace view ranked as"
        f" select e.*, {_DRAW.format(id='e.event_id')} <= l.limit as drawn"
        f" from event e {_HEADS.format(e='e')} join limits l on l.unit_at = e.unit_at"
    )
    columns = [row[0] for row in connection.execute("describe ranked").fetchall()]
    table = batch.fetch(chosen_sql(batch.tests, wanted, columns, "ranked"))
    connection.register("chosen", table)


def _limit(share: float) -> str:
    """The rank up to which about this share of all ranks lies."""
    return "g" if share >= 1 else f"{int(share * 16**12):012x}"


def _listed(batch: Batch, test: EventsTest) -> pa.Table:
    """The test's exceptions, and of each unit the lowest of the favoured."""
    items = items_sql(test, (*_PLACED, "drawn"), "chosen")
    return batch.fetch(
        f"select i.unit_at, {_fields('i')}, i.outcome = 'exception' as listed,"
        f" case when i.drawn then {_DRAW.format(id='i.item_id')} end as rank"
        f" from ({items}) i {_HEADS.format(e='i')}"
        " qualify i.outcome = 'exception' or (i.drawn and row_number() over"
        f" (partition by i.unit_at, i.drawn order by {_DRAW.format(id='i.item_id')})"
        f" <= {SAMPLE_SIZE})",
    )


def _drawn_by_unit(listed: pa.Table, unit_count: int) -> np.ndarray[Any, Any]:
    drawn = listed.filter(pc.is_valid(listed.column("rank"))).column("unit_at").to_numpy()
    return np.bincount(drawn.astype(np.int64), minlength=unit_count)


def _draw_again(batch: Batch, test: EventsTest, short: np.ndarray[Any, Any]) -> pa.Table:
    """The sample in units where the favoured held too few of this population."""
    at = ", ".join(str(n) for n in np.flatnonzero(short))
    items = items_sql(test, _PLACED)
    draw = _DRAW.format(id="i.item_id")
    return batch.fetch(
        f"select i.unit_at, {_fields('i')}, false as listed, {draw} as rank"
        f" from ({items}) i {_HEADS.format(e='i')} where i.unit_at in ({at})"
        f" qualify row_number() over (partition by i.unit_at order by {draw}) <= {SAMPLE_SIZE}",
    )


def _undetermined(batch: Batch, test: EventsTest, relation: str) -> pa.Table:
    items = items_sql(test, _PLACED, relation)
    return batch.fetch(
        f"select i.unit_at, {_fields('i')}, true as listed, cast(null as varchar) as rank"
        f" from ({items}) i where outcome = 'undetermined' qualify row_number() over"
        f" (partition by i.unit_at order by observed_at, item_id) <= {UNDETERMINED_LISTED}",
    )


def _gaps(batch: Batch, test: EventsTest, relation: str) -> pa.Table:
    items = items_sql(test, _PLACED, relation)
    return batch.fetch(
        "select unit_at, entry, count(*) as items,"
        " list(distinct source_id) filter (where source_id is not null) as sources"
        f" from (select unit_at, source_id, unnest(missing) as entry from ({items})"
        " where outcome = 'undetermined') group by unit_at, entry",
    )


_PLACED = ("unit_at", "segment_no")


def _fields(alias: str) -> str:
    return ", ".join(
        name.replace("observed_at", f"{alias}.observed_at") if "(" in name else f"{alias}.{name}"
        for name in _ITEM
    )


def _marked(table: pa.Table, number: int) -> pa.Table:
    test = pa.array(np.full(table.num_rows, number), pa.int32())
    at = table.column("unit_at").cast(pa.int32())
    place = table.column_names.index("unit_at")
    return table.set_column(place, "unit_at", at).append_column("test", test)


def _cast(table: pa.Table, like: pa.Table) -> pa.Table:
    return table.select(like.column_names).cast(like.schema)


_TEXTS = pa.list_(pa.string())
_EMPTY = {
    "counts": pa.schema(
        [
            ("test", pa.int32()), ("unit_at", pa.int32()), ("letter", pa.string()),
            ("day", pa.int32()), ("agent_id", pa.string()), ("population", pa.int64()),
            ("exceptions", pa.int64()), ("undetermined", pa.int64()),
        ]
    ).empty_table(),
    "items": pa.schema(
        [
            ("test", pa.int32()), ("unit_at", pa.int32()), ("listed", pa.bool_()),
            ("rank", pa.string()), ("item_id", pa.string()), ("outcome", pa.string()),
            ("reason", pa.string()), ("observed", pa.int64()), ("agent_id", pa.string()),
            ("attributes", _TEXTS), ("missing", _TEXTS), ("local_day", pa.int32()),
        ]
    ).empty_table(),
    "gaps": pa.schema(
        [
            ("test", pa.int32()), ("unit_at", pa.int32()), ("entry", pa.string()),
            ("items", pa.int64()), ("sources", _TEXTS),
        ]
    ).empty_table(),
}  # fmt: skip
