"""Scope, statement of applicability, findings and incidents, as a pack prints them from records."""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO
from typing import Any

import pytest
from openpyxl import load_workbook

from muniment.model.outcomes import Outcome, RequirementState
from muniment.model.records import RECORD_TABLE_BY_NAME
from muniment.model.results import Clock, ScopeDecision
from muniment.reporting.followup import follow_up, incidents
from muniment.reporting.scope import TABLES, scope_of
from muniment.reporting.spreadsheets import matrix_csv, workbook_bytes
from muniment.reporting.statements import NO_WORD, statements
from tests.builders import dossier as dossiers

CLOCK = Clock("2026-09-01T00:00:00.000000000Z", "2026-12-01T00:00:00.000000000Z",
              "2026-12-01T00:00:00.000000000Z", "2026-12-01T00:00:00.000000000Z")  # fmt: skip
PEOPLE = {"ada": {"person_id": "ada", "name": "Ada Lund"}}


def row(table: str, **values: Any) -> dict[str, Any]:
    blank = dict.fromkeys(c.name for c in RECORD_TABLE_BY_NAME[table].all_columns)
    return {**blank, "row_id": "0" * 32, "valid_from": "2026-01-01T00:00:00.000000000Z", **values}


def rows(**given: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    return {table: given.get(table, []) for table in TABLES} | {"person": [PEOPLE["ada"]]}


def agent(agent_id: str, **values: Any) -> dict[str, Any]:
    return row(
        "agent", agent_id=agent_id, name=f"The {agent_id}", lifecycle_status="active", **values
    )


def test_scope_leaves_out_what_was_not_in_service_and_says_why() -> None:
    given = rows(agent=[
        agent("a1", owner_ref="ada", eu_in_scope=True, eu_role="deployer", eu_class="minimal"),
        agent("a2", eu_in_scope=False),
        agent("a3") | {"lifecycle_status": "draft"},
        agent("a4") | {"lifecycle_status": "retired",
                       "retired_at": "2026-03-01T00:00:00.000000000Z"},
    ])  # fmt: skip
    found = scope_of(given, [], CLOCK)
    assert [(one.agent_id, one.owner, one.law) for one in found.in_scope] == [
        ("a1", "Ada Lund", "deployer; minimal"),
        ("a2", "not recorded", "out of scope"),
    ]
    assert [out[0] for out in found.excluded] == ["a3", "a4"]
    assert "out of service since 2026-03-01" in found.excluded[1][2]


def test_changes_are_those_inside_the_period_only() -> None:
    held = agent("a1", go_live_at="2026-09-01T00:00:00.000000000Z", version="2")
    before = held | {"version": "1"}
    after = held | {"valid_from": "2026-10-01T00:00:00.000000000Z"}
    change = row("change", change_id="c", agent_id="a1", kind="model", new_value="m-2",
                 deployed_at="2026-11-30T23:59:59.999999999Z")  # fmt: skip
    late = change | {"change_id": "d", "deployed_at": "2026-12-01T00:00:00.000000000Z"}
    found = scope_of(rows(agent=[held], change=[change, late]), [before, after], CLOCK)
    assert [(one.day, one.what) for one in found.changes] == [
        ("2026-09-01", "went live"),
        ("2026-10-01", "version 1 became 2"),
        ("2026-11-30", "model changed to m-2, no approval on record"),
    ]


def test_statement_prints_the_decision_or_that_there_is_none() -> None:
    held = dossiers.dossier()
    first, second, *others = held.assessment.requirements
    out = ScopeDecision(False, "we build nothing", "ada", "2026-05-01T00:00:00.000000000Z", "r")
    decided = replace(first, state=RequirementState.NOT_APPLICABLE, decision=out)
    assessment = replace(held.assessment, requirements=(decided, second, *others))
    changed = replace(held, assessment=assessment)
    framework = changed.frameworks[first.framework_id].model_copy(update={"kind": "certifiable"})
    changed = replace(changed, frameworks={first.framework_id: framework})
    (found,) = statements(changed, PEOPLE)
    assert (found.rows[0].included, found.rows[0].justification) == ("no", "we build nothing")
    assert found.rows[0].decided == "Ada Lund, 2026-05-01"
    assert found.rows[1].justification == NO_WORD
    assert found.undecided == len(found.rows) - 1


def test_exceptions_without_a_finding_are_counted_and_judged_ones_are_not() -> None:
    held = dossiers.dossier()
    failed = held.items("OVR-03", Outcome.EXCEPTION)
    finding = row("finding", finding_id="F-1", control_id="OVR-03", item_id=failed[0].item_id,
                  grade="major", condition="ran early", owner_ref="ada",
                  due_at="2026-11-01T00:00:00.000000000Z")  # fmt: skip
    found = follow_up(held, rows(finding=[finding]))
    assert [(name, count) for name, _, count in found.unjudged] == [("OVR-03", len(failed) - 1)]
    assert (found.open_findings, found.overdue) == (1, 1)
    assert found.findings[0].owner == "Ada Lund"
    of_the_control = {"item_id": None, "valid_from": held.assessment.clock.as_of}
    whole = follow_up(held, rows(finding=[finding | of_the_control]))
    assert whole.unjudged == ()


@pytest.mark.parametrize(
    ("until", "expired"),
    [("2026-11-20T18:00:00.000000000Z", True), ("2026-11-20T18:00:00.000000001Z", False)],
)
def test_toleration_expires_at_its_very_instant(until: str, expired: bool) -> None:
    grant = row("exception_grant", exception_id="X", control_id="OVR-03", item_id="i", reason="r",
                approved_by="ada", expires_at=until)  # fmt: skip
    (found,) = follow_up(dossiers.dossier(), rows(exception_grant=[grant])).grants
    assert (found.expired, found.by) == (expired, "Ada Lund")


def test_incident_names_its_clock_and_who_was_told() -> None:
    one = row("incident", incident_id="I-1", agent_id="a1", category="death", severity="critical",
              summary="s", aware_at="2026-11-01T10:00:00.000000000Z")  # fmt: skip
    told = row("notification", notification_id="n", about_kind="incident", about_ref="I-1",
               recipient_kind="authority", sent_at="2026-11-02T10:00:00.000000000Z")  # fmt: skip
    (found,) = incidents(dossiers.dossier(), rows(incident=[one], notification=[told]))
    assert dict(found.clock)["aware"] == "2026-11-01 10:00 UTC"
    assert dict(found.clock)["reported"] == "–"
    assert found.told == (("authority", "2026-11-02 10:00 UTC"),)


def test_workbook_computes_nothing_and_is_the_same_twice() -> None:
    held = dossiers.dossier("=cmd|' /C calc'!A0", "Northwind Freight")
    content = workbook_bytes(held, "http://127.0.0.1:8501")
    assert content == workbook_bytes(held, "http://127.0.0.1:8501")
    book = load_workbook(BytesIO(content))
    cells = [cell for sheet in book for line in sheet.iter_rows() for cell in line]
    assert not [cell.coordinate for cell in cells if cell.data_type == "f"]
    assert book["Exceptions"].max_row == 15
    assert "=cmd|' /C calc'!A0" in {cell.value for cell in cells}
    assert book["Requirement matrix"]["A1"].value == "framework"


def test_matrix_as_csv_disarms_formulas() -> None:
    held = dossiers.dossier()
    framework = held.frameworks["eu_ai_act"].model_copy(update={"short_name": "=1+1"})
    text = matrix_csv(replace(held, frameworks={"eu_ai_act": framework})).decode("utf-8-sig")
    lines = text.splitlines()
    assert lines[1].startswith("'=1+1,")
    assert len(lines) == 5
