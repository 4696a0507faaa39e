"""What holds for every framework that ships: own words, honest notes, mappings that exist."""

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
ALL = [(f, r) for f in FRAMEWORKS.values() for r in f.requirements]
MAPPED = [(r, m) for _, r in ALL for m in r.controls]
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
# Controls that no requirement maps yet. Add a new one here only until its mapping is written.
UNMAPPED: set[str] = set()
COUNTED = {"eu_ai_act": 159, "iso_42001": 70, "nist_ai_rmf": 72}


def words(text: str) -> list[str]:
    return re.findall(r"[a-z0-9]+", text.lower())


def runs(text: str, length: int = 6) -> set[tuple[str, ...]]:
    """Every run of so many words: sharing one means copying a phrase."""
    said = words(text)
    return {tuple(said[n : n + length]) for n in range(len(said) - length + 1)}


def own_texts(framework: Framework) -> list[str]:
    """What we wrote: everything but official titles and quotations of what others say."""
    own = [framework.licence_note, framework.coverage_note]
    for unit in framework.requirements:
        own += [unit.label, unit.summary, unit.manual or "", unit.not_assessed or ""]
        own += [mapping.rationale for mapping in unit.controls]
    return own


def test_frameworks_shipped_are_the_three_with_their_counts() -> None:
    assert {name: len(f.assessed) for name, f in FRAMEWORKS.items()} == COUNTED
    kinds = {name: framework.kind for name, framework in FRAMEWORKS.items()}
    assert kinds == {"eu_ai_act": "law", "iso_42001": "certifiable", "nist_ai_rmf": "voluntary"}


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("eu_ai_act", "159 units ask something of an organisation"),
        ("eu_ai_act", "All 113 articles, the 6 inserted in 2026 and the 14 annexes"),
        ("nist_ai_rmf", "All 4 functions, 19 categories and 72 subcategories"),
        ("iso_42001", "All 32 lowest-level clauses"),
        ("iso_42001", "all 38 controls of Annex A"),
    ],
)
def test_coverage_note_says_what_is_counted(name: str, said: str) -> None:
    assert said in FRAMEWORKS[name].coverage_note
    assert "expert judgement" in FRAMEWORKS[name].coverage_note


def test_edition_names_the_amending_regulation() -> None:
    assert "2026/1744" in FRAMEWORKS["eu_ai_act"].edition


def test_no_text_of_ours_says_compliant() -> None:
    for framework in FRAMEWORKS.values():
        for text in own_texts(framework):
            assert "complian" not in text.lower(), text


def test_summaries_are_not_the_official_texts() -> None:
    for _, unit in ALL:
        official = unit.title + " " + EU_TEXTS.get(unit.id, "")
        assert words(unit.summary) != words(unit.title), unit.id
        assert not runs(unit.summary) & runs(official), unit.id
        assert unit.summary.endswith("."), unit.id
        if unit.assessed:
            assert len(words(unit.summary)) >= 7, unit.id


def test_official_texts_typed_belong_to_requirements() -> None:
    assert EU_TEXTS.keys() <= FRAMEWORKS["eu_ai_act"].units.keys()


def test_labels_are_short() -> None:
    for _, unit in ALL:
        assert len(unit.label) <= 60, unit.id


def test_mappings_exist_in_the_control_catalog() -> None:
    check_mappings(FRAMEWORKS, load_controls())


def test_only_the_written_policy_is_evidenced_by_one_control() -> None:
    direct = [(r.id, m.control) for r, m in MAPPED if m.evidences]
    assert direct == [("A.2.2", "GOV-01")]
    assert not any(r.evidenced_together for _, r in ALL)


def test_requirements_without_control_say_what_a_person_must_bring() -> None:
    for _, unit in ALL:
        if unit.assessed and not any(not m.only_supports for m in unit.controls):
            assert unit.manual, unit.id


def test_every_control_is_mapped_by_a_requirement() -> None:
    mapped = {m.control_id for _, m in MAPPED}
    assert load_controls().keys() - mapped == UNMAPPED


def test_rationales_are_written_for_their_clause() -> None:
    said = [m.rationale for _, m in MAPPED]
    assert len(set(said)) == len(said)
    assert all(len(words(text)) >= 12 for text in said)


def test_inventory_is_evidenced_in_part_at_most() -> None:
    inventory = FRAMEWORKS["nist_ai_rmf"].units["GOVERN 1.6"]
    assert "IDN-01" in {m.control for m in inventory.controls if m.contributes}
    assert not any(m.evidences for m in inventory.controls)


def test_keys_stand_in_the_order_of_the_model() -> None:
    def in_order(
        entry: dict[str, object], model: type[Framework | Requirement | ControlMapping]
    ) -> None:
        assert list(entry) == [key for key in model.model_fields if key in entry], entry.get("id")

    for path in sorted(FOLDER.glob("**/*.yaml")):
        content = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
        in_order(content, Framework)
        for requirement in content.get("requirements", []):
            in_order(requirement, Requirement)
            for mapping in requirement.get("controls", []):
                in_order(mapping, ControlMapping)
