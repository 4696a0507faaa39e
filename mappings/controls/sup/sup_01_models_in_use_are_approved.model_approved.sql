-- Population: each model that an agent used in the period. Exception: it was not an approved component then.
with used as (
    select
        agent_id, model,
        max(model_state) as model_state, min(source_id) as source_id,
        min(first_event_time) as first_at, max(last_event_time) as last_at,
        arg_max(last_event_id, (last_event_time, last_event_id)) as last_id
    from model_day
    where in_period and last_event_time is not null
    group by agent_id, model
),
listed as (select count(*) > 0 as recorded from component),
matched as (
    select
        u.agent_id, u.model, u.model_state, u.source_id, u.first_at, u.last_at, u.last_id, listed.recorded,
        c.component_id, c.status, 'component.' || unknown(c.status, 'status', c.not_carried_fields, c.redacted_fields) as status_gap,
        c.approved_at,
        'component.' || unknown(c.approved_at, 'approved_at', c.not_carried_fields, c.redacted_fields) as approved_gap
    from used u
    cross join listed
    left join component c
        on lower(c.name) = lower(u.model) and coalesce(c.kind, 'model') = 'model'
        and c.valid_from <= u.last_at and (c.valid_to is null or c.valid_to > u.last_at)
    -- Of several components of one name the most permissive counts: its approval covers the use.
    qualify row_number() over (
        partition by u.agent_id, u.model
        order by (c.status = 'approved') desc nulls last, c.approved_at nulls last, c.component_id) = 1
),
judged as (
    select
        agent_id, model, last_at, last_id, source_id,
        case when model is null or not recorded then null
             when component_id is null then 'is not on the list of components'
             when status <> 'approved' then 'was ' || status || ', not approved'
             when approved_at > first_at
                then 'was used from ' || strftime(first_at, '%Y-%m-%d %H:%M') || ' UTC, before its approval on '
                    || strftime(approved_at, '%Y-%m-%d %H:%M') || ' UTC' end as fault,
        gaps([
            case when model is null then 'model: ' || if(model_state = 'redacted', 'redacted', 'not carried') end,
            case when model is not null and not recorded then 'component: not carried' end,
            case when component_id is not null then status_gap end,
            case when status = 'approved' then approved_gap end
        ]) as missing
    from matched
)
select
    coalesce(agent_id, 'no agent named') || ' / ' || coalesce(model, 'no model named') as item_id,
    verdict(fault, missing) as outcome,
    'model ' || shorten(model) || ' of agent ' || shorten(agent_id) || ' '
        || finding(fault, missing, 'was approved before its use') as reason,
    last_at as observed_at,
    'event/' || last_id as evidence_ref,
    agent_id,
    source_id,
    missing
from judged
