"""Building a report: read what was concluded, print it, attach the evidence, write it whole."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

from muniment import __version__
from muniment.errors import ReportError
from muniment.evaluation.items import UNDETERMINED_LISTED
from muniment.evidence.assessment_file import assessment_folder
from muniment.evidence.dossier import Dossier, load_dossier
from muniment.evidence.links import checked_base_url
from muniment.evidence.pack_log import LogEvidence, log_evidence
from muniment.evidence.pack_note import FILE_NAME, sign_pack, with_note
from muniment.integrity.canonical import canonical_json
from muniment.model.results import Assessment
from muniment.reporting.attached import PDF_VARIANT, EvidenceFile, evidence_files, manifest_of
from muniment.reporting.followup import follow_up, incidents
from muniment.reporting.html import render_html
from muniment.reporting.imports import known_imports, source_sheets
from muniment.reporting.matrix import matrices
from muniment.reporting.papers import working_papers
from muniment.reporting.printable import moment
from muniment.reporting.report_folder import ReportFolder, choose_report
from muniment.reporting.scope import TABLES, Rows, scope_of
from muniment.reporting.statements import statements
from muniment.reporting.summary import make_summary
from muniment.reporting.words import CONTROL_MARKS, REQUIREMENT_MARKS
from muniment.store.open import Store
from muniment.workflow.sign_off import sign_offs

Progress = Callable[[str, int, int], None]
STEPS = ("reading the assessment", "listing the evidence", "setting the pages", "writing the files")


@dataclass(frozen=True, slots=True)
class BuiltReport:
    """What was built. `files` are the attached files, lying beside the PDF under the same names."""

    pdf_path: Path
    files: tuple[Path, ...]
    pack_id: str
    pack_digest: str
    pdf_sha256: str


@dataclass(frozen=True, slots=True)
class PackInputs:
    """Everything that a pack is made from; equal inputs give equal bytes."""

    dossier: Dossier
    folder: ReportFolder
    files: tuple[EvidenceFile, ...]
    imports: list[dict[str, Any]]
    log: LogEvidence
    records: Rows
    history: list[dict[str, Any]]
    base_url: str
    classification: str
    signatures: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def is_draft(self) -> bool:
        """Whether preparer or reviewer have not signed."""
        return not {"preparer", "reviewer"} <= self.signatures.keys()

    @property
    def agents(self) -> int:
        """How many agents the registry held at the as-of time."""
        return len(self.records["agent"])

    def described(self) -> dict[str, Any]:
        """The inputs by digest, as the manifest states them."""
        draft = self._unsigned()
        if not self.signatures:
            return draft
        signed = [
            {name: row[name] for name in ("role", "person_id", "signed_at", "sign_off_id")}
            for _, row in sorted(self.signatures.items())
        ]
        return {**draft, "draft": pack_name(_digest(draft)), "signed_off": signed}

    def draft_id(self) -> str:
        """The id of the pack without signatures: what people sign."""
        return pack_name(_digest(self._unsigned()))

    def _unsigned(self) -> dict[str, Any]:
        return {
            "report": self.folder.spec.id,
            "report_digest": self.folder.digest(),
            "assessment_id": self.dossier.assessment.assessment_id,
            "files": {file.name: file.digest for file in self.files},
            "log": self.log.described(),
            "agents": self.agents,
            "base_url": self.base_url,
            "classification": self.classification,
            "software": f"muniment {__version__}, weasyprint {version('weasyprint')}",
            "form": PDF_VARIANT,
        }


def build_report(
    store: Store,
    report_id: str = "evidence_pack",
    *,
    assessment_id: str | None = None,
    base_url: str,
    out_dir: Path,
    classification: str | None = None,
    reports: Path | None = None,
    built_by: str | None = None,
    progress: Progress | None = None,
) -> BuiltReport:
    """Build one report of one assessment (the latest by default) into `out_dir/<pack id>/`.

    The folder appears when everything in it is complete; a folder of the same id is replaced, which
    changes nothing, since the id is the digest of the inputs and the inputs decide every byte.
    base_url: where the dashboard answers, for links to items; empty leaves links out. built_by:
    notes the build in the records, to be sealed; None notes nothing.
    Raises ReportError when a template is wrong or the folder cannot be written.
    """
    tell = _teller(progress)
    tell(0)
    folder, base_url = choose_report(report_id, reports), checked_base_url(base_url)
    inputs = _gather(store, folder, assessment_id, base_url, classification)
    tell(1)
    inputs = replace(inputs, signatures=sign_offs(store, inputs.draft_id()))
    pack_digest = _digest(inputs.described())
    pack_id = pack_name(pack_digest)
    manifest = manifest_of(pack_id, inputs.described(), inputs.files)
    tell(2)
    pdf = _print(inputs, pack_id, pack_digest, manifest)
    note = sign_pack(store, pack_id, manifest.content, pdf) if inputs.log.head else ""
    tell(3)
    built = _write(inputs, Path(out_dir), (pdf, note), manifest, pack_digest)
    if built_by is not None:
        _note(store, built, inputs, built_by)
    tell(4)
    return built


def _print(inputs: PackInputs, pack_id: str, pack_digest: str, manifest: EvidenceFile) -> bytes:
    from muniment.reporting.printer import print_pdf  # here: it takes longest to load

    html = render_html(inputs.folder, _content(inputs, pack_id, pack_digest, manifest))
    return print_pdf(
        html,
        styles=[inputs.folder.path / name for name in inputs.folder.spec.styles],
        roots=inputs.folder.search_path,
        files=(manifest, *inputs.files),
        identifier=pack_digest[:32].encode(),
        made_at=inputs.dossier.assessment.finished_at,
    )


def _write(
    inputs: PackInputs,
    out_dir: Path,
    printed: tuple[bytes, str],
    manifest: EvidenceFile,
    pack_digest: str,
) -> BuiltReport:
    """printed: the PDF and its note, which is empty where nothing signs."""
    pdf, note = printed[0], printed[1]
    if note:
        pdf = with_note(pdf, note)
    name, attached = inputs.folder.spec.file_name, (manifest, *inputs.files)
    pack_id = pack_name(pack_digest)
    contents = {name: pdf} | {file.name: file.content for file in attached}
    if note:
        contents[FILE_NAME] = note.encode()
    target = _write_folder(out_dir, pack_id, contents)
    return BuiltReport(
        pdf_path=target / name,
        files=tuple(target / file.name for file in attached),
        pack_id=pack_id,
        pack_digest=pack_digest,
        pdf_sha256=hashlib.sha256(pdf).hexdigest(),
    )


def _digest(described: Mapping[str, Any]) -> str:
    return hashlib.sha256(canonical_json(described).encode()).hexdigest()


def pack_name(pack_digest: str) -> str:
    """The short id of a pack, by which people name it: `MP-` and twelve digits of its digest."""
    return f"MP-{pack_digest[:12]}"


def _note(store: Store, built: BuiltReport, inputs: PackInputs, built_by: str) -> None:
    content = {
        "id": built.pack_id,
        "report": inputs.folder.spec.id,
        "assessment_id": inputs.dossier.assessment.assessment_id,
        "pack_digest": built.pack_digest,
        "pdf_sha256": built.pdf_sha256,
    }
    with store.records.writing() as writer:
        writer.note("report", content, built_by)


def _teller(progress: Progress | None) -> Callable[[int], None]:
    def tell(done: int) -> None:
        if progress is not None:
            progress(STEPS[min(done, len(STEPS) - 1)], done, len(STEPS))

    return tell


def _gather(
    store: Store,
    folder: ReportFolder,
    assessment_id: str | None,
    base_url: str,
    classification: str | None,
) -> PackInputs:
    dossier = load_dossier(store, assessment_id)
    clock = dossier.assessment.clock
    place = assessment_folder(store, dossier.assessment.assessment_id)
    stored = {name: (place / name).read_bytes() for name in ("assessment.json", "items.jsonl")}
    imports = known_imports(store.records.batches(), clock.known_at)
    log = log_evidence(store, dossier)
    return PackInputs(
        dossier=dossier,
        folder=folder,
        files=evidence_files(dossier, stored, imports, log, base_url),
        imports=imports,
        log=log,
        records={
            table: store.records.rows_as_of(table, clock.as_of, clock.known_at) for table in TABLES
        },
        history=store.records.history("agent", clock.known_at),
        base_url=base_url,
        classification=classification or folder.spec.classification,
    )


def _content(
    inputs: PackInputs, pack_id: str, pack_digest: str, manifest: EvidenceFile
) -> dict[str, Any]:
    """What the templates see."""
    spec = inputs.folder.spec
    papers = working_papers(inputs.dossier, inputs.files, inputs.base_url, spec.printed_items)
    people = {row["person_id"]: row for row in inputs.records["person"]}
    clock = inputs.dossier.assessment.clock
    return {
        "spec": spec,
        "with_papers": spec.with_papers,
        "pack_id": pack_id,
        "period": _period(inputs.dossier.assessment),
        "pack_digest": pack_digest,
        "classification": inputs.classification,
        "base_url": inputs.base_url,
        "assessment": inputs.dossier.assessment,
        "dossier": inputs.dossier,
        "agents": inputs.agents,
        "scope": scope_of(inputs.records, inputs.history, clock),
        "statements": statements(inputs.dossier, people),
        "follow_up": follow_up(inputs.dossier, inputs.records),
        "incidents": incidents(inputs.dossier, inputs.records),
        "maturity": inputs.dossier.maturity(),
        "maturity_model": inputs.dossier.maturity_model,
        "summary": make_summary(inputs.dossier, papers),
        "matrices": matrices(inputs.dossier, inputs.files),
        "papers": papers,
        "undetermined_listed": UNDETERMINED_LISTED,
        "sources": source_sheets(inputs.imports, inputs.log.headers, spec.printed_imports),
        "files": (manifest, *inputs.files),
        "log": inputs.log,
        "draft": inputs.is_draft,
        "draft_id": inputs.draft_id(),
        "signatures": inputs.signatures,
        "control_marks": CONTROL_MARKS,
        "requirement_marks": REQUIREMENT_MARKS,
    }


def _period(assessment: Assessment) -> str:
    """`2026-08-23 00:00 to 2026-11-20 19:04 Europe/Amsterdam`."""
    clock, zone = assessment.clock, assessment.time_zone
    begin = moment(clock.period_start, zone, seconds=False).removesuffix(f" {zone}")
    return f"{begin} to {moment(clock.period_end, zone, seconds=False)}"


def _write_folder(out_dir: Path, pack_id: str, contents: Mapping[str, bytes]) -> Path:
    """Write all files into a hidden folder, then rename it; on failure nothing of it stays."""
    target = out_dir / pack_id
    work: Path | None = None
    try:
        out_dir.mkdir(parents=True, exist_ok=True)
        work = Path(tempfile.mkdtemp(dir=out_dir, prefix=".incoming-"))
        for name, content in contents.items():
            (work / name).write_bytes(content)
        work.chmod(0o755)
        if target.exists():
            # Same id means same bytes, so the moment without the folder loses nothing.
            shutil.rmtree(target)
        work.rename(target)
    except OSError as error:
        raise ReportError(
            f"the pack could not be written to `{out_dir}`: {error.strerror or error}. "
            "Free space or fix permissions, then build it again."
        ) from error
    finally:
        if work is not None and work.exists():
            shutil.rmtree(work, ignore_errors=True)
    return target
