"""What SELECT tests gave, wherever they ran: in this process, as of a case, or over a store.

Over a store the items of each test are kept under a key over everything that the SELECT read: its
text and values, the rows of each record table, the facts, the events. What is known is not run
again; where all is known, no sandbox is started. A sequence test that goes by partitions keeps its
items piece by piece (`select_parts`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Protocol

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from muniment.catalog.controls import SELECT_KINDS
from muniment.catalog.controls_partition import PARTITION, events_read
from muniment.catalog.controls_select import SelectFacts, check_select, select_place
from muniment.errors import EvaluationError, MunimentError
from muniment.evaluation.confined import ConfinedSandbox
from muniment.evaluation.fact_units import FactUnits, table_digest
from muniment.evaluation.inputs import Inputs, Setting, plain_times
from muniment.evaluation.relations import history_relations, registry_relations
from muniment.evaluation.sandbox import Limits, Sandbox, SqlRunner, TestSqlError
from muniment.evaluation.select_log import LogSlice
from muniment.evaluation.select_parts import Pieces
from muniment.evaluation.select_tests import check_rows, items_table, run_select, table_name
from muniment.evaluation.shared_sql import FUNCTIONS, VIEWS, tables_behind
from muniment.evaluation.unit_keys import ENGINE, digest_of
from muniment.evaluation.unit_results import LogParts
from muniment.evaluation.unit_source import EventSource
from muniment.model import times
from muniment.model.controls import Control, ControlTest
from muniment.model.outcomes import TestKind
from muniment.model.records import RECORD_TABLE_BY_NAME
from muniment.store.partial_files import PartialFiles

if TYPE_CHECKING:
    from muniment.store.layout import StoreLayout

_CLOCKS = ("period_start", "period_end", "as_of", "settled_before")
_PAGE = 50_000
WHOLE = "whole"
_ITEMS = pa.schema(
    [
        ("item_id", pa.string()), ("outcome", pa.string()), ("reason", pa.string()),
        ("observed_at", pa.timestamp("ns")), ("local_day", pa.string()),
        ("evidence_ref", pa.string()), ("agent_id", pa.string()), ("source_id", pa.string()),
        ("missing", pa.list_(pa.string())), ("marks", pa.list_(pa.string())),
        ("attributes", pa.list_(pa.string())), (PARTITION, pa.string()),
    ]
)  # fmt: skip


class SelectResults(Protocol):
    """Items of SELECT tests, one by one."""

    def of(self, control: Control, test: ControlTest) -> tuple[SqlRunner, str]:
        """Where the items of a test lie, and the table's name; MunimentError where it failed."""

    def close(self) -> None:
        """Free what is held."""


class InProcess:
    """SELECT tests over an evaluation's inputs, in this process or in one that is held."""

    def __init__(
        self, inputs: Inputs, setting: Setting, controls: Sequence[Control], limits: Limits | None
    ) -> None:
        """limits: of a process of its own; None runs the tests in this one."""
        self._inputs, self._setting, self._controls = inputs, setting, controls
        self._limits = limits
        self._sandboxes: dict[bool, SqlRunner] = {}

    def of(self, control: Control, test: ControlTest) -> tuple[SqlRunner, str]:
        """Where the items of a test lie, and the table's name."""
        registry = test.kind is TestKind.REGISTRY
        if registry not in self._sandboxes:
            relations = registry_relations if registry else history_relations
            held = relations(self._inputs, self._setting, self._controls)
            self._sandboxes[registry] = (
                held.confined(self._limits) if self._limits else held.sandbox()
            )
        sandbox = self._sandboxes[registry]
        bound = self._setting.bound(control.parameters, test)
        return sandbox, run_select(sandbox, control, test, bound, self._setting.time_zone)

    def close(self) -> None:
        """Free the sandboxes."""
        for sandbox in self._sandboxes.values():
            sandbox.close()


@dataclass(slots=True)
class _Plan:
    """One test: what it reads, and the key of its items, whole or by piece."""

    control: Control
    test: ControlTest
    read: SelectFacts
    bound: Mapping[str, Any]
    keys: dict[str, str]
    events: LogSlice | None = None
    pieces: Pieces | None = None


@dataclass(slots=True)
class SelectWork:
    """How the work on SELECT tests went.

    computed: the test's table and the piece (a unit's digest, `rest`, or `whole`) of what was not
    known. whole: by a sequence test's table, why it is not evaluated in parts. reused: how many.
    """

    computed: list[tuple[str, str]] = field(default_factory=list)
    whole: dict[str, str] = field(default_factory=dict)
    reused: int = 0


class OverStore:
    """Results over a store: what is known is taken, the rest run in confined processes and kept."""

    def __init__(
        self,
        layout: StoreLayout,
        parts: LogParts,
        inputs: Inputs,
        setting: Setting,
        controls: Sequence[Control],
        *,
        limits: Limits | None,
    ) -> None:
        """limits: of the processes in which tests run; None runs them in this one."""
        self.work = SelectWork()
        self._inputs, self._setting, self._limits = inputs, setting, limits
        self._parts = parts
        self._source = EventSource(layout, setting, False)
        kept = PartialFiles(layout.facts)
        looks_back = max(
            (_lookback(setting, t) for t in _tests(controls, TestKind.FACTS)), default=0
        )
        start = setting.nanos("period_start") - looks_back
        self.facts = FactUnits(self._source, parts, kept, start)
        self._files = PartialFiles(layout.tested)
        self._fresh: dict[str, pa.Table] = {}
        self._local = Sandbox({}, None)
        self._confined: dict[bool, ConfinedSandbox | Sandbox] = {}
        self._record_digests: dict[tuple[bool, str, bool], str] = {}
        self._plans: dict[str, _Plan | MunimentError] = {}
        for control in controls:
            for test in control.tests:
                if test.kind in SELECT_KINDS:
                    self._plans[table_name(control, test)] = self._planned(control, test)
        self._start()

    def of(self, control: Control, test: ControlTest) -> tuple[SqlRunner, str]:
        """Where the items of a test lie, and the table's name."""
        name = table_name(control, test)
        plan = self._plans[name]
        if isinstance(plan, MunimentError):
            raise plan
        lacking = [piece for piece, key in plan.keys.items() if not self._knows(key)]
        if lacking:
            self._run(plan, lacking)
            self.work.computed += [(name, piece) for piece in lacking]
        self.work.reused += len(plan.keys) - len(lacking)
        self._local.add(name, self._items(list(plan.keys.values())))
        if plan.pieces is not None:
            try:
                check_rows(self._local, name)
            except TestSqlError as error:
                raise EvaluationError(f"{select_place(control, test)} line 1: {error}") from error
        return self._local, name

    def close(self) -> None:
        """Keep what was computed, and free what is held."""
        if self._fresh:
            tables = [
                table.append_column("ref", pa.array([at] * table.num_rows, pa.int32()))
                for at, table in enumerate(self._fresh.values())
            ]
            keys = list(self._fresh)
            self._files.add(keys, [""] * len(keys), {"items": pa.concat_tables(tables)})
        plans = [plan for plan in self._plans.values() if isinstance(plan, _Plan)]
        self._files.tidy({key for plan in plans for key in plan.keys.values()}, most=24)
        used = {key for plan in plans if plan.pieces for key in plan.pieces.used}
        self.facts.files.tidy(used | self.facts.used_keys())
        for sandbox in self._confined.values():
            sandbox.close()
        self._local.close()
        self._source.close()

    def _knows(self, key: str) -> bool:
        return key in self._fresh or key in self._files

    # Keys

    def _planned(self, control: Control, test: ControlTest) -> _Plan | MunimentError:
        try:
            place = select_place(control, test)
            read = check_select(test.sql, test.kind, control.parameters, place)
            bound = self._setting.bound(control.parameters, test)
            plan = _Plan(control, test, read, bound, {})
            if "events" in read.relations:
                self._plan_events(plan)
            if plan.pieces is not None:
                plan.keys = plan.pieces.keys
            else:
                slice_ = plan.events.digest() if plan.events else ""
                plan.keys = {WHOLE: digest_of([*self._content(plan, clocks=True), slice_])}
        except MunimentError as error:
            return error
        return plan

    def _plan_events(self, plan: _Plan) -> None:
        test, control = plan.test, plan.control
        known = events_read(test.sql, test.partition, frozenset(control.parameters))
        setting = self._setting
        window = (setting.nanos("period_start") - _lookback(setting, test), setting.nanos("as_of"))
        plan.events = LogSlice.of(
            self._source, self._parts, window, plan.read.entry_columns, read=known, bound=plan.bound
        )
        if not known.partition:
            self.work.whole[table_name(control, test)] = known.whole
            return
        content = self._content(plan, clocks=False)
        clocks = {name: times.to_nanos(_instant(plan.bound[name])) for name in _CLOCKS}
        plan.pieces = Pieces(plan.events, self.facts.files, content, clocks)

    def _content(self, plan: _Plan, *, clocks: bool) -> list[Any]:
        """What a test does and the records and facts it reads. clocks: as values, not as sides."""
        read, test = plan.read, plan.test
        named = set(read.parameters) | ({"as_of"} if read.relations & VIEWS.keys() else set())
        values = {
            name: str(getattr(value, "object", value))
            for name, value in sorted(plan.bound.items())
            if name in named and (clocks or name not in _CLOCKS)
        }
        registry = test.kind is TestKind.REGISTRY
        tables = sorted(tables_behind(read.relations) & RECORD_TABLE_BY_NAME.keys())
        records = {name: self._record_digest(registry, name, sides=not clocks) for name in tables}
        facts = {name: self.facts.key(name) for name in sorted(self._facts_of(plan))}
        shared = [*FUNCTIONS, *(VIEWS[name][1] for name in sorted(read.relations & VIEWS.keys()))]
        return [ENGINE, items_table(plan.control, test, self._setting.time_zone), shared, values,
                self._setting.time_zone, records, facts]  # fmt: skip

    def _facts_of(self, plan: _Plan) -> set[str]:
        return set(plan.read.relations) - RECORD_TABLE_BY_NAME.keys() - VIEWS.keys() - {"events"}

    def _record_digest(self, registry: bool, name: str, *, sides: bool) -> str:
        """Of a table's rows; sides: and on which side of as-of the ends of their validity lie."""
        at = (registry, name, sides)
        if at not in self._record_digests:
            table = (self._inputs.as_of if registry else self._inputs.history)[name]
            if sides:
                as_of = pa.scalar(self._setting.nanos("as_of"), pa.int64()).cast(pa.timestamp("ns"))
                for end in ("valid_from", "valid_to"):
                    side = pc.less_equal(table.column(end).cast(pa.timestamp("ns")), as_of)
                    table = table.append_column(f"{end}_side", side)
            self._record_digests[at] = table_digest(table)
        return self._record_digests[at]

    # Running

    def _start(self) -> None:
        """Start the processes that will be needed, each with what its tests read."""
        for registry in (True, False):
            lacking = [
                plan
                for plan in self._plans.values()
                if isinstance(plan, _Plan)
                and (plan.test.kind is TestKind.REGISTRY) is registry
                and not all(self._knows(key) for key in plan.keys.values())
            ]
            if not lacking:
                continue
            controls = [plan.control.model_copy(update={"tests": (plan.test,)}) for plan in lacking]
            held = (
                registry_relations(self._inputs, self._setting, controls)
                if registry
                else history_relations(self._inputs, self._setting, controls, self.facts.table)
            )
            if self._limits is None:
                later = {name: make() for name, make in held.later.items()}
                self._confined[registry] = replace(held, tables={**held.tables, **later}).sandbox()
            else:
                process = held.confined(self._limits)
                process.start()
                self._confined[registry] = process

    def _run(self, plan: _Plan, lacking: Sequence[str]) -> None:
        """Run a test for what is not known of it; its items are fresh then."""
        sandbox = self._confined[plan.test.kind is TestKind.REGISTRY]
        owner: dict[str, str] = {}
        if plan.pieces is not None:
            events, owner = plan.pieces.events(lacking)
            sandbox.put("events", plain_times(events))
        elif plan.events is not None:
            sandbox.put("events", plain_times(plan.events.events(plan.events.cuts)))
        partition = plan.events.read.partition if plan.events else ""
        name = run_select(
            sandbox,
            plan.control,
            plan.test,
            plan.bound,
            self._setting.time_zone,
            partition=partition,
        )
        items = _fetched(sandbox, name)
        if not owner:
            for piece in lacking:
                self._fresh[plan.keys[piece]] = items.slice(0, items.num_rows)
            return
        of = pa.array([owner.get(value) for value in items.column(PARTITION).to_pylist()])
        for piece in lacking:
            self._fresh[plan.keys[piece]] = items.filter(pc.equal(of, piece))

    def _items(self, keys: Sequence[str]) -> pa.Table:
        """The items under some keys; one without an instant counts on the day judged."""
        found = [_ITEMS.empty_table()]
        found += [self._fresh[key] for key in keys if key in self._fresh]
        for folder, places in self._files.found([key for key in keys if key not in self._fresh]):
            path = folder.file("items")
            if path is not None:
                refs = [place for place, _ in places]
                table = pq.read_table(path, filters=[("ref", "in", refs)])
                found.append(table.drop_columns(["ref"]).cast(_ITEMS))
        table = pa.concat_tables(found)
        day = times.local_day(self._setting.clock.as_of, self._setting.time_zone)
        at = table.schema.get_field_index("local_day")
        days = pc.fill_null(table.column(at), day)
        return table.set_column(at, "local_day", days)


def _fetched(sandbox: SqlRunner, name: str) -> pa.Table:
    """The items of a table in a sandbox, page by page."""
    said = (
        "item_id, outcome, left(reason, 1000), epoch_ns(observed_at),"
        " case when observed_at is not null then local_day end, evidence_ref, agent_id, source_id,"
        f" missing, marks, attributes, {PARTITION}"
    )
    pages = [_ITEMS.empty_table()]
    for rows in _pages(sandbox, said, name):
        columns = list(zip(*rows, strict=True))
        arrays = [
            pa.array(values, pa.int64() if each.name == "observed_at" else each.type).cast(
                each.type
            )
            for values, each in zip(columns, _ITEMS, strict=True)
        ]
        pages.append(pa.Table.from_arrays(arrays, schema=_ITEMS))
    sandbox.rows(f"drop table {name}")
    return pa.concat_tables(pages)


def _pages(sandbox: SqlRunner, said: str, name: str) -> Iterator[list[tuple[Any, ...]]]:
    start = 0
    while True:
        rows = sandbox.rows(
            f"select {said} from {name} where rowid >= {start} and rowid < {start + _PAGE}"
        )
        if rows:
            yield rows
        if len(rows) < _PAGE:
            return
        start += _PAGE


def _tests(controls: Sequence[Control], kind: TestKind) -> Iterator[ControlTest]:
    return (test for control in controls for test in control.tests if test.kind is kind)


def _lookback(setting: Setting, test: ControlTest) -> int:
    try:
        return setting.duration(test.lookback)
    except MunimentError:
        return 0  # said when the test itself is evaluated


def _instant(value: Any) -> str:
    text = str(value.object if isinstance(value, duckdb.Value) else value)
    return times.normal_time(text.replace(" ", "T") + "Z")
