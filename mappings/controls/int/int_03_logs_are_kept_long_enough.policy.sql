-- Population: retention rules as of the assessment. Exception: kept for too few months, or with neither an end nor a basis.
with judged as (
    select
        retention_policy_id, row_id, valid_from, source_id, keep_months, max_months,
        case when keep_months < $retention_min_months
                then 'keeps for ' || keep_months || ' months, ' || $retention_min_months || ' needed'
             when keep_months is null and gap(keep_months, 'keep_months', not_carried_fields, redacted_fields) is null
                then 'states no time to keep' end as short,
        gap(keep_months, 'keep_months', not_carried_fields, redacted_fields) as short_gap,
        case when max_months < keep_months then 'ends after ' || max_months || ' months, before it may'
             when max_months is null and trim(coalesce(lawful_basis, '')) = ''
                and gap(max_months, 'max_months', not_carried_fields, redacted_fields) is null
                and gap(lawful_basis, 'lawful_basis', not_carried_fields, redacted_fields) is null
                then 'has no end and states no basis' end as long,
        case when max_months is null and trim(coalesce(lawful_basis, '')) = ''
            then coalesce(gap(max_months, 'max_months', not_carried_fields, redacted_fields),
                gap(lawful_basis, 'lawful_basis', not_carried_fields, redacted_fields)) end as long_gap
    from retention_policy
)
select
    retention_policy_id as item_id,
    verdict(coalesce(short, long), gaps([short_gap, long_gap])) as outcome,
    'retention rule ' || shorten(retention_policy_id) || ' ' || finding(coalesce(short, long), gaps([short_gap, long_gap]),
        'keeps for ' || keep_months || ' months' || coalesce(', ends after ' || max_months, ', on a stated basis')) as reason,
    valid_from as observed_at,
    'record/retention_policy/' || row_id as evidence_ref,
    source_id,
    gaps([short_gap, long_gap]) as missing,
    [mark('A', short, short_gap), mark('B', long, long_gap)] as attributes
from judged
