"""Controls over events told once more, by hand from their prose and not from their SQL."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from tests.builders.reference_parts import (
    TIERS,
    Outcomes,
    Part,
    both,
    over_events,
    took_effect,
    valid,
)
from tests.builders.reference_world import EMPTY, MASKED, Row, World, nanos, unseen, value


def idn_04(world: World) -> Outcomes:
    def named(e: Row) -> list[Part]:
        if value(e, "agent_id"):
            return [False]
        return [None] if e["agent_id"] is MASKED else [True]

    def itself(e: Row) -> list[Part]:
        return [
            value(e, "agent_inherited_from_span") is not None
            and e["source_class"] in ("gateway", "policy_engine", "identity_provider")
        ]

    def held(e: Row) -> list[Part]:
        if not value(e, "agent_id"):
            return []
        if not world["agent"] or value(e, "event_time") is None:
            return [None]
        return [value(e, "agent_id") not in {a["agent_id"] for a in world["agent"]}]

    return over_events(world, took_effect, named, itself, held)


def pol_01(world: World) -> Outcomes:
    def asked(e: Row) -> Part:
        """Whether a policy was asked and answered."""
        result = value(e, "policy_result")
        if result is not None:
            return result != "error"
        return False if e["policy_checked"] is EMPTY else value(e, "policy_checked")

    def checked(e: Row) -> list[Part]:
        answer = asked(e)
        return [None if answer is None else not answer]

    def before(e: Row) -> list[Part]:
        if asked(e) is not True:
            return [] if asked(e) is False else [None]
        if e["policy_checked_at"] is EMPTY:
            return [True]
        at, began = value(e, "policy_checked_at"), value(e, "event_time")
        return [None if at is None or began is None else nanos(at) > nanos(began)]

    def population(e: Row) -> Part:
        kinds = ("run", "policy_check", "approve")
        return both(took_effect(e), value(e, "action_type") not in kinds)

    return over_events(world, population, checked, before)


def pol_02(world: World) -> Outcomes:
    def population(e: Row) -> Part:
        if value(e, "policy_result") is not None:
            return bool(value(e, "policy_result") == "deny")
        if e["policy_result"] is MASKED:
            return None
        return None if value(e, "policy_checked") and e["policy_result"] is not EMPTY else False

    return over_events(world, population, lambda e: [_may_have_run(e)])


def _may_have_run(e: Row) -> Part:
    if value(e, "outcome") == "denied":
        return False
    return True if e["executed"] is EMPTY else value(e, "executed")


def ovr_04(world: World) -> Outcomes:
    def population(e: Row) -> Part:
        tier = value(e, "autonomy_tier")
        if tier is not None:
            return bool(tier == "halt")
        if e["autonomy_tier"] is MASKED:
            return None
        hidden = e["autonomy_tier"] is not EMPTY and value(e, "oversight_required")
        return None if hidden else False

    def told(e: Row) -> list[Part]:
        whom = value(e, "escalated_to")
        if whom is not None:
            return [not whom.strip()]
        return [None if unseen(e, "escalated_to") else True]

    return over_events(world, population, lambda e: [_may_have_run(e)], told)


CONSEQUENCE = ("write", "destructive", "provision", "decommission", "admin")


def decides(e: Row) -> Part:
    """Whether the act decides something by a type of decision."""
    if value(e, "decision_type") is not None:
        return True
    if e["decision_type"] is EMPTY:
        return False
    return None if value(e, "action_type") in CONSEQUENCE else False


def threshold_of(world: World, e: Row) -> Row | None:
    if value(e, "decision_type") is None or value(e, "event_time") is None:
        return None
    mine = [t for t in world["threshold"] if t["decision_type"] == value(e, "decision_type")]
    held = valid(mine, value(e, "event_time"))
    return held[0] if held else None


def ovr_11(world: World) -> Outcomes:
    def population(e: Row) -> Part:
        effect = took_effect(e)
        if effect is False or decides(e) is not True:
            return both(effect, decides(e))
        held = threshold_of(world, e)
        if held is None or unseen(held, "category"):
            return None
        kinds = ("finance", "code_deployment", "access", "data_export")
        return both(effect, (value(held, "category") or "").lower() in kinds)

    def loose(e: Row) -> list[Part]:
        tier = value(e, "autonomy_tier")
        if tier is None:
            return [True if e["autonomy_tier"] is EMPTY else None]
        return [tier in ("autonomous", "supervised")]

    return over_events(world, population, loose)


def rank(tier: str | None) -> int:
    return 0 if tier is None else TIERS.index(tier) + 1


def ovr_02(world: World) -> Outcomes:
    def replay(e: Row) -> list[Part]:
        held = threshold_of(world, e)
        if held is None:
            return [None]
        tier = value(e, "autonomy_tier")
        applied = 1 if e["autonomy_tier"] is EMPTY else rank(tier) or None
        needed = [
            _base(held), _stepped(held, e, "amount"), _stepped(held, e, "records"),
            _classed(held, e), _final(held, e), _regulated(held, e),
        ]  # fmt: skip
        return [
            False if n == 0 else None if n is None or applied is None else n > applied
            for n in needed
        ]

    def population(e: Row) -> Part:
        return both(took_effect(e), decides(e))

    return over_events(world, population, replay)


# Each gives the rank needed, 0 where nothing is asked of this act, None where it cannot be told.
def _base(held: Row) -> int | None:
    return None if unseen(held, "base_tier") else rank(value(held, "base_tier"))


def _stepped(held: Row, e: Row, what: str) -> int | None:
    names = [f"{step}_from_{what}" for step in ("supervised", "approval", "halt")]
    hidden = any(unseen(held, name) for name in names)
    if all(value(held, name) is None for name in names) and not hidden:
        return 0
    column = "amount" if what == "amount" else "records_affected"
    if e[column] is EMPTY:
        return 0
    if value(e, column) is None or hidden:
        return None
    money = value(held, "currency")
    if what == "amount" and money is not None and value(e, "currency") != money:
        return None
    size = abs(Decimal(value(e, column)))
    passed = [
        r for r, name in enumerate(names, start=2)
        if value(held, name) is not None and size >= Decimal(value(held, name))
    ]  # fmt: skip
    return max([1, *passed])


def _classed(held: Row, e: Row) -> int | None:
    names = ("confidential_tier", "restricted_tier")
    hidden = any(unseen(held, name) for name in names)
    if all(value(held, name) is None for name in names) and not hidden:
        return 0
    if e["data_classification"] is EMPTY:
        return 0
    if value(e, "data_classification") is None or hidden:
        return None
    confidential, restricted = (value(held, name) for name in names)
    asked = {"confidential": confidential, "restricted": restricted or confidential}
    return max(1, rank(asked.get(value(e, "data_classification"))))


def _final(held: Row, e: Row) -> int | None:
    if held["irreversible_tier"] is EMPTY or e["reversible"] is EMPTY or value(e, "reversible"):
        return 0
    if value(e, "reversible") is None or unseen(held, "irreversible_tier"):
        return None
    return rank(value(held, "irreversible_tier"))


def _regulated(held: Row, e: Row) -> int | None:
    if held["regulated_tier"] is EMPTY or e["regulatory_scope"] is EMPTY:
        return 0
    if value(e, "regulatory_scope") is None or unseen(held, "regulated_tier"):
        return None
    if unseen(held, "regulated_scopes"):
        return None
    regimes = value(held, "regulated_scopes") or []
    return rank(value(held, "regulated_tier")) if value(e, "regulatory_scope") in regimes else 0


def mag_01(world: World) -> Outcomes:
    def delegated(e: Row) -> Part:
        return both(took_effect(e), value(e, "delegated_by_agent_id") is not None)

    def stated(e: Row) -> list[Part]:
        scopes = value(e, "delegation_scopes")
        if scopes is None:
            return [None if unseen(e, "delegation_scopes") else True]
        return [not scopes or "*" in scopes]

    def needed(e: Row) -> list[Part]:
        scopes, needs = value(e, "delegation_scopes"), value(e, "required_scopes")
        if e["delegation_scopes"] is EMPTY or (scopes and "*" in scopes):
            return []
        if scopes is None:
            return [None]
        if needs is None:
            return [None if unseen(e, "required_scopes") else bool(scopes)]
        return [not set(scopes) <= set(needs)]

    def own(e: Row) -> list[Part]:
        scopes = value(e, "delegation_scopes")
        if e["delegation_scopes"] is EMPTY or (scopes and "*" in scopes):
            return []
        boss = value(e, "delegated_by_agent_id")
        ever = [s for s in world["permission_set"] if s["agent_id"] == boss]
        if scopes is None or not ever or value(e, "event_time") is None:
            return [None]
        held = valid(ever, value(e, "event_time"))
        if not held:
            return [True]
        union = {scope for s in held for scope in value(s, "scopes") or []}
        if "*" in union or set(scopes) <= union:
            return [False]
        return [None if any(unseen(s, "scopes") for s in held) else True]

    return over_events(world, delegated, stated, needed, own)


def mag_02(world: World) -> Outcomes:
    def unverified(e: Row) -> list[Part]:
        told = value(e, "caller_verified")
        if told is None:
            return [True if e["caller_verified"] is EMPTY else None]
        return [not told]

    def delegated(e: Row) -> Part:
        return both(took_effect(e), value(e, "delegated_by_agent_id") is not None)

    return over_events(world, delegated, unverified)


def dev_03(world: World) -> Outcomes:
    def population(e: Row) -> Part:
        cost = value(e, "cost_usd")
        if cost is not None:
            return Decimal(cost) > 0
        hidden = e["cost_usd"] is not EMPTY and value(e, "action_type") == "model_call"
        return None if hidden else False

    def blank(e: Row, name: str) -> Part:
        held = value(e, name)
        if held is None:
            return True if e[name] is EMPTY else None
        return not held.strip()

    def somebody(e: Row) -> list[Part]:
        found = [blank(e, "user_ref"), blank(e, "on_behalf_of")]
        return [False if False in found else None if None in found else True]

    return over_events(
        world, population, somebody,
        lambda e: [blank(e, "team_id")], lambda e: [blank(e, "feature")],
    )  # fmt: skip


def acc_03(world: World) -> Outcomes:
    kinds = ("model_call", "run", "policy_check", "approve", "delegate")

    def population(e: Row) -> Part:
        kind = value(e, "action_type")
        told = kind == "message" and value(e, "target_type") != "tool"
        return both(took_effect(e), kind not in kinds and not told)

    def outside(e: Row) -> list[Part]:
        agent = value(e, "agent_id")
        ever = [s for s in world["permission_set"] if s["agent_id"] == agent]
        if e["agent_id"] is EMPTY:
            return [True]
        if agent is None or value(e, "event_time") is None or not ever:
            return [None]
        return [_not_granted(valid(ever, value(e, "event_time")), e)]

    return over_events(world, population, outside)


def _not_granted(held: list[Row], e: Row) -> Part:
    tools: set[Any] = {t for s in held for t in value(s, "tools") or []}
    if not held or "*" in tools:
        return not held
    if value(e, "target_name") is None:
        return True if e["target_name"] is EMPTY else None
    if value(e, "target_name") in tools:
        return False
    return None if any(unseen(s, "tools") for s in held) else True
