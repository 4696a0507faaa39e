"""Builders for controls, inputs and mutants of controls."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import sqlglot
from sqlglot import exp

from muniment.catalog.controls import load_controls
from muniment.catalog.parameters import load_parameters
from muniment.evaluation.cases import CASE_CLOCK, case_inputs, run_case
from muniment.evaluation.engine import evaluate_inputs
from muniment.evaluation.inputs import Inputs, Setting
from muniment.model.controls import Attribute, Control, ControlTest, Parameter, TestCase
from muniment.model.outcomes import TestKind
from muniment.model.results import ControlResult

CONTROLS = load_controls()
PARAMETERS = load_parameters()
SETTING = Setting(CASE_CLOCK, "Europe/Berlin", PARAMETERS)


def event(event_id: str = "e1", **columns: Any) -> dict[str, Any]:
    """An executed write of agent a1 on 20 November 2026, with any column changed or added."""
    usual = {
        "event_id": event_id, "event_time": "2026-11-20T10:00:00Z", "agent_id": "a1",
        "action_type": "write", "executed": True, "outcome": "success", "target_name": "refund",
    }  # fmt: skip
    return {k: v for k, v in {**usual, **columns}.items() if v is not None}


def inputs(setting: Setting = SETTING, **given: list[dict[str, Any]]) -> Inputs:
    """Inputs holding the given rows by relation."""
    return case_inputs(TestCase(name="built", given=given), setting)


def control(*tests: ControlTest, **changes: Any) -> Control:
    """A control with these tests."""
    usual: dict[str, Any] = {
        "id": "TST-99", "title": "t", "objective": "o", "statement": "s", "risk": "r",
        "nature": "detective", "owner_role": "w", "frequency": "daily", "severity": "low",
        "tests": tests, "remedy": "m", "does_not_prove": "d",
    }  # fmt: skip
    return Control(**{**usual, **changes})


def events_test(**changes: Any) -> ControlTest:
    """An events test over every event: an exception where the action is destructive."""
    usual: dict[str, Any] = {
        "id": "built", "kind": "events", "title": "t", "population": "true",
        "exception": "action_type = 'destructive'", "needs": ("action_type",),
    }  # fmt: skip
    return ControlTest(**{**usual, **changes})


def registry_test(sql: str, **changes: Any) -> ControlTest:
    """A registry test with this SELECT."""
    return ControlTest(id="built", kind=TestKind.REGISTRY, title="t", sql=sql, **changes)


def evaluate(
    given: Inputs, *controls: Control, setting: Setting = SETTING
) -> tuple[ControlResult, ...]:
    """The controls' results over the inputs."""
    return evaluate_inputs(given, {c.id: c for c in controls}, setting)


def parameters(**values: int) -> dict[str, Parameter]:
    """The shipped parameters with values changed."""
    return {
        name: p.model_copy(update={"value": values.get(name, p.value)})
        for name, p in PARAMETERS.items()
    }


@dataclass(frozen=True)
class Mutant:
    """A control's test with one condition changed, and what was changed."""

    control: Control
    test: ControlTest
    change: str

    def killed(self) -> bool | None:
        """Whether some case notices; None where the mutant does not even run."""
        # The fullest cases first: they notice most, and one that notices is enough.
        for case in sorted(self.test.cases, key=lambda c: -sum(map(len, c.given.values()))):
            outcome = run_case(self.control, self.test, case, PARAMETERS)
            if outcome.result.error:
                return None
            if not outcome.ok:
                return True
        return False


def mutants(of: Control) -> Iterator[Mutant]:
    """Every mutant of the control's conditions: flipped, negated, dropped, off by one instant."""
    for test in of.tests:
        if test.kind is TestKind.EVENTS:
            yield from _events_mutants(of, test)
        elif test.sql:
            for sql, change in changed_texts(test.sql, select=True):
                yield Mutant(of, test.model_copy(update={"sql": sql}), change)


def _events_mutants(of: Control, test: ControlTest) -> Iterator[Mutant]:
    for name in ("population", "exception"):
        for text, change in changed_texts(getattr(test, name)):
            yield Mutant(of, test.model_copy(update={name: text}), f"{name}: {change}")
    for number, attribute in enumerate(test.attributes):
        for name in ("population", "exception"):
            for text, change in changed_texts(getattr(attribute, name)):
                changed: Attribute = attribute.model_copy(update={name: text})
                all_ = (*test.attributes[:number], changed, *test.attributes[number + 1 :])
                update = {"attributes": all_}
                title = f"{attribute.letter} {name}: {change}"
                yield Mutant(of, test.model_copy(update=update), title)


_FLIPS: dict[type[exp.Expr], type[exp.Expr]] = {
    exp.EQ: exp.NEQ, exp.NEQ: exp.EQ, exp.GT: exp.GTE, exp.GTE: exp.GT, exp.LT: exp.LTE,
    exp.LTE: exp.LT, exp.NullSafeEQ: exp.NullSafeNEQ, exp.NullSafeNEQ: exp.NullSafeEQ,
}  # fmt: skip
_WORDS = {"reason", "evidence_ref", "observed_at", "event_id", "budget_of"}


def changed_texts(text: str | None, *, select: bool = False) -> Iterator[tuple[str, str]]:
    """Each one-step change of an expression (or of a SELECT's conditions), with its description."""
    if text is None:
        return
    tree = sqlglot.parse_one(text, dialect="duckdb")
    for node in list(tree.walk()):
        if select and _in_words(node):
            continue
        for new, description in _changes(node):
            if node is tree:
                yield new.sql(dialect="duckdb"), description
                continue
            # In place and back again: a copy of the whole tree for each change takes far longer.
            node.replace(new)
            changed = tree.sql(dialect="duckdb")
            new.replace(node)
            yield changed, description


def _in_words(node: exp.Expr) -> bool:
    alias = node.find_ancestor(exp.Alias)
    while alias is not None:
        if alias.alias in _WORDS:
            return True
        alias = alias.find_ancestor(exp.Alias)
    return False


def _changes(node: exp.Expr) -> Iterator[tuple[exp.Expr, str]]:
    if isinstance(node, exp.Case) and len(node.args["ifs"]) > 1:
        for number, branch in enumerate(node.args["ifs"]):
            yield _without_branch(node, number), f"dropped `{branch.sql(dialect='duckdb')[:90]}`"
        return
    if isinstance(node, exp.And | exp.Or):
        for kept, gone in (("this", "expression"), ("expression", "this")):
            dropped = node.args[gone].sql(dialect="duckdb")[:160]
            yield node.args[kept].copy(), f"dropped `{dropped}`"
        return
    for new in _replacements(node):
        was = node.sql(dialect="duckdb")[:90]
        yield new, f"`{was}` became `{new.sql(dialect='duckdb')[:90]}`"


def _replacements(node: exp.Expr) -> list[exp.Expr]:
    if isinstance(node, exp.Not):
        return [node.this.copy()]
    if type(node) in _FLIPS:
        return [_FLIPS[type(node)](this=node.this.copy(), expression=node.expression.copy())]
    if isinstance(node, exp.Is):
        return [exp.Not(this=exp.Paren(this=node.copy()))]
    if isinstance(node, exp.Boolean):
        return [exp.Boolean(this=not node.this)]
    if isinstance(node, exp.In) and len(node.expressions) > 1:
        return [_without_element(node, number) for number in range(len(node.expressions))]
    return []


def _without_branch(node: exp.Case, number: int) -> exp.Expr:
    copy = node.copy()
    copy.args["ifs"][number].pop()
    return copy


def _without_element(node: exp.In, number: int) -> exp.Expr:
    copy = node.copy()
    copy.expressions[number].pop()
    return copy
