"""A framework laid out for reading: its units in rows, and one unit with all that bears on it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from muniment.assessment.crosswalk import ComputedPair, PublishedPair, pairs_of_unit
from muniment.catalog.crosswalks import load_crosswalks
from muniment.catalog.frameworks import load_frameworks
from muniment.evidence.dossier import Dossier
from muniment.model.crosswalks import Crosswalk
from muniment.model.frameworks import ControlMapping, Framework, Requirement
from muniment.model.legal import Penalty
from muniment.model.results import ControlResult, RequirementResult


@dataclass(frozen=True, slots=True)
class UnitRow:
    """One article, category or clause of a grid: where it stands, and its assessed units."""

    group: str
    unit: Requirement
    cells: tuple[Requirement, ...]


@dataclass(frozen=True, slots=True)
class Bears:
    """A control as mapped to a unit, with its title and result; None where it has no result."""

    mapping: ControlMapping
    title: str
    result: ControlResult | None


@dataclass(frozen=True, slots=True)
class ClauseFile:
    """One unit: what is above and below it, its result, controls and penalties.

    result is None for headings and context; `below` holds the assessed units under a heading.
    beside: by framework, its units that a published crosswalk or shared controls set beside it.
    """

    framework: Framework
    unit: Requirement
    above: tuple[Requirement, ...]
    below: tuple[Requirement, ...]
    result: RequirementResult | None
    controls: tuple[Bears, ...]
    penalties: tuple[Penalty, ...]
    beside: dict[str, tuple[tuple[PublishedPair, ...], tuple[ComputedPair, ...]]]


def unit_rows(framework: Framework) -> tuple[UnitRow, ...]:
    """The framework as rows: the highest units that have an assessed unit directly below them.

    A paragraph bears its article's title, so the article is the row where both have the same one.
    Every assessed unit stands in exactly one row, in the framework's order.
    """
    return tuple(_rows(framework, None, ""))


def _rows(framework: Framework, parent: str | None, group: str) -> Iterator[UnitRow]:
    for unit in framework.children.get(parent, ()):
        children = framework.children.get(unit.id, ())
        if unit.assessed or any(c.assessed or c.title == unit.title for c in children):
            yield UnitRow(group, unit, framework.below(unit.id))
        elif framework.below(unit.id):
            yield from _rows(framework, unit.id, unit.id)


@cache
def _published() -> dict[str, Crosswalk]:
    """The crosswalks that ship, checked against the catalogues that ship.

    Not against an assessment's own frameworks, which may be of another edition: a pair whose units
    it lacks is simply not found.
    """
    return load_crosswalks(load_frameworks())


def clause_file(dossier: Dossier, framework_id: str, unit_id: str) -> ClauseFile | None:
    """One unit of a framework as assessed; None where the dossier has no such unit."""
    framework = dossier.frameworks.get(framework_id)
    unit = framework.units.get(unit_id) if framework else None
    if framework is None or unit is None:
        return None
    results = {r.requirement_id: r for r in dossier.requirements(framework_id)}
    return ClauseFile(
        framework=framework,
        unit=unit,
        above=framework.path(unit_id),
        below=tuple(u for u in framework.below(unit_id) if u.id != unit_id),
        result=results.get(unit_id),
        controls=tuple(
            Bears(
                mapping,
                dossier.controls[mapping.control_id].title
                if mapping.control_id in dossier.controls
                else mapping.control_id,
                dossier.results.get(mapping.control_id),
            )
            for mapping in unit.controls
        ),
        penalties=framework.penalties_for(unit_id),
        beside=pairs_of_unit(
            framework,
            unit_id,
            dossier.frameworks.values(),
            _published().values(),
        ),
    )
