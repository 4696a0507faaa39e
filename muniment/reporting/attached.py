"""The files that a pack carries: named items as canonical JSONL, each with number and digest."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from muniment.evidence.assessment_file import LISTED, SAMPLED
from muniment.evidence.codec import to_json_value
from muniment.evidence.dossier import Dossier
from muniment.evidence.files import sha256
from muniment.evidence.links import item_link
from muniment.evidence.pack_log import LogEvidence
from muniment.integrity.canonical import canonical_json
from muniment.model.results import ControlResult
from muniment.reporting.attached_log import log_files
from muniment.reporting.attached_tables import table_files
from muniment.reporting.oscal import oscal_file
from muniment.reporting.spreadsheets import matrix_csv, workbook_bytes

PDF_VARIANT = "pdf/a-3a"  # the one of PDF/A that may carry files of any kind
MANIFEST, STATEMENT = "manifest.json", "statement.intoto.json"
_READING = "for reading in a spreadsheet; the JSON Lines are the proof"


@dataclass(frozen=True, slots=True)
class EvidenceFile:
    """One attached file. `control_id` is empty for files that belong to the whole pack."""

    number: str
    name: str
    content: bytes
    rows: int
    description: str
    control_id: str = ""

    @property
    def digest(self) -> str:
        """SHA-256 of the content."""
        return sha256(self.content)


def evidence_files(
    dossier: Dossier,
    stored: Mapping[str, bytes],
    imports: Sequence[Mapping[str, Any]],
    log: LogEvidence,
    base_url: str,
    *,
    selected: Sequence[tuple[str, bytes, str]] = (),
) -> tuple[EvidenceFile, ...]:
    """Every file of the pack but its manifest, in a fixed order and numbered in that order.

    To attach one more file to every report, yield its name, content, description and control from
    `_named`; manifest, statement, digests, index and verification follow from that.

    selected: name, content and description of the files of one report's own selection.
    stored: assessment.json and items.jsonl, byte for byte as the store holds them, so that their
    digests are the ones noted in the log.
    """
    found = [*_named(dossier, stored, imports, log, base_url), *((*each, "") for each in selected)]
    found.append((STATEMENT, _statement(found), "the files' digests as an in-toto statement", ""))
    return tuple(
        EvidenceFile(f"E-{place:03d}", name, content, _rows(name, content), description, control_id)
        for place, (name, content, description, control_id) in enumerate(found, start=1)
    )


def _rows(name: str, content: bytes) -> int:
    """Lines of a text; a table's heading is none, and a binary file has none to count."""
    if name.endswith((".parquet", ".xlsx")):
        return 0
    return content.count(b"\n") - name.endswith(".csv")


def _statement(found: Sequence[tuple[str, bytes, str, str]]) -> bytes:
    """An in-toto statement (v1) over the other files."""
    content = {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": each[0], "digest": {"sha256": sha256(each[1])}} for each in found],
        "predicateType": "urn:muniment:evidence-pack:1",
        "predicate": {"files": {each[0]: each[2] for each in found}},
    }
    return (canonical_json(content) + "\n").encode()


def _named(
    dossier: Dossier,
    stored: Mapping[str, bytes],
    imports: Sequence[Mapping[str, Any]],
    log: LogEvidence,
    base_url: str,
) -> Iterator[tuple[str, bytes, str, str]]:
    assessment = "the assessment: results, and the controls, frameworks and parameters used"
    yield "assessment.json", stored["assessment.json"], assessment, ""
    yield "items.jsonl", stored["items.jsonl"], "every item that the assessment names", ""
    lines = "".join(canonical_json(to_json_value(dict(row))) + "\n" for row in imports)
    yield "imports.jsonl", lines.encode(), "every import known at the time, with its counts", ""
    yield "requirement_matrix.csv", matrix_csv(dossier), _READING, ""
    yield "matrix_and_exceptions.xlsx", workbook_bytes(dossier, base_url), _READING, ""
    for result in dossier.assessment.controls:
        content = control_lines(result, dossier.assessment.assessment_id, base_url)
        if content:
            stem = result.control_id.lower().replace("-", "_")
            words = "exceptions, unsettled and undetermined items, and the sample"
            yield f"{stem}_items.jsonl", content, words, result.control_id
    for each in (*log_files(log), *table_files(stored["items.jsonl"])):
        yield *each, ""
    yield "assessment_results.oscal.json", oscal_file(dossier), "the results in OSCAL", ""


def control_lines(result: ControlResult, assessment_id: str, base_url: str) -> bytes:
    """One canonical JSON line for each named item of a control, with its whole link."""
    return "".join(
        canonical_json(
            to_json_value(item)
            | {
                "listed_as": listed_as,
                "link": item_link(
                    base_url, assessment_id, item.control_id, item.test_id, item.item_id
                ),
            }
        )
        + "\n"
        for test in result.tests
        for listed_as, items in ((LISTED, test.items), (SAMPLED, test.sample))
        for item in items
    ).encode()


def manifest_of(
    pack_id: str, inputs: Mapping[str, Any], files: Sequence[EvidenceFile]
) -> EvidenceFile:
    """The list of all other files with their digests, and of what the pack was made from."""
    content = {
        "format": "muniment-pack",
        "format_version": "1",
        "pack_id": pack_id,
        "inputs": dict(inputs),
        "files": [
            {
                "number": file.number,
                "name": file.name,
                "sha256": file.digest,
                "bytes": len(file.content),
                "rows": file.rows,
                "description": file.description,
            }
            for file in files
        ],
    }
    text = (canonical_json(content) + "\n").encode()
    return EvidenceFile(
        "E-000", MANIFEST, text, 1, "the list of all other files with their digests"
    )
