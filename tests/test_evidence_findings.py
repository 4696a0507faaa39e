"""Findings, tolerations, and exceptions that nobody judged, from rows and an assessment."""

from __future__ import annotations

from typing import Any

from muniment.evidence.findings import FollowUps, follow_ups
from tests.builders import dossier as dossiers
from tests.builders.screens import record_rows, row

AS_OF = dossiers.CLOCK.as_of
AFTER = "2026-11-20T18:00:00.000000001Z"


def _followed(**tables: list[dict[str, Any]]) -> FollowUps:
    empty: dict[str, list[dict[str, Any]]] = {table: [] for table in record_rows()}
    return follow_ups(dossiers.dossier(), {**empty, **tables})


def _finding(**values: Any) -> dict[str, Any]:
    return row("finding", **{"finding_id": "F-1", "control_id": "OVR-03", **values})


def test_exceptions_without_a_finding_are_counted_by_control() -> None:
    assert _followed().unjudged == (("OVR-03", 14),)


def test_finding_of_one_item_judges_that_item_alone() -> None:
    found = _followed(finding=[_finding(item_id=f"{3:032x}")])
    assert found.unjudged == (("OVR-03", 13),)


def test_finding_without_item_judges_its_control_as_a_whole() -> None:
    assert _followed(finding=[_finding()]).unjudged == ()


def test_finding_due_at_the_very_instant_is_not_overdue_yet() -> None:
    (due,) = _followed(finding=[_finding(due_at=AS_OF)]).findings
    assert not due.overdue
    (late,) = _followed(finding=[_finding(due_at="2026-11-20T17:59:59.999999999Z")]).findings
    assert late.overdue


def test_finding_closed_after_the_instant_judged_is_still_open() -> None:
    (still,) = _followed(finding=[_finding(closed_at=AFTER)]).findings
    assert still.closed_at is None
    (closed,) = _followed(finding=[_finding(closed_at=AS_OF, due_at="2026-01-01")]).findings
    assert closed.closed_at == AS_OF
    assert not closed.overdue


def test_findings_come_open_first_then_by_grade_then_by_day() -> None:
    rows = [
        _finding(finding_id="closed", closed_at=AS_OF, grade="major"),
        _finding(finding_id="ungraded"),
        _finding(finding_id="minor", grade="minor", due_at="2026-11-01T00:00:00.000000000Z"),
        _finding(finding_id="later", grade="major"),
        _finding(finding_id="sooner", grade="major", due_at="2026-12-01T00:00:00.000000000Z"),
    ]
    order = [one.finding_id for one in _followed(finding=rows).findings]
    assert order == ["sooner", "later", "minor", "ungraded", "closed"]


def test_toleration_that_ends_at_the_instant_judged_has_ended() -> None:
    grant = row("exception_grant", exception_id="E", control_id="OVR-03", expires_at=AS_OF)
    risk = row("risk_acceptance", risk_acceptance_id="A", risk_assessment_id="R", expires_at=AFTER)
    found = _followed(exception_grant=[grant], risk_acceptance=[risk])
    assert [one.expired for one in (*found.grants, *found.acceptances)] == [True, False]
    assert found.acceptances[0].what == "R", "the risk's id where its row is not there"


def test_finding_of_a_control_judges_only_what_its_agent_had_done_when_it_was_written() -> None:
    written = "2026-11-10T00:00:00.000000000Z"
    earlier = sum(i.observed_at <= written for i in dossiers.dossier().items("OVR-03")[:14])
    assert 0 < earlier < 14
    assert _followed(finding=[_finding(valid_from=written)]).unjudged == (("OVR-03", 14 - earlier),)
    other = _followed(finding=[_finding(agent_id="somebody else")])
    assert other.unjudged == (("OVR-03", 14),)


def test_closed_finding_judges_no_exception_that_is_still_there() -> None:
    assert _followed(finding=[_finding(closed_at=AS_OF)]).unjudged == (("OVR-03", 14),)
