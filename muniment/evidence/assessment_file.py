"""The assessment's two files: the document with all that was used, and one line per tested item.

assessments/<id>/assessment.json   canonical JSON: results, and the controls, frameworks and
                                   parameters that gave them, each by digest with its content
assessments/<id>/items.jsonl       one canonical JSON line per listed item, with its relative link

The document carries the digest of items.jsonl, so that the document's own digest covers both.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from muniment.errors import EvidenceBrokenError, StoreError
from muniment.evidence.codec import from_json_value, to_json_value
from muniment.evidence.files import sha256, write_in_one_step
from muniment.evidence.links import item_link
from muniment.integrity.canonical import canonical_json
from muniment.model.controls import Control, Parameter
from muniment.model.frameworks import Framework
from muniment.model.maturity import MaturityModel
from muniment.model.results import Assessment, ControlResult, TestedItem, TestResult
from muniment.store.open import Store

FORMAT = "muniment-assessment"
FORMAT_VERSION = "1"
LISTED, SAMPLED = "item", "sample"


@dataclass(frozen=True, slots=True)
class AssessmentDigests:
    """SHA-256 of assessment.json and of items.jsonl."""

    document_sha256: str
    items_sha256: str


@dataclass(frozen=True, slots=True)
class AssessmentDocument:
    """An assessment as stored, with the content that it used and the digests of its files."""

    assessment: Assessment
    controls: dict[str, Control]
    frameworks: dict[str, Framework]
    parameters: dict[str, Parameter]
    digests: AssessmentDigests
    maturity: MaturityModel | None = None


def assessment_folder(store: Store, assessment_id: str) -> Path:
    """Where an assessment's files lie; raises StoreError for an id that is no plain name."""
    if not assessment_id or assessment_id.startswith(".") or set(assessment_id) & set("/\\\0"):
        raise StoreError(f"`{assessment_id[:80]}` is no assessment id. List them, then choose one.")
    return Path(store.layout.root) / "assessments" / assessment_id


def write_assessment(
    store: Store,
    assessment: Assessment,
    controls: Mapping[str, Control],
    frameworks: Mapping[str, Framework],
    parameters: Mapping[str, Parameter] | None = None,
    *,
    maturity: MaturityModel | None = None,
) -> AssessmentDigests:
    """Write both files, items first, so that the document never names items that are not there.

    Only controls that have a result are kept. Test cases stay out: the control's own digest covers
    them, and they take no part in the result. Raises StoreError when the store cannot be written.
    """
    folder = assessment_folder(store, assessment.assessment_id)
    items = items_lines(assessment)
    used = [result.control_id for result in assessment.controls]
    content = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "assessment": to_json_value(_without_items(assessment)),
        "items": {"file": "items.jsonl", "sha256": sha256(items), "count": items.count(b"\n")},
        "controls": {i: _control_content(controls[i]) for i in used if i in controls},
        "frameworks": {i: _content(f) for i, f in frameworks.items()},
        "parameters": {n: _content(p) for n, p in (parameters or {}).items()},
        "maturity": {maturity.id: _content(maturity)} if maturity else {},
    }
    document = (canonical_json(content) + "\n").encode()
    for name, data in (("items.jsonl", items), ("assessment.json", document)):
        write_in_one_step(folder / name, data, error=StoreError, what="the assessment")
    return AssessmentDigests(sha256(document), sha256(items))


def _content(model: Control | Framework | Parameter | MaturityModel) -> dict[str, Any]:
    value: dict[str, Any] = to_json_value(model.model_dump(mode="json"))
    return {"content": value, "sha256": sha256(canonical_json(value).encode())}


def _control_content(control: Control) -> dict[str, Any]:
    tests = tuple(test.model_copy(update={"cases": ()}) for test in control.tests)
    return _content(control.model_copy(update={"tests": tests}))


def items_lines(assessment: Assessment) -> bytes:
    """items.jsonl: every listed item, then every sampled one, test by test, each with its link."""
    lines = (
        canonical_json(
            to_json_value(item)
            | {
                "listed_as": listed_as,
                "link": item_link(
                    "", assessment.assessment_id, item.control_id, item.test_id, item.item_id
                ),
            }
        )
        + "\n"
        for result in assessment.controls
        for test in result.tests
        for listed_as, items in ((LISTED, test.items), (SAMPLED, test.sample))
        for item in items
    )
    return "".join(lines).encode()


def _without_items(assessment: Assessment) -> Assessment:
    return _with_tests(assessment, lambda test: replace(test, items=(), sample=()))


def _with_tests(assessment: Assessment, change: Any) -> Assessment:
    controls = tuple(
        replace(result, tests=tuple(change(test) for test in result.tests))
        for result in assessment.controls
    )
    return replace(assessment, controls=controls)


def read_assessment(store: Store, assessment_id: str) -> Assessment:
    """The assessment as it was written, items included."""
    return read_document(store, assessment_id).assessment


def read_document(store: Store, assessment_id: str) -> AssessmentDocument:
    """Both files read back and their digests checked against each other.

    Raises StoreError when a file is absent or of another version, EvidenceBrokenError when a digest
    inside the document does not fit what it covers.
    """
    folder = assessment_folder(store, assessment_id)
    document = _read(folder / "assessment.json", assessment_id)
    items = _read(folder / "items.jsonl", assessment_id)
    try:
        content = json.loads(document)
        if (content.get("format"), content.get("format_version")) != (FORMAT, FORMAT_VERSION):
            raise ValueError("it was written in another format or version")
        _check_digests(content, sha256(items), folder)
        assessment = from_json_value(Assessment, content["assessment"])
        scored = [score.framework_id for score in assessment.scores]
        tested = [result.control_id for result in assessment.controls]
        return AssessmentDocument(
            assessment=_rejoin(assessment, items),
            controls={
                k: Control.model_validate(v) for k, v in _values(content["controls"], tested)
            },
            frameworks={
                k: Framework.model_validate(v) for k, v in _values(content["frameworks"], scored)
            },
            parameters={
                k: Parameter.model_validate(v) for k, v in _values(content["parameters"], ())
            },
            maturity=next(
                (MaturityModel.model_validate(v) for _, v in _values(content["maturity"], ())),
                None,
            ),
            digests=AssessmentDigests(sha256(document), sha256(items)),
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise StoreError(
            f"assessment `{assessment_id}` in `{folder}` cannot be read: {error}. "
            "Restore the folder from a copy, or assess again."
        ) from error


def _values(
    entries: Mapping[str, dict[str, Any]], order: Sequence[str]
) -> Iterable[tuple[str, dict[str, Any]]]:
    """Contents by key, first in the assessment's own order: canonical JSON has sorted the keys."""
    keys = dict.fromkeys((*(key for key in order if key in entries), *entries))
    return ((key, entries[key]["content"]) for key in keys)


def _read(path: Path, assessment_id: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise StoreError(
            f"assessment `{assessment_id}`: `{path}` cannot be read: {error.strerror}. "
            "List the assessments, then choose one."
        ) from error


def _check_digests(content: dict[str, Any], items_sha256: str, folder: Path) -> None:
    wrong = [] if content["items"]["sha256"] == items_sha256 else ["items.jsonl"]
    for group in ("controls", "frameworks", "parameters", "maturity"):
        for name, entry in content[group].items():
            if sha256(canonical_json(entry["content"]).encode()) != entry["sha256"]:
                wrong.append(f"{group}/{name}")
    if wrong:
        raise EvidenceBrokenError(
            f"the assessment in `{folder}` was changed after it was written: `{wrong[0]}` does not "
            "fit its digest. Restore the folder from a copy, and find out who changed it."
        )


def _rejoin(assessment: Assessment, items: bytes) -> Assessment:
    lists: dict[tuple[str, str, str], list[TestedItem]] = {}
    for line in items.splitlines():
        value = json.loads(line)
        value.pop("link")
        listed_as = value.pop("listed_as")
        item = from_json_value(TestedItem, value)
        lists.setdefault((item.control_id, item.test_id, listed_as), []).append(item)

    def filled(test: TestResult) -> TestResult:
        key = (test.control_id, test.test_id)
        return replace(
            test,
            items=tuple(lists.pop((*key, LISTED), ())),
            sample=tuple(lists.pop((*key, SAMPLED), ())),
        )

    whole = _with_tests(assessment, filled)
    if lists:
        raise ValueError(f"items.jsonl names the test `{next(iter(lists))}`, which has no result")
    return whole


def results_by_control(assessment: Assessment) -> dict[str, ControlResult]:
    """Results of the assessment, by control id, in their own order."""
    return {result.control_id: result for result in assessment.controls}
