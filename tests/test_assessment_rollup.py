"""A heading stands as the requirements below it, those that apply today before all others."""

from __future__ import annotations

import pytest

from muniment.assessment.rollup import roll_up
from muniment.model.frameworks import Framework, Requirement
from muniment.model.outcomes import RequirementState
from muniment.model.results import RequirementResult
from tests.builders.results import framework

E, P = RequirementState.EVIDENCED, RequirementState.PARTLY
X, N = RequirementState.EXCEPTIONS, RequirementState.NOT_TESTED
M, NA, LATER = RequirementState.MANUAL, RequirementState.NOT_APPLICABLE, RequirementState.NOT_YET


def unit(id: str, parent: str | None = None, kind: str = "requirement") -> Requirement:
    given = {"id": id, "parent": parent, "kind": kind, "title": id, "summary": "s", "source": "s"}
    return Requirement.model_validate(given)


def law(count: int) -> Framework:
    leaves = [unit(f"1({n})", "1") for n in range(count)]
    return framework(
        unit("I", kind="heading"), unit("1", "I", "heading"), *leaves, unit("2", "I", "context")
    )


def result(unit_id: str, state: RequirementState, framework_id: str = "law") -> RequirementResult:
    return RequirementResult(framework_id, unit_id, state, "why", None, None, (), 0)


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        ((E, E), E), ((E, P), P), ((E, N), P), ((E, M), P), ((P, N), P), ((N, M), N), ((M, M), M),
        ((E, X), X), ((X, LATER), X), ((E, NA), E), ((E, LATER), E), ((LATER, NA), LATER),
        ((NA, NA), NA), ((), None),
    ],
)  # fmt: skip
def test_heading_takes_its_state_from_below(
    states: tuple[RequirementState, ...], expected: RequirementState | None
) -> None:
    rolled = roll_up(law(len(states) or 1), [result(f"1({n})", s) for n, s in enumerate(states)])
    assert rolled["1"].state is rolled["I"].state is expected


def test_counts_reach_every_heading_above_and_nothing_else() -> None:
    results = [result("1(0)", E), result("1(1)", NA), result("1(2)", X, "other"), result("9", X)]
    rolled = roll_up(law(3), results)
    assert rolled["I"].counts == rolled["1"].counts == {E: 1, NA: 1}
    assert (rolled["I"].applicable, rolled["2"].counts, rolled["1(2)"].state) == (1, {}, None)
    assert rolled["1(0)"].state is E
