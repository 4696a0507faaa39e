"""Scope, role, class and day decide per agent; what is not recorded stays undetermined."""

from __future__ import annotations

from typing import Any

import pytest

from muniment.assessment.applicability import (
    agent_applicability,
    agents_in_scope,
    applicability_by_requirement,
    facts_of,
)
from muniment.assessment.requirements import assess_requirements
from muniment.assessment.sentences import agents_words
from muniment.catalog.frameworks import load_frameworks
from muniment.model.outcomes import Applies, RequirementState
from muniment.model.results import RequirementResult

FRAMEWORKS = load_frameworks()
ACT = FRAMEWORKS["eu_ai_act"]
TODAY = "2026-11-22"
YES, NO = Applies.YES, Applies.NO
LATER, OPEN = Applies.NOT_YET, Applies.UNDETERMINED
NOT_STATED = {"eu_special_roles": "not stated"}


def agent(**changes: Any) -> dict[str, Any]:
    """A deployer's high-risk agent of Annex III, in use since 2026-03-01."""
    return {
        "agent_id": "AGT-1", "kind": "agent", "lifecycle_status": "active", "eu_in_scope": True,
        "eu_role": "deployer", "eu_class": "high_risk_annex_iii",
        "go_live_at": "2026-03-01T08:00:00.000000000Z", "retired_at": None,
    } | changes  # fmt: skip


def judged(unit: str, day: str = TODAY, special: str = "not stated", **changes: Any) -> Any:
    return agent_applicability(ACT, ACT.units[unit], facts_of(ACT, agent(**changes)), day, special)


def requirement(unit: str, agents: list[dict[str, Any]], day: str = TODAY) -> RequirementResult:
    found = applicability_by_requirement({"eu_ai_act": ACT}, agents, day, NOT_STATED)
    results = assess_requirements({"eu_ai_act": ACT}, {}, day, found)
    return next(r for r in results if r.requirement_id == unit)


@pytest.mark.parametrize(
    ("unit", "changes", "verdict"),
    [
        ("Art. 4(1)", {}, YES),
        ("Art. 4(1)", {"eu_class": "minimal"}, YES),
        ("Art. 4(1)", {"eu_class": None}, YES),
        ("Art. 4(1)", {"eu_in_scope": False}, NO),
        ("Art. 4(1)", {"eu_in_scope": None}, OPEN),
        ("Art. 4(1)", {"eu_role": None}, OPEN),
        ("Art. 26(1)", {}, LATER),
        ("Art. 26(1)", {"eu_role": "provider"}, NO),
        ("Art. 26(1)", {"eu_role": "provider, deployer"}, LATER),
        ("Art. 26(1)", {"eu_class": "minimal"}, NO),
        ("Art. 26(1)", {"eu_class": None}, OPEN),
        ("Art. 26(1)", {"eu_class": None, "eu_role": "provider"}, NO),
        ("Art. 26(1)", {"eu_class": "high-risk"}, OPEN),
        ("Art. 26(1)", {"eu_role": "user"}, OPEN),
        ("Art. 12(1)", {"eu_role": "user"}, OPEN),
        ("Art. 12(1)", {}, NO),
        ("Art. 6(4)", {"eu_role": "provider", "eu_class": "derogation_6_3"}, LATER),
        ("Art. 23(1)", {}, NO),
        ("Art. 53(1)(a)", {"eu_role": "provider"}, NO),
        ("Art. 53(1)(a)", {"eu_role": "gpai_provider"}, YES),
        ("Art. 50(1)", {"eu_role": "provider", "eu_class": "minimal"}, NO),
        ("Art. 50(1)", {"eu_role": "provider", "eu_class": "transparency_only"}, OPEN),
    ],
)
def test_applicability_of_one_agent_is_three_valued(
    unit: str, changes: dict[str, Any], verdict: Applies
) -> None:
    assert judged(unit, **changes).verdict is verdict


@pytest.mark.parametrize(
    ("unit", "risk_class", "first_day"),
    [
        ("Art. 26(5)", "high_risk_annex_iii", "2027-12-02"),
        ("Art. 26(5)", "high_risk_annex_i", "2028-08-02"),
        ("Art. 73(2)", "high_risk_annex_iii", "2027-12-02"),
        ("Art. 73(2)", "high_risk_annex_i", "2028-08-02"),
    ],
)
def test_duty_applies_on_the_day_of_the_agents_class(
    unit: str, risk_class: str, first_day: str
) -> None:
    before = f"{first_day[:8]}01"
    assert judged(unit, before, eu_class=risk_class).verdict is LATER
    on_time = judged(unit, first_day, eu_class=risk_class)
    assert (on_time.verdict, on_time.first_day) == (YES, first_day)


def test_bans_of_2026_wait_for_their_day_only() -> None:
    assert judged("Art. 5(1)(a)").verdict is YES
    assert judged("Art. 5(1)(ba)", "2026-12-01").verdict is LATER
    assert judged("Art. 5(1)(ba)", "2026-12-02").verdict is YES


@pytest.mark.parametrize(
    ("special", "verdict"),
    [("not stated", OPEN), ("none", NO), ("public_authority_deployer", LATER),
     ("law_enforcement_deployer", NO)],
)  # fmt: skip
def test_refined_role_hangs_on_what_the_organisation_states(special: str, verdict: Applies) -> None:
    assert judged("Art. 26(8)", special=special).verdict is verdict
    assert judged("Art. 26(8)", special=special, eu_role="provider").verdict is NO


def test_reasons_name_what_decides() -> None:
    assert judged("Art. 12(1)").reason == "recorded as deployer"
    assert judged("Art. 26(1)", eu_class=None).reason == "without a recorded risk class"
    assert judged("Art. 26(1)").reason == (
        "from 2027-12-02: deployer, high-risk by use (Article 6(2), Annex III)"
    )
    assert judged("Art. 26(1)", eu_class="minimal").reason == "classed as minimal risk"
    assert judged("Art. 26(8)").reason == (
        "recorded as deployer, not whether as deployer that is a public authority"
    )
    said = judged("Art. 50(1)", eu_role="provider", eu_class="transparency_only").reason
    assert said == (
        "only where the system is meant to deal with people directly, which is not recorded"
    )


@pytest.mark.parametrize(
    ("unit", "changes", "verdict"),
    [
        ("Art. 50(1)", {"talks_to_people": True}, YES),
        ("Art. 50(1)", {"talks_to_people": False}, NO),
        ("Art. 50(1)", {"talks_to_people": None}, OPEN),
        ("Art. 12(3)", {"eu_annex_iii_point": "1(a)"}, LATER),
        ("Art. 12(3)", {"eu_annex_iii_point": "1"}, OPEN),
        ("Art. 12(3)", {"eu_annex_iii_point": "1(b)"}, NO),
        ("Art. 12(3)", {"eu_annex_iii_point": "4(a)"}, NO),
        ("Art. 12(3)", {}, OPEN),
        ("Art. 43(1)", {"eu_annex_iii_point": "1(c)"}, LATER),
        ("Art. 43(2)", {"eu_annex_iii_point": "1(c)"}, NO),
        ("Art. 43(2)", {"eu_annex_iii_point": "4"}, LATER),
        ("Art. 4a", {"talks_to_people": True}, OPEN),
    ],
)
def test_further_condition_is_decided_by_its_column_if_there_is_one(
    unit: str, changes: dict[str, Any], verdict: Applies
) -> None:
    assert judged(unit, eu_role="provider", **changes).verdict is verdict


@pytest.mark.parametrize(
    ("live", "first_day"),
    [("2026-08-01T23:00:00Z", "2026-12-02"), ("2026-08-02T00:00:00Z", "2026-08-02"),
     (None, "2026-08-02")],
)  # fmt: skip
def test_marking_waits_for_systems_from_before_august_2026(
    live: str | None, first_day: str
) -> None:
    changes = {"eu_role": "provider", "eu_class": "transparency_only", "go_live_at": live}
    assert judged("Art. 50(2)", **changes).first_day == first_day


def test_voluntary_framework_applies_to_every_agent() -> None:
    nist = FRAMEWORKS["nist_ai_rmf"]
    found = applicability_by_requirement(
        {"nist_ai_rmf": nist}, [agent(eu_in_scope=False), agent(eu_role=None)], TODAY
    )
    assert {(a.applies, a.agents) for a in found.values()} == {(2, 2)}


def test_register_rows_that_count_are_agents_in_use_in_the_period() -> None:
    rows = [
        agent(agent_id="a"), agent(agent_id="b", kind=None), agent(agent_id="c", kind="tool"),
        agent(agent_id="d", kind="mcp_server"), agent(agent_id="e", lifecycle_status="draft"),
        agent(agent_id="f", lifecycle_status="retired", retired_at="2026-08-01T00:00:00Z"),
        agent(agent_id="g", lifecycle_status="retired", retired_at="2026-10-01T00:00:00Z"),
        agent(agent_id="h", lifecycle_status="unknown"),
    ]  # fmt: skip
    kept = agents_in_scope(rows, "2026-08-24T00:00:00Z")
    assert [row["agent_id"] for row in kept] == ["a", "b", "g", "h"]


# The organisation


def test_clause_that_applies_to_no_agent_is_not_applicable_with_reason_and_count() -> None:
    result = requirement("Art. 12(1)", [agent(), agent(), agent(eu_in_scope=False)])
    assert result.state is RequirementState.NOT_APPLICABLE
    assert result.state_reason == (
        "Applies to none of 3 agents: 2 recorded as deployer; 1 recorded as out of scope."
    )


def test_clause_is_applicable_where_it_applies_to_one_agent_of_many() -> None:
    others = [agent(eu_class="minimal") for _ in range(9)]
    result = requirement("Art. 26(1)", [*others, agent()], "2027-12-02")
    assert result.state is RequirementState.NOT_TESTED
    assert result.applicability is not None
    assert (result.applicability.applies, result.applicability.does_not_apply) == (1, 9)


def test_no_agent_on_record_is_never_not_applicable() -> None:
    result = requirement("Art. 4(1)", [])
    assert result.state is RequirementState.MANUAL
    assert result.state_reason.endswith(
        "No agent is on record, so whether it applies is undetermined."
    )
    assert requirement("Art. 12(1)", []).state is RequirementState.NOT_YET


def test_undetermined_counts_as_applying_and_says_so() -> None:
    result = requirement("Art. 26(1)", [agent(eu_class=None), agent(eu_class="minimal")],
                         "2027-12-02")  # fmt: skip
    assert result.state is RequirementState.NOT_TESTED
    assert result.state_reason.endswith(
        "Whether it applies is undetermined for 1 of 2 agents: 1 without a recorded risk class."
    )


def test_undetermined_clause_of_a_later_day_waits() -> None:
    result = requirement("Art. 26(1)", [agent(eu_class=None)])
    assert (result.state, result.applies_from) == (RequirementState.NOT_YET, "2027-12-02")


def test_clause_waits_for_the_day_of_the_only_class_on_record() -> None:
    agents = [agent(eu_class="high_risk_annex_i"), agent(eu_class="minimal")]
    result = requirement("Art. 26(1)", agents, "2028-01-01")
    assert (result.state, result.applies_from) == (RequirementState.NOT_YET, "2028-08-02")
    assert result.readiness is RequirementState.NOT_TESTED
    assert requirement("Art. 26(1)", agents, "2028-08-02").state is RequirementState.NOT_TESTED


@pytest.mark.parametrize(
    ("agents", "said"),
    [([], "not known"), ([agent()], "all 1"), ([agent(), agent(eu_class="minimal")], "1 of 2"),
     ([agent(), agent(eu_class=None)], "1 of 2, 1 open"),
     ([agent(eu_class="minimal")], "0 of 1")],
)  # fmt: skip
def test_agents_that_a_clause_concerns_are_said_with_their_number(
    agents: list[dict[str, Any]], said: str
) -> None:
    assert agents_words(requirement("Art. 26(1)", agents).applicability) == said


def test_counts_of_every_clause_add_up_to_the_agents() -> None:
    agents = [
        agent(eu_role=role, eu_class=risk_class, eu_in_scope=scope)
        for role in (None, "provider", "deployer", "provider, deployer", "importer")
        for risk_class in (None, "minimal", "transparency_only", "high_risk_annex_i", "odd")
        for scope in (True, False, None)
    ]
    found = applicability_by_requirement(FRAMEWORKS, agents, TODAY, NOT_STATED)
    assert len(found) == sum(len(f.assessed) for f in FRAMEWORKS.values())
    for each in found.values():
        parts = (each.applies, each.does_not_apply, each.not_yet, each.undetermined)
        assert sum(parts) == each.agents == len(agents) == 75
        assert sum(reason.agents for reason in each.reasons) == 75


def test_agents_taken_together_come_out_as_each_by_itself() -> None:
    agents = [
        agent(eu_role="provider, deployer", eu_class=risk_class, go_live_at=live,
              talks_to_people=talks, eu_annex_iii_point=point)
        for risk_class in (None, "transparency_only", "high_risk_annex_iii")
        for live in (None, "2026-03-01T00:00:00Z", "2026-08-02T00:00:00Z", "2026-09-01T00:00:00Z")
        for talks in (None, True, False)
        for point in (None, "1", "1(a)", "4")
    ]  # fmt: skip
    together = applicability_by_requirement({"eu_ai_act": ACT}, agents, TODAY, NOT_STATED)
    for unit in ACT.assessed:
        apart = [
            agent_applicability(ACT, unit, facts_of(ACT, one), TODAY).verdict for one in agents
        ]
        found = together["eu_ai_act", unit.id]
        assert (found.applies, found.does_not_apply, found.not_yet, found.undetermined) == tuple(
            apart.count(verdict) for verdict in (YES, NO, LATER, OPEN)
        ), unit.id
