"""Hostile content and failing surroundings: text stays text, and nothing half-written stays."""

from __future__ import annotations

import errno
import hashlib
from contextlib import nullcontext
from pathlib import Path

import pikepdf
import pytest

from muniment.errors import ReportError, UsageError
from muniment.reporting import printer as printer_module
from muniment.reporting.build import build_report
from muniment.reporting.printer import print_pdf
from muniment.reporting.report_folder import choose_report, find_reports
from tests.builders.assessments import SMALL, assessment, no_network, stored_assessment, with_item
from tests.test_report_pack import BASE, text_of

HTML = "<script>alert(1)</script><img src='http://evil.example/x.png'><link rel=attachment href=x>"
HOSTILE = (
    f"{HTML} {{{{7*7}}}} {{% include 'x' %}} javascript:alert(2) \u202egnp.exe\u0000\u001b[31m"
)


def built_from(tmp_path: Path, **values: str) -> Path:
    """The PDF of a small pack whose first exception holds these values."""
    made = with_item(assessment(**SMALL)[0], **values)
    store = stored_assessment(tmp_path / "store", made)
    with no_network():
        return build_report(store, base_url=BASE, out_dir=tmp_path / "out").pdf_path


def test_hostile_item_prints_as_text(tmp_path: Path) -> None:
    pdf = built_from(tmp_path, reason=HOSTILE, item_id=HOSTILE, agent_id=HOSTILE)
    text = text_of(pdf).replace(" ", "")
    assert "<script>alert(1)</script>" in text
    assert "{{7*7}}{%include'x'%}javascript:alert(2)" in text
    assert "49" not in text[text.index("{{7*7}}") - 2 : text.index("{{7*7}}")]
    assert "\\u{202E}gnp.exe\\u{0000}\\u{001B}[31m" in text
    with pikepdf.open(pdf) as opened:
        notes = [a for page in opened.pages for a in page.get("/Annots", [])]
        actions = [note.A for note in notes if "/A" in note]
        assert len(actions) > 10
        assert all(str(action.URI).startswith(BASE + "/") for action in actions)
        assert "/JavaScript" not in opened.Root.get("/Names", {})


def test_item_of_ten_thousand_characters_is_cut_and_breaks_no_page(tmp_path: Path) -> None:
    pdf = built_from(tmp_path, reason="x" * 10_000, agent_id="y" * 10_000, item_id="z" * 10_000)
    text = text_of(pdf).replace(" ", "")
    assert "y" * 60 + "…" in text
    assert "x" * 300 + "…" in text
    assert "x" * 301 not in text
    with pikepdf.open(pdf) as opened, opened.open_outline() as outline:
        papers = next(item for item in outline.root if item.title == "6 Working papers")
        first, after = (
            opened.pages.index(pikepdf.Page(paper.destination[0])) for paper in papers.children[:2]
        )
    assert after - first <= 3, "pages of the paper that names the item"
    assert "x" * 10_000 in pdf.with_name("ovr_03_items.jsonl").read_text()


def test_hostile_entity_breaks_neither_head_nor_title(tmp_path: Path) -> None:
    store = stored_assessment(tmp_path / "store", **SMALL, organisation=HOSTILE * 3)
    pdf = build_report(store, base_url=BASE, out_dir=tmp_path / "out").pdf_path
    with pikepdf.open(pdf) as opened:
        assert str(opened.docinfo.Title).count("<script>") >= 1
        assert len(opened.attachments) == len(list(pdf.parent.iterdir())) - 1


def test_template_that_asks_for_the_network_stops_the_build(tmp_path: Path) -> None:
    report = choose_report("evidence_pack")
    for address in (
        "http://evil.example/x.png",
        "file:///etc/hostname",
        "../../muniment/errors.py",
    ):
        with pytest.raises(ReportError, match="may not have"):
            print_pdf(
                f'<html lang="en"><title>t</title><img alt="a" src="{address}"></html>',
                styles=report.style_files, roots=report.search_path, files=(),
                identifier=b"0" * 32, made_at="2026-11-20T18:04:00.000000000Z",
            )  # fmt: skip


def test_warning_of_the_printer_stops_the_build(tmp_path: Path) -> None:
    report = choose_report("evidence_pack")
    with pytest.raises(ReportError, match="the printer warned"):
        print_pdf(
            '<html lang="en"><title>t</title><p style="no-such-property: 1">text</p></html>',
            styles=report.style_files, roots=report.search_path, files=(),
            identifier=b"0" * 32, made_at="2026-11-20T18:04:00.000000000Z",
        )  # fmt: skip


def test_full_disk_leaves_no_half_pack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = stored_assessment(tmp_path / "store", **SMALL)
    original = Path.write_bytes

    def full(path: Path, data: bytes) -> int:
        if path.suffix == ".jsonl":
            raise OSError(errno.ENOSPC, "No space left on device")
        return original(path, data)

    monkeypatch.setattr(printer_module, "print_pdf", lambda *_, **__: b"%PDF-")
    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(ReportError, match="No space left on device"):
        build_report(store, base_url=BASE, out_dir=tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []


def test_dashboard_address_that_is_no_address_is_refused(tmp_path: Path) -> None:
    store = stored_assessment(tmp_path / "store", **SMALL)
    with pytest.raises(UsageError, match="no address of a dashboard"):
        build_report(store, base_url="javascript:alert(1)", out_dir=tmp_path / "out")


def test_reports_are_found_by_folder() -> None:
    assert "evidence_pack" in find_reports()
    with pytest.raises(ReportError, match="Reports that exist: agent_file, evidence_pack"):
        choose_report("none")


def test_report_with_unknown_key_is_named(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "report.yaml").write_text("id: mine\ncolour: blue\n")
    with pytest.raises(ReportError, match=r"(?s)report\.yaml.*colour"):
        find_reports(tmp_path)


def test_build_is_noted_for_sealing_when_somebody_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    noted: list[tuple[str, dict[str, str], str]] = []

    class Writer:
        def note(self, subject: str, content: dict[str, str], recorded_by: str) -> None:
            noted.append((subject, content, recorded_by))

    store = stored_assessment(tmp_path / "store", **SMALL)
    store.records.writing = lambda: nullcontext(Writer())
    monkeypatch.setattr(printer_module, "print_pdf", lambda *_, **__: b"%PDF-")
    built = build_report(store, base_url=BASE, out_dir=tmp_path / "out", built_by="ana")
    ((subject, content, recorded_by),) = noted
    assert (subject, recorded_by) == ("report", "ana")
    assert content["id"] == built.pack_id
    assert content["pdf_sha256"] == hashlib.sha256(b"%PDF-").hexdigest()
