-- Population: sources on record, and sources that state totals for the period. Exception: a source says that it lost entries.
with totals as (
    select
        log_source_id as source_id, min(row_id) as row_id, sum(dropped) as dropped, sum(entries) as entries,
        max(period_end) as last_at,
        max(unknown(dropped, 'dropped', not_carried_fields, redacted_fields)) as open
    from control_total
    where period_end > $period_start and period_start < $period_end
    group by log_source_id
),
judged as (
    select
        coalesce(t.source_id, s.log_source_id) as source_id, t.dropped, t.entries, t.last_at,
        coalesce('record/control_total/' || t.row_id, 'record/log_source/' || s.row_id) as evidence_ref,
        if(t.source_id is null, 'control_total: not carried', 'control_total.' || t.open) as open
    from log_source s
    full join totals t on t.source_id = s.log_source_id
)
select
    source_id as item_id,
    case when dropped > 0 then 'exception' when open is not null then 'undetermined' else 'pass' end as outcome,
    'source ' || shorten(source_id) || case when dropped > 0 then ' says that it lost ' || dropped || ' entries'
        when open is not null then ' cannot be judged: ' || open
        else ' says that it lost none of ' || coalesce(cast(entries as varchar), 'its') || ' entries' end as reason,
    last_at as observed_at,
    evidence_ref,
    source_id,
    gaps([open]) as missing
from judged
