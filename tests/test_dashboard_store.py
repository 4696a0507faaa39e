"""The dashboard on a real store: what it says follows what lies there, also after an edit."""

from __future__ import annotations

import re
import sqlite3
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import streamlit as st

from muniment.evidence.assessment_file import write_assessment
from muniment.model.outcomes import State
from muniment.sealing.log import AuditLog
from muniment.store.open import create_store
from tests.builders import dossier as dossiers
from tests.builders.entries import entry, table
from tests.builders.screens import HOSTILE
from tests.test_dashboard_pages import EXCEPTION, draw

HELD_FROM = "2026-01-01T00:00:00.000000000Z"
GRANTED = {"permission_set_id": "PS-1", "agent_id": "AGT-0017",
           "tools": ["pay.release", "gl.export"]}  # fmt: skip

BOUNDARY = {"boundary_id": "B-1", "agent_id": "AGT-0017", "process": "AP", "reads": ["erp"],
            "writes": ["bank"], "allowed_actions": ["match"], "approval_actions": ["pay"],
            "responsible_team": "finance"}  # fmt: skip


def _act(number: int, target: str) -> dict[str, Any]:
    return entry(
        number, agent_id="AGT-0017", target_name=target, executed=True, outcome="success",
        event_time=f"2026-11-19T10:{number % 60:02d}:00.000000000Z", trace_id="7f3a9c02d1e1",
    )  # fmt: skip


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A store with one sealed agent row, which the first exception of OVR-03 rests on."""
    folder = tmp_path / "store"
    monkeypatch.setenv("MUNIMENT_STORE", str(folder))
    st.cache_data.clear()
    st.cache_resource.clear()
    with create_store(folder, organisation="Northwind Freight", time_zone="Europe/Berlin",
                      recorded_by="test") as store:  # fmt: skip
        row = {"agent_id": "AGT-0017", "name": "Invoice Matcher"}
        with store.records.writing() as writer:
            writer.put("agent", row, valid_from=HELD_FROM, recorded_by="test", source_id="csv")
            writer.put("permission_set", GRANTED, valid_from=HELD_FROM, recorded_by="test",
                       source_id="csv")  # fmt: skip
            writer.put("boundary", BOUNDARY, valid_from=HELD_FROM, recorded_by="test",
                       source_id="csv")  # fmt: skip
        acts = [_act(n, "pay.release") for n in range(60)] + [_act(60, HOSTILE)]
        AuditLog(store).append(table(*acts))
        AuditLog(store).seal()
        ref = f"record/agent/{store.records.all_rows('agent')[0]['row_id']}"
        test = dossiers.tested(State.FAIL, 3862, 14, 2)
        items = tuple(replace(i, evidence_ref=ref) if i.item_id == EXCEPTION["item"] else i
                      for i in test.items)  # fmt: skip
        held = dossiers.dossier()
        first, *others = held.assessment.controls
        changed = replace(first, tests=(replace(test, items=items),))
        clock = replace(dossiers.CLOCK, known_at=store.records.settled_now())
        assessment = replace(held.assessment, controls=(changed, *others), clock=clock)
        digests = write_assessment(store, assessment, held.controls, held.frameworks, {})
        with store.records.writing() as writer:
            writer.add_assessment(assessment, digests.document_sha256)
    return folder


@pytest.mark.usefixtures("root")
def test_stored_assessment_is_drawn_as_it_was_concluded() -> None:
    assert "14 of 3,862" in draw("overview")
    html = draw("control", {"id": "OVR-03"})
    assert "14 exceptions, the latest first." in html


@pytest.mark.usefixtures("root")
def test_item_of_sealed_record_is_equal() -> None:
    html = draw("item", EXCEPTION)
    assert "✓</i> Equal" in html
    assert "Equal to what was sealed." in html
    assert "Invoice Matcher" in html


def test_item_of_record_edited_by_sql_is_different(root: Path) -> None:
    with sqlite3.connect(root / "records.sqlite") as connection:
        connection.execute("update agent set name = 'Somebody else'")
    html = draw("item", EXCEPTION)
    assert "Different from what was sealed." in html
    assert "no longer what was sealed" in html
    assert "Equal to what was sealed." not in html


def test_edited_assessment_is_refused_with_its_reason(root: Path) -> None:
    document = root / "assessments" / dossiers.ASSESSMENT_ID / "assessment.json"
    document.chmod(0o600)
    document.write_text(document.read_text().replace("3862", "3863"))
    from streamlit.testing.v1 import AppTest

    app = AppTest.from_file("../dashboard/streamlit_app.py", default_timeout=60).run()
    shown = "\n".join(element.proto.body for element in app.get("html"))
    assert "This cannot be shown" in shown
    assert dossiers.ASSESSMENT_ID in shown


@pytest.mark.usefixtures("root")
def test_run_that_the_log_does_not_hold_is_unknown() -> None:
    assert "Unknown run" in draw("run", {"trace": "7f3a"})


def test_folder_without_assessment_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MUNIMENT_STORE", str(tmp_path / "new"))
    create_store(tmp_path / "new", organisation="Northwind Freight", time_zone="UTC",
                 recorded_by="test").close()  # fmt: skip
    assert "No assessment yet" in draw("overview")


@pytest.mark.usefixtures("root")
def test_agents_are_listed_with_what_is_not_recorded() -> None:
    html = draw("agents")
    assert "1 registered agent" in html
    assert "1 without an owner on record, 1 without an EU class." in html
    assert "AGT-0017" in html
    assert "Invoice Matcher" not in draw("agents", {"business_unit": "elsewhere"})


@pytest.mark.usefixtures("root")
def test_agent_page_sets_grants_beside_uses() -> None:
    html = draw("agent", {"id": "AGT-0017"})
    assert "It used 1 of its 2 permissions" in html
    assert re.search(r"gl\.export.*?unused", html, re.DOTALL)
    assert "1 permission of 2 not used in the period." in html
    assert "&lt;img src=x" in html
    assert "6 of 7 elements are documented; approval not recorded." in html
    assert "No control names this agent, so it holds no stage." in html
    assert "No RACI row is on record." in html
    assert "Unknown agent" in draw("agent", {"id": "AGT-9999"})


@pytest.mark.usefixtures("root")
def test_activity_pages_through_a_day_and_leads_to_the_run() -> None:
    day = {"day": "2026-11-19"}
    html = draw("activity", day)
    assert "61 events on 2026-11-19." in html
    assert "1 to 50 of 61" in html
    assert "/run?" in html
    assert "51 to 61 of 61" in draw("activity", {**day, "page": "2"})
    assert "1 event on 2026-11-19." in draw("activity", {**day, "text": "onerror"})
    assert "No event of 2026-11-18 answers." in draw("activity", {"day": "2026-11-18"})


def test_evidence_lists_packs_with_what_is_wrong_and_offers_a_build(root: Path) -> None:
    assert "No pack was built yet." in draw("evidence")
    pack = root / "packs" / f"MP-{'0' * 12}"
    pack.mkdir(parents=True)
    (pack / "evidence_pack.pdf").write_bytes(b"%PDF")
    html = draw("evidence")
    assert "its manifest cannot be read" in html
    (pack / "manifest.json").write_text(
        '{"inputs": {"report": "evidence_pack", "assessment_id": "A-1"},'
        ' "files": [{"name": "items.jsonl"}]}'
    )
    assert "`items.jsonl` is missing" in draw("evidence")
    (pack / "items.jsonl").write_text("{}")
    assert f'href="/packs/{pack.name}/evidence_pack.pdf"' in draw("evidence")


@pytest.mark.usefixtures("root")
@pytest.mark.parametrize("query", [{"day": "2026-99-99"}, {"page": "999999"}, {"page": "-1"},
                                   {"agent_id": "' or 1=1"}, {"text": "\x00%"}])  # fmt: skip
def test_activity_survives_any_address(query: dict[str, str]) -> None:
    assert "What happened?" in draw("activity", query)
