"""Which relations each kind of test finds in its sandbox, built from the inputs."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pyarrow as pa

from muniment.catalog.controls import SELECT_KINDS
from muniment.catalog.controls_select import FACTS, check_select, select_place
from muniment.catalog.joins import JOINS, with_those_before
from muniment.errors import CatalogError
from muniment.evaluation.confined import ConfinedSandbox
from muniment.evaluation.events_tests import compile_events_test
from muniment.evaluation.facts import fact_sql, known_event_sql
from muniment.evaluation.inputs import Inputs, Setting
from muniment.evaluation.joins import event_view_sql, local_day, timeline_sql
from muniment.evaluation.sandbox import Limits, Sandbox
from muniment.evaluation.shared_sql import FUNCTIONS, tables_behind, view_statements
from muniment.model import times
from muniment.model.controls import Control
from muniment.model.outcomes import TestKind
from muniment.model.records import RECORD_TABLE_BY_NAME


@dataclass(frozen=True, slots=True)
class Relations:
    """What a sandbox holds: tables by name, and own statements that derive others from them.

    later: tables that are made when a process of its own asks for them.
    """

    tables: Mapping[str, pa.Table]
    prepare: Sequence[str] = ()
    later: Mapping[str, Callable[[], pa.Table]] = field(default_factory=dict)

    def sandbox(self) -> Sandbox:
        """In this process: for conditions that were parsed, and for a control's own cases."""
        return Sandbox(self.tables, self.prepare)

    def confined(self, limits: Limits) -> ConfinedSandbox:
        """In a process of its own: for SELECTs over a store."""
        read = {name: partial(_same, table) for name, table in self.tables.items()}
        return ConfinedSandbox({**read, **self.later}, self.prepare, limits=limits)


def _same(table: pa.Table) -> pa.Table:
    return table


def scan_relations(inputs: Inputs, setting: Setting, controls: Sequence[Control]) -> Relations:
    """For events tests: the period's events as `event`, and what belongs to each of them."""
    joins = join_columns(controls)
    approval_ever = inputs.history["approval"].num_rows > 0
    prepare = [
        clock_sql(setting),
        event_view_sql(setting.time_zone, approval_ever=approval_ever),
        *(timeline_sql(name, columns) for name, columns in joins.items()),
    ]
    used = {JOINS[name].table for name in joins}
    history = {name: inputs.history[name] for name in sorted(used & RECORD_TABLE_BY_NAME.keys())}
    return Relations({"events": inputs.events, **history}, prepare)


def history_relations(
    inputs: Inputs,
    setting: Setting,
    controls: Sequence[Control],
    facts: Callable[[str], pa.Table] | None = None,
) -> Relations:
    """For sequence and facts tests: `events`, the record tables as history, the facts.

    facts: what gives a fact by its name; derived from the events of the inputs unless given.
    """
    wanted = {name for each in controls for test in each.tests for name in test.facts} & set(FACTS)
    selected = _relations(controls, {TestKind.SEQUENCE, TestKind.FACTS})
    used = tables_behind(selected)
    tables = {name: inputs.history[name] for name in sorted(used & RECORD_TABLE_BY_NAME.keys())}
    later = {name: partial(facts, name) for name in sorted(wanted)} if facts is not None else {}
    wanted -= later.keys()
    if "agent_life" in wanted and inputs.lives is not None:
        tables["agent_life"] = inputs.lives
        wanted.remove("agent_life")
    prepare = [clock_sql(setting), *FUNCTIONS, *view_statements(selected)]
    if wanted:
        day = local_day("coalesce(event_time, ingested_at)", setting.time_zone)
        prepare.append(known_event_sql(f"(select *, {day} as local_day from events)"))
        prepare += [f"create table {name} as {fact_sql(name)}" for name in sorted(wanted)]
    return Relations({"events": inputs.events, **tables}, prepare, later)


def registry_relations(inputs: Inputs, setting: Setting, controls: Sequence[Control]) -> Relations:
    """For registry tests: the record tables as of the assessment."""
    selected = _relations(controls, {TestKind.REGISTRY})
    used = tables_behind(selected)
    prepare = [clock_sql(setting), *FUNCTIONS, *view_statements(selected)]
    return Relations(
        {name: inputs.as_of[name] for name in sorted(used & RECORD_TABLE_BY_NAME.keys())}, prepare
    )


def join_columns(controls: Sequence[Control]) -> dict[str, set[str]]:
    """The joins of all events tests that can be compiled, with the columns read of each."""
    joins: dict[str, set[str]] = {}
    for control in controls:
        for test in control.tests:
            if test.kind is TestKind.EVENTS and test.joins:
                try:
                    read = compile_events_test(control, test).columns
                except CatalogError:
                    continue  # reported when the test itself is evaluated
                for name in with_those_before(test.joins):
                    start = f"{name}."
                    found = {each.removeprefix(start) for each in read if each.startswith(start)}
                    joins.setdefault(name, set()).update(found)
    return joins


def _relations(controls: Sequence[Control], kinds: Collection[TestKind]) -> set[str]:
    used: set[str] = set()
    for control in controls:
        for test in control.tests:
            if test.kind in kinds and test.kind in SELECT_KINDS:
                try:
                    place = select_place(control, test)
                    read = check_select(test.sql, test.kind, control.parameters, place)
                    used |= read.relations
                except CatalogError:
                    continue  # reported when the test itself is evaluated
    return used


def clock_sql(setting: Setting) -> str:
    """A statement that creates `clock`, one row with the period and as-of."""
    values = ", ".join(
        f"make_timestamp_ns({setting.nanos(name)}) as {name}"
        for name in ("period_start", "period_end", "as_of")
    )
    return f"create table clock as select {values}"


def plain_rows(table: pa.Table) -> list[Mapping[str, Any]]:
    """The rows as dicts, with times as fixed strings."""
    columns: dict[str, list[Any]] = {}
    for column in table.schema:
        values = table.column(column.name)
        if pa.types.is_timestamp(column.type):
            numbers = values.cast(pa.timestamp("ns")).cast(pa.int64()).to_pylist()
            columns[column.name] = [None if n is None else times.format_time(n) for n in numbers]
        else:
            columns[column.name] = values.to_pylist()
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
