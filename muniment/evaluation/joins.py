"""The rows that belong to an event, as SQL: what was valid for it then, and the approval it names.

Several rows of one thing may be valid at once (several grants). A timeline cuts its history at
every change; each piece holds the union of the lists that were valid in it. A piece's list of
`not_carried_fields` names what any of its rows lacks, so that a union is never taken for complete.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from muniment.catalog.joins import JOINS
from muniment.model.columns import Column, ColumnKind
from muniment.model.records import RECORD_TABLE_BY_NAME
from muniment.model.times import MAX_NANOS, MIN_NANOS

_LISTS = ("not_carried_fields", "redacted_fields")


def timeline_sql(name: str, columns: Collection[str]) -> str:
    """A statement that creates `<join>_rows`, what the join finds: `columns` of its table.

    One row per thing and stretch of time, `piece_from` to `piece_last`; the first starts before all
    time with found = false, so that a thing of which a row was ever recorded always meets one.
    """
    join = JOINS[name]
    if join.at is None:
        return _latest_sql(name, columns)
    wanted = [c for c in RECORD_TABLE_BY_NAME[join.table].all_columns if c.name in columns]
    values = "".join(f",\n    {_union(c)} as {c.name}" for c in wanted if c.name not in _LISTS)
    lists = ",\n".join(
        f"    coalesce(list_distinct(flatten(list(r.{each}))), []) as {each}" for each in _LISTS
    )
    return f"""
create table {name}_rows as
with history as (
    select *, {join.key} as join_key from {join.table} where {join.only}
),
cuts as (
    select distinct join_key, make_timestamp_ns({MIN_NANOS}) as piece_from from history
    union select join_key, valid_from from history
    union select join_key, valid_to from history where valid_to is not null
)
select
    c.join_key,
    c.piece_from,
    make_timestamp_ns(coalesce(
        lead(epoch_ns(c.piece_from)) over (partition by c.join_key order by c.piece_from) - 1,
        {MAX_NANOS}
    )) as piece_last,
    count(r.row_id) > 0 as found,
    true as ever,
{lists}{values}
from cuts c
left join history r on r.join_key = c.join_key
    and r.valid_from <= c.piece_from and (r.valid_to is null or r.valid_to > c.piece_from)
group by c.join_key, c.piece_from"""


def _union(column: Column) -> str:
    name = column.name
    if column.kind is ColumnKind.TEXT_LIST:
        united = f"flatten(list(r.{name}) filter (where r.{name} is not null))"
        return f"list_sort(list_distinct({united}))"
    # Several rows that disagree have no single value: NULL, hence undetermined.
    return (
        f"case when count(distinct r.{name}) = 1 and count(r.{name}) = count(r.row_id)"
        f" then any_value(r.{name}) end"
    )


def _latest_sql(name: str, columns: Collection[str]) -> str:
    join = JOINS[name]
    wanted = [c.name for c in RECORD_TABLE_BY_NAME[join.table].all_columns if c.name in columns]
    names = ", ".join(dict.fromkeys([*_LISTS, *wanted]))
    return f"""
create table {name}_rows as
select {join.key} as join_key, true as found, {names}
from {join.table} where {join.only} and valid_from <= (select as_of from clock)
qualify row_number() over (partition by {join.key} order by valid_from desc, row_id) = 1"""


def join_sql(name: str, flags: Sequence[str] = (), *, few: bool = False) -> str:
    """The clause that joins `<join>_rows` to the event; flags: further columns of those rows.

    few: each thing has few pieces, so that trying all of them costs less than sorting the events.
    """
    join = JOINS[name]
    rows = f"(select *, {', '.join(flags)} from {name}_rows)" if flags else f"{name}_rows"
    on = f"join {rows} {name} on {join.on} = {name}.join_key"
    if join.at is None:
        return f"left {on}"
    if few:
        return f"left {on} and {join.at} between {name}.piece_from and {name}.piece_last"
    return f"asof left {on} and {join.at} >= {name}.piece_from"


def local_day(expression: str, time_zone: str) -> str:
    """SQL of the calendar day of an instant in a time zone, as ISO text."""
    zone = time_zone.replace("'", "''")
    # A cast from timestamp_ns to timestamp rounds up and would move the last instant of a day.
    utc = f"timezone('UTC', make_timestamp(epoch_ns({expression}) // 1000))"
    return f"cast(cast(timezone('{zone}', {utc}) as date) as varchar)"


def event_view_sql(time_zone: str, *, approval_ever: bool) -> str:
    """A statement that creates `event`: the period's events with their local day.

    An event without a time belongs to the period in which it was taken in: it must not vanish.
    """
    day = local_day("coalesce(event_time, ingested_at)", time_zone)
    return f"""
create view event as
select *, {day} as local_day, {str(approval_ever).lower()} as approval_ever
from events
where coalesce(event_time, ingested_at) >= (select period_start from clock)
    and coalesce(event_time, ingested_at) < (select period_end from clock)"""
