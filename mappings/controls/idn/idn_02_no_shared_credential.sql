-- Population: credentials in force. Exception: several agents prove the same identity with it (or with another credential of
-- that identity), or it belongs to a person.
with in_force as (
    select
        credential_id, row_id, valid_from, source_id, agent_ids, person_id, not_carried_fields, redacted_fields,
        coalesce(identity_ref, credential_id) as identity
    from credential
    where (revoked_at is null or revoked_at > $as_of) and (expires_at is null or expires_at > $as_of)
),
identities as (
    select identity, list_sort(list_distinct(flatten(list(coalesce(agent_ids, []))))) as agents from in_force group by identity
),
judged as (
    select
        c.credential_id, c.row_id, c.valid_from, c.source_id, i.agents,
        case when len(i.agents) > 1
            then 'is used by ' || len(i.agents) || ' agents: ' || shorten(array_to_string(i.agents, ', ')) end as shared,
        gap(c.agent_ids, 'agent_ids', c.not_carried_fields, c.redacted_fields) as shared_gap,
        case when c.person_id is not null and (p.person_id is null or p.kind in ('human', 'group'))
            then 'belongs to ' || shorten(c.person_id) end as personal,
        case when c.person_id is null then gap(c.person_id, 'person_id', c.not_carried_fields, c.redacted_fields)
             when p.person_id is not null then 'person.' || unknown(p.kind, 'kind', p.not_carried_fields, p.redacted_fields)
             end as personal_gap
    from in_force c
    join identities i on i.identity = c.identity
    left join person p on lower(p.person_id) = lower(c.person_id)
)
select
    credential_id as item_id,
    verdict(coalesce(shared, personal), gaps([shared_gap, personal_gap])) as outcome,
    'credential ' || shorten(credential_id) || ' '
        || finding(coalesce(shared, personal), gaps([shared_gap, personal_gap]), 'is used by one agent at most') as reason,
    valid_from as observed_at,
    'record/credential/' || row_id as evidence_ref,
    agents[1] as agent_id,
    source_id,
    gaps([shared_gap, personal_gap]) as missing,
    [mark('A', shared, shared_gap), mark('B', personal, personal_gap)] as attributes
from judged
