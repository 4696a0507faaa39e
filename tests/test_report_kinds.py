"""Every kind of report, printed once from the demo by its folder alone, and its parameters."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pikepdf
import pytest

from muniment.errors import UsageError
from muniment.evidence.verify import Verification
from muniment.reporting.build import build_report
from muniment.reporting.report_folder import find_reports
from muniment.store.open import open_store
from tests.builders.assessments import SMALL, stored_assessment
from tests.builders.demo_pack import DemoPack
from tests.test_report_pack import text_of

# What each kind is asked for, and words of its pages that only this selection gives.
KINDS = {
    "statement_of_applicability": ({"framework": "nist_ai_rmf"}, "Classification of the agents"),
    "agent_file": ({"agent": "AGT-0017"}, "3 Authorised representative"),
    "incident_report": ({"incident": "INC-2601"}, "The organisation became aware: the clock"),
    "oversight_evidence": (
        {"decision_type": "credit_note", "from": "2026-10-01", "until": "2026-10-31"},
        "Minutes to the answer",
    ),
    "governance_review": ({"from": "2026-10-01"}, "Decisions of this review"),
}  # fmt: skip


def test_every_kind_but_the_full_pack_is_tried_here() -> None:
    assert find_reports().keys() == {
        *KINDS,
        "evidence_pack",
        "framework_report",
        "management_summary",
    }


def test_framework_report_prints_only_what_bears_on_the_framework(tmp_path: Path) -> None:
    store = stored_assessment(tmp_path / "store", only=SMALL["only"], requirements_each=12)
    given = {"framework": "nist_ai_rmf"}
    built = build_report(
        store, "framework_report", base_url="", out_dir=tmp_path / "out", parameters=given
    )
    with pikepdf.open(built.pdf_path) as pdf, pdf.open_outline() as outline:
        tops = {item.title: [child.title for child in item.children] for item in outline.root}
    assert tops["4 Requirement matrix"] == ["4.1 NIST AI RMF 1.0"]
    assert tops["5 Working papers"][0] == "5.1 OVR-03 Approval came before execution"
    assert "EU AI Act" not in " ".join(tops["3 Statement of applicability"])


@pytest.mark.parametrize("kind", KINDS)
def test_report_prints_its_selection_and_verifies(
    kind: str, demo_pack: DemoPack, tmp_path: Path
) -> None:
    given, words = KINDS[kind]
    with open_store(demo_pack.store) as store:
        built = build_report(store, kind, base_url="", out_dir=tmp_path, parameters=given)
    assert words in text_of(built.pdf_path)
    inputs = json.loads((built.pdf_path.parent / "manifest.json").read_text())["inputs"]
    assert inputs["parameters"] == given
    assert [s for s in Verification(built.pdf_path.parent).steps() if not s.ok] == []
    with pikepdf.open(built.pdf_path) as pdf:
        assert bool(pdf.Root.MarkInfo.Marked)
        assert set(pdf.attachments) == {path.name for path in built.files}
    if shutil.which("qpdf"):
        subprocess.run(["qpdf", "--check", built.pdf_path], check=True, capture_output=True)


@pytest.mark.parametrize(
    ("kind", "given", "says"),
    [
        ("incident_report", {}, "needs `incident`"),
        ("incident_report", {"incident": "INC-0"}, "`INC-0` is no incident"),
        ("management_summary", {"agent": "x"}, "takes no parameter `agent`"),
        ("governance_review", {"from": "2026-13-01"}, "a day from 2026-"),
        ("governance_review", {"from": "2026-11-02", "until": "2026-11-01"}, "period is empty"),
        ("statement_of_applicability", {"framework": "../x"}, "one of eu_ai_act"),
    ],
)
def test_wrong_parameter_is_named_with_what_could_be_given(
    kind: str, given: dict[str, str], says: str, demo_pack: DemoPack, tmp_path: Path
) -> None:
    with open_store(demo_pack.store) as store, pytest.raises(UsageError, match=says):
        build_report(store, kind, base_url="", out_dir=tmp_path, parameters=given)
    assert list(tmp_path.iterdir()) == []
