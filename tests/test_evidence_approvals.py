"""Which agents wait for whom, from approvals on record."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from muniment.evidence.approvals import Oversight, oversight
from tests.builders import dossier as dossiers
from tests.builders.screens import row

NOON = "2026-11-20T12:00:00.000000000Z"


def _seen(*approvals: dict[str, Any], sla: int | None = None) -> Oversight:
    tables = {
        "approval": list(approvals),
        "threshold": [row("threshold", threshold_id="T", decision_type="payment", sla_minutes=sla)],
        "person": [row("person", person_id="ada", name="Ada Holm")],
    }
    records = SimpleNamespace(rows_as_of=lambda table, as_of, known_at: tables[table])
    return oversight(SimpleNamespace(records=records), dossiers.dossier())  # type: ignore[arg-type]


def _asked(approval_id: str = "Q", at: str = NOON, **values: Any) -> dict[str, Any]:
    given = {"decision_type": "payment", "agent_id": "AGT-1", **values}
    return row("approval", approval_id=approval_id, requested_at=at, **given)


def test_question_without_answer_waits_and_names_whom() -> None:
    (question,) = _seen(_asked(escalated_to="ada"), sla=360).waiting
    assert (question.asked_of, question.minutes, question.late) == ("Ada Holm", 360.0, False)
    (late,) = _seen(_asked(escalated_to="ada"), sla=359).waiting
    assert late.late


@pytest.mark.parametrize("decision", ["cancelled", "expired"])
def test_withdrawn_question_does_not_wait(decision: str) -> None:
    found = _seen(_asked(decision=decision))
    assert (found.waiting, found.withdrawn, found.asked) == ((), 1, 1)


def test_answer_after_the_instant_judged_leaves_the_question_waiting() -> None:
    late = _asked(decision="approved", decided_at="2026-11-20T18:00:00.000000001Z")
    assert len(_seen(late).waiting) == 1
    at_once = _asked(decision="approved", decided_at="2026-11-20T18:00:00.000000000Z")
    assert _seen(at_once).waiting == ()


def test_question_asked_after_the_instant_judged_is_not_there_yet() -> None:
    assert _seen(_asked(at="2026-11-20T18:00:00.000000001Z")).waiting == ()


@pytest.mark.parametrize(
    "untold",
    [
        {"requested_at": None},
        {"not_carried_fields": ["decided_at"]},
        {"redacted_fields": ["decided_at"]},
    ],
)
def test_question_whose_answer_cannot_be_seen_is_told_apart(untold: dict[str, Any]) -> None:
    found = _seen(_asked() | untold)
    assert (found.waiting, found.untold) == ((), 1)


def test_answers_are_counted_by_decision_and_by_person_people_only() -> None:
    def answered(number: int, seconds: int, **values: Any) -> dict[str, Any]:
        done = f"2026-11-20T12:{seconds // 60:02d}:{seconds % 60:02d}.000000000Z"
        given = {"decided_at": done, "decision": "approved", "decided_by": "ada",
                 "decided_by_type": "human", **values}  # fmt: skip
        return _asked(f"Q{number}", **given)

    found = _seen(
        answered(1, 60), answered(2, 120), answered(3, 600, decision="rejected"),
        answered(4, 1, decided_by="gate", decided_by_type="policy"), sla=5,
    )  # fmt: skip
    (kind,) = found.by_decision
    assert (kind.asked, kind.answered, kind.approved, kind.late) == (4, 4, 3, 1)
    (person,) = found.by_person
    assert (person.name, person.asked, person.median_minutes) == ("Ada Holm", 3, 2.0)
    assert person.quickest_minutes == 1.0
