"""A store to which things happen, and a naive account of what each partial rests on."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from muniment.evaluation.engine import evaluate_controls, evaluate_inputs, evaluate_units
from muniment.evaluation.gather import WITHOUT_EVENTS_TESTS, gather_inputs
from muniment.evaluation.inputs import Setting
from muniment.model.controls import Attribute, Control, Parameter
from muniment.model.results import Clock, ControlResult
from muniment.model.times import format_time, to_nanos
from muniment.sealing.log import AuditLog
from muniment.sealing.redaction import redact_events
from muniment.store.encoder import entry_rows
from muniment.store.open import Store
from muniment.store.segment_files import SegmentInfo
from muniment.store.units import units_of
from tests.builders.controls import control, events_test
from tests.builders.entries import deliver, entry

DAY = 86_400 * 10**9
START = "2026-11-01T00:00:00.000000000Z"
AGENTS = ("a1", "a2", "a3")
LIMIT = Parameter(name="most_amount", value=100, unit="EUR", reason="a limit for tests")
# By test: what it reads of an event, and of what it joins.
READS: dict[str, tuple[tuple[str, ...], dict[str, tuple[str, ...]]]] = {
    "plain": (("action_type",), {}),
    "limit": (("amount",), {}),
    "status": (("agent_id",), {"agent": ("lifecycle_status",)}),
    "tools": (("target_name",), {"permission_set": ("tools",)}),
    "approved": (("approval_id",), {"approval": ("decision",)}),
}
_TESTS = {
    "plain": events_test(id="plain"),
    "limit": events_test(
        id="limit", population="amount is not null", exception="amount > $most_amount",
        needs=("amount",),
    ),
    "status": events_test(
        id="status", joins=("agent",), needs=("agent", "agent.lifecycle_status"),
        exception="case when not agent.found then null else agent.lifecycle_status = 'retired' end",
    ),
    "tools": events_test(
        id="tools", joins=("permission_set",), needs=("target_name",),
        exception=None, population="target_name is not null",
        attributes=(
            Attribute(letter="A", title="granted",
                      exception="not list_contains(permission_set.tools, target_name)"),
            Attribute(letter="B", title="known", population="executed",
                      exception="not permission_set.found"),
        ),
    ),
    "approved": events_test(
        id="approved", joins=("approval",), population="not is_empty('approval_id')",
        exception="case when approval.found then approval.decision <> 'approved' end",
        needs=("approval_id", "approval.decision"),
    ),
}  # fmt: skip


@dataclass
class World:
    """A store, the controls that look at it, and every account seen so far."""

    store: Store
    start: str = START
    controls: dict[str, Control] = field(default_factory=dict)
    parameters: dict[str, Parameter] = field(default_factory=lambda: {LIMIT.name: LIMIT})
    seen: set[Any] = field(default_factory=set)
    number: int = 0
    events: dict[str, dict[str, Any]] = field(default_factory=dict)
    rows: dict[tuple[int, int], list[dict[str, Any]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for n, (name, test) in enumerate(_TESTS.items()):
            of = control(test, id=f"TST-{n:02d}", parameters=(LIMIT.name,))
            self.controls[name] = of
        AuditLog(self.store).seal()

    # What happens

    def add_events(self, day: int, count: int, **columns: Any) -> None:
        """Seal a segment with events of one day, of all agents in turn."""
        rows = []
        for n in range(count):
            self.number += 1
            at = to_nanos(self.start) + day * DAY + (n + 1) * 10**9
            usual = {
                "event_time": format_time(at), "agent_id": AGENTS[self.number % 3],
                "action_type": ("write", "destructive", "read")[self.number % 3 if n % 2 else 0],
                "amount": f"{self.number * 7 % 150}.000000000" if n % 3 else None,
                "target_name": ("refund", "wire")[n % 2], "executed": n % 4 != 0,
                "approval_id": f"ap{self.number % 6}" if n % 2 else None,
                "ingested_at": format_time(at + 10**9),
            }  # fmt: skip
            row = entry(self.number, **{**usual, **columns})
            rows.append({k: v for k, v in row.items() if v is not None})
            self.events[row["event_id"]] = rows[-1]
        deliver(AuditLog(self.store), *rows)
        AuditLog(self.store).seal()

    def deliver_again(self, at: int, seal: bool, **columns: Any) -> None:
        """Another delivery of an event, with other values."""
        if not self.events:
            return
        event_id = sorted(self.events)[at % len(self.events)]
        row = {**self.events[event_id], **columns}
        deliver(AuditLog(self.store), {k: v for k, v in row.items() if v is not None})
        if seal:
            AuditLog(self.store).seal()

    def erase(self, at: int) -> None:
        """Erase what an event said, for good."""
        if self.events:
            event_id = sorted(self.events)[at % len(self.events)]
            del self.events[event_id]
            redact_events(self.store, [event_id], reason="r", approved_by="dpo@example.org")

    def put(self, table: str, day: int, **values: Any) -> None:
        """State a record row that holds from a day on."""
        with self.store.records.writing() as writer:
            writer.put(
                table, values, valid_from=format_time(to_nanos(self.start) + day * DAY),
                recorded_by="clerk@example.org", source_id="records",
            )  # fmt: skip

    def edit(self, name: str, **changes: Any) -> None:
        """Another text of a control's test."""
        of = self.controls[name]
        test = of.tests[0].model_copy(update=changes)
        self.controls[name] = of.model_copy(update={"tests": (test,)})

    def limit(self, value: int) -> None:
        """Another value of the parameter."""
        self.parameters = {LIMIT.name: LIMIT.model_copy(update={"value": value})}

    # Looking at it

    def setting(self, first_day: int = 0, days: int = 30) -> Setting:
        """A period of whole days, as everything is known now."""
        begin, end = (
            format_time(to_nanos(self.start) + n * DAY) for n in (first_day, first_day + days)
        )
        known_at = self.store.records.settled_now()
        return Setting(Clock(begin, end, end, known_at), "Europe/Berlin", self.parameters)

    def results(self, setting: Setting, library: Iterable[str] = ()) -> tuple[ControlResult, ...]:
        """Results with the partials that are there."""
        return evaluate_controls(
            self.store, self._library(library), setting.parameters, setting.clock,
            time_zone=setting.time_zone,
        )  # fmt: skip

    def cold(self, setting: Setting) -> tuple[ControlResult, ...]:
        """Results with no partial known; those that are there stay."""
        cache, aside = self.store.layout.cache, self.store.layout.root / "aside"
        if cache.exists():
            cache.rename(aside)
        try:
            return self.results(setting)
        finally:
            shutil.rmtree(cache, ignore_errors=True)
            if aside.exists():
                aside.rename(cache)

    def in_memory(self, setting: Setting) -> tuple[ControlResult, ...]:
        """Results by the other way: all events in one table, each test by itself."""
        inputs = gather_inputs(self.store, self.controls.values(), setting)
        return evaluate_inputs(inputs, self._library(), setting)

    def computed(self, setting: Setting) -> set[tuple[str, str]]:
        """(test, unit) of the partials that had to be computed, whole populations left out."""
        controls = tuple(self.controls.values())
        inputs = gather_inputs(self.store, controls, setting, kinds=WITHOUT_EVENTS_TESTS)
        found = evaluate_units(self.store, inputs, controls, setting)
        return {(name.split("_")[1], unit) for name, unit in found.computed}

    def _library(self, names: Iterable[str] = ()) -> dict[str, Control]:
        chosen = list(names) or list(self.controls)
        return {self.controls[name].id: self.controls[name] for name in chosen}

    # The naive account

    def expected(self, setting: Setting) -> set[tuple[str, str]]:
        """What must be computed now: every account of a test over a unit not seen before."""
        due = set()
        for name in self.controls:
            for unit, account in self._accounts(name, setting):
                if account not in self.seen:
                    due.add((name, unit))
                self.seen.add(account)
        return due

    def _accounts(self, name: str, setting: Setting) -> list[tuple[str, Any]]:
        reader, clock = self.store.audit, setting.clock
        view = reader.view()
        changes = reader.changes(view, clock.known_at)
        test = self.controls[name].tests[0]
        text = (test.population, test.exception, str(test.attributes), test.reason)
        limit = self.parameters[LIMIT.name].value if name == "limit" else None
        found = []
        for unit in units_of(view.segments, self.store.erased_files()):
            rows = [row for s in unit.segments for row in self.rows_of(s)]
            said = {r["event_id"]: changes[r["event_id"]] for r in rows if r["event_id"] in changes}
            moved = any("event_time" in each for each in said.values())
            times = [r["event_time"] for r in rows] + [r["ingested_at"] for r in rows]
            if not moved and (max(times) < clock.period_start or min(times) >= clock.period_end):
                continue
            cut = moved or min(times) < clock.period_start or max(times) >= clock.period_end
            window = (clock.period_start, clock.period_end) if cut else None
            now = [{**row, **said.get(row["event_id"], {})} for row in rows]
            if window:
                now = [r for r in now if window[0] <= r["event_time"] < window[1]]
            columns, joins = READS[name]
            read = {*columns, "event_time", "agent_id", "empty_fields", "executed"}
            if name == "tools":
                read.add("target_name")
            else:
                read.discard("executed")
            own = tuple(
                (event_id, tuple(sorted((k, str(v)) for k, v in each.items() if k in read)))
                for event_id, each in sorted(said.items())
                if set(each) & read
            )
            met = tuple(self._met(join, cols, now, clock) for join, cols in joins.items())
            found.append((unit.digest, (name, text, limit, unit.digest, window, own, met)))
        return found

    def rows_of(self, segment: SegmentInfo) -> list[dict[str, Any]]:
        """The events of a segment as its file now holds them."""
        key = (segment.no, segment.path.stat().st_ino)
        if key not in self.rows:
            rows = entry_rows(self.store.audit.table(segment))
            self.rows[key] = [row for row in rows if row["entry_kind"] == "event"]
        return self.rows[key]

    def _met(
        self, table: str, columns: tuple[str, ...], rows: list[dict[str, Any]], clock: Clock
    ) -> Any:
        """What the events can meet in a record table: by thing, the rows over its events' time."""
        history = self.store.records.history(table, clock.known_at)
        key = "approval_id" if table == "approval" else "agent_id"
        met: list[Any] = [bool(history)]
        for thing in sorted({row[key] for row in rows if row.get(key)}):
            times = [row["event_time"] for row in rows if row.get(key) == thing]
            first, last = min(times), max(times)
            held = [row for row in history if row[key] == thing]
            if table == "approval":
                held = [row for row in held if row["valid_from"] <= clock.as_of][-1:]
                met.append((thing, [tuple(str(r.get(c)) for c in columns) for r in held]))
                continue
            over = [
                (max(row["valid_from"], first), *(str(row.get(c)) for c in columns))
                for row in held
                if row["valid_from"] <= last and (row["valid_to"] or "9") > first
            ]
            met.append((thing, bool(held), tuple(over)))
        return repr(met)


def without_samples(results: tuple[ControlResult, ...]) -> tuple[ControlResult, ...]:
    """Results without what depends on how a large population is drawn from."""
    return tuple(
        replace(
            result,
            tests=tuple(replace(t, sample=(), sample_seed="", sample_seed_basis="")
                        for t in result.tests),
        )
        for result in results
    )  # fmt: skip
