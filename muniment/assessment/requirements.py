"""The state of each requirement: the worst of what bears on it, and whether it applies yet."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from muniment.assessment.applicability import ByRequirement
from muniment.assessment.bearing import POSITIVE, UNHEARD, Bearing, bearing_of
from muniment.assessment.sentences import because, not_applicable_words, undetermined_words
from muniment.model.frameworks import Framework, Requirement
from muniment.model.outcomes import RequirementState, State
from muniment.model.results import (
    ControlResult,
    RequirementApplicability,
    RequirementResult,
    ScopeDecision,
)


def assess_requirements(
    frameworks: Mapping[str, Framework],
    controls: Mapping[str, ControlResult],
    as_of_day: str,
    applicability: ByRequirement | None = None,
    decisions: Mapping[tuple[str, str], ScopeDecision] | None = None,
) -> tuple[RequirementResult, ...]:
    """The state of every requirement of every framework, in the catalog's order.

    controls: results by control id. as_of_day: ISO date in the organisation's time zone.
    applicability: for how many agents each requirement applies; None where nobody asked, which
    leaves only the day to decide. decisions: the organisation's statement of applicability; one
    that leaves a requirement out makes it not applicable, except in a law, which nobody can decide
    away. A requirement that applies later carries the state it would have
    as `readiness`. Headings and context have no state of their own.
    Method: docs/concepts/scores.md.
    """
    return tuple(
        _decided(
            framework,
            assess_requirement(
                framework.id,
                requirement,
                controls,
                as_of_day,
                (applicability or {}).get((framework.id, requirement.id)),
            ),
            (decisions or {}).get((framework.id, requirement.id)),
        )
        for framework in frameworks.values()
        for requirement in framework.assessed
    )


def _decided(
    framework: Framework, result: RequirementResult, decision: ScopeDecision | None
) -> RequirementResult:
    if decision is None or decision.applicable or framework.kind == "law":
        return replace(result, decision=decision)
    return replace(
        result,
        state=RequirementState.NOT_APPLICABLE,
        state_reason=f"Left out of the scope: {decision.justification}",
        readiness=None,
        decision=decision,
    )


def assess_requirement(
    framework_id: str,
    requirement: Requirement,
    controls: Mapping[str, ControlResult],
    as_of_day: str,
    applicability: RequirementApplicability | None = None,
) -> RequirementResult:
    """The state of one requirement.

    `exceptions` of the result counts by mapping: an item that fails two mapped attributes counts
    under each, as in an auditor's paper. Tolerated exceptions are not counted.
    """
    bearings = [bearing_of(mapping, controls) for mapping in requirement.controls]
    found, cited = judge(requirement, bearings)
    reason = because(found, cited, requirement.manual)
    first_day = (applicability and applicability.first_day) or requirement.first_day
    state = _standing(requirement, applicability, as_of_day) or found
    later = state is RequirementState.NOT_YET
    if state is RequirementState.NOT_APPLICABLE and state is not found:
        reason = not_applicable_words(applicability)
    elif later:
        reason = f"Applies from {first_day}. Readiness: {reason}"
    return RequirementResult(
        framework_id=framework_id,
        requirement_id=requirement.id,
        state=state,
        state_reason=reason + ("" if later else undetermined_words(applicability)),
        applies_from=first_day,
        readiness=found if later else None,
        controls=tuple(mapping.control for mapping in requirement.controls),
        exceptions=sum(b.exceptions for b in bearings if b.state is State.FAIL),
        applicability=applicability,
        attested=state is RequirementState.EVIDENCED
        and any(bearing.state is State.ATTESTED for bearing in cited),
    )


def _standing(
    requirement: Requirement, applicability: RequirementApplicability | None, day: str
) -> RequirementState | None:
    """Not applicable or not yet, where scope, role, class and day say so; None where it applies.

    What is undetermined counts as applying, and so does a register without any agent.
    """
    waits = requirement.first_day is not None and requirement.first_day > day
    if applicability is None or not applicability.agents:
        return RequirementState.NOT_YET if waits else None
    if applicability.does_not_apply == applicability.agents:
        return RequirementState.NOT_APPLICABLE
    if waits or not (applicability.applies or applicability.undetermined):
        return RequirementState.NOT_YET
    return None


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
