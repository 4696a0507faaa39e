"""Seeds of DEV-04: monthly budgets that are met to the millionth, and calls after that.

The calls come from the finished history; the limits are set to fit it, since only then is a total
`exactly` its limit.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from muniment.demo.agents import AGENT_BY_ID, PRICES
from muniment.demo.clock import AS_OF, MILLI, SECOND, at
from muniment.demo.company import TEAMS
from muniment.demo.runs import GATEWAY, Event, Run, RunWriter, Shape
from muniment.demo.seeds import BLOCKED, Seeds

CONTROL = "DEV-04"
AMPLE = Decimal("2500.00")
BUDGETS_BEGIN = at("2026-01-01T00:00:00+01:00")
OCTOBER, NOVEMBER = at("2026-10-01T00:00:00+02:00"), at("2026-11-01T00:00:00+01:00")
SEPTEMBER = at("2026-09-01T00:00:00+02:00")


@dataclass(frozen=True, slots=True)
class Budget:
    """A team's monthly limit from an instant on."""

    team_id: str
    limit_usd: Decimal
    valid_from: int


class Ledger:
    """The gateway's calls in time order, with totals, and the means to fit one to a limit."""

    def __init__(self, runs: Iterable[Run]) -> None:
        events = [event for run in runs for event in run.events]
        self.calls = sorted((e for e in events if e.source == GATEWAY), key=lambda e: e.time)
        self.twins: dict[str, list[Event]] = {}
        for event in events:
            if event.values["action_type"] == "model_call":
                self.twins.setdefault(str(event.values["target_ref"]), []).append(event)

    def of(self, team: str, start: int, end: int) -> list[Event]:
        """A team's calls in [start, end)."""
        return [c for c in self.calls if c.values["team_id"] == team and start <= c.time < end]

    def fill(self, mine: list[Event], leave: Decimal = Decimal(0)) -> Decimal:
        """Make the last of `mine` bring their total to a whole dollar less `leave`; that dollar."""
        spent = sum((Decimal(str(call.values["cost_usd"])) for call in mine), Decimal(0))
        limit = Decimal(math.ceil(spent + leave))
        extra = limit - leave - spent
        last = mine[-1]
        last.values["cost_usd"] = Decimal(str(last.values["cost_usd"])) + extra
        tokens = int(extra * 1_000_000 / PRICES[str(last.values["model"])][0])
        for twin in self.twins[str(last.values["target_ref"])]:
            twin.values["input_tokens"] = int(str(twin.values["input_tokens"])) + tokens
        return limit


def seed_budgets(rng: random.Random, runs: Iterable[Run]) -> tuple[Seeds, list[Budget]]:
    """The pricing team's last evening of October, and every team's limits over the year."""
    seeds = Seeds()
    reaching = _pricing_evening(rng, seeds)
    ledger = Ledger([*runs, *seeds.runs])
    budgets = [Budget(team, AMPLE, BUDGETS_BEGIN) for team in TEAMS]
    limit = ledger.fill(ledger.of("pricing", OCTOBER, reaching.time + 1))
    budgets += [Budget("pricing", limit, OCTOBER), Budget("pricing", AMPLE, NOVEMBER)]
    budgets += _claims_september(seeds, ledger)
    budgets += _raised_in_november(seeds, ledger)
    return seeds, budgets


def _pricing_evening(rng: random.Random, seeds: Seeds) -> Event:
    """Seed the evening's calls and return the first, which brings the total to the limit."""
    early, early_call = _one_call(rng, "2026-09-30T22:15:00Z")
    seeds.near_miss(CONTROL, early_call, "September in UTC, October in Copenhagen: it counts there")
    seeds.runs.append(early)
    evening: list[Event] = []
    for moment, stopped, why in (
        ("2026-10-31T17:05:00Z", False, "brings the total exactly to the limit"),
        ("2026-10-31T17:06:30Z", False, "runs at the limit"),
        ("2026-10-31T17:09:00Z", True, "at the limit, but the gateway stopped it"),
        ("2026-10-31T19:40:00Z", False, "runs above the limit"),
        ("2026-10-31T22:59:59.999Z", False, "the last millisecond of October in Copenhagen"),
        ("2026-10-31T23:00:00Z", False, "the first instant of November in Copenhagen"),
        ("2026-10-31T23:30:00Z", False, "still October in UTC, November in Copenhagen"),
    ):
        run, call = _one_call(rng, moment, stopped=stopped)
        seeds.runs.append(run)
        evening.append(call)
        over = not stopped and at("2026-10-31T17:05:00Z") < call.time < NOVEMBER
        (seeds.exception if over else seeds.near_miss)(CONTROL, call, f"pricing: {why}")
    return evening[0]


def _one_call(rng: random.Random, moment: str, *, stopped: bool = False) -> tuple[Run, Event]:
    """A run of Rate Publisher that only calls a model, with the call exactly at `moment`."""
    writer = RunWriter(rng, AGENT_BY_ID["AGT-0029"], at(moment) - 2 * SECOND, Shape())
    writer.begin()
    call = next(event for event in writer.run.events if event.source == GATEWAY)
    writer.cursor = at(moment) + 900 * MILLI
    call.values |= {"event_time": at(moment), "end_time": writer.cursor}
    if stopped:
        call.values |= dict(BLOCKED) | {
            "cost_usd": Decimal(0), "input_tokens": 0, "output_tokens": 0
        }  # fmt: skip
    return writer.finish("denied" if stopped else "success"), call


def _claims_september(seeds: Seeds, ledger: Ledger) -> list[Budget]:
    """A limit that the total before the last call misses by a millionth: that call may run."""
    *before, last = ledger.of("claims", SEPTEMBER, OCTOBER)
    limit = ledger.fill(before, leave=Decimal("0.000001"))
    seeds.near_miss(CONTROL, last, "claims: a millionth of a dollar was left before it")
    return [Budget("claims", limit, SEPTEMBER), Budget("claims", AMPLE, OCTOBER)]


def _raised_in_november(seeds: Seeds, ledger: Ledger) -> list[Budget]:
    """A limit met by the call before, and raised at the very instant of the next."""
    first = ledger.of("customer-service", at("2026-11-10T08:00:00Z"), at(AS_OF))[0]
    limit = ledger.fill(ledger.of("customer-service", NOVEMBER, first.time))
    seeds.near_miss(CONTROL, first, "customer-service: the limit was raised at this instant")
    return [
        Budget("customer-service", limit, NOVEMBER),
        Budget("customer-service", AMPLE, first.time),
    ]
