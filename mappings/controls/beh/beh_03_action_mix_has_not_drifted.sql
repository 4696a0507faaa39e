-- Population: active agents with enough acts in the period and before it. Exception: the mix of what they do, by kind and tool,
-- lies further from the mix before than the limit (Jensen-Shannon distance, base 2, 0 to 1), and nobody reviewed it.
with acts as (
    select
        d.agent_id, coalesce(d.action_type, '?') || ' ' || coalesce(d.target_name, '-') as act,
        coalesce(sum(d.events - d.blocked) filter (where d.in_period), 0) as now_n,
        coalesce(sum(d.events - d.blocked) filter (where not d.in_period), 0) as then_n,
        max(d.last_event_time) as last_at, arg_max(d.last_event_id, (d.last_event_time, d.last_event_id)) as last_id,
        max(d.action_type_state) filter (where d.action_type_state in ('not_carried', 'redacted')) as unseen
    from act_day d
    where d.events > d.blocked
    group by d.agent_id, act
),
shares as (
    select
        agent_id, act, last_at, last_id, unseen, now_n / sum(now_n) over by_agent as p, then_n / sum(then_n) over by_agent as q,
        sum(now_n) over by_agent as acts_now, sum(then_n) over by_agent as acts_then
    from acts
    window by_agent as (partition by agent_id)
),
drifts as (
    select
        agent_id, min(acts_now) as acts_now, min(acts_then) as acts_then, max(last_at) as last_at,
        arg_max(last_id, (last_at, last_id)) as last_id, max(unseen) as unseen, arg_max(act, (abs(p - q), act)) as most,
        -- What is in one mix only adds its whole share; 0 log 0 is 0.
        round(sqrt(greatest(0, sum(if(p > 0, p * log2(2 * p / (p + q)), 0) + if(q > 0, q * log2(2 * q / (p + q)), 0)) / 2)), 6)
            as distance
    from shares
    where acts_now >= $drift_min_acts and acts_then >= $drift_min_acts
    group by agent_id
),
reviews as (
    select
        subject_ref as agent_id, max(done_at) filter (where done_at >= $period_start and done_at <= $as_of) as done_at,
        max(unknown(done_at, 'done_at', not_carried_fields, redacted_fields)) as open
    from review
    where kind = 'behaviour'
    group by subject_ref
),
judged as (
    select
        d.agent_id, d.acts_now, d.acts_then, d.last_at, d.last_id, d.distance, d.most, r.done_at,
        d.distance * 100 > $drift_max_hundredths and r.done_at is null as drifted,
        'action_type: ' || replace(d.unseen, '_', ' ') as unseen, 'review.' || r.open as open
    from drifts d
    join (select distinct agent_id from active_agent) a on a.agent_id = d.agent_id
    left join reviews r on r.agent_id = d.agent_id
)
select
    agent_id as item_id,
    if(unseen is not null or (drifted and open is not null), 'undetermined', if(drifted, 'exception', 'pass')) as outcome,
    'agent ' || shorten(agent_id) || ': distance ' || distance || ' of ' || acts_now || ' acts from ' || acts_then || ' before, '
        || $drift_max_hundredths || ' hundredths at most; most in ' || shorten(most)
        || case when done_at is not null then '; reviewed at ' || done_at || ' UTC' when drifted then '; not reviewed' else '' end
        as reason,
    last_at as observed_at,
    'event/' || last_id as evidence_ref,
    agent_id,
    gaps([unseen, if(drifted, open, null)]) as missing
from judged
