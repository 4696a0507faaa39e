-- Population: conversations, begun in the period, of agents that talk to people. Exception: no disclosure by the agent's first message.
-- Pending: nothing disclosed and nothing said yet, in a conversation that may still go on.
with talkers as (
    select
        agent_id,
        bool_or(talks_to_people) as talks,
        min(gap(talks_to_people, 'talks_to_people', not_carried_fields, redacted_fields)) as talk_gap
    from agent
    where valid_from <= $as_of and (valid_to is null or valid_to > $as_of)
    group by agent_id
),
said as (
    select
        e.conversation_id, e.agent_id, e.event_id, e.source_id, coalesce(e.event_time, e.ingested_at) as happened_at, e.disclosure,
        e.action_type is not distinct from 'message' and e.executed is distinct from false as speaks,
        event_gap(e.disclosure, 'disclosure', e.empty_fields, e.redacted_fields) as open
    from events e
    where e.conversation_id is not null and coalesce(e.outcome, '') <> 'denied'
),
talks as (
    select
        conversation_id, agent_id, min(happened_at) as began_at, max(happened_at) as last_at,
        min(happened_at) filter (where speaks) as spoke_at,
        min(happened_at) filter (where disclosure is not null) as told_at,
        arg_min(event_id, (happened_at, event_id)) as event_id, arg_min(source_id, (happened_at, event_id)) as source_id,
        -- Where any event of the conversation carries the field, its silence is an answer.
        case when bool_or(open is null) then null when bool_or(open = 'disclosure: redacted') then 'disclosure: redacted'
             else 'disclosure: not carried' end as tell_gap
    from said
    group by conversation_id, agent_id
),
judged as (
    select
        t.conversation_id, t.agent_id, t.event_id, t.source_id, t.began_at,
        t.spoke_at is null and t.told_at is null and t.last_at > $settled_before as is_waiting,
        case when t.told_at is null and t.spoke_at is not null and t.tell_gap is null then 'was never told that it deals with an AI'
             when t.told_at > t.spoke_at then 'was told at ' || strftime(t.told_at, '%H:%M:%S') || ', after the first message at '
                || strftime(t.spoke_at, '%H:%M:%S') end as untold,
        case when t.told_at is null then t.tell_gap end as tell_gap,
        case when a.talks is null then coalesce('agent.' || a.talk_gap, 'agent.talks_to_people: not carried') end as talk_gap
    from talks t
    join talkers a on a.agent_id = t.agent_id
    where t.began_at >= $period_start and t.began_at < $period_end and a.talks is distinct from false
        and (t.spoke_at is not null or t.told_at is not null or t.last_at > $settled_before)
)
select
    conversation_id || ' / ' || agent_id as item_id,
    case when is_waiting then 'pending'
         else verdict(if(talk_gap is null, untold, null), gaps([talk_gap, tell_gap])) end as outcome,
    'the person in conversation ' || shorten(conversation_id) || ' with agent ' || shorten(agent_id) || ' '
        || case when is_waiting then 'was not spoken to yet'
            else finding(if(talk_gap is null, untold, null), gaps([talk_gap, tell_gap]), 'was told in time that it deals with an AI') end as reason,
    began_at as observed_at,
    'event/' || event_id as evidence_ref,
    agent_id,
    source_id,
    gaps([talk_gap, tell_gap]) as missing
from judged
