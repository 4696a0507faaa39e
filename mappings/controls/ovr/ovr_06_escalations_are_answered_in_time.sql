-- Population: questions put to people in the period: approvals asked for, and escalated events that name no approval.
-- Exception: answered later than the SLA, or not at all by then. Pending: not answered, and the SLA has not run out.
with asked as (
    select
        approval_id as item_id, 'record/approval/' || row_id as evidence_ref, agent_id, source_id, decision_type, escalated_to,
        coalesce(requested_at, decided_at, valid_from) as placed_at, requested_at as asked_at,
        if(decision = 'expired', null, decided_at) as answered_at, coalesce(decision = 'cancelled', false) as withdrawn,
        unknown(requested_at, 'requested_at', not_carried_fields, redacted_fields) as asked_gap,
        gap(decided_at, 'decided_at', not_carried_fields, redacted_fields) as answered_gap
    from approval
    where valid_from <= $as_of
    qualify row_number() over (partition by approval_id order by valid_from desc, row_id) = 1
    union all
    select
        event_id, 'event/' || event_id, agent_id, source_id, decision_type, escalated_to,
        coalesce(escalated_at, event_time, ingested_at) as placed_at, escalated_at, responded_at, false,
        unknown(escalated_at, 'escalated_at', [], redacted_fields),
        event_gap(responded_at, 'responded_at', empty_fields, redacted_fields)
    from events
    where approval_id is null and (escalated_at is not null or (trim(escalated_to) <> '' and oversight_required))
),
judged as (
    select
        a.item_id, a.evidence_ref, a.agent_id, a.source_id, a.escalated_to, a.placed_at, a.asked_at, a.answered_at, a.asked_gap,
        if(a.answered_at is null, a.answered_gap, null) as answered_gap,
        coalesce(t.sla_minutes, $escalation_sla_minutes) as minutes,
        (epoch_ns(a.answered_at) - epoch_ns(a.asked_at)) / 60000000000 as taken,
        (epoch_ns($as_of) - epoch_ns(a.asked_at)) / 60000000000 as waited
    from asked a
    left join threshold t on t.decision_type = a.decision_type and t.valid_from <= a.asked_at
        and (t.valid_to is null or t.valid_to > a.asked_at)
    where not a.withdrawn and a.placed_at >= $period_start and a.placed_at < $period_end
    qualify row_number() over (partition by a.item_id order by t.sla_minutes, t.threshold_id) = 1
)
select
    item_id,
    case when asked_gap is not null or answered_gap is not null then 'undetermined'
         when taken <= minutes then 'pass' when taken is null and waited <= minutes then 'pending' else 'exception' end as outcome,
    'question ' || shorten(item_id) || ' to ' || if(trim(escalated_to) <> '', shorten(escalated_to), 'nobody') || ', asked '
        || coalesce(asked_at || ' UTC', 'at no stated time') || ', '
        || case when answered_gap is not null then 'its answer cannot be seen' when answered_at is null then 'not answered'
                when taken is null then 'answered ' || answered_at || ' UTC'
                else 'answered after ' || round(taken, 1) || ' minutes' end
        || '; ' || minutes || ' allowed' as reason,
    placed_at as observed_at,
    evidence_ref,
    agent_id,
    source_id,
    gaps([asked_gap, answered_gap]) as missing
from judged
