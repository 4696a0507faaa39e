"""An organisation's own look: language of labels, watermark, classification and logo are data."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pikepdf
import pytest
import yaml

from muniment.bundle import reports_root
from muniment.errors import ReportError
from muniment.reporting.build import build_report
from muniment.reporting.labels import labels_for, labels_of
from muniment.reporting.report_folder import find_reports
from muniment.reporting.words import CONTROL_MARKS, READINESS_MARKS, REQUIREMENT_MARKS
from tests.builders.assessments import SMALL, stored_assessment
from tests.test_report_pack import text_of

PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


def test_german_labels_and_look_are_printed_and_part_of_the_pack(tmp_path: Path) -> None:
    store = stored_assessment(tmp_path / "store", only=SMALL["only"], requirements_each=9)
    (store.layout.root / "logo.png").write_bytes(PIXEL)
    (store.layout.root / "reports.toml").write_text(
        'language = "de"\nwatermark = "MUSTER"\nclassification = "Vertraulich"\nlogo = "logo.png"\n'
    )
    built = build_report(
        store, "framework_report", base_url="", out_dir=tmp_path / "out",
        parameters={"framework": "iso_42001"},
    )  # fmt: skip
    text = text_of(built.pdf_path)
    for words in ("Erklärung zur Anwendbarkeit", "ENTWURF · Vertraulich", "Seite 1 von",
                  "Überschriften, Tabellenköpfe und Zustände sind übersetzt"):  # fmt: skip
        assert words in text
    assert "The process owner approves each such action" in text, "content keeps its language"
    with pikepdf.open(built.pdf_path) as pdf:
        assert str(pdf.Root.Lang) == "de"
    inputs = json.loads((built.pdf_path.parent / "manifest.json").read_text())["inputs"]
    assert inputs["appearance"]["watermark"] == "MUSTER"
    assert inputs["appearance"].keys() == {"language", "watermark", "logo_sha256"}


def test_every_fixed_word_has_its_german() -> None:
    german = labels_for(reports_root() / "shared", "de-DE")
    fixed = {
        label for path in reports_root().rglob("*.j2") for label in labels_of(path.read_text())
    }
    for folder in find_reports().values():
        spec = folder.spec
        fixed |= {spec.title, spec.heading, *(s.title for s in spec.sections)}
        fixed |= {parameter.title for parameter in spec.parameters.values()}
    for marks in (CONTROL_MARKS, READINESS_MARKS, REQUIREMENT_MARKS):
        fixed |= {mark.word for mark in marks.values()}
    assert len(fixed) > 200
    assert sorted(fixed - german.keys()) == []


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ('colour = "blue"', "unknown key `colour`"),
        ("language = 1", "`language` is no text"),
        ('language = "xx"', "Languages: en, de"),
        ('logo = "../../etc/passwd"', "no PNG or SVG beside"),
        ('logo = "logo.png"', "cannot be read"),
        ("language = [", "Correct the file"),
    ],
)
def test_wrong_look_is_one_sentence(settings: str, says: str, tmp_path: Path) -> None:
    store = stored_assessment(tmp_path / "store", **SMALL)
    (store.layout.root / "reports.toml").write_text(settings)
    with pytest.raises(ReportError, match=says):
        build_report(store, "management_summary", base_url="", out_dir=tmp_path / "out")


def test_label_cannot_carry_markup(tmp_path: Path) -> None:
    folder = tmp_path / "labels"
    folder.mkdir()
    (folder / "de.yaml").write_text(yaml.safe_dump({"Period": "<script>{{ 7 * 7 }}</script>"}))
    from muniment.reporting.labels import Labels

    class Holder:
        labels = labels_for(tmp_path, "de")

    extension = Labels.__new__(Labels)
    extension.environment = Holder  # type: ignore[assignment]
    source = extension.preprocess('<th scope="row">Period</th>', None)
    assert source == '<th scope="row">script 7 * 7 /script</th>'


def test_logo_that_is_a_link_is_refused(tmp_path: Path) -> None:
    store = stored_assessment(tmp_path / "store", **SMALL)
    (tmp_path / "private.png").write_bytes(PIXEL)
    (store.layout.root / "logo.png").symlink_to(tmp_path / "private.png")
    (store.layout.root / "reports.toml").write_text('logo = "logo.png"')
    with pytest.raises(ReportError, match="is a link"):
        build_report(store, "management_summary", base_url="", out_dir=tmp_path / "out")
