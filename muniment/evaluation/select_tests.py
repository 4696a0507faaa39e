"""SELECT tests (sequence, registry, facts): run in the sandbox and held to the row contract."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from muniment.catalog.controls_partition import PARTITION, with_partition
from muniment.catalog.controls_select import check_select, select_place
from muniment.errors import EvaluationError
from muniment.evaluation.events_tests import AGENT, DAY, Count, counts_by
from muniment.evaluation.joins import local_day
from muniment.evaluation.sandbox import SqlRunner, TestSqlError
from muniment.model.controls import Control, ControlTest
from muniment.model.outcomes import Outcome

_OUTCOMES = tuple(o.value for o in Outcome if o is not Outcome.EXCEPTED)


_NONE = "cast([] as varchar[])"
# A mark is `A` (exception), `A?` (undetermined) or `A-` (not in the population of attribute A). An
# item names the attributes that made it what it is.
_ATTRIBUTES = (
    "case when outcome = 'exception' then list_filter(marks, lambda m: length(m) = 1)"
    " when outcome = 'undetermined' then list_transform(list_filter(marks,"
    f" lambda m: ends_with(m, '?')), lambda m: left(m, 1)) else {_NONE} end"
)


def run_select(
    sandbox: SqlRunner,
    control: Control,
    test: ControlTest,
    bound: Mapping[str, Any],
    zone: str,
    *,
    partition: str = "",
) -> str:
    """Run the test's SELECT, keep its rows as a temporary table, and return the table's name.

    partition: the column by which the test is evaluated in parts; the rows then tell it.
    Raises EvaluationError when it fails, when an item stands twice, or an outcome is no outcome;
    CatalogError when it is not one SELECT over allowed relations.
    """
    place = select_place(control, test)
    opening, body = _statement(control, test, zone, partition)
    try:
        sandbox.require_one_select(test.sql)
    except TestSqlError as error:
        raise EvaluationError(f"{place} line {error.line or 1}: {error}") from error
    name = table_name(control, test)
    try:
        sandbox.rows(f"create or replace temporary table {name} as\n{opening}{body}\n)", bound)
        check_rows(sandbox, name)
    except TestSqlError as error:
        line = max(1, (error.line or 1) - opening.count("\n") - 1)
        raise EvaluationError(f"{place} line {line}: {error}") from error
    return name


def items_table(control: Control, test: ControlTest, zone: str) -> str:
    """The whole text that gives a test's items; CatalogError as of `run_select`."""
    return "".join(_statement(control, test, zone, ""))


def _statement(control: Control, test: ControlTest, zone: str, partition: str) -> tuple[str, str]:
    """What stands before a test's own text, which closes with a parenthesis, and that text."""
    given = check_select(test.sql, test.kind, control.parameters, select_place(control, test))
    body = test.sql.rstrip().rstrip(";")
    if partition:
        body = with_partition(body, partition)
    told = f"    cast({PARTITION if partition else 'null'} as varchar) as {PARTITION},\n"
    optional = {
        "agent_id": "cast(null as varchar)",
        "source_id": "cast(null as varchar)",
        "missing": _NONE,
        "attributes": _NONE,
    }
    has = {c: c if c in given.outputs else default for c, default in optional.items()}
    day = local_day("coalesce(cast(observed_at as timestamp_ns), $as_of)", zone)
    opening = (
        f"select\n{told}"
        "    cast(item_id as varchar) as item_id,\n    cast(outcome as varchar) as outcome,\n"
        "    cast(reason as varchar) as reason,\n"
        "    cast(observed_at as timestamp_ns) as observed_at,\n"
        f"    {day} as local_day,\n    cast(evidence_ref as varchar) as evidence_ref,\n"
        f"    {has['agent_id']} as agent_id,\n    {has['source_id']} as source_id,\n"
        f"    case when outcome = 'undetermined' then {has['missing']} else {_NONE} end"
        f" as missing,\n    list_filter({has['attributes']}, lambda m: m is not null) as marks,\n"
        f"    {_ATTRIBUTES} as attributes\nfrom (\n"
    )
    return opening, body


def table_name(control: Control, test: ControlTest) -> str:
    """The table in which the items of a test lie."""
    return f"items_{control.id.lower().replace('-', '')}_{test.id}"


def check_rows(sandbox: SqlRunner, name: str) -> None:
    """TestSqlError where the items of a table do not keep the row contract."""
    allowed = ", ".join(f"'{outcome}'" for outcome in _OUTCOMES)
    wrong = sandbox.rows(
        f"select item_id, outcome from {name} where outcome is null or outcome not in ({allowed})"
        " or item_id is null or evidence_ref is null limit 1"
    )
    if wrong:
        raise TestSqlError(
            f"the query returned item `{wrong[0][0]}` with outcome `{wrong[0][1]}`: item_id and "
            f"evidence_ref must not be NULL, and outcome one of {', '.join(_OUTCOMES)}."
        )
    twice = sandbox.rows(f"select item_id from {name} group by item_id having count(*) > 1 limit 1")
    if twice:
        raise TestSqlError(
            f"the query returned item `{twice[0][0]}` more than once. One row per item."
        )


def count_rows(sandbox: SqlRunner, name: str) -> tuple[dict[str, Count], dict[str, Count], int]:
    """Counts by local day, counts by agent where one is named, and how many items are pending."""
    rows = sandbox.rows(
        "select local_day, agent_id, count(*), count(*) filter (where outcome = 'exception'),"
        " count(*) filter (where outcome = 'undetermined'),"
        f" count(*) filter (where outcome = 'pending') from {name} group by local_day, agent_id"
    )
    return counts_by(rows, DAY, 2), counts_by(rows, AGENT, 2), sum(row[5] for row in rows)


def count_attributes(
    sandbox: SqlRunner, name: str, test: ControlTest
) -> dict[str, dict[str, Count]]:
    """Counts of each attribute by local day; an item counts where it is in its population."""
    counts: dict[str, dict[str, Count]] = {}
    for attribute in test.attributes:
        letter = attribute.letter
        rows = sandbox.rows(
            f"select local_day, count(*), count(*) filter (where list_contains(marks, '{letter}')),"
            f" count(*) filter (where list_contains(marks, '{letter}?')) from {name}"
            f" where not list_contains(marks, '{letter}-') group by local_day"
        )
        counts[letter] = counts_by(rows, DAY, 1)
    return counts
