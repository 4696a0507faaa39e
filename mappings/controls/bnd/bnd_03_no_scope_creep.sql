-- Population: what active agents did in the period after their boundary was last approved: each system touched, and each act by
-- tool (or kind, where no tool was used). Exception: the boundary does not name it.
with latest as (
    select
        agent_id, coalesce(approved_at, valid_from) as since, reads, coalesce(writes, []) as writes,
        list_concat(coalesce(allowed_actions, []), coalesce(approval_actions, [])) as acts,
        'boundary.' || coalesce(gap(reads, 'reads', not_carried_fields, redacted_fields),
            gap(writes, 'writes', not_carried_fields, redacted_fields)) as systems_gap,
        'boundary.' || coalesce(gap(allowed_actions, 'allowed_actions', not_carried_fields, redacted_fields),
            gap(approval_actions, 'approval_actions', not_carried_fields, redacted_fields)) as acts_gap
    from boundary
    where valid_from <= $as_of and (valid_to is null or valid_to > $as_of)
    qualify row_number() over (partition by agent_id order by valid_from desc, boundary_id) = 1
),
done as (
    select
        d.agent_id, d.source_id, d.action_type, d.target_name, d.target_system, d.target_name_state, d.target_system_state,
        d.last_event_id, d.first_event_time, d.last_event_time, d.events - d.blocked as times
    from act_day d
    join active_agent a on a.agent_id = d.agent_id
    where d.in_period and d.events > d.blocked
        and coalesce(d.action_type, 'other') not in ('model_call', 'run', 'policy_check', 'approve', 'delegate')
),
judged as (
    select
        d.agent_id, d.source_id, d.last_event_id, d.first_event_time, d.last_event_time, d.times,
        'system ' || coalesce(d.target_system, 'not stated') as what,
        list_contains(b.writes, d.target_system) or (d.action_type = 'read' and list_contains(b.reads, d.target_system)) as inside,
        case when b.agent_id is null then 'boundary: not carried'
             when d.target_system is null then 'target_system: ' || replace(d.target_system_state, '_', ' ')
             else b.systems_gap end as open
    from done d
    left join latest b on b.agent_id = d.agent_id
    where d.target_system_state <> 'empty' and (b.agent_id is null or d.last_event_time > b.since)
    union all
    select
        d.agent_id, d.source_id, d.last_event_id, d.first_event_time, d.last_event_time, d.times,
        'act ' || coalesce(d.target_name, d.action_type, 'not stated') as what,
        list_has_any(b.acts, ['*', d.target_name, d.action_type]) as inside,
        case when b.agent_id is null then 'boundary: not carried'
             when d.target_name is null and d.target_name_state <> 'empty'
                then 'target_name: ' || replace(d.target_name_state, '_', ' ')
             else b.acts_gap end as open
    from done d left join latest b on b.agent_id = d.agent_id
    where b.agent_id is null or d.last_event_time > b.since
)
select
    agent_id || ': ' || what as item_id,
    case when bool_or(inside is not true and open is null) then 'exception' when bool_and(inside) then 'pass' else 'undetermined' end
        as outcome,
    'agent ' || shorten(agent_id) || ', ' || shorten(what) || ': ' || sum(times) || ' times, first at ' || min(first_event_time)
        || ' UTC; ' || if(bool_and(inside is true), 'inside its boundary', coalesce('not judged, ' || max(open), 'not in its boundary'))
        as reason,
    max(last_event_time) as observed_at,
    'event/' || arg_max(last_event_id, (last_event_time, last_event_id)) as evidence_ref,
    agent_id,
    min(source_id) as source_id,
    gaps([max(open) filter (where inside is not true)]) as missing
from judged
group by agent_id, what
