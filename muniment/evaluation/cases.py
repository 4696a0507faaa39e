"""A control's own test cases: given rows, run by the same engine, compared with expectations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import pyarrow as pa

from muniment.errors import CatalogError
from muniment.evaluation.engine import evaluate_inputs
from muniment.evaluation.gather import event_columns
from muniment.evaluation.inputs import Inputs, Setting, typed_table
from muniment.model import times
from muniment.model.controls import Control, ControlTest, Parameter, TestCase
from muniment.model.entries import ENTRY_COLUMNS
from muniment.model.outcomes import Outcome
from muniment.model.records import RECORD_TABLE_BY_NAME, RECORD_TABLES
from muniment.model.results import Clock, TestedItem, TestResult

CASE_CLOCK = Clock(
    period_start="2026-11-01T00:00:00.000000000Z",
    period_end="2026-12-01T00:00:00.000000000Z",
    as_of="2026-12-01T00:00:00.000000000Z",
    known_at="2026-12-02T00:00:00.000000000Z",
)
STATE_KEY = "state"
_LONG_AGO = "2020-01-01T00:00:00.000000000Z"


@dataclass(frozen=True, slots=True)
class CaseOutcome:
    """What a case gave: the test's result and, where it is not as expected, why."""

    name: str
    result: TestResult
    differences: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Everything came out as expected."""
        return not self.differences


def run_case(
    control: Control, test: ControlTest, case: TestCase, parameters: Mapping[str, Parameter]
) -> CaseOutcome:
    """Run one case through the engine and compare outcomes, reasons, missing fields, population.

    `expect` holds item ids (of events tests: event ids); the key `state` expects the test's state.
    """
    alone = control.model_copy(update={"tests": (test,)})
    setting = case_setting(case, parameters)
    inputs = case_inputs(case, setting)
    read = replace(inputs, events=inputs.events.select(event_columns([alone])))
    result = evaluate_inputs(read, {control.id: alone}, setting)[0].tests[0]
    return CaseOutcome(case.name, result, tuple(_differences(case, result)))


def case_setting(case: TestCase, parameters: Mapping[str, Parameter]) -> Setting:
    """The case's clock over the usual one (November 2026), its time zone and its parameters."""
    given = dict(case.clock)
    zone = given.pop("time_zone", "Europe/Berlin")
    clock = replace(CASE_CLOCK, **{k: times.normal_time(v) for k, v in given.items()})
    unknown = case.parameters.keys() - parameters.keys()
    if unknown:
        raise CatalogError(f"case `{case.name}`: parameter `{min(unknown)}` is not defined.")
    changed = {
        name: parameters[name].model_copy(update={"value": value})
        for name, value in case.parameters.items()
    }
    return Setting(clock, zone, {**parameters, **changed})


def case_inputs(case: TestCase, setting: Setting) -> Inputs:
    """The given rows as the tables that an evaluation reads, with plain defaults filled in.

    An event is taken in when it happened, from source `src` of class `gateway`; a record row holds
    since 2020. `as_of` tables follow from the validity of the given rows.
    """
    unknown = case.given.keys() - RECORD_TABLE_BY_NAME.keys() - {"events"}
    if unknown:
        raise CatalogError(f"case `{case.name}`: `{min(unknown)}` is no relation.")
    events = [_event(row) for row in case.given.get("events", [])]
    history: dict[str, pa.Table] = {}
    as_of: dict[str, pa.Table] = {}
    for table in RECORD_TABLES:
        given = case.given.get(table.name, [])
        if not given:
            history[table.name] = as_of[table.name] = _no_rows(table.name)
            continue
        rows = [_record(table.name, n, row) for n, row in enumerate(given)]
        history[table.name] = typed_table(table.all_columns, rows)
        now = [row for row in rows if _valid(row, setting.clock.as_of)]
        as_of[table.name] = typed_table(table.all_columns, now)
    return Inputs(typed_table(ENTRY_COLUMNS, events), history, as_of)


@cache
def _no_rows(table: str) -> pa.Table:
    return typed_table(RECORD_TABLE_BY_NAME[table].all_columns, [])


def _event(row: Mapping[str, Any]) -> dict[str, Any]:
    happened = row.get("event_time")
    defaults = {
        "entry_kind": "event",
        "ingested_at": happened or CASE_CLOCK.period_start,
        "source_id": "src",
        "source_class": "gateway",
        "schema_version": "1",
    }
    return {**defaults, **row}


def _record(table: str, number: int, row: Mapping[str, Any]) -> dict[str, Any]:
    defaults = {
        "row_id": f"{table}-{number}",
        "valid_from": _LONG_AGO,
        "recorded_at": _LONG_AGO,
        "recorded_by": "case",
        "source_id": "src",
    }
    return {**defaults, **row}


def _valid(row: Mapping[str, Any], as_of: str) -> bool:
    start, end = times.normal_time(str(row["valid_from"])), row.get("valid_to")
    return start <= as_of and (end is None or times.normal_time(str(end)) > as_of)


def _differences(case: TestCase, result: TestResult) -> Sequence[str]:
    if result.error:
        return [f"error: {result.error}"]
    items = {item.item_id: item for item in (*result.sample, *result.items)}
    found = [_item_difference(items.get(key), key, word) for key, word in case.expect.items()
             if key != STATE_KEY]  # fmt: skip
    differences = [text for text in found if text]
    expected_state = case.expect.get(STATE_KEY)
    if expected_state is not None and expected_state != result.state:
        differences.append(f"state is {result.state}, expected {expected_state}")
    for item_id in sorted(items.keys() - case.expect.keys()):
        if case.expect.keys() - {STATE_KEY} or case.population == 0:
            differences.append(f"`{item_id}` is {items[item_id].outcome}, which nothing expects")
    if case.population is not None and case.population != result.population:
        differences.append(f"population is {result.population}, expected {case.population}")
    for item_id, text in case.reasons.items():
        reason = items[item_id].reason if item_id in items else ""
        if text not in reason:
            differences.append(f"reason of `{item_id}` is `{reason}`, expected `{text}` in it")
    for item_id, entries in case.missing.items():
        missing = items[item_id].missing if item_id in items else ()
        if sorted(missing) != sorted(entries):
            differences.append(f"`{item_id}` misses {list(missing)}, expected {entries}")
    return differences


def _item_difference(item: TestedItem | None, key: str, word: str) -> str | None:
    """Expected words are an outcome, or an outcome and its attributes: `exception A,C`."""
    if item is None:
        return f"`{key}` is not in the population, expected {word}"
    outcome, _, letters = word.partition(" ")
    expected = tuple(sorted(letters.split(","))) if letters else None
    same_letters = expected is None or expected == tuple(sorted(item.attributes))
    if Outcome(outcome) is item.outcome and same_letters:
        return None
    found = f"{item.outcome} {','.join(item.attributes)}".strip()
    return f"`{key}` is {found} ({item.reason}), expected {word}"
