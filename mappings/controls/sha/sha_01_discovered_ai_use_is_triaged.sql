-- Population: uses of AI that were found. Exception: not decided within the days allowed. Pending: still inside them.
with found as (
    select
        discovered_use_id, row_id, source_id, service, agent_id, nullif(decision, 'undecided') as decision, decided_at, first_seen_at, valid_from,
        coalesce(first_seen_at, valid_from) as since,
        gap(decision, 'decision', not_carried_fields, redacted_fields) as decision_gap,
        gap(decided_at, 'decided_at', not_carried_fields, redacted_fields) as time_gap,
        gap(first_seen_at, 'first_seen_at', not_carried_fields, redacted_fields) as seen_gap
    from discovered_use
    where valid_from <= $as_of and (valid_to is null or valid_to > $as_of) and (first_seen_at is null or first_seen_at <= $as_of)
),
judged as (
    select
        discovered_use_id, row_id, source_id, service, agent_id, since, decision, decided_at,
        decision is null and decision_gap is null and days_between(since, $as_of) <= $triage_days as is_waiting,
        case when decision is null and decision_gap is null and days_between(since, $as_of) > $triage_days
                then 'was found on ' || strftime(since, '%Y-%m-%d') || ' and is not decided after '
                    || cast(floor(days_between(since, $as_of)) as bigint) || ' days'
             when days_between(since, decided_at) > $triage_days
                then 'was decided on ' || strftime(decided_at, '%Y-%m-%d') || ', '
                    || cast(floor(days_between(since, decided_at)) as bigint) || ' days after it was found' end as fault,
        gaps([
            decision_gap,
            case when decision is not null and decided_at is null then coalesce(time_gap, 'decided_at: not carried') end,
            case when decision is not null then seen_gap end
        ]) as open
    from found
),
weighed as (
    select
        discovered_use_id, row_id, source_id, service, agent_id, since, decision, is_waiting, fault,
        case when fault is not null or is_waiting then [] else open end as missing
    from judged
)
select
    discovered_use_id as item_id,
    case when is_waiting then 'pending' else verdict(fault, missing) end as outcome,
    'use of ' || shorten(service) || ' ' || case when is_waiting then 'was found on ' || strftime(since, '%Y-%m-%d') || ' and waits for a decision'
        else finding(fault, missing, 'was decided in time: ' || decision) end as reason,
    since as observed_at,
    'record/discovered_use/' || row_id as evidence_ref,
    agent_id,
    source_id,
    missing
from weighed
