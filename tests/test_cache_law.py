"""The law of the cache: after any sequence of operations, incremental equals cold.

And exactly the partials were computed that rest on something not seen before, by an account that
knows nothing of keys (`tests/builders/cache_world.py`).
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from muniment.evaluation import unit_results
from muniment.evaluation.inputs import Setting
from muniment.store.open import create_store, open_store
from muniment.store.partial_files import PartialFiles
from tests.builders.cache_world import AGENTS, World

# Long enough ago that no event is of a day to come, which no evaluation would know.
PAST = "2025-11-01T00:00:00.000000000Z"
DAYS = st.integers(0, 34)
EXCEPTIONS = st.sampled_from(
    ["action_type = 'destructive'", "action_type = 'read'", "action_type <> 'write'"]
)


class Cache(RuleBasedStateMachine):
    """Imports, late news of every kind, edits; after each, the store is looked at both ways."""

    template: Path

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.store = open_store(shutil.copytree(self.template, self.folder / "store"))
        self.world = World(self.store, PAST)
        self.world.add_events(5, 8)
        self.first_day = 0

    def teardown(self) -> None:
        self.store.close()
        shutil.rmtree(self.folder)

    @rule(day=DAYS, count=st.integers(1, 9))
    def events_are_imported(self, day: int, count: int) -> None:
        self.world.add_events(day, count)

    @rule(day=DAYS, number=st.integers(0, 5), decision=st.sampled_from(["approved", "rejected"]))
    def approval_comes_late(self, day: int, number: int, decision: str) -> None:
        self.world.put("approval", day, approval_id=f"ap{number}", decision=decision)

    @rule(day=DAYS, agent=st.sampled_from((*AGENTS, "a9")), retired=st.booleans())
    def agent_is_back_dated(self, day: int, agent: str, retired: bool) -> None:
        status = "retired" if retired else "active"
        self.world.put("agent", day, agent_id=agent, name="A", lifecycle_status=status)

    @rule(day=DAYS, agent=st.sampled_from(AGENTS), tools=st.sampled_from((["refund"], ["wire"])))
    def grant_is_given(self, day: int, agent: str, tools: list[str]) -> None:
        self.world.put("permission_set", day, permission_set_id=agent, agent_id=agent, tools=tools)

    @rule(at=st.integers(0, 99), seal=st.booleans(), amount=st.integers(0, 200))
    def event_is_delivered_again(self, at: int, seal: bool, amount: int) -> None:
        self.world.deliver_again(at, seal, amount=f"{amount}.000000000")

    @rule(at=st.integers(0, 99), seal=st.booleans(), day=st.integers(1, 30))
    def time_of_an_event_is_corrected(self, at: int, seal: bool, day: int) -> None:
        at_noon = f"2025-11-{day:02d}T12:00:00.000000000Z"
        self.world.deliver_again(at, seal, event_time=at_noon)

    @rule(at=st.integers(0, 99))
    def event_is_erased(self, at: int) -> None:
        self.world.erase(at)

    @rule(exception=EXCEPTIONS)
    def control_is_edited(self, exception: str) -> None:
        self.world.edit("plain", exception=exception)

    @rule(value=st.sampled_from((50, 100)))
    def parameter_is_changed(self, value: int) -> None:
        self.world.limit(value)

    @rule(first_day=st.sampled_from((0, 3, 10)))
    def period_is_moved(self, first_day: int) -> None:
        self.first_day = first_day

    @invariant()
    def what_was_new_was_computed(self) -> None:
        setting = self.world.setting(self.first_day, 20)
        expected = self.world.expected(setting)
        assert self.world.computed(setting) == expected
        if expected:
            self.looked_at_both_ways(setting)

    def looked_at_both_ways(self, setting: Setting) -> None:
        incremental = self.world.results(setting)
        assert incremental == self.world.in_memory(setting)
        assert incremental == self.world.cold(setting)


def run(examples: int, steps: int, folder: Path) -> None:
    create_store(
        folder / "template", organisation="E", time_zone="Europe/Berlin", recorded_by="founder"
    ).close()
    Cache.template = folder / "template"
    run_state_machine_as_test(
        Cache,
        settings=settings(
            max_examples=examples, stateful_step_count=steps, deadline=None, derandomize=True,
            database=None, suppress_health_check=list(HealthCheck),
        ),
    )  # fmt: skip


def test_cache_after_any_operations_equals_cold_and_computes_what_is_new(tmp_path: Path) -> None:
    run(1, 5, tmp_path)


@pytest.mark.soak
def test_cache_after_many_operations_equals_cold_and_computes_what_is_new(tmp_path: Path) -> None:
    run(int(os.environ.get("MUNIMENT_CACHE_EXAMPLES", "60")), 25, tmp_path)


# Each kind of news, on a world of three units; what happens to it is one statement.
NEWS: dict[str, Callable[[World], object]] = {
    "a day is imported": lambda w: w.add_events(12, 9),
    "an approval comes late": lambda w: w.put(
        "approval", 1, approval_id="ap2", decision="rejected"),
    "an agent is back-dated": lambda w: w.put(
        "agent", 2, agent_id="a2", name="A", lifecycle_status="retired"),
    "a grant begins after all events": lambda w: w.put(
        "permission_set", 25, permission_set_id="a1", agent_id="a1", tools=["refund"]),
    "a grant is back-dated": lambda w: w.put(
        "permission_set", 2, permission_set_id="a3", agent_id="a3", tools=["wire"]),
    "an event is delivered again": lambda w: w.deliver_again(2, False, amount="149.000000000"),
    "a time is corrected": lambda w: w.deliver_again(
        4, True, event_time="2025-11-20T12:00:00.000000000Z"),
    "an event is erased": lambda w: w.erase(6),
    "a control is edited": lambda w: w.edit("plain", exception="action_type = 'read'"),
    "a parameter is changed": lambda w: w.limit(50),
}  # fmt: skip


def test_each_kind_of_news_computes_what_rests_on_it_and_equals_cold(tmp_path: Path) -> None:
    with create_store(
        tmp_path / "s", organisation="E", time_zone="Europe/Berlin", recorded_by="founder"
    ) as store:
        world = World(store, PAST)
        world.put("agent", 0, agent_id="a1", name="A", lifecycle_status="active")
        world.put("permission_set", 0, permission_set_id="p1", agent_id="a1", tools=["wire"])
        world.put("approval", 0, approval_id="ap0", decision="approved")
        for day in (3, 5, 7):
            world.add_events(day, 8)
        world.computed(world.setting())
        world.expected(world.setting())
        for news, happens in NEWS.items():
            happens(world)
            setting = world.setting()
            expected = world.expected(setting)
            assert world.computed(setting) == expected, news
            assert bool(expected) == (news != "a grant begins after all events"), news
        assert world.results(setting) == world.in_memory(setting) == world.cold(setting)


@pytest.mark.parametrize("few", [0, unit_results.FEW_PIECES])
def test_rows_that_hold_at_an_event_are_found_by_either_join(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, few: int
) -> None:
    monkeypatch.setattr(unit_results, "FEW_PIECES", few)
    with create_store(
        tmp_path / "s", organisation="E", time_zone="Europe/Berlin", recorded_by="founder"
    ) as store:
        world = World(store, PAST)
        for day in (3, 4, 9):
            world.add_events(day, 9)
            status = "retired" if day == 4 else "active"
            world.put("agent", day, agent_id="a1", name="A", lifecycle_status=status)
            world.put("permission_set", day, permission_set_id=f"p{day}", agent_id="a2",
                      tools=["wire", f"t{day}"])  # fmt: skip
            world.put("approval", day, approval_id=f"ap{day % 6}", decision="approved")
        setting = world.setting()
        found = world.results(setting)
        assert found == world.in_memory(setting)
        assert {t.state.value for result in found for t in result.tests} >= {"fail"}


def test_two_controls_with_the_same_test_have_each_their_own_result(tmp_path: Path) -> None:
    with create_store(
        tmp_path / "s", organisation="E", time_zone="Europe/Berlin", recorded_by="founder"
    ) as store:
        world = World(store, PAST)
        world.controls = {
            name: world.controls["plain"].model_copy(update={"id": name}) for name in ("A-1", "A-2")
        }
        world.add_events(3, 12)
        first, second = world.results(world.setting())
        assert first.tests[0].population == second.tests[0].population == 12


def test_partials_that_were_changed_on_disk_are_computed_again(tmp_path: Path) -> None:
    with create_store(
        tmp_path / "s", organisation="E", time_zone="Europe/Berlin", recorded_by="founder"
    ) as store:
        world = World(store, PAST)
        world.add_events(3, 12)
        setting = world.setting()
        first = world.results(setting)
        for path in store.layout.partials.rglob("counts.parquet"):
            content = bytearray(path.read_bytes())
            content[len(content) // 2] ^= 1
            path.write_bytes(content)
        (next(store.layout.partials.glob("P-*")) / "index.json").write_text("{")
        assert world.results(setting) == first
        files = PartialFiles(store.layout.partials)
        assert files.root.is_dir() and not list(files.root.glob("*.tmp"))
