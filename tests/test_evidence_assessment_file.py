"""The assessment's two files: what is read is what was written, and an edit shows."""

import json
from pathlib import Path

import pytest

from muniment.errors import EvidenceBrokenError, StoreError
from muniment.evidence.assessment_file import read_assessment, read_document, write_assessment
from muniment.evidence.codec import from_json_value, to_json_value
from muniment.evidence.dossier import load_dossier
from muniment.evidence.files import sha256, write_in_one_step
from muniment.integrity.canonical import canonical_json
from muniment.model.outcomes import Outcome
from muniment.model.results import Assessment, FrameworkScore
from tests.builders.assessments import PARAMETERS, SMALL, assessment, stored_assessment, with_item

ID = "A-20261120-1f2e3d4c"


def test_assessment_read_back_equals_the_one_written(tmp_path: Path) -> None:
    store = stored_assessment(tmp_path)
    assert read_assessment(store, ID) == assessment()[0]


def test_document_is_canonical_json_without_floats(tmp_path: Path) -> None:
    store = stored_assessment(tmp_path)
    text = (tmp_path / "assessments" / ID / "assessment.json").read_text()
    value = json.loads(text, parse_float=lambda f: pytest.fail(f"float {f} in the document"))
    assert canonical_json(value) + "\n" == text
    assert read_document(store, ID).digests.document_sha256 == sha256(text.encode())


def test_score_of_nothing_applicable_stays_none_and_not_zero() -> None:
    score = FrameworkScore("x", 0, 0, 0, 0, 0, 0, 0, 3, 0, None, None, "1")
    assert from_json_value(FrameworkScore, to_json_value(score)) == score


def test_shares_are_kept_exactly(tmp_path: Path) -> None:
    made, _, _ = assessment()
    back = from_json_value(Assessment, to_json_value(made))
    assert [s.lower for s in back.scores] == [s.lower for s in made.scores]


def test_controls_keep_their_sql_and_lose_only_their_cases(tmp_path: Path) -> None:
    store = stored_assessment(tmp_path)
    _, controls, frameworks = assessment()
    document = read_document(store, ID)
    assert document.controls == controls
    assert document.frameworks == frameworks
    assert document.parameters == PARAMETERS
    assert list(document.controls) == [r.control_id for r in document.assessment.controls]
    assert list(document.frameworks) == [s.framework_id for s in document.assessment.scores]


def test_each_line_of_items_is_canonical_and_links_to_its_page(tmp_path: Path) -> None:
    stored_assessment(tmp_path)
    made, _, _ = assessment()
    lines = (tmp_path / "assessments" / ID / "items.jsonl").read_text().splitlines()
    tests = [test for result in made.controls for test in result.tests]
    assert len(lines) == sum(len(test.items) + len(test.sample) for test in tests)
    for line in lines:
        value = json.loads(line)
        assert canonical_json(value) == line
        assert value["link"].startswith(f"/item?assessment={ID}&control={value['control_id']}&")


@pytest.mark.parametrize(
    "hostile", ["line\nbreak\r\u2028", '"}\n{"a":1', "\u0000\u001f", "x" * 10_000]
)
def test_hostile_text_stays_in_its_line_and_comes_back(tmp_path: Path, hostile: str) -> None:
    made = with_item(assessment(**SMALL)[0], reason=hostile, item_id=hostile, agent_id=hostile)
    store = stored_assessment(tmp_path, made)
    assert read_assessment(store, ID) == made


def test_same_assessment_gives_the_same_digests(tmp_path: Path) -> None:
    made, controls, frameworks = assessment()
    stores = [stored_assessment(tmp_path / name) for name in ("a", "b")]
    first, second = (write_assessment(s, made, controls, frameworks) for s in stores)
    assert first == second


def test_edited_item_breaks_the_document(tmp_path: Path) -> None:
    store = stored_assessment(tmp_path)
    path = tmp_path / "assessments" / ID / "items.jsonl"
    path.write_text(path.read_text().replace("3 min 12 s", "9 min 12 s", 1))
    with pytest.raises(EvidenceBrokenError, match=r"items\.jsonl"):
        read_document(store, ID)


def test_edited_control_text_breaks_the_document(tmp_path: Path) -> None:
    store = stored_assessment(tmp_path)
    path = tmp_path / "assessments" / ID / "assessment.json"
    path.write_text(
        path.read_text().replace("executed and autonomy_tier", "false and autonomy_tier", 1)
    )
    with pytest.raises(EvidenceBrokenError, match="controls/"):
        read_document(store, ID)


def test_edited_count_shows_against_the_records(tmp_path: Path) -> None:
    store = stored_assessment(tmp_path)
    path = tmp_path / "assessments" / ID / "assessment.json"
    path.write_text(path.read_text().replace('"exceptions":34', '"exceptions":33'))
    assert read_document(store, ID) is not None
    with pytest.raises(EvidenceBrokenError, match="the records say"):
        load_dossier(store)


def test_document_of_a_later_version_is_refused(tmp_path: Path) -> None:
    store = stored_assessment(tmp_path)
    path = tmp_path / "assessments" / ID / "assessment.json"
    path.write_text(path.read_text().replace('"format_version":"1"', '"format_version":"2"'))
    with pytest.raises(StoreError, match="another format or version"):
        read_document(store, ID)


@pytest.mark.parametrize("name", ["", "..", ".hidden", "a/b", "..\\x"])
def test_id_that_leaves_the_folder_is_refused(tmp_path: Path, name: str) -> None:
    store = stored_assessment(tmp_path)
    with pytest.raises(StoreError, match="no assessment id"):
        read_document(store, name)


def test_dossier_finds_the_latest_and_answers_by_control(tmp_path: Path) -> None:
    dossier = load_dossier(stored_assessment(tmp_path))
    assert dossier.assessment.assessment_id == ID
    assert len(dossier.items("OVR-03")) == 34 + 3 + 10
    assert len(dossier.items("OVR-03", Outcome.PENDING)) == 3
    assert dossier.items("XXX-99") == []
    sampled = dossier.results["OVR-03"].tests[0].sample[0]
    assert dossier.item("OVR-03", "main", sampled.item_id) == sampled
    assert len(dossier.requirements("eu_ai_act")) == 26


def test_dossier_of_unknown_assessment_says_so(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="no assessment `A-none`"):
        load_dossier(stored_assessment(tmp_path), "A-none")


def test_file_that_cannot_be_written_leaves_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    blocked = path / "below"
    with pytest.raises(StoreError, match="could not be written"):
        write_in_one_step(blocked, b"new", error=StoreError, what="it")
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["file"]
