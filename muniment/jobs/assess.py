"""One assessment from end to end: seal, evaluate, assess, store, seal what was concluded."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from muniment import __version__
from muniment.assessment.applicability import agents_in_scope, applicability_by_requirement
from muniment.assessment.requirements import assess_requirements
from muniment.assessment.scores import score_framework
from muniment.catalog.controls import load_controls
from muniment.catalog.frameworks import check_mappings, check_settings, load_frameworks
from muniment.catalog.maturity import load_maturity
from muniment.catalog.parameters import load_parameters
from muniment.errors import UsageError
from muniment.evaluation.engine import evaluate_controls
from muniment.evidence.assessment_file import write_assessment
from muniment.integrity.canonical import canonical_json
from muniment.jobs.moments import moment
from muniment.model import times
from muniment.model.controls import Control, Parameter
from muniment.model.frameworks import Framework
from muniment.model.maturity import MaturityModel
from muniment.model.outcomes import State
from muniment.model.records import RECORD_TABLES
from muniment.model.results import (
    Assessment,
    Clock,
    ControlResult,
    FrameworkScore,
    RequirementResult,
    ScopeDecision,
)
from muniment.sealing.heads import sign_if_possible
from muniment.sealing.log import AuditLog
from muniment.store.open import Store

Progress = Callable[[str, int, int], None]
UNCONCLUDED = frozenset({State.NOT_TESTED, State.UNDETERMINED, State.PENDING, State.STALE})


@dataclass(frozen=True, slots=True)
class Catalog:
    """Everything under mappings/ that an assessment uses, with one digest over all of it."""

    controls: dict[str, Control]
    frameworks: dict[str, Framework]
    parameters: dict[str, Parameter]
    maturity: MaturityModel
    digest: str


def load_catalog(parameter_file: Path | None = None) -> Catalog:
    """The shipped controls and frameworks, and parameters with the organisation's overrides.

    parameter_file: the organisation's one file of overrides; absent means defaults throughout.
    Raises CatalogError when any file is wrong or a framework names an unknown control.
    """
    controls = load_controls()
    frameworks = load_frameworks()
    check_mappings(frameworks, controls)
    overrides = parameter_file if parameter_file and parameter_file.is_file() else None
    parameters = load_parameters(overrides=overrides)
    check_settings(frameworks, parameters)
    maturity = load_maturity(controls)
    content = {
        "controls": {key: value.digest for key, value in controls.items()},
        "frameworks": {key: value.digest for key, value in frameworks.items()},
        "parameters": {key: value.model_dump(mode="json") for key, value in parameters.items()},
        "maturity": maturity.digest,
    }
    digest = hashlib.sha256(canonical_json(content).encode()).hexdigest()
    return Catalog(controls, frameworks, parameters, maturity, digest)


def make_clock(
    store: Store,
    *,
    as_of: str | None,
    known_at: str | None,
    days: int,
    start: str | None = None,
) -> Clock:
    """The clock of an assessment; a bare date as `as_of` means the end of that local day.

    days: length of the period, unless `start` (a time or a date) is given. A known-at of now, or
    later, is the store's settled present: no record that is still being written can end up at or
    before it, so that the same clock always reads the same records. Raises UsageError when a
    text is no time, or the period is empty or lies in the future.
    """
    time_zone = str(store.records.organisation()["time_zone"])
    present = store.records.settled_now()
    judged = moment(as_of, time_zone, end_of_day=True) if as_of else present
    known = min(moment(known_at, time_zone, end_of_day=True), present) if known_at else present
    earlier = times.to_nanos(judged) - days * 86_400 * times.NANOS
    begin = moment(start, time_zone, end_of_day=False) if start else times.format_time(earlier)
    if judged > present and as_of:
        raise UsageError(f"as-of `{as_of}` lies in the future. Name a time that has been.")
    if begin >= judged:
        raise UsageError(f"the period from `{begin}` to `{judged}` is empty. Start it earlier.")
    return Clock(period_start=begin, period_end=judged, as_of=judged, known_at=known)


def run_assessment(
    store: Store,
    catalog: Catalog,
    clock: Clock,
    *,
    run_by: str,
    progress: Progress | None = None,
) -> Assessment:
    """Evaluate every control, derive requirements and scores, store the whole, and seal its digest.

    The assessment's document lands in assessments/<id>/ in one step; its digest is an entry of the
    log, so that an edit of a stored result shows in verification.
    """
    started_at = times.now()
    sign_if_possible(store)
    organisation = store.records.organisation()
    time_zone = str(organisation["time_zone"])
    results = evaluate_controls(
        store,
        catalog.controls,
        catalog.parameters,
        clock,
        time_zone=time_zone,
        progress=progress,
    )
    requirements = _requirements(store, catalog, clock, time_zone, results)
    erased = store.erased_files()
    digests = tuple(
        erased.get(segment.no, str(segment.header["file_sha256"]))
        for segment in store.audit.segments(clock.known_at)
    )
    records = store.records.records_digest(clock.known_at, [t.name for t in RECORD_TABLES])
    identity = [clock.as_of, clock.known_at, clock.period_start, catalog.digest, records, *digests]
    assessment = Assessment(
        assessment_id="A-" + clock.as_of[:10].replace("-", "") + "-"
        + hashlib.sha256("|".join(identity).encode()).hexdigest()[:8],
        started_at=started_at,
        finished_at=times.now(),
        clock=clock,
        organisation=str(organisation["name"]),
        time_zone=time_zone,
        run_by=run_by,
        engine_version=__version__,
        catalog_digest=catalog.digest,
        parameters={name: p.value for name, p in sorted(catalog.parameters.items())},
        log=AuditLog(store).state(),
        segment_digests=digests,
        records_digest=records,
        controls=results,
        requirements=requirements,
        scores=_scores(catalog, requirements),
    )  # fmt: skip
    _keep(store, catalog, assessment)
    sign_if_possible(store)
    return assessment


def _requirements(
    store: Store,
    catalog: Catalog,
    clock: Clock,
    time_zone: str,
    results: tuple[ControlResult, ...],
) -> tuple[RequirementResult, ...]:
    day = times.local_day(clock.as_of, time_zone)
    registered = store.records.rows_as_of("agent", clock.as_of, clock.known_at)
    agents = agents_in_scope(registered, clock.period_start)
    settings = {name: parameter.value for name, parameter in catalog.parameters.items()}
    applicability = applicability_by_requirement(catalog.frameworks, agents, day, settings)
    by_id = {result.control_id: result for result in results}
    decisions = _decisions(store, clock)
    return assess_requirements(catalog.frameworks, by_id, day, applicability, decisions)


def _decisions(store: Store, clock: Clock) -> dict[tuple[str, str], ScopeDecision]:
    """The organisation's statement of applicability as it stood, by framework and requirement."""
    rows = store.records.rows_as_of("applicability_decision", clock.as_of, clock.known_at)
    return {
        (row["framework_id"], row["requirement_id"]): ScopeDecision(
            applicable=row["applicable"],
            justification=row["justification"],
            decided_by=row["decided_by"],
            decided_at=row["decided_at"],
            evidence_ref=f"record/applicability_decision/{row['row_id']}",
        )
        for row in rows
    }


def _scores(
    catalog: Catalog, requirements: tuple[RequirementResult, ...]
) -> tuple[FrameworkScore, ...]:
    return tuple(
        score_framework(framework_id, [r for r in requirements if r.framework_id == framework_id])
        for framework_id in catalog.frameworks
    )


def _keep(store: Store, catalog: Catalog, assessment: Assessment) -> None:
    digests = write_assessment(
        store,
        assessment,
        catalog.controls,
        catalog.frameworks,
        catalog.parameters,
        maturity=catalog.maturity,
    )
    with store.records.writing() as writer:
        writer.add_assessment(assessment, digests.document_sha256)
        writer.note(
            "assessment",
            {
                "assessment_id": assessment.assessment_id,
                "document_sha256": digests.document_sha256,
                "items_sha256": digests.items_sha256,
            },
            assessment.run_by,
        )


def verdict(results: tuple[ControlResult, ...], max_unconcluded: int) -> int:
    """The exit code: 2 for an error, 1 for failing controls, 2 for too much unconcluded, else 0."""
    states = [result.state for result in results]
    if State.ERROR in states:
        return 2
    if State.FAIL in states:
        return 1
    return 2 if sum(state in UNCONCLUDED for state in states) > max_unconcluded else 0
