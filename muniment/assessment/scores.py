"""The score of a framework: an interval with every denominator, never one percentage."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from muniment.model.outcomes import RequirementState
from muniment.model.results import FrameworkScore, RequirementResult

# Raise it with every change of the formula or of what its letters count.
FORMULA_VERSION = "2"


def score_framework(framework_id: str, results: Iterable[RequirementResult]) -> FrameworkScore:
    """The interval [E/A, (E+P+N+M)/A] of one framework; results of other frameworks are left out.

    A counts requirements in state E, P, X, N or M; out of it stay those not applicable and those
    not yet in application. tested counts E, P and X. Both bounds are None when A is 0: nothing to
    prove is not the same as nothing proved.
    Method and worked example: docs/concepts/scores.md.
    """
    held = [result for result in results if result.framework_id == framework_id]
    own = Counter(result.state for result in held)
    evidenced = own[RequirementState.EVIDENCED]
    partly = own[RequirementState.PARTLY]
    exceptions = own[RequirementState.EXCEPTIONS]
    not_tested = own[RequirementState.NOT_TESTED]
    manual = own[RequirementState.MANUAL]
    tested = evidenced + partly + exceptions
    applicable = tested + not_tested + manual
    open_or_proved = evidenced + partly + not_tested + manual
    return FrameworkScore(
        framework_id=framework_id,
        applicable=applicable,
        tested=tested,
        evidenced=evidenced,
        partly=partly,
        exceptions=exceptions,
        not_tested=not_tested,
        manual=manual,
        not_applicable=own[RequirementState.NOT_APPLICABLE],
        not_yet=own[RequirementState.NOT_YET],
        lower=evidenced / applicable if applicable else None,
        upper=open_or_proved / applicable if applicable else None,
        formula_version=FORMULA_VERSION,
        attested=sum(result.attested for result in held),
    )
