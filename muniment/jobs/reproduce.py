"""Running a stored assessment again, with what it recorded, and comparing bit for bit."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass

from muniment import __version__
from muniment.evaluation.engine import evaluate_controls
from muniment.evidence.assessment_file import AssessmentDocument, read_document
from muniment.evidence.codec import to_json_value
from muniment.integrity.canonical import canonical_json
from muniment.integrity.headers import header_hash
from muniment.model.results import Assessment, ControlResult
from muniment.sealing.erasures import SUBJECT
from muniment.store.open import Store

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Erased:
    """Rows of one segment that were erased since, and the record that says so."""

    record: str
    segment_no: int
    rows: int


@dataclass(frozen=True, slots=True)
class Reproduction:
    """What came of running an assessment again.

    differing: controls whose result is not the same, bit for bit. erased: what the assessment read
    and nobody can read any more. engine_version: that made the stored result, where it is another.
    """

    assessment_id: str
    controls: int
    differing: tuple[str, ...]
    erased: tuple[Erased, ...]
    engine_version: str

    @property
    def same(self) -> bool:
        """Every control came out bit for bit as stored."""
        return not self.differing

    def sentence(self) -> str:
        """What to tell a person."""
        if self.same:
            return f"reproduced: all results ({self.controls}) came out bit for bit as stored."
        if self.erased:
            rows = sum(each.rows for each in self.erased)
            records = ", ".join(dict.fromkeys(each.record for each in self.erased))
            return f"not reproducible: {rows} rows erased by {records}."
        by = f" It was made by version {self.engine_version}." if self.engine_version else ""
        named = ", ".join(self.differing[:5])
        return (
            f"not reproduced: {len(self.differing)} of {self.controls} controls differ ({named}),"
            f" and nothing was erased.{by} Run `muniment status --verify`."
        )


def reproduce_assessment(
    store: Store, assessment_id: str, progress: Progress | None = None
) -> Reproduction:
    """Evaluate again as the assessment did: its controls, parameters, clocks, zone and draw.

    Raises StoreError where its files are absent, EvidenceBrokenError where they were changed.
    """
    document = read_document(store, assessment_id)
    stored = document.assessment
    again = _again(store, document, progress, None)
    if _differing(stored, again):  # the head that draws may have been signed since
        head = _last_header(store, stored.clock.known_at)
        unsigned = _again(store, document, None, head)
        if len(_differing(stored, unsigned)) < len(_differing(stored, again)):
            again = unsigned
    version = stored.engine_version
    return Reproduction(
        assessment_id,
        len(stored.controls),
        _differing(stored, again),
        tuple(_erased(store, stored)),
        "" if version == __version__ else version,
    )


def _again(
    store: Store, document: AssessmentDocument, progress: Progress | None, head: str | None
) -> tuple[ControlResult, ...]:
    stored = document.assessment
    return evaluate_controls(
        store,
        document.controls,
        document.parameters,
        stored.clock,
        time_zone=stored.time_zone,
        progress=progress,
        unsigned_head=head,
    )


def _last_header(store: Store, known_at: str) -> str | None:
    segments = store.audit.segments(known_at)
    return header_hash(segments[-1].header) if segments else None


def _differing(stored: Assessment, again: tuple[ControlResult, ...]) -> tuple[str, ...]:
    now = {result.control_id: _bits(result) for result in again}
    return tuple(r.control_id for r in stored.controls if now.get(r.control_id) != _bits(r))


def _bits(result: ControlResult) -> str:
    # A control's own digest covers its cases, which an assessment does not keep.
    content = to_json_value(result)
    content.pop("control_digest")
    return canonical_json(content)


def _erased(store: Store, stored: Assessment) -> list[Erased]:
    """Erasures of segments that the assessment read as they were before."""
    if not store.records.noted(SUBJECT):
        return []
    found = []
    for change in store.audit.record_changes():
        said = json.loads(change.payload)
        if said["op"] != "note" or said["table"] != SUBJECT:
            continue
        note = said["row"]
        if note["old_file_sha256"] in stored.segment_digests:
            record = str(note["reason"]).partition(":")[0]
            found.append(Erased(record, int(note["segment_no"]), len(note["leaf_indices"])))
    return found
