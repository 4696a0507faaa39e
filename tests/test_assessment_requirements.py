"""The state of a requirement: the worst of what bears on it, by attribute, scope and date."""

from __future__ import annotations

import pytest

from muniment.assessment.requirements import assess_requirement, assess_requirements
from muniment.model.frameworks import Requirement
from muniment.model.outcomes import Relation, RequirementState, State, Strength
from muniment.model.results import ControlResult, RequirementResult, ScopeDecision
from tests.builders.results import (
    attribute,
    control_result,
    evidencing,
    framework,
    mapping,
    one_test,
    requirement,
    results,
    supporting,
)

E, P = RequirementState.EVIDENCED, RequirementState.PARTLY
X, N = RequirementState.EXCEPTIONS, RequirementState.NOT_TESTED
M, NA = RequirementState.MANUAL, RequirementState.NOT_APPLICABLE
DAY = "2026-11-22"


def assess(
    clause: Requirement, controls: dict[str, ControlResult], day: str = DAY
) -> RequirementResult:
    return assess_requirement("law", clause, controls, day)


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (State.PASS, E),
        (State.ATTESTED, E),
        (State.FAIL, X),
        (State.EXCEPTED, P),
        (State.UNDETERMINED, P),
        (State.PENDING, P),
        (State.STALE, P),
        (State.ERROR, N),
        (State.NOT_TESTED, N),
        (State.NOT_APPLICABLE, NA),
    ],
)
def test_requirement_with_one_evidencing_control_follows_its_state(
    state: State, expected: RequirementState
) -> None:
    assert assess(requirement(evidencing("AUD-01")), results(AUD_01=state)).state is expected


@pytest.mark.parametrize(
    ("one", "other", "attested"),
    [
        (State.PASS, State.PASS, False),
        (State.PASS, State.ATTESTED, True),
        (State.ATTESTED, State.ATTESTED, True),
        (State.ATTESTED, State.UNDETERMINED, False),  # not evidenced, so not by a word either
        (State.ATTESTED, State.FAIL, False),
    ],
)
def test_requirement_evidenced_by_a_word_says_so(one: State, other: State, attested: bool) -> None:
    clause = requirement(evidencing("GOV-01"), evidencing("AUD-01"))
    found = assess(clause, results(GOV_01=one, AUD_01=other))
    assert found.attested is attested
    assert not attested or found.state is E


def test_requirement_table_above_names_every_control_state() -> None:
    assert len(State) == 10


@pytest.mark.parametrize(
    ("relation", "strength", "expected"),
    [
        (Relation.EQUAL, Strength.DIRECT, E),
        (Relation.SUPERSET, Strength.DIRECT, E),
        (Relation.EQUAL, Strength.PARTIAL, P),
        (Relation.SUPERSET, Strength.PARTIAL, P),
        (Relation.SUBSET, Strength.DIRECT, P),
        (Relation.INTERSECTS, Strength.DIRECT, P),
        (Relation.INTERSECTS, Strength.PARTIAL, P),
        (Relation.EQUAL, Strength.SUPPORTING, M),
        (Relation.SUPPORTS, Strength.DIRECT, M),
    ],
)
def test_passing_control_evidences_by_relation_and_strength(
    relation: Relation, strength: Strength, expected: RequirementState
) -> None:
    clause = requirement(mapping("AUD-01", relation, strength), manual="papers")
    assert assess(clause, results(AUD_01=State.PASS)).state is expected


def test_fail_beside_passing_controls_gives_exceptions_noted() -> None:
    clause = requirement(evidencing("AUD-01"), mapping("OWN-01"))
    result = assess(clause, results(AUD_01=State.PASS, OWN_01=State.FAIL))
    assert result.state is X
    assert result.exceptions == 2
    assert result.state_reason == "OWN-01 has 2 exceptions in 10 items."


def test_fail_of_supporting_control_gives_exceptions_noted() -> None:
    clause = requirement(evidencing("AUD-01"), supporting("IDN-01"))
    result = assess(clause, results(AUD_01=State.PASS, IDN_01=State.FAIL))
    assert result.state is X
    assert result.state_reason == "IDN-01 (supporting) has 2 exceptions in 10 items."


def test_passing_supporting_control_beside_untested_one_stays_not_tested() -> None:
    clause = requirement(mapping("AUD-01"), supporting("IDN-01"))
    assert assess(clause, results(AUD_01=State.NOT_TESTED, IDN_01=State.PASS)).state is N


def test_one_of_two_evidencing_controls_untested_gives_partly() -> None:
    clause = requirement(evidencing("AUD-01"), evidencing("AUD-02"))
    result = assess(clause, results(AUD_01=State.PASS, AUD_02=State.NOT_TESTED))
    assert result.state is P
    assert result.state_reason == "AUD-01 passed over 10 items; AUD-02 was not tested."


def test_untested_contributing_control_does_not_undo_evidencing_one() -> None:
    clause = requirement(evidencing("AUD-01"), mapping("AUD-02"))
    assert assess(clause, results(AUD_01=State.PASS, AUD_02=State.NOT_TESTED)).state is E


def test_error_beside_untested_control_gives_not_tested() -> None:
    clause = requirement(mapping("AUD-01"), mapping("AUD-02"))
    result = assess(clause, results(AUD_01=State.ERROR, AUD_02=State.NOT_TESTED))
    assert result.state is N
    assert result.state_reason == "AUD-01 could not be run; AUD-02 was not tested."


def test_control_without_result_is_not_tested() -> None:
    assert assess(requirement(evidencing("AUD-01")), {}).state is N


def test_failing_test_beside_test_in_error_gives_exceptions_noted() -> None:
    tests = (one_test(State.FAIL), one_test(State.ERROR))
    control = control_result("AUD-01", State.ERROR, *tests)
    assert assess(requirement(evidencing("AUD-01")), {"AUD-01": control}).state is X


def test_several_contributing_controls_evidence_only_where_the_requirement_says_so() -> None:
    pair = (mapping("AUD-01"), mapping("AUD-02"))
    passing = results(AUD_01=State.PASS, AUD_02=State.PASS)
    apart = assess(requirement(*pair), passing)
    assert apart.state is P
    assert apart.state_reason == (
        "AUD-01 passed over 10 items; AUD-02 passed over 10 items. What passed covers it in part."
    )
    assert assess(requirement(*pair, evidenced_together=True), passing).state is E


@pytest.mark.parametrize("state", [State.NOT_TESTED, State.NOT_APPLICABLE, State.PENDING])
def test_contributing_controls_together_all_have_to_pass(state: State) -> None:
    clause = requirement(mapping("AUD-01"), mapping("AUD-02"), evidenced_together=True)
    assert assess(clause, results(AUD_01=State.PASS, AUD_02=state)).state is P


def test_single_contributing_control_never_evidences() -> None:
    clause = requirement(mapping("AUD-01"), evidenced_together=True)
    assert assess(clause, results(AUD_01=State.PASS)).state is P


def test_completeness_not_established_caps_at_partly() -> None:
    text = "One source only: completeness not established."
    control = control_result("IDN-01", State.PASS, completeness=text)
    result = assess(requirement(evidencing("IDN-01")), {"IDN-01": control})
    assert result.state is P
    assert result.state_reason == "IDN-01 passed over 10 items, completeness not established."


def test_completeness_from_two_sources_does_not_cap() -> None:
    control = control_result("IDN-01", State.PASS, completeness="gateway and billing agree")
    assert assess(requirement(evidencing("IDN-01")), {"IDN-01": control}).state is E


def test_nothing_mapped_but_manual_gives_manual() -> None:
    result = assess(requirement(manual="Training records."), {})
    assert result.state is M
    assert result.state_reason == "No control tests it. Needed: Training records."


def test_contributing_control_not_applicable_does_not_make_requirement_so() -> None:
    absent = results(DEV_04=State.NOT_APPLICABLE)
    assert assess(requirement(mapping("DEV-04")), absent).state is N
    assert assess(requirement(mapping("DEV-04"), manual="papers"), absent).state is M


# Attributes


def oversight(*attributes: object, state: State = State.FAIL, **more: int) -> ControlResult:
    test = one_test(state, control_id="OVR-03", attributes=attributes, **more)  # type: ignore[arg-type]
    return control_result("OVR-03", state, test)


def test_attribute_mapping_uses_its_own_counts() -> None:
    control = oversight(attribute("A"), attribute("B", exceptions=2), attribute("C"))
    by_letter = {
        letter: assess(requirement(evidencing(f"OVR-03/{letter}")), {"OVR-03": control})
        for letter in "ABC"
    }
    assert [by_letter[letter].state for letter in "ABC"] == [E, X, E]
    assert [by_letter[letter].exceptions for letter in "ABC"] == [0, 2, 0]
    assert by_letter["B"].state_reason == "OVR-03/B has 2 exceptions in 10 items."


def test_attribute_undetermined_gives_partly() -> None:
    control = oversight(attribute("A", undetermined=4), state=State.UNDETERMINED)
    result = assess(requirement(evidencing("OVR-03/A")), {"OVR-03": control})
    assert result.state is P
    assert result.state_reason == "OVR-03/A is undetermined for 4 of 10 items."


def test_attribute_undetermined_within_tolerance_of_passing_test_passes() -> None:
    control = oversight(attribute("A", undetermined=1), state=State.PASS)
    assert assess(requirement(evidencing("OVR-03/A")), {"OVR-03": control}).state is E


def test_attribute_with_empty_population_is_not_tested() -> None:
    control = oversight(attribute("A", population=0), attribute("B", exceptions=2))
    assert assess(requirement(evidencing("OVR-03/A")), {"OVR-03": control}).state is N


def test_attribute_with_tolerated_exceptions_only_gives_partly() -> None:
    control = oversight(attribute("A", exceptions=1), state=State.EXCEPTED, excepted=1)
    result = assess(requirement(evidencing("OVR-03/A")), {"OVR-03": control})
    assert (result.state, result.exceptions) == (P, 0)


@pytest.mark.parametrize("doubt", ["pending", "excepted"])
def test_attribute_in_test_with_unsettled_items_gives_partly(doubt: str) -> None:
    control = oversight(attribute("A"), attribute("B", exceptions=2), **{doubt: 1})
    assert assess(requirement(evidencing("OVR-03/A")), {"OVR-03": control}).state is P


@pytest.mark.parametrize("state", [State.ERROR, State.NOT_TESTED])
def test_attribute_of_test_that_did_not_run_is_not_tested(state: State) -> None:
    assert (
        assess(requirement(evidencing("OVR-03/A")), {"OVR-03": oversight(state=state)}).state is N
    )


def test_attribute_that_the_result_lacks_is_not_tested() -> None:
    control = oversight(attribute("A"), state=State.PASS)
    assert assess(requirement(evidencing("OVR-03/C")), {"OVR-03": control}).state is N


def test_attribute_in_two_tests_takes_the_worse() -> None:
    tests = (
        one_test(State.PASS, attributes=(attribute("A"),)),
        one_test(State.UNDETERMINED, attributes=(attribute("A", undetermined=1),)),
    )
    control = control_result("OVR-03", State.UNDETERMINED, *tests)
    assert assess(requirement(evidencing("OVR-03/A")), {"OVR-03": control}).state is P


# Dates and scope


def test_requirement_that_applies_later_shows_readiness() -> None:
    clause = requirement(evidencing("AUD-01"), applies_from="2027-12-02")
    result = assess(clause, results(AUD_01=State.FAIL), "2027-12-01")
    assert (result.state, result.readiness) == (RequirementState.NOT_YET, X)
    assert result.state_reason == (
        "Applies from 2027-12-02. Readiness: AUD-01 has 2 exceptions in 10 items."
    )


def test_requirement_applies_on_its_first_day() -> None:
    clause = requirement(evidencing("AUD-01"), applies_from="2027-12-02")
    result = assess(clause, results(AUD_01=State.PASS), "2027-12-02")
    assert (result.state, result.readiness) == (E, None)


def test_requirements_keep_order_and_name_their_mappings() -> None:
    law = framework(requirement(mapping("OVR-03/B"), id="Z 1"), requirement(manual="x", id="A 1"))
    first, second = assess_requirements({"law": law}, {}, DAY)
    assert [first.requirement_id, second.requirement_id] == ["Z 1", "A 1"]
    assert (first.controls, second.controls) == (("OVR-03/B",), ())


@pytest.mark.parametrize(
    ("kind", "applicable", "state"),
    [
        ("certifiable", False, RequirementState.NOT_APPLICABLE),
        ("voluntary", False, RequirementState.NOT_APPLICABLE),
        ("certifiable", True, RequirementState.EVIDENCED),
        ("law", False, RequirementState.EVIDENCED),
    ],
)
def test_organisation_may_leave_a_requirement_out_but_never_a_law(
    kind: str, applicable: bool, state: RequirementState
) -> None:
    held = framework(requirement(evidencing("AUD-01"), id="1")).model_copy(update={"kind": kind})
    decision = ScopeDecision(applicable, "no third parties", "p1", None, "record/x/1")
    (found,) = assess_requirements(
        {held.id: held},
        results(AUD_01=State.PASS),
        "2026-11-20",
        decisions={(held.id, "1"): decision},
    )
    assert (found.state, found.decision) == (state, decision)
    if state is RequirementState.NOT_APPLICABLE:
        assert found.state_reason == "Left out of the scope: no third parties"
