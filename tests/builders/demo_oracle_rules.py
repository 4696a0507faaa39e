"""What the prose of each control makes an exception, in plain Python over the demo's files.

Each rule returns the ids of a control's items. Written from the prose, without a look at any SQL.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from tests.builders.demo_oracle import Sources, held, local_month, nanos, texts

DAY = 86_400 * 10**9
MASKED = "[REDACTED]"
TIERS = ("autonomous", "supervised", "approval_required", "halt")
BOUNDARY = (
    "process", "reads", "writes", "allowed_actions", "approval_actions", "prohibited_data",
    "responsible_team",
)  # fmt: skip
GROUPS = {
    "trace": ("trace_id", "span_id"),
    "action": ("operation_name", "target_name"),
    "input": ("input_sha256", "prompt_sha256", "context_refs"),
    "policy": ("policy_result",),
    "oversight": ("autonomy_tier",),
    "outcome": ("outcome",),
    "time": ("event_time",),
    "retention": ("retention_class", "retain_until"),
}
CLOCKS = {"death": 10, "critical_infrastructure": 2, "widespread_infringement": 2}


def unregistered(sources: Sources) -> set[str]:
    """IDN-01: an agent id, or nobody, without a registry entry valid at that time."""
    found = set()
    for event in sources.in_period():
        agent = _agent(sources, event)
        if agent is None:
            log = "llm-gateway" if "cost_usd" in event else "agent-platform"
            found.add(f"unnamed (empty) in {log}")
        elif agent != MASKED and held(sources.agents, agent, event["at"]) is None:
            found.add(agent)
    return found


def _agent(sources: Sources, event: dict[str, Any]) -> str | None:
    """Who acted: as the line says, or as the span above it says."""
    if "agent_id" in event:
        return str(event["agent_id"])
    above = sources.spans.get(event.get("parent_span_id", ""), {})
    return above.get("agent_id") if above.get("operation_name") == "invoke_agent" else None


def shared_credentials(sources: Sources) -> set[str]:
    """IDN-02: a credential of several agents, or of a person."""
    return {
        row["credential_id"]
        for row in sources.now("credential")
        if not row["revoked_at"]
        and (len(set(texts(row["agent_ids"]))) > 1 or row["person_id"])
    }  # fmt: skip


def without_owner(sources: Sources) -> set[str]:
    """OWN-01: no owner, a group mailbox, or somebody who left."""
    found = set()
    for agent in sources.active():
        owner = held(sources.people, agent["owner_ref"], sources.end)
        if owner is None or owner["kind"] == "group" or owner["active"] != "true":
            found.add(agent["agent_id"])
    return found


def owner_left(sources: Sources) -> set[str]:
    """OWN-02: the owner left more than fourteen days ago, and the agent is still active."""
    found = set()
    for agent in sources.active():
        owner = held(sources.people, agent["owner_ref"], sources.end)
        left = nanos(owner["left_at"]) if owner else None
        if left is not None and sources.end - left > 14 * DAY:
            found.add(agent["agent_id"])
    return found


def unapproved_permissions(sources: Sources) -> set[str]:
    """ACC-01: no approval of security's, or one after go-live."""
    security = {
        row["person_id"] for row in sources.now("mandate") if row["kind"] == "security_approver"
    }
    found = set()
    for row in sources.now("permission_set"):
        agent = held(sources.agents, row["agent_id"], sources.end)
        if agent is None or agent["lifecycle_status"] != "active":
            continue
        approval = sources.approvals.get(row["approval_id"])
        if approval is None or approval["decision"] != "approved":
            found.add(row["permission_set_id"])
            continue
        in_time = max(nanos(agent["go_live_at"]) or 0, nanos(row["valid_from"]) or 0)
        late = (nanos(approval["decided_at"]) or 0) > in_time
        if late or approval["decided_by"] not in security:
            found.add(row["permission_set_id"])
    return found


def outside_permissions(sources: Sources) -> set[str]:
    """ACC-03: an executed call that the set valid at that moment does not cover."""
    found = set()
    for event in sources.ran():
        if event["target_type"] != "tool":
            continue
        granted = held(sources.permissions, str(_agent(sources, event)), event["at"])
        tools = texts(granted["tools"]) if granted else []
        masked = event.get("agent_id") == MASKED
        if event["target_name"] not in tools and "*" not in tools and not masked:
            found.add(event["span_id"])
    return found


def unbounded(sources: Sources) -> set[str]:
    """BND-01: any of the seven elements missing."""
    papers = sources.by("boundary", "agent_id")
    found = set()
    for agent in sources.active():
        paper = held(papers, agent["agent_id"], sources.end)
        if paper is None or not all(paper[element] for element in BOUNDARY):
            found.add(agent["agent_id"])
    return found


def below_tier(sources: Sources) -> set[str]:
    """OVR-02: the recorded tier is lower than the thresholds call for."""
    limits = sources.by("threshold", "decision_type")
    found = set()
    for event in sources.ran():
        rule = held(limits, str(event.get("decision_type")), event["at"])
        if rule is None or event["action_type"] in {"policy_check", "approve"}:
            continue
        if TIERS.index(event["autonomy_tier"]) < _required(rule, event):
            found.add(event["span_id"])
    return found


def _required(rule: dict[str, str], event: dict[str, Any]) -> int:
    tiers = [rule["base_tier"]]
    for tier, word in zip(TIERS[1:], ("supervised", "approval", "halt"), strict=True):
        if Decimal(event["amount"]) >= Decimal(rule[f"{word}_from_amount"]):
            tiers.append(tier)
        if event["records_affected"] >= int(rule[f"{word}_from_records"]):
            tiers.append(tier)
    if event["data_classification"] in {"confidential", "restricted"}:
        tiers.append(rule[f"{event['data_classification']}_tier"])
    if event["reversible"] is False:
        tiers.append(rule["irreversible_tier"])
    if event["regulatory_scope"] in texts(rule["regulated_scopes"]):
        tiers.append(rule["regulated_tier"])
    return max(map(TIERS.index, tiers))


def not_approved_before(sources: Sources) -> set[str]:
    """OVR-03: executed without approval, or not after it, or with other content."""
    found = set()
    for event in sources.ran():
        if event.get("autonomy_tier") != "approval_required":
            continue
        approval = sources.approvals.get(event.get("approval_id", ""))
        if (
            approval is None
            or approval["decision"] != "approved"
            or (nanos(approval["decided_at"]) or 0) >= event["at"]
            or approval["context_sha256"] != event["input_sha256"]
        ):
            found.add(event["span_id"])
    return found


def answered_late(sources: Sources) -> set[str]:
    """OVR-06: an answer later than its time allows, or none."""
    minutes = {
        rows[-1]["decision_type"]: int(rows[-1]["sla_minutes"])
        for rows in sources.registers["threshold"].values()
    }
    found = set()
    for approval in sources.approvals.values():
        asked, answered = nanos(approval["requested_at"]), nanos(approval["decided_at"])
        if approval["subject_kind"] != "event" or asked is None or asked < sources.start:
            continue
        due = asked + minutes[approval["decision_type"]] * 60 * 10**9
        if (answered or sources.end) > due:
            found.add(approval["approval_id"])
    return found


def wrong_approver(sources: Sources) -> set[str]:
    """OVR-07: answered by no human, without a mandate at that time, or by who asked."""
    mandates = list(sources.registers["mandate"].values())
    found = set()
    for event in sources.ran():
        approval = sources.approvals.get(event.get("approval_id", ""))
        if approval is None or event["action_type"] == "approve" or not approval["decided_by"]:
            continue
        who, when = approval["decided_by"], nanos(approval["decided_at"]) or 0
        person = held(sources.people, who, when)
        human = person is not None and person["kind"] == "human"
        asked = {event.get("on_behalf_of"), approval["requested_by"]}
        may = any(_covers(rows, who, when, event) for rows in mandates)
        if not human or approval["decided_by_type"] != "human" or who in asked or not may:
            found.add(event["span_id"])
    return found


def _covers(rows: list[dict[str, str]], who: str, when: int, event: dict[str, Any]) -> bool:
    row = held({"": rows}, "", when)
    if row is None or row["person_id"] != who or row["kind"] != "approver":
        return False
    decisions, agents = texts(row["decision_types"]), texts(row["agent_ids"])
    return bool({"*", event["decision_type"]} & set(decisions)) and bool(
        {"*", event["agent_id"]} & set(agents)
    )


def always_approved(sources: Sources) -> set[str]:
    """OVR-11: money, deployments, access or exports executed below the tier of approval."""
    category = {row["decision_type"]: row["category"] for row in sources.now("threshold")}
    gated = {"finance", "code_deployment", "access", "data_export"}
    return {
        event["span_id"]
        for event in sources.ran()
        if category.get(str(event.get("decision_type"))) in gated
        and event["action_type"] not in {"policy_check", "approve"}
        and TIERS.index(event["autonomy_tier"]) < TIERS.index("approval_required")
    }


def unchecked(sources: Sources) -> set[str]:
    """POL-01: no policy check, or one after execution."""
    return {
        event["span_id"]
        for event in sources.ran()
        if not event.get("policy_checked", event.get("traced"))
        or (event.get("policy_checked_at") or event["at"]) > event["at"]
    }


def denied_and_run(sources: Sources) -> set[str]:
    """POL-02: policy said no, and it was executed."""
    return {event["span_id"] for event in sources.ran() if event.get("policy_result") == "deny"}


def lacking_a_group(sources: Sources) -> set[str]:
    """AUD-01: any of the eight groups missing."""
    return {
        event["span_id"]
        for event in sources.in_period()
        if _agent(sources, event) is None
        or any(not any(event.get(name) for name in names) for names in GROUPS.values())
    }


def not_reconstructable(sources: Sources) -> set[str]:
    """AUD-02: without trigger, without outcome, or with orphans."""
    runs = defaultdict(list)
    for event in sources.events:
        if event.get("target_type") != "policy" or "parent_span_id" in event:
            runs[event["trace_id"]].append(event)
    found = set()
    for trace_id, run in runs.items():
        spans = {event["span_id"] for event in run}
        roots = [event for event in run if not event.get("parent_span_id")]
        orphan = any(e["parent_span_id"] not in spans for e in run if e.get("parent_span_id"))
        whole = bool(roots) and roots[0].get("trigger_kind") and roots[0].get("outcome")
        last = max(event["at"] for event in run)
        settled = last < sources.end - 10 * 60 * 10**9
        if (orphan or not whole) and settled and sources.start <= last < sources.end:
            found.add(trace_id)
    return found


def over_budget(sources: Sources) -> set[str]:
    """DEV-04: executed when the running total had reached the limit."""
    budgets = sources.by("budget", "owner_ref")
    spent: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    found = set()
    for call in sorted((e for e in sources.events if "cost_usd" in e), key=lambda e: e["at"]):
        team = str(call.get("team_id"))
        budget = held(budgets, team, call["at"])
        if budget is None:
            continue
        key = (team, local_month(call["at"]))
        over = spent[key] >= Decimal(budget["limit_usd"])
        if over and call.get("executed") and sources.start <= call["at"] < sources.end:
            found.add(call["span_id"])
        spent[key] += Decimal(call["cost_usd"])
    return found


def unattributed(sources: Sources) -> set[str]:
    """DEV-03: a cost without person, team or feature."""
    return {
        event["span_id"]
        for event in sources.in_period()
        if Decimal(event.get("cost_usd", 0)) > 0
        and not all(event.get(name) for name in ("user_ref", "team_id", "feature"))
    }


def beyond_scope(sources: Sources) -> set[str]:
    """MAG-01: scopes beyond what the task needs, or beyond what the giver holds."""
    found = set()
    for event in sources.ran():
        given = set(event.get("delegation_scopes", []))
        holds = held(sources.permissions, str(event.get("delegated_by_agent_id")), event["at"])
        if given and not (
            given <= set(event["required_scopes"])
            and given <= set(texts(holds["scopes"]) if holds else [])
        ):
            found.add(event["span_id"])
    return found


def not_triaged(sources: Sources) -> set[str]:
    """SHA-01: discovered, and not decided within thirty days."""
    found = set()
    for row in sources.now("discovered_use"):
        decided = nanos(row["decided_at"]) or sources.end
        if decided - (nanos(row["first_seen_at"]) or 0) > 30 * DAY:
            found.add(row["discovered_use_id"])
    return found


def not_silent(sources: Sources) -> set[str]:
    """LIF-03: an event after retirement, or a credential that is still good."""
    gone = {
        row["agent_id"]: nanos(row["retired_at"]) or 0
        for row in sources.now("agent")
        if row["lifecycle_status"] == "retired"
    }
    found = {
        event["agent_id"]
        for event in sources.ran()
        if event.get("agent_id") in gone and event["at"] > gone[event["agent_id"]]
    }
    for row in sources.now("credential"):
        found |= set(texts(row["agent_ids"])) & gone.keys() if not row["revoked_at"] else set()
    return found


def not_reviewed(sources: Sources) -> set[str]:
    """LIF-04: the last review is older than 92 days."""
    last: dict[str, int] = defaultdict(int)
    for row in sources.now("review"):
        if row["kind"] == "agent":
            last[row["subject_ref"]] = max(last[row["subject_ref"]], nanos(row["done_at"]) or 0)
    return {
        agent["agent_id"]
        for agent in sources.active()
        if sources.end - last[agent["agent_id"]] > 92 * DAY
    }


def reported_late(sources: Sources) -> set[str]:
    """INC-01: beyond the days that its kind of harm allows, or nobody knows since when."""
    found = set()
    for row in (row for row in sources.now("incident") if row["category"] != "not_serious"):
        aware = nanos(row["aware_at"])
        days = CLOCKS.get(row["category"], 15)
        if aware is None or (nanos(row["reported_at"]) or sources.end) - aware > days * DAY:
            found.add(row["incident_id"])
    return found


def without_notice(sources: Sources) -> set[str]:
    """TRN-02: the first message to a person came before the notice, or there was none."""
    talks = {row["agent_id"] for row in sources.now("agent") if row["talks_to_people"] == "true"}
    said: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for event in sources.in_period():
        if event.get("agent_id") in talks and event["action_type"] == "message":
            said[f"{event['conversation_id']} / {event['agent_id']}"].append(event)
    found = set()
    for conversation, events in said.items():
        notices = [event["at"] for event in events if event.get("disclosure")]
        messages = [event["at"] for event in events if not event.get("disclosure")]
        unsaid = not notices and not any(event.get("traced") for event in events)
        if messages and (unsaid or min(notices, default=0) > min(messages)):
            found.add(conversation)
    return found


RULES: dict[str, Callable[[Sources], set[str]]] = {
    "IDN-01": unregistered, "IDN-02": shared_credentials, "OWN-01": without_owner,
    "OWN-02": owner_left, "ACC-01": unapproved_permissions, "ACC-03": outside_permissions,
    "BND-01": unbounded, "OVR-02": below_tier, "OVR-03": not_approved_before,
    "OVR-06": answered_late, "OVR-07": wrong_approver, "OVR-11": always_approved,
    "POL-01": unchecked, "POL-02": denied_and_run, "AUD-01": lacking_a_group,
    "AUD-02": not_reconstructable, "DEV-03": unattributed, "DEV-04": over_budget,
    "MAG-01": beyond_scope, "SHA-01": not_triaged, "LIF-03": not_silent, "LIF-04": not_reviewed,
    "INC-01": reported_late, "TRN-02": without_notice,
}  # fmt: skip
