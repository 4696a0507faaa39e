"""Whether the controls' cases bite: conditions flipped, negated or dropped must be noticed.

The normal run tries a share of the mutants; `soak` tries all and prints the kill rate.
"""

from __future__ import annotations

import pytest

from tests.builders.controls import CONTROLS, changed_texts, mutants

pytestmark = pytest.mark.usefixtures("shared_database")

MUTATED = [control.id for control in CONTROLS.values() if any(mutants(control))]
TRIED, NOTICED = 8, 2  # mutants per control in the normal run: several may be equivalent


def test_conjuncts_are_dropped_flipped_and_negated() -> None:
    texts = {text for text, _ in changed_texts("executed and amount > 5 and a is null")}
    assert texts == {
        "executed AND amount > 5",
        "a IS NULL",
        "executed AND a IS NULL",
        "amount > 5 AND a IS NULL",
        "executed AND amount >= 5 AND a IS NULL",
        "executed AND amount > 5 AND NOT (a IS NULL)",
    }


@pytest.mark.parametrize("control_id", MUTATED)
def test_some_conditions_mutated_are_noticed_by_the_cases(control_id: str) -> None:
    noticed, every = 0, list(mutants(CONTROLS[control_id]))
    # Spread over the whole test: the first ones are all of one clause.
    for mutant in every[:: max(1, len(every) // TRIED)][:TRIED]:
        noticed += mutant.killed() is True
        if noticed == NOTICED:
            return
    pytest.fail(f"the cases noticed {noticed} of {TRIED} mutants")


@pytest.mark.soak
@pytest.mark.parametrize("control_id", MUTATED)
def test_every_mutant_is_noticed_but_for_equivalent_ones(control_id: str) -> None:
    ran = [(mutant, mutant.killed()) for mutant in mutants(CONTROLS[control_id])]
    survivors = [mutant.change for mutant, killed in ran if killed is False]
    killed = sum(killed is True for _, killed in ran)
    print(f"{control_id}: {killed} of {killed + len(survivors)} mutants noticed")
    for change in survivors:
        print(f"  not noticed: {change}")
    assert killed >= 0.9 * (killed + len(survivors)), survivors
