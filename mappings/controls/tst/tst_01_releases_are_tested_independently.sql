-- Population: active agents in production. Exception: no independent test of the running version with red-teaming and prior thresholds.
with recorded as (select count(*) > 0 as any_report from test_report),
agents as (
    select
        agent_id, row_id, valid_from, source_id, version, status_gap,
        gap(version, 'version', not_carried_fields, redacted_fields) as version_gap,
        case when in_production is null then gap(environment, 'environment', not_carried_fields, redacted_fields) end as place_gap
    from active_agent
    where in_production is distinct from false
),
reports as (
    select
        agent_id, release, kinds, thresholds_set_at, started_at, tested_by, built_by, result, accepted_by,
        gap(kinds, 'kinds', not_carried_fields, redacted_fields) as kinds_gap,
        gap(thresholds_set_at, 'thresholds_set_at', not_carried_fields, redacted_fields) as set_gap,
        gap(started_at, 'started_at', not_carried_fields, redacted_fields) as start_gap,
        gap(tested_by, 'tested_by', not_carried_fields, redacted_fields) as tester_gap,
        gap(built_by, 'built_by', not_carried_fields, redacted_fields) as builder_gap,
        gap(result, 'result', not_carried_fields, redacted_fields) as result_gap
    from test_report
    -- The newest report on a release is the one that was relied upon.
    qualify row_number() over (partition by agent_id, release order by finished_at desc nulls last, test_report_id desc) = 1
),
judged as (
    select
        a.agent_id, a.row_id, a.valid_from, a.source_id, a.version, a.status_gap, a.place_gap,
        case when a.version is null or not recorded.any_report then null
             when r.release is null then 'has no test report'
             when not coalesce(list_contains(r.kinds, 'red_team'), r.kinds_gap is not null) then 'was not red-teamed'
             when r.thresholds_set_at is null and r.set_gap is null then 'was tested without thresholds'
             when r.thresholds_set_at >= r.started_at then 'was tested against thresholds set after testing had begun'
             when lower(r.tested_by) = lower(r.built_by) then 'was tested by whoever built it'
             when r.tested_by is null and r.tester_gap is null then 'was tested by nobody named'
             when r.result is null and r.result_gap is null then 'was tested without a result'
             when r.result = 'failed' then 'failed its tests'
             when r.result = 'accepted' and r.accepted_by is null then 'failed its tests, accepted by nobody named' end as fault,
        gaps([case when a.version is null then coalesce(a.version_gap, 'version: not carried') end,
            case when not recorded.any_report then 'test_report: not carried' end, 'test_report.' || r.kinds_gap, 'test_report.' || r.set_gap,
            'test_report.' || r.start_gap, 'test_report.' || r.tester_gap, 'test_report.' || r.builder_gap, 'test_report.' || r.result_gap]) as open
    from agents a
    cross join recorded
    left join reports r on r.agent_id = a.agent_id and r.release = a.version
),
weighed as (
    select agent_id, row_id, valid_from, source_id, version, case when status_gap is null and place_gap is null then fault end as fault,
        case when fault is not null then gaps([status_gap, place_gap]) else open end as missing
    from judged
)
select
    agent_id as item_id,
    verdict(fault, missing) as outcome,
    'version ' || shorten(version) || ' of agent ' || shorten(agent_id) || ' '
        || finding(fault, missing, 'was tested and red-teamed by somebody else against thresholds set before') as reason,
    valid_from as observed_at,
    'record/agent/' || row_id as evidence_ref,
    agent_id,
    source_id,
    missing
from weighed
