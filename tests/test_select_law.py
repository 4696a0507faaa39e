"""The law of the cache for SELECT tests: after any sequence of operations, incremental equals cold.

Facts of units, and items of sequence tests by unit, are computed exactly where something that they
rest on was not seen before, by an account that knows nothing of keys. Real controls are evaluated:
traces and conversations go by partitions, budgets are evaluated whole, the others read facts.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from muniment.evaluation.engine import evaluate_inputs
from muniment.evaluation.facts import FACTS
from muniment.evaluation.gather import gather_inputs
from muniment.evaluation.inputs import Setting
from muniment.evaluation.select_results import OverStore
from muniment.evaluation.unit_log import log_parts
from muniment.model.controls import Control
from muniment.model.outcomes import TestKind
from muniment.model.results import ControlResult
from muniment.model.times import format_time, to_nanos
from muniment.store.open import Store, open_store
from muniment.store.units import units_of
from tests.builders.cache_world import AGENTS, DAY, START, World
from tests.builders.controls import CONTROLS, PARAMETERS

DAYS = st.integers(0, 34)
CHOSEN = {
    id: CONTROLS[id].model_copy(
        update={"tests": tuple(t for t in CONTROLS[id].tests if t.kind is not TestKind.EVENTS)}
    )
    for id in ("AUD-02", "TRN-02", "DEV-04", "OVR-06", "AUD-03", "INT-03", "IDN-01", "BND-03",
               "SUP-01", "OWN-01", "DAT-01")
}  # fmt: skip
FEW = ("AUD-02", "DAT-01", "AUD-03")


@dataclass
class Looking:
    """A store seen through partials, and each account of a piece seen so far."""

    world: World
    controls: dict[str, Control]
    seen: set[Any] = field(default_factory=set)

    @property
    def store(self) -> Store:
        return self.world.store

    def setting(self, first_day: int, days: int) -> Setting:
        given = self.world.setting(first_day, days)
        return Setting(given.clock, given.time_zone, PARAMETERS)

    def incremental(self, setting: Setting) -> tuple[tuple[ControlResult, ...], OverStore]:
        inputs = gather_inputs(self.store, self.controls.values(), setting, kinds=())
        parts = log_parts(self.store, setting.clock.known_at)
        every = tuple(self.controls.values())
        over = OverStore(self.store.layout, parts, inputs, setting, every, limits=None)
        return evaluate_inputs(inputs, self.controls, setting, selects=over), over

    def whole(self, setting: Setting) -> tuple[ControlResult, ...]:
        """Each test by itself, over all events from its own lookback, in one table."""
        results = []
        for id, control in self.controls.items():
            inputs = gather_inputs(self.store, [control], setting)
            results += evaluate_inputs(inputs, {id: control}, setting)
        return tuple(results)

    def expected_facts(self, setting: Setting) -> set[tuple[str, str]]:
        """Facts of units that rest on something not seen before."""
        reader, clock = self.store.audit, setting.clock
        view = reader.view()
        changes = reader.changes(view, clock.known_at)
        back = to_nanos(clock.period_start) - DAY  # the lookback of AUD-03
        start, end = format_time(back), clock.period_end
        due = set()
        for unit in units_of(view.segments, self.store.erased_files()):
            rows = [row for s in unit.segments for row in self.world.rows_of(s)]
            times = [r["event_time"] for r in rows] + [r["ingested_at"] for r in rows]
            first, last = min(times), max(times)
            said = {r["event_id"]: changes[r["event_id"]] for r in rows if r["event_id"] in changes}
            moved = any("event_time" in each for each in said.values())
            for name in {*FACTS, "source_run", "agent_life"}:
                if not any(name in t.facts for c in self.controls.values() for t in c.tests):
                    continue
                if name == "agent_life":
                    account = (name, unit.digest, last >= clock.as_of and clock.as_of)
                    inside = first < clock.as_of
                else:
                    inside = moved or (last >= start and first < end)
                    cut = moved or first < start or last >= end
                    side = name != "source_run" and (
                        clock.period_start
                        if moved or first < clock.period_start <= last
                        else first >= clock.period_start
                    )
                    account = (name, unit.digest, cut and (start, end), side, _read(name, said))
                if inside and account not in self.seen:
                    due.add((name, unit.digest))
                if inside:
                    self.seen.add(account)
        return due


def _read(name: str, said: dict[str, dict[str, Any]]) -> Any:
    columns = {"event_time", "agent_id", "executed", "outcome", "source_id", "source_class",
               "redacted_fields", "empty_fields", "ingested_at"}  # fmt: skip
    columns |= {"source_seq"} if name in ("source_hour", "source_run") else set()
    columns |= set(FACTS[name].reads) if name in FACTS else set()
    return repr(sorted(
        (event, sorted((k, v) for k, v in each.items() if k in columns))
        for event, each in said.items() if columns & set(each)
    ))  # fmt: skip


class Selects(RuleBasedStateMachine):
    """Imports, late news of every kind, moved clocks; after each, looked at both ways."""

    template: Path
    controls: dict[str, Control]

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.store = open_store(shutil.copytree(self.template, self.folder / "store"))
        self.looking = Looking(World(self.store), self.controls)
        self.world = self.looking.world
        self.first_day, self.days = 3, 20
        self.runs_are_imported(5, 7, 3)

    def teardown(self) -> None:
        self.store.close()
        shutil.rmtree(self.folder)

    @rule(day=DAYS, count=st.integers(1, 9), traces=st.integers(1, 4))
    def runs_are_imported(self, day: int, count: int, traces: int) -> None:
        for n in range(count):
            at = to_nanos(START) + day * DAY + (self.world.number % 50) * 60 * 10**9
            trace = f"t{day // 2}-{n % traces}"
            last = n >= count - traces
            self.world.add_events(
                day, 1, trace_id=trace, conversation_id=trace, source_seq=self.world.number % 40,
                span_id=f"s{self.world.number}", event_time=format_time(at),
                trigger_kind=None if n % 3 else "schedule", outcome="success" if last else None,
                action_type=("message", "model_call", "write")[n % 3], cost_usd="1.500000000",
                model=("m1", "m2")[n % 2], context_refs=["crm"] if n % 2 else None,
                team_id="team", disclosure="ai" if n % 4 == 0 else None,
                end_time=format_time(at + (n % 3) * DAY // 4),
            )  # fmt: skip

    @rule(day=DAYS, agent=st.sampled_from((*AGENTS, "a9")), talks=st.booleans())
    def agent_is_back_dated(self, day: int, agent: str, talks: bool) -> None:
        self.world.put("agent", day, agent_id=agent, name="A", lifecycle_status="active",
                       talks_to_people=talks)  # fmt: skip

    @rule(day=DAYS, limit=st.integers(1, 6))
    def budget_is_set(self, day: int, limit: int) -> None:
        self.world.put("budget", day, budget_id="b", owner_kind="team", owner_ref="team",
                       period="month", limit_usd=f"{limit}.000000000")  # fmt: skip

    @rule(at=st.integers(0, 99), seal=st.booleans(), trace=st.sampled_from(["t1-0", "t2-1", "x"]))
    def event_is_delivered_again(self, at: int, seal: bool, trace: str) -> None:
        self.world.deliver_again(at, seal, trace_id=trace)

    @rule(at=st.integers(0, 99), seal=st.booleans(), day=st.integers(1, 30))
    def time_of_an_event_is_corrected(self, at: int, seal: bool, day: int) -> None:
        at_noon = f"2026-11-{day:02d}T12:00:00.000000000Z"
        self.world.deliver_again(at, seal, event_time=at_noon)

    @rule(at=st.integers(0, 99))
    def event_is_erased(self, at: int) -> None:
        self.world.erase(at)

    @rule(first_day=st.sampled_from((0, 3, 10)), days=st.sampled_from((12, 20, 21)))
    def clocks_are_moved(self, first_day: int, days: int) -> None:
        self.first_day, self.days = first_day, days

    @invariant()
    def what_was_new_was_computed(self) -> None:
        setting = self.looking.setting(self.first_day, self.days)
        expected = self.looking.expected_facts(setting)
        results, over = self.looking.incremental(setting)
        assert set(over.facts.computed) == expected
        assert results == self.looking.whole(setting)
        again, over = self.looking.incremental(setting)
        assert (again, over.work.computed, over.facts.computed) == (results, [], [])


def run(examples: int, steps: int, template: Path, names: Iterable[str]) -> None:
    Selects.template = template
    Selects.controls = {name: CHOSEN[name] for name in names}
    run_state_machine_as_test(
        Selects,
        settings=settings(
            max_examples=examples, stateful_step_count=steps, deadline=None, derandomize=True,
            database=None, suppress_health_check=list(HealthCheck),
        ),
    )  # fmt: skip


def test_selects_after_any_operations_equal_cold_and_compute_what_is_new(
    empty_sqlite: Path,
) -> None:
    run(1, 3, empty_sqlite, FEW)


@pytest.mark.soak
def test_selects_after_many_operations_equal_cold_and_compute_what_is_new(
    empty_sqlite: Path,
) -> None:
    run(int(os.environ.get("MUNIMENT_CACHE_EXAMPLES", "40")), 20, empty_sqlite, CHOSEN)
