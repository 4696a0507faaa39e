"""Conclusions: tolerated exceptions, states and their reasons. Pure functions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from muniment.model.controls import Control
from muniment.model.outcomes import Outcome, State
from muniment.model.records import RECORD_TABLE_BY_NAME
from muniment.model.results import ControlResult, MissingField, TestedItem, TestResult

# From the state that weighs most to the one that weighs least.
PRECEDENCE = (
    State.FAIL, State.ERROR, State.UNDETERMINED, State.PENDING, State.STALE, State.NOT_TESTED,
    State.EXCEPTED, State.ATTESTED, State.PASS, State.NOT_APPLICABLE,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Grant:
    """A tolerated exception: for one item, or for every item of an agent."""

    exception_id: str
    control_id: str
    item_id: str | None
    agent_id: str | None
    approved_by: str
    expires_at: str


def usable_grants(rows: Sequence[Mapping[str, Any]], as_of: str) -> list[Grant]:
    """Grants that count at `as_of`: approved, naming an item or an agent, and not yet expired.

    rows: of the table exception_grant, times as fixed strings. A grant ends at its instant.
    """
    return [
        Grant(
            str(row["exception_id"]), str(row["control_id"]), row.get("item_id"),
            row.get("agent_id"), str(row["approved_by"]), str(row["expires_at"]),
        )
        for row in rows
        if row.get("approved_by")
        and row.get("expires_at")
        and str(row["expires_at"]) > as_of
        and (row.get("item_id") or row.get("agent_id"))
    ]  # fmt: skip


def apply_grants(items: Sequence[TestedItem], grants: Sequence[Grant]) -> tuple[TestedItem, ...]:
    """The items, with exceptions that a grant tolerates turned to `excepted`, naming it."""
    return tuple(_granted(item, grants) for item in items)


def _granted(item: TestedItem, grants: Sequence[Grant]) -> TestedItem:
    if item.outcome is not Outcome.EXCEPTION:
        return item
    for grant in grants:
        if grant.control_id != item.control_id:
            continue
        named = grant.item_id == item.item_id
        whole_agent = grant.item_id is None and grant.agent_id == item.agent_id is not None
        if named or whole_agent:
            until = f"tolerated by {grant.exception_id} until {grant.expires_at}"
            return replace(item, outcome=Outcome.EXCEPTED, reason=f"{until}: {item.reason}"[:400])
    return item


def test_state(
    *,
    population: int,
    exceptions: int,
    undetermined: int,
    pending: int,
    excepted: int,
    missing: Sequence[MissingField] = (),
) -> tuple[State, str]:
    """A test's state and one sentence on it; an empty population is not tested, never a pass."""
    if population == 0:
        return State.NOT_TESTED, "Not tested: the population of the period is empty."
    rest = [
        f"{count:,} {word}"
        for count, word in (
            (undetermined, "undetermined"),
            (pending, "pending"),
            (excepted, "tolerated"),
        )
        if count
    ]
    tail = f", {', '.join(rest)}" if rest else ""
    if exceptions:
        noun = "exception" if exceptions == 1 else "exceptions"
        return State.FAIL, f"{exceptions:,} {noun} in {population:,}{tail}."
    sentence = f"No exceptions in {population:,}{tail}."
    if undetermined:
        return State.UNDETERMINED, sentence + _missing_words(missing)
    if pending:
        return State.PENDING, sentence
    return (State.EXCEPTED if excepted else State.PASS), sentence


def _missing_words(missing: Sequence[MissingField]) -> str:
    words = []
    for field in missing[:3]:
        for count, why in ((field.not_carried, "not carried"), (field.redacted, "redacted")):
            if count and field.name in RECORD_TABLE_BY_NAME:
                words.append(f"no {field.name} is on record ({count:,})")
            elif count:
                by = f" by {', '.join(field.sources)}" if field.sources else ""
                words.append(f"{field.name} {why}{by} ({count:,})")
    return f" Missing: {'; '.join(words)}." if words else ""


def conclude_control(control: Control, tests: Sequence[TestResult]) -> ControlResult:
    """The control's result: the test that weighs most decides the state and gives the reason."""
    worst = min(tests, key=lambda test: PRECEDENCE.index(test.state))
    reason = worst.state_reason
    if len(tests) > 1:
        reason = f"Test {worst.test_id}: {reason}"
        others = sum(t.exceptions for t in tests if t is not worst)
        if worst.exceptions and others:
            whole, items = worst.exceptions + others, sum(test.population for test in tests)
            reason = f"{whole:,} exceptions in {items:,} over {len(tests)} tests. {reason}"
    return ControlResult(control.id, worst.state, reason, control.digest, tuple(tests))
