-- Population: deletions of log entries in the period. Exception: entries younger than their retention rule allows were deleted.
with judged as (
    select
        d.deletion_id, d.row_id, d.source_id, d.log_source_id, d.deleted_at, d.entries_to,
        coalesce(d.deleted_at, d.valid_from) as placed_at,
        unknown(d.entries_to, 'entries_to', d.not_carried_fields, d.redacted_fields) as youngest_gap,
        unknown(d.deleted_at, 'deleted_at', d.not_carried_fields, d.redacted_fields) as deleted_gap,
        -- Where several rules bind a source, the longest does.
        greatest(max(r.keep_months), $retention_min_months) as months
    from deletion d
    left join retention_policy r on r.log_source_id in (d.log_source_id, '*')
    group by all
)
select
    deletion_id as item_id,
    case when youngest_gap is not null or deleted_gap is not null then 'undetermined'
         when local_time(entries_to, $time_zone) > local_time(deleted_at, $time_zone) - to_months(months) then 'exception'
         else 'pass' end as outcome,
    'deletion ' || shorten(deletion_id) || ' of ' || shorten(log_source_id) || ' at ' || coalesce(deleted_at || ' UTC', 'no stated time')
        || ', of entries up to ' || coalesce(entries_to || ' UTC', 'no stated time') || '; ' || months || ' months to keep' as reason,
    placed_at as observed_at,
    'record/deletion/' || row_id as evidence_ref,
    source_id,
    gaps([youngest_gap, deleted_gap]) as missing
from judged
where placed_at >= $period_start and placed_at < $period_end
