-- Population: active agents as of the assessment. Exception: no accountable, active human owner.
with people as (select count(*) > 0 as recorded from person),
judged as (
    select
        a.agent_id, a.row_id, a.valid_from, a.source_id, a.owner_ref, a.status_gap,
        case when trim(a.owner_ref) = '' then 'has no owner'
             when a.owner_ref is null and gap(a.owner_ref, 'owner_ref', a.not_carried_fields, a.redacted_fields) is null
                then 'has no owner'
             when a.owner_ref is null or not people.recorded then null
             when p.person_id is null then 'names an owner who is not on record'
             when p.kind in ('group', 'service') then 'is owned by a ' || p.kind || ', not a person'
             when p.active is false then 'has an owner who is not active'
             when p.left_at <= $as_of then 'has an owner who left' end as fault,
        case when a.owner_ref is null then gap(a.owner_ref, 'owner_ref', a.not_carried_fields, a.redacted_fields)
             when not people.recorded then 'person: not carried'
             else 'person.' || coalesce(unknown(p.kind, 'kind', p.not_carried_fields, p.redacted_fields),
                unknown(p.active, 'active', p.not_carried_fields, p.redacted_fields)) end as open
    from active_agent a
    cross join people
    left join person p on lower(p.person_id) = lower(a.owner_ref)
),
weighed as (
    -- Whether the agent is active matters only where its owner would fail.
    select agent_id, row_id, valid_from, source_id, owner_ref, if(status_gap is null, fault, null) as fault,
        case when fault is not null then gaps([status_gap]) else gaps([open]) end as missing
    from judged
)
select
    agent_id as item_id,
    verdict(fault, missing) as outcome,
    'agent ' || left(agent_id, 60) || ' ' || finding(fault, missing, 'is owned')
        || case when owner_ref is null then '' else ' (owner ' || left(owner_ref, 60) || ')' end as reason,
    valid_from as observed_at,
    'record/agent/' || row_id as evidence_ref,
    agent_id,
    source_id,
    missing
from weighed
