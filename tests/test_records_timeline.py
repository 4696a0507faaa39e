"""Any sequence of statements gives, for every as_of and known_at, what a naive model gives."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from muniment.store.open import Store, create_store
from muniment.store.records import RecordPut
from tests.builders.records import person, put

DAYS = [f"2026-03-{day:02d}T00:00:00.000000000Z" for day in range(1, 6)]
KEYS = ["ana", "ben"]
TEAMS = ["red", "blue", None]

statements = st.tuples(st.sampled_from(KEYS), st.sampled_from(DAYS), st.sampled_from(TEAMS))
Timelines = dict[str, dict[str, str | None]]


class NaiveModel:
    """A key's timeline is a mapping of day to team; every state of it is kept for ever."""

    def __init__(self) -> None:
        self.now: Timelines = {key: {} for key in KEYS}
        self.known: list[tuple[str, Timelines]] = []

    def state(self, key: str, day: str, team: str | None) -> str:
        timeline = self.now[key]
        earlier = [each for each in timeline if each <= day]
        if not earlier:
            timeline[day] = team
            return "inserted"
        if timeline[max(earlier)] == team:
            return "unchanged"
        timeline[day] = team
        return "superseding"

    def remember(self, instant: str) -> None:
        copied = {key: dict(timeline) for key, timeline in self.now.items()}
        self.known.append((instant, copied))

    @staticmethod
    def as_of(timelines: Timelines, day: str) -> dict[str, str | None]:
        found = {}
        for key, timeline in timelines.items():
            earlier = [each for each in timeline if each <= day]
            if earlier:
                found[key] = timeline[max(earlier)]
        return found


class TwoClocks(RuleBasedStateMachine):
    """Statements in any order, early, late and repeated, singly and in calls of several."""

    @initialize()
    def start(self) -> None:
        self.folder = Path(tempfile.mkdtemp())
        self.store: Store = create_store(
            self.folder / "store", organisation="Example", time_zone="UTC", recorded_by="ana"
        )
        self.model = NaiveModel()

    @rule(statement=statements)
    def put_one(self, statement: tuple[str, str, str | None]) -> None:
        key, day, team = statement
        expected = self.model.state(key, day, team)
        outcome, instant = put(self.store, "person", person(key, team_id=team), day)
        assert outcome == expected
        self.model.remember(instant)

    @rule(several=st.lists(statements, max_size=6))
    def put_several(self, several: list[tuple[str, str, str | None]]) -> None:
        expected = [self.model.state(*statement) for statement in several]
        puts = [RecordPut(person(key, team_id=team), day) for key, day, team in several]
        with self.store.records.writing() as writer:
            outcomes = writer.put_many("person", puts, recorded_by="ana", source_id="hr")
            instant = writer.recorded_at
        assert outcomes == expected
        self.model.remember(instant)

    @invariant()
    def every_question_has_the_naive_answer(self) -> None:
        for known_at, timelines in self.model.known[-5:]:
            for day in DAYS:
                rows = self.store.records.rows_as_of("person", day, known_at)
                found = {row["person_id"]: row["team_id"] for row in rows}
                assert len(rows) == len(found), "two rows of one key hold at once"
                assert found == NaiveModel.as_of(timelines, day)

    @invariant()
    def known_rows_join_without_gap_or_overlap(self) -> None:
        for known_at, _ in self.model.known[-1:]:
            rows = self.store.records.history("person", known_at)
            for key in KEYS:
                mine: list[dict[str, Any]] = [row for row in rows if row["person_id"] == key]
                ends = [row["valid_to"] for row in mine]
                assert ends == [row["valid_from"] for row in mine[1:]] + [None] * bool(mine)

    def teardown(self) -> None:
        if hasattr(self, "store"):
            self.store.close()
            shutil.rmtree(self.folder)


@pytest.mark.parametrize("seed", range(2))
def test_random_statements_give_the_naive_answers_on_every_database(
    store: Store, seed: int
) -> None:
    random, model = Random(seed), NaiveModel()
    for _ in range(30):
        key, day, team = random.choice(KEYS), random.choice(DAYS), random.choice(TEAMS)
        expected = model.state(key, day, team)
        outcome, instant = put(store, "person", person(key, team_id=team), day)
        assert outcome == expected
        model.remember(instant)
    for known_at, timelines in model.known:
        for day in DAYS:
            rows = store.records.rows_as_of("person", day, known_at)
            assert {row["person_id"]: row["team_id"] for row in rows} == model.as_of(timelines, day)


QUICK = settings(
    max_examples=6,
    stateful_step_count=12,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
TestTwoClocks = TwoClocks.TestCase
TestTwoClocks.settings = QUICK


@pytest.mark.soak
def test_a_hundred_timelines_give_the_naive_answers() -> None:
    run_state_machine_as_test(TwoClocks, settings=settings(QUICK, max_examples=100))
