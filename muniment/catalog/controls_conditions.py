"""Conditions of events tests: parsed, checked against what they may name, turned into DuckDB SQL.

A condition is one SQL expression over one event and the rows that belong to it. It may not hold a
subquery, a table function, a function outside the list below, or a column that is not evidence.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import lru_cache

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from muniment.catalog.joins import JOINS, PRESENCE
from muniment.errors import CatalogError
from muniment.model.columns import Column, ColumnKind
from muniment.model.entries import ENTRY_COLUMN_BY_NAME, TIERS
from muniment.model.records import RECORD_TABLE_BY_NAME

EVENT = "event"
CLOCK_PARAMETERS = frozenset({"period_start", "period_end", "as_of", "settled_before", "time_zone"})
SHORT = 60  # characters of a source's text that a reason repeats
_HIDDEN = frozenset({"salt", "payload", "entry_kind"})

_NODES: tuple[type[exp.Expr], ...] = (
    exp.And, exp.Or, exp.Not, exp.Paren, exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.Is,
    exp.In, exp.Between, exp.Case, exp.If, exp.Coalesce, exp.Nullif, exp.Null, exp.Boolean,
    exp.Literal, exp.Column, exp.Identifier, exp.DPipe, exp.Add, exp.Sub, exp.Mul, exp.Div, exp.Neg,
    exp.Array, exp.Placeholder, exp.NullSafeEQ, exp.NullSafeNEQ, exp.Lower, exp.Upper, exp.Length,
    exp.Left, exp.Abs, exp.Greatest, exp.Least, exp.ArrayContains, exp.ArrayOverlaps,
    exp.StartsWith, exp.EndsWith, exp.Contains, exp.Trim, exp.Cast, exp.DataType, exp.Anonymous,
    exp.ArraySize, exp.Concat, exp.DataTypeParam,
)  # fmt: skip
_ANONYMOUS = frozenset(
    {
        "is_empty",
        "is_redacted",
        "is_missing",
        "shorten",
        "instant",
        "tier_rank",
        "epoch_ns",
        "list_has_any",
        "list_has_all",
    }
)
_CASTS = frozenset({"VARCHAR", "TEXT", "BIGINT", "INT", "BOOLEAN", "DECIMAL"})


@dataclass(frozen=True, slots=True)
class Condition:
    """A checked expression: its DuckDB SQL, the columns it reads (`event.x`, `approval.x`), and the
    bound parameters it uses.
    """

    sql: str
    columns: frozenset[str]
    parameters: frozenset[str]


def compile_condition(
    text: str, *, joins: Collection[str], parameters: Collection[str], where: str
) -> Condition:
    """The condition of a text over one event and the rows of `joins`.

    parameters: names that `$name` may use, besides the clock's. where: file and line for errors.
    Raises CatalogError when the text is anything but one condition over allowed names.
    """
    return _compiled(text, frozenset(joins), frozenset(parameters), where)


@lru_cache(maxsize=4_096)
def _compiled(
    text: str, joins: frozenset[str], parameters: frozenset[str], where: str
) -> Condition:
    tree = _parse(text, where)
    columns: set[str] = set()
    used: set[str] = set()
    for node in tree.walk():
        _check_node(node, where)
        if isinstance(node, exp.Placeholder):
            used.add(_parameter(node, parameters, where))
        if isinstance(node, exp.Add | exp.Sub | exp.Mul | exp.Div):
            _refuse_time_arithmetic(node, where)
    tree = tree.transform(lambda node: _rewrite(node, joins, columns, where))
    return Condition(tree.sql(dialect="duckdb"), frozenset(columns), frozenset(used))


def check_column(name: str, joins: Collection[str], where: str) -> ColumnKind:
    """The kind of a column as conditions and `needs` write it; CatalogError where unknown."""
    table, _, column = name.rpartition(".")
    if not table:
        if column in ENTRY_COLUMN_BY_NAME and column not in _HIDDEN:
            return ENTRY_COLUMN_BY_NAME[column].kind
        raise CatalogError(f"{where}: an event has no column `{column}`.")
    if table not in joins:
        raise CatalogError(f"{where}: `{name}` needs `joins: [{table}]`.")
    if column in PRESENCE:
        return ColumnKind.BOOLEAN
    for candidate in RECORD_TABLE_BY_NAME[JOINS[table].table].all_columns:
        if candidate.name == column:
            return candidate.kind
    raise CatalogError(f"{where}: table `{table}` has no column `{column}`.")


def _parse(text: str, where: str) -> exp.Expr:
    try:
        statements = sqlglot.parse(f"select {text}", dialect="duckdb")
    except SqlglotError as error:
        detail = str(error).splitlines()[0]
        raise CatalogError(f"{where}: `{text.strip()[:120]}` is not SQL: {detail}") from error
    select = statements[0] if len(statements) == 1 else None
    plain = isinstance(select, exp.Select) and len(select.expressions) == 1
    if not plain or any(value for key, value in select.args.items() if key != "expressions"):  # type: ignore[union-attr]
        raise CatalogError(f"{where}: `{text.strip()[:120]}` must be one condition, nothing else.")
    return select.expressions[0]  # type: ignore[union-attr, no-any-return]


def _check_node(node: exp.Expr, where: str) -> None:
    if not isinstance(node, _NODES):
        raise CatalogError(
            f"{where}: `{node.sql(dialect='duckdb')[:80]}` is not allowed in a condition. "
            "See docs/controls.md for what is."
        )
    if isinstance(node, exp.Anonymous) and str(node.this).lower() not in _ANONYMOUS:
        raise CatalogError(
            f"{where}: function `{str(node.this)[:60]}` is not on the list of allowed functions."
        )
    if isinstance(node, exp.In) and (node.args.get("query") or node.args.get("unnest")):
        raise CatalogError(f"{where}: a condition may not hold a subquery.")
    if isinstance(node, exp.Cast) and node.to.this.value.upper() not in _CASTS:
        raise CatalogError(f"{where}: a cast to `{node.to.sql()}` is not allowed in a condition.")


def _parameter(node: exp.Placeholder, parameters: Collection[str], where: str) -> str:
    name = str(node.this or "")
    if name not in parameters and name not in CLOCK_PARAMETERS:
        raise CatalogError(f"{where}: `${name}` is not listed under the control's `parameters`.")
    return name


def _refuse_time_arithmetic(node: exp.Expr, where: str) -> None:
    # timestamp_ns minus timestamp_ns falls to microseconds in DuckDB: an instant may be lost.
    for column in node.find_all(exp.Column):
        around = column.find_ancestor(exp.Anonymous)
        if around is not None and str(around.this).lower() == "epoch_ns":
            continue
        held: Collection[Column] = ENTRY_COLUMN_BY_NAME.values()
        if column.table in JOINS:
            held = RECORD_TABLE_BY_NAME[JOINS[column.table].table].all_columns
        if any(c.name == column.name and c.kind is ColumnKind.TIME for c in held):
            raise CatalogError(
                f"{where}: `{node.sql(dialect='duckdb')[:80]}` loses nanoseconds. "
                "Compare instants directly, or subtract `epoch_ns()` of them."
            )


def _rewrite(node: exp.Expr, joins: Collection[str], columns: set[str], where: str) -> exp.Expr:
    if isinstance(node, exp.Column):
        table = node.table or EVENT
        check_column(node.name if table == EVENT else f"{table}.{node.name}", joins, where)
        columns.add(f"{table}.{node.name}")
        if table != EVENT and node.name in PRESENCE:
            return sqlglot.parse_one(presence_sql(table, node.name), dialect="duckdb")
        return exp.column(node.name, table=table, quoted=True)
    if isinstance(node, exp.Anonymous):
        build = _BUILDERS.get(str(node.this).lower())
        if build is not None:
            return build(node, joins, columns, where)
    return node


def _field(
    node: exp.Anonymous, joins: Collection[str], columns: set[str], where: str
) -> tuple[str, str]:
    argument = node.expressions[0] if len(node.expressions) == 1 else None
    if not isinstance(argument, exp.Literal) or not argument.is_string:
        raise CatalogError(f"{where}: `{node.this}` takes one column's name in quotes.")
    check_column(argument.this, joins, where)
    table, _, name = argument.this.rpartition(".")
    columns.add(f"{table or EVENT}.{name}")
    return table or EVENT, name


def is_redacted_sql(table: str, name: str) -> str:
    """SQL that is true where the source masked the column; false where not, or without a row."""
    return _flag(table, name, "redacted")


def is_empty_sql(table: str, name: str) -> str:
    """SQL that is true where the source carried the column and left it empty; never NULL."""
    return _flag(table, name, "empty")


def is_missing_sql(table: str, name: str) -> str:
    """SQL that is true where the value is unknown: not carried or redacted; false without a row."""
    return _flag(table, name, "missing")


def _flag(table: str, name: str, why: str) -> str:
    """A column that `flag_columns` adds to the event or the joined row, so that it is made once."""
    column = f'{table}."{name} {why}"'
    return column if table == EVENT else f"coalesce({column}, false)"


_FLAG = re.compile(r'\b([a-z_]+)\."([a-z0-9_]+) (redacted|empty|missing)"')


def flag_columns(text: str) -> dict[str, list[str]]:
    """By table, the columns that the flags in an SQL text need: `<sql> as "<name> <why>"`."""
    columns: dict[str, list[str]] = {}
    for table, name, why in sorted(set(_FLAG.findall(text))):
        sql = _flag_sql(table, name, why)
        columns.setdefault(table, []).append(f'{sql} as "{name} {why}"')
    return columns


def settle_flags(text: str, listed: Collection[str] | None) -> str:
    """An SQL text with what is known of its events' flags put in their place.

    listed: the only names that any of the events' lists hold; None where that is not known.
    """
    if listed is None:
        return text

    def settled(match: re.Match[str]) -> str:
        table, name, why = match.groups()
        if table != EVENT or name in listed:
            return match.group()
        return f'(event."{name}" is null)' if why == "missing" else "false"

    return _FLAG.sub(settled, text)


def _flag_sql(table: str, name: str, why: str) -> str:
    redacted = f"coalesce(list_contains(redacted_fields, '{name}'), false)"
    if why == "redacted":
        return redacted
    if table == EVENT:  # an event lists what came empty, a record what did not come
        empty = f"coalesce(list_contains(empty_fields, '{name}'), false) and not {redacted}"
        return f'"{name}" is null and {"" if why == "empty" else "not "}({empty})'
    absent = f"(coalesce(list_contains(not_carried_fields, '{name}'), false) or {redacted})"
    return (
        f'found and "{name}" is null and not {absent}' if why == "empty" else f"found and {absent}"
    )


def presence_sql(table: str, name: str) -> str:
    """SQL of `<join>.found`, `ever` and `recorded`.

    found: a row was valid then; ever: a row of the same thing at any time; both are NULL where the
    event lacks what the join needs. recorded: the table holds any row at all.
    """
    join = JOINS[table]
    if name == "recorded":
        return f"(select count(*) > 0 from {join.table})"
    if table != "approval":
        return (
            f"(case when {join.on} is null or {join.at} is null then null"
            f" else coalesce({table}.{name}, false) end)"
        )
    if name == "ever":
        return "event.approval_ever"
    return (
        "(case when event.approval_id is not null then coalesce(approval.found, false)"
        f" when {is_empty_sql(EVENT, 'approval_id')} then false end)"
    )


Builder = Callable[[exp.Anonymous, Collection[str], set[str], str], exp.Expr]


def _state(make: Callable[[str, str], str]) -> Builder:
    def build(
        node: exp.Anonymous, joins: Collection[str], columns: set[str], where: str
    ) -> exp.Expr:
        return sqlglot.parse_one(make(*_field(node, joins, columns, where)), dialect="duckdb")

    return build


def _text(template: str) -> Builder:
    def build(
        node: exp.Anonymous, joins: Collection[str], columns: set[str], where: str
    ) -> exp.Expr:
        if len(node.expressions) != 1:
            raise CatalogError(f"{where}: `{node.this}` takes one value.")
        inner = node.expressions[0].transform(lambda n: _rewrite(n, joins, columns, where))
        text = template.format(x=inner.sql(dialect="duckdb"))
        return sqlglot.parse_one(text, dialect="duckdb")

    return build


_BUILDERS: dict[str, Builder] = {
    "is_empty": _state(is_empty_sql),
    "is_redacted": _state(is_redacted_sql),
    "is_missing": _state(is_missing_sql),
    "shorten": _text(
        "(case when length({x}) > " + str(SHORT) + " then left({x}, " + str(SHORT) + ") || '…'"
        " else coalesce({x}, 'nothing') end)"
    ),
    "tier_rank": _text("(list_position(" + str(list(TIERS)) + ", {x}))"),
    "instant": _text("coalesce(cast({x} as varchar) || ' UTC', 'no time')"),
}
