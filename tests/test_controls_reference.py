"""Controls agree with predicates written by hand from their prose, over random small worlds."""

from __future__ import annotations

import pytest

from tests.builders.controls import CONTROLS, evaluate, inputs
from tests.builders.reference_predicates import PREDICATES
from tests.builders.reference_world import World, given_rows, world

SHORT, LONG = 1, 40  # worlds per control


pytestmark = pytest.mark.usefixtures("shared_database")


def disagreements(control_id: str, of: World, seed: int) -> list[str]:
    result = evaluate(inputs(**given_rows(of)), CONTROLS[control_id])[0].tests[0]
    assert not result.error
    found = {i.item_id: (i.outcome.value, i.reason) for i in (*result.sample, *result.items)}
    expected = PREDICATES[control_id](of)
    # What passes is sampled, so the count stands for those that neither list names.
    wrong = [
        f"seed {seed}: `{key}` is {found.get(key)}, by hand {expected.get(key)}"
        for key in sorted({*found, *(k for k, v in expected.items() if v != "pass")})
        if found.get(key, ("outside",))[0] != expected.get(key, "outside")
    ]
    if result.population != len(expected):
        wrong.append(f"seed {seed}: population {result.population}, by hand {len(expected)}")
    return wrong


@pytest.mark.parametrize("control_id", PREDICATES)
def test_control_agrees_with_its_reference(control_id: str) -> None:
    assert [d for seed in range(SHORT) for d in disagreements(control_id, world(seed), seed)] == []


@pytest.mark.soak
@pytest.mark.parametrize("control_id", PREDICATES)
def test_control_agrees_with_its_reference_in_many_worlds(control_id: str) -> None:
    assert [d for seed in range(LONG) for d in disagreements(control_id, world(seed), seed)] == []


def test_worlds_hold_every_outcome_of_every_reference() -> None:
    seen = {
        control_id: {outcome for seed in range(LONG) for outcome in tell(world(seed)).values()}
        for control_id, tell in PREDICATES.items()
    }
    wanted = {"pass", "exception", "undetermined"}
    assert {key: outcomes for key, outcomes in seen.items() if not wanted <= outcomes} == {}
