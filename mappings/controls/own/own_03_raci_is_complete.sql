-- Population: active agents. Exception: a stage without an accountable person, or another than the owner for execution.
with stages as (
    select unnest(['trigger', 'context_retrieval', 'decision_generation', 'policy_validation', 'execution', 'logging',
        'escalation', 'incident_response']) as stage
),
registers as (select exists (select 1 from raci) as recorded, exists (select 1 from person) as peopled),
rows_by_stage as (
    select
        a.agent_id, s.stage, registers.recorded, registers.peopled,
        max(nullif(trim(r.accountable_ref), '')) as accountable,
        min('raci.' || gap(r.accountable_ref, 'accountable_ref', r.not_carried_fields, r.redacted_fields)) as open,
        bool_or(p.kind not in ('group', 'service')) as human,
        min('person.' || unknown(p.kind, 'kind', p.not_carried_fields, p.redacted_fields)) filter (where p.row_id is not null)
            as kind_gap
    from active_agent a
    cross join stages s
    cross join registers
    left join raci r on r.agent_id = a.agent_id and r.stage = s.stage
    left join person p on lower(p.person_id) = lower(trim(r.accountable_ref))
    group by a.agent_id, s.stage, registers.recorded, registers.peopled
),
by_agent as (
    select
        agent_id, bool_and(recorded) as recorded, min(open) as open,
        min(if(peopled, kind_gap, 'person: not carried')) filter (where accountable is not null) as kind_gap,
        list(stage order by stage) filter (where recorded and open is null and accountable is null) as without,
        list(stage order by stage)
            filter (where peopled and accountable is not null and not coalesce(human, kind_gap is not null)) as unmanned,
        max(accountable) filter (where stage = 'execution') as executor
    from rows_by_stage
    group by agent_id
),
judged as (
    select
        a.agent_id, a.row_id, a.valid_from, a.source_id,
        case when len(b.without) > 0
            then 'has nobody accountable for ' || shorten(replace(array_to_string(b.without, ', '), '_', ' '))
             when len(b.unmanned) > 0
            then 'has no person on record accountable for ' || shorten(replace(array_to_string(b.unmanned, ', '), '_', ' ')) end
            as incomplete,
        if(b.recorded, coalesce(b.open, b.kind_gap), 'raci: not carried') as incomplete_gap,
        case when b.executor <> '' and lower(b.executor) <> lower(a.owner_ref)
            then 'has ' || shorten(b.executor) || ' accountable for execution, not its owner ' || shorten(a.owner_ref) end as other,
        case when b.executor <> '' then gap(a.owner_ref, 'owner_ref', a.not_carried_fields, a.redacted_fields) end as other_gap
    from active_agent a
    join by_agent b on b.agent_id = a.agent_id
)
select
    agent_id as item_id,
    verdict(coalesce(incomplete, other), gaps([incomplete_gap, other_gap])) as outcome,
    'agent ' || shorten(agent_id) || ' '
        || finding(coalesce(incomplete, other), gaps([incomplete_gap, other_gap]), 'has somebody accountable for all eight stages')
        as reason,
    valid_from as observed_at,
    'record/agent/' || row_id as evidence_ref,
    agent_id,
    source_id,
    gaps([incomplete_gap, other_gap]) as missing,
    [mark('A', incomplete, incomplete_gap), mark('B', other, other_gap)] as attributes
from judged
