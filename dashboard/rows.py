"""The rows that pages read, made of a dossier's parts: dicts, lists and primitives only."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import Any

from muniment.assessment.sentences import agents_words
from muniment.evidence.dossier import Dossier
from muniment.model.controls import Control
from muniment.model.results import ControlResult

Row = dict[str, Any]


def plain(value: Any, leave: Iterable[str] = ()) -> Any:  # noqa: PLR0911
    """A value of the model as dicts, lists and primitives, without the outermost fields `leave`."""
    if is_dataclass(value) and not isinstance(value, type):
        named = {f.name: getattr(value, f.name) for f in fields(value) if f.name not in set(leave)}
        return {name: plain(held) for name, held in named.items()}
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json", exclude=set(leave))
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Mapping):
        return {str(key): plain(held) for key, held in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(element) for element in value]
    if isinstance(value, (str, int, float, bool, type(None))):
        return value
    return str(value)


def control_row(definition: Control | None, result: ControlResult) -> Row:
    """A control's state and counts, with the columns that were missing and their sources."""
    missing: dict[str, list[str]] = {}
    for test in result.tests:
        for field in test.missing_fields:
            missing.setdefault(field.name, []).extend(field.sources)
    return {
        "id": result.control_id,
        "title": definition.title if definition else result.control_id,
        "severity": definition.severity if definition else "",
        "key": bool(definition and definition.key),
        "owner_role": definition.owner_role if definition else "",
        "state": result.state.value,
        "state_reason": result.state_reason,
        "population": result.population,
        "exceptions": result.exceptions,
        "undetermined": result.undetermined,
        "pending": sum(test.pending for test in result.tests),
        "excepted": sum(test.excepted for test in result.tests),
        "by_month": _by_month(result),
        "missing": {name: sorted(set(named)) for name, named in missing.items()},
    }


def _by_month(result: ControlResult) -> dict[str, list[int]]:
    """Population, exceptions and undetermined items by month, over the tests of events and runs."""
    sums: dict[str, list[int]] = {}
    for test in result.tests:
        if test.kind.value in {"events", "sequence"}:
            for day, counts in test.by_day.items():
                held = sums.setdefault(day[:7], [0, 0, 0])
                for place in range(3):
                    held[place] += counts[place]
    return sums


def framework_row(dossier: Dossier, framework_id: str) -> Row:
    """A framework with its score and the result of each requirement."""
    framework = dossier.frameworks[framework_id]
    score = dossier.score(framework_id)
    texts = {requirement.id: requirement for requirement in framework.requirements}
    return {
        **plain(framework, leave=("requirements",)),
        "score": plain(score) if score else None,
        "requirements": [
            plain(result)
            | {
                "title": texts[result.requirement_id].name,
                "summary": texts[result.requirement_id].summary,
                "formally_from": texts[result.requirement_id].formally_from,
                "agents": agents_words(result.applicability),
            }
            for result in dossier.requirements(framework_id)
            if result.requirement_id in texts
        ],
    }


def clauses_of(dossier: Dossier, control_id: str) -> list[Row]:
    """The clauses that a control bears on, with how each stands."""
    found: list[Row] = []
    for framework in dossier.frameworks.values():
        results = {r.requirement_id: r for r in dossier.requirements(framework.id)}
        for requirement in framework.requirements:
            for mapping in requirement.controls:
                if mapping.control.split("/")[0] == control_id:
                    result = results.get(requirement.id)
                    found.append({
                        **plain(mapping),
                        "framework": framework.short_name,
                        "framework_id": framework.id,
                        "requirement_id": requirement.id,
                        "title": requirement.name,
                        "state": result.state.value if result else "",
                        "applies_from": result.applies_from if result else None,
                        "readiness": plain(result.readiness) if result else None,
                    })  # fmt: skip
    return found
