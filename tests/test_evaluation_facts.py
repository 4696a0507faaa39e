"""Facts: what they count, and that the facts of two halves merge into those of the whole."""

from __future__ import annotations

from typing import Any

import pytest

from muniment.catalog.controls_select import FACTS as NAMES
from muniment.evaluation.facts import FACTS, MERGE
from muniment.evaluation.inputs import Inputs
from muniment.evaluation.relations import history_relations
from muniment.evaluation.sandbox import Sandbox
from muniment.model.outcomes import TestKind
from muniment.sealing.log import AuditLog
from muniment.store.lives import read_lives
from muniment.store.open import Store
from tests.builders.controls import SETTING, control, event, inputs, registry_test
from tests.builders.entries import entry, table

EVENTS = [
    event("e1", event_time="2026-10-30T10:00:00Z", source_seq=1),
    event("e2", event_time="2026-11-20T10:00:00Z", source_seq=2, context_refs=["crm", "erp"]),
    event("e3", event_time="2026-11-20T11:00:00Z", source_seq=5, executed=False),
    event("e4", event_time="2026-11-20T12:00:00Z", source_seq=4, model="m1", target_name="lookup"),
    event("e5", event_time="2026-11-21T12:00:00Z", source_seq=4, agent_id=None,
          redacted_fields=["agent_id", "context_refs"]),
    event("e6", event_time="2026-12-01T00:00:00Z", source_seq=9),
]  # fmt: skip


def sandbox(given: Inputs, *facts: str) -> Sandbox:
    test = registry_test("select 1", facts=facts).model_copy(update={"kind": TestKind.FACTS})
    return history_relations(given, SETTING, [control(test)]).sandbox()


def rows(given: Inputs, name: str, columns: str = "*") -> list[Any]:
    with sandbox(given, name) as opened:
        return opened.rows(f"select {columns} from {name} order by all")


def test_names_of_facts_are_those_that_the_catalog_knows() -> None:
    assert set(NAMES) == {*FACTS, "source_run", "agent_life"}


def test_events_before_the_period_are_marked_and_those_after_it_left_out() -> None:
    columns = "day, in_period, agent_id_state, events, executed, blocked, first_event_id"
    assert rows(inputs(events=EVENTS), "agent_day", columns) == [
        ("2026-10-30", False, "stated", 1, 1, 0, "e1"),
        ("2026-11-20", True, "stated", 3, 2, 1, "e2"),
        ("2026-11-21", True, "redacted", 1, 1, 0, "e5"),
    ]


def test_each_data_source_of_a_decision_is_a_row_and_none_stays_one() -> None:
    columns = "agent_id, data_source_id, context_refs_state, events"
    assert rows(inputs(events=EVENTS[1:5]), "context_day", columns) == [
        ("a1", "crm", "stated", 1), ("a1", "erp", "stated", 1), ("a1", None, "not_carried", 2),
        (None, None, "redacted", 1),
    ]  # fmt: skip


def test_running_numbers_become_unbroken_runs_and_one_used_twice_counts_once() -> None:
    columns = "first_seq, last_seq, first_event_id, last_event_id"
    assert rows(inputs(events=EVENTS), "source_run", columns) == [
        (1, 2, "e1", "e2"), (4, 5, "e4", "e3"),
    ]  # fmt: skip


@pytest.mark.parametrize("name", FACTS)
def test_facts_of_two_halves_merge_into_those_of_the_whole(name: str) -> None:
    half = [inputs(events=EVENTS[n::2]) for n in (0, 1)]
    with sandbox(half[0], name) as one, sandbox(half[1], name) as two:
        parts = {
            f"part_{n}": each.arrow(f"select * from {name}") for n, each in ((1, one), (2, two))
        }
    columns = ", ".join([*(key for key, _ in FACTS[name].keys), "in_period", *MERGE.values()])
    merged = f"select {columns} from halves group by all order by all"
    both = "create view halves as select * from part_1 union all select * from part_2"
    with Sandbox(parts, [both]) as opened:
        assert opened.rows(merged) == rows(inputs(events=EVENTS), name)


def test_lives_look_at_the_whole_log_sealed_or_not(sqlite_store: Store) -> None:
    log = AuditLog(sqlite_store)
    log.append(table(entry(1, agent_id="a1", event_time="2020-01-01T00:00:00.000000000Z")))
    log.seal()
    log.append(table(entry(2, agent_id="a1"), entry(3, agent_id=None)))
    late, before = "2200-01-01T00:00:00.000000000Z", "2026-11-20T08:00:00.000000001Z"
    found = read_lives(sqlite_store.audit, known_at=late, before=before).to_pylist()
    lives = {row["agent_id"]: row for row in found}
    assert lives["a1"]["events"] == 2
    assert str(lives["a1"]["first_event_time"])[:10] == "2020-01-01"
    assert lives[None]["agent_id_state"] == "not_carried"
    earlier = read_lives(sqlite_store.audit, known_at=late, before="2026-11-20T08:00:00.000000000Z")
    assert earlier.column("events").to_pylist() == [1]
