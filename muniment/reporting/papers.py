"""Working papers: one per control, with what each of its tests did and found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from muniment.evidence.dossier import Dossier
from muniment.evidence.links import control_link, item_link
from muniment.model.controls import Control, ControlTest
from muniment.model.outcomes import Outcome, TestKind
from muniment.model.results import ControlResult, RequirementResult, TestedItem, TestResult
from muniment.reporting.attached import EvidenceFile
from muniment.reporting.printable import number
from muniment.reporting.report_folder import PaperSelection
from muniment.reporting.words import (
    CONTROL_MARKS,
    OUTCOME_WORDS,
    PROCEDURES,
    REQUIREMENT_MARKS,
    Mark,
)


@dataclass(frozen=True, slots=True)
class PrintedItem:
    """One row of a printed list. `link` is empty when the pack was built without an address."""

    position: int
    item: TestedItem
    outcome: str
    link: str


@dataclass(frozen=True, slots=True)
class Criterion:
    """A requirement that the control bears on, and how."""

    framework: str
    requirement_id: str
    mapping: str
    applies: str
    mark: Mark
    anchor: str


@dataclass(frozen=True, slots=True)
class TestPaper:
    """One test's part of a working paper; lists are cut to what is printed, counts are whole."""

    __test__ = False
    result: TestResult
    test: ControlTest | None
    mark: Mark
    procedure: str
    population: str
    parameters: str
    exceptions: tuple[PrintedItem, ...]
    pending: tuple[PrintedItem, ...]
    sample: tuple[PrintedItem, ...]
    days: str

    @property
    def has_items(self) -> bool:
        """False for an attestation, which has a person's word and no population of acts."""
        return self.result.kind is not TestKind.ATTESTED


@dataclass(frozen=True, slots=True)
class WorkingPaper:
    """A control's paper. `control` is None only if the catalog had lost it."""

    number: str
    anchor: str
    control: Control | None
    result: ControlResult
    mark: Mark
    link: str
    criteria: tuple[Criterion, ...]
    tests: tuple[TestPaper, ...]
    files: tuple[EvidenceFile, ...]

    @property
    def title(self) -> str:
        """The control's title, or a plain word where its text was not kept."""
        return self.control.title if self.control else "control without text"

    @property
    def found(self) -> str:
        """`34 of 3,862`, or a dash where nothing was tested."""
        attested = all(not test.has_items for test in self.tests)
        if attested or not self.result.population:
            return "–"
        return f"{number(self.result.exceptions)} of {number(self.result.population)}"


def control_anchor(reference: str) -> str:
    """The place in the pack of a control's paper; an attribute lands on its control's."""
    return "paper-" + reference.partition("/")[0].lower()


def requirement_anchor(framework_id: str, position: int) -> str:
    """The place in the pack of a requirement's row."""
    return f"clause-{framework_id}-{position}"


def chosen_controls(
    dossier: Dossier, selection: PaperSelection, given: Mapping[str, str]
) -> tuple[ControlResult, ...]:
    """The results that a report is about, in the assessment's order."""
    mapped = dossier.frameworks.get(given.get(selection.mapped_to, ""))
    units = mapped.requirements if mapped else ()
    ids = {mapping.control.partition("/")[0] for unit in units for mapping in unit.controls}
    return tuple(
        result
        for result in dossier.assessment.controls
        if (not selection.domains or result.control_id.partition("-")[0] in selection.domains)
        and (mapped is None or result.control_id in ids)
    )


def working_papers(
    dossier: Dossier,
    results: Sequence[ControlResult],
    files: Sequence[EvidenceFile],
    base_url: str,
    printed: int,
) -> tuple[WorkingPaper, ...]:
    """One paper for each of these results. printed: rows of one list."""
    criteria = _criteria_by_control(dossier)
    assessment_id = dossier.assessment.assessment_id
    return tuple(
        WorkingPaper(
            number=str(place),
            anchor=control_anchor(result.control_id),
            control=dossier.controls.get(result.control_id),
            result=result,
            mark=CONTROL_MARKS[result.state],
            link=control_link(base_url, assessment_id, result.control_id) if base_url else "",
            criteria=tuple(criteria.get(result.control_id, ())),
            tests=tuple(_test_paper(dossier, test, base_url, printed) for test in result.tests),
            files=_files_of(files, result.control_id),
        )
        for place, result in enumerate(results, start=1)
    )


def _files_of(files: Sequence[EvidenceFile], control_id: str) -> tuple[EvidenceFile, ...]:
    """The control's own files; where it names no item, the assessment itself."""
    own = tuple(file for file in files if file.control_id == control_id)
    return own or tuple(file for file in files if file.name == "assessment.json")


def _test_paper(dossier: Dossier, result: TestResult, base_url: str, printed: int) -> TestPaper:
    control = dossier.controls.get(result.control_id)
    tests = control.tests if control else ()
    test = next((test for test in tests if test.id == result.test_id), None)

    def rows(items: Sequence[TestedItem]) -> tuple[PrintedItem, ...]:
        return tuple(
            PrintedItem(place, item, OUTCOME_WORDS[item.outcome], _link(dossier, item, base_url))
            for place, item in enumerate(items[:printed], start=1)
        )

    return TestPaper(
        result=result,
        test=test,
        mark=CONTROL_MARKS[result.state],
        procedure=PROCEDURES[result.kind],
        population=_population(test),
        parameters=", ".join(f"{k} = {v}" for k, v in sorted(result.parameters.items())) or "none",
        exceptions=rows([i for i in result.items if i.outcome is Outcome.EXCEPTION]),
        pending=rows([i for i in result.items if i.outcome is Outcome.PENDING]),
        sample=rows(result.sample),
        days=_days(result),
    )


def _link(dossier: Dossier, item: TestedItem, base_url: str) -> str:
    if not base_url:
        return ""
    assessment_id = dossier.assessment.assessment_id
    return item_link(base_url, assessment_id, item.control_id, item.test_id, item.item_id)


def _population(test: ControlTest | None) -> str:
    if test is None:
        return "the test's text was not kept with the assessment"
    if test.kind is TestKind.ATTESTED:
        asked = test.attested_by or "the named role"
        return f"one attestation; the control asks for {asked}, whose role nobody has verified"
    if test.population:
        return test.population
    return "the rows that the query returns"


def _days(result: TestResult) -> str:
    """How the test held over the period, from its counts by day; empty where it has none."""
    if not result.by_day:
        return ""
    bad = sum(1 for _, exceptions, _ in result.by_day.values() if exceptions)
    whole = len(result.by_day)
    return f"Exceptions on {number(bad)} of {number(whole)} days with items in the population."


def _criteria_by_control(dossier: Dossier) -> Mapping[str, list[Criterion]]:
    found: dict[str, list[Criterion]] = {}
    for framework_id, framework in dossier.frameworks.items():
        states = {r.requirement_id: r for r in dossier.requirements(framework_id)}
        for position, requirement in enumerate(framework.requirements):
            result = states.get(requirement.id)
            if result is None:
                continue
            for mapping in requirement.controls:
                control_id, _, letter = mapping.control.partition("/")
                words = f"{mapping.relation}, {mapping.strength}"
                found.setdefault(control_id, []).append(
                    Criterion(
                        framework=framework.short_name,
                        requirement_id=requirement.id,
                        mapping=f"attribute {letter}: {words}" if letter else words,
                        applies=_applies(result),
                        mark=REQUIREMENT_MARKS[result.state],
                        anchor=requirement_anchor(framework_id, position),
                    )
                )
    return found


def _applies(result: RequirementResult) -> str:
    return f"from {result.applies_from}" if result.applies_from else ""


def sample_bases(papers: Sequence[WorkingPaper]) -> list[str]:
    """What the seeds of the samples were made from, each basis once, in order."""
    tests = (test.result for paper in papers for test in paper.tests)
    return list(dict.fromkeys(test.sample_seed_basis for test in tests if test.sample))
