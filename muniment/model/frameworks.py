"""A framework as data: its edition, its units, and the controls that bear on each requirement."""

from __future__ import annotations

from functools import cached_property
from typing import Literal

from pydantic import Field

from muniment.model.controls import Strict
from muniment.model.legal import (
    Amendment,
    Applicability,
    ClassDates,
    Condition,
    LegalDate,
    Penalty,
    RiskClass,
    Role,
    SourceConflict,
    Transition,
)
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
    """One unit of a framework: a clause, article, point or subcategory, or what groups them.

    kind: a `requirement` is assessed and counted; a `heading` groups what is below it and takes its
    state from there; `context` is listed without state, and `not_assessed` says why.
    title: the official one (of the article, for its paragraphs); label: our own short name.
    classes: empty means systems of any class. only_where: a further condition, in words; only_if:
    the column that decides it, None where no register does. applies_from: first day of application,
    None for a voluntary framework; other_dates: days of single classes; formally_from: the day by
    the law's letter where applies_from is our reading, which `interpretation` explains.
    The catalog fills classes, days and interpretation from `parent` where a unit is silent.
    evidenced_together: several contributing controls may evidence it together.
    """

    id: str
    kind: Literal["requirement", "heading", "context"] = "requirement"
    title: str
    title_verified: bool = True
    label: str = ""
    summary: str
    parent: str | None = None
    roles: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()
    only_where: str | None = None
    only_if: Condition | None = None
    applies_from: str | None = None
    applies_from_before_amendment: str | None = None
    other_dates: tuple[ClassDates, ...] = ()
    formally_from: str | None = None
    transition: Transition | None = None
    interpretation: str | None = None
    amended: Amendment | None = None
    not_assessed: str | None = None
    manual: str | None = None
    evidenced_together: bool = False
    source: str
    controls: tuple[ControlMapping, ...] = ()

    @property
    def name(self) -> str:
        """What to call it in a list: our label, else the official title."""
        return self.label or self.title

    @property
    def assessed(self) -> bool:
        """It has a state of its own and is counted in the score."""
        return self.kind == "requirement"

    @property
    def first_day(self) -> str | None:
        """The first day on which it applies to systems of any class."""
        days = [self.applies_from, *(other.applies_from for other in self.other_dates)]
        return min((day for day in days if day), default=None)

    def applies_from_for(self, risk_class: str | None) -> str | None:
        """First day of application for systems of a class; the unit's own day for any other."""
        days = (d.applies_from for d in self.other_dates if risk_class in d.classes)
        return next(days, self.applies_from)


class Framework(Strict):
    """One edition of a framework; `requirements` holds all its units, each after its parent."""

    id: str = Field(pattern=r"^[a-z0-9_]+$")
    name: str
    short_name: str
    edition: str
    issuer: str
    kind: Literal["law", "voluntary", "certifiable"]
    licence_note: str
    coverage_note: str
    source: str
    applicability: Applicability | None = None
    roles: tuple[Role, ...] = ()
    classes: tuple[RiskClass, ...] = ()
    penalties: tuple[Penalty, ...] = ()
    calendar: tuple[LegalDate, ...] = ()
    source_conflicts: tuple[SourceConflict, ...] = ()
    requirements: tuple[Requirement, ...]
    digest: str = ""  # filled by the catalog

    @cached_property
    def units(self) -> dict[str, Requirement]:
        """Every unit by id, in the framework's order."""
        return {unit.id: unit for unit in self.requirements}

    @cached_property
    def assessed(self) -> tuple[Requirement, ...]:
        """The units that have a state and are counted."""
        return tuple(unit for unit in self.requirements if unit.assessed)

    @cached_property
    def children(self) -> dict[str | None, tuple[Requirement, ...]]:
        """The units directly below each unit; under None those at the top."""
        below: dict[str | None, list[Requirement]] = {}
        for unit in self.requirements:
            below.setdefault(unit.parent, []).append(unit)
        return {parent: tuple(units) for parent, units in below.items()}

    @cached_property
    def condition_columns(self) -> tuple[str, ...]:
        """The columns of the agent table that conditions of its units name, sorted."""
        return tuple(sorted({u.only_if.column for u in self.requirements if u.only_if}))

    def path(self, unit_id: str) -> tuple[Requirement, ...]:
        """The units above one, from the top down, without itself."""
        above: list[Requirement] = []
        parent = self.units[unit_id].parent
        while parent is not None:
            above.append(self.units[parent])
            parent = self.units[parent].parent
        return tuple(reversed(above))

    def section_of(self, unit_id: str) -> str | None:
        """The unit under which a list shows it: the article, clause or function above it.

        The highest unit above whose id begins its own, else the unit directly above.
        """
        above = [unit.id for unit in self.path(unit_id)]
        nearest = above[-1] if above else None
        return next((name for name in above if unit_id.startswith(name)), nearest)

    def below(self, unit_id: str) -> tuple[Requirement, ...]:
        """Every assessed unit at any depth below one, in order; itself where it is assessed."""
        unit = self.units[unit_id]
        found = [unit] if unit.assessed else []
        for child in self.children.get(unit_id, ()):
            found += self.below(child.id)
        return tuple(found)

    def penalties_for(self, unit_id: str) -> tuple[Penalty, ...]:
        """The fines that name the unit or one above it."""
        names = {unit_id, *(unit.id for unit in self.path(unit_id))}
        return tuple(penalty for penalty in self.penalties if names & set(penalty.units))
