-- Population: active agents in production. Exception: no gate was passed before go-live, or its data were reached without a review.
with known as (select count(*) > 0 as any_gate from gate_decision),
gates as (
    select
        agent_id, decision, decided_at, data_reviewed_at,
        gap(decision, 'decision', not_carried_fields, redacted_fields) as decision_gap,
        gap(decided_at, 'decided_at', not_carried_fields, redacted_fields) as decided_gap,
        gap(data_reviewed_at, 'data_reviewed_at', not_carried_fields, redacted_fields) as review_gap
    from gate_decision
    where gate = 'production'
    -- The first yes is the one that let the agent go live; a no counts where there is no yes.
    qualify row_number() over (partition by agent_id
        order by (decision in ('approved', 'conditional')) desc nulls last, decided_at nulls last, gate_decision_id) = 1
),
judged as (
    select
        a.agent_id, a.row_id, a.valid_from, a.source_id,
        coalesce(a.status_gap, case when a.in_production is null
            then gap(a.environment, 'environment', a.not_carried_fields, a.redacted_fields) end) as unknown,
        case when not known.any_gate then null
             when g.agent_id is null then 'passed no gate before production'
             when g.decision is null and g.decision_gap is null then 'has a gate without a decision'
             when g.decision = 'rejected' then 'was rejected at the gate'
             when g.decided_at is null and g.decided_gap is null then 'has a gate decision without a date'
             when g.decided_at > a.go_live_at then 'passed the gate on ' || strftime(g.decided_at, '%Y-%m-%d %H:%M')
                || ' UTC, after go-live on ' || strftime(a.go_live_at, '%Y-%m-%d %H:%M') || ' UTC' end as no_gate,
        case when g.agent_id is not null and g.data_reviewed_at is null and g.review_gap is null
            then 'reached its data without a review' end as unreviewed,
        case when not known.any_gate then 'gate_decision: not carried'
             else coalesce('gate_decision.' || g.decision_gap, 'gate_decision.' || g.decided_gap,
                case when g.agent_id is not null then gap(a.go_live_at, 'go_live_at', a.not_carried_fields, a.redacted_fields) end)
             end as gate_gap,
        'gate_decision.' || g.review_gap as review_gap
    from active_agent a
    cross join known
    left join gates g on g.agent_id = a.agent_id
    where a.in_production is distinct from false
),
weighed as (
    -- Whether the agent is active and in production matters only where something would fail.
    select
        agent_id, row_id, valid_from, source_id, if(unknown is null, no_gate, null) as a, if(unknown is null, unreviewed, null) as c,
        if(no_gate is null, gate_gap, unknown) as a_gap, if(unreviewed is null, review_gap, unknown) as c_gap
    from judged
)
select
    agent_id as item_id,
    verdict(coalesce(a, c), gaps([a_gap, c_gap])) as outcome,
    'agent ' || shorten(agent_id) || ' '
        || finding(nullif(concat_ws(' and ', a, c), ''), gaps([a_gap, c_gap]), 'passed the gate before production') as reason,
    valid_from as observed_at,
    'record/agent/' || row_id as evidence_ref,
    agent_id,
    source_id,
    gaps([mark('A', a, a_gap), mark('B', c, c_gap)]) as attributes,
    list_distinct(gaps([a_gap, c_gap])) as missing
from weighed
