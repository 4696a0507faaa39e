"""OSCAL assessment results: the same assessment for tools that read NIST's format.

Written to the models of compliance-trestle 5 (OSCAL 1.2); NIST's own JSON schema is not supplied,
so validity against it is not claimed. Ids are name-based UUIDs, so that the same inputs give the
same bytes.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from muniment.evidence.dossier import Dossier
from muniment.integrity.canonical import canonical_json
from muniment.model.outcomes import State, TestKind
from muniment.model.results import ControlResult, TestedItem, TestResult

OSCAL_VERSION = "1.2.1"
ITEMS_PER_CONTROL = 50
_NAMESPACE = uuid.UUID("6f2d8c1e-3c5b-5d0a-9a6e-5b7f3c1d2e4f")
_SATISFIED = frozenset({State.PASS})
_METHODS = {TestKind.ATTESTED: "INTERVIEW", TestKind.REGISTRY: "EXAMINE"}


def oscal_file(dossier: Dossier) -> bytes:
    """assessment_results.oscal.json: one observation per test, one finding per concluded control.

    A finding says satisfied only where a test over a population found no exception; attested,
    excepted and unconcluded controls have observations alone, since OSCAL knows no third state.
    """
    assessment = dossier.assessment
    name = assessment.assessment_id
    observations = [_observation(dossier, t) for c in assessment.controls for t in c.tests]
    findings = [f for c in assessment.controls if (f := _finding(dossier, c)) is not None]
    result: dict[str, Any] = {
        "uuid": _id(name, "result"),
        "title": f"Assessment {name} of {_line(assessment.organisation)}",
        "description": "Control tests over whole populations; see assessment.json for all of it.",
        "start": _time(assessment.started_at),
        "end": _time(assessment.finished_at),
        "reviewed-controls": {
            "control-selections": [
                {"include-controls": [{"control-id": _token(c.control_id)}
                                      for c in assessment.controls]}
            ]
            if assessment.controls
            else [{"include-all": {}}]
        },
    }  # fmt: skip
    if observations:
        result["observations"] = observations
    if findings:
        result["findings"] = findings
    document = {
        "assessment-results": {
            "uuid": _id(name, "document"),
            "metadata": {
                "title": f"Assessment results of {_line(assessment.organisation)}",
                "last-modified": _time(assessment.finished_at),
                "version": name,
                "oscal-version": OSCAL_VERSION,
            },
            "import-ap": {"href": "assessment.json", "remarks": "the controls as they were tested"},
            "results": [result],
        }
    }
    return (canonical_json(document) + "\n").encode()


def _observation(dossier: Dossier, test: TestResult) -> dict[str, Any]:
    named = [*test.items, *test.sample][:ITEMS_PER_CONTROL]
    found: dict[str, Any] = {
        "uuid": _id(dossier.assessment.assessment_id, test.control_id, test.test_id),
        "title": f"{test.control_id} {test.test_id}",
        "description": _line(test.state_reason) or test.state.value,
        "methods": [_METHODS.get(test.kind, "TEST")],
        "collected": _time(dossier.assessment.finished_at),
        "props": _props(
            state=test.state.value, population=test.population, exceptions=test.exceptions,
            undetermined=test.undetermined, pending=test.pending,
        ),
    }  # fmt: skip
    if named:
        found["relevant-evidence"] = [_evidence(item) for item in named]
    return found


def _evidence(item: TestedItem) -> dict[str, Any]:
    return {
        "href": f"items.jsonl#{item.evidence_ref}",
        "description": f"{item.outcome.value}: {_line(item.reason)}",
    }


def _finding(dossier: Dossier, result: ControlResult) -> dict[str, Any] | None:
    if result.state not in {State.PASS, State.FAIL}:
        return None
    satisfied = result.state in _SATISFIED
    control = dossier.controls.get(result.control_id)
    name = dossier.assessment.assessment_id
    return {
        "uuid": _id(name, "finding", result.control_id),
        "title": f"{result.control_id} {_line(control.title) if control else ''}".strip(),
        "description": _line(result.state_reason) or result.state.value,
        "target": {
            "type": "objective-id",
            "target-id": _token(result.control_id),
            "status": {"state": "satisfied" if satisfied else "not-satisfied"},
        },
        "related-observations": [
            {"observation-uuid": _id(name, test.control_id, test.test_id)} for test in result.tests
        ],
    }


def _props(**values: object) -> Sequence[Mapping[str, str]]:
    return [{"name": name, "value": str(value)} for name, value in values.items()]


def _id(*parts: str) -> str:
    return str(uuid.uuid5(_NAMESPACE, "|".join(parts)))


def _time(text: str) -> str:
    return f"{text[:19]}Z"


def _line(text: str) -> str:
    return " ".join(text.split())


def _token(control_id: str) -> str:
    """OSCAL tokens begin with a letter or underscore and hold letters, digits, `.`, `-`, `_`."""
    kept = "".join(c if c.isalnum() or c in ".-_" else "_" for c in control_id)
    return kept if kept[:1].isalpha() or kept[:1] == "_" else f"_{kept}"
