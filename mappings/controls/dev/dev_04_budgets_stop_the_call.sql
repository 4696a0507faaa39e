-- Population: model calls of the period that a budget covers. Exception: a call ran although the spending in its owner's
-- budget period (local day or month) had reached the limit before it. A call that was stopped is a pass.
with calls as (
    select
        event_id, source_id, agent_id, team_id, user_ref, feature, event_time as happened_at, redacted_fields, empty_fields,
        coalesce(end_time, event_time) as spent_at,
        case when executed is false or outcome is not distinct from 'denied' then false when executed then true end as ran,
        case when list_contains(empty_fields, 'cost_usd') then 0 else cost_usd end as cost,
        case source_class when 'gateway' then 1 when 'billing' then 2 else 3 end as source_rank,
        -- A cast from timestamp_ns to timestamp rounds up and would move the last instant of a day.
        timezone($time_zone, timezone('UTC', make_timestamp(epoch_ns(event_time) // 1000))) as local_time
    from events
    where event_time is not null and (action_type = 'model_call' or (action_type is null and cost_usd is not null))
),
-- A budget without a period is watched by month, and what falls under it stays open.
limits as (
    select budget_id, owner_kind, owner_ref, coalesce(period, 'month') as period, limit_usd, valid_from, valid_to,
        case when period is not null then null when list_contains(redacted_fields, 'period') then 'open: budget.period: redacted'
             else 'open: budget.period: not carried' end as period_gap,
        coalesce(list_contains(redacted_fields, 'limit_usd'), false) as limit_redacted
    from budget
),
owned as (
    select
        c.event_id, c.source_id, c.agent_id, c.happened_at, c.spent_at, c.ran, c.cost, c.source_rank, c.redacted_fields,
        c.empty_fields, o.owner_kind, o.owner_column,
        case o.owner_kind when 'team' then c.team_id when 'user' then c.user_ref when 'feature' then c.feature
            else c.agent_id end as owner_ref,
        p.period, date_trunc(p.period, c.local_time) as window_start
    from calls c
    cross join (values ('team', 'team_id'), ('user', 'user_ref'), ('feature', 'feature'), ('agent', 'agent_id'))
        o(owner_kind, owner_column)
    join (select distinct owner_kind, period from limits) p on p.owner_kind = o.owner_kind
),
-- A call reported by several kinds of source counts once: by the gateway, else by billing, else by the rest.
chosen as (
    select
        event_id, source_id, agent_id, happened_at, spent_at, ran, cost, redacted_fields, owner_kind, owner_ref, period, window_start
    from owned
    where (owner_kind, owner_ref, period) in (select (owner_kind, owner_ref, period) from limits)
    qualify source_rank = min(source_rank) over (partition by owner_kind, owner_ref, period, window_start)
),
moves as (
    select owner_kind, owner_ref, period, window_start, spent_at as moment, 1 as step, null as event_id,
        case when ran then cost else 0 end as spent,
        case when ran is false or (ran and cost is not null) then 0 else 1 end as gaps,
        case when ran is not false and list_contains(redacted_fields, 'cost_usd') then 1 else 0 end as masked,
        case when ran is null and cost is not null then 1 else 0 end as unsure
    from chosen
    union all
    select owner_kind, owner_ref, period, window_start, happened_at as moment, 0 as step, event_id, 0 as spent, 0 as gaps, 0 as masked,
        0 as unsure
    from chosen
),
totals as (
    -- Spending at the call's own instant came not before it, so checks (step 0) come first.
    select event_id, owner_kind, owner_ref, period,
        coalesce(sum(spent) over running, 0) as spent_before, sum(gaps) over running as gaps_before,
        sum(masked) over running as masked_before, sum(unsure) over running as unsure_before, step
    from moves
    window running as (partition by owner_kind, owner_ref, period, window_start order by moment, step
        rows between unbounded preceding and current row)
),
checks as (
    select
        c.event_id, c.source_id, c.agent_id, c.happened_at, c.ran,
        b.budget_id, b.limit_usd, t.spent_before, c.owner_kind || ' ' || left(c.owner_ref, 40) || ' per ' || c.period as budget_of,
        case when c.ran is false then 'stopped'
             when b.period_gap is not null then b.period_gap
             when b.limit_redacted then 'open: budget.limit_usd: redacted'
             when b.limit_usd is null then 'open: budget.limit_usd: not carried'
             when t.spent_before >= b.limit_usd and c.ran then 'exceeded'
             when t.spent_before >= b.limit_usd and list_contains(c.redacted_fields, 'executed') then 'open: executed: redacted'
             when t.spent_before >= b.limit_usd then 'open: executed: not carried'
             when t.masked_before > 0 then 'open: cost_usd: redacted'
             when t.gaps_before > t.unsure_before then 'open: cost_usd: not carried'
             when t.gaps_before > 0 then 'open: executed: not carried'
             when c.happened_at > $settled_before then 'unsettled'
             else 'within' end as finding
    from chosen c
    join totals t on t.step = 0 and t.event_id = c.event_id and t.owner_kind = c.owner_kind and t.period = c.period
    join limits b on b.owner_kind = c.owner_kind and b.owner_ref = c.owner_ref and b.period = c.period
        and b.valid_from <= c.happened_at and (b.valid_to is null or b.valid_to > c.happened_at)
),
-- Where budgets of a kind were in force but the call does not say whose it was, nothing can be said.
unowned as (
    select distinct
        o.event_id, o.source_id, o.agent_id, o.happened_at, o.ran, 'a ' || o.owner_kind as budget_of,
        case when o.ran is false then 'stopped'
             when list_contains(o.redacted_fields, o.owner_column) then 'open: ' || o.owner_column || ': redacted'
             else 'open: ' || o.owner_column || ': not carried' end as finding
    from owned o
    join limits b on b.owner_kind = o.owner_kind
        and b.valid_from <= o.happened_at and (b.valid_to is null or b.valid_to > o.happened_at)
    where o.owner_ref is null and not coalesce(list_contains(o.empty_fields, o.owner_column), false)
),
untimed as (
    select event_id, source_id, agent_id, ingested_at as happened_at, 'its owner' as budget_of,
        case when executed is false or outcome is not distinct from 'denied' then 'stopped'
             when list_contains(redacted_fields, 'event_time') then 'open: event_time: redacted'
             else 'open: event_time: not carried' end as finding
    from events
    where event_time is null and action_type = 'model_call' and exists (select 1 from limits)
),
findings as (
    select event_id, source_id, agent_id, happened_at, budget_of, finding, spent_before, limit_usd from checks
    union all
    select event_id, source_id, agent_id, happened_at, budget_of, finding, null, null from unowned
    union all
    select event_id, source_id, agent_id, happened_at, budget_of, finding, null, null from untimed
),
worst as (
    select
        event_id, source_id, agent_id, happened_at,
        arg_max(finding, weight) as finding, arg_max(budget_of, weight) as budget_of,
        arg_max(spent_before, weight) as spent_before, arg_max(limit_usd, weight) as limit_usd
    from (
        select event_id, source_id, agent_id, happened_at, finding, budget_of, spent_before, limit_usd,
            case when finding = 'exceeded' then 4 when starts_with(finding, 'open: ') then 3
                 when finding = 'unsettled' then 2 when finding = 'within' then 1 else 0 end as weight
        from findings
    )
    group by event_id, source_id, agent_id, happened_at
)
select
    event_id as item_id,
    case when finding = 'exceeded' then 'exception' when starts_with(finding, 'open: ') then 'undetermined'
         when finding = 'unsettled' then 'pending' else 'pass' end as outcome,
    'call at ' || cast(happened_at as varchar) || ' UTC, budget of ' || budget_of
        || case when finding = 'stopped' then ': stopped'
                when starts_with(finding, 'open: ') then ': open, ' || substr(finding, 7)
                else ': ' || cast(cast(spent_before as decimal(28, 2)) as varchar) || ' USD spent before it, limit '
                    || cast(cast(limit_usd as decimal(28, 2)) as varchar) end as reason,
    happened_at as observed_at,
    'event/' || event_id as evidence_ref,
    agent_id,
    source_id,
    case when starts_with(finding, 'open: ') then [substr(finding, 7)] else cast([] as varchar[]) end as missing
from worst
where happened_at >= $period_start and happened_at < $period_end
