"""The management summary: two figures, one sentence on each, and what must be decided."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from muniment.assessment.sentences import TESTED_STATES
from muniment.evidence.dossier import Dossier
from muniment.model.outcomes import RequirementState, State
from muniment.model.results import RequirementResult
from muniment.reporting.figures import Domain, IntervalRow, control_grid, interval_figure
from muniment.reporting.papers import WorkingPaper
from muniment.reporting.printable import number
from muniment.reporting.words import CONTROL_MARKS, DOMAIN_TITLES, Mark

_SEVERITIES = ("critical", "high", "medium", "low")
DECISIONS = 5


@dataclass(frozen=True, slots=True)
class Summary:
    """What the one-page summary prints."""

    first: str
    rest: str
    clauses: str
    domains: str
    intervals: Markup
    grid: Markup
    legend: tuple[tuple[Mark, int], ...]
    decisions: tuple[WorkingPaper, ...]
    failing: int


def make_summary(
    dossier: Dossier, papers: Sequence[WorkingPaper], only: Collection[str] = ()
) -> Summary:
    """The summary of these papers and of the frameworks named; of all where none is."""
    counts = {state: sum(p.result.state is state for p in papers) for state in State}
    tested = sum(counts[state] for state in TESTED_STATES)
    failing = [paper for paper in papers if paper.result.state is State.FAIL]
    rows = interval_rows(dossier, only)
    domains = _domains(papers)
    return Summary(
        first=_first(counts[State.FAIL], counts[State.PASS], tested),
        rest=_rest(counts),
        clauses=_clauses(rows),
        domains=_domain_words(failing, len(domains)),
        intervals=interval_figure(rows),
        grid=control_grid(domains),
        legend=tuple((CONTROL_MARKS[s], counts[s]) for s in CONTROL_MARKS if counts[s]),
        decisions=tuple(sorted(failing, key=_urgency)[:DECISIONS]),
        failing=len(failing),
    )


def _first(failing: int, passing: int, tested: int) -> str:
    if not tested:
        return "No control was tested."
    verb = "shows" if failing == 1 else "show"
    free = (
        f"{number(passing)} {'shows' if passing == 1 else 'show'} none"
        if passing
        else "none is free of them"
    )
    return f"{number(failing)} of {number(tested)} tested controls {verb} exceptions; {free}."


def _rest(counts: Mapping[State, int]) -> str:
    phrases = (
        (State.UNDETERMINED, "cannot be concluded for want of data", ""),
        (State.PENDING, "waits for items to settle", "wait for items to settle"),
        (State.EXCEPTED, "holds by an approved exception", "hold by an approved exception"),
        (State.NOT_TESTED, "was not tested", "were not tested"),
        (State.ERROR, "ended in a test error", ""),
        (State.ATTESTED, "rests on attestation", "rest on attestation"),
        (State.STALE, "rests on a stale attestation", "rest on stale attestations"),
        (State.NOT_APPLICABLE, "does not apply", "do not apply"),
    )
    open_parts = [
        f"{number(counts[state])} {one if counts[state] == 1 else many or one}"
        for state, one, many in phrases
        if counts[state]
    ]
    if not open_parts:
        return "Every control in the library was concluded."
    return f"Of the others, {', '.join(open_parts)}."


def interval_rows(dossier: Dossier, only: Collection[str] = ()) -> list[IntervalRow]:
    """One bar for each scored framework, and one for readiness where clauses apply later."""
    rows = []
    for score in dossier.assessment.scores:
        if only and score.framework_id not in only:
            continue
        framework = dossier.frameworks.get(score.framework_id)
        name = framework.short_name if framework else score.framework_id
        later = [
            r
            for r in dossier.requirements(score.framework_id)
            if r.state is RequirementState.NOT_YET
        ]
        rows.append(
            IntervalRow(
                name=f"{name}, in application" if later else name,
                proved=score.evidenced,
                open=score.partly + score.not_tested + score.manual,
                exceptions=score.exceptions,
                applicable=score.applicable,
                tested=score.tested,
                attested=score.attested,
            )
        )
        if later:
            rows.append(_readiness_row(f"{name}, readiness", later))
    return rows


def _readiness_row(name: str, later: Sequence[RequirementResult]) -> IntervalRow:
    ready = sum(r.readiness is RequirementState.EVIDENCED for r in later)
    gaps = sum(r.readiness is RequirementState.EXCEPTIONS for r in later)
    return IntervalRow(name, ready, len(later) - ready - gaps, gaps, len(later), 0, later=True)


def _clauses(rows: Sequence[IntervalRow]) -> str:
    parts = [
        f"{number(row.proved)} to {number(row.proved + row.open)} of {number(row.applicable)} "
        f"({row.name.removesuffix(', in application')})"
        for row in rows
        if not row.later and row.applicable
    ]
    if not parts:
        return "No clause applies today."
    return (
        f"Of the clauses that apply today, {', '.join(parts)} are evidenced. The hatched part is "
        "open: partly evidenced, not tested, or waiting for manual evidence."
    )


def _domains(papers: Sequence[WorkingPaper]) -> list[Domain]:
    by_code: dict[str, list[WorkingPaper]] = {}
    for paper in papers:
        by_code.setdefault(paper.result.control_id[:3], []).append(paper)
    return [
        Domain(code, _domain_title(code, held[0]), tuple(paper.mark for paper in held))
        for code, held in by_code.items()
    ]


def _domain_title(code: str, paper: WorkingPaper) -> str:
    folder = paper.control.folder if paper.control else ""
    name = folder.rpartition("/")[2].replace("_", " ").capitalize()
    return DOMAIN_TITLES.get(code, name)


def _domain_words(failing: Sequence[WorkingPaper], domains: int) -> str:
    held = len({paper.result.control_id[:3] for paper in failing})
    return (
        f"Exceptions lie in {number(held)} of {number(domains)} domains. One square is one "
        "control, in order of its number."
    )


def _urgency(paper: WorkingPaper) -> tuple[int, int, str]:
    severity = paper.control.severity if paper.control else "low"
    return _SEVERITIES.index(severity), -paper.result.exceptions, paper.result.control_id
