-- Population: active agents as of the assessment. Exception: no accountable, active human owner.
with candidates as (
    select
        agent_id, row_id, valid_from, source_id, owner_ref,
        coalesce(list_contains(not_carried_fields, 'owner_ref'), false) as owner_not_carried,
        coalesce(list_contains(redacted_fields, 'owner_ref'), false) as owner_redacted,
        case when coalesce(lifecycle_status, 'unknown') <> 'unknown' then null
             when coalesce(list_contains(redacted_fields, 'lifecycle_status'), false) then 'lifecycle_status: redacted'
             else 'lifecycle_status: not carried' end as status_gap
    from agent
    where (kind is null or kind in ('agent', 'sub_agent', 'coding_assistant'))
        and (coalesce(lifecycle_status, 'unknown') in ('active', 'deprecated')
            or (coalesce(lifecycle_status, 'unknown') = 'unknown' and (retired_at is null or retired_at > $as_of)))
),
people as (select count(*) > 0 as recorded from person),
judged as (
    select
        c.agent_id, c.row_id, c.valid_from, c.source_id, c.owner_ref, c.status_gap,
        case when c.owner_redacted then 'open: owner_ref: redacted'
             when c.owner_not_carried then 'open: owner_ref: not carried'
             when c.owner_ref is null or trim(c.owner_ref) = '' then 'has no owner'
             when not people.recorded then 'open: person: not carried'
             when p.person_id is null then 'names an owner who is not on record'
             when p.kind in ('group', 'service') then 'is owned by a ' || p.kind || ', not a person'
             when p.active is false then 'has an owner who is not active'
             when p.left_at <= $as_of then 'has an owner who left'
             when list_contains(p.redacted_fields, 'kind') then 'open: person.kind: redacted'
             when p.kind is null then 'open: person.kind: not carried'
             when list_contains(p.redacted_fields, 'active')
                then 'open: person.active: redacted'
             when p.active is null then 'open: person.active: not carried'
             else 'is owned' end as finding
    from candidates c
    cross join people
    left join person p on lower(p.person_id) = lower(c.owner_ref)
)
select
    agent_id as item_id,
    case when finding = 'is owned' then 'pass'
         when starts_with(finding, 'open: ') or status_gap is not null then 'undetermined'
         else 'exception' end as outcome,
    'agent ' || left(agent_id, 60) || ' '
        || case when starts_with(finding, 'open: ') then 'cannot be judged: ' || substr(finding, 7) else finding end
        || case when owner_ref is null then '' else ' (owner ' || left(owner_ref, 60) || ')' end as reason,
    valid_from as observed_at,
    'record/agent/' || row_id as evidence_ref,
    agent_id,
    source_id,
    case when finding = 'is owned' then cast([] as varchar[])
         when starts_with(finding, 'open: ') then [substr(finding, 7)]
         when status_gap is not null then [status_gap]
         else cast([] as varchar[]) end as missing
from judged
