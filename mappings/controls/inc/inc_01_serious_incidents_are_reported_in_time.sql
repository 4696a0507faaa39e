-- Population: serious incidents of which the organisation became aware. Exception: reported after the days allowed, or no time of
-- awareness. Pending: not reported, and the days are not over. Judged by the plain count of days; the day under Regulation 1182/71
-- is shown beside it.
with serious as (
    select
        incident_id, row_id, source_id, agent_id, valid_from, category, duty_role, aware_at, reported_at, reported_to,
        case when category = 'death' then $death_report_days
             when category in ('widespread_infringement', 'critical_infrastructure') then $widespread_report_days
             else $incident_report_days end as days,
        gap(category, 'category', not_carried_fields, redacted_fields) as category_gap,
        gap(aware_at, 'aware_at', not_carried_fields, redacted_fields) as aware_gap,
        gap(reported_at, 'reported_at', not_carried_fields, redacted_fields) as report_gap
    from incident
    where category is distinct from 'not_serious' and (aware_at is null or aware_at <= $as_of)
),
closed as (select cast(day as date) as day from holiday where calendar = $holiday_calendar),
steps as (
    select unnest([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30])
        as step
),
-- Under that regulation the day of awareness does not count; a term ends on a working day and holds at least two of them.
working as (
    select
        s.incident_id, s.days, steps.step, cast(local_time(s.aware_at, $time_zone) as date) + steps.step as day,
        row_number() over (partition by s.incident_id order by steps.step) as place
    from serious s
    cross join steps
    where isodow(cast(local_time(s.aware_at, $time_zone) as date) + steps.step) < 6
        and cast(local_time(s.aware_at, $time_zone) as date) + steps.step not in (select day from closed)
),
terms as (select incident_id, min(day) as last_day from working where step >= days and place >= 2 group by incident_id),
judged as (
    select
        s.incident_id, s.row_id, s.source_id, s.agent_id, s.valid_from, s.category, s.aware_at, s.reported_at, s.days, t.last_day,
        coalesce(s.duty_role, 'role not stated') as duty, s.reported_to,
        s.category is not null and s.reported_at is null and s.report_gap is null and not longer_than(s.days, s.aware_at, $as_of)
            as is_waiting,
        case when s.aware_at is null and s.aware_gap is null then 'has no time of awareness'
             when s.category is null then null
             when s.reported_at is null and s.report_gap is null and longer_than(s.days, s.aware_at, $as_of)
                then 'is not reported, ' || cast(floor(days_between(s.aware_at, $as_of)) as bigint) || ' days after awareness'
             when longer_than(s.days, s.aware_at, s.reported_at)
                then 'was reported ' || cast(floor(days_between(s.aware_at, s.reported_at)) as bigint) || ' days after awareness'
             end as fault,
        gaps([s.category_gap, s.aware_gap, s.report_gap]) as open
    from serious s
    left join terms t on t.incident_id = s.incident_id
)
select
    incident_id as item_id,
    if(is_waiting, 'pending', verdict(fault, open)) as outcome,
    'incident ' || shorten(incident_id) || ' (' || coalesce(category, 'no category') || ', ' || duty || ') '
        || case when is_waiting then 'waits for its report' else finding(fault, open, 'was reported in time') end
        || coalesce('; ' || days || ' days allowed, by Regulation 1182/71 until ' || strftime(last_day, '%Y-%m-%d'), '') as reason,
    coalesce(aware_at, valid_from) as observed_at,
    'record/incident/' || row_id as evidence_ref,
    agent_id,
    source_id,
    open as missing
from judged
