"""One run of an agent as its logs tell it: trigger, plan, tool calls, policy, approval, outcome.

Rows carry the names of the entry columns. Times stay integers (nanoseconds) until a file is
written, so that a seed can move one by a nanosecond.
"""

from __future__ import annotations

import hashlib
import json
import random
from dataclasses import dataclass, field
from decimal import Decimal

from muniment.demo.agents import PRICES, Act, AgentPlan, Tool
from muniment.demo.clock import DAY, MICRO, MILLI, SECOND, at
from muniment.demo.company import APPROVERS, PEOPLE, person_id

Value = str | int | bool | Decimal | list[str]
EMPTY = ""
REDACTED = "[REDACTED]"
GATEWAY, AGENT_LOG, OTLP = "gateway", "agent_log", "otlp"
MATCHER_4_2 = at("2026-11-01T07:00:00Z")
POLICY_VERSION = "2026.11.1"


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


@dataclass(frozen=True, slots=True)
class Shape:
    """How a run differs from an ordinary one; the defaults are an ordinary run."""

    force_approval: bool = False
    blocked: bool = False
    tool: Tool | None = None
    amount: Decimal | None = None


def digest(*parts: object) -> str:
    """SHA-256 over the parts as JSON: the digest both of what ran and of what was approved."""
    text = json.dumps([str(part) for part in parts], separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def running_version(plan: AgentPlan, moment: int) -> str:
    """The version that ran then; Invoice Matcher changed in November."""
    return "4.2" if plan.name == "Invoice Matcher" and moment >= MATCHER_4_2 else plan.version


class RunWriter:
    """Writes one run step by step; `cursor` is the time at which the next step begins."""

    def __init__(self, rng: random.Random, plan: AgentPlan, start: int, shape: Shape) -> None:
        self.rng, self.plan, self.shape, self.start = rng, plan, shape, start
        self.cursor = start + rng.randrange(5, 80) * MILLI
        self.run = Run(plan, f"{rng.getrandbits(128):032x}")
        self.case = rng.randrange(60_000, 99_999)
        kind = plan.trigger[0]
        mates = [p for p in PEOPLE if p.team_id == plan.team_id and p.kind == "human"]
        self.user = rng.choice(mates).person_id if kind == "user" else person_id("Agent Platform")
        self.parent = ""

    def write(self) -> Run:
        """The whole run: trigger, plan, reads, act, closing step, outcome."""
        self.begin()
        return self.finish(self._work())

    def begin(self) -> None:
        """Trigger, hand-over where there is one, and the planning call."""
        self._root()
        if self.plan.delegates_from:
            self._delegate()
        self.model_call()

    def finish(self, outcome: str) -> Run:
        """Close the run at the cursor with its outcome."""
        end = self.cursor + self.rng.randrange(1, 20) * MILLI
        self.run.root.values.update(end_time=end, outcome=outcome)
        if self.plan.delegates_from:
            self.run.events[1].values["end_time"] = end - MICRO
        return self.run

    def _work(self) -> str:
        reads = self.rng.sample(self.plan.reads, self.rng.randint(1, len(self.plan.reads)))
        for tool in sorted(reads, key=self.plan.reads.index):
            self.tool_call(tool)
        if self.plan.act and not self._act(self.plan.act):
            return "denied"
        if self.plan.closing:
            self.tool_call(self.plan.closing)
        return "success"

    def _root(self) -> None:
        plan, kind = self.plan, self.plan.trigger
        root = self._event(
            self.plan.log, self.start, operation_name="invoke_workflow", action_type="run",
            target_type="workflow", target_name=plan.workflow,
            target_ref=f"{plan.workflow}-{self.case}", target_system="agent-platform",
            trigger_kind=kind[0], policy_result="not_applicable",
            input_sha256=digest(kind[1], self.case),
        )  # fmt: skip
        if plan.delegates_from:
            root.values.update(
                agent_id=plan.delegates_from, agent_name="AP Orchestrator", agent_version="2.3"
            )
        self.parent = str(root.values["span_id"])

    def _delegate(self) -> None:
        step = self._event(
            self.plan.log, self.cursor, operation_name="invoke_agent", action_type="delegate",
            target_type="agent", target_name=self.plan.name, target_ref=self.plan.agent_id,
            target_system="agent-platform", delegation_id=f"DLG-{self.case}",
            delegated_by_agent_id=str(self.plan.delegates_from),
            delegation_scopes=["invoice.match", "payment.release"],
            handoff_validation="passed", input_sha256=digest("delegate", self.case),
        )  # fmt: skip
        step.values.update(
            agent_id=str(self.plan.delegates_from), agent_name="AP Orchestrator",
            agent_version="2.3",
        )  # fmt: skip
        self.parent = str(step.values["span_id"])
        self._pass(10, 60)

    def model_call(self) -> Event:
        """A call through the gateway; agents that trace themselves log it as well, unpriced."""
        plan, rng, parent = self.plan, self.rng, self.parent
        tokens_in, tokens_out = rng.randrange(9_000, 160_000), rng.randrange(200, 5_000)
        price_in, price_out = PRICES[plan.model]
        content = digest("prompt", self.case, len(self.run.events))
        begin = self.cursor
        common: dict[str, Value] = {
            "operation_name": "chat", "action_type": "model_call", "target_type": "model",
            "target_name": plan.model, "target_ref": f"req-{rng.getrandbits(48):012x}",
            "target_system": "llm-gateway", "model": plan.model, "provider": "atlas",
            "input_tokens": tokens_in, "output_tokens": tokens_out, "input_sha256": content,
            "prompt_sha256": digest("system", plan.agent_id, running_version(plan, begin)),
        }  # fmt: skip
        if plan.log == OTLP:
            own = self._event(OTLP, begin, **common)
            parent = str(own.values["span_id"])
            begin += rng.randrange(2, 30) * MILLI
        call = self._event(
            GATEWAY, begin, **common, parent_span_id=parent,
            cost_usd=(tokens_in * price_in + tokens_out * price_out) / 1_000_000,
            cost_basis="priced", user_ref=self.user, user_ref_kind="email",
            team_id=plan.team_id, org_id="northwind", client_app="agent-platform",
            feature=plan.workflow,
        )  # fmt: skip
        self.cursor = begin
        self._pass(600, 6_000)
        call.values["end_time"] = self.cursor
        if plan.log == OTLP:
            own.values["end_time"] = self.cursor + 2 * MILLI
            self._pass(3, 9)
        return call

    def tool_call(self, tool: Tool, **values: Value) -> Event:
        """A call of a tool, executed unless `values` say otherwise."""
        ref = f"{tool.ref}-{self.case}"
        standard: dict[str, Value] = {
            "operation_name": "execute_tool", "action_type": tool.action, "target_type": "tool",
            "target_name": tool.name, "target_ref": ref, "target_system": tool.system,
            "data_classification": tool.classification, "input_sha256": digest(tool.name, ref),
            "permission_tier": "observe" if tool.kind == "read" else tool.kind,
            "reversible": tool.name != "pay.release",
        }  # fmt: skip
        call = self._event(self.plan.log, self.cursor, **(standard | values))
        self._pass(40, 900)
        call.values["end_time"] = self.cursor
        return call

    def _act(self, act: Act) -> bool:
        """Policy check, approval where needed, then the act; false when it was blocked."""
        rng, shape = self.rng, self.shape
        tool = shape.tool or act.tool
        amount = shape.amount
        if amount is None and act.money:
            amount = Decimal(rng.randrange(act.money[0] * 100, act.money[1] * 100)) / 100
        asks = shape.force_approval or act.approval == "always" or (
            act.approval == "above" and amount is not None and amount > act.approve_above
        )  # fmt: skip
        blocked = shape.blocked or (not shape.force_approval and rng.random() < 0.03)
        values: dict[str, Value] = {"autonomy_tier": "supervised"}
        if act.decision:
            values["decision_type"] = act.decision
        if amount is not None:
            values |= {"amount": amount, "currency": "EUR"}
        values["input_sha256"] = digest(tool.name, self.case, amount)
        if asks:
            values |= {"autonomy_tier": "approval_required", "oversight_required": True}
        self._policy(tool, "deny" if blocked else "escalate" if asks else "allow")
        if asks and not blocked:
            values["approval_id"] = self._approve(tool, str(values["input_sha256"]))
        if blocked:
            values |= {
                "executed": False, "outcome": "denied", "policy_result": "deny",
                "policy_enforced": "blocked", "approval_id": EMPTY,
            }  # fmt: skip
        self.run.act = self.tool_call(tool, **values)
        return not blocked

    def _policy(self, tool: Tool, answer: str) -> None:
        self._event(
            self.plan.log, self.cursor, operation_name="policy.check", action_type="policy_check",
            target_type="policy", target_name="northwind.actions", target_ref=tool.name,
            target_system="policy-engine", policy_result=answer,
            input_sha256=digest("policy", tool.name, self.case),
        )  # fmt: skip
        self._pass(4, 30)

    def _approve(self, tool: Tool, content: str) -> str:
        approval_id = f"APR-{self.rng.randrange(10**9):09d}"
        approver = person_id(APPROVERS[self.plan.team_id])
        asked = self.cursor
        step = self._event(
            self.plan.log, asked, operation_name="approval.request", action_type="approve",
            target_type="person", target_name=approver, target_ref=approval_id,
            target_system="service-desk", approval_id=approval_id, escalated_to=approver,
            escalated_at=asked, oversight_decision="approved", oversight_actor_type="human",
            input_sha256=content,
        )  # fmt: skip
        self.cursor += self.rng.randrange(20_000, 900_000) * MILLI
        decided = self.cursor
        step.values.update(end_time=decided, responded_at=decided)
        self.cursor += self.rng.randrange(900, 9_000) * MILLI
        self.run.approval = {
            "approval_id": approval_id, "subject_kind": "event",
            "subject_ref": f"{self.run.trace_id}/{tool.name}",
            "requested_by": self.plan.agent_id, "requested_at": asked, "escalated_to": approver,
            "decision": "approved", "decided_by": approver, "decided_by_type": "human",
            "decided_at": decided, "expires_at": decided + DAY,
            "justification": f"{tool.name} for case {self.case} checked against its papers",
            "context_sha256": content, "evidence_grade": "third_party_logged",
            "ticket_ref": f"REQ-{self.rng.randrange(100_000, 999_999)}",
        }  # fmt: skip
        return approval_id

    def _pass(self, low: int, high: int) -> None:
        """Let `low` to `high` milliseconds go by, to the microsecond."""
        self.cursor += self.rng.randrange(low * 1_000, high * 1_000) * MICRO

    def _event(self, source: str, begin: int, **values: Value) -> Event:
        plan = self.plan
        keep_years = 7 if plan.risk_class == "high" else 2
        base: dict[str, Value] = {
            "event_time": begin, "end_time": begin + 3 * MILLI,
            "trace_id": self.run.trace_id, "span_id": f"{self.rng.getrandbits(64):016x}",
            "workflow_name": plan.workflow, "workflow_run_id": f"{plan.workflow}-{self.case}",
            "agent_id": plan.agent_id, "agent_name": plan.name,
            "agent_version": running_version(plan, self.start),
            "on_behalf_of": self.user, "data_classification": "internal",
            "context_refs": [f"{plan.workflow}/{self.case}"],
            "policy_checked": True, "policy_result": "allow", "policy_enforced": "none",
            "policy_id": "northwind.actions", "policy_rule_id": "default",
            "policy_version": POLICY_VERSION, "policy_engine": "opa",
            "autonomy_tier": "autonomous", "oversight_required": False,
            "executed": True, "outcome": "success",
            "retention_class": f"audit-{keep_years}y",
            "retain_until": begin - begin % SECOND + keep_years * 366 * DAY,
        }  # fmt: skip
        if self.parent:
            base["parent_span_id"] = self.parent
        event = Event(source, base | values)
        self.run.events.append(event)
        return event


def write_run(rng: random.Random, plan: AgentPlan, start: int, shape: Shape | None = None) -> Run:
    """One run of `plan` that begins at `start`."""
    return RunWriter(rng, plan, start, shape or Shape()).write()
