"""What the SELECTs of all controls share: functions that say why a value is not there, and views.

An auditor who runs a control's SELECT elsewhere creates these first; a result's SQL names them.
"""

from __future__ import annotations

from collections.abc import Collection

FUNCTIONS = (
    # Why a record's value is NULL; NULL where it is there, or was carried and left empty.
    """create macro gap(value, name, not_carried, redacted) as
    case when value is not null then null
         when list_contains(redacted, name) then name || ': redacted'
         when list_contains(not_carried, name) then name || ': not carried' end""",
    # The same where a value left empty tells as little as one that is not carried.
    """create macro unknown(value, name, not_carried, redacted) as
    case when value is not null then null
         when list_contains(redacted, name) then name || ': redacted'
         else name || ': not carried' end""",
    # As gap, of an event, which lists what was carried and left empty.
    """create macro event_gap(value, name, empty, redacted) as
    case when value is not null then null
         when list_contains(redacted, name) then name || ': redacted'
         when list_contains(empty, name) then null
         else name || ': not carried' end""",
    "create macro gaps(entries) as list_filter(entries, lambda entry: entry is not null)",
    # fault: what is wrong, or NULL. missing: what could not be seen.
    """create macro verdict(fault, missing) as
    case when fault is not null then 'exception' when len(missing) > 0 then 'undetermined'
         else 'pass' end""",
    # How one attribute came out: its letter, `A?` where open; NULL where it holds.
    """create macro mark(letter, fault, missing) as
    case when fault is not null then letter when missing is not null then letter || '?' end""",
    """create macro finding(fault, missing, fine) as
    case when fault is not null then fault
         when len(missing) > 0 then 'cannot be judged: ' || array_to_string(missing, ', ')
         else fine end""",
    """create macro shorten(words) as
    case when length(words) > 60 then left(words, 60) || '…' else coalesce(words, 'nothing') end""",
    # A cast from timestamp_ns to timestamp rounds up and would move the last instant of a day.
    """create macro local_time(moment, zone) as
    timezone(zone, timezone('UTC', make_timestamp(epoch_ns(moment) // 1000)))""",
    # Exact: a division would lose nanoseconds of spans beyond a hundred days.
    """create macro longer_than(days, earlier, later) as
    epoch_ns(later) - epoch_ns(earlier) > days * 86400000000000""",
    """create macro days_between(earlier, later) as
    (epoch_ns(later) - epoch_ns(earlier)) / 86400000000000""",
)  # fmt: skip

# By view: the table that it looks at, and its statement.
VIEWS = {
    # Whatever acts for the organisation as of the assessment. A status that is not stated counts
    # as active, and `status_gap` says why it is not known.
    "active_agent": ("agent", """create view active_agent as
    select
        agent.*,
        unknown(nullif(lifecycle_status, 'unknown'), 'lifecycle_status', not_carried_fields,
            redacted_fields) as status_gap,
        case when environment is not null then lower(environment) in ('production', 'prod')
             when go_live_at <= clock.as_of then true
             else gap(environment, 'environment', not_carried_fields, redacted_fields) is not null
                and null end as in_production
    from agent, clock
    where valid_from <= clock.as_of and (valid_to is null or valid_to > clock.as_of)
        and (kind is null or kind in ('agent', 'sub_agent', 'coding_assistant'))
        and (coalesce(lifecycle_status, 'unknown') in ('active', 'deprecated')
            or (coalesce(lifecycle_status, 'unknown') = 'unknown'
                and (retired_at is null or retired_at > clock.as_of)))"""),
}  # fmt: skip


def view_statements(relations: Collection[str]) -> list[str]:
    """The statements that create the views among these relations."""
    return [sql for name, (_, sql) in VIEWS.items() if name in relations]


def tables_behind(relations: Collection[str]) -> set[str]:
    """The relations, with each view replaced by the table that it looks at."""
    return {VIEWS[name][0] if name in VIEWS else name for name in relations}
