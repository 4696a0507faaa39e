"""The story while it is written: registers, runs out of the ordinary, and what must be found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from zlib import crc32

import numpy as np

from muniment.demo.agents import AGENT_BY_ID, AgentPlan, Tool
from muniment.demo.clock import SECOND, at
from muniment.demo.registers import Registers
from muniment.demo.runs import Event, Run, Runs, Value
from muniment.demo.truth import Expectation
from muniment.demo.writer import RunWriter, Shape
from muniment.model.outcomes import Outcome

BLOCKED: Mapping[str, Value] = {
    "executed": False,
    "outcome": "denied",
    "policy_result": "deny",
    "policy_enforced": "blocked",
}
UNSPENT: Mapping[str, Value] = {"cost_usd": 0, "input_tokens": 0, "output_tokens": 0}
FIRST_CASE = 60_001


@dataclass(slots=True)
class Story:
    """Registers without a fault to begin with; seeds change them, add runs and say what to expect.

    runs: single runs, whose lines may be changed. bursts: many runs at once.
    """

    seed: int
    registers: Registers
    runs: list[Run] = field(default_factory=list)
    bursts: list[Runs] = field(default_factory=list)
    expected: list[Expectation] = field(default_factory=list)
    case: int = FIRST_CASE

    def rng(self, label: str) -> np.random.Generator:
        """Randomness of its own for each label, so that no seed shifts another."""
        return np.random.default_rng([self.seed, crc32(label.encode())])

    def exception(self, control_id: str, item: Event | str, why: str) -> None:
        """This item must be an exception."""
        self.expected.append(Expectation(control_id, item, Outcome.EXCEPTION, why))

    def near_miss(
        self, control_id: str, item: Event | str, why: str, outcome: Outcome = Outcome.PASS
    ) -> None:
        """This item only looks like one; PASS also where it is outside the population."""
        self.expected.append(Expectation(control_id, item, outcome, why))

    def writer(self, plan: AgentPlan | str, moment: int, shape: Shape | None = None) -> RunWriter:
        """A writer of one run that begins at `moment`, for a run that takes its own course."""
        plan = AGENT_BY_ID[plan] if isinstance(plan, str) else plan
        self.case += 1
        rng = self.rng(f"run {self.case}")
        return RunWriter(rng, plan, np.array([moment]), shape or Shape(), self.case)

    def keep(self, runs: Runs) -> Run:
        """Take up the one run that a writer wrote."""
        self.runs.append(runs.only())
        return self.runs[-1]

    def run(self, plan: AgentPlan | str, start: str, shape: Shape | None = None) -> Run:
        """An ordinary run of an agent that begins at `start`."""
        return self.keep(self.writer(plan, at(start), shape).write())

    def act(
        self, plan: AgentPlan | str, start: str, shape: Shape | None = None
    ) -> tuple[Run, Event]:
        """As `run`, with the event of its act."""
        run = self.run(plan, start, shape)
        if run.act is None:
            raise AssertionError(f"run `{run.trace_id}` of the demo has no act to seed")
        return run, run.act

    def call(
        self, plan: AgentPlan | str, moment: int, tool: Tool, **values: Value
    ) -> tuple[Run, Event]:
        """A short run whose one tool call begins exactly at `moment`."""
        writer = self.writer(plan, moment - 20 * SECOND)
        writer.begin()
        writer.cursor = np.array([moment])
        writer.tool_call(tool, None, **values)
        run = self.keep(writer.finish(str(values.get("outcome", "success"))))
        return run, run.events[-1]
