-- Population: uses of AI that were found. Exception: not decided within the days allowed. Pending: still inside them.
with found as (
    select
        discovered_use_id, row_id, source_id, service, agent_id, nullif(decision, 'undecided') as decision, decided_at,
        coalesce(first_seen_at, valid_from) as since,
        gap(decision, 'decision', not_carried_fields, redacted_fields) as decision_gap,
        gap(decided_at, 'decided_at', not_carried_fields, redacted_fields) as time_gap,
        gap(first_seen_at, 'first_seen_at', not_carried_fields, redacted_fields) as seen_gap
    from discovered_use
    where first_seen_at is null or first_seen_at <= $as_of
),
judged as (
    select
        discovered_use_id, row_id, source_id, service, agent_id, since, decision, decided_at,
        decision is null and decision_gap is null and not longer_than($triage_days, since, $as_of) as is_waiting,
        case when decision is null and decision_gap is null
                then 'was found on ' || strftime(since, '%Y-%m-%d') || ' and is not decided after '
                    || cast(floor(days_between(since, $as_of)) as bigint) || ' days'
             when longer_than($triage_days, since, decided_at)
                then 'was decided on ' || strftime(decided_at, '%Y-%m-%d') || ', '
                    || cast(floor(days_between(since, decided_at)) as bigint) || ' days after it was found' end as fault,
        gaps([
            decision_gap,
            case when decision is not null and decided_at is null then coalesce(time_gap, 'decided_at: not carried') end,
            case when decision is not null then seen_gap end
        ]) as missing
    from found
)
select
    discovered_use_id as item_id,
    if(is_waiting, 'pending', verdict(fault, missing)) as outcome,
    'use of ' || shorten(service) || ' '
        || case when is_waiting then 'was found on ' || strftime(since, '%Y-%m-%d') || ' and waits for a decision'
        else finding(fault, missing, 'was decided in time: ' || decision) end as reason,
    since as observed_at,
    'record/discovered_use/' || row_id as evidence_ref,
    agent_id,
    source_id,
    missing
from judged
