"""What templates see, and nothing else: docs/evidence_pack.md lists it."""

from __future__ import annotations

from typing import Any

from muniment.evaluation.items import UNDETERMINED_LISTED
from muniment.model.results import Assessment
from muniment.reporting.attached import EvidenceFile
from muniment.reporting.followup import follow_up, incidents
from muniment.reporting.imports import source_sheets
from muniment.reporting.matrix import matrices
from muniment.reporting.pack_inputs import PackInputs, pack_name
from muniment.reporting.papers import chosen_controls, working_papers
from muniment.reporting.printable import moment
from muniment.reporting.scope import scope_of
from muniment.reporting.statements import statements
from muniment.reporting.summary import make_summary
from muniment.reporting.words import CONTROL_MARKS, REQUIREMENT_MARKS

ELSEWHERE = "the evidence pack"


def content_of(inputs: PackInputs, pack_digest: str, manifest: EvidenceFile) -> dict[str, Any]:
    """The names that templates may use, with their values."""
    return {**_report(inputs, pack_digest, manifest), **_assessed(inputs)}


def _report(inputs: PackInputs, pack_digest: str, manifest: EvidenceFile) -> dict[str, Any]:
    """The report itself: its identity, its signatures, and where things stand in it."""
    spec, logo = inputs.folder.spec, inputs.appearance.logo
    places = spec.places

    def place(stem: str) -> str:
        """`section 6`, or where else the reader finds what this report does not print."""
        return f"section {places[stem]}" if stem in places else ELSEWHERE

    return {
        "spec": spec,
        "subject": subject_of(inputs),
        "language": inputs.language,
        "parameters": inputs.parameters,
        "with_papers": spec.with_papers,
        "place": place,
        "logo": logo[0] if logo else "",
        "watermark": inputs.appearance.watermark,
        "pack_id": pack_name(pack_digest),
        "pack_digest": pack_digest,
        "classification": inputs.classification,
        "base_url": inputs.base_url,
        "files": (manifest, *inputs.files),
        "log": inputs.log,
        "proven": inputs.proven,
        "draft": inputs.is_draft,
        "draft_id": inputs.draft_id(),
        "signatures": inputs.signatures,
        "control_marks": CONTROL_MARKS,
        "requirement_marks": REQUIREMENT_MARKS,
    }


def subject_of(inputs: PackInputs) -> str:
    """What the report is about, by name: the framework, agent, incident or kind of decision."""
    told = []
    for name, parameter in inputs.folder.spec.parameters.items():
        value = inputs.parameters.get(name)
        if value and parameter.kind == "framework":
            told.append(inputs.dossier.frameworks[value].short_name)
        elif value and parameter.kind == "agent" and inputs.agent is not None:
            told.append(f"{inputs.agent.row.get('name') or 'not registered'} ({value})")
        elif value and parameter.kind in {"incident", "decision_type"}:
            told.append(value)
    return ", ".join(told)


def _assessed(inputs: PackInputs) -> dict[str, Any]:
    """The assessment and the records, as far as the report's parameters narrow them."""
    dossier, spec = inputs.dossier, inputs.folder.spec
    chosen = chosen_controls(dossier, spec.papers, inputs.parameters)
    papers = working_papers(dossier, chosen, inputs.files, inputs.base_url, spec.printed_items)
    people = {row["person_id"]: row for row in inputs.records["person"]}
    only = {inputs.parameters[n] for n, p in spec.parameters.items()
            if p.kind == "framework" and n in inputs.parameters}  # fmt: skip
    return {
        "period": _period(dossier.assessment, inputs.material.period),
        "assessment": dossier.assessment,
        "dossier": dossier,
        "agents": inputs.agents,
        "people": people,
        "records": inputs.material.records,
        "events": inputs.material.events,
        "exceptions": inputs.material.exceptions,
        "agent": inputs.agent,
        "scope": scope_of(inputs.records, inputs.history, dossier.assessment.clock),
        "statements": statements(dossier, people, only),
        "follow_up": follow_up(dossier, inputs.records, {r.control_id for r in chosen}),
        "incidents": incidents(dossier, inputs.records),
        "maturity": dossier.maturity(),
        "maturity_model": dossier.maturity_model,
        "summary": make_summary(dossier, papers, only),
        "matrices": matrices(dossier, inputs.files, only),
        "papers": papers,
        "undetermined_listed": UNDETERMINED_LISTED,
        "sources": source_sheets(inputs.imports, inputs.log.headers, spec.printed_imports),
    }


def _period(assessment: Assessment, period: tuple[str, str]) -> str:
    """`2026-08-23 00:00 to 2026-11-20 19:04 Europe/Amsterdam`."""
    zone = assessment.time_zone
    begin = moment(period[0], zone, seconds=False).removesuffix(f" {zone}")
    return f"{begin} to {moment(period[1], zone, seconds=False)}"
