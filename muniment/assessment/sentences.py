"""Plain sentences about states: why a requirement stands so, and what an overview opens with."""

from __future__ import annotations

from collections.abc import Iterable

from muniment.assessment.bearing import Bearing, control_state
from muniment.model.outcomes import Applies, RequirementState, State
from muniment.model.results import ControlResult, RequirementApplicability, RequirementResult

# Attested and stale controls are a person's word, so they do not count as tested.
TESTED_STATES = frozenset(
    {State.PASS, State.FAIL, State.UNDETERMINED, State.PENDING, State.EXCEPTED}
)
_WORDS = {
    State.FAIL: "fails",
    State.UNDETERMINED: "is undetermined",
    State.PENDING: "has items that are not settled yet",
    State.ERROR: "could not be run",
    State.NOT_TESTED: "was not tested",
    State.NOT_APPLICABLE: "is not applicable",
    State.EXCEPTED: "has tolerated exceptions only",
    State.ATTESTED: "is attested",
    State.STALE: "has an attestation that is out of date",
}


def because(state: RequirementState, cited: Iterable[Bearing], manual: str | None) -> str:
    """Why a requirement stands so: the controls that decided it, with their figures."""
    bearings = list(cited)
    if bearings:
        facts = "; ".join(bearing_words(bearing) for bearing in bearings) + "."
        part = any(b.positive and b.mapping.contributes for b in bearings)
        said_in_part = state is RequirementState.PARTLY and part
        return facts + (" What passed covers it in part." if said_in_part else "")
    if state is RequirementState.MANUAL:
        return f"No control tests it. Needed: {(manual or '').rstrip('.')}."
    return "No control that applies is mapped to it."


def not_applicable_words(applicability: RequirementApplicability | None) -> str:
    """Why a requirement applies to no agent, with counts."""
    if applicability is None:
        return "Not applicable."
    agents = _count(applicability.agents, "agent")
    return f"Applies to none of {agents}: {applicability.why(Applies.NO)}."


def undetermined_words(applicability: RequirementApplicability | None) -> str:
    """What keeps a requirement from being known to apply to any agent; empty where it does."""
    if applicability is None or applicability.applies:
        return ""
    if not applicability.agents:
        return " No agent is on record, so whether it applies is undetermined."
    if not applicability.undetermined:
        return ""
    share = f"{applicability.undetermined:,} of {_count(applicability.agents, 'agent')}"
    why = applicability.why(Applies.UNDETERMINED)
    return f" Whether it applies is undetermined for {share}: {why}."


def agents_words(applicability: RequirementApplicability | None) -> str:
    """`2 of 15` agents that a requirement concerns, today or later, and `3 open` beside them."""
    if applicability is None or not applicability.agents:
        return "not known"
    known, unknown = applicability.applies + applicability.not_yet, applicability.undetermined
    if known == applicability.agents:
        return f"all {known:,}"
    said = f"{known:,} of {applicability.agents:,}"
    return f"{said}, {unknown:,} open" if unknown else said


def bearing_words(bearing: Bearing) -> str:
    """One control's part in a requirement's state: `AUD-01/A has 3 exceptions in 200 items`."""
    name = bearing.mapping.control + (" (supporting)" if bearing.mapping.only_supports else "")
    if bearing.state is State.FAIL and bearing.exceptions:
        words = f"{name} has {_count(bearing.exceptions, 'exception')} in {_items(bearing)}"
    elif bearing.state is State.PASS:
        words = f"{name} passed over {_items(bearing)}"
    elif bearing.state is State.UNDETERMINED:
        words = f"{name} is undetermined for {bearing.undetermined} of {_items(bearing)}"
    elif bearing.state is State.NOT_APPLICABLE and bearing.reason:
        words = f"{name} is not applicable ({bearing.reason.rstrip('.')})"
    else:
        words = f"{name} {_WORDS[bearing.state]}"
    return words if bearing.complete else f"{words}, completeness not established"


def lead_sentence(
    controls: Iterable[ControlResult], requirements: Iterable[RequirementResult]
) -> str:
    """What an overview opens with: tested controls that show exceptions, requirements not tested.

    Attested controls are not tested ones. Requirements that apply later are left out.
    """
    states = [control_state(result) for result in controls]
    tested = sum(state in TESTED_STATES for state in states)
    failing = states.count(State.FAIL)
    open_ones = sum(r.state is RequirementState.NOT_TESTED for r in requirements)
    verb = "shows" if failing == 1 else "show"
    first = (
        f"{failing} of {_count(tested, 'tested control')} {verb} exceptions"
        if tested
        else "No control has been tested"
    )
    manual = sum(r.state is RequirementState.MANUAL for r in requirements)
    return (
        f"{first}; {_count(open_ones, 'requirement')} {_be(open_ones)} not yet tested, "
        f"{manual:,} {'needs' if manual == 1 else 'need'} manual evidence."
    )


def trend_sentence(earlier: Iterable[ControlResult], later: Iterable[ControlResult]) -> str:
    """What changed between two assessments: controls that began or ceased to show exceptions.

    A control has ceased only where it passes now; one that was merely not tested again has not.
    """
    before = {result.control_id: control_state(result) for result in earlier}
    began, ceased = [], []
    for result in sorted(later, key=lambda r: r.control_id):
        was, state = before.get(result.control_id), control_state(result)
        if state is State.FAIL and was is not State.FAIL:
            began.append(result.control_id)
        if was is State.FAIL and state is State.PASS:
            ceased.append(result.control_id)
    parts = [
        f"{_count(len(names), 'control')} {words} ({', '.join(names)})"
        for names, words in ((began, "newly showing exceptions"), (ceased, "now without"))
        if names
    ]
    said = "; ".join(parts) or "no control began or ceased to show exceptions"
    return f"Since the earlier assessment: {said}."


def _items(bearing: Bearing) -> str:
    return _count(bearing.population, "item")


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def _be(number: int) -> str:
    return "is" if number == 1 else "are"
