"""Seeds of spending: budgets that are met to the millionth, calls after that, and spend of nobody.

Limits are set to fit the finished history, since only then is a total `exactly` its limit.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from muniment.demo.agents import AGENT_BY_ID
from muniment.demo.clock import MILLI, MINUTE, SECOND, at, local
from muniment.demo.company import TEAMS
from muniment.demo.runs import EMPTY, GATEWAY, REDACTED, UNIT, Event, Run, Runs
from muniment.demo.seeds import BLOCKED, UNSPENT, Story
from muniment.model.outcomes import Outcome

CONTROL = "DEV-04"
PERSON = ("user_ref", "user_ref_kind", "on_behalf_of")
BUDGETS_BEGIN = at("2025-11-01T00:00:00+01:00")
SEPTEMBER, OCTOBER = at("2026-09-01T00:00:00+02:00"), at("2026-10-01T00:00:00+02:00")
NOVEMBER = at("2026-11-01T00:00:00+01:00")
RAISED = at("2026-11-10T08:00:00Z")


@dataclass(frozen=True, slots=True)
class Ledger:
    """The gateway's calls: when, whose, and what they cost in billionths of a dollar."""

    times: NDArray[np.int64]
    costs: NDArray[np.int64]
    teams: NDArray[np.object_]

    def spent(self, team: str, start: int, end: int) -> int:
        """A team's total in [start, end)."""
        mine = (self.teams == team) & (self.times >= start) & (self.times < end)
        return int(self.costs[mine].sum())


def ledger_of(bulk: Iterable[Runs], runs: Iterable[Run]) -> Ledger:
    """The ledger of everything that runs."""
    times, costs, teams = [], [], []
    for many in bulk:
        for step in many.steps:
            if step.source == GATEWAY:
                times.append(np.asarray(step.values["event_time"]))
                costs.append(np.asarray(step.values["cost_usd"]))
                teams.append(np.full(many.count, step.values["team_id"], dtype=object))
    calls = [e.values for run in runs for e in run.events if e.source == GATEWAY]
    times.append(np.array([call["event_time"] for call in calls]))
    costs.append(np.array([call["cost_usd"] for call in calls]))
    teams.append(np.array([call["team_id"] for call in calls], dtype=object))
    return Ledger(np.concatenate(times), np.concatenate(costs), np.concatenate(teams))


def seed_unattributed(story: Story) -> None:
    """DEV-03: calls that cost money and that nobody is on record for."""
    control = "DEV-03"
    for start, names, why in (
        ("2026-09-07T12:00:00Z", (*PERSON, "team_id", "feature"),
         "neither person nor team nor feature"),
        ("2026-10-15T15:10:00Z", PERSON, "no person"),
        ("2026-11-13T09:25:00Z", ("team_id",), "no team"),
        ("2026-11-16T10:25:00Z", ("feature",), "no feature"),
    ):  # fmt: skip
        event = story.run("AGT-0050", start).from_source(GATEWAY)
        event.values |= dict.fromkeys(names, EMPTY)
        story.exception(control, event, why)
        if names[0] == PERSON[0]:
            story.exception("DEV-01", event, "no person on record")
    event = story.run("AGT-0050", "2026-09-08T12:00:00Z").from_source(GATEWAY)
    event.values |= (
        dict(BLOCKED) | dict(UNSPENT) | dict.fromkeys(("user_ref", "team_id", "feature"), EMPTY)
    )
    story.near_miss(control, event, "nobody on record, but stopped: nothing was spent")
    event = story.run("AGT-0050", "2026-10-16T15:10:00Z").from_source(GATEWAY)
    event.values |= dict.fromkeys(("user_ref", "on_behalf_of"), REDACTED)
    story.near_miss(control, event, "the person is masked", Outcome.UNDETERMINED)
    event = story.run("AGT-0061", "2026-10-16T03:10:00Z").from_source(GATEWAY)
    story.near_miss(control, event, "a service account, with team and feature")
    for start in ("2026-09-09T12:00:00Z", "2026-09-10T12:00:00Z", "2026-09-11T12:00:00Z"):
        event = story.run("AGT-0050", start).from_source(GATEWAY)
        story.near_miss("DEV-01", event, "a developer on record")


def seed_budgets(story: Story, bulk: list[Runs]) -> None:
    """Every team's limits over the year, and DEV-04: evenings on which a limit was met."""
    _pricing_evening(story)
    _claims_evening(story)
    first = _call(story, "AGT-0032", RAISED)
    filler = _call(story, "AGT-0032", RAISED - MINUTE)
    story.near_miss(CONTROL, first, "customer-service: the limit was raised at this instant")
    limits: list[tuple[str, int, int]] = []
    for team, begin, until, leave, last in (
        ("pricing", OCTOBER, at("2026-10-31T17:05:00Z") + 1, 0, _named(story, "meets")),
        ("claims", SEPTEMBER, at("2026-09-30T21:50:00Z"), 1_000, _named(story, "filler")),
        ("customer-service", NOVEMBER, RAISED, 0, filler),
    ):
        spent = ledger_of(bulk, story.runs).spent(team, begin, until)
        limit = math.ceil((spent + leave) / UNIT) * UNIT
        last.values["cost_usd"] = int(last.values["cost_usd"]) + limit - leave - spent  # type: ignore[arg-type]
        limits.append((team, begin, limit))
    ledger = ledger_of(bulk, story.runs)
    ends = {"pricing": NOVEMBER, "claims": OCTOBER, "customer-service": RAISED}
    for team in TEAMS:
        _put(story, team, BUDGETS_BEGIN, _ample(ledger, team))
    for team, begin, limit in limits:
        _put(story, team, begin, limit)
        _put(story, team, ends[team], _ample(ledger, team))


def _put(story: Story, team: str, since: int, limit: int) -> None:
    story.registers.put(
        "budget", since, budget_id=f"BUD-{team}", owner_kind="team", owner_ref=team,
        period="month", limit_usd=limit,
    )  # fmt: skip


def _ample(ledger: Ledger, team: str) -> int:
    """A limit that the team never met: a third above its dearest month, in whole fifties."""
    months = [local(date(year, month, 1), 0) for year, month in _months()]
    spent = [ledger.spent(team, start, end) for start, end in pairwise(months)]
    return math.ceil(max(spent) * 4 / 3 / (50 * UNIT) + 0.2) * 50 * UNIT


def _months() -> list[tuple[int, int]]:
    return [(2025, 11), (2025, 12), *((2026, month) for month in range(1, 13))]


def _pricing_evening(story: Story) -> None:
    """Pricing spends its October budget to the cent on the evening of the 31st."""
    early = _call(story, "AGT-0029", at("2026-09-30T22:15:00Z"))
    story.near_miss(CONTROL, early, "September in UTC, October in Copenhagen: it counts there")
    for moment, stopped, why in (
        ("2026-10-31T17:05:00Z", False, "meets the limit exactly"),
        ("2026-10-31T17:06:30Z", False, "runs at the limit"),
        ("2026-10-31T17:09:00Z", True, "at the limit, but the gateway stopped it"),
        ("2026-10-31T19:40:00Z", False, "runs above the limit"),
        ("2026-10-31T22:59:59.999Z", False, "the last millisecond of October in Copenhagen"),
        ("2026-10-31T23:00:00Z", False, "the first instant of November in Copenhagen"),
        ("2026-10-31T23:30:00Z", False, "still October in UTC, November in Copenhagen"),
    ):
        call = _call(story, "AGT-0029", at(moment), stopped=stopped)
        over = not stopped and at("2026-10-31T17:05:00Z") < call.time < NOVEMBER
        (story.exception if over else story.near_miss)(CONTROL, call, f"pricing: {why}")


def _claims_evening(story: Story) -> None:
    """Claims' last call of September has a millionth of a dollar left before it."""
    filler = _call(story, "AGT-0030", at("2026-09-30T21:40:00Z"))
    story.near_miss(CONTROL, filler, "claims: the filler leaves a millionth of a dollar")
    last = _call(story, "AGT-0030", at("2026-09-30T21:50:00Z"))
    story.near_miss(CONTROL, last, "claims: a millionth of a dollar was left before it")


def _named(story: Story, word: str) -> Event:
    """The event that was expected with this word."""
    found = next(e for e in story.expected if e.control_id == CONTROL and word in e.why)
    if not isinstance(found.item, Event):
        raise TypeError(word)
    return found.item


def _call(story: Story, agent_id: str, moment: int, *, stopped: bool = False) -> Event:
    """A run that only calls a model, with the gateway's call exactly at `moment`."""
    writer = story.writer(AGENT_BY_ID[agent_id], moment - 2 * SECOND)
    writer.begin()
    run = story.keep(writer.finish("denied" if stopped else "success"))
    call = run.from_source(GATEWAY)
    end = moment + 900 * MILLI
    call.values |= {"event_time": moment, "end_time": end, "policy_checked_at": moment - MILLI}
    run.root.values["end_time"] = end + 5 * MILLI
    if stopped:
        call.values |= dict(BLOCKED) | dict(UNSPENT)
    return call
