"""What a pack is about: the agents in scope, those left out with the reason, and what changed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from muniment.assessment.applicability import agents_in_scope
from muniment.model.results import Clock

Rows = Mapping[str, Sequence[Mapping[str, Any]]]
# Tables whose rows a pack prints, as they stood at the assessment's two clocks.
TABLES = (
    "agent", "person", "finding", "risk_assessment", "risk_acceptance", "exception_grant",
    "incident", "notification", "change", "applicability_decision",
)  # fmt: skip
NOT_RECORDED = "not recorded"


@dataclass(frozen=True, slots=True)
class ScopeAgent:
    """One agent as printed; every text is as the registry has it, or says that it is not there."""

    agent_id: str
    name: str
    unit: str
    owner: str
    law: str
    tier: str
    status: str
    live_since: str


@dataclass(frozen=True, slots=True)
class Change:
    """Something that happened to an agent in the period, with its day."""

    day: str
    agent_id: str
    what: str


@dataclass(frozen=True, slots=True)
class Scope:
    """Section 3. in_scope and changes are whole; excluded: agent id, name and reason."""

    in_scope: tuple[ScopeAgent, ...]
    excluded: tuple[tuple[str, str, str], ...]
    changes: tuple[Change, ...]
    by_class: tuple[tuple[str, int], ...]
    by_status: tuple[tuple[str, int], ...]


def scope_of(rows: Rows, history: Iterable[Mapping[str, Any]], clock: Clock) -> Scope:
    """The scope at the assessment's clocks.

    rows: by table. history: every version of agent rows known then. An agent is left out when it
    was not in service in the period, by the same rule by which applicability is judged.
    """
    agents = list(rows["agent"])
    inside = {row["agent_id"] for row in agents_in_scope(agents, clock.period_start)}
    people = {row["person_id"]: row for row in rows["person"]}
    shown = [_agent(row, people) for row in agents if row["agent_id"] in inside]
    left = [
        (str(row["agent_id"]), str(row["name"]), _why_out(row))
        for row in agents
        if row["agent_id"] not in inside
    ]
    return Scope(
        in_scope=tuple(sorted(shown, key=lambda agent: agent.agent_id)),
        excluded=tuple(sorted(left)),
        changes=tuple(_changes(agents, rows["change"], list(history), clock)),
        by_class=_counted(row.get("eu_class") for row in agents if row["agent_id"] in inside),
        by_status=_counted(row.get("lifecycle_status") for row in agents),
    )


def named(value: object) -> str:
    """A value of the vocabulary as words, or that it is not recorded."""
    return str(value).replace("_", " ") if value not in (None, "") else NOT_RECORDED


def person_name(people: Mapping[str, Mapping[str, Any]], ref: object) -> str:
    """A person's name where the records have it, else the reference, else `not recorded`."""
    if not ref:
        return NOT_RECORDED
    return str((people.get(str(ref)) or {}).get("name") or ref)


def _agent(row: Mapping[str, Any], people: Mapping[str, Mapping[str, Any]]) -> ScopeAgent:
    scope = row.get("eu_in_scope")
    law = "out of scope" if scope is False else f"{named(row['eu_role'])}; {named(row['eu_class'])}"
    return ScopeAgent(
        agent_id=str(row["agent_id"]),
        name=str(row["name"]),
        unit=named(row.get("business_unit")),
        owner=person_name(people, row.get("owner_ref")),
        law=law,
        tier=named(row.get("default_autonomy_tier")),
        status=f"{named(row.get('lifecycle_status'))}, {named(row.get('environment'))}",
        live_since=str(row["go_live_at"])[:10] if row.get("go_live_at") else NOT_RECORDED,
    )


def _why_out(row: Mapping[str, Any]) -> str:
    if row.get("retired_at"):
        return f"out of service since {str(row['retired_at'])[:10]}, before the period"
    return f"status {named(row.get('lifecycle_status'))}: not in service in the period"


def _counted(values: Iterable[object]) -> tuple[tuple[str, int], ...]:
    counts = Counter(named(value) for value in values)
    return tuple(sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])))


def _changes(
    agents: Sequence[Mapping[str, Any]],
    changes: Sequence[Mapping[str, Any]],
    history: Sequence[Mapping[str, Any]],
    clock: Clock,
) -> list[Change]:
    found = [
        Change(str(row[when])[:10], str(row["agent_id"]), words)
        for row in agents
        for when, words in (("go_live_at", "went live"), ("retired_at", "was taken out of service"))
        if _inside(row.get(when), clock)
    ]
    found += [
        Change(str(row["deployed_at"])[:10], str(row["agent_id"]),
               f"{named(row['kind'])} changed to {row['new_value'] or NOT_RECORDED}, "
               + ("approved" if row["approved_at"] else "no approval on record"))
        for row in changes
        if _inside(row.get("deployed_at"), clock)
    ]  # fmt: skip
    versions: dict[str, list[Mapping[str, Any]]] = {}
    for row in sorted(history, key=lambda r: str(r["valid_from"])):
        versions.setdefault(str(row["agent_id"]), []).append(row)
    for agent_id, held in versions.items():
        for before, after in pairwise(held):
            if before["version"] != after["version"] and _inside(after["valid_from"], clock):
                words = f"version {before['version'] or '–'} became {after['version'] or '–'}"
                found.append(Change(str(after["valid_from"])[:10], agent_id, words))
    return sorted(set(found), key=lambda c: (c.day, c.agent_id, c.what))


def _inside(instant: object, clock: Clock) -> bool:
    return bool(instant) and clock.period_start <= str(instant) < clock.period_end
