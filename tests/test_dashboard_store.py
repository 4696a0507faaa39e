"""The dashboard on a real store: what it says follows what lies there, also after an edit."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest

from dashboard import data
from muniment.evidence.assessment_file import write_assessment
from muniment.model.outcomes import State
from muniment.sealing.log import AuditLog
from muniment.store.open import create_store
from tests.builders import dossier as dossiers
from tests.test_dashboard_pages import EXCEPTION, draw

HELD_FROM = "2026-01-01T00:00:00.000000000Z"


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A store with one sealed agent row, which the first exception of OVR-03 rests on."""
    folder = tmp_path / "store"
    monkeypatch.setenv("MUNIMENT_STORE", str(folder))
    for function in (data.book, data.control, data.items, data.item, data.sources):
        function.clear()
    with create_store(folder, organisation="Northwind Freight", time_zone="Europe/Berlin",
                      recorded_by="test") as store:  # fmt: skip
        row = {"agent_id": "AGT-0017", "name": "Invoice Matcher"}
        with store.records.writing() as writer:
            writer.put("agent", row, valid_from=HELD_FROM, recorded_by="test", source_id="csv")
        AuditLog(store).seal()
        ref = f"record/agent/{store.records.all_rows('agent')[0]['row_id']}"
        test = dossiers.tested(State.FAIL, 3862, 14, 2)
        items = tuple(replace(i, evidence_ref=ref) if i.item_id == EXCEPTION["item"] else i
                      for i in test.items)  # fmt: skip
        held = dossiers.dossier()
        first, *others = held.assessment.controls
        changed = replace(first, tests=(replace(test, items=items),))
        assessment = replace(held.assessment, controls=(changed, *others))
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
