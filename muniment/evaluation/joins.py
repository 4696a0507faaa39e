"""The rows that belong to an event: what was valid for its agent then, and the approval it names.

Several rows of one agent may be valid at once (several grants). A timeline cuts an agent's history
at every change; each piece holds the union of the lists that were valid in it. A piece's list of
`not_carried_fields` names what any of its rows lacks, so that a union is never taken for complete.
"""

from __future__ import annotations

from muniment.model.columns import ColumnKind
from muniment.model.records import RECORD_TABLE_BY_NAME
from muniment.model.times import MIN_NANOS

TIMELINES = ("agent", "permission_set")
_LISTS = ("not_carried_fields", "redacted_fields")


def timeline_sql(table: str) -> str:
    """A statement that creates `<table>_timeline` from the history rows in `<table>`.

    One row per agent and stretch of time, starting at `piece_from`; the first starts before all
    time with found = false, so that an agent of whom a row was ever recorded always meets one.
    """
    values = ",\n".join(
        f"    {_union(column.name, column.kind)} as {column.name}"
        for column in RECORD_TABLE_BY_NAME[table].all_columns
        if column.name not in {"agent_id", *_LISTS}
    )
    lists = ",\n".join(
        f"    coalesce(list_distinct(flatten(list(r.{name}))), []) as {name}" for name in _LISTS
    )
    return f"""
create table {table}_timeline as
with cuts as (
    select distinct agent_id, make_timestamp_ns({MIN_NANOS}) as piece_from from {table}
    union select agent_id, valid_from from {table}
    union select agent_id, valid_to from {table} where valid_to is not null
)
select
    c.agent_id,
    c.piece_from,
    count(r.row_id) > 0 as found,
    true as ever,
{values},
{lists}
from cuts c
left join {table} r on r.agent_id = c.agent_id
    and r.valid_from <= c.piece_from and (r.valid_to is null or r.valid_to > c.piece_from)
group by c.agent_id, c.piece_from"""


def _union(name: str, kind: ColumnKind) -> str:
    if kind is ColumnKind.TEXT_LIST:
        return f"list_distinct(flatten(list(r.{name}) filter (where r.{name} is not null)))"
    # Several grants that disagree have no single value: NULL, hence undetermined.
    return (
        f"case when count(distinct r.{name}) = 1 and count(r.{name}) = count(r.row_id)"
        f" then any_value(r.{name}) end"
    )


APPROVAL_SQL = """
create table approval_latest as
select *, true as found from approval where valid_from <= (select as_of from clock)
qualify row_number() over (partition by approval_id order by valid_from desc, row_id) = 1"""

JOIN_SQL = {
    "agent": (
        "asof left join agent_timeline agent"
        " on event.agent_id = agent.agent_id and event.event_time >= agent.piece_from"
    ),
    "permission_set": (
        "asof left join permission_set_timeline permission_set"
        " on event.agent_id = permission_set.agent_id"
        " and event.event_time >= permission_set.piece_from"
    ),
    "approval": "left join approval_latest approval on event.approval_id = approval.approval_id",
}


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
