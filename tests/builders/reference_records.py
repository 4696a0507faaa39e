"""Controls over records told once more, by hand from their prose and not from their SQL."""

from __future__ import annotations

from tests.builders.reference_parts import NOW, Outcomes, Part, judged, valid
from tests.builders.reference_world import AS_OF, DAY, Row, World, nanos, unseen, value


def active(world: World) -> list[tuple[Row, bool]]:
    """Active agents, and whether their status is known."""
    found = []
    for agent in world["agent"]:
        status = value(agent, "lifecycle_status")
        known = status not in (None, "unknown")
        retired = value(agent, "retired_at")
        runs = status in ("active", "deprecated") if known else not (
            retired and nanos(retired) <= NOW)  # fmt: skip
        if runs and value(agent, "kind") in (None, "agent", "sub_agent", "coding_assistant"):
            found.append((agent, known))
    return found


def person(world: World, ref: str) -> Row | None:
    return next((p for p in world["person"] if p["person_id"].lower() == ref.lower()), None)


def gone(credential: Row) -> bool:
    ends = (value(credential, "revoked_at"), value(credential, "expires_at"))
    return any(end is not None and nanos(end) <= NOW for end in ends)


def idn_02(world: World) -> Outcomes:
    in_force = [c for c in world["credential"] if not gone(c)]
    agents: dict[str, set[str]] = {}
    for c in in_force:
        identity = value(c, "identity_ref") or c["credential_id"]
        agents.setdefault(identity, set()).update(value(c, "agent_ids") or [])
    found: Outcomes = {}
    for c in in_force:
        identity = value(c, "identity_ref") or c["credential_id"]
        shared: Part = len(agents[identity]) > 1 or (None if unseen(c, "agent_ids") else False)
        owner, personal = value(c, "person_id"), False
        who = person(world, owner) if owner else None
        belongs: Part = personal
        if owner:
            belongs = (
                True
                if who is None
                else (None if value(who, "kind") is None else value(who, "kind") != "service")
            )
        elif unseen(c, "person_id"):
            belongs = None
        found[c["credential_id"]] = judged([shared, belongs])
    return found


def idn_03(world: World) -> Outcomes:
    found: Outcomes = {}
    running = {agent["agent_id"]: agent for agent, _ in active(world)}
    for c in (c for c in world["credential"] if not gone(c)):
        users = [running[a] for a in value(c, "agent_ids") or [] if a in running]
        stages = [in_production(agent) for agent in users]
        if not users or (True not in stages and None not in stages):
            continue
        fault = _long_lived(c)
        if fault and True not in stages:
            fault = None
        found[c["credential_id"]] = judged([fault])
    return found


def in_production(agent: Row) -> Part:
    stage, live = value(agent, "environment"), value(agent, "go_live_at")
    if stage is not None:
        return stage.lower() in ("production", "prod")
    if live and nanos(live) <= NOW:
        return True
    return None if unseen(agent, "environment") else False


def _long_lived(c: Row) -> Part:
    kind, life = value(c, "kind"), value(c, "lifetime_seconds")
    if kind in ("api_key", "password"):
        return True
    if life is None and not unseen(c, "lifetime_seconds"):
        return True
    if life is not None and life > 86_400:
        return True
    return None if (unseen(c, "kind") or life is None) else False


def own_01(world: World) -> Outcomes:
    found: Outcomes = {}
    for agent, known in active(world):
        fault = _owner_fault(world, agent)
        found[agent["agent_id"]] = judged([fault if known or not fault else None])
    return found


def _owner_fault(world: World, agent: Row) -> Part:
    owner = value(agent, "owner_ref")
    if owner is None:
        return None if unseen(agent, "owner_ref") else True
    if not world["person"]:
        return None
    who = person(world, owner)
    if who is None:
        return True
    left = value(who, "left_at")
    if value(who, "kind") in ("group", "service") or value(who, "active") is False:
        return True
    if left and nanos(left) <= NOW:
        return True
    return None if value(who, "kind") is None or value(who, "active") is None else False


def own_02(world: World) -> Outcomes:
    found: Outcomes = {}
    for agent, known in active(world):
        who = person(world, value(agent, "owner_ref") or "nobody")
        if who is None:
            continue
        left = value(who, "left_at")
        if left is not None:
            fault: Part = NOW - nanos(left) > 14 * DAY
            if fault and not known:
                fault = None
        elif value(who, "active") is False or unseen(who, "left_at"):
            fault = None
        else:
            fault = False
        found[agent["agent_id"]] = judged([fault])
    return found


def acc_09(world: World) -> Outcomes:
    sets: dict[str, list[Row]] = {}
    for each in valid(world["permission_set"], AS_OF):
        sets.setdefault(each["agent_id"], []).append(each)
    reviews = [r for r in world["review"] if r["kind"] == "access"]
    found: Outcomes = {}
    for agent, _ in active(world):
        held = sets.get(agent["agent_id"])
        if not held:
            continue
        subjects = {agent["agent_id"], *(s["permission_set_id"] for s in held)}
        mine = [r for r in reviews if r["subject_ref"] in subjects]
        done = [nanos(value(r, "done_at")) for r in mine if value(r, "done_at")]
        began = min(nanos(s["valid_from"]) for s in held)
        last = max([began, *(d for d in done if d <= NOW)])
        if NOW - last <= 92 * DAY:
            found[agent["agent_id"]] = "pass"
        elif not reviews or any(unseen(r, "done_at") for r in mine):
            found[agent["agent_id"]] = "undetermined"
        else:
            found[agent["agent_id"]] = "exception"
    return found


ELEMENTS = ("process", "reads", "writes", "allowed_actions", "approval_actions",
            "prohibited_data", "responsible_team")  # fmt: skip


def bnd_01(world: World) -> Outcomes:
    boundaries = {b["agent_id"]: b for b in world["boundary"]}
    found: Outcomes = {}
    for agent, _ in active(world):
        boundary = boundaries.get(agent["agent_id"])
        parts: list[Part] = [True]
        if not boundaries:
            parts = [None]
        elif boundary is not None:
            parts = [_element(boundary, name) for name in ELEMENTS]
        found[agent["agent_id"]] = judged(parts)
    return found


def _element(boundary: Row, name: str) -> Part:
    held = value(boundary, name)
    if held is None:
        return None if unseen(boundary, name) else True
    return not held if isinstance(held, list) else not held.strip()


def ovr_06(world: World) -> Outcomes:
    """Approvals, and events put before somebody without one, of which no world says when."""
    found: Outcomes = {
        e["event_id"]: "undetermined" for e in world["events"]
        if (value(e, "escalated_to") or "").strip() and value(e, "oversight_required")
    }  # fmt: skip
    slas = {t["decision_type"]: t for t in world["threshold"]}
    for q in world["approval"]:
        if value(q, "decision") == "cancelled":
            continue
        asked, answered = value(q, "requested_at"), value(q, "decided_at")
        if value(q, "decision") == "expired":
            answered, hidden = None, unseen(q, "decided_at")
        else:
            hidden = unseen(q, "decided_at")
        if asked is None or (answered is None and hidden):
            found[q["approval_id"]] = "undetermined"
            continue
        minutes = 240
        held = slas.get(value(q, "decision_type"))
        if held is not None and valid([held], asked) and value(held, "sla_minutes"):
            minutes = value(held, "sla_minutes")
        limit = minutes * 60 * 10**9
        if answered is not None:
            late = nanos(answered) - nanos(asked) > limit
            found[q["approval_id"]] = "exception" if late else "pass"
        else:
            waits = NOW - nanos(asked) <= limit
            found[q["approval_id"]] = "pending" if waits else "exception"
    return found
