"""Building a report: read what was concluded, print it, attach the evidence, write it whole."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from muniment.errors import ReportError
from muniment.evidence.links import checked_base_url
from muniment.evidence.pack_note import FILE_NAME, note_line, sign_pack, with_note
from muniment.evidence.pack_signature import prepared, with_signature
from muniment.reporting.attached import EvidenceFile, manifest_of
from muniment.reporting.content import content_of
from muniment.reporting.html import render_html
from muniment.reporting.pack_inputs import Asked, PackInputs, digest_of, gather_inputs, pack_name
from muniment.reporting.report_folder import choose_report
from muniment.sealing.certificates import Certificate, pdf_certificate
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


def build_report(
    store: Store,
    report_id: str = "evidence_pack",
    *,
    assessment_id: str | None = None,
    base_url: str,
    out_dir: Path,
    classification: str | None = None,
    parameters: Mapping[str, str] | None = None,
    reports: Path | None = None,
    built_by: str | None = None,
    progress: Progress | None = None,
) -> BuiltReport:
    """Build one report of one assessment (the latest by default) into `out_dir/<pack id>/`.

    The folder appears when everything in it is complete; a folder of the same id is replaced, which
    changes nothing, since the id is the digest of the inputs and the inputs decide every byte.
    parameters: what the report asks for by its report.yaml; each is checked, and part of the id.
    base_url: where the dashboard answers, for links to items; empty leaves links out. built_by:
    notes the build in the records, to be sealed; None notes nothing.
    Raises UsageError for a wrong parameter, ReportError when a template is wrong or the folder
    cannot be written.
    """
    tell = _teller(progress)
    tell(0)
    asked = Asked(assessment_id, checked_base_url(base_url), classification, parameters or {})
    inputs = gather_inputs(store, choose_report(report_id, reports), asked)
    tell(1)
    inputs = replace(inputs, signatures=sign_offs(store, inputs.draft_id()))
    pack_digest = digest_of(inputs.described())
    pack_id = pack_name(pack_digest)
    manifest = manifest_of(pack_id, inputs.described(), inputs.files)
    tell(2)
    certificate = None if inputs.is_draft or inputs.log.head is None else pdf_certificate()
    pdf = _print(inputs, pack_digest, manifest, certificate is not None)
    printed = _signed(store, (pack_id, manifest.content), pdf, inputs, certificate)
    tell(3)
    built = _write(inputs, Path(out_dir), printed, manifest, pack_digest)
    if built_by is not None:
        _note(store, built, inputs, built_by)
    tell(4)
    return built


def _signed(
    store: Store,
    pack: tuple[str, bytes],
    pdf: bytes,
    inputs: PackInputs,
    certificate: Certificate | None,
) -> tuple[bytes, str]:
    """The PDF with its note, which is empty where nothing signs, and signed by a certificate."""
    if inputs.log.head is None:
        return pdf, ""
    note = sign_pack(store, *pack, pdf)
    if certificate is not None:
        # Every note of this pack is as long as the next one, whatever the digests in it.
        pdf = prepared(pdf, len(note_line(note)) if note else 0)
        note = sign_pack(store, *pack, pdf)
    pdf = with_note(pdf, note) if note else pdf
    return (with_signature(pdf, certificate) if certificate is not None else pdf), note


def _print(
    inputs: PackInputs, pack_digest: str, manifest: EvidenceFile, for_signature: bool
) -> bytes:
    # here: it takes longest to load
    from muniment.reporting.printer import give_back_memory, print_pdf

    content = content_of(inputs, pack_digest, manifest)
    html = render_html(inputs.folder, content, inputs.language)
    del content
    give_back_memory()
    return print_pdf(
        html,
        styles=inputs.folder.style_files,
        roots=inputs.folder.search_path,
        files=(manifest, *inputs.files),
        identifier=pack_digest[:32].encode(),
        made_at=inputs.dossier.assessment.finished_at,
        logo=inputs.appearance.logo,
        signed_at=inputs.signed_at if for_signature else None,
    )


def _write(
    inputs: PackInputs,
    out_dir: Path,
    printed: tuple[bytes, str],
    manifest: EvidenceFile,
    pack_digest: str,
) -> BuiltReport:
    """printed: the PDF and its note, which is empty where nothing signs."""
    pdf, note = printed
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
