-- Population: people who decided enough approvals in the period. Exception: too quick in the median, too agreeable, or too many
-- in one hour.
with answers as (
    select
        approval_id, lower(decided_by) as approver, decision, decided_at, opened_at, requested_at, source_id, row_id,
        unknown(opened_at, 'opened_at', not_carried_fields, redacted_fields) as opened_gap,
        gap(decision, 'decision', not_carried_fields, redacted_fields) as decision_gap,
        unknown(decided_at, 'decided_at', not_carried_fields, redacted_fields) as decided_gap,
        coalesce(decided_at, valid_from) as placed_at
    from approval
    where valid_from <= $as_of
    qualify row_number() over (partition by approval_id order by valid_from desc, row_id) = 1
),
decided as (
    select
        a.approval_id, a.approver, a.source_id, a.row_id, a.placed_at, a.opened_gap, a.decision_gap, a.decided_gap,
        a.decision in ('approved', 'modified') as agreed, a.decision is not null as answered,
        -- Whoever opens a request does so after it was made: this is the longest that the review can have taken.
        (epoch_ns(a.decided_at) - epoch_ns(coalesce(a.opened_at, a.requested_at))) / 1000000000 as seconds_at_most,
        count(a.decided_at) over (partition by a.approver
            order by epoch_ns(a.decided_at) range between 3599999999999 preceding and current row) as in_hour
    from answers a
    where a.approver is not null and a.placed_at >= $period_start and a.placed_at < $period_end
        and coalesce(a.decision, '') not in ('expired', 'cancelled')
),
people as (
    select
        approver, count(*) as n, min(source_id) as source_id, arg_max(row_id, (placed_at, approval_id)) as row_id,
        max(placed_at) as last_at, max(in_hour) as peak,
        quantile_cont(seconds_at_most, 0.5) as at_most,
        count(seconds_at_most) as bounded,
        100 * count(*) filter (where agreed) / nullif(count(*) filter (where answered), 0) as percent,
        max(opened_gap) as opened_gap, max(decision_gap) as decision_gap, max(decided_gap) as decided_gap
    from decided
    group by approver
    having count(*) >= $oversight_min_decisions
),
judged as (
    select
        approver, source_id, row_id, last_at, n,
        case when at_most < $review_min_seconds and bounded = n
            then 'took ' || round(at_most, 1) || ' s at most in the median, ' || $review_min_seconds || ' needed' end as quick,
        coalesce(decided_gap, opened_gap) as quick_gap,
        case when percent > $approval_max_percent
            then 'approved ' || round(percent, 1) || ' %, ' || $approval_max_percent || ' at most' end as agreeable,
        decision_gap as agreeable_gap,
        case when peak > $approvals_max_per_hour
            then 'decided ' || peak || ' within an hour, ' || $approvals_max_per_hour || ' at most' end as loaded,
        decided_gap as loaded_gap
    from people
)
select
    approver as item_id,
    verdict(coalesce(quick, agreeable, loaded), gaps([quick_gap, agreeable_gap, loaded_gap])) as outcome,
    shorten(approver) || ', ' || n || ' decisions: ' || finding(nullif(array_to_string(gaps([quick, agreeable, loaded]), '; '), ''),
        gaps([quick_gap, agreeable_gap, loaded_gap]), 'nothing unusual') as reason,
    last_at as observed_at, 'record/approval/' || row_id as evidence_ref, source_id,
    list_distinct(gaps([quick_gap, agreeable_gap, loaded_gap])) as missing,
    [mark('A', quick, quick_gap), mark('B', agreeable, agreeable_gap), mark('C', loaded, loaded_gap)] as attributes
from judged
