"""The whole demo in memory, from one seed: runs, registers, and what must be found in them."""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass

from muniment.demo.history import ordinary_runs
from muniment.demo.registers import Row, agent_rows, budget_rows, permission_rows, person_rows
from muniment.demo.runs import AGENT_LOG, GATEWAY, OTLP, Event, Run
from muniment.demo.seeds import Seeds
from muniment.demo.seeds_access import expect_owners, seed_identities, seed_permissions
from muniment.demo.seeds_oversight import seed_approvals
from muniment.demo.seeds_spend import seed_budgets
from muniment.demo.seeds_trail import seed_records, seed_traces
from muniment.demo.truth import Expectation
from muniment.errors import UsageError

DEFAULT_SEED = 20261120
DEFAULT_EVENTS = 20_000
MIN_EVENTS = 4_000
# Each log numbers its own lines from somewhere, as logs do.
FIRST_SEQ = {GATEWAY: 4_100_001, AGENT_LOG: 880_001}


@dataclass(frozen=True, slots=True)
class Demo:
    """Everything that the source files will say. events: by source, in the order of logging."""

    events: dict[str, list[Event]]
    agents: list[Row]
    permissions: list[Row]
    people: list[Row]
    approvals: list[Row]
    budgets: list[Row]
    expected: list[Expectation]


def generate_demo(seed: int = DEFAULT_SEED, events: int = DEFAULT_EVENTS) -> Demo:
    """The demo with about `events` events: the same seed and number give the same demo.

    Raises UsageError below 4,000 events: the seeds and the runs that keep every log alive each day
    need that many.
    """
    if events < MIN_EVENTS:
        raise UsageError(f"the demo cannot have `{events}` events. Ask for at least {MIN_EVENTS}.")
    rng = random.Random(seed)  # noqa: S311 - a story, not a secret
    seeds = Seeds()
    seeded = (seed_identities, seed_permissions, seed_approvals, seed_records, seed_traces)
    for make in seeded:
        seeds.add(make(rng))
    seeds.add(expect_owners())
    ordinary = ordinary_runs(rng, events - sum(len(run.events) for run in seeds.runs))
    spend, budgets = seed_budgets(rng, [*ordinary, *seeds.runs])
    seeds.add(spend)
    runs = [*ordinary, *seeds.runs]
    return Demo(
        events=_by_source(runs),
        agents=agent_rows(),
        permissions=permission_rows(),
        people=person_rows(),
        approvals=sorted(
            (run.approval for run in runs if run.approval), key=lambda row: str(row["approval_id"])
        ),
        budgets=budget_rows(budgets),
        expected=seeds.expected,
    )


def _by_source(runs: Iterable[Run]) -> dict[str, list[Event]]:
    """Events by source in the order of logging, numbered where the source numbers its lines."""
    logs: dict[str, list[Event]] = {GATEWAY: [], AGENT_LOG: [], OTLP: []}
    for run in runs:
        for event in run.events:
            logs[event.source].append(event)
    for source, log in logs.items():
        log.sort(key=lambda event: event.logged or event.time)
        for number, event in enumerate(log, FIRST_SEQ.get(source, 0)):
            if source in FIRST_SEQ:
                event.values["source_seq"] = number
    return logs
