"""When each agent was first and last seen in each source, over the whole log."""

from __future__ import annotations

import pyarrow as pa

from muniment.store.audit import AuditReader
from muniment.store.segment_files import run_query

_AT = "coalesce(event_time, ingested_at)"


def life_sql(relation: str, where: str, by: str = "") -> str:
    """The SELECT of the lives in a relation of events; by: a further column to tell them apart.

    Two parts of a log merge by the sum of `events`, the least and greatest of the times, and the id
    that belongs to the least.
    """
    return f"""
select
    {f"{by}," if by else ""}
    source_id,
    source_class,
    agent_id,
    case when agent_id is not null then 'stated'
         when coalesce(list_contains(redacted_fields, 'agent_id'), false) then 'redacted'
         when coalesce(list_contains(empty_fields, 'agent_id'), false) then 'empty'
         else 'not_carried' end as agent_id_state,
    count(*) as events,
    arg_min(event_id, ({_AT}, event_id)) as first_event_id,
    min({_AT}) as first_event_time,
    max({_AT}) as last_event_time
from {relation}
where {where}
group by all"""


def read_lives(reader: AuditReader, *, known_at: str, before: str) -> pa.Table:
    """The lives of all agents in events before an instant, taken in by `known_at`.

    Events count as they came: a later annotation of an agent or a time is not looked at.
    """
    where = (
        "entry_kind = 'event' and source_class is distinct from 'muniment'"
        f" and ingested_at <= '{known_at[:-1]}'::timestamp_ns"
        f" and {_AT} < '{before[:-1]}'::timestamp_ns"
    )
    parts = reader.gathered(lambda relation: life_sql(relation, where), known_at)
    merged = """
select
    source_id, source_class, agent_id, agent_id_state, cast(sum(events) as bigint) as events,
    arg_min(first_event_id, (first_event_time, first_event_id)) as first_event_id,
    min(first_event_time) as first_event_time, max(last_event_time) as last_event_time
from tail
group by all"""
    return run_query(merged, [], pa.concat_tables(parts))
