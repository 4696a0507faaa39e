-- Population: sources that have been on for the months that logs are kept at least, and sources seen of which nobody knows since
-- when. Exception: the oldest record that is left is younger.
with kept as (
    select
        source_id, min(first_event_time) as oldest, sum(events) as entries, arg_min(first_event_id, (first_event_time, first_event_id)) as event_id
    from agent_life
    group by source_id
),
promised as (
    select
        log_source_id as source_id, row_id, enabled_at, unknown(enabled_at, 'enabled_at', not_carried_fields, redacted_fields) as open
    from log_source
    where valid_from <= $as_of and (valid_to is null or valid_to > $as_of)
    qualify row_number() over (partition by log_source_id order by valid_from desc, row_id) = 1
),
judged as (
    select
        coalesce(p.source_id, k.source_id) as source_id, p.row_id, k.oldest, k.entries, k.event_id,
        -- Calendar months, as the organisation's calendar counts them.
        local_time($as_of, $time_zone) - to_months($retention_min_months) as due,
        if(p.source_id is null, 'log_source: not carried', 'log_source.' || p.open) as open, p.enabled_at
    from promised p
    full join kept k on k.source_id = p.source_id
),
weighed as (
    select
        source_id, row_id, oldest, entries, event_id, due, coalesce(local_time(oldest, $time_zone) <= due, false) as old_enough, open
    from judged
    where enabled_at is null or local_time(enabled_at, $time_zone) <= due
)
select
    source_id as item_id,
    case when old_enough then 'pass' when open is not null then 'undetermined' else 'exception' end as outcome,
    'source ' || shorten(source_id) || case when oldest is null then ' has no record left'
        else ': the oldest of ' || entries || ' records is of ' || oldest || ' UTC' end
        || '; ' || $retention_min_months || ' months go back to ' || due || case when old_enough or open is null then ''
            else '; since when it is on is not known' end as reason,
    oldest as observed_at,
    coalesce('record/log_source/' || row_id, 'event/' || event_id) as evidence_ref,
    source_id,
    gaps([open]) as missing
from weighed
