"""Small record rows for tests: name only what the test is about."""

from __future__ import annotations

from typing import Any

from muniment.store.open import Store
from muniment.store.records import PutOutcome, RecordPut

JANUARY = "2026-01-01T00:00:00.000000000Z"
FEBRUARY = "2026-02-01T00:00:00.000000000Z"
MARCH = "2026-03-01T00:00:00.000000000Z"
APRIL = "2026-04-01T00:00:00.000000000Z"


def agent(agent_id: str = "billing-bot", **values: Any) -> dict[str, Any]:
    return {"agent_id": agent_id, "name": agent_id, **values}


def approval(approval_id: str = "A-1", **values: Any) -> dict[str, Any]:
    return {"approval_id": approval_id, "decision": "approved", **values}


def permission_set(permission_set_id: str = "P-1", **values: Any) -> dict[str, Any]:
    return {"permission_set_id": permission_set_id, "agent_id": "billing-bot", **values}


def person(person_id: str = "ana@example.org", **values: Any) -> dict[str, Any]:
    return {"person_id": person_id, "kind": "human", "active": True, **values}


def put(
    store: Store,
    table: str,
    values: dict[str, Any],
    valid_from: str = JANUARY,
    *,
    recorded_by: str = "ana@example.org",
    source_id: str = "register",
    **more: Any,
) -> tuple[PutOutcome, str]:
    """Put one row in a transaction of its own; gives the outcome and the instant of knowledge."""
    with store.records.writing() as writer:
        outcome = writer.put(
            table,
            values,
            valid_from=valid_from,
            recorded_by=recorded_by,
            source_id=source_id,
            **more,
        )
        return outcome, writer.recorded_at


def approvals(count: int, valid_from: str = JANUARY, **values: Any) -> list[RecordPut]:
    return [RecordPut(approval(f"A-{i}", **values), valid_from) for i in range(count)]
