"""What changed between two assessments."""

from __future__ import annotations

from dataclasses import replace

import pytest

from muniment.assessment.changes import assessment_before, compare_assessments
from muniment.model.outcomes import RequirementState, State
from muniment.model.results import Assessment
from tests.builders.assessments import assessment
from tests.builders.results import control_result


def made(**states: State) -> Assessment:
    base = assessment()[0]
    controls = tuple(control_result(name.replace("_", "-"), s) for name, s in states.items())
    return replace(base, controls=controls, requirements=base.requirements)


@pytest.mark.parametrize(
    ("before", "now", "where"),
    [
        (State.PASS, State.FAIL, "newly_failing"),
        (State.NOT_TESTED, State.FAIL, "newly_failing"),
        (State.FAIL, State.PASS, "cleared"),
        (State.FAIL, State.ATTESTED, "cleared"),
        (State.FAIL, State.UNDETERMINED, "no_longer_concluded"),
        (State.PASS, State.NOT_TESTED, "no_longer_concluded"),
        (State.ATTESTED, State.STALE, "no_longer_concluded"),
        (State.NOT_TESTED, State.PASS, "newly_concluded"),
    ],
)
def test_change_of_a_control_stands_in_one_list(before: State, now: State, where: str) -> None:
    found = compare_assessments(made(OVR_03=before), made(OVR_03=now))
    lists = ("newly_failing", "cleared", "no_longer_concluded", "newly_concluded", "added", "gone")
    assert [name for name in lists if getattr(found, name) == ("OVR-03",)] == [where]


def test_exceptions_that_became_unknown_are_not_cleared() -> None:
    found = compare_assessments(made(OVR_03=State.FAIL), made(OVR_03=State.EXCEPTED))
    assert found.cleared == ()


def test_control_of_one_assessment_only_is_added_or_gone() -> None:
    found = compare_assessments(made(OVR_03=State.PASS), made(OWN_01=State.FAIL))
    assert (found.added, found.gone, found.newly_failing) == (("OWN-01",), ("OVR-03",), ())


def test_changed_requirement_names_both_states() -> None:
    before = made()
    first = before.requirements[0]
    other = next(s for s in RequirementState if s is not first.state)
    now = replace(before, requirements=(replace(first, state=other), *before.requirements[1:]))
    found = compare_assessments(before, now)
    assert found.requirements == (
        (first.framework_id, first.requirement_id, first.state, other),
    )  # fmt: skip


def test_other_limits_and_another_catalogue_are_said() -> None:
    now = replace(made(), catalog_digest="0" * 64, parameters={"x": 1})
    found = compare_assessments(made(), now)
    assert (found.same_catalog, found.same_parameters) == (False, False)


def test_assessment_before_is_the_last_of_an_earlier_as_of() -> None:
    rows = [
        {"id": "a", "as_of": "2026-09-30", "finished_at": "1"},
        {"id": "b", "as_of": "2026-10-31", "finished_at": "2"},
        {"id": "b-again", "as_of": "2026-10-31", "finished_at": "3"},
        {"id": "c", "as_of": "2026-11-20", "finished_at": "4"},
    ]
    assert assessment_before(rows, "c") == "b-again"
    assert assessment_before(rows, "b-again") == "a"
    assert assessment_before(rows, "a") is None
    assert assessment_before(rows, "unknown") is None
