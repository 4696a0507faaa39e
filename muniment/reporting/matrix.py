"""The requirement matrix: clause, controls with their relation, state, exceptions, evidence."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from muniment.assessment.sentences import agents_words
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
    agents: str
    controls: tuple[MappedControl, ...]
    mark: Mark
    words: str
    reason: str
    exceptions: str
    readiness: Mark | None
    evidence: str


@dataclass(frozen=True, slots=True)
class AwayRow:
    """Requirements of one section that do not apply, for the same reason, in one row."""

    anchors: tuple[str, ...]
    ids: str
    reason: str
    mark: Mark


@dataclass(frozen=True, slots=True)
class MatrixSection:
    """The rows under one article, clause or function. note: what the days in effect rest on."""

    unit_id: str
    title: str
    note: str
    rows: tuple[MatrixRow | AwayRow, ...]


@dataclass(frozen=True, slots=True)
class Matrix:
    """One framework's part. clauses: requirements assessed; listed: units without a state."""

    number: str
    anchor: str
    framework: Framework
    score: FrameworkScore | None
    lead: str
    sections: tuple[MatrixSection, ...]
    clauses: int
    listed: int

    @property
    def rows(self) -> tuple[MatrixRow, ...]:
        """The rows of single requirements, over all sections."""
        every = (row for section in self.sections for row in section.rows)
        return tuple(row for row in every if isinstance(row, MatrixRow))


def matrices(
    dossier: Dossier, files: Sequence[EvidenceFile], only: Collection[str] = ()
) -> tuple[Matrix, ...]:
    """One matrix per framework; headings and context are counted only. only: ids; empty for all."""
    by_control = {file.control_id: file.number for file in files if file.control_id}
    made: list[Matrix] = []
    for framework_id, framework in dossier.frameworks.items():
        if only and framework_id not in only:
            continue
        results = dossier.requirements(framework_id)
        score = dossier.score(framework_id)
        made.append(
            Matrix(
                number=str(len(made) + 1),
                anchor=f"matrix-{framework_id}",
                framework=framework,
                score=score,
                lead=_lead(score, results),
                sections=tuple(_sections(dossier, framework, results, by_control)),
                clauses=len(results),
                listed=len(framework.requirements) - len(framework.assessed),
            )
        )
    return tuple(made)


def _sections(
    dossier: Dossier,
    framework: Framework,
    results: Iterable[RequirementResult],
    by_control: Mapping[str, str],
) -> Iterator[MatrixSection]:
    places = {unit.id: place for place, unit in enumerate(framework.requirements)}
    found = [r for r in results if r.requirement_id in places]
    for section_id, held in groupby(found, lambda r: framework.section_of(r.requirement_id)):
        rows: list[MatrixRow | AwayRow] = []
        away: dict[str, list[RequirementResult]] = {}
        members = list(held)
        for result in members:
            if result.state is RequirementState.NOT_APPLICABLE:
                away.setdefault(result.state_reason, []).append(result)
                continue
            anchor = requirement_anchor(framework.id, places[result.requirement_id])
            unit = framework.units[result.requirement_id]
            rows.append(_row(dossier.results, anchor, unit, result, by_control))
        for reason, same in away.items():
            ids = [r.requirement_id for r in same]
            anchors = tuple(requirement_anchor(framework.id, places[i]) for i in ids)
            mark = REQUIREMENT_MARKS[RequirementState.NOT_APPLICABLE]
            rows.append(AwayRow(anchors, listed_ids(ids, section_id or ""), reason, mark))
        section = framework.units[section_id] if section_id else None
        yield MatrixSection(
            section_id or "",
            section.title if section else "",
            _note(framework.units[r.requirement_id] for r in members),
            tuple(rows),
        )


def listed_ids(ids: Sequence[str], section_id: str) -> str:
    """Ids in one cell, the later ones without what they share: `Art. 16(b), (k), (l)`."""
    shared = section_id if all(i.startswith(f"{section_id}(") for i in ids) else ""
    return ", ".join([ids[0], *(i.removeprefix(shared) for i in ids[1:])])


def _note(units: Iterable[Requirement]) -> str:
    """Where the day in effect is our reading: the formal day, and the reading."""
    read = next((unit for unit in units if unit.formally_from), None)
    return f"Interpretation. {read.interpretation}" if read else ""


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
    words = f"from {found.applies_from}" if later and found.applies_from else mark.word
    return MatrixRow(
        anchor=anchor,
        requirement=requirement,
        agents=agents_words(found.applicability),
        controls=controls,
        mark=mark,
        words=words.removesuffix(" needed"),  # the column is narrow
        reason=found.state_reason,
        exceptions=_exceptions(results, requirement, found),
        readiness=READINESS_MARKS[found.readiness] if later and found.readiness else None,
        evidence=_evidence(controls, by_control),
    )


def _exceptions(
    results: Mapping[str, ControlResult], requirement: Requirement, found: RequirementResult
) -> str:
    """`14 of 3,862` over the items of every mapped control or attribute, or a dash."""
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


def _lead(score: FrameworkScore | None, results: Sequence[RequirementResult]) -> str:
    if score is None:
        return "This framework was not scored."
    if not score.applicable:
        return "No clause of this framework applies to the entity today."
    upper = score.evidenced + score.partly + score.not_tested + score.manual
    noted = [r.requirement_id for r in results if r.state is RequirementState.EXCEPTIONS]
    named = ", ".join(noted[:6]) + (f" and {len(noted) - 6} more" if len(noted) > 6 else "")
    verb = "shows" if len(noted) == 1 else "show"
    ending = f"{named} {verb} exceptions." if noted else "none shows exceptions."
    return (
        f"{number(score.evidenced)} to {number(upper)} of {number(score.applicable)} clauses in "
        f"application are evidenced; {ending}"
    )
