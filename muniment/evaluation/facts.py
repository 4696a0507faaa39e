"""Facts: small measures of the log by agent, act, model, data source or source, day by day.

Each fact is keys and measures over the events from the longest lookback up to the period's end;
`in_period` tells the two apart. Measures are counts, minima and maxima, so that facts of two parts
of a log merge into those of the whole: `MERGE` says how. Days are local days. A blocked event
(executed = false, or outcome denied) counts in `events`, `blocked` and the times of entries, but
not in the times of events, which say when something happened. Muniment's own entries are left out.
`agent_life` alone looks at the whole log.

`*_state` says of a key that is NULL why: stated, empty, not_carried or redacted.
"""

from __future__ import annotations

from dataclasses import dataclass

from muniment.store.lives import life_sql

_AT = "coalesce(event_time, ingested_at)"


@dataclass(frozen=True, slots=True)
class Fact:
    """keys: name to SQL over one event. where: which events. unnest: a list column, row by row.

    reads: the entry columns needed beside those that the engine always reads.
    """

    keys: tuple[tuple[str, str], ...]
    where: str = "true"
    unnest: str = ""
    reads: tuple[str, ...] = ()


def _state(column: str) -> str:
    return (
        f"case when {column} is not null then 'stated'"
        f" when coalesce(list_contains(redacted_fields, '{column}'), false) then 'redacted'"
        f" when coalesce(list_contains(empty_fields, '{column}'), false) then 'empty'"
        " else 'not_carried' end"
    )


def _keys(*columns: str, states: tuple[str, ...] = ()) -> tuple[tuple[str, str], ...]:
    always = ("source_id", "source_class", "agent_id")
    kept = [(name, name) for name in (*always, *columns)]
    return (*kept, *((f"{name}_state", _state(name)) for name in ("agent_id", *states)))


_DAY = ("day", "local_day")
FACTS: dict[str, Fact] = {
    "agent_day": Fact((*_keys(), _DAY)),
    "act_day": Fact(
        (*_keys("action_type", "target_name", "target_system",
                states=("action_type", "target_name", "target_system")), _DAY),
        reads=("action_type", "target_name", "target_system"),
    ),
    "model_day": Fact(
        (*_keys("model", "agent_version", "prompt_sha256", states=("model", "prompt_sha256")),
         _DAY),
        where="model is not null or action_type = 'model_call'",
        reads=("model", "agent_version", "prompt_sha256", "action_type"),
    ),
    "context_day": Fact(
        (*_keys(states=("context_refs",)), ("data_source_id", "unnested"), _DAY),
        unnest="context_refs",
        reads=("context_refs",),
    ),
    "source_hour": Fact(
        (("source_id", "source_id"), ("source_class", "source_class"),
         ("hour", f"epoch_ns({_AT}) // 3600000000000"),
         ("source_seq_state", _state("source_seq"))),
    ),
}  # fmt: skip

# By measure: SQL over the events of one key.
_MEASURES = {
    "events": "count(*)",
    "executed": "count(*) filter (where executed)",
    "blocked": "count(*) filter (where was_blocked)",
    "first_event_id": "arg_min(event_id, (happened_at, event_id)) filter (where not was_blocked)",
    "first_event_time": "min(happened_at) filter (where not was_blocked)",
    "last_event_id": "arg_max(event_id, (happened_at, event_id)) filter (where not was_blocked)",
    "last_event_time": "max(happened_at) filter (where not was_blocked)",
    "first_entry_time": "min(happened_at)",
    "last_entry_time": "max(happened_at)",
    "last_entry_id": "arg_max(event_id, (happened_at, event_id))",
}
# By measure: SQL over the rows that two parts of a log have for one key.
MERGE = {
    "events": "cast(sum(events) as bigint)",
    "executed": "cast(sum(executed) as bigint)",
    "blocked": "cast(sum(blocked) as bigint)",
    "first_event_id": "arg_min(first_event_id, (first_event_time, first_event_id))",
    "first_event_time": "min(first_event_time)",
    "last_event_id": "arg_max(last_event_id, (last_event_time, last_event_id))",
    "last_event_time": "max(last_event_time)",
    "first_entry_time": "min(first_entry_time)",
    "last_entry_time": "max(last_entry_time)",
    "last_entry_id": "arg_max(last_entry_id, (last_entry_time, last_entry_id))",
}


def fact_sql(name: str, by: str = "", relation: str = "events") -> str:
    """The SELECT of a fact over the view `known_event` (see `known_event_sql`).

    by: a column that tells parts of the log apart, as a further key. relation: the events, of whose
    lives `agent_life` tells without that view.
    """
    if name == "source_run":
        return _SOURCE_RUN.format(by=f"{by}, " if by else "")
    if name == "agent_life":
        return life_sql(relation, "source_class is distinct from 'muniment'", by)
    fact = FACTS[name]
    named = [*fact.keys, *([(by, by)] if by else [])]
    keys = ",\n    ".join(f"{sql} as {key}" for key, sql in named)
    measures = ",\n    ".join(f"{sql} as {measure}" for measure, sql in _MEASURES.items())
    # An event whose list is empty or missing stays, with NULL for what it would have named.
    unnested = f", unnest(coalesce(nullif({fact.unnest}, []), [null])) as unnested"
    rows = f"(select *{unnested if fact.unnest else ''} from known_event)"
    return (
        f"select\n    {keys},\n    in_period,\n    {measures}\nfrom {rows}\n"
        f"where {fact.where}\ngroup by all"
    )


def merge_sql(name: str, relation: str) -> str:
    """The SELECT of a fact over rows that the parts of a log have of it."""
    if name == "source_run":
        return _MERGED_RUNS.format(relation=relation)
    measures = _LIFE_MERGE if name == "agent_life" else MERGE
    keys = _LIFE_KEYS
    if name != "agent_life":
        keys = [*(key for key, _ in FACTS[name].keys), "in_period"]
    merged = ",\n    ".join(f"{sql} as {measure}" for measure, sql in measures.items())
    return f"select\n    {', '.join(keys)},\n    {merged}\nfrom {relation}\ngroup by all"


def fact_columns(name: str) -> set[str]:
    """The entry columns that a fact reads, beside those that it only places and counts by."""
    if name == "source_run":
        return {"source_seq"}
    if name == "agent_life":
        return set()
    more = {"source_seq"} if name == "source_hour" else set()
    return {*FACTS[name].reads, *more}


# What places, counts and names an event, whatever the fact.
ALWAYS_READ = (
    "event_time", "ingested_at", "source_id", "source_class", "agent_id", "executed", "outcome",
    "redacted_fields", "empty_fields",
)  # fmt: skip


def known_event_sql(relation: str) -> str:
    """A statement that creates `known_event`: events from the lookback on, with what facts need.

    relation: the events with their `local_day`. The period's end is excluded.
    """
    return f"""
create or replace view known_event as
select
    *,
    {_AT} as happened_at,
    {_AT} >= (select period_start from clock) as in_period,
    executed is false or (outcome is not distinct from 'denied') as was_blocked
from {relation}
where source_class is distinct from 'muniment' and {_AT} < (select period_end from clock)"""


# Unbroken runs of a source's running numbers.
_SOURCE_RUN = """
select
    {by}source_id,
    min(source_class) as source_class,
    min(source_seq) as first_seq,
    max(source_seq) as last_seq,
    arg_min(event_id, source_seq) as first_event_id,
    arg_max(event_id, source_seq) as last_event_id,
    arg_min(happened_at, source_seq) as first_event_time,
    arg_max(happened_at, source_seq) as last_event_time
from (
    select
        {by}source_id, source_class, source_seq, event_id, happened_at,
        source_seq - row_number() over (partition by {by}source_id order by source_seq) as run
    from (
        select {by}source_id, source_class, source_seq, event_id, happened_at
        from known_event
        where source_seq is not null
        qualify row_number() over (partition by {by}source_id, source_seq order by event_id) = 1
    )
)
group by {by}source_id, run"""

# Runs that touch or overlap are one: a run begins where no earlier one reaches the number before.
_MERGED_RUNS = """
select
    source_id,
    min(source_class) as source_class,
    min(first_seq) as first_seq,
    max(last_seq) as last_seq,
    arg_min(first_event_id, (first_seq, first_event_id)) as first_event_id,
    arg_min(last_event_id, (-last_seq, last_event_id)) as last_event_id,
    arg_min(first_event_time, (first_seq, first_event_id)) as first_event_time,
    arg_min(last_event_time, (-last_seq, last_event_id)) as last_event_time
from (
    select *, sum(cast(begins as bigint)) over (partition by source_id order by first_seq, last_seq
        rows unbounded preceding) as run
    from (
        select *, coalesce(first_seq > 1 + max(last_seq) over (partition by source_id
            order by first_seq, last_seq rows between unbounded preceding and 1 preceding), true)
            as begins
        from {relation}
    )
)
group by source_id, run"""
_LIFE_KEYS = ["source_id", "source_class", "agent_id", "agent_id_state"]
_LIFE_MERGE = {
    "events": "cast(sum(events) as bigint)",
    "first_event_id": "arg_min(first_event_id, (first_event_time, first_event_id))",
    "first_event_time": "min(first_event_time)",
    "last_event_time": "max(last_event_time)",
}
