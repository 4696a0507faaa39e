-- Population: tools granted to active agents for longer than the limit. Exception: not used for longer than that.
with granted as (
    select permission_set_id, agent_id, source_id, row_id, valid_from, valid_to, unnest(tools) as tool from permission_set
),
grants as (
    -- A grant began with the first row that held the tool; later rows of the set only repeat it.
    select
        permission_set_id, agent_id, tool, min(source_id) as source_id, min(valid_from) as granted_at,
        arg_max(row_id, (valid_from, row_id)) as row_id
    from granted
    group by permission_set_id, agent_id, tool
    having bool_or(valid_from <= $as_of and (valid_to is null or valid_to > $as_of))
        and longer_than($unused_grant_days, min(valid_from), $period_end)
),
used as (
    -- A message uses the tool that it names; one to a person or a channel uses none.
    select
        agent_id, target_name, target_name_state, coalesce(action_type = 'message', false) as sends,
        max(last_event_time) as last_used_at
    from act_day
    where events > blocked
        and (action_type is null or action_type not in ('model_call', 'run', 'policy_check', 'approve', 'delegate'))
    group by agent_id, target_name, target_name_state, sends
),
judged as (
    select
        g.permission_set_id, g.agent_id, g.tool, g.source_id, g.row_id, g.granted_at, max(u.last_used_at)
            filter (where u.target_name = g.tool or (g.tool = '*' and not u.sends)) as last_used_at,
        max(u.target_name_state) filter (where u.target_name_state in ('not_carried', 'redacted') and not u.sends) as unseen
    from grants g
    join active_agent a on a.agent_id = g.agent_id
    left join used u on u.agent_id = g.agent_id
    group by g.permission_set_id, g.agent_id, g.tool, g.source_id, g.row_id, g.granted_at
),
weighed as (
    select
        permission_set_id, agent_id, tool, source_id, row_id, granted_at, last_used_at, unseen,
        coalesce(not longer_than($unused_grant_days, last_used_at, $period_end), false) as in_use
    from judged
)
select
    permission_set_id || '/' || tool as item_id,
    case when in_use then 'pass' when unseen is not null then 'undetermined' else 'exception' end as outcome,
    'agent ' || shorten(agent_id) || ' holds ' || shorten(tool) || ' since ' || cast(granted_at as date) || '; '
        || case when in_use then 'last used at ' || last_used_at || ' UTC'
                when unseen is not null then 'some of its acts do not say which tool (' || replace(unseen, '_', ' ') || ')'
                when last_used_at is not null
                    then 'last used at ' || last_used_at || ' UTC, over ' || $unused_grant_days || ' days ago'
                else 'not used in the last ' || $unused_grant_days || ' days' end as reason,
    coalesce(last_used_at, granted_at) as observed_at,
    'record/permission_set/' || row_id as evidence_ref,
    agent_id,
    source_id,
    if(unseen is null, [], ['target_name: ' || replace(unseen, '_', ' ')]) as missing
from weighed
