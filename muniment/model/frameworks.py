"""A framework as data: its edition, its requirements, and the controls that bear on each."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from muniment.model.controls import Strict
from muniment.model.outcomes import Relation, Strength


class ControlMapping(Strict):
    """One control (or one attribute, `OVR-03/B`) that bears on a requirement, and how."""

    control: str = Field(pattern=r"^[A-Z]{3}-\d\d(/[A-Z])?$")
    relation: Relation
    strength: Strength
    rationale: str

    @property
    def control_id(self) -> str:
        """The control, without the attribute's letter."""
        return self.control.partition("/")[0]

    @property
    def letter(self) -> str:
        """The attribute's letter, or empty text where the whole control is mapped."""
        return self.control.partition("/")[2]

    @property
    def evidences(self) -> bool:
        """Its pass can evidence the requirement."""
        whole = self.relation in {Relation.EQUAL, Relation.SUPERSET}
        return whole and self.strength is Strength.DIRECT

    @property
    def only_supports(self) -> bool:
        """Its pass counts for nothing; its exceptions still count against the requirement."""
        return self.relation is Relation.SUPPORTS or self.strength is Strength.SUPPORTING

    @property
    def contributes(self) -> bool:
        """Its pass evidences the requirement in part."""
        return not self.evidences and not self.only_supports


class Requirement(Strict):
    """A clause, article paragraph or subcategory: official id and title, summary in our words.

    applies_from: first day of application (ISO date); None for a voluntary framework.
    evidenced_together: several contributing controls may evidence it together.
    """

    id: str
    title: str
    summary: str
    parent: str | None = None
    roles: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()
    applies_from: str | None = None
    applies_from_before_amendment: str | None = None
    manual: str | None = None
    evidenced_together: bool = False
    source: str
    controls: tuple[ControlMapping, ...] = ()


class Framework(Strict):
    """One edition of a framework."""

    id: str = Field(pattern=r"^[a-z0-9_]+$")
    name: str
    short_name: str
    edition: str
    issuer: str
    kind: Literal["law", "voluntary", "certifiable"]
    licence_note: str
    coverage_note: str
    source: str
    requirements: tuple[Requirement, ...]
    digest: str = ""  # filled by the catalog
