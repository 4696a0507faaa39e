"""What a new statement does to the rows of one key: pure rules, no database.

The believed rows of a key form a timeline: each row holds from its `valid_from` until the next
row's. A statement "these values from instant t" is one of four cases:

    believed   [1 ──── A ────)[5 ──── B ──── …        statement at t
    A at 3     nothing changes: A holds at 3 already                        unchanged
    C at 3     [1 ─A─)[3 ─C─)[5 ─B─ …   A's row gives way to a shorter one  superseding
    C at 1     [1 ─── C ─────)[5 ─B─ …  A's row gives way to C              superseding
    C at 0     [0 C)[1 ─A─)[5 ─B─ …     nothing was believed of 0 before    inserted

Rows that give way stay in the table with `superseded_at`; a late (back-dated) statement therefore
never alters what was known before it came.
"""

from __future__ import annotations

import secrets
from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

Row = dict[str, Any]


class PutOutcome(StrEnum):
    """What a statement did: a first row, nothing, or rows that take the place of others."""

    INSERTED = "inserted"
    UNCHANGED = "unchanged"
    SUPERSEDING = "superseding"


@dataclass(slots=True)
class Plan:
    """What is to be written: rows to insert, ids of stored rows that give way.

    A row replaced within its own transaction appears among the inserts with `superseded_at` already
    set: it was stated, so it is kept, but it was believed at no instant.
    """

    inserts: list[Row] = field(default_factory=list)
    superseded: list[str] = field(default_factory=list)


class Timeline:
    """The believed rows of one key, and the changes that statements make to them."""

    def __init__(self, own_names: Iterable[str], stored: Iterable[Row] = ()) -> None:
        self._compared = (*own_names, "not_carried_fields", "redacted_fields")
        self._rows = sorted(stored, key=lambda row: str(row["valid_from"]))
        self._starts = [str(row["valid_from"]) for row in self._rows]
        self._stored_ids = {str(row["row_id"]) for row in self._rows}
        self._superseded: list[str] = []
        self._replaced: list[Row] = []

    def state(self, row: Row) -> PutOutcome:
        """Take in a statement: `row` has every column, with `valid_to` still open.

        Who says it, and in which import, is no part of the comparison: the same fact from a second
        source is no change.
        """
        start = str(row["valid_from"])
        at = bisect_right(self._starts, start) - 1
        following = self._starts[at + 1] if at + 1 < len(self._starts) else None
        if at < 0:
            self._insert(0, {**row, "valid_to": following})
            return PutOutcome.INSERTED
        holding = self._rows[at]
        if all(holding[name] == row[name] for name in self._compared):
            return PutOutcome.UNCHANGED
        if self._starts[at] == start:
            self._give_way(holding, row["recorded_at"])
            self._rows[at] = {**row, "valid_to": following}
        else:
            self._rows[at] = self._shortened(holding, start, row)
            self._insert(at + 1, {**row, "valid_to": following})
        return PutOutcome.SUPERSEDING

    def add_to(self, plan: Plan) -> None:
        """Add to the plan what must be written for this key."""
        plan.superseded.extend(self._superseded)
        plan.inserts.extend(self._replaced)
        plan.inserts.extend(row for row in self._rows if row["row_id"] not in self._stored_ids)

    def _insert(self, at: int, row: Row) -> None:
        self._rows.insert(at, row)
        self._starts.insert(at, str(row["valid_from"]))

    def _give_way(self, row: Row, at_instant: str) -> None:
        if row["row_id"] in self._stored_ids:
            self._superseded.append(row["row_id"])
        else:
            self._replaced.append({**row, "superseded_at": at_instant})

    def _shortened(self, row: Row, until: str, cause: Mapping[str, Any]) -> Row:
        if row["row_id"] not in self._stored_ids:
            return {**row, "valid_to": until}
        self._superseded.append(row["row_id"])
        # The shorter row keeps its source's words; who closed it is in the statement beside it.
        return {
            **row,
            "row_id": new_row_id(),
            "valid_to": until,
            "recorded_at": cause["recorded_at"],
        }


def new_row_id() -> str:
    """32 random hex digits."""
    return secrets.token_hex(16)
