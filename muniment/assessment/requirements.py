"""The state of each requirement: the worst of what bears on it, and whether it applies yet."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from muniment.assessment.bearing import POSITIVE, UNHEARD, Bearing, bearing_of
from muniment.assessment.sentences import because
from muniment.model.frameworks import Framework, Requirement
from muniment.model.outcomes import RequirementState, State
from muniment.model.results import ControlResult, RequirementResult

NOTHING_OUT_OF_SCOPE: Mapping[tuple[str, str], str] = MappingProxyType({})


def assess_requirements(
    frameworks: Mapping[str, Framework],
    controls: Mapping[str, ControlResult],
    as_of_day: str,
    *,
    out_of_scope: Mapping[tuple[str, str], str] = NOTHING_OUT_OF_SCOPE,
) -> tuple[RequirementResult, ...]:
    """The state of every requirement of every framework, in the catalog's order.

    controls: results by control id. as_of_day: ISO date in the organisation's time zone.
    out_of_scope: (framework id, requirement id) to the reason for which it does not apply to this
    organisation. A requirement that applies later carries the state it would have as `readiness`.
    Method: docs/concepts/scores.md.
    """
    return tuple(
        assess_requirement(
            framework.id,
            requirement,
            controls,
            as_of_day,
            out_of_scope.get((framework.id, requirement.id)),
        )
        for framework in frameworks.values()
        for requirement in framework.assessed
    )


def assess_requirement(
    framework_id: str,
    requirement: Requirement,
    controls: Mapping[str, ControlResult],
    as_of_day: str,
    out_of_scope: str | None = None,
) -> RequirementResult:
    """The state of one requirement.

    `exceptions` of the result counts by mapping: an item that fails two mapped attributes counts
    under each, as in an auditor's paper. Tolerated exceptions are not counted.
    """
    bearings = [bearing_of(mapping, controls) for mapping in requirement.controls]
    state, cited = judge(requirement, bearings)
    reason = because(state, cited, requirement.manual)
    readiness: RequirementState | None = None
    if out_of_scope is not None:
        state, reason = RequirementState.NOT_APPLICABLE, f"Not applicable: {out_of_scope}"
    elif requirement.applies_from is not None and requirement.applies_from > as_of_day:
        state, readiness = RequirementState.NOT_YET, state
        reason = f"Applies from {requirement.applies_from}. Readiness: {reason}"
    return RequirementResult(
        framework_id=framework_id,
        requirement_id=requirement.id,
        state=state,
        state_reason=reason,
        applies_from=requirement.applies_from,
        readiness=readiness,
        controls=tuple(mapping.control for mapping in requirement.controls),
        exceptions=sum(b.exceptions for b in bearings if b.state is State.FAIL),
    )


def judge(
    requirement: Requirement, bearings: Iterable[Bearing]
) -> tuple[RequirementState, list[Bearing]]:
    """The state of a requirement, its date left aside, and the bearings that decided it."""
    every = list(bearings)
    failing = [b for b in every if b.state is State.FAIL]
    if failing:
        return RequirementState.EXCEPTIONS, failing
    evidencing = [b for b in every if b.mapping.evidences]
    contributing = [b for b in every if b.mapping.contributes]
    # Where whatever equals the requirement has nothing to apply to, neither has the requirement.
    # A control for a part of it allows no such conclusion.
    if evidencing and all(b.state is State.NOT_APPLICABLE for b in evidencing):
        return RequirementState.NOT_APPLICABLE, evidencing
    needed = [b for b in evidencing if b.state is not State.NOT_APPLICABLE]
    if not needed and requirement.evidenced_together and len(contributing) > 1:
        needed = contributing
    if needed and all(b.state in POSITIVE and b.complete for b in needed):
        return RequirementState.EVIDENCED, needed
    heard = [b for b in evidencing + contributing if b.state is not State.NOT_APPLICABLE]
    if any(b.state not in UNHEARD for b in heard):
        return RequirementState.PARTLY, heard
    if heard or not requirement.manual:
        return RequirementState.NOT_TESTED, heard
    return RequirementState.MANUAL, []
