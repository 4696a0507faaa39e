"""The engine: three-valued outcomes, grants, samples, counts by day, and errors that stay put."""

from __future__ import annotations

import dataclasses
import hashlib

import pytest

from muniment.evaluation.engine import evaluate_inputs
from muniment.evaluation.inputs import Setting
from muniment.evaluation.sampling import sample_rank, sample_seed
from muniment.model.controls import Attribute, TestCase
from muniment.model.outcomes import Outcome, State
from muniment.model.results import Clock
from tests.builders.controls import (
    CONTROLS,
    PARAMETERS,
    SETTING,
    control,
    evaluate,
    event,
    events_test,
    inputs,
    registry_test,
)

BROKEN = events_test(id="broken", exception="cast(target_name as bigint) > 5")
GOOD_ROW = (
    "select agent_id as item_id, 'pass' as outcome, 'r' as reason, valid_from as observed_at, "
    "'record/agent/' || row_id as evidence_ref from agent"
)
AGENTS = [{"agent_id": "a1", "name": "One"}, {"agent_id": "a2", "name": "Two"}]


def test_error_in_one_test_stops_no_other() -> None:
    given = inputs(events=[event(action_type="destructive")])
    bad, good = evaluate(
        given,
        control(BROKEN, id="TST-01"),
        control(events_test(), id="TST-02"),
    )
    assert bad.state is State.ERROR
    assert "Could not convert string" in bad.tests[0].error
    assert (good.state, good.exceptions) == (State.FAIL, 1)


def test_parameter_that_nobody_defined_is_an_error_of_its_control() -> None:
    lost, good = evaluate(
        inputs(events=[event()]),
        control(events_test(), id="TST-01", parameters=("not_there",)),
        control(events_test(), id="TST-02"),
    )
    assert lost.state is State.ERROR
    assert "parameter `not_there` is not defined" in lost.tests[0].error
    assert good.state is State.PASS


def test_several_controls_in_one_scan_count_as_each_alone() -> None:
    rows = [
        event("e1", action_type="destructive"),
        event("e2", action_type=None),
        event("e3", executed=False, event_time="2026-11-21T10:00:00Z"),
    ]
    parts = (
        Attribute(letter="A", title="a", exception="action_type = 'destructive'"),
        Attribute(letter="B", title="b", exception="not executed", population="executed"),
    )
    tests = [
        control(events_test(), id="TST-01"),
        control(events_test(exception=None, attributes=parts), id="TST-02"),
        control(events_test(population="executed", exception="agent_id is null"), id="TST-03"),
    ]
    given = inputs(events=rows)
    together = evaluate(given, *tests)
    alone = tuple(evaluate(given, one)[0] for one in tests)
    assert together == alone
    assert [(r.population, r.exceptions, r.undetermined) for r in together] == [
        (3, 1, 1),
        (3, 1, 1),
        (2, 0, 0),
    ]
    attributes = [
        (a.population, a.exceptions, a.undetermined) for a in together[1].tests[0].attributes
    ]
    assert attributes == [(3, 1, 1), (2, 0, 0)]


def test_population_that_is_null_is_undetermined_even_where_the_condition_is_false() -> None:
    (result,) = evaluate(
        inputs(events=[event(executed=None)]),
        control(events_test(population="executed", exception="false", needs=("executed",))),
    )
    item = result.tests[0].items[0]
    assert (item.outcome, item.missing) == (Outcome.UNDETERMINED, ("executed: not carried",))
    field = result.tests[0].missing_fields[0]
    assert (field.name, field.not_carried, field.redacted, field.sources) == (
        "executed", 1, 0, ("src",),
    )  # fmt: skip
    assert result.state_reason == (
        "No exceptions in 1, 1 undetermined. Missing: executed not carried by src (1)."
    )


def test_fail_weighs_more_than_error_and_undetermined() -> None:
    (result,) = evaluate(
        inputs(events=[event("e1", action_type="destructive"), event("e2", action_type=None)]),
        control(events_test(), BROKEN),
    )
    assert [test.state for test in result.tests] == [State.FAIL, State.ERROR]
    assert result.state is State.FAIL
    assert result.tests[0].state_reason == "1 exception in 2, 1 undetermined."


def test_days_are_those_of_the_time_zone() -> None:
    rows = [
        event("e1", event_time="2026-11-20T22:59:59.999999999Z", action_type="destructive"),
        event("e2", event_time="2026-11-20T23:00:00Z"),
    ]
    (result,) = evaluate(inputs(events=rows), control(events_test()))
    assert result.tests[0].by_day == {"2026-11-20": (1, 1, 0), "2026-11-21": (1, 0, 0)}


def test_agents_are_counted_apart_and_items_that_name_none_are_left_out() -> None:
    rows = [
        event("e1", agent_id="a1", action_type="destructive"),
        event("e2", agent_id="a1", event_time="2026-11-21T10:00:00Z"),
        event("e3", agent_id="a2", action_type=None),
        event("e4", agent_id=None),
    ]
    (result,) = evaluate(inputs(events=rows), control(events_test()))
    assert result.tests[0].by_agent == {"a1": (2, 1, 0), "a2": (1, 0, 1)}
    assert result.tests[0].population == 4


def test_undetermined_items_are_listed_up_to_200_and_the_rest_counted() -> None:
    rows = [event(f"e{n:04d}", action_type=None) for n in range(203)]
    (result,) = evaluate(inputs(events=rows), control(events_test()))
    test = result.tests[0]
    assert (test.undetermined, len(test.items), test.items_cut) == (203, 200, 3)
    assert test.missing_fields[0].not_carried == 203


def test_every_exception_is_listed_in_order_of_time() -> None:
    rows = [
        event(f"e{n:04d}", action_type="destructive", event_time=f"2026-11-20T10:00:00.{n:09d}Z")
        for n in reversed(range(250))
    ]
    (result,) = evaluate(inputs(events=rows), control(events_test()))
    items = result.tests[0].items
    assert [item.item_id for item in items] == [f"e{n:04d}" for n in range(250)]
    assert items[1].observed_at == "2026-11-20T10:00:00.000000001Z"
    assert items[1].evidence_ref == "event/e0001"


def test_hostile_text_in_a_reason_is_cut_and_made_visible() -> None:
    hostile = "\u202egnp.exe\x1b[31m\n" + "x" * 1_000
    (result,) = evaluate(
        inputs(events=[event(action_type="destructive", target_name=hostile)]),
        control(events_test(reason="'used ' || target_name")),
    )
    reason = result.tests[0].items[0].reason
    assert len(reason) == 200
    assert reason.startswith("used \ufffdgnp.exe\ufffd[31m\ufffdxxx")
    assert reason.endswith("…")


def grant(**changes: object) -> dict[str, object]:
    usual = {
        "exception_id": "X-1",
        "control_id": "TST-99",
        "item_id": "e1",
        "reason": "agreed",
        "approved_by": "ada",
        "expires_at": "2026-12-01T00:00:00.000000001Z",
    }
    return {key: value for key, value in {**usual, **changes}.items() if value is not None}


@pytest.mark.parametrize(
    ("changes", "state"),
    [
        ({}, State.EXCEPTED),
        ({"item_id": None, "agent_id": "a1"}, State.EXCEPTED),
        ({"expires_at": "2026-12-01T00:00:00Z"}, State.FAIL),
        ({"approved_by": None}, State.FAIL),
        ({"item_id": "e2"}, State.FAIL),
        ({"item_id": None, "agent_id": "a2"}, State.FAIL),
        ({"item_id": "e2", "agent_id": "a1"}, State.FAIL),
        ({"item_id": None}, State.FAIL),
        ({"control_id": "TST-98"}, State.FAIL),
    ],
)
def test_only_an_approved_unexpired_grant_for_item_or_agent_tolerates(
    changes: dict[str, object], state: State
) -> None:
    given = inputs(events=[event(action_type="destructive")], exception_grant=[grant(**changes)])
    test = evaluate(given, control(events_test()))[0].tests[0]
    tolerated = int(state is State.EXCEPTED)
    assert (test.state, test.exceptions, test.excepted) == (state, 1 - tolerated, tolerated)
    assert test.by_day == {"2026-11-20": (1, 1 - tolerated, 0)}
    assert test.by_agent == {"a1": (1, 1 - tolerated, 0)}
    assert (test.items[0].outcome is Outcome.EXCEPTED) is bool(tolerated)
    if tolerated:
        assert test.items[0].reason.startswith("tolerated by X-1 until 2026-12-01")


def test_grant_takes_its_items_out_of_the_attributes_too() -> None:
    parts = (
        Attribute(letter="A", title="a", exception="action_type = 'destructive'"),
        Attribute(letter="B", title="b", exception="target_name is null"),
    )
    given = inputs(
        events=[
            event(action_type="destructive"),
            event("e2", action_type="destructive", target_name=None),
        ],
        exception_grant=[grant()],
    )
    test = evaluate(given, control(events_test(exception=None, attributes=parts)))[0].tests[0]
    assert [(a.letter, a.exceptions) for a in test.attributes] == [("A", 1), ("B", 1)]


def test_sample_is_the_documented_draw() -> None:
    clock = Clock(
        period_start="2026-11-01T00:00:00.000000000Z",
        period_end="2026-12-01T00:00:00.000000000Z",
        as_of="2026-12-01T00:00:00.000000000Z",
        known_at="2026-12-01T00:00:00.000000000Z",
    )
    seed = sample_seed("ab" * 32, "OVR-03", "approved_before_execution", clock)
    assert seed == "43fad918254c703ace0b899516a069bc7e4aa82b9149ea1d3f853bd000c897ce"
    ranked = sorted((f"item-{n:02d}" for n in range(1, 11)), key=lambda i: sample_rank(seed, i))
    assert ranked[:3] == ["item-09", "item-05", "item-08"]


def test_sample_holds_25_items_by_rank_and_all_of_a_small_population() -> None:
    rows = [event(f"e{n:02d}") for n in range(40)]
    given = dataclasses.replace(inputs(events=rows), seed_head="cd" * 32)
    test = evaluate(given, control(events_test()))[0].tests[0]
    seed = hashlib.sha256(
        f"{'cd' * 32}|TST-99|built|{SETTING.clock.period_start}/{SETTING.clock.period_end}".encode()
    ).hexdigest()
    by_hand = sorted(
        (row["event_id"] for row in rows),
        key=lambda item: hashlib.sha256((seed + item).encode()).hexdigest(),
    )
    assert test.sample_seed == seed
    assert [item.item_id for item in test.sample] == by_hand[:25]
    assert "unsigned" in test.sample_seed_basis
    small = evaluate(inputs(events=rows[:3]), control(events_test()))[0].tests[0]
    assert len(small.sample) == 3


def test_another_header_draws_another_sample() -> None:
    given = inputs(events=[event(f"e{n:03d}") for n in range(100)])
    first = evaluate(given, control(events_test()))[0].tests[0]
    other = dataclasses.replace(given, seed_head="ef" * 32)
    second = evaluate(other, control(events_test()))[0].tests[0]
    assert [i.item_id for i in first.sample] != [i.item_id for i in second.sample]


@pytest.mark.parametrize(
    ("classes", "said"),
    [
        (["gateway"], "not established: 1 kind of source (gateway), 2 needed"),
        (["gateway", "gateway"], "not established: 1 kind of source (gateway), 2 needed"),
        (["gateway", "muniment"], "not established: 1 kind of source (gateway), 2 needed"),
        (["gateway", "agent"], "established: 2 kinds of source (agent, gateway) compared"),
        ([], "not established: 0 kinds of source, 2 needed"),
    ],
)
def test_completeness_needs_independent_kinds_of_source(classes: list[str], said: str) -> None:
    rows = [event(f"e{n}", source_class=name) for n, name in enumerate(classes)]
    test = evaluate(inputs(events=rows), CONTROLS["IDN-01"])[0].tests[0]
    assert test.completeness == said


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        (GOOD_ROW.replace("'pass'", "'passed'"), "with outcome `passed`"),
        (GOOD_ROW.replace("'pass'", "null"), "with outcome `None`"),
        (GOOD_ROW.replace("agent_id as", "'same' as"), "item `same` more than once"),
        (GOOD_ROW.replace("from agent", "from agent where nowhere = 1"), "nowhere"),
        (GOOD_ROW.replace("'r'", "error('stop')"), "stop"),
    ],
)
def test_rows_outside_the_contract_are_an_error(sql: str, said: str) -> None:
    test = evaluate(inputs(agent=AGENTS), control(registry_test(sql)))[0].tests[0]
    assert test.state is State.ERROR
    assert said in test.error
    assert test.population == 0


def test_registry_test_sees_only_what_holds_as_of_the_assessment() -> None:
    agents = [*AGENTS, {"agent_id": "a3", "name": "T", "valid_to": SETTING.clock.as_of}]
    test = evaluate(inputs(agent=agents), control(registry_test(GOOD_ROW)))[0].tests[0]
    assert (test.population, test.state) == (2, State.PASS)


def test_result_keeps_sql_parameters_and_digest() -> None:
    results = evaluate(inputs(events=[event()]), CONTROLS["DEV-04"], CONTROLS["OVR-03"])
    spend, approved = (result.tests[0] for result in results)
    assert spend.parameters == {"spend_settles_hours": 1}
    assert spend.compiled_sql.startswith("-- Population: model calls")
    assert "count(*) filter" in approved.compiled_sql
    assert len({spend.test_digest, approved.test_digest}) == 2
    reworded = CONTROLS["OVR-03"].tests[0].model_copy(update={"cases": (TestCase(name="n"),)})
    again = evaluate(inputs(events=[event()]), control(reworded, id="OVR-03"))[0].tests[0]
    assert again.test_digest == approved.test_digest


def test_equal_inputs_give_equal_results_whatever_the_order_of_rows() -> None:
    rows = [event(f"e{n:02d}", action_type="destructive" if n % 3 else None) for n in range(60)]
    library = tuple(CONTROLS.values())
    first = evaluate(inputs(events=rows, agent=AGENTS), *library, control(events_test()))
    second = evaluate(
        inputs(events=rows[::-1], agent=AGENTS[::-1]), *library, control(events_test())
    )
    # Row ids of the given rows follow their order, so only what is counted and drawn is compared.
    assert [dataclasses.replace(r, tests=()) for r in first] == [
        dataclasses.replace(r, tests=()) for r in second
    ]
    assert first[-1] == second[-1]


def test_progress_names_each_control() -> None:
    seen: list[tuple[str, int, int]] = []
    library = {c.id: c for c in (CONTROLS["GOV-01"], CONTROLS["OWN-01"])}
    setting = Setting(SETTING.clock, "Europe/Berlin", PARAMETERS)
    evaluate_inputs(inputs(), library, setting, lambda *step: seen.append(step))
    assert seen == [("GOV-01", 0, 2), ("OWN-01", 1, 2)]


def test_select_attributes_are_counted_apart_and_named_by_the_items_they_decide() -> None:
    sql = """
select item_id, outcome, 'r' as reason, cast(null as timestamp_ns) as observed_at,
    'e' as evidence_ref, attributes
from (values ('a', 'exception', ['A', 'B?']), ('b', 'undetermined', [null, 'B?']),
    ('c', 'pass', ['B-']))
    as t(item_id, outcome, attributes)"""
    parts = tuple(Attribute(letter=letter, title=letter) for letter in "AB")
    test = registry_test(sql, attributes=parts)
    result = evaluate(inputs(), control(test))[0].tests[0]
    assert [(a.letter, a.population, a.exceptions, a.undetermined) for a in result.attributes] == [
        ("A", 3, 1, 0), ("B", 2, 0, 2),
    ]  # fmt: skip
    assert {item.item_id: item.attributes for item in result.items} == {"a": ("A",), "b": ("B",)}
