-- Population: active agents whose owner is on record. Exception: the owner left longer ago than the limit.
with judged as (
    select
        a.agent_id, a.row_id, a.valid_from, a.source_id, a.owner_ref, a.status_gap,
        coalesce(p.left_at <= $as_of, false) as has_left,
        days_between(p.left_at, $as_of) as days, longer_than($owner_left_days, p.left_at, $as_of) as overdue,
        case when p.left_at is null then gap(p.left_at, 'left_at', p.not_carried_fields, p.redacted_fields) end as left_gap,
        p.active
    from active_agent a
    join person p on lower(p.person_id) = lower(a.owner_ref)
),
weighed as (
    select
        agent_id, row_id, valid_from, source_id, owner_ref, days, has_left,
        case when status_gap is null and overdue
            then 'still acts; its owner left ' || floor(days)::bigint || ' days ago' end as fault,
        case when overdue then gaps([status_gap])
             when days is not null then gaps([null])
             -- Somebody who is no longer active left, and nobody says when.
             when active is false then ['person.' || coalesce(left_gap, 'left_at: not carried')]
             when left_gap is not null then ['person.' || left_gap] else gaps([null]) end as missing
    from judged
)
select
    agent_id as item_id,
    verdict(fault, missing) as outcome,
    'agent ' || shorten(agent_id) || ' '
        || finding(fault, missing, if(has_left, 'lost its owner ' || floor(days)::bigint || ' days ago', 'has its owner'))
        || ' (owner ' || shorten(owner_ref) || ')' as reason,
    valid_from as observed_at,
    'record/agent/' || row_id as evidence_ref,
    agent_id,
    source_id,
    missing
from weighed
