"""Another regime is one file: loaded, checked, assessed and scored without a line of Python."""

from __future__ import annotations

from pathlib import Path

import pytest

from muniment.assessment.applicability import applicability_by_requirement
from muniment.assessment.crosswalk import computed_pairs
from muniment.assessment.requirements import assess_requirements
from muniment.assessment.rollup import roll_up
from muniment.assessment.scores import score_framework
from muniment.catalog.controls import load_controls
from muniment.catalog.frameworks import check_mappings, load_frameworks
from muniment.cli.main import run
from muniment.model.frameworks import Framework
from muniment.model.outcomes import RequirementState, State
from tests.builders.another_regime import OWASP_AGENTIC
from tests.builders.results import results

AGENTS = [{"agent_id": "AGT-1", "eu_in_scope": False}, {"agent_id": "AGT-2"}]
DAY = "2026-11-22"
ROOT = Path(__file__).parent.parent


@pytest.fixture
def regime(tmp_path: Path) -> Framework:
    (tmp_path / "owasp_agentic.yaml").write_text(OWASP_AGENTIC, encoding="utf-8")
    found = load_frameworks(tmp_path)
    check_mappings(found, load_controls(), tmp_path)
    return found["owasp_agentic"]


def test_regime_is_loaded_from_one_file_with_unverified_titles_marked(regime: Framework) -> None:
    assert [unit.id for unit in regime.assessed] == [f"ASI{n:02d}" for n in range(1, 11)]
    assert not any(unit.title_verified for unit in regime.assessed)
    assert "not verified" in regime.coverage_note.replace("\n", " ")


def test_regime_is_assessed_scored_and_rolled_up(regime: Framework) -> None:
    held = {"owasp_agentic": regime}
    applicability = applicability_by_requirement(held, AGENTS, DAY)
    controls = results(ACC_03=State.PASS, AUD_01=State.PASS, IDN_01=State.FAIL, OVR_03=State.ERROR)
    assessed = assess_requirements(held, controls, DAY, applicability)
    states = {r.requirement_id: r.state for r in assessed}
    assert states["ASI02"] is RequirementState.PARTLY
    assert states["ASI03"] is states["ASI10"] is RequirementState.EXCEPTIONS
    assert states["ASI09"] is RequirementState.NOT_TESTED
    assert states["ASI08"] is RequirementState.MANUAL  # what only supports proves nothing
    score = score_framework("owasp_agentic", assessed)
    assert (score.applicable, score.exceptions, score.partly, score.manual) == (10, 2, 1, 6)
    assert roll_up(regime, assessed)["ASI02"].state is RequirementState.PARTLY


def test_regime_is_set_beside_the_others_by_controls_alone(regime: Framework) -> None:
    nist = load_frameworks()["nist_ai_rmf"]
    pairs = {(p.first_id, p.second_id) for p in computed_pairs(regime, nist)}
    assert ("ASI03", "GOVERN 1.6") in pairs


def test_regime_passes_the_command_that_checks_a_folder(
    regime: Framework, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["frameworks", "validate", str(tmp_path)]) == 0
    assert "owasp_agentic: 10 units, 10 counted, 6 mappings." in capsys.readouterr().out


def test_regime_may_be_split_into_parts(regime: Framework, tmp_path: Path) -> None:
    head, _, units = OWASP_AGENTIC.partition("requirements:\n")
    first, mark, rest = units.partition("  - id: ASI06")
    folder = tmp_path / "split" / "owasp_agentic"
    folder.mkdir(parents=True)
    (folder / "framework.yaml").write_text(head, encoding="utf-8")
    (folder / "1_first.yaml").write_text("requirements:\n" + first, encoding="utf-8")
    (folder / "2_rest.yaml").write_text(f"requirements:\n{mark}{rest}", encoding="utf-8")
    parted = load_frameworks(tmp_path / "split")["owasp_agentic"]
    assert parted.requirements == regime.requirements
    assert parted.digest != regime.digest


def test_law_that_the_register_knows_nothing_of_is_undetermined(tmp_path: Path) -> None:
    law = OWASP_AGENTIC.replace("kind: voluntary", "kind: law", 1)
    law = law.replace("requirements:\n", "applicability: {}\nrequirements:\n", 1)
    law = law.replace("    manual: Red-team", "    roles: [developer]\n    manual: Red-team", 1)
    (tmp_path / "owasp_agentic.yaml").write_text(law, encoding="utf-8")
    found = applicability_by_requirement(load_frameworks(tmp_path), AGENTS, DAY)
    bound, free = found["owasp_agentic", "ASI01"], found["owasp_agentic", "ASI02"]
    assert (bound.undetermined, bound.does_not_apply) == (2, 0)
    assert free.applies == 2


def test_smallest_framework_of_the_documentation_works(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "frameworks.md").read_text(encoding="utf-8")
    example = page.partition("```yaml\n")[2].partition("```")[0]
    (tmp_path / "house_rules.yaml").write_text(example, encoding="utf-8")
    found = load_frameworks(tmp_path)
    check_mappings(found, load_controls(), tmp_path)
    assert [unit.id for unit in found["house_rules"].assessed] == ["R1", "R2"]
