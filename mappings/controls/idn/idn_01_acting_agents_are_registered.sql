-- Population: identities that acted in the period, and sources whose events name none.
-- Exception: no registry entry was valid when the identity first or last acted on some day.
with acting as (
    select
        coalesce(agent_id, 'unnamed (' || agent_id_state || ') in ' || source_id) as item_id,
        agent_id, agent_id_state, source_id, events - blocked as acts,
        first_event_id, first_event_time, last_event_id, last_event_time
    from agent_day
    where in_period and events > blocked
),
moments as (
    select item_id, agent_id, agent_id_state, source_id, acts, first_event_id as event_id, first_event_time as moment
    from acting
    union all
    select item_id, agent_id, agent_id_state, source_id, 0 as acts, last_event_id as event_id, last_event_time as moment
    from acting
),
checked as (
    select
        m.item_id, m.agent_id, m.agent_id_state, m.source_id, m.acts, m.event_id, m.moment,
        exists (
            select 1 from agent a
            where a.agent_id = m.agent_id and a.valid_from <= m.moment and (a.valid_to is null or a.valid_to > m.moment)
        ) as registered
    from moments m
),
identities as (
    select
        item_id, min(agent_id) as agent_id, max(agent_id_state) as agent_id_state,
        min(source_id) as source_id, sum(acts) as acts, bool_and(registered) as registered,
        coalesce(arg_min(event_id, (moment, event_id)) filter (where not registered), arg_min(event_id, (moment, event_id)))
            as event_id,
        coalesce(min(moment) filter (where not registered), min(moment)) as moment
    from checked
    group by item_id
),
registry as (select count(*) > 0 as recorded from agent)
select
    item_id,
    case when agent_id_state in ('not_carried', 'redacted') then 'undetermined'
         when agent_id_state = 'empty' then 'exception'
         when registered then 'pass'
         when not registry.recorded then 'undetermined'
         else 'exception' end as outcome,
    case when agent_id_state = 'stated'
            then 'agent ' || left(item_id, 60) || ' acted ' || cast(acts as varchar) || ' times; '
                || case when registered then 'registered whenever it was seen'
                        when not registry.recorded then 'no registry entry of any agent is on record'
                        else 'no registry entry was valid at ' || cast(moment as varchar) || ' UTC' end
         else cast(acts as varchar) || ' acts in ' || left(source_id, 60) || ' name no agent (' || agent_id_state || ')'
    end as reason,
    moment as observed_at,
    'event/' || event_id as evidence_ref,
    agent_id,
    source_id,
    case when agent_id_state = 'not_carried' then ['agent_id: not carried']
         when agent_id_state = 'redacted' then ['agent_id: redacted']
         when agent_id_state = 'stated' and not registry.recorded then ['agent: not carried']
         else cast([] as varchar[]) end as missing
from identities, registry
