-- Population: active agents. Exception: the last review, or without any the start of operation, lies too long ago.
with reviews as (
    select subject_ref, max(done_at) as done_at
    from review
    where kind = 'agent' and done_at <= $as_of
    group by subject_ref
),
known as (select count(*) > 0 as any_review from review where kind = 'agent'),
agents as (
    select
        a.agent_id, a.row_id, a.valid_from, a.source_id, a.status_gap, coalesce(a.go_live_at, a.registered_at) as began_at,
        greatest(if(a.last_review_at <= $as_of, a.last_review_at, null), r.done_at) as reviewed_at,
        -- A register of reviews answers for what the registry has no field for.
        case when known.any_review then null
             else gap(a.last_review_at, 'last_review_at', a.not_carried_fields, a.redacted_fields) end as review_gap,
        coalesce(gap(a.go_live_at, 'go_live_at', a.not_carried_fields, a.redacted_fields), 'go_live_at: not carried') as start_gap
    from active_agent a
    cross join known
    left join reviews r on r.subject_ref = a.agent_id
),
judged as (
    select
        agent_id, row_id, valid_from, source_id, status_gap, reviewed_at,
        case when longer_than($review_days, reviewed_at, $as_of)
                then 'was last reviewed on ' || strftime(reviewed_at, '%Y-%m-%d') || ', '
                    || cast(floor(days_between(reviewed_at, $as_of)) as bigint) || ' days ago'
             when reviewed_at is null and review_gap is null and longer_than($review_days, began_at, $as_of)
                then 'was never reviewed since ' || strftime(began_at, '%Y-%m-%d') end as fault,
        gaps([
            case when reviewed_at is null then review_gap end,
            case when reviewed_at is null and review_gap is null and began_at is null then start_gap end
        ]) as open
    from agents
),
weighed as (
    select
        agent_id, row_id, valid_from, source_id, reviewed_at,
        case when status_gap is null then fault end as fault,
        case when fault is not null then gaps([status_gap]) else open end as missing
    from judged
)
select
    agent_id as item_id,
    verdict(fault, missing) as outcome,
    'agent ' || shorten(agent_id) || ' ' || finding(fault, missing,
        coalesce('was last reviewed on ' || strftime(reviewed_at, '%Y-%m-%d'), 'is not due for its first review')) as reason,
    valid_from as observed_at,
    'record/agent/' || row_id as evidence_ref,
    agent_id,
    source_id,
    missing
from weighed
