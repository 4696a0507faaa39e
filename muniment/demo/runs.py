"""What a log says of a run: its steps, many runs at once, and one run whose lines can be changed.

Values carry the names of the entry columns. Times are nanoseconds and decimals billionths, both as
whole numbers, until a file is written: a seed can move a time by a nanosecond and meet a limit to
the millionth.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from muniment.demo.agents import AgentPlan
from muniment.demo.calendar import Instants

Value = str | int | bool | list[str]
# One value for all runs, or one per run.
Values = Value | Instants | NDArray[np.object_] | NDArray[np.bool_]
Mask = NDArray[np.bool_]
EMPTY = ""
REDACTED = "[REDACTED]"
UNIT = 10**9

# Who writes which log.
GATEWAY, POLICY_ENGINE, OTLP = "gateway", "policy_engine", "otlp"
RUNS, STEPS, HANDOVERS, DECISIONS = "runs", "steps", "handovers", "decisions"
# The platform's log is exported as four tables.
PLATFORM = (RUNS, STEPS, HANDOVERS, DECISIONS)


@dataclass(slots=True)
class Event:
    """One line of a log: its export, its columns, and `logged` where it was written later."""

    source: str
    values: dict[str, Value]
    logged: int = 0

    @property
    def time(self) -> int:
        """When it happened, in nanoseconds."""
        return int(self.values["event_time"])  # type: ignore[arg-type]


@dataclass(slots=True)
class Step:
    """The same step of many runs; `where` says which of them take it (None: all)."""

    source: str
    values: dict[str, Values]
    where: Mask | None = None

    def rows(self) -> list[dict[str, Value]]:
        """The step as rows, one for each run that takes it; at least one value tells runs apart."""
        columns = {
            name: (value if self.where is None else value[self.where]).tolist()
            for name, value in self.values.items()
            if isinstance(value, np.ndarray)
        }
        shared = {n: v for n, v in self.values.items() if not isinstance(v, np.ndarray)}
        each = zip(*columns.values(), strict=True)
        return [shared | dict(zip(columns, row, strict=True)) for row in each]


@dataclass(slots=True)
class Run:
    """A trace: its events in the order in which they were written, and the rows beside them."""

    plan: AgentPlan
    trace_id: str
    events: list[Event] = field(default_factory=list)
    approval: dict[str, Value] | None = None
    act: Event | None = None

    @property
    def root(self) -> Event:
        """The span without a parent."""
        return self.events[0]

    @property
    def end(self) -> int:
        """When the run ended."""
        return int(self.root.values["end_time"])  # type: ignore[arg-type]

    def step(self, operation: str) -> Event:
        """The first event of an operation, e.g. `chat` or `approval.request`."""
        return next(e for e in self.events if e.values["operation_name"] == operation)

    def from_source(self, source: str) -> Event:
        """The first event that a source wrote."""
        return next(e for e in self.events if e.source == source)


@dataclass(slots=True)
class Runs:
    """Many runs of one agent: steps as columns, one value per run, and approvals likewise."""

    plan: AgentPlan
    count: int
    steps: list[Step] = field(default_factory=list)
    approvals: list[Step] = field(default_factory=list)
    act: Step | None = None

    def only(self) -> Run:
        """The one run, its lines as plain values that can be changed."""
        steps = [step for step in self.steps if step.where is None or step.where[0]]
        run = Run(self.plan, str(_one(steps[0].values["trace_id"])))
        for step in steps:
            values = {name: _one(value) for name, value in step.values.items()}
            run.events.append(Event(step.source, values))
            if step is self.act:
                run.act = run.events[-1]
        for rows in self.approvals:
            if rows.where is None or rows.where[0]:
                run.approval = {name: _one(value) for name, value in rows.values.items()}
        return run


def _one(value: Values) -> Value:
    if not isinstance(value, np.ndarray):
        return list(value) if isinstance(value, list) else value
    first = value[0]
    return first.item() if isinstance(first, np.generic) else first  # type: ignore[no-any-return]


def digest(*parts: object) -> str:
    """SHA-256 over the parts as JSON: the digest both of what ran and of what was approved."""
    text = json.dumps([str(part) for part in parts], separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def units(number: str | Decimal) -> int:
    """A decimal as billionths."""
    return int(Decimal(number) * UNIT)


def objects(values: list[str]) -> NDArray[np.object_]:
    """Texts as an array, one per run."""
    found = np.empty(len(values), dtype=object)
    found[:] = values
    return found
