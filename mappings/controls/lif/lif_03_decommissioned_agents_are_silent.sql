-- Population: agents taken out of service. Exception: it acted since then, or holds a credential that was not revoked.
-- Where no log or no list of credentials came in, silence proves nothing.
with known as (
    select exists (select 1 from agent_day where in_period) as logged, exists (select 1 from credential) as listed
),
retired as (
    select
        agent_id, row_id, valid_from, source_id, retired_at,
        unknown(retired_at, 'retired_at', not_carried_fields, redacted_fields) as time_gap
    from agent
    where valid_from <= $as_of and (valid_to is null or valid_to > $as_of)
        and (kind is null or kind in ('agent', 'sub_agent', 'coding_assistant'))
        and (lifecycle_status = 'retired' or retired_at <= $as_of)
),
acted as (
    select agent_id, max(last_event_time) as last_at, arg_max(last_event_id, (last_event_time, last_event_id)) as last_id
    from agent_day
    where in_period
    group by agent_id
),
held as (
    select agent_id, min(credential_id) as credential_id, max(open) as open
    from (
        select
            unnest(agent_ids) as agent_id,
            case when revoked_at > $as_of or gap(revoked_at, 'revoked_at', not_carried_fields, redacted_fields) is null
                then credential_id end as credential_id,
            gap(revoked_at, 'revoked_at', not_carried_fields, redacted_fields) as open
        from credential
        where valid_from <= $as_of and (valid_to is null or valid_to > $as_of)
            and (revoked_at is null or revoked_at > $as_of) and (expires_at is null or expires_at > $as_of)
    )
    group by agent_id
),
judged as (
    select
        r.agent_id, r.row_id, r.valid_from, r.source_id, r.retired_at, a.last_id,
        case when a.last_at > r.retired_at
            then 'acted on ' || strftime(a.last_at, '%Y-%m-%d %H:%M') || ' UTC, after its end on '
                || strftime(r.retired_at, '%Y-%m-%d %H:%M') || ' UTC' end as noise,
        case when h.credential_id is not null then 'holds credential ' || shorten(h.credential_id) || ', not revoked' end as grip,
        case when not known.logged then 'event_time: not carried' when a.last_at is not null then r.time_gap end as noise_gap,
        if(known.listed, 'credential.' || h.open, 'credential: not carried') as grip_gap
    from retired r
    cross join known
    left join acted a on a.agent_id = r.agent_id
    left join held h on h.agent_id = r.agent_id
)
select
    agent_id as item_id,
    verdict(coalesce(noise, grip), gaps([noise_gap, grip_gap])) as outcome,
    'agent ' || shorten(agent_id) || ' ' || finding(
        nullif(concat_ws(' and ', noise, grip), ''), gaps([noise_gap, grip_gap]), 'has been silent since its end') as reason,
    coalesce(retired_at, valid_from) as observed_at,
    case when noise is not null then 'event/' || last_id else 'record/agent/' || row_id end as evidence_ref,
    agent_id,
    source_id,
    gaps([mark('A', noise, noise_gap), mark('B', grip, grip_gap)]) as attributes,
    gaps([noise_gap, grip_gap]) as missing
from judged
