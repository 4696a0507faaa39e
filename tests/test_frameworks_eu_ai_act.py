"""The EU AI Act as it ships, against facts typed by hand from the amended law."""

from __future__ import annotations

import re

import pytest

from muniment.catalog.frameworks import load_frameworks
from muniment.model.frameworks import Requirement

ACT = load_frameworks()["eu_ai_act"]
UNITS = ACT.units
ANNEX_III, ANNEX_I = "high_risk_annex_iii", "high_risk_annex_i"
BOTH = (ANNEX_III, ANNEX_I)
INSERTED = {"4a", "60a", "75a", "75b", "75c", "75d"}
# Chapters and their sections.
SECTIONS = {
    "I": 0, "II": 0, "III": 5, "IV": 0, "V": 4, "VI": 0, "VII": 2, "VIII": 0, "IX": 5, "X": 0,
    "XI": 0, "XII": 0, "XIII": 0,
}  # fmt: skip
# Articles held paragraph by paragraph, with the number of units counted in each.
COUNTED = {
    4: 1, 5: 13, 6: 1, 8: 1, 9: 10, 10: 4, 11: 2, 12: 5, 13: 8, 14: 8, 15: 4, 16: 3, 17: 13,
    18: 1, 19: 1, 20: 2, 21: 2, 22: 4, 23: 7, 24: 6, 25: 4, 26: 11, 27: 3, 43: 4, 47: 3, 48: 4,
    49: 5, 50: 5, 53: 5, 54: 4, 55: 4, 72: 3, 73: 6, 86: 1, 99: 0,
}  # fmt: skip
TITLES = {
    "Art. 4": "AI literacy",
    "Art. 5": "Prohibited AI practices",
    "Art. 9": "Risk management system",
    "Art. 12": "Record-keeping",
    "Art. 14": "Human oversight",
    "Art. 15": "Accuracy, robustness and cybersecurity",
    "Art. 17": "Quality management system",
    "Art. 19": "Automatically generated logs",
    "Art. 25": "Responsibilities along the AI value chain",
    "Art. 26": "Obligations of deployers of high-risk AI systems",
    "Art. 27": "Fundamental rights impact assessment for high-risk AI systems",
    "Art. 49": "Registration",
    "Art. 50": "Transparency obligations for providers and deployers of certain AI systems",
    "Art. 72": "Post-market monitoring by providers and post-market monitoring plan for high-risk "
    "AI systems",
    "Art. 73": "Reporting of serious incidents",
    "Art. 75": "Market surveillance and control of AI systems and mutual assistance",
    "Art. 86": "Right to explanation of individual decision-making",
    "Art. 99": "Penalties",
    "Art. 113": "Entry into force and application",
    "Annex III": "High-risk AI systems referred to in Article 6(2)",
}
# Applies from, and before Regulation (EU) 2026/1744; classes in front where not all of them.
DATES = {
    "Art. 4(1)": ("2025-02-02", "2025-02-02"),
    "Art. 4a": ("2026-07-27", None),
    "Art. 5(1)(a)": ("2025-02-02", "2025-02-02"),
    "Art. 5(1)(h)": ("2025-02-02", "2025-02-02"),
    "Art. 5(1)(ba)": ("2026-12-02", None),
    "Art. 5(1)(bb)": ("2026-12-02", None),
    "Art. 5(1a)": ("2026-12-02", None),
    "Art. 6(5)": ("2026-08-02", "2026-08-02"),
    "Art. 28": ("2025-08-02", "2025-08-02"),
    "Art. 50(1)": ("2026-08-02", "2026-08-02"),
    "Art. 53(1)(a)": ("2025-08-02", "2025-08-02"),
    "Art. 57": ("2026-08-02", "2026-08-02"),
    "Art. 70": ("2025-08-02", "2025-08-02"),
    "Art. 74": ("2026-08-02", "2026-08-02"),
    "Art. 75a": ("2026-08-02", None),
    "Art. 78": ("2025-08-02", "2025-08-02"),
    "Art. 95": ("2026-08-02", "2026-08-02"),
    "Art. 99": ("2025-08-02", "2025-08-02"),
    "Art. 101": ("2026-08-02", "2026-08-02"),
    "Art. 102": ("2026-07-27", "2026-08-02"),
    "Art. 110": ("2026-07-27", "2026-08-02"),
    "Art. 111": ("2026-08-02", "2026-08-02"),
}
# Formally in application since 2026-08-02, in effect with Article 6 (decision 0006).
HANGING = {*range(40, 50), 71, 72, 73, 86}


def article(unit: Requirement) -> int | None:
    match = re.match(r"Art\. (\d+)(?![a-z\d])", unit.id)
    return int(match.group(1)) if match else None


def test_every_article_and_annex_is_there_once_and_in_order() -> None:
    numbers = [i.removeprefix("Art. ") for i in UNITS if re.fullmatch(r"Art\. \d+[a-z]?", i)]
    plain = [n for n in numbers if n.isdigit()]
    assert plain == [str(n) for n in range(1, 114)]
    assert set(numbers) - set(plain) == INSERTED
    annexes = [i for i in UNITS if re.fullmatch(r"Annex [IVX]+", i)]
    roman = ["I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI", "XII", "XIII"]
    assert annexes == [f"Annex {n}" for n in [*roman, "XIV"]]


def test_chapters_and_sections_are_those_of_the_act() -> None:
    chapters = [i for i in UNITS if re.fullmatch(r"Chapter [IVX]+", i)]
    assert chapters == [f"Chapter {name}" for name in SECTIONS]
    for name, count in SECTIONS.items():
        sections = [i for i in UNITS if i.startswith(f"Chapter {name}, Section")]
        assert sections == [f"Chapter {name}, Section {n}" for n in range(1, count + 1)]


def test_counted_units_by_article_are_those_typed_here() -> None:
    held = {n: len(ACT.below(f"Art. {n}")) for n in COUNTED}
    assert held == COUNTED
    assert sum(COUNTED.values()) + 1 == len(ACT.assessed) == 159  # and Article 4a


def test_titles_are_those_of_the_official_journal() -> None:
    assert {key: UNITS[key].title for key in TITLES} == TITLES
    for unit in UNITS.values():
        number = article(unit)
        if number is not None and unit.parent and unit.parent.startswith("Art."):
            assert unit.title == UNITS[f"Art. {number}"].title, unit.id


def test_titles_not_verified_are_marked_and_visible() -> None:
    unverified = [unit.id for unit in UNITS.values() if not unit.title_verified]
    assert unverified == ["Art. 75b", "Art. 75c", "Art. 75d"]
    unread = {u.id for u in UNITS.values() if u.amended and not u.amended.verified}
    assert unread == {*unverified} | {f"Art. {n}" for n in (64, 69, 70, 76, 77, 95, 96)}


def test_dates_are_those_of_the_amended_article_113() -> None:
    held = {
        key: (UNITS[key].applies_from, UNITS[key].applies_from_before_amendment) for key in DATES
    }
    assert held == DATES


def test_high_risk_duties_have_a_day_for_each_annex() -> None:
    for unit in ACT.assessed:
        if {*unit.classes} & {*BOTH} and article(unit) not in {50}:
            expected = {ANNEX_III: "2027-12-02", ANNEX_I: "2028-08-02"}
            before = {ANNEX_III: "2026-08-02", ANNEX_I: "2027-08-02"}
            days = {name: unit.applies_from_for(name) for name in unit.classes}
            assert days == {name: expected[name] for name in unit.classes}, unit.id
            assert unit.applies_from_before_amendment == before[unit.classes[0]], unit.id


def test_requirements_and_duties_of_chapter_iii_bind_both_classes_but_few() -> None:
    single = {
        unit.id: unit.classes
        for section in (2, 3, 5)
        for unit in ACT.below(f"Chapter III, Section {section}")
        if unit.classes != BOTH
    }
    annex_i = {"Art. 8(2)", "Art. 11(2)", "Art. 25(3)", "Art. 43(3)"}
    assert {key for key, classes in single.items() if classes == (ANNEX_I,)} == annex_i
    assert {key for key, classes in single.items() if classes == ("derogation_6_3",)} == {
        "Art. 49(2)"
    }
    assert {key for key, classes in single.items() if classes == (ANNEX_III,)} == {
        "Art. 12(3)", "Art. 14(5)", "Art. 26(11)", "Art. 27(1)", "Art. 27(2)", "Art. 27(3)",
        "Art. 43(1)", "Art. 43(2)", "Art. 49(1)", "Art. 49(3)", "Art. 49(4)", "Art. 49(5)",
    }  # fmt: skip


def test_units_that_hang_on_article_6_carry_both_days_and_the_reading() -> None:
    formal = {article(unit) for unit in UNITS.values() if unit.formally_from} - {None}
    assert formal == HANGING
    for unit in UNITS.values():
        if unit.formally_from:
            assert unit.formally_from == "2026-08-02"
            assert unit.applies_from == ("2028-08-02" if unit.classes == (ANNEX_I,) else
                                         "2027-12-02"), unit.id  # fmt: skip
            assert "medium confidence" in str(unit.interpretation)


@pytest.mark.parametrize(
    ("role", "articles"),
    [
        ("importer", {23, 25}), ("distributor", {24, 25}), ("product_manufacturer", {25}),
        ("authorised_representative", {22, 49, 54}), ("gpai_provider", {53, 54}),
        ("gpai_systemic_risk_provider", {55}), ("public_authority_deployer", {26, 49}),
        ("law_enforcement_deployer", {5, 26}), ("third_party_supplier", {25}),
    ],
)  # fmt: skip
def test_roles_beside_provider_and_deployer_are_bound_where_the_act_says(
    role: str, articles: set[int]
) -> None:
    assert {article(unit) for unit in ACT.assessed if role in unit.roles} == articles


def test_deployers_are_bound_by_these_articles_only() -> None:
    bound = {article(u) for u in ACT.assessed if "deployer" in u.roles and u.id != "Art. 4a"}
    assert bound == {4, 5, 14, 25, 26, 27, 50, 72, 73, 86}


def test_marking_of_content_has_grace_until_december_2026() -> None:
    grace = UNITS["Art. 50(2)"].transition
    assert grace is not None
    assert (grace.placed_before, grace.applies_from) == ("2026-08-02", "2026-12-02")
    assert [u.id for u in UNITS.values() if u.transition] == ["Art. 50(2)"]


def test_penalties_are_those_in_force_and_not_those_of_the_proposal() -> None:
    held = {p.id: (p.max_eur, p.max_percent, p.applies_from) for p in ACT.penalties}
    assert held == {
        "Art. 99(3)": (35_000_000, 7, "2025-08-02"),
        "Art. 99(4)": (15_000_000, 3, "2025-08-02"),
        "Art. 99(5)": (7_500_000, 1, "2025-08-02"),
        "Art. 100(2)": (1_500_000, None, "2025-08-02"),
        "Art. 100(3)": (750_000, None, "2025-08-02"),
        "Art. 101(1)": (15_000_000, 3, "2026-08-02"),
    }
    assert not {30_000_000, 20_000_000, 10_000_000} & {p.max_eur for p in ACT.penalties}


@pytest.mark.parametrize(
    ("unit", "penalty"),
    [
        ("Art. 5(1)(f)", "Art. 99(3)"), ("Art. 26(5)", "Art. 99(4)"),
        ("Art. 25(4)", "Art. 99(4)"), ("Art. 50(2)", "Art. 99(4)"),
        ("Art. 53(1)(a)", "Art. 101(1)"),
    ],
)  # fmt: skip
def test_penalty_of_a_unit_is_found_through_the_units_above(unit: str, penalty: str) -> None:
    assert [p.id for p in ACT.penalties_for(unit)] == [penalty]


def test_penalties_name_only_the_paragraphs_of_article_25_that_are_fined() -> None:
    assert ACT.penalties_for("Art. 25(1)") == ACT.penalties_for("Art. 4(1)") == ()


def test_calendar_is_in_order_and_marks_our_reading() -> None:
    days = [event.date for event in ACT.calendar]
    assert days == sorted(days)
    assert [e.date for e in ACT.calendar if e.ours] == ["2027-12-02", "2028-08-02"]
    applied = {day for e in ACT.calendar if e.kind in {"applies", "transition"} for day in [e.date]}
    for unit in UNITS.values():
        others = [d.applies_from for d in unit.other_dates]
        assert {day for day in [unit.applies_from, *others] if day} <= applied, unit.id


def test_agentic_ai_is_named_where_the_act_names_it() -> None:
    assert "agentic" in UNITS["Annex XIV"].summary
    assert [e.name for e in ACT.children["Annex III"]][3].startswith("Employment")
