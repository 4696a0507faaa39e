"""NIST AI RMF and ISO/IEC 42001 as they ship, against ids and titles typed by hand."""

from __future__ import annotations

import re

import pytest

from muniment.catalog.frameworks import load_frameworks

FRAMEWORKS = load_frameworks()
NIST, ISO = FRAMEWORKS["nist_ai_rmf"], FRAMEWORKS["iso_42001"]
# Subcategories in each category.
NIST_COUNTS = {
    "GOVERN": (7, 3, 2, 3, 2, 2),
    "MAP": (6, 3, 5, 2, 2),
    "MEASURE": (3, 13, 3, 3),
    "MANAGE": (4, 4, 2, 3),
}
NIST_STATEMENTS = {
    "GOVERN": "A culture of risk management is cultivated and present.",
    "GOVERN 1.1": "Legal and regulatory requirements involving AI are understood, managed, and "
    "documented.",
    "GOVERN 1.6": "Mechanisms are in place to inventory AI systems and are resourced according to "
    "organizational risk priorities.",
    "MAP 1.5": "Organizational risk tolerances are determined and documented.",
    "MAP 2": "Categorization of the AI system is performed.",
    "MEASURE 2.4": "The functionality and behavior of the AI system and its components – as "
    "identified in the MAP function – are monitored when in production.",
    "MEASURE 2.7": "AI system security and resilience – as identified in the MAP function – are "
    "evaluated and documented.",
    "MANAGE 2.3": "Procedures are followed to respond to and recover from a previously unknown "
    "risk when it is identified.",
}
ISO_CLAUSES = [
    "4.1", "4.2", "4.3", "4.4", "5.1", "5.2", "5.3", "6.1.1", "6.1.2", "6.1.3", "6.1.4", "6.2",
    "6.3", "7.1", "7.2", "7.3", "7.4", "7.5.1", "7.5.2", "7.5.3", "8.1", "8.2", "8.3", "8.4", "9.1",
    "9.2.1", "9.2.2", "9.3.1", "9.3.2", "9.3.3", "10.1", "10.2",
]  # fmt: skip
ISO_ANNEX_A = {
    "A.2": 3, "A.3": 2, "A.4": 5, "A.5": 4, "A.6.1": 2, "A.6.2": 7, "A.7": 5, "A.8": 4, "A.9": 3,
    "A.10": 3,
}  # fmt: skip
ISO_TITLES = {
    "4": "Context of the organization",
    "5.2": "AI policy",
    "6.1.4": "AI system impact assessment",
    "6.2": "AI objectives and planning to achieve them",
    "7.5.3": "Control of documented information",
    "8.1": "Operational planning and control",
    "9.2.2": "Internal audit programme",
    "10.2": "Nonconformity and corrective action",
    "A.2.2": "AI policy",
    "A.3.2": "AI roles and responsibilities",
    "A.4.2": "Resource documentation",
    "A.5.4": "Assessing AI system impact on individuals or groups of individuals",
    "A.6.1.3": "Processes for responsible AI system design and development",
    "A.6.2.6": "AI system operation and monitoring",
    "A.6.2.8": "AI system recording of event logs",
    "A.9.2": "Processes for responsible use of AI systems",
    "A.9.4": "Intended use of the AI system",
    "A.10.4": "Customers",
}


def test_nist_has_4_functions_19_categories_and_72_subcategories() -> None:
    expected = [
        f"{function} {category}.{number}"
        for function, counts in NIST_COUNTS.items()
        for category, count in enumerate(counts, start=1)
        for number in range(1, count + 1)
    ]
    assert [unit.id for unit in NIST.assessed] == expected
    assert len(expected) == 72
    assert [unit.id for unit in NIST.children[None]] == list(NIST_COUNTS)
    categories = [u for f in NIST_COUNTS for u in NIST.children[f]]
    assert len(categories) == sum(map(len, NIST_COUNTS.values())) == 19
    assert len(NIST.requirements) == 4 + 19 + 72


def test_nist_statements_are_official() -> None:
    assert {key: NIST.units[key].title for key in NIST_STATEMENTS} == NIST_STATEMENTS
    assert all(unit.label for unit in NIST.requirements)


def test_iso_has_32_clauses_and_38_controls() -> None:
    controls = [
        f"{area}.{number}"
        for area, count in ISO_ANNEX_A.items()
        for number in range(2, count + 2)
    ]  # fmt: skip
    assert (len(ISO_CLAUSES), len(controls)) == (32, 38)
    assert [unit.id for unit in ISO.assessed] == [*ISO_CLAUSES, *controls]


def test_iso_parents_are_the_clauses_and_areas_above() -> None:
    for unit in ISO.requirements:
        above = unit.id.rpartition(".")[0]
        assert unit.parent == (above if above not in {"", "A"} else None), unit.id


def test_iso_titles_are_official_and_short() -> None:
    assert {key: ISO.units[key].title for key in ISO_TITLES} == ISO_TITLES
    assert all(len(unit.title.split()) <= 12 for unit in ISO.requirements)


def test_iso_texts_are_titles_and_own_words_only() -> None:
    for unit in ISO.requirements:
        rationales = [mapping.rationale for mapping in unit.controls]
        for text in (unit.title, unit.summary, unit.manual or "", *rationales):
            assert not re.search(r"\bshall\b|the organization (shall|should)", text), unit.id


@pytest.mark.parametrize("framework", [NIST, ISO], ids=lambda f: f.id)
def test_voluntary_frameworks_have_no_dates_and_bind_every_agent(framework: object) -> None:
    assert {r.applies_from for r in framework.requirements} == {None}  # type: ignore[attr-defined]
    assert framework.applicability is None  # type: ignore[attr-defined]
