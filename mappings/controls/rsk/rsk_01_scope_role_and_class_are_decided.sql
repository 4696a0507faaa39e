-- Population: active agents in production. Exception: scope, role, class, reason or date missing, or decided after go-live.
with judged as (
    select
        agent_id, row_id, valid_from, source_id, status_gap,
        case when in_production is null then gap(environment, 'environment', not_carried_fields, redacted_fields) end as place_gap,
        eu_in_scope, eu_role, eu_class, eu_class_reason, eu_class_decided_at, go_live_at,
        gap(eu_in_scope, 'eu_in_scope', not_carried_fields, redacted_fields) as scope_gap,
        gap(eu_role, 'eu_role', not_carried_fields, redacted_fields) as role_gap,
        gap(eu_class, 'eu_class', not_carried_fields, redacted_fields) as class_gap,
        gap(eu_class_reason, 'eu_class_reason', not_carried_fields, redacted_fields) as reason_gap,
        gap(eu_class_decided_at, 'eu_class_decided_at', not_carried_fields, redacted_fields) as date_gap,
        gap(go_live_at, 'go_live_at', not_carried_fields, redacted_fields) as live_gap
    from active_agent
    where in_production is distinct from false
),
weighed as (
    select
        agent_id, row_id, valid_from, source_id, status_gap, place_gap,
        case when eu_in_scope is null and scope_gap is null then 'has no decision on scope'
             when eu_in_scope and eu_role is null and role_gap is null then 'has no role'
             when eu_in_scope and eu_class is null and class_gap is null then 'has no risk class'
             when eu_class_reason is null and reason_gap is null then 'has a decision without a reason'
             when eu_class_decided_at is null and date_gap is null then 'has a decision without a date'
             when eu_class_decided_at > go_live_at
                then 'was decided on ' || strftime(eu_class_decided_at, '%Y-%m-%d %H:%M') || ' UTC, after go-live on '
                    || strftime(go_live_at, '%Y-%m-%d %H:%M') || ' UTC' end as fault,
        gaps([
            scope_gap,
            case when eu_in_scope is distinct from false then role_gap end,
            case when eu_in_scope is distinct from false then class_gap end,
            reason_gap, date_gap,
            -- An agent that never went live was decided in time, whenever that was.
            live_gap
        ]) as open
    from judged
)
select
    agent_id as item_id,
    verdict(if(status_gap is null and place_gap is null, fault, null),
        case when fault is not null then gaps([status_gap, place_gap]) else open end) as outcome,
    'agent ' || shorten(agent_id) || ' ' || finding(if(status_gap is null and place_gap is null, fault, null),
        case when fault is not null then gaps([status_gap, place_gap]) else open end,
        'was decided with reason and date by go-live') as reason,
    valid_from as observed_at,
    'record/agent/' || row_id as evidence_ref,
    agent_id,
    source_id,
    case when fault is not null then gaps([status_gap, place_gap]) else open end as missing
from weighed
