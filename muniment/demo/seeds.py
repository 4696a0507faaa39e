"""What every seeding module shares: a run around one exact call, and the collection."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field

from muniment.demo.agents import AgentPlan, Tool
from muniment.demo.clock import SECOND
from muniment.demo.runs import Event, Run, RunWriter, Shape, Value
from muniment.demo.truth import Expectation
from muniment.model.outcomes import Outcome

BLOCKED: Mapping[str, Value] = {
    "executed": False,
    "outcome": "denied",
    "policy_result": "deny",
    "policy_enforced": "blocked",
}


@dataclass(slots=True)
class Seeds:
    """Runs that were seeded and what is expected of their parts."""

    runs: list[Run] = field(default_factory=list)
    expected: list[Expectation] = field(default_factory=list)

    def exception(self, control_id: str, item: Event | str, why: str) -> None:
        """This item must be an exception."""
        self.expected.append(Expectation(control_id, item, Outcome.EXCEPTION, why))

    def near_miss(
        self, control_id: str, item: Event | str, why: str, outcome: Outcome = Outcome.PASS
    ) -> None:
        """This item only looks like one; PASS also where it is outside the population."""
        self.expected.append(Expectation(control_id, item, outcome, why))

    def add(self, other: Seeds) -> None:
        """Take over another module's seeds."""
        self.runs += other.runs
        self.expected += other.expected


def run_with_call(
    rng: random.Random, plan: AgentPlan, moment: int, tool: Tool, **values: Value
) -> tuple[Run, Event]:
    """A short run of `plan` whose one tool call begins exactly at `moment`."""
    writer = RunWriter(rng, plan, moment - 20 * SECOND, Shape())
    writer.begin()
    writer.cursor = moment
    call = writer.tool_call(tool, **values)
    return writer.finish(str(call.values["outcome"])), call
