-- Population: permission sets of active agents as of the assessment. Exception: no approval, one given after go-live (or after
-- the set began, where that was later), or one by somebody without a mandate for security.
with registers as (
    select (select count(*) > 0 from approval) as approvals,
        exists (select 1 from mandate where kind = 'security_approver') as mandates
),
answers as (
    select approval_id, subject_kind, subject_ref, decision, decided_by, decided_at, not_carried_fields, redacted_fields
    from approval
    qualify row_number() over (partition by approval_id order by valid_from desc, row_id) = 1
),
-- The approval that the set names; else the first one that names the set.
found as (
    select
        s.permission_set_id, s.row_id, s.valid_from, s.source_id, s.agent_id, registers.approvals, registers.mandates,
        gap(s.approval_id, 'approval_id', s.not_carried_fields, s.redacted_fields) as link_gap, p.approval_id,
        if(p.decision in ('approved', 'modified'), p.decided_at, null) as approved_at, p.decision, p.decided_by, a.go_live_at,
        'approval.' || gap(p.decision, 'decision', p.not_carried_fields, p.redacted_fields) as decision_gap,
        'approval.' || unknown(p.decided_at, 'decided_at', p.not_carried_fields, p.redacted_fields) as decided_gap,
        if(a.go_live_at > s.valid_from, a.go_live_at, if(a.go_live_at is null, null, s.valid_from)) as due_at,
        gap(a.go_live_at, 'go_live_at', a.not_carried_fields, a.redacted_fields) as live_gap
    from permission_set s
    join active_agent a on a.agent_id = s.agent_id
    cross join registers
    left join answers p on p.approval_id = s.approval_id
        or (s.approval_id is null and p.subject_kind = 'permission_set' and p.subject_ref = s.permission_set_id)
    qualify row_number() over (partition by s.permission_set_id
        order by coalesce(p.decision in ('approved', 'modified'), false) desc, p.decided_at, p.approval_id) = 1
),
judged as (
    select
        f.permission_set_id, f.row_id, f.valid_from, f.source_id, f.agent_id, f.approval_id, f.go_live_at is null as not_live,
        case when f.approval_id is null and f.link_gap is null and f.approvals then 'rests on no approval'
             when f.decision not in ('approved', 'modified') then 'was asked for and ' || f.decision
             when f.approval_id is not null and f.decision is null and f.decision_gap is null then 'was not answered' end as absent,
        case when f.approval_id is null then coalesce(if(f.approvals, null, 'approval: not carried'), f.link_gap)
             else f.decision_gap end as absent_gap,
        case when f.approved_at > f.due_at
            then 'was approved at ' || f.approved_at || ' UTC, after ' || f.due_at || ' UTC' end as late,
        case when f.decision in ('approved', 'modified') then coalesce(f.decided_gap, f.live_gap) end as late_gap,
        case when f.mandates and f.decision in ('approved', 'modified') and m.person_id is null
            then 'was approved by ' || shorten(f.decided_by) || ', who has no mandate for security' end as unfit,
        case when f.decision in ('approved', 'modified') and not f.mandates then 'mandate: not carried' end as unfit_gap
    from found f
    left join (select distinct lower(person_id) as person_id from mandate where kind = 'security_approver') m
        on m.person_id = lower(f.decided_by)
)
select
    permission_set_id as item_id,
    verdict(coalesce(absent, late, unfit), gaps([absent_gap, late_gap, unfit_gap])) as outcome,
    'permission set ' || shorten(permission_set_id) || ' of agent ' || shorten(agent_id) || ' '
        || finding(coalesce(absent, late, unfit), gaps([absent_gap, late_gap, unfit_gap]), 'was approved in time') as reason,
    valid_from as observed_at,
    'record/permission_set/' || row_id as evidence_ref,
    agent_id,
    source_id,
    gaps([absent_gap, late_gap, unfit_gap]) as missing,
    [mark('A', absent, absent_gap), if(not_live and late_gap is null, 'B-', mark('B', late, late_gap)),
        mark('C', unfit, unfit_gap)] as attributes
from judged
