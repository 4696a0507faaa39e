"""The requirement matrix: clause, controls with their relation, state, exceptions, evidence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from muniment.evidence.dossier import Dossier
from muniment.model.frameworks import Framework, Requirement
from muniment.model.outcomes import RequirementState
from muniment.model.results import ControlResult, FrameworkScore, RequirementResult
from muniment.reporting.attached import EvidenceFile
from muniment.reporting.papers import control_anchor, requirement_anchor
from muniment.reporting.printable import number
from muniment.reporting.words import READINESS_MARKS, REQUIREMENT_MARKS, Mark

FILES_NAMED = 3


@dataclass(frozen=True, slots=True)
class MappedControl:
    """A control or attribute in a requirement's row, with the place of its paper."""

    reference: str
    words: str
    anchor: str
    tested: bool


@dataclass(frozen=True, slots=True)
class MatrixRow:
    """One requirement as printed. `readiness` is set only for clauses that apply later."""

    anchor: str
    requirement: Requirement
    roles: str
    controls: tuple[MappedControl, ...]
    mark: Mark
    words: str
    reason: str
    exceptions: str
    readiness: Mark | None
    evidence: str


@dataclass(frozen=True, slots=True)
class Matrix:
    """One framework's section."""

    number: str
    anchor: str
    framework: Framework
    score: FrameworkScore | None
    lead: str
    rows: tuple[MatrixRow, ...]
    unassessed: int


def matrices(dossier: Dossier, files: Sequence[EvidenceFile]) -> tuple[Matrix, ...]:
    """One matrix per framework; requirements without a result are counted only."""
    by_control = {file.control_id: file.number for file in files if file.control_id}
    made = []
    for place, (framework_id, framework) in enumerate(dossier.frameworks.items(), start=1):
        results = {r.requirement_id: r for r in dossier.requirements(framework_id)}
        rows = tuple(
            _row(
                dossier.results,
                requirement_anchor(framework_id, position),
                requirement,
                found,
                by_control,
            )
            for position, requirement in enumerate(framework.requirements)
            if (found := results.get(requirement.id))
        )
        score = dossier.score(framework_id)
        made.append(
            Matrix(
                number=f"5.{place}",
                anchor=f"matrix-{framework_id}",
                framework=framework,
                score=score,
                lead=_lead(score, rows),
                rows=rows,
                unassessed=len(framework.requirements) - len(rows),
            )
        )
    return tuple(made)


def _row(
    results: Mapping[str, ControlResult],
    anchor: str,
    requirement: Requirement,
    found: RequirementResult,
    by_control: Mapping[str, str],
) -> MatrixRow:
    controls = tuple(
        MappedControl(
            reference=mapping.control,
            words=f"{mapping.relation}, {mapping.strength}",
            anchor=control_anchor(mapping.control),
            tested=mapping.control.partition("/")[0] in results,
        )
        for mapping in requirement.controls
    )
    later = found.state is RequirementState.NOT_YET
    mark = REQUIREMENT_MARKS[found.state]
    return MatrixRow(
        anchor=anchor,
        requirement=requirement,
        roles=", ".join(requirement.roles) or "all roles",
        controls=controls,
        mark=mark,
        words=f"from {found.applies_from}" if later and found.applies_from else mark.word,
        reason=found.state_reason,
        exceptions=_exceptions(results, requirement, found),
        readiness=READINESS_MARKS[found.readiness] if later and found.readiness else None,
        evidence=_evidence(controls, by_control),
    )


def _exceptions(
    results: Mapping[str, ControlResult], requirement: Requirement, found: RequirementResult
) -> str:
    """`14 of 3,862` over the items of every mapped control or attribute, or a dash."""
    if found.state is RequirementState.NOT_APPLICABLE:
        return "–"
    population = 0
    for mapping in requirement.controls:
        control_id, _, letter = mapping.control.partition("/")
        result = results.get(control_id)
        if result is None:
            continue
        attributes = [a for t in result.tests for a in t.attributes if a.letter == letter]
        population += sum(a.population for a in attributes) if letter else result.population
    return f"{number(found.exceptions)} of {number(population)}" if population else "–"


def _evidence(controls: Sequence[MappedControl], by_control: Mapping[str, str]) -> str:
    ids = [c.reference.partition("/")[0] for c in controls]
    numbers = [by_control[i] for i in dict.fromkeys(ids) if i in by_control]
    if not numbers:
        return "none yet"
    rest = len(numbers) - FILES_NAMED
    return ", ".join(numbers[:FILES_NAMED]) + (f" and {rest} more" if rest > 0 else "")


def _lead(score: FrameworkScore | None, rows: Sequence[MatrixRow]) -> str:
    if score is None:
        return "This framework was not scored."
    if not score.applicable:
        return "No clause of this framework applies to the entity today."
    upper = score.evidenced + score.partly + score.not_tested + score.manual
    noted = [row.requirement.id for row in rows if row.mark.word == "exceptions noted"]
    named = ", ".join(noted[:6]) + (f" and {len(noted) - 6} more" if len(noted) > 6 else "")
    verb = "shows" if len(noted) == 1 else "show"
    ending = f"{named} {verb} exceptions." if noted else "none shows exceptions."
    return (
        f"{number(score.evidenced)} to {number(upper)} of {number(score.applicable)} clauses in "
        f"application are evidenced; {ending}"
    )
