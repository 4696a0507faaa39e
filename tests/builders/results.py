"""Controls' results and requirements for the tests of assessment, with counts that agree."""

from __future__ import annotations

from collections.abc import Mapping

from muniment.model.frameworks import ControlMapping, Framework, Requirement
from muniment.model.outcomes import Relation, RequirementState, State, Strength, TestKind
from muniment.model.results import AttributeResult, ControlResult, RequirementResult, TestResult

EXCEPTIONS = {State.FAIL: 2}
SILENT = {State.NOT_TESTED, State.NOT_APPLICABLE, State.ATTESTED, State.STALE, State.ERROR}


def attribute(
    letter: str, *, population: int = 10, exceptions: int = 0, undetermined: int = 0
) -> AttributeResult:
    return AttributeResult(letter, f"attribute {letter}", population, exceptions, undetermined)


def one_test(
    state: State = State.PASS,
    *,
    control_id: str = "AUD-01",
    attributes: tuple[AttributeResult, ...] = (),
    completeness: str = "",
    excepted: int = 0,
    pending: int = 0,
) -> TestResult:
    attested = state in {State.ATTESTED, State.STALE}
    return TestResult(
        control_id=control_id,
        test_id="main",
        kind=TestKind.ATTESTED if attested else TestKind.EVENTS,
        state=state,
        state_reason=f"the test is {state}",
        population=0 if state in SILENT else 10,
        exceptions=EXCEPTIONS.get(state, 0),
        undetermined=3 if state is State.UNDETERMINED else 0,
        pending=pending,
        excepted=excepted,
        attributes=attributes,
        completeness=completeness,
    )


def control_result(
    control_id: str, state: State = State.PASS, *tests: TestResult, completeness: str = ""
) -> ControlResult:
    made = tests or (one_test(state, control_id=control_id, completeness=completeness),)
    return ControlResult(control_id, state, f"the control is {state}", "0" * 64, made)


def results(**states: State) -> dict[str, ControlResult]:
    """Results by control id; `results(AUD_01=State.PASS)` names AUD-01."""
    return {
        name.replace("_", "-"): control_result(name.replace("_", "-"), state)
        for name, state in states.items()
    }


def mapping(
    control: str,
    relation: Relation = Relation.INTERSECTS,
    strength: Strength = Strength.PARTIAL,
) -> ControlMapping:
    return ControlMapping(control=control, relation=relation, strength=strength, rationale="why")


def evidencing(control: str) -> ControlMapping:
    return mapping(control, Relation.EQUAL, Strength.DIRECT)


def supporting(control: str) -> ControlMapping:
    return mapping(control, Relation.SUPPORTS, Strength.SUPPORTING)


def requirement(
    *controls: ControlMapping,
    id: str = "R 1",
    applies_from: str | None = None,
    manual: str | None = None,
    evidenced_together: bool = False,
) -> Requirement:
    return Requirement(
        id=id,
        title="A title",
        summary="A summary.",
        applies_from=applies_from,
        manual=manual,
        evidenced_together=evidenced_together,
        source="a source",
        controls=controls,
    )


def framework(*requirements: Requirement, id: str = "law") -> Framework:
    return Framework(
        id=id,
        name="A law",
        short_name="Law",
        edition="first",
        issuer="somebody",
        kind="law",
        licence_note="free",
        coverage_note="whole",
        source="a source",
        requirements=requirements,
    )


def requirement_results(
    counts: Mapping[RequirementState, int], framework_id: str = "law"
) -> list[RequirementResult]:
    """So many requirement results in each state."""
    return [
        RequirementResult(framework_id, f"{state}-{n}", state, "why", None, None, (), 0)
        for state, count in counts.items()
        for n in range(count)
    ]
