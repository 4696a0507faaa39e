"""Maturity: stages are earned in order, and what is missing is named."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from muniment.assessment.maturity import (
    ORGANISATION,
    assess_agent_maturity,
    assess_maturity,
    whole_months_before,
)
from muniment.catalog.controls import load_controls
from muniment.catalog.maturity import load_maturity
from muniment.errors import CatalogError
from muniment.model.maturity import MaturityModel, Standing
from muniment.model.outcomes import State
from muniment.model.results import ControlResult
from tests.builders.results import control_result, one_test, results

DAY = "2026-11-20"
MONTHS = ("2026-08", "2026-09", "2026-10")
MODEL = """
id: maturity
edition: "1"
source: test
reference: test
months: 3
stages:
  - {stage: 1, name: Ad hoc, meaning: m, share_percent: 45}
  - {stage: 2, name: Defined, meaning: m, share_percent: 35}
  - {stage: 3, name: Managed, meaning: m, share_percent: 15}
  - {stage: 4, name: Embedded, meaning: m, share_percent: 5}
domains:
  - id: AUD
    name: Audit trail
    criteria:
      2:
        - {control: AUD-01, wants: tested, why: w}
      3:
        - {control: AUD-01, wants: holds, why: w}
      4:
        - {control: AUD-01, wants: sustained, why: w}
  - id: GOV
    name: Programme
    criteria:
      2:
        - {control: GOV-01, wants: holds, why: w}
"""


@pytest.fixture(scope="module")
def model() -> MaturityModel:
    return MaturityModel.model_validate(yaml.safe_load(MODEL))


def standing(model: MaturityModel, subject: str, found: dict[str, ControlResult]) -> Standing:
    return next(s for s in assess_maturity(model, found, DAY) if s.subject == subject)


def audited(**by_day: tuple[int, int, int]) -> dict[str, ControlResult]:
    """AUD-01 passes; `d2026_08_03=(10, 0, 0)` says what was tested on a day."""
    days = {name[1:].replace("_", "-"): counts for name, counts in by_day.items()}
    test = replace(one_test(State.PASS), by_day=days)
    return {"AUD-01": control_result("AUD-01", State.PASS, test)}


def test_nothing_tested_leaves_every_subject_at_the_first_stage(model: MaturityModel) -> None:
    assert [s.stage for s in assess_maturity(model, {}, DAY)] == [1, 1, 1]


def test_control_with_exceptions_is_tested_but_does_not_hold(model: MaturityModel) -> None:
    found = standing(model, "AUD", results(AUD_01=State.FAIL))
    assert (found.stage, found.next_stage) == (2, 3)
    assert [one.because for one in found.missing] == ["AUD-01 shows exceptions"]


@pytest.mark.parametrize(
    "state", [State.NOT_TESTED, State.ERROR, State.NOT_APPLICABLE, State.STALE]
)
def test_state_without_conclusion_is_not_tested(model: MaturityModel, state: State) -> None:
    assert standing(model, "AUD", results(AUD_01=state)).stage == 1


def test_undetermined_with_some_conclusions_is_tested_but_does_not_hold(
    model: MaturityModel,
) -> None:
    found = standing(model, "AUD", results(AUD_01=State.UNDETERMINED))
    assert found.stage == 2


def test_tolerated_exceptions_do_not_hold(model: MaturityModel) -> None:
    assert standing(model, "AUD", results(AUD_01=State.EXCEPTED)).stage == 2


def test_control_held_in_every_whole_month_is_sustained(model: MaturityModel) -> None:
    found = standing(
        model, "AUD", audited(d2026_08_03=(9, 0, 0), d2026_09_30=(1, 0, 0), d2026_10_01=(4, 0, 0))
    )
    assert (found.stage, found.next_stage, found.missing) == (4, None, ())


@pytest.mark.parametrize(
    ("third", "why"),
    [({}, "an empty month"), ({"d2026_10_01": (4, 0, 1)}, "a day left undetermined"),
     ({"d2026_11_01": (4, 0, 0)}, "only the month that is not over")],
)  # fmt: skip
def test_month_that_does_not_hold_is_named(
    model: MaturityModel, third: dict[str, tuple[int, int, int]], why: str
) -> None:
    found = standing(model, "AUD", audited(d2026_08_03=(9, 0, 0), d2026_09_30=(1, 0, 0), **third))
    assert found.stage == 3, why
    assert found.missing[0].because.endswith("but not over the whole of 2026-10")


def test_organisation_stands_where_its_lowest_domain_stands(model: MaturityModel) -> None:
    found = standing(model, ORGANISATION, results(AUD_01=State.PASS))
    assert found.stage == 1
    assert [one.control for one in found.missing] == ["GOV-01"]


def test_stage_without_criteria_cannot_be_held(model: MaturityModel) -> None:
    found = standing(model, "GOV", results(GOV_01=State.ATTESTED))
    assert (found.stage, found.next_stage, found.missing) == (2, 3, ())


def named(**by_agent: tuple[int, int, int]) -> dict[str, ControlResult]:
    test = replace(one_test(State.FAIL), by_agent=by_agent)
    return {"AUD-01": control_result("AUD-01", State.FAIL, test)}


@pytest.mark.parametrize(
    ("counts", "stage"), [((9, 0, 0), 3), ((9, 1, 0), 2), ((9, 0, 1), 2), ((1, 0, 1), 1)]
)
def test_agent_is_judged_by_its_own_items(
    model: MaturityModel, counts: tuple[int, int, int], stage: int
) -> None:
    found = assess_agent_maturity(model, named(a1=counts, a2=(9, 9, 0)), "a1")
    assert [(one.subject, one.stage) for one in found] == [("a1", stage), ("AUD", stage)]


def test_agent_that_no_control_names_has_no_stage(model: MaturityModel) -> None:
    assert assess_agent_maturity(model, named(a2=(9, 0, 0)), "a1") == ()


def test_whole_months_end_with_the_last_finished_one() -> None:
    assert whole_months_before("2026-11-29", 3) == list(MONTHS)
    assert whole_months_before("2026-11-30", 3) == ["2026-09", "2026-10", "2026-11"]
    assert whole_months_before("2026-01-15", 2) == ["2025-11", "2025-12"]


def test_shipped_model_is_sound_and_names_known_controls() -> None:
    shipped = load_maturity(load_controls())
    assert [stage.name for stage in shipped.stages] == ["Ad hoc", "Defined", "Managed", "Embedded"]
    assert [stage.share_percent for stage in shipped.stages] == [45, 35, 15, 5]


@pytest.mark.parametrize(
    ("was", "becomes", "said"),
    [
        ("AUD-01, wants: sustained", "AUD-99, wants: holds", "control `AUD-99` is unknown"),
        ("GOV-01, wants: holds", "GOV-01, wants: sustained", "no days to sustain"),
        ("share_percent: 45", "share_percent: 44", "do not add up to 100"),
        ("stage: 4", "stage: 5", "not numbered"),
        ("wants: tested", "wants: tick", "criteria.2.0.wants"),
    ],
)
def test_wrong_model_is_refused_with_its_place(
    tmp_path: Path, was: str, becomes: str, said: str
) -> None:
    path = tmp_path / "maturity.yaml"
    path.write_text(MODEL.replace(was, becomes))
    with pytest.raises(CatalogError, match=said):
        load_maturity(load_controls(), path)
