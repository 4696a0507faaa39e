"""The rows that an events test may look at beside its event, as data.

Each join finds the row of a record table that was valid at an instant, for the thing that the event
names. `approval` alone is taken as known at `known_at`, since an answer comes after the question.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Join:
    """Rows of `table` whose `key` (SQL) equals `on` and that were valid at `at` (SQL of the event).

    at: None for the latest row that is known. only: a condition on the table's rows. after: a join
    that `on` and `at` refer to.
    """

    table: str
    key: str
    on: str
    at: str | None
    only: str = "true"
    after: str = ""


_NOW = "event.event_time"
_DECIDER, _DECIDED = "lower(approval.decided_by)", "approval.decided_at"
# In the order in which they are joined: one that others refer to comes before them.
JOINS: dict[str, Join] = {
    "agent": Join("agent", "agent_id", "event.agent_id", _NOW),
    "permission_set": Join("permission_set", "agent_id", "event.agent_id", _NOW),
    "delegator": Join("permission_set", "agent_id", "event.delegated_by_agent_id", _NOW),
    "boundary": Join("boundary", "agent_id", "event.agent_id", _NOW),
    "threshold": Join("threshold", "decision_type", "event.decision_type", _NOW),
    "approval": Join("approval", "approval_id", "event.approval_id", None),
    "approver": Join("person", "lower(person_id)", _DECIDER, _DECIDED, after="approval"),
    "mandate": Join(
        "mandate", "lower(person_id)", _DECIDER, _DECIDED, "kind = 'approver'", "approval"
    ),
}
_COLUMN = re.compile(r"\b(?:event|approval)\.[a-z_]+")
PRESENCE = ("found", "ever", "recorded")


def with_those_before(names: Iterable[str]) -> list[str]:
    """The joins named and those that they refer to, in the order in which they are joined."""
    wanted = set(names)
    wanted |= {JOINS[name].after for name in wanted if name in JOINS}
    return [name for name in JOINS if name in wanted]


def columns_read(names: Iterable[str]) -> set[str]:
    """The columns that these joins compare, as `event.agent_id` or `approval.decided_at`."""
    joins = [JOINS[name] for name in with_those_before(names)]
    return {found for join in joins for found in _COLUMN.findall(f"{join.on} {join.at or ''}")}
