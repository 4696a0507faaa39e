-- Population: traces that began in the period. Exception: no trigger, no final outcome, or orphan spans.
-- Pending: something happened in the trace after $settled_before, so it may not be complete yet.
with spans as (
    select
        trace_id, event_id, span_id, nullif(parent_span_id, '') as parent_span_id, agent_id, source_id, trigger_kind, outcome,
        event_gap(trigger_kind, 'trigger_kind', empty_fields, redacted_fields) as trigger_gap,
        event_gap(outcome, 'outcome', empty_fields, redacted_fields) as outcome_gap,
        coalesce(event_time, ingested_at) as happened_at, coalesce(end_time, event_time, ingested_at) as ended_at,
        action_type is not distinct from 'run' as is_run,
        bool_or(action_type is not distinct from 'run') over (partition by trace_id) as has_run
    from events
    where trace_id is not null
),
known_spans as (select distinct trace_id, span_id from spans where span_id is not null),
linked as (
    select
        s.trace_id, s.event_id, s.agent_id, s.source_id, s.trigger_kind, s.trigger_gap, s.outcome_gap, s.happened_at, s.ended_at,
        s.parent_span_id is null as is_root, s.parent_span_id is not null and k.span_id is null as is_orphan,
        coalesce(s.outcome, 'unknown') <> 'unknown' as is_end,
        -- A trace is closed by its run record where there is one, else by the spans without a parent.
        if(s.has_run, s.is_run, s.parent_span_id is null) as closes
    from spans s
    left join known_spans k on k.trace_id = s.trace_id and k.span_id = s.parent_span_id
),
runs as (
    select
        trace_id, min(happened_at) as began_at, greatest(max(happened_at), max(ended_at)) as last_at, count(*) as steps,
        count(*) filter (where is_orphan) as orphans,
        arg_min(event_id, (not is_orphan, happened_at, event_id)) as event_id,
        arg_min(agent_id, (happened_at, event_id)) as agent_id, arg_min(source_id, (happened_at, event_id)) as source_id,
        count(trigger_kind) = 0 and bool_or(is_root and trigger_gap is null) as untriggered,
        if(count(trigger_kind) = 0, max(trigger_gap), null) as trigger_gap,
        if(bool_or(closes and is_end), null, max(outcome_gap) filter (where closes)) as outcome_gap,
        bool_or(closes and is_end) as ended
    from linked
    group by trace_id
),
judged as (
    select
        trace_id, began_at, last_at, steps, event_id, agent_id, source_id,
        nullif(array_to_string(gaps([if(untriggered, 'no trigger', null),
            if(not ended and outcome_gap is null, 'no final outcome', null),
            if(orphans > 0, orphans || ' orphan spans', null)]), '; '), '') as fault,
        gaps([if(untriggered, null, trigger_gap), outcome_gap]) as missing
    from runs
    where began_at >= $period_start and began_at < $period_end
)
select
    trace_id as item_id,
    if(last_at > $settled_before, 'pending', verdict(fault, missing)) as outcome,
    'run ' || left(trace_id, 60) || ' of ' || steps || ' steps, begun ' || began_at || ' UTC'
        || if(last_at > $settled_before, '; not settled', '')
        || coalesce('; ' || fault, '') || if(len(missing) > 0, '; ' || replace(array_to_string(missing, '; '), ': ', ' '), '')
        as reason,
    began_at as observed_at,
    'event/' || event_id as evidence_ref,
    agent_id,
    source_id,
    missing
from judged
