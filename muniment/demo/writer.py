"""Writes runs of one agent, many at once: trigger, plan, tool calls, policy, approval, outcome.

Every step is a column over the runs; a run that skips a step is masked out of it, and its own clock
(`cursor`) stands still meanwhile. One run is written the same way, as runs of which there is one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from muniment.demo.acts import write_act
from muniment.demo.agents import AGENT_BY_ID, AgentPlan, Tool
from muniment.demo.calendar import Instants
from muniment.demo.clock import DAY, MICRO, MILLI, SECOND, at
from muniment.demo.company import colleagues, person_id
from muniment.demo.oversight import POLICY_ID, policy_versions
from muniment.demo.refs import object_ref
from muniment.demo.runs import (
    EMPTY,
    GATEWAY,
    HANDOVERS,
    OTLP,
    RUNS,
    STEPS,
    Mask,
    Runs,
    Step,
    Values,
    digest,
    objects,
)

PLATFORM_USER = person_id("Agent Platform")
NOTICE = "You are talking to an assistant of Northwind Freight, not to a person. (notice v4)"
NOTICE_ACT = "ai.notice"
# The week in which the customs gateway failed again and again.
OUTAGE = (at("2026-09-28T04:30:00Z"), at("2026-10-02T16:00:00Z"))


@dataclass(frozen=True, slots=True)
class Shape:
    """How runs differ from ordinary ones; the default is a run in which nothing goes wrong.

    ordinary: now and then policy blocks, a person refuses, a system fails. cents, records: of the
    act, instead of drawn ones. blocked: policy denies the act. tool: called instead of the act.
    approver: who answers; waits, reviews: how long (milliseconds, low to high) until the request is
    opened, and until it is answered then.
    """

    ordinary: bool = False
    cents: int | None = None
    records: int | None = None
    blocked: bool = False
    tool: Tool | None = None
    approver: str | None = None
    waits: tuple[int, int] = (40_000, 38 * 60_000)
    reviews: tuple[int, int] = (55_000, 7 * 60_000)


class RunWriter:
    """Writes runs step by step; `cursor` is when the next step of each begins."""

    def __init__(
        self, rng: np.random.Generator, plan: AgentPlan, starts: Instants, shape: Shape, case: int
    ) -> None:
        self.rng, self.plan, self.start, self.shape = rng, plan, starts, shape
        self.count = len(starts)
        self.cursor = starts + self.draw(5_000, 80_000) * MICRO
        self.runs = Runs(plan, self.count)
        self.cases = list(range(case, case + self.count))
        self.traces = self.ids(16)
        self.users = self._users()
        releases = [plan.release(moment) for moment in starts.tolist()]
        self.versions = objects([one.version for one in releases])
        self.models = [one.model for one in releases]
        self.policies = objects(policy_versions(starts))
        self.parent: Values = EMPTY
        self.context: Values = sorted({tool.system for tool in plan.reads})
        self.everyone: Mask = np.ones(self.count, dtype=bool)
        self.done: Mask = self.everyone

    def write(self) -> Runs:
        """The whole runs: trigger, plan, reads, act, closing step, outcome."""
        self.begin()
        self.work()
        return self.finish()

    def begin(self) -> None:
        """Trigger, hand-over where there is one, notice to a person, and the planning calls."""
        self._root()
        if self.plan.delegates_from:
            self._hand_over()
        if self.plan.talks:
            self._notice()
        for number in range(self.plan.calls):
            self.model_call(number)

    def work(self) -> None:
        """Reads, the act with its checks, and the closing step of those whose act took effect."""
        for number, tool in enumerate(self.plan.reads):
            # The second and further sources are looked at in two runs of three, in turn.
            where = np.array([number == 0 or (c + number) % 3 > 0 for c in self.cases], dtype=bool)
            self.tool_call(tool, where)
        self.done = write_act(self) if self.plan.act else self.everyone.copy()
        if self.plan.close:
            self._close(self.plan.close)

    def finish(self, outcome: Values = EMPTY) -> Runs:
        """Close the runs at their cursors, each with its outcome."""
        end = self.cursor + self.draw(1_000, 20_000) * MICRO
        if isinstance(outcome, str) and not outcome:
            outcome = np.where(self.done, "success", "denied").astype(object)
        self.runs.steps[0].values |= {"end_time": end, "outcome": outcome}
        if self.plan.delegates_from:
            self.runs.steps[1].values["end_time"] = end - MICRO
        return self.runs

    def _root(self) -> None:
        plan, (kind, topic) = self.plan, self.plan.trigger
        root = self.step(
            self.log(RUNS), self.start, operation_name="invoke_workflow", action_type="run",
            target_type="workflow", target_name=plan.flow,
            target_ref=self.per_case(f"{plan.flow}-"), target_system="agent-platform",
            trigger_kind=kind, policy_result="not_applicable",
            input_sha256=self.digests(topic),
        )  # fmt: skip
        if plan.delegates_from:
            self._as_delegator(root)
        self.parent = root.values["span_id"]

    def _as_delegator(self, step: Step) -> None:
        other = AGENT_BY_ID[str(self.plan.delegates_from)]
        versions = [other.release(moment).version for moment in self.start.tolist()]
        step.values |= {
            "agent_id": other.agent_id, "agent_name": other.name, "agent_version": objects(versions)
        }  # fmt: skip

    def _hand_over(self) -> None:
        scopes = [f"{self.plan.team}.read", f"{self.plan.team}.write"]
        step = self.step(
            self.log(HANDOVERS), self.cursor, operation_name="invoke_agent",
            action_type="delegate", target_type="agent", target_name=self.plan.name,
            target_ref=self.plan.agent_id, target_system="agent-platform",
            delegation_id=self.per_case("DLG-"),
            delegated_by_agent_id=str(self.plan.delegates_from),
            delegation_scopes=scopes[: 2 if self.plan.permission_tier == "execute" else 1],
            required_scopes=scopes, caller_verified=True, handoff_validation="passed",
            input_sha256=self.digests("delegate"),
        )  # fmt: skip
        self._as_delegator(step)
        self.parent = step.values["span_id"]
        self.wait(10, 60)

    def _notice(self) -> None:
        self.step(
            self.log(STEPS), self.cursor, operation_name="disclosure", action_type="message",
            target_type="person", target_name=NOTICE_ACT, target_ref=self.per_case("NTC-"),
            target_system=self.plan.close.system if self.plan.close else "chat",
            disclosure=NOTICE, input_sha256=digest(NOTICE),
        )  # fmt: skip
        self.wait(8, 30)

    def model_call(self, number: int = 0) -> Step:
        """A call through the gateway; agents that trace themselves log it as well, unpriced."""
        plan, begin, parent = self.plan, self.cursor, self.parent
        tokens_in, tokens_out = self.draw(2_000, 90_000), self.draw(150, 4_000)
        cost = [
            round(i * m.price_in * 1_000) + round(o * m.price_out * 1_000)
            for i, o, m in zip(tokens_in.tolist(), tokens_out.tolist(), self.models, strict=True)
        ]
        prompts = [digest("system", plan.agent_id, v) for v in self.versions]
        common: dict[str, Values] = {
            "operation_name": "chat", "action_type": "model_call", "target_type": "model",
            "target_name": objects([m.name for m in self.models]),
            "target_ref": objects([f"req-{i[:12]}" for i in self.ids(8)]),
            "target_system": "llm-gateway", "model": objects([m.name for m in self.models]),
            "provider": plan.line.partition("-")[0], "input_tokens": tokens_in,
            "output_tokens": tokens_out, "input_sha256": self.digests("prompt", number),
            "prompt_sha256": objects(prompts),
        }  # fmt: skip
        own: Step | None = None
        if plan.log == OTLP:
            own = self.step(OTLP, begin, None, **common)
            parent = own.values["span_id"]
            begin = begin + self.draw(2_000, 30_000) * MICRO
        called = self.step(
            GATEWAY, begin, None, **(common | {"parent_span_id": parent}), cost_usd=np.array(cost),
            cost_basis="priced", user_ref=self.users, team_id=plan.team, org_id="northwind",
            user_ref_kind="email" if plan.trigger[0] == "user" else "service",
            client_app="editor" if plan.kind == "coding_assistant" else "agent-platform",
            feature=plan.flow,
        )  # fmt: skip
        self.cursor = begin
        self.wait(600, 6_000)
        called.values["end_time"] = self.cursor
        if own is not None:
            own.values["end_time"] = self.cursor + 2 * MILLI
            self.wait(3, 9)
        return called

    def tool_call(self, tool: Tool, where: Mask | None = None, **values: Values) -> Step:
        """A call of a tool, executed unless `values` say otherwise."""
        refs = objects([object_ref(tool.ref, case) for case in self.cases])
        standard: dict[str, Values] = {
            "operation_name": "execute_tool", "action_type": tool.action, "target_type": "tool",
            "target_name": tool.name, "target_ref": refs, "target_system": tool.system,
            "data_classification": tool.data_class, "permission_tier": tool.permission_tier,
            "reversible": not tool.final, "egress_host": tool.host or EMPTY,
            "context_refs": [tool.system] if tool.action == "read" else self.context,
            "input_sha256": self.digests(tool.name),
        }  # fmt: skip
        call = self.step(self.log(STEPS), self.cursor, where, **(standard | values))
        self.wait(40, 900, where)
        call.values["end_time"] = self.cursor.copy()
        return call

    def _close(self, tool: Tool) -> None:
        """The closing step; where the system behind it fails, once more a little later."""
        chance = np.full(self.count, 0.006)
        if tool.system == "tms" and self.plan.team == "customs":
            chance[(self.start > OUTAGE[0]) & (self.start < OUTAGE[1])] = 0.35
        failed = self.done & (self.rng.random(self.count) < chance) & self.shape.ordinary
        if failed.any():
            self.tool_call(
                tool, failed, executed=False, outcome="failure", error_type="upstream_timeout"
            )
            self.wait(2_000, 9_000, failed)
        self.tool_call(tool, self.done)

    def step(
        self, source: str, begin: Instants, where: Mask | None = None, **values: Values
    ) -> Step:
        """One step of the runs, with what every line of a log says."""
        keep_years = 7 if self.plan.risk == "high" else 2
        base: dict[str, Values] = {
            "event_time": begin, "end_time": begin + 3 * MILLI, "trace_id": self.traces,
            "span_id": self.ids(8), "parent_span_id": self.parent,
            "workflow_name": self.plan.flow, "workflow_run_id": self.per_case(f"{self.plan.flow}-"),
            "agent_id": self.plan.agent_id, "agent_name": self.plan.name,
            "agent_version": self.versions, "on_behalf_of": self.users,
            "data_classification": "internal", "context_refs": self.context,
            "policy_checked": True, "policy_checked_at": begin - 2 * MILLI,
            "policy_result": "allow", "policy_enforced": "none", "policy_id": POLICY_ID,
            "policy_rule_id": "default", "policy_version": self.policies, "policy_engine": "opa",
            "autonomy_tier": "autonomous", "oversight_required": False,
            "executed": True, "outcome": "success", "retention_class": f"audit-{keep_years}y",
            "retain_until": begin - begin % SECOND + keep_years * 366 * DAY,
        }  # fmt: skip
        if self.plan.talks:
            base["conversation_id"] = self.per_case("CNV-")
        found = Step(source, base | values, where)
        self.runs.steps.append(found)
        return found

    def wait(self, low: int, high: int, where: Mask | None = None) -> None:
        """Let `low` to `high` milliseconds go by, to the microsecond."""
        gone = self.draw(low * 1_000, high * 1_000) * MICRO
        self.cursor = self.cursor + (gone if where is None else np.where(where, gone, 0))

    def log(self, table: str) -> str:
        """Where a step is logged: in a table of the platform, or by the agent's own tracing."""
        return OTLP if self.plan.log == OTLP else table

    def draw(self, low: int, high: int) -> Instants:
        """A whole number per run, `low` to `high` (excluded)."""
        return self.rng.integers(low, high, size=self.count)

    def ids(self, size: int) -> NDArray[np.object_]:
        """Random identifiers of so many bytes, in hex."""
        text = self.rng.bytes(size * self.count).hex()
        return objects([text[n : n + 2 * size] for n in range(0, len(text), 2 * size)])

    def per_case(self, prefix: str) -> NDArray[np.object_]:
        """A name per run, told apart by its case."""
        return objects([f"{prefix}{case}" for case in self.cases])

    def digests(self, *parts: object) -> NDArray[np.object_]:
        """A digest per run, over `parts` and its case."""
        return objects([digest(*parts, case) for case in self.cases])

    def _users(self) -> NDArray[np.object_]:
        """For whom: a colleague where a person starts the run, else the platform's account."""
        if self.plan.trigger[0] != "user":
            return objects([PLATFORM_USER] * self.count)
        mates = colleagues(self.plan.team)
        return objects([mates[n] for n in self.draw(0, len(mates)).tolist()])


def write_runs(
    rng: np.random.Generator,
    plan: AgentPlan,
    starts: Instants,
    *,
    case: int,
    shape: Shape | None = None,
) -> Runs:
    """Runs of `plan` that begin at `starts`; their cases are numbered from `case`."""
    return RunWriter(rng, plan, starts, shape or Shape(), case).write()
