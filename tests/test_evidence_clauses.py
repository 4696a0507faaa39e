"""Frameworks laid out for reading: rows hold every assessed unit once."""

from __future__ import annotations

import pytest

from muniment.catalog.frameworks import load_frameworks
from muniment.evidence.clauses import clause_file, unit_rows
from muniment.model.frameworks import Framework
from tests.builders.dossier import dossier

FRAMEWORKS = load_frameworks()


@pytest.mark.parametrize("framework", FRAMEWORKS.values(), ids=list(FRAMEWORKS))
def test_rows_hold_every_assessed_unit_once_and_in_order(framework: Framework) -> None:
    cells = [unit.id for row in unit_rows(framework) for unit in row.cells]
    assert cells == [unit.id for unit in framework.assessed]


@pytest.mark.parametrize(
    ("framework_id", "row", "group", "first"),
    [
        ("eu_ai_act", "Art. 12", "Chapter III, Section 2", "Art. 12(1)"),
        ("eu_ai_act", "Art. 17", "Chapter III, Section 3", "Art. 17(1)(a)"),
        ("nist_ai_rmf", "GOVERN 1", "GOVERN", "GOVERN 1.1"),
        ("iso_42001", "A.3", "", "A.3.2"),
    ],
)
def test_row_is_the_unit_above_its_requirements(
    framework_id: str, row: str, group: str, first: str
) -> None:
    found = {one.unit.id: one for one in unit_rows(FRAMEWORKS[framework_id])}
    assert (found[row].group, found[row].cells[0].id) == (group, first)


def test_clause_names_its_controls_with_result_and_rationale() -> None:
    found = clause_file(dossier(), "eu_ai_act", "14(4)")
    assert found is not None
    failed = [(one.title, one.result.exceptions if one.result else None) for one in found.controls]
    assert failed == [("Approval came before execution", 14)]
    assert found.result is not None


def test_unknown_clause_gives_none() -> None:
    assert clause_file(dossier(), "eu_ai_act", "Art. 999") is None
    assert clause_file(dossier(), "moon_law", "1") is None
