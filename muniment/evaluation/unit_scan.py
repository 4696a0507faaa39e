"""One batch of units against some tests: counts from one pass, items where there are any.

The pass answers each distinct condition for each event; codes and counts follow from the answers
(`unit_codes.py`). A second pass fetches the few events that some test lists, and of each unit those
that the draw favours; each test's items are then found among its own rows of these.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from muniment.catalog.controls_conditions import EVENT
from muniment.evaluation.events_tests import EventsTest, Known, booleans_sql, items_sql
from muniment.evaluation.items import UNDETERMINED_LISTED
from muniment.evaluation.sampling import SAMPLE_SIZE
from muniment.evaluation.unit_codes import Array, BatchCounts, Codes, ItemRows
from muniment.evaluation.unit_source import PLACE, EventSource
from muniment.model.times import MAX_NANOS
from muniment.store.units import Unit

# How many of a unit's events the draw looks at first.
FAVOURED = 1_500
# Up to so many undetermined items of a test in a batch are fetched, to be listed and explained.
FEW = 50_000
_KEYS = ("unit_at", "row_no", "event_time", "local_day", "agent_id", "drawn")
_RANK = "sha256(h.header_hash || e.event_id)"
_HEADS = "join heads h on h.unit_at = e.unit_at and h.segment_no is not distinct from e.segment_no"
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
    read, found = count_batch(batch)
    rows = BatchRows(counts=read.counts.tables)
    if any(len(each.population) for each in found):
        _Looks(batch, read, found).add_to(rows)
    return rows


def population_rows(batch: Batch) -> BatchRows:
    """Every item of these tests, whatever came out: for populations that are small."""
    rows = BatchRows()
    for number, test in enumerate(batch.tests):
        found = batch.fetch(
            f"select i.unit_at, {_fields('i')}, false as listed, '' as rank"
            f" from ({items_sql(test, PLACE, known=_known(batch))}) i"
        )
        rows.items.append(_marked(found, number))
    return rows


@dataclass(frozen=True, slots=True)
class Read:
    """The events of a batch in the order in which they were read, and their counts.

    places: unit_at and row_no. happened: nanoseconds, the last there can be where none is stated.
    drawn: whether the draw favours the event.
    """

    places: pa.Table
    happened: Array
    drawn: Array
    counts: BatchCounts


def count_batch(batch: Batch) -> tuple[Read, list[ItemRows]]:
    """Count every test by unit and day, and by unit and agent, in one pass; each test's rows."""
    _rank(batch)
    sql, whose = booleans_sql(batch.tests, _KEYS, "ranked", _known(batch, looked=True))
    table = batch.fetch(sql)
    counts = BatchCounts.of(table, max(1, len(batch.units)))
    found = counts.add(batch.tests, Codes.of(table, len(_KEYS), whose))
    drawn = np.asarray(table.column("drawn").to_numpy())
    happened = pc.fill_null(table.column("event_time").cast(pa.int64()), MAX_NANOS).to_numpy()
    return Read(table.select(["unit_at", "row_no"]), happened, drawn, counts), found


def _known(batch: Batch, *, looked: bool = False) -> Known:
    """What saves work; looked: also which names the events' lists hold, which costs a look."""
    if not looked:
        return Known(batch.source.few)
    names = batch.fetch(
        "select distinct unnest(redacted_fields) from event"
        " union select distinct unnest(empty_fields) from event"
    )
    return Known(batch.source.few, frozenset(names.column(0).to_pylist()))


def _rank(batch: Batch) -> None:
    """Make `ranked`: the events, and whether each is among those that the draw favours."""
    shares = [min(1.0, FAVOURED / max(1, unit.entries)) for unit in batch.units] or [1.0]
    limits = pa.table(
        {
            "unit_at": pa.array(range(len(shares)), pa.uint64()),
            "limit": pa.array([_limit(share) for share in shares], pa.string()),
        }
    )
    connection = batch.source.connection
    batch.source.heads(batch.units)
    connection.register("limits", limits)
    connection.execute(
        f"create or replace view ranked as select e.*, {_RANK} <= l.limit as drawn"
        f" from event e {_HEADS} join limits l on l.unit_at = e.unit_at"
    )


def _limit(share: float) -> str:
    """The rank up to which about this share of all ranks lies."""
    return "g" if share >= 1 else f"{int(share * 16**12):012x}"


class _Looks:
    """The items of a batch's tests: exceptions, undetermined, and the lowest ranks of each unit."""

    def __init__(self, batch: Batch, read: Read, found: Sequence[ItemRows]) -> None:
        self._batch = batch
        self._read = read
        self._found = found
        self._open = [self._earliest(each.undetermined) for each in found]
        self._candidates = [self._drawable(each.population) for each in found]
        self._choose()

    def add_to(self, rows: BatchRows) -> None:
        """Look at each test that has any item."""
        for number, (test, found) in enumerate(zip(self._batch.tests, self._found, strict=True)):
            if not len(found.population):
                continue
            rows.items.append(_marked(self._listed(number, test), number))
            if len(found.undetermined):
                self._pick(self._positions(self._open[number]))
                rows.items.append(_marked(_undetermined(self._batch, test), number))
                whole = len(self._open[number]) == len(found.undetermined)
                gaps = _gaps(self._batch, test, "picked" if whole else EVENT)
                rows.gaps.append(_marked(gaps, number))

    def _earliest(self, undetermined: Array) -> Array:
        """Rows that may be listed: where there are many, the earliest of each unit."""
        if len(undetermined) <= FEW:
            return undetermined
        units, times = self._read.counts.unit_at[undetermined], self._read.happened[undetermined]
        order = np.lexsort((times, units))
        units, times = units[order], times[order]
        ends = np.searchsorted(units, units, side="right")
        starts = np.searchsorted(units, units, side="left")
        last_listed = times[np.minimum(starts + UNDETERMINED_LISTED, ends) - 1]
        return np.sort(undetermined[order[times <= last_listed]])

    def _drawable(self, population: Array) -> Array:
        """Rows among which the lowest ranks of each unit are: the favoured, else all."""
        unit_at, count = self._read.counts.unit_at, self._read.counts.unit_count
        drawn = population[self._read.drawn[population]]
        held = np.bincount(unit_at[population], minlength=count)
        short = np.bincount(unit_at[drawn], minlength=count) < np.minimum(held, SAMPLE_SIZE)
        return population[self._read.drawn[population] | short[unit_at[population]]]

    def _choose(self) -> None:
        """Fetch every event that some test looks at, in the order of rows, with its rank."""
        wanted = np.zeros(self._read.places.num_rows, np.bool_)
        for number, found in enumerate(self._found):
            wanted[self._candidates[number]] = True
            wanted[found.exceptions] = True
            wanted[self._open[number]] = True
        self._rows = np.flatnonzero(wanted)
        at = pa.array(self._rows)
        places = self._read.places.take(at).append_column("at_row", at)
        self._batch.source.connection.register("wanted", places)
        self._chosen = self._batch.fetch(
            f"select e.*, w.at_row, {_RANK} as rank from event e {_HEADS} join wanted w"
            " on w.unit_at = e.unit_at and w.row_no is not distinct from e.row_no"
        ).sort_by("at_row")
        keys = [("unit_at", "ascending"), ("rank", "ascending"), ("event_id", "ascending")]
        in_order = pc.sort_indices(self._chosen, sort_keys=keys).to_numpy()
        self._place = np.empty(len(in_order), np.int64)
        self._place[in_order] = np.arange(len(in_order))

    def _positions(self, rows: Array) -> Array:
        """Where some rows lie among the chosen."""
        return np.searchsorted(self._rows, rows)

    def _pick(self, positions: Array, lowest: Array | None = None) -> None:
        """Make `picked`: some of the chosen, and whether they are among the lowest ranks."""
        table = self._chosen.take(pa.array(positions))
        marks = np.isin(positions, lowest) if lowest is not None else np.zeros(len(positions), "?")
        self._batch.source.connection.register(
            "picked", table.append_column("lowest", pa.array(marks))
        )

    def _listed(self, number: int, test: EventsTest) -> pa.Table:
        """The test's exceptions, and of each unit the lowest ranks."""
        lowest = self._lowest(self._positions(self._candidates[number]))
        exceptions = self._positions(self._found[number].exceptions)
        self._pick(np.union1d(lowest, exceptions), lowest)
        items = items_sql(test, (*PLACE, "rank", "lowest"), "picked", _known(self._batch))
        return self._batch.fetch(
            f"select i.unit_at, {_fields('i')}, i.outcome = 'exception' as listed,"
            f" case when i.lowest then i.rank end as rank from ({items}) i"
        )

    def _lowest(self, positions: Array) -> Array:
        """Of some of the chosen, those with the lowest ranks in their unit."""
        ordered = positions[np.argsort(self._place[positions])]
        units = self._chosen.column("unit_at").to_numpy()[ordered]
        starts = np.searchsorted(units, units, side="left")
        lowest: Array = ordered[np.arange(len(ordered)) - starts < SAMPLE_SIZE]
        return lowest


def _undetermined(batch: Batch, test: EventsTest) -> pa.Table:
    items = items_sql(test, PLACE, "picked", _known(batch))
    return batch.fetch(
        f"select i.unit_at, {_fields('i')}, true as listed, cast(null as varchar) as rank"
        f" from ({items}) i where outcome = 'undetermined' qualify row_number() over"
        f" (partition by i.unit_at order by observed_at, item_id) <= {UNDETERMINED_LISTED}",
    )


def _gaps(batch: Batch, test: EventsTest, relation: str) -> pa.Table:
    items = items_sql(test, PLACE, relation, _known(batch))
    # Many items lack the same: they are put together before their lists are taken apart.
    return batch.fetch(
        "select unit_at, entry, cast(sum(alike) as bigint) as items,"
        " list(distinct source_id) filter (where source_id is not null) as sources"
        " from (select unit_at, source_id, alike, unnest(missing) as entry"
        f" from (select unit_at, source_id, missing, count(*) as alike from ({items})"
        " where outcome = 'undetermined' group by all)) group by unit_at, entry",
    )


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
