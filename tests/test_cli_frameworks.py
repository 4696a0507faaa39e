"""`muniment frameworks`: what it prints of the catalogue, and how it refuses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from muniment.cli.main import run


def printed(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> str:
    assert run(["frameworks", *arguments]) == code
    said = capsys.readouterr()
    return said.out if code == 0 else said.err


def document(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(printed(capsys, *arguments, "--json"))
    return found


def test_list_counts_units_requirements_and_what_is_manual(
    capsys: pytest.CaptureFixture[str],
) -> None:
    rows = {row["id"]: row for row in document(capsys, "list")["frameworks"]}
    assert {name: row["counted"] for name, row in rows.items()} == {
        "eu_ai_act": 159, "iso_42001": 70, "nist_ai_rmf": 72,
    }  # fmt: skip
    for row in rows.values():
        assert row["with controls"] + row["manual only"] == row["counted"] < row["units"]


def test_show_of_a_unit_prints_both_days_the_reading_and_the_fine(
    capsys: pytest.CaptureFixture[str],
) -> None:
    shown = document(capsys, "show", "eu_ai_act", "Art. 73(2)")["shown"]
    assert shown["applies from"] == "2027-12-02 (before the amendment 2026-08-02)"
    assert shown["for high_risk_annex_i"].startswith("2028-08-02")
    assert shown["formally from"] == "2026-08-02"
    assert "medium confidence" in shown["interpretation"]
    assert "35,000,000 or 7 %" in printed(capsys, "show", "eu_ai_act", "Art. 5(1)(f)")
    assert "GV-1.6-001" in printed(capsys, "show", "nist_ai_rmf", "GOVERN 1.6")


def test_title_that_is_not_verified_is_marked(capsys: pytest.CaptureFixture[str]) -> None:
    assert "(title not verified)" in printed(capsys, "show", "eu_ai_act", "Art. 75c")
    assert printed(capsys, "show", "eu_ai_act").count("(title not verified)") == 3


def test_show_without_a_unit_lists_them_all(capsys: pytest.CaptureFixture[str]) -> None:
    out = printed(capsys, "show", "iso_42001")
    assert "A.6.2.8" in out
    assert len(out.splitlines()) == 92 + 1


def test_unknown_names_are_refused_with_what_exists(capsys: pytest.CaptureFixture[str]) -> None:
    assert "`eu_ai_act`, `iso_42001`" in printed(capsys, "show", "gdpr", code=3)
    said = printed(capsys, "show", "eu_ai_act", "26(5)", code=3)
    assert "Did you mean `Art. 26(5)`?" in said
    assert "is no folder" in printed(capsys, "validate", "/nowhere/at/all", code=3)


def test_validate_counts_mappings_and_published_pairs(capsys: pytest.CaptureFixture[str]) -> None:
    out = printed(capsys, "validate")
    assert "eu_ai_act: 423 units, 159 counted" in out
    assert "2 published crosswalks with 492 pairs" in out


def test_validate_ends_with_2_and_the_line_that_is_wrong(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "law.yaml").write_text("id: law\nname: A law\n", encoding="utf-8")
    assert "`law.yaml` line 1" in printed(capsys, "validate", str(tmp_path), code=2)


def test_calendar_marks_our_reading_and_starts_where_asked(
    capsys: pytest.CaptureFixture[str],
) -> None:
    events = document(capsys, "calendar", "--since", "2026-12-01")["events"]
    assert [e["date"] for e in events][:3] == ["2026-12-02", "2026-12-02", "2027-08-02"]
    assert [e["date"] for e in events if e["kind"] == "interpretation"] == [
        "2027-12-02", "2028-08-02",
    ]  # fmt: skip
    assert document(capsys, "calendar", "--framework", "nist_ai_rmf")["events"][0]["date"] == (
        "2023-01-26"
    )


def test_crosswalk_prints_both_kinds_and_the_unmapped_of_both_sides(
    capsys: pytest.CaptureFixture[str],
) -> None:
    found = document(capsys, "crosswalk", "nist_ai_rmf", "iso_42001")
    assert len(found["published"]) == 280
    assert found["unmapped"]["published"]["iso_42001"] == ["4.2", "6.3", "7.5.1", "7.5.2", "8.1"]
    assert found["computed"]
    out = printed(capsys, "crosswalk", "eu_ai_act", "iso_42001")
    assert "Published: 0 pairs." in out
    assert "They share a control, no more." in out
