-- Population: sources that wrote in the period. Exception: numbers are missing from a source's running count.
-- Undetermined: each number stands on two entries or more on average, so it counts something else than the source's entries.
with sources as (
    select
        source_id, sum(events) as entries, sum(events) filter (where source_seq_state = 'stated') as numbered, arg_max(last_entry_id, (last_entry_time, last_entry_id)) as last_id, max(last_entry_time) as last_at,
        max(source_seq_state) filter (where source_seq_state in ('not_carried', 'redacted')) as unnumbered,
        bool_or(source_seq_state = 'empty') as some_empty
    from source_hour
    where in_period
    group by source_id
),
steps as (
    select
        source_id, first_event_id, last_event_time, first_seq,
        lag(last_seq) over (partition by source_id order by first_seq) as before
    from source_run
),
given as (
    select source_id, sum(last_seq - first_seq + 1) as numbers
    from source_run
    where last_event_time >= $period_start
    group by source_id
),
holes as (
    -- Numbers given before the period that came in the lookback are no hole of this period.
    select
        source_id, sum(first_seq - before - 1) as missing, min(before) as after, arg_min(first_event_id, (first_seq, first_event_id)) as event_id
    from steps
    where before is not null and last_event_time >= $period_start
    group by source_id
),
judged as (
    select
        s.source_id, s.entries, s.last_id, s.last_at, h.event_id, g.numbers,
        s.numbered >= 2 * greatest(g.numbers, 2) as repeats,
        h.missing || ' numbers are missing, the first after ' || h.after as fault,
        gaps(['source_seq: ' || replace(s.unnumbered, '_', ' '), if(s.some_empty, 'source_seq: not carried', null)]) as missing
    from sources s
    left join given g on g.source_id = s.source_id
    left join holes h on h.source_id = s.source_id
)
select
    source_id as item_id,
    if(repeats, 'undetermined', verdict(fault, missing)) as outcome,
    'source ' || shorten(source_id) || ', ' || entries || ' entries: '
        || if(repeats, 'they carry ' || numbers || ' different numbers, so no count runs through them',
              finding(fault, missing, 'no number is missing')) as reason,
    last_at as observed_at,
    'event/' || coalesce(event_id, last_id) as evidence_ref,
    source_id,
    list_distinct(missing) as missing
from judged
