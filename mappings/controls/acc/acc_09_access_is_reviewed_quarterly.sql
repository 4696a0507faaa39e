-- Population: active agents that hold permissions. Exception: the last review of their access is older than the limit.
with holders as (
    select a.agent_id, a.row_id, a.source_id, list(s.permission_set_id) as sets, min(s.valid_from) as since
    from active_agent a
    join permission_set s on s.agent_id = a.agent_id
    group by a.agent_id, a.row_id, a.source_id
),
registers as (select exists (select 1 from review where kind = 'access') as recorded),
judged as (
    select
        h.agent_id, h.row_id, h.source_id, h.since, registers.recorded, max(r.done_at) as done_at,
        min(gap(r.done_at, 'done_at', r.not_carried_fields, r.redacted_fields)) as open
    from holders h
    cross join registers
    left join review r on r.kind = 'access' and (r.subject_ref = h.agent_id or list_contains(h.sets, r.subject_ref))
        and (r.done_at is null or r.done_at <= $as_of)
    group by h.agent_id, h.row_id, h.source_id, h.since, registers.recorded
),
weighed as (
    select
        agent_id, row_id, source_id, done_at,
        coalesce(not longer_than($review_days, done_at, $as_of), false) as fresh,
        -- A grant younger than the limit need not have been reviewed yet.
        coalesce(not longer_than($review_days, since, $as_of), false) as young,
        if(recorded, 'review.' || open, 'review: not carried') as open
    from judged
),
concluded as (
    select
        agent_id, row_id, source_id, done_at, if(fresh or young, gaps([null]), gaps([open])) as missing,
        case when fresh or young or open is not null then null
             when done_at is null then 'never had its access reviewed'
             else 'had its access last reviewed at ' || done_at || ' UTC, over ' || $review_days || ' days ago' end as fault,
        if(fresh, 'had its access reviewed at ' || done_at || ' UTC', 'was given its access lately') as fine
    from weighed
)
select
    agent_id as item_id,
    verdict(fault, missing) as outcome,
    'agent ' || shorten(agent_id) || ' ' || finding(fault, missing, fine) as reason,
    done_at as observed_at,
    'record/agent/' || row_id as evidence_ref,
    agent_id,
    source_id,
    missing
from concluded
