"""Attested tests: a person's word with an evidence file, and for how long it stays fresh."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from muniment.evaluation.inputs import Setting
from muniment.evaluation.items import shown_text
from muniment.model import times
from muniment.model.controls import Control, ControlTest
from muniment.model.outcomes import Outcome, State
from muniment.model.results import TestedItem, TestResult

_DAY = 86_400 * times.NANOS


def evaluate_attestation(
    control: Control, test: ControlTest, rows: Sequence[Mapping[str, Any]], setting: Setting
) -> TestResult:
    """The state that the newest attestation gives.

    rows: of the table attestation as of the assessment, times as fixed strings. Fresh means younger
    than `fresh_days` and inside its own period; at exactly `fresh_days` it is stale.
    """
    as_of = setting.clock.as_of
    given = [r for r in rows if r["control_id"] == control.id and str(r["attested_at"]) <= as_of]
    if not given:
        who = f"{test.attested_by} has not attested this control"
        return TestResult(control.id, test.id, test.kind, State.NOT_TESTED, f"Not tested: {who}.")
    newest = max(given, key=lambda row: (str(row["attested_at"]), str(row["attestation_id"])))
    state, sentence, missing = _judge(test, newest, setting)
    item = TestedItem(
        control_id=control.id,
        test_id=test.id,
        item_id=str(newest["attestation_id"]),
        outcome=Outcome.PASS if state is State.ATTESTED else Outcome.UNDETERMINED,
        reason=shown_text(sentence),
        observed_at=str(newest["attested_at"]),
        evidence_ref=f"record/attestation/{newest['row_id']}",
        missing=missing,
    )
    return TestResult(
        control_id=control.id,
        test_id=test.id,
        kind=test.kind,
        state=state,
        state_reason=sentence,
        population=1,
        undetermined=0 if state is State.ATTESTED else 1,
        items=() if state is State.ATTESTED else (item,),
        sample=(item,),
    )


def _judge(
    test: ControlTest, row: Mapping[str, Any], setting: Setting
) -> tuple[State, str, tuple[str, ...]]:
    as_of = setting.clock.as_of
    limit = setting.duration(test.fresh_days)
    attested_at = str(row["attested_at"])
    age = times.to_nanos(as_of) - times.to_nanos(attested_at)
    days, said = age // _DAY, f"Attested by {row['attested_by']} on {attested_at[:10]}"
    if not row.get("evidence_sha256"):
        return State.UNDETERMINED, f"{said}, without an evidence file.", _why_no_file(row)
    if age >= limit:
        return (
            State.STALE,
            f"{said}, {days} days ago; fresh for {limit // _DAY} days.",
            ("attestation: stale",),
        )
    end = row.get("period_end")
    if end and str(end) <= as_of:
        return (
            State.STALE,
            f"{said}, for a time that ended on {str(end)[:10]}.",
            ("attestation: stale",),
        )
    start = row.get("period_start")
    if start and str(start) > as_of:
        return (
            State.STALE,
            f"{said}, for a time that starts on {str(start)[:10]}.",
            ("attestation: not yet in force",),
        )
    return State.ATTESTED, f"{said}, {days} days ago; fresh for {limit // _DAY} days.", ()


def _why_no_file(row: Mapping[str, Any]) -> tuple[str, ...]:
    redacted = "evidence_sha256" in (row.get("redacted_fields") or ())
    return (f"evidence_sha256: {'redacted' if redacted else 'not carried'}",)
