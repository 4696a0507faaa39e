-- Population: credentials in force that an agent in production uses. Exception: a static secret, no end, or a long life.
with used as (
    select
        c.credential_id, min(c.row_id) as row_id, min(c.valid_from) as valid_from, min(c.source_id) as source_id,
        min(c.kind) as kind, min(c.lifetime_seconds) as lifetime_seconds,
        min(c.not_carried_fields) as not_carried_fields, min(c.redacted_fields) as redacted_fields,
        min(a.agent_id) as agent_id,
        -- One agent in production is enough; one of which nobody knows leaves it open.
        case when bool_or(a.in_production) then true when bool_or(a.in_production is null) then null else false end
            as in_production,
        min(gap(a.environment, 'environment', a.not_carried_fields, a.redacted_fields)) as environment_gap
    from credential c
    join active_agent a on list_contains(c.agent_ids, a.agent_id)
    where (c.revoked_at is null or c.revoked_at > $as_of) and (c.expires_at is null or c.expires_at > $as_of)
    group by c.credential_id
),
judged as (
    select
        credential_id, row_id, valid_from, source_id, agent_id, kind, lifetime_seconds,
        case when kind in ('api_key', 'password') then 'is a static ' || replace(kind, '_', ' ')
             when lifetime_seconds > $credential_max_hours * 3600
                then 'lives for ' || lifetime_seconds || ' s, ' || $credential_max_hours || ' hours allowed'
             when lifetime_seconds is null
                and gap(lifetime_seconds, 'lifetime_seconds', not_carried_fields, redacted_fields) is null
                then 'does not end' end as long,
        gaps([gap(kind, 'kind', not_carried_fields, redacted_fields),
            gap(lifetime_seconds, 'lifetime_seconds', not_carried_fields, redacted_fields)]) as open,
        case when in_production is null then environment_gap end as environment_gap
    from used
    where in_production is not false
),
weighed as (
    -- Where an agent runs matters only where its credential would fail.
    select
        credential_id, row_id, valid_from, source_id, agent_id, lifetime_seconds,
        if(environment_gap is null, long, null) as fault,
        if(long is null, open, gaps(['agent.' || environment_gap])) as missing
    from judged
)
select
    credential_id as item_id,
    verdict(fault, missing) as outcome,
    'credential ' || shorten(credential_id) || ' of agent ' || shorten(agent_id) || ' '
        || finding(fault, missing, 'lives for ' || lifetime_seconds || ' s') as reason,
    valid_from as observed_at,
    'record/credential/' || row_id as evidence_ref,
    agent_id,
    source_id,
    missing
from weighed
