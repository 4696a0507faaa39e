"""What changed between two assessments, control by control and requirement by requirement.

Only what both hold is compared; what one of them lacks is named as added or gone. A different
catalogue or different limits are said, since they change results without any change in the world.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from muniment.model.outcomes import RequirementState, State
from muniment.model.results import Assessment

CLEAR = frozenset({State.PASS, State.ATTESTED})
CONCLUDED = CLEAR | {State.FAIL, State.EXCEPTED}


@dataclass(frozen=True, slots=True)
class Changes:
    """Control ids by what happened to them since `before`, each list sorted.

    newly_failing: show exceptions now and did not. cleared: showed exceptions and hold now.
    no_longer_concluded, newly_concluded: lost or gained a conclusion. added, gone: in one only.
    requirements: (framework id, requirement id, state before, state now) of those that changed.
    """

    before_id: str
    before_as_of: str
    newly_failing: tuple[str, ...]
    cleared: tuple[str, ...]
    no_longer_concluded: tuple[str, ...]
    newly_concluded: tuple[str, ...]
    added: tuple[str, ...]
    gone: tuple[str, ...]
    requirements: tuple[tuple[str, str, RequirementState, RequirementState], ...]
    same_catalog: bool
    same_parameters: bool


def compare_assessments(before: Assessment, now: Assessment) -> Changes:
    """What is otherwise in `now` than in `before`."""
    was = {result.control_id: result.state for result in before.controls}
    is_now = {result.control_id: result.state for result in now.controls}

    def moved(test: Callable[[State, State], bool]) -> tuple[str, ...]:
        return tuple(sorted(c for c in was.keys() & is_now.keys() if test(was[c], is_now[c])))

    return Changes(
        before_id=before.assessment_id,
        before_as_of=before.clock.as_of,
        newly_failing=moved(lambda a, b: b is State.FAIL and a is not State.FAIL),
        cleared=moved(lambda a, b: a is State.FAIL and b in CLEAR),
        no_longer_concluded=moved(lambda a, b: a in CONCLUDED and b not in CONCLUDED),
        newly_concluded=moved(
            lambda a, b: a not in CONCLUDED and b in CONCLUDED and b is not State.FAIL
        ),
        added=tuple(sorted(is_now.keys() - was.keys())),
        gone=tuple(sorted(was.keys() - is_now.keys())),
        requirements=tuple(_requirements(before, now)),
        same_catalog=before.catalog_digest == now.catalog_digest,
        same_parameters=before.parameters == now.parameters,
    )


def _requirements(
    before: Assessment, now: Assessment
) -> Iterable[tuple[str, str, RequirementState, RequirementState]]:
    was: Mapping[tuple[str, str], RequirementState] = {
        (r.framework_id, r.requirement_id): r.state for r in before.requirements
    }
    for result in now.requirements:
        earlier = was.get((result.framework_id, result.requirement_id))
        if earlier is not None and earlier is not result.state:
            yield result.framework_id, result.requirement_id, earlier, result.state


def assessment_before(rows: Iterable[Mapping[str, str]], assessment_id: str) -> str | None:
    """The id of the assessment judged last before this one, None for the first.

    rows: assessments with `id`, `as_of`, `finished_at`. One of the same as-of is no earlier one.
    """
    every = list(rows)
    own = next((row for row in every if row["id"] == assessment_id), None)
    if own is None:
        return None
    earlier = [row for row in every if row["as_of"] < own["as_of"]]
    return max(earlier, key=lambda r: (r["as_of"], r["finished_at"]))["id"] if earlier else None
