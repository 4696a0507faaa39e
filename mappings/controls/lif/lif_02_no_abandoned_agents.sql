-- Population: active agents with a credential in force. Exception: nobody looked at them for longer than the limit: no review, no
-- change or gate decided, and nothing of what they asked for answered.
with registers as (select count(*) > 0 as recorded from credential where valid_from <= $as_of),
held as (
    select distinct unnest(agent_ids) as agent_id
    from credential
    where valid_from <= $as_of and (valid_to is null or valid_to > $as_of)
        and (revoked_at is null or revoked_at > $as_of) and (expires_at is null or expires_at > $as_of)
),
looks as (
    select
        subject_ref as agent_id, done_at as looked_at,
        'review.' || unknown(done_at, 'done_at', not_carried_fields, redacted_fields) as open
    from review
    union all
    select agent_id, decided_at, null from gate_decision
    union all
    select agent_id, approved_at, null from change
    union all
    select coalesce(agent_id, requested_by), decided_at, null
    from approval
    where coalesce(decision, '') not in ('expired', 'cancelled')
    union all
    select agent_id, unnest([last_review_at, registered_at]), null from active_agent
),
last_looks as (
    select agent_id, max(looked_at) filter (where looked_at <= $as_of) as looked_at, max(open) as open from looks group by agent_id
),
lives as (
    select agent_id, max(last_event_time) as seen_at from agent_life where last_event_time <= $as_of group by agent_id
),
judged as (
    select
        a.agent_id, a.row_id, a.source_id, l.seen_at, k.looked_at,
        coalesce(not longer_than($abandoned_days, k.looked_at, $as_of), false) as tended,
        gaps([if(registers.recorded, k.open, 'credential: not carried'), a.status_gap]) as open
    from active_agent a
    cross join registers
    left join last_looks k on k.agent_id = a.agent_id
    left join lives l on l.agent_id = a.agent_id
    where not registers.recorded or a.agent_id in (select agent_id from held)
)
select
    agent_id as item_id,
    case when tended then 'pass' when len(open) > 0 then 'undetermined' else 'exception' end as outcome,
    'agent ' || shorten(agent_id) || case when looked_at is null then ': nobody ever looked at it'
            else ': last looked at ' || looked_at || ' UTC' || if(tended, '', ', over ' || $abandoned_days || ' days ago') end
        || '; ' || coalesce('last seen at ' || seen_at || ' UTC', 'never seen')
        || if(not tended and len(open) > 0, '; cannot be judged: ' || array_to_string(open, ', '), '') as reason,
    looked_at as observed_at,
    'record/agent/' || row_id as evidence_ref,
    agent_id,
    source_id,
    open as missing
from judged
