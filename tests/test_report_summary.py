"""The management summary as a report of its own: two pages, no link that leads nowhere."""

from __future__ import annotations

from pathlib import Path

import pikepdf
import pytest

from muniment.reporting.build import BuiltReport, build_report
from tests.builders.assessments import stored_assessment
from tests.test_report_pack import text_of


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> BuiltReport:
    root: Path = tmp_path_factory.mktemp("summary")
    return build_report(
        stored_assessment(root / "store"), "management_summary", base_url="", out_dir=root / "out"
    )


def test_management_summary_has_two_pages_and_says_what_it_rests_on(built: BuiltReport) -> None:
    with pikepdf.open(built.pdf_path) as opened:
        assert len(opened.pages) == 2
    first, second = text_of(built.pdf_path, 1), text_of(built.pdf_path, 2)
    assert "3 of 11 tested controls show exceptions; 4 show none." in first
    assert "46 of 47 registered agents" in second
    assert "Not tested is not passed." in second


def test_management_summary_carries_the_evidence_files_of_its_assessment(
    built: BuiltReport,
) -> None:
    with pikepdf.open(built.pdf_path) as opened:
        assert {"assessment.json", "items.jsonl", "manifest.json"} <= set(opened.attachments)
