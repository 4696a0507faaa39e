"""Every shipped control's own cases, run through the engine, and how rich those cases are."""

from __future__ import annotations

import pytest

from muniment.evaluation.cases import STATE_KEY, run_case
from muniment.model.controls import Control, ControlTest, TestCase
from muniment.model.outcomes import TestKind
from muniment.model.records import RECORD_TABLE_BY_NAME
from tests.builders.controls import CONTROLS, PARAMETERS

pytestmark = pytest.mark.usefixtures("shared_database")


TESTS = [
    pytest.param(control, test, id=f"{control.id}-{test.id}")
    for control in CONTROLS.values()
    for test in control.tests
]
CASES = [
    pytest.param(control, test, case, id=f"{control.id}-{test.id}-{case.name}")
    for control in CONTROLS.values()
    for test in control.tests
    for case in test.cases
]


@pytest.mark.parametrize(("control", "test", "case"), CASES)
def test_case_of_control_comes_out_as_expected(
    control: Control, test: ControlTest, case: TestCase
) -> None:
    outcome = run_case(control, test, case, PARAMETERS)
    assert outcome.ok, outcome.differences


@pytest.mark.parametrize(("control", "test"), TESTS)
def test_cases_hold_a_pass_an_exception_and_an_empty_population(
    control: Control, test: ControlTest
) -> None:
    words = {word.split()[0] for case in test.cases for word in case.expect.values()}
    failing = {"stale"} if test.kind is TestKind.ATTESTED else {"exception", "fail"}
    assert {"pass", "not_tested"} | failing <= words
    assert any(case.population == 0 for case in test.cases)


@pytest.mark.parametrize(("control", "test"), TESTS)
def test_cases_hold_a_missing_and_a_redacted_row_for_every_needed_column(
    control: Control, test: ControlTest
) -> None:
    needs = {*test.needs, *(need for attribute in test.attributes for need in attribute.needs)}
    if control.id == "AUD-01":
        pytest.skip("a column that is not carried is an exception here, see the test below")
    stated = {
        entry for case in test.cases for entries in case.missing.values() for entry in entries
    }
    expected = {f"{need}: not carried" for need in needs - {*test.must_carry}}
    relations = {*test.joins, *RECORD_TABLE_BY_NAME}  # they are there or not, never masked
    expected |= {f"{need}: redacted" for need in needs - relations}
    assert expected <= stated


def test_minimum_data_set_cases_break_every_attribute_by_absence_and_by_redaction() -> None:
    test = CONTROLS["AUD-01"].tests[0]
    words = {word for case in test.cases for word in case.expect.values()}
    for letter in "ABCDEFGH":
        assert f"exception {letter}" in words
        assert f"undetermined {letter}" in words


def test_a_case_that_expects_wrongly_is_reported_with_item_and_reason() -> None:
    control = CONTROLS["OWN-01"]
    case = control.tests[0].cases[1]
    wrong = case.model_copy(update={"expect": {"a1": "pass", STATE_KEY: "pass"}, "population": 2})
    outcome = run_case(control, control.tests[0], wrong, PARAMETERS)
    assert outcome.differences == (
        "`a1` is exception (agent a1 has no owner), expected pass",
        "state is fail, expected pass",
        "population is 1, expected 2",
    )


def test_a_case_that_forgets_an_item_is_reported() -> None:
    control = CONTROLS["OWN-01"]
    case = control.tests[0].cases[3]
    fewer = {key: word for key, word in case.expect.items() if key != "blank"}
    forgetful = case.model_copy(update={"expect": fewer, "reasons": {}})
    outcome = run_case(control, control.tests[0], forgetful, PARAMETERS)
    assert outcome.differences == ("`blank` is exception, which nothing expects",)
