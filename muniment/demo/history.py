"""The ordinary ninety days: agents run in their rhythm until the wanted number of events stands."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import date

from muniment.demo.agents import AGENT_BY_ID, AGENTS, GONE, SHADOW, AgentPlan
from muniment.demo.clock import AS_OF_NANOS, LOG_DAYS, MICRO, MINUTE, at, draw_start, local
from muniment.demo.runs import Run, write_run

# Pricing spends its October budget to the cent on the evening of the 31st: no other run then.
PRICING_QUIET = (at("2026-10-31T15:00:00Z"), at("2026-11-01T06:00:00Z"))
LAST_END = AS_OF_NANOS - 30 * MINUTE


def ordinary_runs(rng: random.Random, wanted: int) -> list[Run]:
    """Runs with about `wanted` events in all, unordered; those that every demo needs come first."""
    runs = [write_run(rng, plan, start) for plan, start in _fixed(rng)]
    count = sum(len(run.events) for run in runs)
    busy = [plan for plan in AGENTS if plan.share]
    shares = [plan.share for plan in busy]
    while count < wanted:
        plan = rng.choices(busy, shares)[0]
        start = draw_start(rng, around_the_clock=plan.around_the_clock)
        run = write_run(rng, plan, start)
        if run.end < LAST_END and not _is_quiet(plan, start, run.end):
            runs.append(run)
            count += len(run.events)
    return runs


def _is_quiet(plan: AgentPlan, start: int, end: int) -> bool:
    return plan.team_id == "pricing" and start < PRICING_QUIET[1] and end > PRICING_QUIET[0]


def _fixed(rng: random.Random) -> Iterator[tuple[AgentPlan, int]]:
    """Runs that keep every source alive each day, and those of agents that come or go."""
    for day in LOG_DAYS:
        for agent_id, hours in (("AGT-0033", (4, 13)), ("AGT-0031", (5, 14))):
            for hour in hours:
                yield AGENT_BY_ID[agent_id], _jitter(rng, day, hour)
        if day < date(2026, 9, 29) and day.weekday() < 5:
            yield AGENT_BY_ID["AGT-0012"], _jitter(rng, day, 7)
        if day > date(2026, 10, 21) and day.weekday() < 5:
            yield AGENT_BY_ID["AGT-0046"], _jitter(rng, day, 7)
        if day > date(2026, 10, 14) and day.weekday() == 1:
            yield AGENT_BY_ID["AGT-0045"], _jitter(rng, day, 10)
        if day > date(2026, 9, 20) and day.weekday() == 3:
            yield SHADOW, _jitter(rng, day, 22)
    yield GONE, _jitter(rng, date(2026, 8, 18), 11)
    yield GONE, _jitter(rng, date(2026, 8, 19), 11)


def _jitter(rng: random.Random, day: date, hour: int) -> int:
    return local(day, hour, rng.randrange(50), rng.randrange(60)) + rng.randrange(10**6) * MICRO
