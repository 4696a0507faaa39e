"""Events tests: all of them compiled into one aggregate scan, and each one's items on demand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from muniment.catalog.controls_conditions import (
    EVENT,
    Condition,
    compile_condition,
    flag_columns,
    is_missing_sql,
    is_redacted_sql,
    presence_sql,
    settle_flags,
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
        """A name for this test, unique among all controls."""
        return f"{self.control_id.lower().replace('-', '')}_{self.test.id}"

    @property
    def all_joins(self) -> list[str]:
        """The test's joins and those that they refer to, in their order."""
        return with_those_before(self.test.joins)


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


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of some events before they are looked at, and saves work.

    few: joins whose things have few pieces. listed: names that any event's lists of redacted and of
    empty fields hold; None where nobody looked.
    """

    few: frozenset[str] = frozenset()
    listed: frozenset[str] | None = None


NOTHING = Known()


@dataclass(frozen=True, slots=True)
class TestBooleans:
    """Which booleans decide a test: of its population, and by part the own population's and the
    exception's.
    """

    __test__ = False
    population: int
    parts: tuple[tuple[int, int], ...]


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


@dataclass(slots=True)
class _Codes:
    """The codes of every test over one event, each distinct boolean named once."""

    booleans: dict[str, str] = field(default_factory=dict)
    codes: list[str] = field(default_factory=list)

    def name(self, sql: str) -> str:
        return self.booleans.setdefault(sql, f"b{len(self.booleans)}")

    def add(self, number: int, test: EventsTest) -> list[str]:
        """The columns that hold the test's codes: of its attributes, if any, then of its items."""
        population = self.name(test.population)
        letters = []
        for part_number, part in enumerate(test.parts):
            letters.append(f"c{number}_{part_number}")
            own, exception = self.name(part.population), self.name(part.exception)
            self.codes.append(f"{_part_code(population, own, exception)} as {letters[-1]}")
        if not test.test.attributes:
            return letters  # the only condition is the item's own
        self.codes.append(f"{_item_code(population, letters)} as i{number}")
        return [*letters, f"i{number}"]

    def select(self, keys: Sequence[str], tests: Sequence[EventsTest]) -> str:
        """A SELECT of the keys and codes of each event."""
        inner = ",\n        ".join(f"({sql}) as {alias}" for sql, alias in self.booleans.items())
        own = ", ".join(f"event.{key}" for key in keys)
        return (
            f"select {', '.join(keys)}, {', '.join(self.codes)}\n"
            f"    from (\n        select {own},\n        {inner}\n"
            f"        {_from(tests, EVENT, inner)}\n    )"
        )


def scan_sql(tests: Sequence[EventsTest], keys: Sequence[str] = ("local_day", "agent_id")) -> str:
    """One SELECT that counts every test by the keys, each distinct boolean computed once.

    After the keys come three counts for each of `scan_columns`.
    """
    codes = _Codes()
    named = [name for number, test in enumerate(tests) for name in codes.add(number, test)]
    counts = ",\n    ".join(_three_counts(name) for name in named)
    return (
        f"select\n    {', '.join(keys)},\n    {counts}\nfrom (\n"
        f"    {codes.select(keys, tests)}\n)\ngroup by {', '.join(keys)}"
    )


def scan_columns(tests: Sequence[EventsTest]) -> list[tuple[int, str]]:
    """What the scan counts, in order: the test's place and an attribute's letter, empty for items.

    Items come after the attributes of their test.
    """
    return [
        (number, letter)
        for number, test in enumerate(tests)
        for letter in (*(a.letter for a in test.test.attributes), "")
    ]


def booleans_sql(
    tests: Sequence[EventsTest], keys: Sequence[str], relation: str, known: Known
) -> tuple[str, list[TestBooleans]]:
    """A SELECT of keys and of every distinct boolean of some tests, b0, b1, …; and whose they are.

    The codes that `scan_sql` counts follow from these (`unit_codes.py`).
    """
    aliases: dict[str, int] = {}

    def number(sql: str) -> int:
        return aliases.setdefault(settle_flags(sql, known.listed), len(aliases))

    found = [
        TestBooleans(
            number(test.population),
            tuple((number(part.population), number(part.exception)) for part in test.parts),
        )
        for test in tests
    ]
    inner = ",\n    ".join(f"({sql}) as b{n}" for sql, n in aliases.items())
    return f"select {', '.join(keys)},\n    {inner}\n{_from(tests, relation, inner, known)}", found


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


def _from(tests: Sequence[EventsTest], relation: str, text: str, known: Known = NOTHING) -> str:
    """The events with their joins, and with the flags that the text above them reads."""
    wanted = with_those_before(name for test in tests for name in test.test.joins)
    flags = flag_columns(text)
    events = relation
    if EVENT in flags:
        events = f"(select *, {', '.join(flags[EVENT])} from {relation})"
    first = f"from {events}" if events == EVENT else f"from {events} {EVENT}"
    joins = (join_sql(name, flags.get(name, ()), few=name in known.few) for name in wanted)
    return "\n        ".join([first, *joins])


def run_scan(
    sandbox: SqlRunner, tests: Sequence[EventsTest], bound: Mapping[str, Any]
) -> list[ScanResult]:
    """The counts of each test, from one pass over the events; EvaluationError if it fails."""
    rows = sandbox.rows(scan_sql(tests), bound)
    attributes: list[dict[str, dict[str, Count]]] = [{} for _ in tests]
    results: list[ScanResult] = []
    for place, (number, letter) in enumerate(scan_columns(tests)):
        at = 2 + 3 * place
        by_day = counts_by(rows, DAY, at)
        if letter:
            attributes[number][letter] = by_day
        else:
            results.append(ScanResult(by_day, counts_by(rows, AGENT, at), attributes[number]))
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


def items_sql(
    test: EventsTest,
    carry: Sequence[str] = (),
    relation: str = EVENT,
    known: Known = NOTHING,
) -> str:
    """A SELECT of the test's items, in the shape that every kind of test shares.

    carry: further columns of the events that each item keeps. relation: where the events are.
    """
    letters = [f"c{n}" for n, _ in enumerate(test.parts)]
    codes = ", ".join(
        f"{_part_code('p', f'p{n}', f'e{n}')} as c{n}" for n, _ in enumerate(test.parts)
    )
    booleans = ", ".join(
        f"({part.population}) as p{n}, ({part.exception}) as e{n}"
        for n, part in enumerate(test.parts)
    )
    wanted = _attribute_list(test, letters)
    kept = "".join(f"\n    {name}," for name in carry)
    own = "".join(f"event.{name}, " for name in carry)
    inner = (
        f"({test.population}) as p, {booleans},\n                ({test.reason}) as reason"
        f"{_missing_columns(test)}"
    )
    return f"""
select{kept}
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
            select {own}event.event_id, event.event_time, event.local_day, event.agent_id,
                event.source_id, {inner}
            {_from([test], relation, inner, known)}
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
