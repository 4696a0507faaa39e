"""All events tests over a store: partials that are known are taken, the others computed and kept.

What is known of a unit is a partial for each test, found by its key. A result is the sum of the
partials of its units and of what lies in no segment yet, which is looked at anew each time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from muniment.catalog.controls_conditions import EVENT
from muniment.catalog.joins import JOINS
from muniment.evaluation.events_tests import EventsTest
from muniment.evaluation.inputs import BASE_COLUMNS, Setting
from muniment.evaluation.joins import timeline_sql
from muniment.evaluation.unit_keys import (
    NAMED,
    Cut,
    TestKey,
    cut_of,
    population_key,
    profile_key,
    profile_sql,
    test_key,
    touched_rows,
)
from muniment.evaluation.unit_merge import Merged, TestSum
from muniment.evaluation.unit_scan import Batch, BatchRows, population_rows, scan_batch
from muniment.evaluation.unit_source import Changes, EventSource
from muniment.model.entries import ENTRY_COLUMN_BY_NAME
from muniment.store.partial_files import Folder, PartialFiles
from muniment.store.read_copies import ensure_copies
from muniment.store.units import Unit

# Entries of one batch: a scan over many files at once costs less, and its result stays small.
BATCH_ENTRIES = 2_000_000
BATCH_UNITS = 256
# Up to so many pieces of a thing, trying all costs less than sorting the events (`join_sql`).
FEW_PIECES = 64
Progress = Callable[[int, int], None]
Work = Callable[[Batch], BatchRows]
AddFolder = Callable[[Folder, Sequence[tuple[int, str]]], None]
Touched = dict[tuple[str, tuple[str, ...]], dict[int, str]]


@dataclass(slots=True)
class UnitResults:
    """What each test gave, and how the work went.

    sums: by a test's key. errors: by a test's key, why it could not be run. computed: for each
    partial that was not known, the test's key and the unit's digest.
    """

    sums: dict[str, TestSum] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)
    computed: list[tuple[str, str]] = field(default_factory=list)
    source_classes: tuple[str, ...] = ()
    reused: int = 0


@dataclass(frozen=True, slots=True)
class LogParts:
    """The log as units, with what annotations say of each, and what is in no segment yet."""

    units: Sequence[Unit]
    changes: Mapping[str, Changes]
    tail: pa.Table
    tail_changes: Changes


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of the log: tests, the values bound in them, the record rows they may join."""

    tests: Sequence[EventsTest]
    bound: Mapping[str, Any]
    history: Mapping[str, pa.Table]


class UnitRun:
    """One evaluation of events tests over the units of a store."""

    def __init__(
        self, source: EventSource, parts: LogParts, question: Question, files: PartialFiles
    ) -> None:
        self._source = source
        self._setting: Setting = source.setting
        self._parts = parts
        self._tests = list(question.tests)
        self._history = question.history
        self._bound = question.bound
        self._files = files
        self._out = UnitResults()
        self._cuts = [
            cut
            for unit in parts.units
            if (cut := cut_of(unit, source.setting, parts.changes.get(unit.digest, {})))
        ]

    def results(self, progress: Progress | None = None) -> UnitResults:
        """The sums over all units and the tail; progress: units done of units to compute."""
        ensure_copies(self._source.layout, [cut.unit for cut in self._cuts])
        self._join_rows()
        keys = self._keys()
        every = range(len(self._cuts))
        self._compute({test.key: dict(zip(every, keys[test.key], strict=True))
                       for test in self._tests}, scan_batch, progress)  # fmt: skip
        merged = Merged([test.key for test in self._tests], self._source.connection)
        used = self._add(keys, merged.add_folder)
        self._add_tail(merged, scan_batch)
        used |= self._add_populations(merged, keys)
        self._files.tidy({*used, *(profile_key(c, self._setting.time_zone) for c in self._cuts)})
        self._out.sums = {k: s for k, s in merged.sums().items() if k not in self._out.errors}
        self._out.reused = len(used) - len(self._out.computed)
        return self._out

    def _add(self, keys: Mapping[str, Sequence[str]], add: AddFolder) -> dict[str, str]:
        """Add the partials of these keys, which are known; by key, the test."""
        used = {
            key: name
            for name, of_test in keys.items()
            for key in of_test
            if name not in self._out.errors
        }
        for folder, places in self._files.found(used):
            add(folder, [(place, used[key]) for place, key in places])
        return used

    def _add_populations(self, merged: Merged, keys: Mapping[str, list[str]]) -> dict[str, str]:
        """Every item of the tests whose whole population is small."""
        small = [test for test in self._tests if merged.is_small(test.key)]
        wanted: dict[str, dict[int, str]] = {}
        for test in small:
            populated = merged.populated(test.key)
            wanted[test.key] = {
                at: population_key(key) for at, key in enumerate(keys[test.key]) if key in populated
            }
        self._compute(wanted, population_rows, None)
        found = {name: list(of_test.values()) for name, of_test in wanted.items()}
        used = self._add(found, merged.add_population)
        self._add_tail(merged, population_rows, small)
        return used

    # What the tests join

    def _join_rows(self) -> None:
        connection = self._source.connection
        clock = self._setting.nanos("as_of")
        connection.execute(f"create table clock as select make_timestamp_ns({clock}) as as_of")
        columns: dict[str, set[str]] = {}
        for test in self._tests:
            for name in test.all_joins:
                start = f"{name}."
                read = {c.removeprefix(start) for c in test.columns if c.startswith(start)}
                columns.setdefault(name, set()).update(read)
        for table in {JOINS[name].table for name in columns}:
            connection.register(f"{table}_in", self._history[table])
            connection.execute(f'create table "{table}" as select * from {table}_in')
        for name, read in columns.items():
            connection.execute(timeline_sql(name, read))
        self._source.few = frozenset(name for name in columns if self._has_few_pieces(name))

    def _has_few_pieces(self, name: str) -> bool:
        most = self._source.fetch(
            f"select max(n) from (select count(*) as n from {name}_rows group by join_key)"
        )
        return int(most.column(0)[0].as_py() or 0) <= FEW_PIECES

    # Keys

    def _keys(self) -> dict[str, list[str]]:
        """By test, the key of its partial over each unit."""
        tables = self._history
        shared = {
            test.key: test_key(test, self._bound, self._setting.time_zone, tables)
            for test in self._tests
        }
        touched = self._touched(list(shared.values()))
        return {
            name: [
                key.of(cut, {join: held.get(at, "") for join, held in touched.items()})
                for at, cut in enumerate(self._cuts)
            ]
            for name, key in shared.items()
        }

    def _touched(self, keys: Sequence[TestKey]) -> Touched:
        profile = self._profile()
        classes = profile.filter(pc.equal(profile.column("named"), "source_class"))
        self._out.source_classes = tuple(sorted(set(classes.column("value").to_pylist())))
        wanted = sorted({join for key in keys for join in key.joins})
        return touched_rows(self._source, profile, wanted)

    def _profile(self) -> pa.Table:
        """What the events of each unit name, by the unit's place among the cuts."""
        zone = self._setting.time_zone
        keys = {profile_key(cut, zone): at for at, cut in enumerate(self._cuts)}
        unknown = [at for key, at in keys.items() if key not in self._files]
        for places in batches_of(unknown, self._cuts):
            batch = [self._cuts[at] for at in places]
            self._open(batch, NAMED)
            rows = self._source.fetch(profile_sql())
            refs = rows.column("unit_at").cast(pa.int32())
            table = rows.drop_columns(["unit_at"]).append_column("ref", refs)
            self._files.add(
                [profile_key(cut, zone) for cut in batch],
                [cut.unit.digest for cut in batch],
                {"named": table},
            )
        found = [_NO_PROFILE]
        for folder, held in self._files.found(keys):
            path = folder.file("named")
            if path is not None:
                refs = {place: keys[key] for place, key in held}
                found.append(_placed(pq.read_table(path), refs))
        return pa.concat_tables(found)

    # Scanning

    def _compute(
        self, keys: Mapping[str, Mapping[int, str]], work: Work, progress: Progress | None
    ) -> None:
        """Compute what is not known. keys: by test, its keys by the place of the cut."""
        lacking: dict[int, list[EventsTest]] = {}
        for test in self._tests:
            for at, key in keys.get(test.key, {}).items():
                if key not in self._files:
                    lacking.setdefault(at, []).append(test)
        groups: dict[tuple[str, ...], list[int]] = {}
        for at in sorted(lacking):
            groups.setdefault(tuple(test.key for test in lacking[at]), []).append(at)
        done = 0
        for places in groups.values():
            for batch in batches_of(places, self._cuts):
                if progress:
                    progress(done, len(lacking))
                self._scan(batch, lacking[batch[0]], keys, work)
                done += len(batch)

    def _scan(
        self,
        places: Sequence[int],
        tests: Sequence[EventsTest],
        keys: Mapping[str, Mapping[int, str]],
        work: Work,
    ) -> None:
        tests = [test for test in tests if test.key not in self._out.errors]
        cuts = [self._cuts[at] for at in places]
        self._open(cuts, columns_of(tests))
        units = [cut.unit for cut in cuts]
        for group, rows in self._run(units, tests, work):
            count = len(units)
            self._files.add(
                [keys[test.key][at] for test in group for at in places],
                [unit.digest for _ in group for unit in units],
                {name: _with_refs(part, count) for name, part in rows.tables().items()},
            )
            self._out.computed += [(test.key, unit.digest) for test in group for unit in units]

    def _run(
        self, units: Sequence[Unit], tests: Sequence[EventsTest], work: Work
    ) -> list[tuple[Sequence[EventsTest], BatchRows]]:
        """The rows of all tests together; where one fails, of each alone, and why that one did."""
        if not tests:
            return []
        try:
            return [(tests, work(Batch(self._source, units, tests, self._bound)))]
        except duckdb.Error as error:
            if len(tests) == 1:
                said = (str(error).strip().splitlines() or [type(error).__name__])[0][:300]
                self._out.errors[tests[0].key] = said
                return []
        return [each for test in tests for each in self._run(units, [test], work)]

    def _open(self, batch: Sequence[Cut], columns: Sequence[str]) -> None:
        changes = {event_id: said for cut in batch for event_id, said in cut.changes.items()}
        self._source.open([cut.unit for cut in batch], columns, changes)

    def _add_tail(
        self, merged: Merged, work: Work, only: Sequence[EventsTest] | None = None
    ) -> None:
        chosen = self._tests if only is None else only
        tests = [test for test in chosen if test.key not in self._out.errors]
        if not self._parts.tail.num_rows or (only is not None and not tests):
            return
        changes = self._parts.tail_changes
        self._source.open_table(self._parts.tail, columns_of(tests), changes)
        for group, rows in self._run((), tests, work):
            merged.add_rows([test.key for test in group], rows, population=only is not None)
        classes = self._source.fetch(
            "select distinct source_class from event where source_class is not null"
        )
        known = {*self._out.source_classes, *classes.column(0).to_pylist()}
        self._out.source_classes = tuple(sorted(known))


def columns_of(tests: Sequence[EventsTest]) -> list[str]:
    """The log's columns that these tests and the engine read."""
    start = f"{EVENT}."
    own = {n.removeprefix(start) for test in tests for n in test.columns if n.startswith(start)}
    return sorted((own & ENTRY_COLUMN_BY_NAME.keys()) | set(BASE_COLUMNS))


def batches_of(places: Sequence[int], cuts: Sequence[Cut]) -> list[list[int]]:
    """Places of cuts that are read together."""
    batches: list[list[int]] = []
    entries = 0
    for at in places:
        more = cuts[at].unit.entries
        if not batches or entries + more > BATCH_ENTRIES or len(batches[-1]) >= BATCH_UNITS:
            batches.append([])
            entries = 0
        batches[-1].append(at)
        entries += more
    return batches


def _with_refs(table: pa.Table, units: int) -> pa.Table:
    """Rows by the place of their key: tests in order, units within."""
    number, at = table.column("test"), table.column("unit_at")
    ref = pc.add(pc.multiply(number, units), at).cast(pa.int32())
    return table.drop_columns(["test", "unit_at"]).append_column("ref", ref)


def _placed(table: pa.Table, places: Mapping[int, int]) -> pa.Table:
    """The rows of some keys, with `place` instead of `ref`."""
    refs = pa.array(list(places), pa.int32())
    table = table.filter(pc.is_in(table.column("ref"), value_set=refs))
    lookup = pc.index_in(table.column("ref"), value_set=refs)
    where = pa.array(list(places.values()), pa.int64())
    place = where.take(lookup.combine_chunks())
    return table.drop_columns(["ref"]).append_column("place", place).cast(_NO_PROFILE.schema)


_NO_PROFILE = pa.schema(
    [
        ("named", pa.string()), ("value", pa.string()), ("first_time", pa.timestamp("ns")),
        ("last_time", pa.timestamp("ns")), ("place", pa.int64()),
    ]
).empty_table()  # fmt: skip
