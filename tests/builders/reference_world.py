"""Small random worlds: rows in which each value is stated, left empty, masked or not carried.

The instants are few, so that equal ones are frequent, and include the limits of the clock.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from muniment.model import times

AS_OF: Final = "2026-12-01T00:00:00.000000000Z"
DAY = 86_400 * times.NANOS
Cell = Any  # a value, or one of the three reasons why there is none


class Gap:
    """Why a row holds no value."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return self.name


EMPTY, MASKED, ABSENT = Gap("empty"), Gap("masked"), Gap("absent")
Row = Mapping[str, Cell]
World = dict[str, list[dict[str, Cell]]]


def value(row: Row, name: str) -> Any:
    """The value, or None for whatever reason there is none."""
    found = row.get(name, ABSENT)
    return None if isinstance(found, Gap) else found


def unseen(row: Row, name: str) -> bool:
    """Whether the value may be there and cannot be seen."""
    return row.get(name, ABSENT) in (MASKED, ABSENT)


def nanos(text: str) -> int:
    """An instant as a number that can be compared and subtracted."""
    return times.to_nanos(text)


def given_rows(world: World) -> dict[str, list[dict[str, Any]]]:
    """The world as a case gives it."""
    return {
        table: [_given(row, event=table == "events") for row in rows]
        for table, rows in world.items()
    }


def _given(row: Row, *, event: bool) -> dict[str, Any]:
    plain = {name: cell for name, cell in row.items() if not isinstance(cell, Gap)}
    masked = [name for name, cell in row.items() if cell is MASKED]
    other = [name for name, cell in row.items() if cell is (EMPTY if event else ABSENT)]
    listed = "empty_fields" if event else "not_carried_fields"
    return {**plain, "redacted_fields": masked, listed: other}


class Dice:
    """Draws cells and rows, the same for the same seed."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def one(self, *values: Any) -> Any:
        """One of the values."""
        return self._random.choice(values)

    def cell(self, *values: Any) -> Cell:
        """One of the values, seldom a gap."""
        return self.one(*values) if self._random.random() < 0.8 else self.one(EMPTY, MASKED, ABSENT)

    def some(self, *values: str) -> list[str]:
        """A few of the values, perhaps none."""
        return sorted({self.one(*values) for _ in range(self._random.randrange(3))})

    def moment(self) -> str:
        """An instant around noon of one day in the period; equal ones are frequent."""
        return times.format_time(nanos("2026-11-20T12:00:00Z") + self.one(-1, 0, 0, 1))

    def near(self, limit: int, end: str = AS_OF) -> str:
        """An instant close to `limit` nanoseconds before another."""
        return times.format_time(nanos(end) - limit + self.one(-1, 0, 1, 5 * DAY, -5 * DAY))

    def rows(self, many: int, make: Callable[[int], dict[str, Cell]]) -> list[dict[str, Cell]]:
        """So many rows by number."""
        return [make(number) for number in range(many)]

    def agents(self, names: Sequence[str]) -> list[dict[str, Cell]]:
        """Registered agents in every state."""
        return [
            {
                "agent_id": name, "name": name, "kind": self.cell("agent", "agent", "tool"),
                "lifecycle_status": self.cell(
                    "active", "active", "deprecated", "retired", "unknown"),
                "retired_at": self.one(EMPTY, EMPTY, AS_OF, times.format_time(nanos(AS_OF) + 1)),
                "owner_ref": self.cell("p0", "P1", "p2", "p3", "p9"),
                "environment": self.cell("production", "PROD", "staging"),
                "go_live_at": self.one(EMPTY, AS_OF, times.format_time(nanos(AS_OF) + 1)),
            }
            for name in names
        ]  # fmt: skip

    def people(self) -> list[dict[str, Cell]]:
        """People of every kind, or none on record at all."""
        if self._random.random() < 0.1:
            return []
        return self.rows(5, lambda n: {
            "person_id": f"p{n}", "kind": self.cell("human", "human", "group", "service"),
            "active": self.cell(True, True, False),
            "left_at": self.cell(EMPTY, self.near(14 * DAY), self.near(0)),
        })  # fmt: skip

    def act(self, number: int) -> dict[str, Cell]:
        """An act of one of a few agents, with everything that a control may ask of it."""
        return {
            "event_id": f"e{number}", "event_time": self.cell(self.moment()),
            "ingested_at": "2026-11-20T13:00:00Z",
            "agent_id": self.cell("a0", "a1", "a2", "a9"), "source_class": self.one(
                "gateway", "agent", "policy_engine", "billing"),
            "agent_inherited_from_span": self.one(ABSENT, ABSENT, "s1"),
            "action_type": self.cell(
                "write", "write", "read", "run", "model_call", "admin", "message"),
            "target_type": self.cell("tool", "person"),
            "target_name": self.cell("refund", "lookup", "wire"),
            "executed": self.cell(True, True, True, False),
            "outcome": self.cell("success", "success", "denied"),
            "policy_checked": self.cell(True, True, False),
            "policy_result": self.cell("allow", "deny", "error", "not_applicable"),
            "policy_checked_at": self.cell(self.moment()),
            "autonomy_tier": self.cell("autonomous", "supervised", "approval_required", "halt"),
            "oversight_required": self.cell(True, False),
            "escalated_to": self.cell("ada", " "),
            "decision_type": self.cell("refund", "hire", "note"),
            "amount": self.cell("99.999999999", "100", "-1000", "50000"),
            "currency": self.cell("EUR", "EUR", "USD"),
            "records_affected": self.cell(9, 10, 99),
            "data_classification": self.cell("public", "confidential", "restricted"),
            "reversible": self.cell(True, False),
            "regulatory_scope": self.cell("gdpr", "sox"),
            "delegated_by_agent_id": self.one(ABSENT, "a0", "a1", "a8"),
            "delegation_scopes": self.cell(["r"], ["r", "w"], [], ["*"]),
            "required_scopes": self.cell(["r"], ["r", "w"], []),
            "caller_verified": self.cell(True, False),
            "cost_usd": self.cell("0", "0.5"), "user_ref": self.cell("ada", " "),
            "on_behalf_of": self.cell("eve", ""),
            "team_id": self.cell("red", ""), "feature": self.cell("search"),
        }  # fmt: skip


def world(seed: int, acts: int = 40) -> World:
    """One world of every kind of row."""
    dice = Dice(seed)
    tiers = ("autonomous", "supervised", "approval_required", "halt")
    lists = (["r"], ["r", "w"], ["*"], [])
    return {
        "events": dice.rows(acts, dice.act),
        "agent": dice.agents([f"a{n}" for n in range(8)]),
        "person": dice.people(),
        "permission_set": dice.rows(4, lambda n: {
            "permission_set_id": f"s{n}", "agent_id": f"a{n % 3}",
            "tools": dice.cell(["refund"], ["lookup", "wire"], ["*"], []),
            "scopes": dice.cell(*lists),
            "valid_from": dice.one("2020-01-01T00:00:00Z", dice.moment(), dice.near(92 * DAY)),
            **dice.one({}, {"valid_to": times.format_time(nanos("2026-11-20T12:00:00Z") + 2)}),
        }),
        "credential": dice.rows(8, lambda n: {
            "credential_id": f"c{n}", "kind": dice.cell("token", "token", "api_key", "password"),
            "agent_ids": dice.cell(["a0"], ["a1"], ["a1", "a2"], []),
            "identity_ref": dice.one(EMPTY, EMPTY, "id1"),
            "person_id": dice.cell(EMPTY, EMPTY, "P0", "p1", "p9"),
            "lifetime_seconds": dice.cell(60, 86_400, 86_401, EMPTY),
            "revoked_at": dice.one(EMPTY, EMPTY, AS_OF, dice.near(0)),
            "expires_at": dice.one(EMPTY, EMPTY, AS_OF, dice.near(0)),
        }),
        "boundary": dice.rows(5, lambda n: {
            "boundary_id": f"b{n}", "agent_id": f"a{n}", "process": dice.cell("p", " "),
            "reads": dice.cell(["x"], []), "writes": dice.cell(["x"]),
            "allowed_actions": dice.cell(["x"]), "approval_actions": dice.cell(["x"]),
            "prohibited_data": dice.cell(["x"]), "responsible_team": dice.cell("t"),
        }),
        "review": dice.rows(6, lambda n: {
            "review_id": f"r{n}", "kind": dice.one("access", "access", "agent"),
            "subject_ref": dice.one("a0", "a1", "a2", "s1", "s2"),
            "done_at": dice.cell(dice.near(92 * DAY), dice.near(0)),
        }),
        "threshold": dice.rows(2, lambda n: {
            "threshold_id": f"t{n}", "decision_type": ("refund", "hire")[n],
            "category": dice.cell("finance", "Access", "other"), "base_tier": dice.cell(*tiers),
            "currency": dice.one(EMPTY, "EUR"),
            "supervised_from_amount": dice.cell("100", EMPTY),
            "approval_from_amount": dice.cell("1000", EMPTY),
            "halt_from_amount": dice.cell("50000", EMPTY),
            "supervised_from_records": dice.cell(10, EMPTY),
            "approval_from_records": dice.cell(99, EMPTY),
            "halt_from_records": dice.cell(EMPTY),
            "confidential_tier": dice.cell(*tiers, EMPTY),
            "restricted_tier": dice.cell(*tiers, EMPTY),
            "irreversible_tier": dice.cell(*tiers, EMPTY),
            "regulated_scopes": dice.cell(["gdpr"], ["sox", "gdpr"]),
            "regulated_tier": dice.cell(*tiers, EMPTY), "sla_minutes": dice.one(60, EMPTY),
            "valid_from": dice.one("2020-01-01T00:00:00Z", dice.moment()),
        }),
        "approval": dice.rows(12, lambda n: {
            "approval_id": f"q{n}", "decision_type": dice.one("refund", "note", EMPTY),
            "decision": dice.one("approved", "rejected", "expired", "cancelled"),
            "requested_at": dice.cell("2026-11-20T12:00:00Z", "2026-11-30T22:00:00Z"),
            "decided_at": dice.cell(
                "2026-11-20T13:00:00Z", "2026-11-20T13:00:00.000000001Z", "2026-11-20T16:00:00Z"),
            "valid_from": "2026-11-20T12:00:00Z",
        }),
    }  # fmt: skip
