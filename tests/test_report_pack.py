"""The evidence pack as an auditor gets it: form, text, attachments, and the same bytes."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pikepdf
import pytest

from muniment.reporting.build import BuiltReport, build_report
from tests.builders.assessments import (
    SMALL,
    no_network,
    stored_assessment,
)

BASE = "https://audit.example:8501"


def text_of(pdf: Path, *pages: int) -> str:
    """The PDF's text with line breaks as spaces; all pages, or from the first to the last named."""
    if shutil.which("pdftotext") is None:
        pytest.skip("no pdftotext: install poppler's tools")
    chosen = ["-f", str(pages[0]), "-l", str(pages[-1])] if pages else []
    run = subprocess.run(
        ["pdftotext", *chosen, str(pdf), "-"], capture_output=True, check=True, timeout=60
    )
    return re.sub(r"\s+", " ", run.stdout.decode())


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> BuiltReport:
    root = tmp_path_factory.mktemp("pack")
    with no_network():
        return build_report(stored_assessment(root / "store"), base_url=BASE, out_dir=root / "out")


@pytest.fixture(scope="module")
def pdf(built: BuiltReport) -> Iterator[pikepdf.Pdf]:
    with pikepdf.open(built.pdf_path) as opened:
        yield opened


def structure(element: Any) -> Iterator[Any]:
    """Every element of the structure tree below this one."""
    kids = element.get("/K", [])
    for kid in kids if isinstance(kids, pikepdf.Array) else [kids]:
        if isinstance(kid, pikepdf.Dictionary) and "/S" in kid:
            yield kid
            yield from structure(kid)


def test_pack_is_tagged_archival_and_titled(pdf: pikepdf.Pdf, built: BuiltReport) -> None:
    root = pdf.Root
    assert bool(root.MarkInfo.Marked)
    assert str(root.Lang) == "en-GB"
    assert built.pack_id in str(pdf.docinfo.Title)
    with pdf.open_metadata() as metadata:
        assert (metadata["pdfaid:part"], metadata["pdfaid:conformance"]) == ("3", "A")
    kinds = {str(element.S) for element in structure(root.StructTreeRoot)}
    assert {"/H1", "/H2", "/H3", "/Table", "/TH", "/TD", "/Figure", "/Link", "/L"} <= kinds


def test_figures_say_in_words_what_they_show(pdf: pikepdf.Pdf) -> None:
    figures = [e for e in structure(pdf.Root.StructTreeRoot) if e.S == "/Figure"]
    assert len(figures) == 2
    assert (
        "NIST AI RMF 1.0: 7 evidenced, of which 3 attested, 12 open, 4 with exceptions, of 23"
        in str(figures[0].Alt)
    )
    assert "Human oversight: exceptions, not settled yet" in str(figures[1].Alt)


def test_bookmarks_name_every_section_and_paper(pdf: pikepdf.Pdf) -> None:
    with pdf.open_outline() as outline:
        tops = {item.title: item for item in outline.root}
    assert list(tops) == [
        "1 Cover",
        "Contents",
        "0 Management assertion and responsibilities",
        "2 Management summary",
        "3 Scope",
        "4 Statement of applicability",
        "5 Requirement matrix",
        "6 Working papers",
        "7 Exceptions, findings and corrective actions",
        "8 Incidents and notifications",
        "9 Integrity and evidence index",
        "10 Information produced by the entity",
        "11 Limitations and manual evidence still needed",
        "12 Sign-offs",
        "13 Annex: maturity",
    ]
    papers = [child.title for child in tops["6 Working papers"].children]
    assert len(papers) == 16 + 1
    assert papers[-1] == "6.17 Queries as run"
    assert papers[7] == "6.8 OVR-03 Approval came before execution"


def test_all_fonts_are_embedded_and_are_the_bundled_ones(pdf: pikepdf.Pdf) -> None:
    fonts = {}
    for page in pdf.pages:
        for font in page.Resources.Font.values():
            descendant = font.DescendantFonts[0]
            embedded = {"/FontFile", "/FontFile2", "/FontFile3"} & set(descendant.FontDescriptor)
            fonts[str(font.BaseFont).partition("+")[2]] = bool(embedded)
    assert all(fonts.values())
    assert {name.rsplit("-", 2)[0].split(",")[0] for name in fonts} <= {
        "Source-Sans-3", "Source-Serif-4", "Source-Code-Pro", "Source-Code", "Source-Sans",
        "Source-Serif", "Source",
    }  # fmt: skip


def test_attachments_are_the_files_beside_the_pdf_and_in_the_manifest(
    pdf: pikepdf.Pdf, built: BuiltReport
) -> None:
    beside = {path.name: path.read_bytes() for path in built.files}
    attached = {name: bytes(pdf.attachments[name].get_file().read_bytes()) for name in beside}
    assert set(pdf.attachments) == set(beside)
    assert attached == beside
    manifest = json.loads(beside["manifest.json"])
    assert manifest["pack_id"] == built.pack_id
    listed = {file["name"]: file["sha256"] for file in manifest["files"]}
    assert listed == {
        name: hashlib.sha256(content).hexdigest()
        for name, content in beside.items()
        if name != "manifest.json"
    }


def test_each_attachment_is_associated_once_as_data(pdf: pikepdf.Pdf, built: BuiltReport) -> None:
    associated = list(pdf.Root.AF)
    assert len(associated) == len(built.files)
    assert len({spec.objgen for spec in associated}) == len(associated)
    assert {str(spec.AFRelationship) for spec in associated} == {"/Data"}


def test_digests_printed_are_the_digests_of_the_files(built: BuiltReport) -> None:
    squeezed = text_of(built.pdf_path).replace(" ", "")
    for path in built.files:
        assert hashlib.sha256(path.read_bytes()).hexdigest() in squeezed


def test_pack_id_is_the_digest_of_its_manifested_inputs(built: BuiltReport) -> None:
    inputs = json.loads(built.pdf_path.with_name("manifest.json").read_text())["inputs"]
    text = json.dumps(inputs, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert hashlib.sha256(text.encode()).hexdigest() == built.pack_digest
    assert built.pack_id == f"MP-{built.pack_digest[:12]}"


def test_links_lead_to_item_and_control_pages_only(pdf: pikepdf.Pdf) -> None:
    links = [
        str(annotation.A.URI)
        for page in pdf.pages
        for annotation in page.get("/Annots", [])
        if "/A" in annotation and "/URI" in annotation.A
    ]
    assert len(links) > 100
    for link in links:
        parts = urlsplit(link)
        assert f"{parts.scheme}://{parts.netloc}" == BASE
        keys = {
            "/item": ["assessment", "control", "test", "item"],
            "/control": ["assessment", "id"],
        }
        assert list(parse_qs(parts.query)) == keys[parts.path]


def test_named_rows_hold_every_exception_with_its_link(built: BuiltReport) -> None:
    rows = [
        json.loads(line)
        for line in built.pdf_path.with_name("ovr_03_items.jsonl").read_text().splitlines()
    ]
    listed = [row for row in rows if row["listed_as"] == "item"]
    assert sum(row["outcome"] == "exception" for row in listed) == 34
    assert sum(row["outcome"] == "pending" for row in listed) == 3
    assert all(row["link"].startswith(BASE + "/item?") for row in rows)


def test_paper_prints_fifteen_exceptions_and_the_full_count(built: BuiltReport) -> None:
    text = text_of(built.pdf_path)
    assert "Exceptions, 15 of 34 shown" in text
    assert "34 exceptions in 3,862 items." in text
    assert "0.88 %" in text
    assert "Reviewer: none yet" in text
    assert "select item_id, outcome from events -- OVR-03" in text


# The fields that an auditor looks for in a working paper, each with its words on this one.
PAPER_FIELDS = {
    "1 id and version": "Working paper WP-OVR-03, version",
    "1 engagement, entity": "Northwind Freight B.V., pack MP-",
    "1 period and as-of": "as of 2026-11-20 18:04:00 UTC",
    "1 scope": "scope: all 47 registered agents",
    "2 criterion and its state": "NIST AI RMF 1.0 15(2)",
    "3 risk": "An agent moves money or data that no person has agreed to.",
    "3 control statement": "The process owner approves each such action before it runs",
    "3 nature, automation, key": "Nature: preventive, automated, key control; frequency: each",
    "3 owner": "owner role: process owner",
    "4 objective": "Approval came before execution, throughout the period.",
    "4 type of test": "Type: data analytics",
    "5 population": "3,862 items: executed and autonomy_tier",
    "5 query and parameters": "parameters: clock_tolerance_seconds = 2",
    "5 version of the test": "test digest",
    "5 extraction": "Extracted 2026-11-20 18:05:11 UTC by e.brandvold",
    "6 completeness": "3,862 in the log = 3,862 in the policy engine; no gap in the sequence",
    "7 sample": "25 of 3,862 for re-performance at source; seed",
    "7 list of the sample": "First 15 items:",
    "8 attributes": "B Given before execution",
    "9 tested, exceptions, rate": "3,862 ▲ 34 0.88 %",
    "10 exceptions": "Exceptions, 15 of 34 shown",
    "10 cause to retest": "owner, due date and retest of the exceptions: not recorded",
    "11 design": "Design: A preventive gate before execution answers the risk at its cause.",
    "11 operation": "Operation: 34 exceptions in 3,862 items.",
    "11 limits": "That the approver understood the request",
    "12 evidence index": "ovr_03_items.jsonl, 72 rows, SHA-256",
    "12 confidentiality, retention": "Confidential; retention as the entity rules",
    "13 preparer": "Prepared by system run A-20261120-1f2e3d4c, started by e.brandvold",
    "13 reviewer": "Reviewer: none yet",
    "13 changes": "Changes after sign-off: none",
}


def test_working_paper_carries_every_field_of_the_auditors_list(built: BuiltReport) -> None:
    whole = text_of(built.pdf_path)
    paper = whole[whole.index("Working paper WP-OVR-03") :]
    paper = paper[: paper.index("Working paper WP-OVR-06")]
    missing = {field: words for field, words in PAPER_FIELDS.items() if words not in paper}
    assert not missing, paper[:3000]


def test_summary_fits_one_page(built: BuiltReport) -> None:
    with pikepdf.open(built.pdf_path) as opened, opened.open_outline() as outline:
        pages = [
            opened.pages.index(pikepdf.Page(item.destination[0]))
            for item in outline.root
            if item.title[:2] in {"2 ", "3 "}
        ]
    assert pages[1] - pages[0] == 1
    text = text_of(built.pdf_path, pages[0] + 1)
    assert "3 of 11 tested controls show exceptions; 4 show none." in text
    assert "1 ended in a test error" in text


@pytest.mark.skipif(shutil.which("pdftotext") is None, reason="no pdftotext")
def test_unsigned_pack_is_a_draft_on_every_page(built: BuiltReport) -> None:
    with pikepdf.open(built.pdf_path) as opened:
        count = len(opened.pages)
    command = ["pdftotext", str(built.pdf_path), "-"]
    said = subprocess.run(command, capture_output=True, check=True, timeout=60).stdout.decode()
    texts = [" ".join(page.split()) for page in said.split("\f")[:-1]]
    assert len(texts) == count
    for page, text in enumerate(texts, start=1):
        assert "DRAFT" in text
        assert "unsigned" in text
        assert f"page {page} of {count}" in text


def test_import_sheet_prints_the_reconciliation_and_the_gap(built: BuiltReport) -> None:
    text = text_of(built.pdf_path)
    sum_line = "20,412 read = 20,000 imported + 12 rejected + 388 duplicate + 12 superseding"
    assert sum_line in text
    assert "numbers 1 to 20,003: 3 or more missing" in text
    assert "1 of 1 import does not reconcile" in text
    assert "/srv/exports" not in text
    assert "/srv/exports" not in built.pdf_path.with_name("imports.jsonl").read_text()


def test_words_that_break_trust_are_absent(built: BuiltReport) -> None:
    words = text_of(built.pdf_path).lower()
    found = [w for w in ("compliant", "compliance", "certified", "guarantee") if w in words]
    assert found == []


def test_pdf_passes_the_structure_check(built: BuiltReport) -> None:
    if shutil.which("qpdf") is None:
        pytest.skip("no qpdf: install it to check the file's structure")
    run = subprocess.run(
        ["qpdf", "--check", str(built.pdf_path)], capture_output=True, check=False, timeout=60
    )
    assert run.returncode == 0, run.stdout.decode() + run.stderr.decode()


def test_same_inputs_give_the_same_bytes(tmp_path: Path) -> None:
    packs = [
        build_report(
            stored_assessment(tmp_path / name, **SMALL),
            base_url=BASE,
            out_dir=tmp_path / "o" / name,
        )
        for name in ("a", "b")
    ]
    assert packs[0].pack_id == packs[1].pack_id
    assert packs[0].pdf_path.read_bytes() == packs[1].pdf_path.read_bytes()


def test_pack_without_address_has_no_links(tmp_path: Path) -> None:
    built = build_report(
        stored_assessment(tmp_path / "store", **SMALL), base_url="", out_dir=tmp_path / "out"
    )
    with pikepdf.open(built.pdf_path) as opened:
        kinds = {
            str(annotation.A.S)
            for page in opened.pages
            for annotation in page.get("/Annots", [])
            if "/A" in annotation
        }
    assert "/URI" not in kinds
