"""Maturity: earned stage by stage, never averaged.

A stage holds when all its criteria hold and the stage below holds. A domain without any criterion
for a stage cannot be shown to hold it, so it stays below. The organisation stands where its lowest
domain stands. Method: docs/concepts/maturity.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date

from muniment.model.maturity import (
    LOWEST,
    Criterion,
    DomainMaturity,
    MaturityModel,
    Met,
    Standing,
    Wanted,
)
from muniment.model.outcomes import State
from muniment.model.results import ControlResult

ORGANISATION = "organisation"
_HOLDING = frozenset({State.PASS, State.ATTESTED})
_JUDGED = frozenset({State.PASS, State.FAIL, State.EXCEPTED, State.ATTESTED})
_WORDS = {
    State.PASS: "shows no exceptions",
    State.FAIL: "shows exceptions",
    State.UNDETERMINED: "is undetermined",
    State.PENDING: "is not settled yet",
    State.ERROR: "could not be run",
    State.NOT_TESTED: "is not tested",
    State.NOT_APPLICABLE: "does not apply",
    State.EXCEPTED: "has tolerated exceptions",
    State.ATTESTED: "is attested",
    State.STALE: "rests on a stale attestation",
}


def assess_maturity(
    model: MaturityModel, results: Mapping[str, ControlResult], as_of_day: str
) -> tuple[Standing, ...]:
    """The organisation's standing, then each domain's, in the model's order.

    results: by control id. as_of_day: ISO date in the organisation's time zone; `sustained` asks
    for the whole calendar months before it. A control without result counts as not tested.
    """
    domains = tuple(_standing(model, domain, results, as_of_day) for domain in model.domains)
    return (_organisation(model, domains), *domains)


def assess_agent_maturity(
    model: MaturityModel, results: Mapping[str, ControlResult], agent_id: str
) -> tuple[Standing, ...]:
    """An agent's standing, then that of each domain that says something about it.

    Criteria are judged over the items that name the agent. A control of which nothing fell to the
    agent says nothing and is left out, as is `sustained`; a stage without any such criterion is
    passed over where a higher one has some. Empty where no control names the agent.
    """
    own = {name: one for name, r in results.items() if (one := _of_agent(r, agent_id)) is not None}
    found: list[Standing] = []
    for domain in model.domains:
        judged = {
            stage: tuple(
                _met(one, own[one.control], [])
                for one in criteria
                if one.control in own and one.wants is not Wanted.SUSTAINED
            )
            for stage, criteria in sorted(domain.criteria.items())
        }
        if any(judged.values()):
            held = _held_by_agent(judged)
            found.append(Standing(domain.id, domain.name, held, _next(model, held), judged))
    if not found:
        return ()
    whole = _organisation(model, found)
    return (replace(whole, subject=agent_id, name="Agent"), *found)


def _held_by_agent(judged: Mapping[int, tuple[Met, ...]]) -> int:
    held = LOWEST
    for stage, criteria in judged.items():
        if not all(one.met for one in criteria):
            break
        if criteria:
            held = stage
    return held


def _of_agent(result: ControlResult, agent_id: str) -> ControlResult | None:
    """The result over one agent's items; None where none of them names it."""
    tests = []
    for test in result.tests:
        if agent_id in test.by_agent:
            population, exceptions, undetermined = test.by_agent[agent_id]
            tests.append(
                replace(
                    test, population=population, exceptions=exceptions, undetermined=undetermined,
                    pending=0, by_day={}, state=_state(exceptions, undetermined),
                )
            )  # fmt: skip
    if not tests:
        return None
    worst = _state(sum(t.exceptions for t in tests), sum(t.undetermined for t in tests))
    return replace(result, state=worst, tests=tuple(tests))


def _state(exceptions: int, undetermined: int) -> State:
    if exceptions:
        return State.FAIL
    return State.UNDETERMINED if undetermined else State.PASS


def _standing(
    model: MaturityModel, domain: DomainMaturity, results: Mapping[str, ControlResult], day: str
) -> Standing:
    months = whole_months_before(day, model.months)
    judged = {
        stage: tuple(_met(one, results.get(one.control), months) for one in criteria)
        for stage, criteria in sorted(domain.criteria.items())
    }
    held = LOWEST
    for stage in model.stages[1:]:
        criteria = judged.get(stage.stage, ())
        if not criteria or not all(one.met for one in criteria):
            break
        held = stage.stage
    return Standing(domain.id, domain.name, held, _next(model, held), judged)


def _organisation(model: MaturityModel, domains: Iterable[Standing]) -> Standing:
    """Where the lowest domain stands; the criteria are those of all domains together."""
    every = list(domains)
    held = min((one.stage for one in every), default=LOWEST)
    criteria = {
        stage.stage: tuple(met for one in every for met in one.criteria.get(stage.stage, ()))
        for stage in model.stages[1:]
    }
    return Standing(ORGANISATION, "Organisation", held, _next(model, held), criteria)


def _next(model: MaturityModel, held: int) -> int | None:
    return held + 1 if held < len(model.stages) else None


def _met(criterion: Criterion, result: ControlResult | None, months: list[str]) -> Met:
    state = result.state if result else State.NOT_TESTED
    words = f"{criterion.control} {_WORDS[state]}"
    if criterion.wants is Wanted.TESTED:
        tested = state in _JUDGED or bool(result and _concluded(result))
        return _judged(criterion, tested, words)
    if criterion.wants is Wanted.HOLDS or state not in _HOLDING or result is None:
        return _judged(criterion, state in _HOLDING, words)
    lacking = [month for month in months if not _held_in(result, month)]
    words += (
        f" in each of {', '.join(months)}"
        if not lacking
        else (f", but not over the whole of {', '.join(lacking)}")
    )
    return _judged(criterion, not lacking, words)


def _judged(criterion: Criterion, met: bool, words: str) -> Met:
    return Met(criterion.control, criterion.wants, met, criterion.why, words)


def _concluded(result: ControlResult) -> int:
    """Items that came out as a pass or an exception."""
    pending = sum(test.pending for test in result.tests)
    return result.population - result.undetermined - pending


def _held_in(result: ControlResult, month: str) -> bool:
    """Something was tested in the month, and nothing was an exception or undetermined."""
    days = [
        counts for test in result.tests for day, counts in test.by_day.items()
        if day.startswith(month)
    ]  # fmt: skip
    return any(population for population, _, _ in days) and not any(
        exceptions or undetermined for _, exceptions, undetermined in days
    )


def whole_months_before(day: str, count: int) -> list[str]:
    """The last `count` calendar months that ended before or on a day, oldest first (`2026-08`)."""
    end = date.fromisoformat(day)
    last = end.year * 12 + end.month - 1  # months since year 0; the month of `day` is not whole
    after = date.fromordinal(end.toordinal() + 1)
    if after.day == 1:
        last += 1
    return [f"{m // 12:04d}-{m % 12 + 1:02d}" for m in range(last - count, last)]
