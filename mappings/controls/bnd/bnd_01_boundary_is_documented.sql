-- Population: active agents. Exception: no boundary on record, or one of its seven elements missing. A list that is empty on
-- purpose says so with the word `none`.
with registers as (select count(*) > 0 as recorded from boundary),
latest as (
    select
        agent_id, row_id, source_id, not_carried_fields as absent, redacted_fields as masked, nullif(trim(process), '') as process,
        nullif(reads, []) as reads, nullif(writes, []) as writes, nullif(allowed_actions, []) as allowed_actions,
        nullif(approval_actions, []) as approval_actions, nullif(prohibited_data, []) as prohibited_data,
        nullif(trim(responsible_team), '') as responsible_team
    from boundary
    qualify row_number() over (partition by agent_id order by valid_from desc, boundary_id) = 1
),
elements as (
    select
        a.agent_id, a.row_id, a.valid_from, coalesce(b.source_id, a.source_id) as source_id, b.agent_id is not null as found,
        registers.recorded,
        [b.process is null, b.reads is null, b.writes is null, b.allowed_actions is null, b.approval_actions is null,
            b.prohibited_data is null, b.responsible_team is null] as lacking,
        [gap(b.process, 'process', absent, masked), gap(b.reads, 'reads', absent, masked),
            gap(b.writes, 'writes', absent, masked), gap(b.allowed_actions, 'allowed_actions', absent, masked),
            gap(b.approval_actions, 'approval_actions', absent, masked),
            gap(b.prohibited_data, 'prohibited_data', absent, masked),
            gap(b.responsible_team, 'responsible_team', absent, masked)] as open
    from active_agent a
    cross join registers
    left join latest b on b.agent_id = a.agent_id
),
judged as (
    select
        agent_id, row_id, valid_from, source_id, found, recorded,
        if(recorded, gaps(open), ['boundary: not carried']) as missing,
        list_transform(['A', 'B', 'C', 'D', 'E', 'F', 'G'], lambda letter, i: case when not recorded or open[i] is not null
            then letter || '?' when lacking[i] then letter end) as attributes,
        list_filter(['process', 'systems read', 'systems written', 'acts allowed alone', 'acts always approved', 'prohibited data',
            'responsible team'], lambda element, i: lacking[i] and open[i] is null) as without
    from elements
)
select
    agent_id as item_id,
    case when recorded and len(without) > 0 then 'exception' when len(missing) > 0 then 'undetermined' else 'pass' end as outcome,
    'agent ' || shorten(agent_id) || case when recorded and not found then ' has no boundary on record'
        when recorded and len(without) > 0 then ': its boundary does not state ' || array_to_string(without, ', ')
        when len(missing) > 0 then ' cannot be judged: ' || array_to_string(missing, ', ')
        else ' has a boundary with all seven elements' end as reason,
    valid_from as observed_at,
    'record/agent/' || row_id as evidence_ref,
    agent_id,
    source_id,
    missing,
    attributes
from judged
