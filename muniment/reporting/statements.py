"""Statements of applicability: every requirement, whether it applies, and on whose word."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from muniment.assessment.sentences import agents_words
from muniment.evidence.dossier import Dossier
from muniment.model.outcomes import RequirementState
from muniment.model.results import RequirementResult
from muniment.reporting.papers import requirement_anchor
from muniment.reporting.scope import person_name
from muniment.reporting.words import REQUIREMENT_MARKS, Mark

NO_WORD = "no decision on record"


@dataclass(frozen=True, slots=True)
class StatementRow:
    """One requirement: whether it is in, why, who decided, and how it stands."""

    requirement_id: str
    name: str
    anchor: str
    included: str
    justification: str
    decided: str
    mark: Mark
    agents: str


@dataclass(frozen=True, slots=True)
class Statement:
    """One framework's statement; `undecided` counts requirements without the organisation's word.

    by_law: the framework decides by scope, role, class and day, so rows are counted and not listed.
    """

    number: str
    name: str
    edition: str
    by_law: bool
    rows: tuple[StatementRow, ...]
    undecided: int
    included: int
    excluded: int
    later: int


def statements(
    dossier: Dossier, people: Mapping[str, Mapping[str, Any]], only: Collection[str] = ()
) -> tuple[Statement, ...]:
    """One statement per framework, in the pack's order. only: ids of frameworks; empty for all."""
    made: list[Statement] = []
    for framework_id, framework in dossier.frameworks.items():
        if only and framework_id not in only:
            continue
        results = dossier.requirements(framework_id)
        places = {unit.id: n for n, unit in enumerate(framework.requirements)}
        by_law = framework.kind == "law"
        rows = tuple(
            StatementRow(
                requirement_id=result.requirement_id,
                name=framework.units[result.requirement_id].name,
                anchor=requirement_anchor(framework_id, places[result.requirement_id]),
                included=_included(result),
                justification=_justification(result, by_law=by_law),
                decided=_decided(result, people),
                mark=REQUIREMENT_MARKS[result.state],
                agents=agents_words(result.applicability),
            )
            for result in results
            if result.requirement_id in places
        )
        away = sum(r.state is RequirementState.NOT_APPLICABLE for r in results)
        later = sum(r.state is RequirementState.NOT_YET for r in results)
        made.append(
            Statement(
                number=str(len(made) + 1),
                name=framework.short_name,
                edition=framework.edition,
                by_law=by_law,
                rows=rows,
                undecided=sum(r.decision is None for r in results),
                included=len(results) - away - later,
                excluded=away,
                later=later,
            )
        )
    return tuple(made)


def _included(result: RequirementResult) -> str:
    if result.state is RequirementState.NOT_APPLICABLE:
        return "no"
    if result.state is RequirementState.NOT_YET:
        return f"from {result.applies_from}" if result.applies_from else "later"
    return "yes"


def _justification(result: RequirementResult, *, by_law: bool) -> str:
    if result.decision is not None:
        return result.decision.justification
    if by_law or result.state is RequirementState.NOT_APPLICABLE:
        return result.state_reason if result.state is RequirementState.NOT_APPLICABLE else ""
    return NO_WORD


def _decided(result: RequirementResult, people: Mapping[str, Mapping[str, Any]]) -> str:
    decision = result.decision
    if decision is None:
        return "–"
    day = (decision.decided_at or "")[:10]
    return f"{person_name(people, decision.decided_by)}{f', {day}' if day else ''}"
