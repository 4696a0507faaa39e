"""Facts: small mergeable measures of the period's events, by agent and day and by source and day.

`agent_day`: one row per source, day, agent and `agent_id_state` (stated, empty, not_carried,
redacted). A blocked event (executed = false, or outcome denied) counts in `events` and `blocked`,
but not in the first and last times, which say when the agent acted. Days are local days.
`source_day`: one row per source and day, with the running numbers seen and how many are missing.
"""

from __future__ import annotations

FACTS_SQL = {
    "agent_day": """
select
    source_id,
    source_class,
    local_day as day,
    agent_id,
    case when agent_id is not null then 'stated'
         when coalesce(list_contains(redacted_fields, 'agent_id'), false) then 'redacted'
         when coalesce(list_contains(empty_fields, 'agent_id'), false) then 'empty'
         else 'not_carried' end as agent_id_state,
    count(*) as events,
    count(*) filter (where executed) as executed,
    count(*) filter (where blocked) as blocked,
    arg_min(event_id, (coalesce(event_time, ingested_at), event_id)) filter (where not blocked)
        as first_event_id,
    min(coalesce(event_time, ingested_at)) filter (where not blocked) as first_event_time,
    arg_max(event_id, (coalesce(event_time, ingested_at), event_id)) filter (where not blocked)
        as last_event_id,
    max(coalesce(event_time, ingested_at)) filter (where not blocked) as last_event_time
from (
    select
        source_id, source_class, local_day, agent_id, redacted_fields, empty_fields, event_id,
        event_time, ingested_at, executed,
        executed is false or (outcome is not distinct from 'denied') as blocked
    from event
    where source_class is distinct from 'muniment'
)
group by all""",
    "source_day": """
select
    source_id,
    source_class,
    local_day as day,
    count(*) as entries,
    min(source_seq) as first_seq,
    max(source_seq) as last_seq,
    count(distinct source_seq) as distinct_seq,
    max(source_seq) - min(source_seq) + 1 - count(distinct source_seq) as missing_seq,
    min(event_time) as min_event_time,
    max(event_time) as max_event_time,
    arg_min(event_id, (coalesce(event_time, ingested_at), event_id)) as first_event_id,
    arg_max(event_id, (coalesce(event_time, ingested_at), event_id)) as last_event_id,
    max(ingested_at) as last_ingested_at
from event
where source_class is distinct from 'muniment'
group by all""",
}
