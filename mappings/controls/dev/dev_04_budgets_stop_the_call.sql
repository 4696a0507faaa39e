-- Population: model calls of the period that a budget covers. Exception: a call ran although the spending in its owner's
-- budget period (local day or month) had reached the limit before it. A call that was stopped is a pass.
with limits as (
    -- A budget without a period is watched by month, and what falls under it stays open.
    select owner_kind, owner_ref, coalesce(period, 'month') as period, limit_usd, valid_from, valid_to,
        case when limit_usd is null
                then 'budget.limit_usd: ' || if(list_contains(redacted_fields, 'limit_usd'), 'redacted', 'not carried')
             when period is null
                then 'budget.period: ' || if(list_contains(redacted_fields, 'period'), 'redacted', 'not carried') end as gap
    from budget
    union all  -- what a call whose owner nobody states falls under, while budgets of that kind are in force
    select distinct owner_kind, null, coalesce(period, 'month'), null, valid_from, valid_to, null from budget
),
calls as (
    select
        e.event_id, e.source_id, e.agent_id, o.owner_kind, o.owner_ref, p.period,
        coalesce(e.event_time, e.ingested_at) as happened_at, coalesce(e.end_time, e.event_time) as spent_at,
        -- A cast from timestamp_ns to timestamp rounds up and would move the last instant of a day.
        timezone($time_zone, timezone('UTC', make_timestamp(epoch_ns(happened_at) // 1000))) as local_time,
        date_trunc(p.period, local_time) as window_start,
        case when e.executed is false or e.outcome is not distinct from 'denied' then false when e.executed then true end as ran,
        case when list_contains(e.empty_fields, 'cost_usd') then 0 else e.cost_usd end as cost,
        case e.source_class when 'gateway' then 1 when 'billing' then 2 else 3 end as source_rank,
        min(source_rank) over (partition by p.period, window_start) as best_rank,
        coalesce(list_contains(e.empty_fields, o.owner_column), false) as owner_empty,
        case when e.event_time is null
                then 'event_time: ' || if(list_contains(e.redacted_fields, 'event_time'), 'redacted', 'not carried')
             when o.owner_ref is null
                then o.owner_column || ': ' || if(list_contains(e.redacted_fields, o.owner_column), 'redacted', 'not carried')
        end as own_gap,
        'executed: ' || if(list_contains(e.redacted_fields, 'executed'), 'redacted', 'not carried') as ran_gap,
        'cost_usd: ' || if(list_contains(e.redacted_fields, 'cost_usd'), 'redacted', 'not carried') as cost_gap
    from events e
    cross join lateral (values ('team', 'team_id', e.team_id), ('user', 'user_ref', e.user_ref), ('feature', 'feature', e.feature),
        ('agent', 'agent_id', e.agent_id)) o(owner_kind, owner_column, owner_ref)
    join (select distinct owner_kind, period from limits) p on p.owner_kind = o.owner_kind
    where e.action_type = 'model_call' or (e.action_type is null and e.cost_usd is not null)
),
-- A call that several kinds of source report counts once: by the gateway, else by billing, else by the rest. Where one of these
-- two covers the window, calls without a cost from elsewhere repeat what it reports.
chosen as (
    select event_id, source_id, agent_id, owner_kind, owner_ref, period, happened_at, spent_at, window_start, ran, cost,
        own_gap, ran_gap, cost_gap
    from calls
    where not owner_empty and (source_rank < 3 or best_rank = 3 or cost is not null)
    qualify source_rank = min(source_rank) over (partition by owner_kind, owner_ref, period, window_start)
),
running as (
    select owner_kind, owner_ref, period, window_start, spent_at, sum(case when ran then cost end) over spending as spent,
        min(case when ran is false then null when cost is null then cost_gap when ran is null then ran_gap end) over spending as gap
    from chosen
    window spending as (partition by owner_kind, owner_ref, period, window_start order by spent_at)
),
checks as (
    -- Spending at the call's own instant came not before it.
    select c.event_id, c.source_id, c.agent_id, c.happened_at, c.ran, b.limit_usd, coalesce(r.spent, 0) as spent_before,
        c.owner_kind || ' ' || coalesce(left(c.owner_ref, 40), 'not stated') || ' per ' || c.period as budget_of,
        case when c.own_gap is not null then c.own_gap when b.gap is not null then b.gap
             when coalesce(r.spent, 0) < b.limit_usd then r.gap when c.ran is null then c.ran_gap end as gap
    from chosen c
    join limits b on b.owner_kind = c.owner_kind and b.owner_ref is not distinct from c.owner_ref and b.period = c.period
        and b.valid_from <= c.happened_at and (b.valid_to is null or b.valid_to > c.happened_at)
    asof left join running r on r.owner_kind = c.owner_kind and r.owner_ref = c.owner_ref and r.period = c.period
        and r.window_start = c.window_start and c.happened_at > r.spent_at
    where c.happened_at >= $period_start and c.happened_at < $period_end
)
select
    event_id as item_id,
    case when ran is false then 'pass' when gap is not null then 'undetermined' when spent_before >= limit_usd then 'exception'
         when happened_at > $settled_before then 'pending' else 'pass' end as outcome,
    'call at ' || cast(happened_at as varchar) || ' UTC, budget of ' || budget_of
        || case when ran is false then ': stopped' when gap is not null then ': open, ' || gap
                else ': ' || cast(cast(spent_before as decimal(28, 2)) as varchar) || ' USD spent before it, limit '
                    || cast(cast(limit_usd as decimal(28, 2)) as varchar) end as reason,
    happened_at as observed_at,
    'event/' || event_id as evidence_ref,
    agent_id,
    source_id,
    case when outcome = 'undetermined' then [gap] else cast([] as varchar[]) end as missing
from checks
qualify row_number() over (partition by event_id
    order by list_position(['exception', 'undetermined', 'pending', 'pass'], outcome), spent_before desc, budget_of) = 1
