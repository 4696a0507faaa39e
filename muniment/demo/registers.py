"""The registers beside the logs: agents, permissions, people and budgets, with their history.

Each row carries `valid_from`, the instant from which it holds; a later row with the same id ends
the one before it.
"""

from __future__ import annotations

from muniment.demo.agents import AGENTS, GONE, SHADOW, SPARE_MODEL, AgentPlan
from muniment.demo.clock import DAY, at
from muniment.demo.company import PEOPLE, RECORDS_BEGIN, Person, person_id
from muniment.demo.runs import EMPTY, MATCHER_4_2, Value, running_version
from muniment.demo.seeds_access import (
    BANK_UPDATE,
    BANK_UPDATE_ENDS,
    DEFERRAL,
    DEFERRAL_BEGINS,
)
from muniment.demo.seeds_spend import Budget

Row = dict[str, Value]
VALID_FROM = "valid_from"


def agent_rows() -> list[Row]:
    """The registry: one row per agent, and a second where something changed since."""
    rows = []
    for plan in AGENTS:
        rows.append(_agent(plan, plan.starts_at))
        if plan.name == "Invoice Matcher":
            rows.append(_agent(plan, MATCHER_4_2))
        if plan.retired:
            first = rows[-1]
            first.update(lifecycle_status="active", retired_at=EMPTY)
            rows.append(_agent(plan, at(plan.retired)))
    return rows


def _agent(plan: AgentPlan, valid_from: int) -> Row:
    return {
        VALID_FROM: valid_from, "agent_id": plan.agent_id, "kind": "agent", "name": plan.name,
        "version": running_version(plan, valid_from), "provider_org": "Northwind Freight",
        "owner_ref": person_id(plan.owner) if plan.owner else EMPTY, "owner_team": plan.team_id,
        "identity_ref": f"spiffe://northwind/agents/{plan.agent_id.lower()}",
        "lifecycle_status": plan.status, "environment": "production",
        "business_unit": plan.team_id, "business_purpose": plan.purpose,
        "risk_class": plan.risk_class, "eu_in_scope": True, "eu_role": plan.eu_role,
        "eu_class": plan.eu_class, "default_autonomy_tier": "supervised",
        "max_data_classification": "restricted", "registered_at": plan.starts_at,
        "go_live_at": plan.starts_at + DAY,
        "retired_at": at(plan.retired) if plan.retired else EMPTY,
        "last_review_at": at("2026-10-06T08:00:00Z"),
        "next_review_at": at("2027-04-06T08:00:00Z"),
    }  # fmt: skip


def permission_rows() -> list[Row]:
    """What each agent may call; two sets change within the period.

    Unregistered identities hold sets too: somebody granted them and nobody registered them.
    """
    rows = []
    for plan in (*AGENTS, SHADOW, GONE):
        granted = plan.starts_at - 30 * DAY
        tools = ["*"] if plan.any_tool else list(plan.tools)
        if plan.name == "Invoice Matcher":
            rows.append(_permission(plan, granted, [*tools, BANK_UPDATE.name]))
            rows.append(_permission(plan, BANK_UPDATE_ENDS, tools))
        elif plan.name == "Customs Filer":
            rows.append(_permission(plan, granted, tools))
            rows.append(_permission(plan, DEFERRAL_BEGINS, [*tools, DEFERRAL.name]))
        else:
            rows.append(_permission(plan, granted, tools))
    return rows


def _permission(plan: AgentPlan, valid_from: int, tools: list[str]) -> Row:
    return {
        VALID_FROM: valid_from, "permission_set_id": "PS-" + plan.agent_id.removeprefix("AGT-"),
        "agent_id": plan.agent_id, "granted_by": person_id("Priya Raman"), "tools": tools,
        "scopes": [f"{plan.team_id}.read", f"{plan.team_id}.write"],
        "data_scopes": [plan.team_id], "models": sorted({plan.model, SPARE_MODEL}),
    }  # fmt: skip


def person_rows() -> list[Row]:
    """People, mailboxes and services; leaving and coming back are rows of their own."""
    rows = []
    for person in PEOPLE:
        rows.append(_person(person, RECORDS_BEGIN, active=True))
        if person.left_at:
            rows.append(_person(person, at(person.left_at), active=False))
        if person.back_at:
            rows.append(_person(person, at(person.back_at), active=True))
    return rows


def _person(person: Person, valid_from: int, *, active: bool) -> Row:
    return {
        VALID_FROM: valid_from, "person_id": person.person_id, "name": person.name,
        "kind": person.kind, "active": active, "team_id": person.team_id,
        "left_at": EMPTY if active else valid_from,
    }  # fmt: skip


def budget_rows(budgets: list[Budget]) -> list[Row]:
    """Monthly limits per team."""
    return [
        {
            VALID_FROM: budget.valid_from, "budget_id": f"BUD-{budget.team_id}",
            "owner_kind": "team", "owner_ref": budget.team_id, "period": "month",
            "limit_usd": budget.limit_usd,
        }
        for budget in budgets
    ]  # fmt: skip
