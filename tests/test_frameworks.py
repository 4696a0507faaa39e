"""The frameworks that ship, against facts typed by hand from the laws and standards."""

from __future__ import annotations

import re

import pytest
import yaml

from muniment.bundle import mappings_root
from muniment.catalog.controls import load_controls
from muniment.catalog.frameworks import check_mappings, load_frameworks
from muniment.model.frameworks import ControlMapping, Framework, Requirement

FRAMEWORKS = load_frameworks()
FOLDER = mappings_root() / "frameworks"
EU = {r.id: r for r in FRAMEWORKS["eu_ai_act"].requirements}
ALL = [(f, r) for f in FRAMEWORKS.values() for r in f.requirements]
MAPPED = [(r, m) for _, r in ALL for m in r.controls]
HIGH_RISK = ("2027-12-02", "2026-08-02")

# Article, title in the Official Journal, applies from, and before Regulation (EU) 2026/1744.
EU_FACTS = {
    "Art. 4(1)": ("AI literacy", "2025-02-02", "2025-02-02"),
    "Art. 5(1)": ("Prohibited AI practices", "2025-02-02", "2025-02-02"),
    "Art. 12(1)": ("Record-keeping", *HIGH_RISK),
    "Art. 12(2)(a)": ("Record-keeping", *HIGH_RISK),
    "Art. 12(2)(c)": ("Record-keeping", *HIGH_RISK),
    "Art. 14(4)(d)": ("Human oversight", *HIGH_RISK),
    "Art. 14(4)(e)": ("Human oversight", *HIGH_RISK),
    "Art. 17(1)(m)": ("Quality management system", *HIGH_RISK),
    "Art. 19(1)": ("Automatically generated logs", *HIGH_RISK),
    "Art. 26(1)": ("Obligations of deployers of high-risk AI systems", *HIGH_RISK),
    "Art. 26(2)": ("Obligations of deployers of high-risk AI systems", *HIGH_RISK),
    "Art. 26(5)": ("Obligations of deployers of high-risk AI systems", *HIGH_RISK),
    "Art. 26(6)": ("Obligations of deployers of high-risk AI systems", *HIGH_RISK),
    "Art. 50(1)": (
        "Transparency obligations for providers and deployers of certain AI systems",
        "2026-08-02",
        "2026-08-02",
    ),
    # Formally since 2026-08-02; with Article 6 by decision 0006.
    "Art. 72(2)": (
        "Post-market monitoring by providers and post-market monitoring plan for high-risk AI "
        "systems",
        *HIGH_RISK,
    ),
    "Art. 73(2)": ("Reporting of serious incidents", *HIGH_RISK),
}  # fmt: skip
NIST_STATEMENTS = {
    "GOVERN 1.6": "Mechanisms are in place to inventory AI systems and are resourced according to "
    "organizational risk priorities.",
    "MAP 1.5": "Organizational risk tolerances are determined and documented.",
    "MEASURE 2.4": "The functionality and behavior of the AI system and its components – as "
    "identified in the MAP function – are monitored when in production.",
}
NIST_OTHER_IDS = {
    "GOVERN 1.4", "GOVERN 2.1", "MAP 3.5", "MEASURE 2.8", "MANAGE 1.1", "MANAGE 3.1", "MANAGE 4.1",
}  # fmt: skip
ISO_TITLES = {
    "5.2": "AI policy",
    "6.2": "AI objectives and planning to achieve them",
    "8.1": "Operational planning and control",
    "A.2.2": "AI policy",
    "A.3.2": "AI roles and responsibilities",
    "A.4.2": "Resource documentation",
    "A.6.2.6": "AI system operation and monitoring",
    "A.6.2.8": "AI system recording of event logs",
    "A.9.4": "Intended use of the AI system",
    "A.10.4": "Customers",
}
# Official text of clauses whose reuse is permitted, to compare our summaries with.
EU_TEXTS = {
    "Art. 12(1)": "High-risk AI systems shall technically allow for the automatic recording of "
    "events (logs) over the lifetime of the system.",
    "Art. 14(4)(d)": "to decide, in any particular situation, not to use the high-risk AI system "
    "or to otherwise disregard, override or reverse the output of the high-risk AI system;",
    "Art. 14(4)(e)": "to intervene in the operation of the high-risk AI system or interrupt the "
    "system through a 'stop' button or a similar procedure that allows the system to come to a "
    "halt in a safe state.",
    "Art. 17(1)(m)": "an accountability framework setting out the responsibilities of the "
    "management and other staff with regard to all the aspects listed in this paragraph.",
    "Art. 26(2)": "Deployers shall assign human oversight to natural persons who have the "
    "necessary competence, training and authority, as well as the necessary support.",
}  # fmt: skip
FIRST_CONTROLS = {
    "IDN-01": "", "OWN-01": "", "ACC-03": "", "OVR-03": "ABC", "AUD-01": "ABCDEFGH", "AUD-02": "",
    "DEV-04": "", "GOV-01": "",
}  # fmt: skip
MANUAL_ONLY = {
    "Art. 4(1)", "Art. 5(1)", "Art. 14(4)(e)", "Art. 50(1)", "MAP 1.5", "MANAGE 1.1",
    "6.2", "A.10.4",
}  # fmt: skip


def words(text: str) -> list[str]:
    return re.findall(r"[a-z0-9]+", text.lower())


def runs(text: str, length: int = 6) -> set[tuple[str, ...]]:
    """Every run of so many words: sharing one means copying a phrase."""
    said = words(text)
    return {tuple(said[n : n + length]) for n in range(len(said) - length + 1)}


def texts(framework: Framework) -> list[str]:
    own = [framework.name, framework.edition, framework.licence_note, framework.coverage_note]
    for requirement in framework.requirements:
        own += [requirement.title, requirement.summary, requirement.manual or ""]
        own += [mapping.rationale for mapping in requirement.controls]
    return own


def test_frameworks_shipped_are_the_three_with_their_counts() -> None:
    counts = {name: len(framework.requirements) for name, framework in FRAMEWORKS.items()}
    assert counts == {"eu_ai_act": 16, "iso_42001": 10, "nist_ai_rmf": 10}
    kinds = {name: framework.kind for name, framework in FRAMEWORKS.items()}
    assert kinds == {"eu_ai_act": "law", "iso_42001": "certifiable", "nist_ai_rmf": "voluntary"}


def test_eu_ids_titles_and_dates_are_those_of_the_amended_act() -> None:
    held = {r.id: (r.title, r.applies_from, r.applies_from_before_amendment) for r in EU.values()}
    assert held == EU_FACTS


def test_eu_roles_are_those_of_the_paragraphs() -> None:
    deployers = {key for key, r in EU.items() if r.roles == ("deployer",)}
    both = {key for key, r in EU.items() if set(r.roles) == {"provider", "deployer"}}
    assert deployers == {"Art. 26(1)", "Art. 26(2)", "Art. 26(5)", "Art. 26(6)"}
    assert both == {"Art. 4(1)", "Art. 5(1)", "Art. 73(2)"}
    assert all(r.roles == ("provider",) for key, r in EU.items() if key not in deployers | both)


def test_eu_high_risk_duties_carry_the_date_of_annex_iii_only() -> None:
    deferred = {key for key, r in EU.items() if r.applies_from == "2027-12-02"}
    assert {key for key, r in EU.items() if r.classes == ("high_risk_annex_iii",)} == deferred


def test_eu_edition_names_the_amending_regulation() -> None:
    assert "2026/1744" in FRAMEWORKS["eu_ai_act"].edition


def test_nist_ids_and_statements_are_official() -> None:
    held = {r.id: r.title for r in FRAMEWORKS["nist_ai_rmf"].requirements}
    assert held.keys() == NIST_STATEMENTS.keys() | NIST_OTHER_IDS
    assert {key: held[key] for key in NIST_STATEMENTS} == NIST_STATEMENTS


def test_iso_ids_and_titles_are_official() -> None:
    held = {r.id: r.title for r in FRAMEWORKS["iso_42001"].requirements}
    assert held == ISO_TITLES


@pytest.mark.parametrize("name", ["nist_ai_rmf", "iso_42001"])
def test_voluntary_frameworks_have_no_dates(name: str) -> None:
    assert {r.applies_from for r in FRAMEWORKS[name].requirements} == {None}


@pytest.mark.parametrize(
    ("name", "total", "missing"),
    [("eu_ai_act", 168, 152), ("nist_ai_rmf", 72, 62), ("iso_42001", 32 + 38, 60)],
)
def test_coverage_note_says_how_many_are_missing(name: str, total: int, missing: int) -> None:
    framework = FRAMEWORKS[name]
    assert total - len(framework.requirements) == missing
    assert f"{missing} " in framework.coverage_note
    assert "not in" in framework.coverage_note
    assert "expert judgement" in framework.coverage_note.replace("\n", " ")


def test_no_text_says_compliant() -> None:
    for path in FOLDER.glob("*.yaml"):
        assert "complian" not in path.read_text(encoding="utf-8").lower(), path.name


@pytest.mark.parametrize(("name", "requirement"), [(f.id, r) for f, r in ALL])
def test_summary_is_not_the_official_text(name: str, requirement: Requirement) -> None:
    official = requirement.title + " " + EU_TEXTS.get(requirement.id, "")
    assert words(requirement.summary) != words(requirement.title)
    assert not runs(requirement.summary) & runs(official)
    assert len(words(requirement.summary)) >= 8
    assert name in FRAMEWORKS


def test_official_texts_typed_belong_to_requirements() -> None:
    assert EU_TEXTS.keys() <= EU.keys()


def test_iso_texts_are_titles_and_own_words_only() -> None:
    for text in texts(FRAMEWORKS["iso_42001"]):
        assert not re.search(r"\bshall\b|the organization (shall|should)", text)
    assert all(len(words(title)) <= 8 for title in ISO_TITLES.values())


def test_mappings_name_the_first_controls_and_use_each() -> None:
    assert {m.control_id for _, m in MAPPED} == FIRST_CONTROLS.keys()
    for _, mapping in MAPPED:
        assert mapping.letter in FIRST_CONTROLS[mapping.control_id], mapping.control


def test_mappings_exist_in_the_control_catalog() -> None:
    check_mappings(FRAMEWORKS, load_controls())


def test_only_the_written_policy_is_evidenced_by_one_control() -> None:
    direct = [(r.id, m.control) for r, m in MAPPED if m.evidences]
    assert direct == [("A.2.2", "GOV-01")]
    assert not any(r.evidenced_together for _, r in ALL)


def test_requirements_without_control_say_what_a_person_must_bring() -> None:
    bare = {r.id for _, r in ALL if not r.controls}
    assert bare == MANUAL_ONLY
    assert all(r.manual for _, r in ALL if not r.controls)


def test_rationales_are_written_for_their_clause() -> None:
    said = [m.rationale for _, m in MAPPED]
    assert len(set(said)) == len(said)
    assert all(len(words(text)) >= 12 for text in said)


def test_inventory_is_evidenced_in_part_at_most() -> None:
    inventory = next(r for _, r in ALL if r.id == "GOVERN 1.6")
    assert [(m.control, m.contributes) for m in inventory.controls] == [("IDN-01", True)]


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.yaml")), ids=lambda path: path.stem)
def test_keys_stand_in_the_order_of_the_model(path: object) -> None:
    content = yaml.safe_load(path.read_text(encoding="utf-8"))  # type: ignore[attr-defined]

    def in_order(
        entry: dict[str, object], model: type[Framework | Requirement | ControlMapping]
    ) -> None:
        assert list(entry) == [key for key in model.model_fields if key in entry], entry.get("id")

    in_order(content, Framework)
    for requirement in content["requirements"]:
        in_order(requirement, Requirement)
        for mapping in requirement["controls"]:
            in_order(mapping, ControlMapping)
