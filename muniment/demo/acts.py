"""The step that changes the world: policy is asked, a person where the tier calls for one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from muniment.demo.agents import TIERS, Tool
from muniment.demo.calendar import Instants
from muniment.demo.clock import DAY, MICRO, SECOND
from muniment.demo.oversight import (
    APPROVAL,
    CENT,
    HALT,
    POLICY_ID,
    SENIOR,
    SUPERVISED,
    approvers,
    required_tiers,
)
from muniment.demo.runs import (
    DECISIONS,
    EMPTY,
    POLICY_ENGINE,
    UNIT,
    Mask,
    Step,
    Value,
    Values,
    digest,
    objects,
)

if TYPE_CHECKING:
    from muniment.demo.writer import RunWriter

# Every so manieth request is refused, so that each approver says no now and then.
REFUSED_EVERY = 11
BLOCKED_SHARE = 0.02


def write_act(run: RunWriter) -> Mask:
    """Policy check, approval where needed, then the act; gives the runs in which it took effect."""
    plan, shape = run.plan, run.shape
    tool, decision = shape.tool or plan.act, plan.decision
    if tool is None or decision is None:
        raise AssertionError(f"agent `{plan.agent_id}` of the demo acts without a decision")
    cents, records = _cents(run), _records(run)
    tiers = required_tiers(decision, tool, cents, records)
    content = objects(
        [digest(tool.name, c, a) for c, a in zip(run.cases, cents.tolist(), strict=True)]
    )
    by_chance = run.rng.random(run.count) < BLOCKED_SHARE
    blocked = (by_chance & shape.ordinary & (tiers != HALT)) | shape.blocked
    asks, halted = (tiers == APPROVAL) & ~blocked, (tiers == HALT) & ~blocked
    refused = (
        np.array([case % REFUSED_EVERY == 7 for case in run.cases], dtype=bool)
        & asks
        & shape.ordinary
    )
    done: Mask = ~(blocked | refused | halted)
    answers = _choose(blocked, "deny", _choose(asks | halted, "escalate", "allow"))
    values: dict[str, Values] = {
        "input_sha256": content, "amount": cents * CENT, "currency": "EUR",
        "records_affected": records, "decision_type": decision.name,
        "regulatory_scope": decision.scope, "confidence": run.draw(620, 995) * (UNIT // 1_000),
        "confidence_source": "model", "autonomy_tier": np.array(TIERS, dtype=object)[tiers],
        "oversight_required": tiers >= APPROVAL, "executed": done,
        "outcome": _choose(done, "success", "denied"), "policy_result": answers,
        "policy_enforced": _choose(blocked, "blocked", "none"),
    }  # fmt: skip
    _ask_policy(run, tool, values)
    values["policy_checked_at"] = run.cursor.copy()
    run.wait(4, 30)
    if (asks | halted).any():
        values |= _ask_person(
            run, tool, values, asks | halted, _choose(done, "approved", "rejected")
        )
    told = (tiers == SUPERVISED) & done
    values["notified_at"] = _choose(told, run.cursor + 2 * SECOND, EMPTY)
    run.runs.act = run.tool_call(tool, None, **values)
    run.runs.act.source = run.log(DECISIONS)
    return done


def _cents(run: RunWriter) -> Instants:
    """Amounts as they occur: many small ones and few large ones."""
    if run.shape.cents is not None or run.plan.decision is None:
        return np.full(run.count, run.shape.cents or 0)
    low, high = run.plan.decision.money
    if not high:
        return np.zeros(run.count, dtype=np.int64)
    exponent = run.rng.random(run.count) * np.log(high / low)
    cents: Instants = (low * np.exp(exponent)).astype(np.int64)
    return cents


def _records(run: RunWriter) -> Instants:
    if run.shape.records is not None or run.plan.decision is None:
        return np.full(run.count, run.shape.records or 1)
    low, high = run.plan.decision.records
    return run.draw(low, high + 1)


def _ask_policy(run: RunWriter, tool: Tool, act: dict[str, Values]) -> None:
    """The decision as the policy engine logs it, or the agent's own trace where it traces."""
    allowed = np.asarray(act["policy_result"]) != "deny"
    run.step(
        run.log(POLICY_ENGINE), run.cursor, operation_name="policy.check",
        action_type="policy_check", target_type="policy", target_name=POLICY_ID,
        target_ref=tool.name, target_system="policy-engine", policy_result=act["policy_result"],
        policy_enforced=_choose(allowed, "none", "blocked"), input_sha256=act["input_sha256"],
        executed=allowed, outcome=_choose(allowed, "success", "denied"),
        policy_checked_at=run.cursor,
    )  # fmt: skip


def _ask_person(
    run: RunWriter, tool: Tool, act: dict[str, Values], asked: Mask, answers: Values
) -> dict[str, Values]:
    """The request, its answer, and the approval's row; what the act says of it."""
    people = [run.shape.approver] if run.shape.approver else approvers(run.plan.team)
    halted = np.asarray(act["autonomy_tier"]) == "halt"
    turns = run.draw(0, len(people)).tolist()
    chosen = [_other_than(people, n, user) for n, user in zip(turns, run.users, strict=True)]
    deciders = _choose(halted, SENIOR, objects(chosen))
    numbers = objects([f"APR-{run.rng.integers(10**9):09d}" for _ in run.cases])
    began = run.cursor
    opened = began + run.draw(*_micros(run.shape.waits)) * MICRO
    decided = opened + run.draw(*_micros(run.shape.reviews)) * MICRO
    says: dict[str, Values] = {
        "approval_id": numbers, "escalated_to": deciders, "escalated_at": began,
        "responded_at": decided, "oversight_decision": answers, "oversight_actor_type": "human",
    }  # fmt: skip
    run.step(
        run.log(DECISIONS), began, asked, operation_name="approval.request", action_type="approve",
        target_type="person", target_name=deciders, target_ref=numbers,
        target_system="service-desk", input_sha256=act["input_sha256"], end_time=decided, **says,
    )  # fmt: skip
    run.cursor = np.where(asked, decided + run.draw(900_000, 9_000_000) * MICRO, run.cursor)
    rows = says | {"opened_at": opened, "tool": tool.name}
    run.runs.approvals.append(Step("", _request(run, act, rows), asked))
    return {name: _choose(asked, value, EMPTY) for name, value in says.items()}


def _request(run: RunWriter, act: dict[str, Values], says: dict[str, Values]) -> dict[str, Values]:
    """The row of the service desk, with what the approver was shown."""
    plan, tool = run.plan, str(says["tool"])
    traces = run.traces.tolist()
    return {
        "approval_id": says["approval_id"], "subject_kind": "event",
        "subject_ref": objects([f"{trace}/{tool}" for trace in traces]),
        "requested_by": plan.agent_id, "requested_at": says["escalated_at"],
        "escalated_to": says["escalated_to"], "decision": says["oversight_decision"],
        "decided_by": says["escalated_to"], "decided_by_type": "human",
        "decided_at": says["responded_at"],
        "expires_at": np.asarray(says["responded_at"]) + DAY,
        "justification": objects([f"case {case} checked against its papers" for case in run.cases]),
        "context_sha256": act["input_sha256"], "evidence_grade": "third_party_logged",
        "ticket_ref": run.per_case("REQ-"), "decision_type": act["decision_type"],
        "agent_id": plan.agent_id, "opened_at": says["opened_at"],
        "sources_used": sorted({tool.system for tool in plan.reads}),
        "policy_refs": [POLICY_ID], "confidence": act["confidence"],
        "alternatives": ["reject", "ask the requester"],
        "request_reason": f"{act['decision_type']} needs a person",
        "proposed_action": tool,
    }  # fmt: skip


def _micros(millis: tuple[int, int]) -> tuple[int, int]:
    return millis[0] * 1_000, millis[1] * 1_000


def _other_than(people: list[str], turn: int, user: Value) -> str:
    """The person whose turn it is, or the next one where that is the one who asked."""
    chosen = people[turn]
    return people[(turn + 1) % len(people)] if chosen == user else chosen


def _choose(where: Mask, yes: Values, no: Values) -> NDArray[np.object_]:
    """One value or the other for each run; either may be one for all."""
    found: NDArray[np.object_] = np.where(
        where, np.asarray(yes, dtype=object), np.asarray(no, dtype=object)
    )
    return found
