"""The requirement matrix and the exceptions for people who live in spreadsheets: CSV and XLSX.

For reading, never the proof: canonical JSONL is. No cell can become a formula; the same rows give
the same bytes.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Sequence
from datetime import datetime

from openpyxl import Workbook
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
from openpyxl.styles import Alignment, Font
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.worksheet import Worksheet

from muniment.evidence.dossier import Dossier
from muniment.evidence.links import item_link
from muniment.model.outcomes import Outcome
from muniment.reporting.attached_tables import csv_bytes

_MODIFIED = re.compile(rb"(<dcterms:modified[^>]*>)[^<]*(</dcterms:modified>)")
_EPOCH = (1980, 1, 1, 0, 0, 0)
MOST_ROWS, LONGEST = 1_000_000, 32_000
MATRIX_HEAD = (
    "framework", "clause", "requirement", "state", "readiness", "applies_from", "agents_applies",
    "agents_undetermined", "exceptions", "control", "relation", "strength", "rationale", "reason",
)  # fmt: skip
EXCEPTIONS_HEAD = (
    "control", "test", "item", "agent", "observed_at_utc", "attributes", "reason", "evidence",
    "link",
)  # fmt: skip
Cell = str | int
Row = tuple[Cell, ...]


def matrix_rows(dossier: Dossier) -> list[Row]:
    """One row per requirement and mapped control, and one for a requirement without any."""
    rows: list[Row] = []
    for framework in dossier.frameworks.values():
        results = {r.requirement_id: r for r in dossier.requirements(framework.id)}
        for unit in framework.assessed:
            found = results.get(unit.id)
            if found is None:
                continue
            counts = found.applicability
            head: Row = (
                framework.short_name, unit.id, unit.name, found.state.value,
                found.readiness.value if found.readiness else "", found.applies_from or "",
                counts.applies if counts else "", counts.undetermined if counts else "",
                found.exceptions,
            )  # fmt: skip
            mapped = [(m.control, m.relation.value, m.strength.value, m.rationale)
                      for m in unit.controls] or [("", "", "", "")]  # fmt: skip
            rows += [(*head, *one, found.state_reason) for one in mapped]
    return rows


def exception_rows(dossier: Dossier, base_url: str) -> list[Row]:
    """One row per exception of any control."""
    return [
        (
            item.control_id, item.test_id, item.item_id, item.agent_id or "",
            item.observed_at or "", ", ".join(item.attributes), item.reason, item.evidence_ref,
            item_link(base_url, dossier.assessment.assessment_id, item.control_id, item.test_id,
                      item.item_id),
        )
        for control_id in dossier.results
        for item in dossier.items(control_id, Outcome.EXCEPTION)
    ]  # fmt: skip


def matrix_csv(dossier: Dossier) -> bytes:
    """The matrix as CSV; formulas are disarmed."""
    rows = [dict(zip(MATRIX_HEAD, row, strict=True)) for row in matrix_rows(dossier)]
    return csv_bytes(MATRIX_HEAD, rows)


def workbook_bytes(dossier: Dossier, base_url: str) -> bytes:
    """An XLSX of both lists; texts are stored as texts, so none is ever computed."""
    book = Workbook()
    sheet = book.active
    assert isinstance(sheet, Worksheet)  # noqa: S101  # a new workbook has one
    sheet.title = "Requirement matrix"
    _fill(sheet, MATRIX_HEAD, matrix_rows(dossier))
    _fill(book.create_sheet("Exceptions"), EXCEPTIONS_HEAD, exception_rows(dossier, base_url))
    made = datetime.fromisoformat(dossier.assessment.finished_at[:19])
    book.properties.creator = "Muniment"
    book.properties.created = book.properties.modified = made
    stream = io.BytesIO()
    book.save(stream)
    return _without_clock(stream.getvalue(), made)


def _fill(sheet: Worksheet, head: Sequence[str], rows: Sequence[Row]) -> None:
    for place, name in enumerate(head, start=1):
        cell = sheet.cell(1, place, name.replace("_", " "))
        cell.font, cell.alignment = Font(bold=True), Alignment(vertical="top")
        sheet.column_dimensions[get_column_letter(place)].width = 18
    for line, row in enumerate(rows[:MOST_ROWS], start=2):
        for place, value in enumerate(row, start=1):
            cell = sheet.cell(line, place)
            if isinstance(value, str):
                cell.value = ILLEGAL_CHARACTERS_RE.sub("�", value)[:LONGEST]
                cell.data_type = "s"  # else a text that begins with `=` becomes a formula
            else:
                cell.value = value
    sheet.freeze_panes = "A2"
    sheet.auto_filter.ref = f"A1:{get_column_letter(len(head))}{len(rows[:MOST_ROWS]) + 1}"


def _without_clock(content: bytes, made_at: datetime) -> bytes:
    """The same archive with fixed times, so that two builds give the same bytes."""
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as given, zipfile.ZipFile(made, "w") as kept:
        for name in given.namelist():
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            # The writer stamps the time of saving, whatever the properties say.
            stamp = rb"\g<1>" + f"{made_at.isoformat()}Z".encode() + rb"\g<2>"
            kept.writestr(entry, _MODIFIED.sub(stamp, given.read(name)))
    return made.getvalue()
