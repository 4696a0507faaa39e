-- Population: each data source that an agent read for a decision in the period. Exception: not registered, or without owner or basis.
with used as (
    select
        agent_id, data_source_id,
        max(context_refs_state) as refs_state, min(source_id) as source_id,
        max(last_event_time) as last_at, arg_max(last_event_id, (last_event_time, last_event_id)) as last_id
    from context_day
    where in_period and last_event_time is not null and (data_source_id is not null or context_refs_state <> 'empty')
    group by agent_id, data_source_id
),
listed as (select count(*) > 0 as recorded from data_source),
matched as (
    select
        u.agent_id, u.data_source_id, u.refs_state, u.source_id, u.last_at, u.last_id, listed.recorded,
        d.data_source_id as known_id, d.owner_ref, d.lawful_basis, d.not_carried_fields, d.redacted_fields,
        gap(d.owner_ref, 'owner_ref', d.not_carried_fields, d.redacted_fields) as owner_gap,
        gap(d.lawful_basis, 'lawful_basis', d.not_carried_fields, d.redacted_fields) as basis_gap
    from used u
    cross join listed
    left join data_source d
        on d.data_source_id = u.data_source_id
        and d.valid_from <= u.last_at and (d.valid_to is null or d.valid_to > u.last_at)
),
judged as (
    select
        agent_id, data_source_id, source_id, last_at, last_id,
        case when data_source_id is null or not recorded then null
             when known_id is null then 'is not registered'
             when owner_ref is null and owner_gap is null and lawful_basis is null and basis_gap is null
                then 'has neither owner nor lawful basis on record'
             when owner_ref is null and owner_gap is null then 'has no owner'
             when lawful_basis is null and basis_gap is null then 'has no lawful basis on record' end as fault,
        gaps([
            case when data_source_id is null then 'context_refs: ' || if(refs_state = 'redacted', 'redacted', 'not carried') end,
            case when data_source_id is not null and not recorded then 'data_source: not carried' end,
            case when known_id is not null then 'data_source.' || owner_gap end,
            case when known_id is not null then 'data_source.' || basis_gap end
        ]) as missing
    from matched
)
select
    coalesce(agent_id, 'no agent named') || ' / ' || coalesce(data_source_id, 'no source named') as item_id,
    verdict(fault, missing) as outcome,
    'data source ' || shorten(data_source_id) || ' read by agent ' || shorten(agent_id) || ' '
        || finding(fault, missing, 'is registered with owner and lawful basis') as reason,
    last_at as observed_at,
    'event/' || last_id as evidence_ref,
    agent_id,
    source_id,
    missing
from judged
