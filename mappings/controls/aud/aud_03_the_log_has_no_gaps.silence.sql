-- Population: sources that promise a heartbeat, and sources that wrote in the period without any promise on record.
-- Exception: silent in the period for longer than promised.
with promised as (
    select
        log_source_id as source_id, row_id, heartbeat_minutes, greatest(coalesce(enabled_at, valid_from), $period_start) as since,
        gap(heartbeat_minutes, 'heartbeat_minutes', not_carried_fields, redacted_fields) as open
    from log_source
    where coalesce(enabled_at, valid_from) < $period_end and (valid_to is null or valid_to >= $period_end)
    qualify row_number() over (partition by log_source_id order by valid_from desc, row_id) = 1
),
hours as (
    select source_id, min(first_entry_time) as first_at, max(last_entry_time) as last_at, max(last_entry_id) as event_id
    from source_hour
    where in_period
    group by source_id, hour
),
-- Silences run from the promise to the first entry, between the entries of two hours, and to the period's end.
marks as (
    select source_id, first_at, last_at from hours
    union all
    select source_id, since, since from promised
    union all
    select source_id, $period_end, $period_end from promised
),
silences as (
    select
        m.source_id, m.first_at as until, lag(m.last_at) over (partition by m.source_id order by m.first_at, m.last_at) as since
    from marks m
    join promised p on p.source_id = m.source_id and m.first_at >= p.since
),
longest as (
    select
        source_id, max(epoch_ns(until) - epoch_ns(since)) / 60000000000 as minutes,
        arg_max(since, epoch_ns(until) - epoch_ns(since)) as since
    from silences
    group by source_id
),
judged as (
    select
        coalesce(p.source_id, h.source_id) as source_id, min(p.row_id) as row_id, max(h.event_id) as event_id,
        max(p.heartbeat_minutes) as promised, max(l.minutes) as minutes, max(l.since) as since,
        if(count(p.source_id) = 0, 'log_source: not carried', max('log_source.' || p.open)) as open
    from promised p
    full join hours h on h.source_id = p.source_id
    left join longest l on l.source_id = p.source_id
    group by all
    having count(p.source_id) = 0 or max(p.heartbeat_minutes) is not null or max(p.open) is not null
)
select
    source_id as item_id,
    case when open is not null then 'undetermined' when minutes > promised then 'exception' else 'pass' end as outcome,
    'source ' || shorten(source_id) || case when open is not null then ' cannot be judged: ' || open
        else ' was silent for ' || round(minutes, 1) || ' minutes from ' || since || ' UTC on; ' || promised || ' promised' end
        as reason,
    since as observed_at,
    coalesce('record/log_source/' || row_id, 'event/' || event_id) as evidence_ref,
    source_id,
    gaps([open]) as missing
from judged
