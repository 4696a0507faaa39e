"""A published crosswalk as data: units of one framework, each with those set beside it."""

from __future__ import annotations

from pydantic import Field

from muniment.model.controls import Strict
from muniment.model.outcomes import Relation


class CrosswalkRemark(Strict):
    """What is odd about one pair in the source."""

    from_id: str
    to_id: str
    text: str


class Crosswalk(Strict):
    """Pairs as published: units of `from_framework`, each with units of `to_framework`.

    to_framework may be one that no catalogue holds, such as a list of actions. relation: of the
    first to the second, where the source states one for all pairs; None where it states none.
    """

    id: str = Field(pattern=r"^[a-z0-9_]+$")
    name: str
    from_framework: str
    to_framework: str
    publisher: str
    relation: Relation | None = None
    note: str
    source: str
    remarks: tuple[CrosswalkRemark, ...] = ()
    pairs: dict[str, tuple[str, ...]]

    def remark(self, from_id: str, to_id: str) -> str:
        """What is odd about a pair, or empty text."""
        found = (r.text for r in self.remarks if (r.from_id, r.to_id) == (from_id, to_id))
        return next(found, "")
