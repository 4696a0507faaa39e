"""What a sequence test reads of the log, found in its SELECT: which events, in which parts.

A test may be evaluated partition by partition where its SELECT provably never looks from one
partition into another, and asks the clocks only on which side of them an instant lies. Then the
items of partitions that are over stay what they are. What cannot be shown here is evaluated whole.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import sqlglot
from sqlglot import exp

from muniment.catalog.controls_conditions import compile_condition
from muniment.catalog.controls_select import VIEWS
from muniment.errors import CatalogError
from muniment.model.columns import ColumnKind
from muniment.model.entries import ENTRY_COLUMN_BY_NAME

_EVENTS = "events"
PARTITION = "partition_of"  # the column that an item's partition is told in
_INSTANTS = frozenset({"period_start", "period_end", "settled_before", "as_of"})
_VALIDITY = frozenset({"valid_from", "valid_to"})
_COMPARISONS = (exp.GT, exp.GTE, exp.LT, exp.LTE)
# Nodes that make another instant of one, or look beyond the row, its group or its window.
_REFUSED: tuple[type[exp.Expr], ...] = (
    exp.Interval, exp.DateAdd, exp.DateSub, exp.TimestampAdd, exp.TimestampSub, exp.DateTrunc,
    exp.TimestampTrunc, exp.DateDiff, exp.Limit, exp.Offset, exp.Fetch, exp.SetOperation,
    exp.Lateral, exp.Unnest, exp.Pivot, exp.TableSample, exp.Exists, exp.Anonymous,
)  # fmt: skip
# Shared functions, each of which looks at one row (muniment/evaluation/shared_sql.py).
_OF_ONE_ROW = frozenset(
    {"gap", "unknown", "event_gap", "gaps", "mark", "verdict", "finding", "shorten", "list_has_any",
     "list_has_all", "list_contains", "round", "replace"}
)  # fmt: skip
_TIME_TYPES = (exp.DataType.Type.DATE, *exp.DataType.TEMPORAL_TYPES)


@dataclass(frozen=True, slots=True)
class EventsRead:
    """condition: SQL over `event` that each event meets which the SELECT can use; parameters: what
    it binds. partition: the column to go by, empty where the test is evaluated whole; whole: why.
    """

    condition: str
    parameters: frozenset[str]
    partition: str
    whole: str


@lru_cache(maxsize=256)
def events_read(sql: str, declared: tuple[str, ...], parameters: frozenset[str]) -> EventsRead:
    """What a checked SELECT reads of the log.

    declared: the test's `partition`. parameters: the control's.
    """
    tree = sqlglot.parse_one(sql, dialect="duckdb")
    reads = [table for table in tree.find_all(exp.Table) if table.name == _EVENTS]
    condition, bound = "true", frozenset[str]()
    select = reads[0].find_ancestor(exp.Select) if len(reads) == 1 else None
    if select is not None and _drives(select, reads[0]):
        condition, bound = _condition(select, reads[0].alias_or_name, parameters)
    try:
        if select is None:
            raise _WholeError("it reads `events` more than once")
        return EventsRead(condition, bound, _partition(tree, select, declared), "")
    except _WholeError as why:
        return EventsRead(condition, bound, "", str(why))


class _WholeError(Exception):
    """Why a SELECT cannot be evaluated in parts."""


# Which events


def _drives(select: exp.Select, table: exp.Table) -> bool:
    """Whether every row of the SELECT comes of an event, so that WHERE drops events."""
    opening = select.args.get("from_") or select.args.get("from")
    sides = {str(join.side or "").upper() for join in select.args.get("joins") or ()}
    return opening is not None and opening.this is table and not sides & {"RIGHT", "FULL"}


def _condition(
    select: exp.Select, alias: str, parameters: frozenset[str]
) -> tuple[str, frozenset[str]]:
    """The parts of WHERE that are about the event alone."""
    where = select.args.get("where")
    kept, bound = [], set[str]()
    for part in _conjuncts(where.this) if where is not None else ():
        text = part.transform(lambda node: _unqualified(node, alias)).sql(dialect="duckdb")
        try:
            compiled = compile_condition(text, joins=(), parameters=parameters, where="")
        except CatalogError:
            continue  # not about the event alone, or not a plain condition: the SELECT does it
        if _is_plain(part):
            kept.append(f"({compiled.sql})")
            bound |= compiled.parameters
    return " and ".join(kept) or "true", frozenset(bound)


def _conjuncts(node: exp.Expr) -> Iterator[exp.Expr]:
    if isinstance(node, exp.And):
        yield from _conjuncts(node.this)
        yield from _conjuncts(node.expression)
    elif isinstance(node, exp.Paren):
        yield from _conjuncts(node.this)
    else:
        yield node


def _unqualified(node: exp.Expr, alias: str) -> exp.Expr:
    if isinstance(node, exp.Column) and node.table == alias:
        return exp.column(node.name)
    return node


def _is_plain(part: exp.Expr) -> bool:
    """Whether it means in a SELECT what it means in a condition: the same words, other functions.

    A placeholder whose value a case or an assessment binds is plain; a shared function is not.
    """
    names = {str(node.this).lower() for node in part.find_all(exp.Anonymous)}
    return not names - {"list_has_any", "list_has_all", "epoch_ns"}


# In which partitions


def _partition(tree: exp.Expr, reading: exp.Select, declared: tuple[str, ...]) -> str:
    name = declared[0] if len(declared) == 1 else ""
    column = ENTRY_COLUMN_BY_NAME.get(name)
    if column is None or column.kind is not ColumnKind.TEXT:
        raise _WholeError(f"its partition ({', '.join(declared) or 'none'}) is no column of events")
    stated = [part.sql(dialect="duckdb").lower() for part in _conjuncts(_where(reading))]
    if not any(text in _stated(name, reading) for text in stated):
        raise _WholeError(f"it does not leave out events without `{name}`")
    if any(table.name in VIEWS for table in tree.find_all(exp.Table)):
        raise _WholeError("it reads a view that depends on the clock")
    depending = {_EVENTS}
    with_ = tree.args.get("with_") or tree.args.get("with")
    if with_ is not None and with_.args.get("recursive"):
        raise _WholeError("it is recursive")
    for cte in with_.expressions if with_ is not None else ():
        if _depends(cte.this, depending):
            _check_select(cte.this, name, depending, carried=True)
            depending.add(cte.alias_or_name)
        elif any(table.name in depending for table in cte.find_all(exp.Table)):
            raise _WholeError(f"`{cte.alias_or_name}` reads events in a subquery")
    _check_select(tree, name, depending, carried=False)
    if not _depends(tree, depending):
        raise _WholeError("its items do not come of events")
    _check_clocks(tree)
    return name


def with_partition(sql: str, name: str) -> str:
    """The SELECT of a test that goes by partitions, with each item's partition as a last column.

    name: the column, as `events_read` gave it.
    """
    tree = sqlglot.parse_one(sql, dialect="duckdb")
    if not isinstance(tree, exp.Select):
        raise CatalogError("a test that is no SELECT has no partitions.")
    of_events = _sources(tree)[0].alias_or_name
    return tree.select(f"{of_events}.{name} as {PARTITION}", dialect="duckdb").sql(dialect="duckdb")


def _where(select: exp.Select) -> exp.Expr:
    where = select.args.get("where")
    return exp.true() if where is None else where.this


def _stated(name: str, select: exp.Select) -> set[str]:
    aliases = [table.alias_or_name for table in select.find_all(exp.Table)]
    names = [name, *(f"{alias}.{name}" for alias in aliases)]
    return {f"not {each} is null" for each in names} | {f"{each} is not null" for each in names}


def _sources(select: exp.Expr) -> list[exp.Expr]:
    opening = select.args.get("from_") or select.args.get("from")
    joined = [join.this for join in select.args.get("joins") or ()]
    return [*([opening.this] if opening is not None else []), *joined]


def _depends(select: exp.Expr, depending: set[str]) -> bool:
    return any(isinstance(s, exp.Table) and s.name in depending for s in _sources(select))


def _check_select(select: exp.Expr, name: str, depending: set[str], *, carried: bool) -> None:
    """_WholeError unless each row of the SELECT comes of one partition's events alone."""
    if not isinstance(select, exp.Select):
        raise _WholeError("it joins results by a set operation")
    if any(not isinstance(source, exp.Table) for source in _sources(select)):
        raise _WholeError("it reads from a subquery")
    inner = select.copy()
    inner.set("with_", None)
    inner.set("with", None)
    if any(found is not inner for found in inner.find_all(exp.Select)):
        raise _WholeError("it holds a subquery")
    for node in inner.walk():
        _check_node(node)
    groups = inner.args.get("group")
    if groups is not None or any(node.parent_select is inner and not node.find_ancestor(exp.Window)
                                 for node in inner.find_all(exp.AggFunc)):  # fmt: skip
        named = groups.expressions if groups is not None else []
        if not any(_is(node, name) for node in named):
            raise _WholeError(f"it gathers events without grouping by `{name}`")
    for window in inner.find_all(exp.Window):
        if not any(_is(node, name) for node in window.args.get("partition_by") or ()):
            raise _WholeError(f"a window does not go by `{name}`")
    if inner.args.get("windows"):
        raise _WholeError("a window is named apart")
    if (carried or inner.args.get("distinct")) and not any(
        _is(node, name) for node in inner.selects
    ):
        raise _WholeError(f"a step does not carry `{name}`")
    _check_joins(inner, name, depending)


def _check_node(node: exp.Expr) -> None:
    if isinstance(node, exp.Anonymous) and str(node.this).lower() in _OF_ONE_ROW:
        return
    if isinstance(node, _REFUSED):
        raise _WholeError(f"`{node.sql(dialect='duckdb')[:40]}` may look beyond a partition")
    if isinstance(node, exp.Cast) and node.to.this in _TIME_TYPES:
        raise _WholeError(f"`{node.sql(dialect='duckdb')[:40]}` makes another instant of one")
    if isinstance(node, exp.Column) and node.name.lower() == "ingested_at":
        first = node.find_ancestor(exp.Coalesce)
        if first is None or not any(
            each.name == "event_time" for each in first.find_all(exp.Column)
        ):
            raise _WholeError("it reads when events were taken in")


def _is(node: exp.Expr, name: str) -> bool:
    """The column itself, not renamed."""
    return isinstance(node, exp.Column) and node.name == name


def _check_joins(select: exp.Select, name: str, depending: set[str]) -> None:
    """Each source of events beyond the first is joined by the partition's column."""
    sources = [source for source in _sources(select) if isinstance(source, exp.Table)]
    of_events = {source.alias_or_name for source in sources if source.name in depending}
    first = sources[0].alias_or_name
    if of_events and first not in of_events:
        raise _WholeError("it does not begin with events")
    for join in select.args.get("joins") or ():
        if join.this.alias_or_name not in of_events or len(of_events) == 1:
            continue
        on = join.args.get("on")
        pairs = [
            {each.this.table, each.expression.table}
            for each in (_conjuncts(on) if on is not None else ())
            if isinstance(each, exp.EQ) and _is(each.this, name) and _is(each.expression, name)
        ]
        mine = join.this.alias_or_name
        if not any(mine in pair and len(pair) == 2 and pair <= of_events for pair in pairs):
            raise _WholeError(f"a join does not go by `{name}`")


def _check_clocks(tree: exp.Expr) -> None:
    """_WholeError unless clocks are only compared with columns, as_of only with validity."""
    for node in tree.find_all(exp.Placeholder):
        name = str(node.this)
        if name not in _INSTANTS:
            continue
        parent = node.parent
        if not isinstance(parent, _COMPARISONS):
            raise _WholeError(f"it does more with `${name}` than compare it")
        other = parent.expression if parent.this is node else parent.this
        if not isinstance(other, exp.Column):
            raise _WholeError(f"`${name}` is compared with more than a column")
        if (name == "as_of") != (other.name in _VALIDITY):
            raise _WholeError(f"`${name}` is compared with `{other.name}`")
