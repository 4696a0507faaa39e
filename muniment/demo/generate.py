"""The whole demo in memory, from one seed: registers, logs, and what must be found in them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from muniment.demo import DEFAULT_EVENTS, MIN_EVENTS
from muniment.demo.agents import AGENTS, AgentPlan
from muniment.demo.calendar import Instants, day_weights, draw_starts, steady_starts
from muniment.demo.clock import AS_OF_NANOS, HOUR, MINUTE, at
from muniment.demo.logs import SOURCES, log_tables
from muniment.demo.registers import Registers
from muniment.demo.registers_agents import add_agents, drill_times
from muniment.demo.registers_company import add_company
from muniment.demo.registers_logs import add_approvals, add_control_totals
from muniment.demo.runs import OTLP, Runs
from muniment.demo.seeding import SEEDS, SPENDING
from muniment.demo.seeds import Story
from muniment.demo.seeds_trail import (
    DRIFT_BEGINS,
    DRIFTED,
    KEPT_SINCE,
    SILENT,
    holed_logs,
    kept_logs,
    seed_totals,
)
from muniment.demo.truth import Expectation
from muniment.demo.writer import Shape, write_runs
from muniment.errors import UsageError

DEFAULT_SEED = 20261120
# Every agent runs at least so often; since August, two that never sleep run twice a day.
STEADY_DAYS, DAILY, DAILY_SINCE = 28, ("AGT-0011", "AGT-0031"), at("2026-08-10")
_BULK_CASE, _STEADY_CASE = 100_001, 70_001
_ORDINARY = Shape(ordinary=True)


@dataclass(frozen=True, slots=True)
class Demo:
    """Everything that the source files will say. logs: by export, see `log_tables`."""

    logs: dict[str, pa.Table]
    registers: Registers
    expected: list[Expectation]

    @property
    def events(self) -> int:
        """How many events all logs hold."""
        return sum(self.logs[source].num_rows for source in SOURCES)


def generate_demo(seed: int = DEFAULT_SEED, events: int = DEFAULT_EVENTS) -> Demo:
    """The demo with about `events` events: the same seed and number give the same demo.

    Raises UsageError below 10,000 events: the seeds and the runs that keep every agent and every
    log alive need that many.
    """
    if events < MIN_EVENTS:
        raise UsageError(f"the demo cannot have `{events}` events. Ask for at least {MIN_EVENTS}.")
    story = Story(seed, Registers())
    add_agents(story.registers)
    add_company(story.registers)
    for make in SEEDS:
        make(story)
    bulk = [*story.bursts, *_steady_runs(story)]
    bulk += _ordinary_runs(story, events, bulk)
    for make_spending in SPENDING:
        make_spending(story, bulk)
    add_approvals(story.registers, bulk, story.runs)
    events_of_runs = (event for run in story.runs for event in run.events)
    logs = kept_logs(log_tables(bulk, events_of_runs))
    add_control_totals(story.registers, logs)
    seed_totals(story.registers)
    return Demo(holed_logs(logs), story.registers, story.expected)


def _steady_runs(story: Story) -> list[Runs]:
    """Runs that nobody leaves out, so that each grant is used and no log falls silent."""
    found = []
    for plan in AGENTS:
        if not plan.share:
            continue
        starts = steady_starts(plan, STEADY_DAYS)
        if plan.agent_id in DAILY:
            daily = steady_starts(plan, 1)
            daily = np.concatenate([daily, daily + 11 * HOUR])
            starts = np.union1d(starts, daily[daily > DAILY_SINCE])
        rng = story.rng(f"steady {plan.agent_id}")
        found += _written(rng, plan, _undisturbed(plan, starts), _STEADY_CASE, None)
    return found


def _ordinary_runs(story: Story, events: int, others: list[Runs]) -> list[Runs]:
    """The year's work: as many runs of each agent as its share asks for."""
    taken = sum(_kept(runs) for runs in others) + sum(len(run.events) for run in story.runs)
    sizes = {runs.plan.agent_id: _kept(runs) / runs.count for runs in others}
    work = {plan: plan.share * day_weights(plan).sum() for plan in AGENTS if plan.share}
    a_share = (events - taken) / sum(w * sizes[plan.agent_id] for plan, w in work.items())
    found = []
    for plan, amount in work.items():
        rng = story.rng(f"ordinary {plan.agent_id}")
        starts = _undisturbed(plan, draw_starts(rng, plan, round(a_share * amount)))
        found += _written(rng, plan, starts, _BULK_CASE, _ORDINARY)
    return found


def _written(
    rng: np.random.Generator, plan: AgentPlan, starts: Instants, case: int, shape: Shape | None
) -> list[Runs]:
    """Runs of an agent; of one that drifted, before and after that day."""
    later = starts >= (DRIFT_BEGINS if plan.agent_id in DRIFTED else AS_OF_NANOS)
    parts = (
        (plan, starts[~later], case),
        (DRIFTED.get(plan.agent_id, plan), starts[later], case + 500_000),
    )
    return [
        write_runs(rng, does, begins, case=first, shape=shape)
        for does, begins, first in parts
        if len(begins)
    ]


def _kept(runs: Runs) -> int:
    """How many events of runs stay, since some logs do not reach back over the whole year."""
    total = 0
    for step in runs.steps:
        kept = np.asarray(step.values["event_time"]) >= KEPT_SINCE.get(step.source, 0)
        total += int(np.sum(kept if step.where is None else kept & step.where))
    return total


def _undisturbed(plan: AgentPlan, starts: Instants) -> Instants:
    """Starts that leave a run time to end, hit no drill, and no hours without traces."""
    free = starts < min(AS_OF_NANOS, plan.ends or AS_OF_NANOS) - 2 * HOUR
    for drill in drill_times(plan):
        free &= (starts < drill - 90 * MINUTE) | (starts > drill + 10 * MINUTE)
    if plan.log == OTLP:
        free &= (starts < SILENT[0]) | (starts > SILENT[1])
    return np.asarray(starts[free])
