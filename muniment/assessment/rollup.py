"""The state of headings: what the requirements below an article, chapter or category come to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from muniment.model.frameworks import Framework
from muniment.model.outcomes import RequirementState
from muniment.model.results import RequirementResult

_E, _P = RequirementState.EVIDENCED, RequirementState.PARTLY
_X, _N = RequirementState.EXCEPTIONS, RequirementState.NOT_TESTED
_M, _LATER = RequirementState.MANUAL, RequirementState.NOT_YET
_TODAY = (_E, _P, _X, _N, _M)


@dataclass(frozen=True, slots=True)
class RolledUp:
    """A unit's state from below, and how many requirements below stand in each state.

    state: None where no requirement lies below. What applies today decides; only where nothing does
    it is not yet in application, or not applicable.
    """

    unit_id: str
    state: RequirementState | None
    counts: Mapping[RequirementState, int]

    @property
    def applicable(self) -> int:
        """Requirements below that apply today."""
        return sum(self.counts.get(state, 0) for state in _TODAY)


def roll_up(framework: Framework, results: Iterable[RequirementResult]) -> dict[str, RolledUp]:
    """Each unit of a framework by id, requirements included, in the framework's order.

    results: of this framework; those of others are left out, and so are requirements without one.
    """
    states = {r.requirement_id: r.state for r in results if r.framework_id == framework.id}
    counts: dict[str, Counter[RequirementState]] = {unit: Counter() for unit in framework.units}
    for unit_id, state in states.items():
        if unit_id in counts:
            for unit in (framework.units[unit_id], *framework.path(unit_id)):
                counts[unit.id][state] += 1
    return {
        unit_id: RolledUp(unit_id, _state(found), dict(found)) for unit_id, found in counts.items()
    }


def _state(counts: Counter[RequirementState]) -> RequirementState | None:
    if not counts:
        return None
    today = {state for state in _TODAY if counts[state]}
    if not today:
        return _LATER if counts[_LATER] else RequirementState.NOT_APPLICABLE
    if _X in today:
        return _X
    if today == {_E}:
        return _E
    if today & {_E, _P}:
        return _P
    return _N if _N in today else _M
