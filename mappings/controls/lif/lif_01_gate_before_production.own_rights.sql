-- Population: active agents in production with a permission set or credential. Exception: all of one kind were issued elsewhere.
with rights as (
    select
        agent_id, 'permission set ' as kind, permission_set_id as id, environment,
        'permission_set.' || gap(environment, 'environment', not_carried_fields, redacted_fields) as open
    from permission_set
    union all
    select
        unnest(agent_ids) as agent_id, 'credential ' as kind, credential_id as id, environment,
        'credential.' || gap(environment, 'environment', not_carried_fields, redacted_fields) as open
    from credential
    where (revoked_at is null or revoked_at > $as_of) and (expires_at is null or expires_at > $as_of)
),
-- A test instance may have rights of its own beside those of production; without any of production, production runs on them.
kinds as (
    select
        agent_id, kind, bool_or(lower(environment) in ('production', 'prod')) as has_own,
        min(kind || id || ' of ' || lower(environment)) filter (where lower(environment) not in ('production', 'prod')) as what,
        list_distinct(gaps(list(open))) as open
    from rights
    group by agent_id, kind
),
held as (
    select
        agent_id, list_distinct(flatten(list(case when coalesce(has_own, false) then [] else open end))) as open,
        min(what) filter (where not coalesce(has_own, false) and len(open) = 0) as what
    from kinds
    group by agent_id
),
judged as (
    select
        a.agent_id, a.row_id, a.valid_from, a.source_id, h.open,
        case when h.what is not null then 'runs with ' || shorten(h.what) end as fault,
        gaps([a.status_gap, case when a.in_production is null
            then gap(a.environment, 'environment', a.not_carried_fields, a.redacted_fields) end]) as unknown
    from active_agent a
    join held h on h.agent_id = a.agent_id
    where a.in_production is distinct from false
),
weighed as (
    select
        agent_id, row_id, valid_from, source_id, if(len(unknown) = 0, fault, null) as fault,
        if(fault is null, list_sort(open), unknown) as missing
    from judged
)
select
    agent_id as item_id,
    verdict(fault, missing) as outcome,
    'agent ' || shorten(agent_id) || ' ' || finding(fault, missing, 'runs with rights of production only') as reason,
    valid_from as observed_at,
    'record/agent/' || row_id as evidence_ref,
    agent_id,
    source_id,
    missing
from weighed
