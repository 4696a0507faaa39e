"""Events tests: all of them compiled into one aggregate scan, and each one's items on demand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from muniment.catalog.controls_conditions import (
    EVENT,
    Condition,
    compile_condition,
    is_missing_sql,
    is_redacted_sql,
    presence_sql,
)
from muniment.catalog.joins import columns_read, with_those_before
from muniment.evaluation.joins import join_sql
from muniment.evaluation.sandbox import SqlRunner
from muniment.model.controls import Control, ControlTest

# Codes of an item in the scan; NULL is outside the population.
PASS, EXCEPTION, UNDETERMINED = 0, 1, 2
# Columns of a row of counts: the local day, the agent (NULL where none is named), then the counts.
DAY, AGENT = 0, 1


@dataclass(frozen=True, slots=True)
class Part:
    """One attribute of a test, or its only condition (letter empty)."""

    letter: str
    title: str
    population: str
    exception: str
    needs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class EventsTest:
    """A compiled test: population, parts, reason and the columns and parameters these read."""

    control_id: str
    test: ControlTest
    population: str
    parts: tuple[Part, ...]
    reason: str
    columns: frozenset[str]
    parameters: frozenset[str]

    @property
    def key(self) -> str:
        """A name for this test's columns in the scan."""
        return f"{self.control_id.lower().replace('-', '')}_{self.test.id}"


@dataclass(frozen=True, slots=True)
class Count:
    """Population, exceptions and undetermined of a test or an attribute on one day."""

    population: int
    exceptions: int
    undetermined: int


@dataclass(frozen=True, slots=True)
class ScanResult:
    """Counts by local day: of the test, and of each attribute by letter; and by agent, if named."""

    by_day: dict[str, Count]
    by_agent: dict[str, Count]
    attributes: dict[str, dict[str, Count]]


def compile_events_test(control: Control, test: ControlTest) -> EventsTest:
    """The test with every condition checked and turned into DuckDB SQL; CatalogError otherwise."""
    seen: list[Condition] = []

    def compiled(text: str | None, default: str) -> str:
        if text is None:
            return default
        where = f"control `{control.id}` test `{test.id}`"
        condition = compile_condition(
            text, joins=test.joins, parameters=control.parameters, where=where
        )
        seen.append(condition)
        return condition.sql

    parts = tuple(
        Part(a.letter, a.title, compiled(a.population, "true"), compiled(a.exception, "null"),
             test.needs + a.needs)
        for a in test.attributes
    ) or (Part("", test.title, "true", compiled(test.exception, "null"), test.needs),)  # fmt: skip
    population = compiled(test.population, "false")
    reason = compiled(test.reason, "'" + test.title.replace("'", "''") + "'")
    columns = {name for condition in seen for name in condition.columns}
    columns |= {need if "." in need else f"{EVENT}.{need}" for part in parts for need in part.needs}
    columns |= columns_read(test.joins)
    parameters = {name for condition in seen for name in condition.parameters}
    return EventsTest(
        control.id, test, population, parts, reason, frozenset(columns), frozenset(parameters)
    )


def scan_sql(tests: Sequence[EventsTest]) -> str:
    """One SELECT that counts every test by day and agent, each distinct boolean computed once."""
    booleans: dict[str, str] = {}

    def name(sql: str) -> str:
        return booleans.setdefault(sql, f"b{len(booleans)}")

    codes: list[str] = []
    counts: list[str] = []
    for number, test in enumerate(tests):
        population = name(test.population)
        letters = []
        for part_number, part in enumerate(test.parts):
            code = f"c{number}_{part_number}"
            letters.append(code)
            codes.append(f"{_part_code(population, name(part.population), name(part.exception))}"
                         f" as {code}")  # fmt: skip
            counts.append(_three_counts(code))
        codes.append(f"{_item_code(population, letters)} as i{number}")
        counts.append(_three_counts(f"i{number}"))
    inner = ",\n        ".join(f"({sql}) as {alias}" for sql, alias in booleans.items())
    return (
        f"select\n    local_day,\n    agent_id,\n    {', '.join(counts)}\n"
        f"from (\n    select local_day, agent_id, {', '.join(codes)}\n"
        f"    from (\n        select event.local_day, event.agent_id,\n        {inner}\n"
        f"        {_from(test.test.joins for test in tests)}\n    )\n)\n"
        "group by local_day, agent_id"
    )


def _part_code(population: str, own: str, exception: str) -> str:
    return (
        f"case when {population} is false or {own} is false then null"
        f" when {population} is null or {own} is null or {exception} is null then {UNDETERMINED}"
        f" when {exception} then {EXCEPTION} else {PASS} end"
    )


def _item_code(population: str, codes: Sequence[str]) -> str:
    failed = " or ".join(f"coalesce({code} = {EXCEPTION}, false)" for code in codes)
    open_ = " or ".join(f"coalesce({code} = {UNDETERMINED}, false)" for code in codes)
    return (
        f"case when {population} is false then null when {failed} then {EXCEPTION}"
        f" when {population} is null or {open_} then {UNDETERMINED} else {PASS} end"
    )


def _three_counts(code: str) -> str:
    return (
        f"count({code}), count(*) filter (where {code} = {EXCEPTION}),"
        f" count(*) filter (where {code} = {UNDETERMINED})"
    )


def _from(joins: Iterable[Sequence[str]]) -> str:
    wanted = with_those_before(name for names in joins for name in names)
    return "\n        ".join(["from event", *(join_sql(name) for name in wanted)])


def run_scan(
    sandbox: SqlRunner, tests: Sequence[EventsTest], bound: Mapping[str, Any]
) -> list[ScanResult]:
    """The counts of each test, from one pass over the events; EvaluationError if it fails."""
    rows = sandbox.rows(scan_sql(tests), bound)
    results: list[ScanResult] = []
    at = 2
    for test in tests:
        attributes: dict[str, dict[str, Count]] = {}
        for part in test.parts:
            attributes[part.letter] = counts_by(rows, DAY, at)
            at += 3
        results.append(ScanResult(counts_by(rows, DAY, at), counts_by(rows, AGENT, at), attributes))
        at += 3
    return results


def counts_by(rows: Sequence[Sequence[Any]], key: int, at: int) -> dict[str, Count]:
    """Sums by the value of one column (DAY or AGENT) of rows whose three counts begin at `at`."""
    sums: dict[str, list[int]] = {}
    for row in rows:
        if row[at] and row[key] is not None:
            held = sums.setdefault(str(row[key]), [0, 0, 0])
            for offset in range(3):
                held[offset] += row[at + offset]
    return {name: Count(*sums[name]) for name in sorted(sums)}


def items_sql(test: EventsTest) -> str:
    """A SELECT of the test's items, in the shape that every kind of test shares."""
    letters = [f"c{n}" for n, _ in enumerate(test.parts)]
    codes = ", ".join(
        f"{_part_code('p', f'p{n}', f'e{n}')} as c{n}" for n, _ in enumerate(test.parts)
    )
    booleans = ", ".join(
        f"({part.population}) as p{n}, ({part.exception}) as e{n}"
        for n, part in enumerate(test.parts)
    )
    wanted = _attribute_list(test, letters)
    return f"""
select
    event_id as item_id,
    case i when {PASS} then 'pass' when {EXCEPTION} then 'exception' else 'undetermined' end
        as outcome,
    reason,
    event_time as observed_at,
    local_day,
    'event/' || event_id as evidence_ref,
    agent_id,
    source_id,
    {wanted} as attributes,
    case when i = {UNDETERMINED} then {_missing_list(test, letters)} else [] end as missing
from (
    select *, {_item_code("p", letters)} as i
    from (
        select *, {codes}
        from (
            select event.event_id, event.event_time, event.local_day, event.agent_id,
                event.source_id, ({test.population}) as p, {booleans},
                ({test.reason}) as reason{_missing_columns(test)}
            {_from([test.test.joins])}
        )
    )
)
where i is not null"""


def _attribute_list(test: EventsTest, codes: Sequence[str]) -> str:
    if not test.test.attributes:
        return "cast([] as varchar[])"
    named = ", ".join(
        f"case when i in ({EXCEPTION}, {UNDETERMINED}) and {code} = i then '{part.letter}' end"
        for code, part in zip(codes, test.parts, strict=True)
    )
    return f"list_filter([{named}], lambda x: x is not null)"


def _needs(test: EventsTest) -> list[str]:
    return list(dict.fromkeys(need for part in test.parts for need in part.needs))


def _missing_columns(test: EventsTest) -> str:
    return "".join(
        f",\n                {missing_sql(need, test.test.joins)} as m{n}"
        for n, need in enumerate(_needs(test))
    )


def _missing_list(test: EventsTest, codes: Sequence[str]) -> str:
    needs = _needs(test)
    if not needs:
        return "cast([] as varchar[])"
    entries = []
    for n, need in enumerate(needs):
        # Only what the undetermined parts need kept the item open; other gaps are beside the point.
        open_parts = [
            f"coalesce({code} = {UNDETERMINED}, false)"
            for code, part in zip(codes, test.parts, strict=True)
            if need in part.needs
        ]
        entries.append(f"case when {' or '.join(open_parts)} then m{n} end")
    return f"list_filter([{', '.join(entries)}], lambda x: x is not null)"


def missing_sql(need: str, joins: Sequence[str]) -> str:
    """SQL of `<need>: redacted` or `<need>: not carried` where it is unknown, else NULL."""
    table, _, name = need.rpartition(".")
    if not table and need in joins:
        found, ever = presence_sql(need, "found"), presence_sql(need, "ever")
        return f"case when not {found} and not {ever} then '{need}: not carried' end"
    where = table or EVENT
    return (
        f"case when {is_redacted_sql(where, name)} then '{need}: redacted'"
        f" when {is_missing_sql(where, name)} then '{need}: not carried' end"
    )
