"""What a wrong framework file is answered with: file, line, and what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from muniment.catalog.frameworks import check_mappings, load_frameworks
from muniment.errors import CatalogError
from muniment.model.controls import Attribute, Control, ControlTest
from muniment.model.outcomes import TestKind

HEAD = """\
id: law
name: A law
short_name: Law
edition: first
issuer: somebody
kind: law
licence_note: free
coverage_note: whole
source: a source
requirements:
"""


def clause(id: str = "R 1", *, controls: tuple[str, ...] = ("AUD-01",), more: str = "") -> str:
    lines = [f"  - id: {id}", "    title: A title", "    summary: A summary.", "    source: s"]
    lines += [f"    {line}" for line in more.splitlines()]
    lines.append("    controls:" if controls else "    controls: []")
    for control in controls:
        lines.append(f"      - control: {control}")
        lines += ["        relation: subset", "        strength: partial", "        rationale: why"]
    return "\n".join(lines) + "\n"


def folder(tmp_path: Path, *clauses: str, name: str = "law.yaml", head: str = HEAD) -> Path:
    (tmp_path / name).write_text(head + "".join(clauses), encoding="utf-8")
    return tmp_path


def control(id: str, letters: str = "") -> Control:
    attributes = tuple(Attribute(letter=x, title=x, exception="false") for x in letters)
    test = ControlTest(id="main", kind=TestKind.EVENTS, title="t", attributes=attributes)
    return Control(
        id=id, title="t", objective="o", statement="s", risk="r", nature="detective",
        owner_role="o", frequency="daily", severity="high", tests=(test,), remedy="r",
        does_not_prove="much",
    )  # fmt: skip


CONTROLS = {"AUD-01": control("AUD-01", "AB"), "OWN-01": control("OWN-01")}


def refusal(source: Path) -> str:
    with pytest.raises(CatalogError) as caught:
        load_frameworks(source)
    return str(caught.value)


def test_framework_that_is_right_loads_with_its_digest(tmp_path: Path) -> None:
    source = folder(tmp_path, clause(controls=("AUD-01/A", "AUD-01/B", "OWN-01")))
    law = load_frameworks(source)["law"]
    assert [m.control for m in law.requirements[0].controls] == ["AUD-01/A", "AUD-01/B", "OWN-01"]
    assert len(law.digest) == 64
    check_mappings({"law": law}, CONTROLS, source)
    changed = load_frameworks(folder(tmp_path, clause(controls=("AUD-01",))))["law"]
    assert changed.digest != law.digest


def test_unknown_control_names_file_line_and_remedy(tmp_path: Path) -> None:
    source = folder(tmp_path, clause(controls=("AUD-01", "XYZ-09")))
    with pytest.raises(CatalogError) as caught:
        check_mappings(load_frameworks(source), CONTROLS, source)
    assert str(caught.value) == (
        "`law.yaml` line 20: requirement `R 1` names the unknown control `XYZ-09`. "
        "Use one of `AUD-01`, `OWN-01`, or add it to mappings/controls/."
    )


def test_unknown_attribute_names_those_that_exist(tmp_path: Path) -> None:
    source = folder(tmp_path, clause(controls=("AUD-01/C",)))
    with pytest.raises(CatalogError) as caught:
        check_mappings(load_frameworks(source), CONTROLS, source)
    assert str(caught.value) == (
        "`law.yaml` line 16: requirement `R 1` names the unknown attribute `AUD-01/C`. "
        "Control `AUD-01` has `A`, `B`."
    )


def test_duplicate_id_names_the_second_line(tmp_path: Path) -> None:
    message = refusal(folder(tmp_path, clause(), clause()))
    assert message == (
        "`law.yaml` line 20: requirement `R 1` stands twice. Keep one, with the controls of both."
    )


@pytest.mark.parametrize("text", ["2027-13-02", "2 December 2027", "2027-12-2", "20271202"])
@pytest.mark.parametrize("key", ["applies_from", "applies_from_before_amendment"])
def test_bad_date_names_line_and_form(tmp_path: Path, key: str, text: str) -> None:
    message = refusal(folder(tmp_path, clause(more=f'{key}: "{text}"')))
    assert message == (
        f"`law.yaml` line 15: requirement `R 1`: `{key}` is `{text}`, which is no day. "
        'Write it as "2027-12-02".'
    )


def test_unsorted_controls_say_which_goes_first(tmp_path: Path) -> None:
    message = refusal(folder(tmp_path, clause(controls=("OWN-01", "AUD-01"))))
    assert message == (
        "`law.yaml` line 20: requirement `R 1`: controls are not sorted, `AUD-01` comes after "
        "`OWN-01`. Put `AUD-01` before `OWN-01`."
    )


@pytest.mark.parametrize("second", ["AUD-01", "AUD-01/A"])
def test_control_mapped_besides_itself_or_its_attribute_is_refused(
    tmp_path: Path, second: str
) -> None:
    message = refusal(folder(tmp_path, clause(controls=("AUD-01", second))))
    assert "`law.yaml` line 20" in message
    assert "count twice" in message


def test_attribute_after_another_attribute_of_a_mapped_control_is_refused(tmp_path: Path) -> None:
    names = ("AUD-01", "AUD-01/A", "AUD-01/B")
    assert "count twice" in refusal(folder(tmp_path, clause(controls=names)))


def test_requirement_that_nothing_can_evidence_needs_manual(tmp_path: Path) -> None:
    message = refusal(folder(tmp_path, clause(controls=())))
    assert message == (
        "`law.yaml` line 15: requirement `R 1`: no control can evidence it, even in part. "
        "Say under `manual:` what evidence a person must bring."
    )
    load_frameworks(folder(tmp_path, clause(controls=(), more="manual: papers")))


def test_requirement_with_supporting_control_only_needs_manual(tmp_path: Path) -> None:
    text = clause().replace("relation: subset", "relation: supports")
    assert "even in part" in refusal(folder(tmp_path, text))


def test_evidenced_together_needs_two_contributing_controls(tmp_path: Path) -> None:
    message = refusal(folder(tmp_path, clause(more="evidenced_together: true")))
    assert "`law.yaml` line 15" in message
    assert "fewer than two" in message


def test_unknown_key_names_its_line(tmp_path: Path) -> None:
    message = refusal(folder(tmp_path, clause(more="colour: red")))
    assert "line 15" in message
    assert "colour" in message


def test_unknown_relation_names_its_line(tmp_path: Path) -> None:
    message = refusal(folder(tmp_path, clause().replace("subset", "resembles")))
    assert "line 17" in message
    assert "relation" in message


def test_id_other_than_the_file_name_is_refused(tmp_path: Path) -> None:
    message = refusal(folder(tmp_path, clause(), name="code.yaml"))
    assert "`code.yaml` line 1: id `law` differs from the file's name" in message


def test_empty_folder_is_refused(tmp_path: Path) -> None:
    assert "holds no framework" in refusal(tmp_path)
