-- Population: traces that began in the period. Exception: no trigger, no final outcome, or orphan spans.
-- Pending: something happened in the trace after $settled_before, so it may not be complete yet.
with spans as (
    select
        trace_id, event_id, span_id, nullif(parent_span_id, '') as parent_span_id, agent_id, source_id, outcome,
        trigger_kind is not null as has_trigger, action_type is not distinct from 'run' as is_run,
        coalesce(event_time, ingested_at) as happened_at,
        coalesce(end_time, event_time, ingested_at) as ended_at,
        coalesce(list_contains(empty_fields, 'trigger_kind'), false) as trigger_empty,
        coalesce(list_contains(redacted_fields, 'trigger_kind'), false) as trigger_redacted,
        coalesce(list_contains(empty_fields, 'outcome'), false) as outcome_empty,
        coalesce(list_contains(redacted_fields, 'outcome'), false) as outcome_redacted,
        bool_or(action_type is not distinct from 'run') over (partition by trace_id) as has_run
    from events
    where trace_id is not null
),
known_spans as (select distinct trace_id, span_id from spans where span_id is not null),
linked as (
    select
        s.trace_id, s.event_id, s.agent_id, s.source_id, s.outcome, s.has_trigger, s.happened_at, s.ended_at,
        s.trigger_empty, s.trigger_redacted, s.outcome_empty, s.outcome_redacted,
        s.parent_span_id is null as is_root,
        s.parent_span_id is not null and k.span_id is null as is_orphan,
        -- A trace is closed by its run record where there is one, else by the spans without a parent.
        case when s.has_run then s.is_run else s.parent_span_id is null end as closes
    from spans s
    left join known_spans k on k.trace_id = s.trace_id and k.span_id = s.parent_span_id
),
runs as (
    select
        trace_id, min(happened_at) as began_at, greatest(max(happened_at), max(ended_at)) as last_at,
        count(*) as steps, count(*) filter (where is_orphan) as orphans,
        coalesce(arg_min(event_id, (happened_at, event_id)) filter (where is_orphan),
            arg_min(event_id, (happened_at, event_id))) as event_id,
        arg_min(agent_id, (happened_at, event_id)) as agent_id,
        arg_min(source_id, (happened_at, event_id)) as source_id,
        case when bool_or(has_trigger) then 'yes' when bool_or(is_root and trigger_empty) then 'no'
             when bool_or(trigger_redacted) then 'redacted' else 'not carried' end as trigger_state,
        case when bool_or(closes and outcome <> 'unknown') then 'yes'
             when bool_or(closes and outcome_redacted) then 'redacted'
             when bool_or(closes and outcome is null and not outcome_empty) then 'not carried'
             else 'no' end as outcome_state
    from linked
    group by trace_id
)
select
    trace_id as item_id,
    case when last_at > $settled_before then 'pending'
         when orphans > 0 or trigger_state = 'no' or outcome_state = 'no' then 'exception'
         when trigger_state <> 'yes' or outcome_state <> 'yes' then 'undetermined'
         else 'pass' end as outcome,
    'run ' || left(trace_id, 60) || ' of ' || cast(steps as varchar) || ' steps, begun ' || cast(began_at as varchar) || ' UTC'
        || case when last_at > $settled_before then '; not settled' else '' end
        || case trigger_state when 'yes' then '' when 'no' then '; no trigger' else '; trigger ' || trigger_state end
        || case outcome_state when 'yes' then '' when 'no' then '; no final outcome' else '; outcome ' || outcome_state end
        || case when orphans > 0 then '; ' || cast(orphans as varchar) || ' orphan spans' else '' end as reason,
    began_at as observed_at,
    'event/' || event_id as evidence_ref,
    agent_id,
    source_id,
    list_concat(
        case when trigger_state in ('redacted', 'not carried') then ['trigger_kind: ' || trigger_state] else [] end,
        case when outcome_state in ('redacted', 'not carried') then ['outcome: ' || outcome_state] else [] end
    ) as missing
from runs
where began_at >= $period_start and began_at < $period_end
