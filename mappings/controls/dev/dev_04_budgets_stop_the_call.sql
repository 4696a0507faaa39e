-- Population: model calls of the period that a budget covers. Exception: a call ran although the spending in its owner's
-- budget period (local day or month) had reached the limit before it. A call that was stopped is a pass.
with limits as (  -- a budget without a period is watched by month, and what falls under it stays open
    select owner_kind, owner_ref, coalesce(period, 'month') as period, limit_usd, valid_from, valid_to,
        'budget.' || coalesce(unknown(limit_usd, 'limit_usd', not_carried_fields, redacted_fields),
            unknown(period, 'period', not_carried_fields, redacted_fields)) as gap
    from budget
    union all  -- what a call whose owner nobody states falls under, while budgets of that kind are in force
    select distinct owner_kind, null, coalesce(period, 'month'), null, valid_from, valid_to, null from budget
),
calls as (
    select
        e.event_id, e.source_id, e.agent_id, o.owner_kind, o.owner_ref, p.period,
        coalesce(e.event_time, e.ingested_at) as happened_at, coalesce(e.end_time, e.event_time) as spent_at,
        date_trunc(p.period, local_time(happened_at, $time_zone)) as window_start,
        if(e.executed is false or e.outcome is not distinct from 'denied', false, if(e.executed, true, null)) as ran,
        if(list_contains(e.empty_fields, 'cost_usd'), 0, e.cost_usd) as cost,
        coalesce(list_contains(e.empty_fields, o.owner_column), false) as unowned,
        case e.source_class when 'gateway' then 1 when 'billing' then 2 else 3 end as source_rank,
        coalesce(unknown(e.event_time, 'event_time', [], e.redacted_fields),
            unknown(o.owner_ref, o.owner_column, [], e.redacted_fields)) as own_gap,
        unknown(ran, 'executed', [], e.redacted_fields) as ran_gap,
        if(ran is false, null, coalesce(unknown(cost, 'cost_usd', [], e.redacted_fields), ran_gap)) as spend_gap
    from events e
    cross join lateral (values ('team', 'team_id', e.team_id), ('user', 'user_ref', e.user_ref), ('feature', 'feature', e.feature),
        ('agent', 'agent_id', e.agent_id)) o(owner_kind, owner_column, owner_ref)
    join (select distinct owner_kind, period from limits) p on p.owner_kind = o.owner_kind
    where e.action_type = 'model_call' or (e.action_type is null and e.cost_usd is not null)
    -- A call that several kinds of source report counts once: by the gateway, else by billing, else by the rest. Where one of
    -- these two covers the window, calls without a cost from elsewhere repeat what it reports.
    qualify not unowned
        and source_rank = min(source_rank) over (partition by o.owner_kind, o.owner_ref, unowned, p.period, window_start)
        and (source_rank < 3 or cost is not null or min(source_rank) over (partition by p.period, window_start) = 3)
),
running as (
    select owner_kind, owner_ref, period, window_start, spent_at, sum(if(ran, cost, null)) over so_far as spent,
        min(spend_gap) over so_far as gap
    from calls window so_far as (partition by owner_kind, owner_ref, period, window_start order by spent_at)
),
checks as (  -- spending at the call's own instant came not before it
    select c.event_id, c.source_id, c.agent_id, c.happened_at, c.ran, b.limit_usd, coalesce(r.spent, 0) as spent_before,
        c.owner_kind || ' ' || coalesce(left(c.owner_ref, 40), 'not stated') || ' per ' || c.period as budget_of,
        coalesce(c.own_gap, b.gap, if(coalesce(r.spent, 0) < b.limit_usd, r.gap, c.ran_gap)) as gap
    from calls c
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
    'call at ' || happened_at || ' UTC, budget of ' || budget_of || ': ' || if(ran is false, 'stopped', coalesce('open, ' || gap,
        spent_before::decimal(28, 2) || ' USD spent before it, limit ' || limit_usd::decimal(28, 2))) as reason,
    happened_at as observed_at, 'event/' || event_id as evidence_ref, agent_id, source_id, [gap] as missing
from checks
qualify row_number() over (partition by event_id
    order by list_position(['exception', 'undetermined', 'pending', 'pass'], outcome), spent_before desc, budget_of) = 1
