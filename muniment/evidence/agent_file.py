"""What is known of the agents: the registry as it stood, grants beside uses, and exceptions.

Rows are as of the assessment's two clocks; uses are counted over its period from the log.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from muniment.evidence.dossier import Dossier
from muniment.model.maturity import Standing
from muniment.model.outcomes import Outcome
from muniment.model.results import TestedItem
from muniment.store.explorer import Window, uses
from muniment.store.open import Store

ANY_TOOL = "*"
# Tables whose rows are about an agent, with the column that names it.
ABOUT = {
    "boundary": "agent_id",
    "raci": "agent_id",
    "credential": "agent_ids",
    "agent_dependency": "agent_id",
    "gate_decision": "agent_id",
    "change": "agent_id",
    "test_report": "agent_id",
    "risk_assessment": "agent_id",
    "impact_assessment": "agent_id",
    "review": "subject_ref",
    "incident": "agent_id",
    "stop_order": "agent_id",
}


@dataclass(frozen=True, slots=True)
class Grant:
    """A tool granted to an agent: by which set, since when, and how often it was used.

    uses: executed actions in the period; last_used: their last, as a time, None for never.
    """

    tool: str
    permission_set_id: str
    since: str
    uses: int
    last_used: str | None


@dataclass(frozen=True, slots=True)
class AgentFile:
    """One agent: its registry row, the people behind it, grants, and the items that name it.

    registered is False for an agent that is only seen acting; then `row` holds its id alone.
    history: every version of the registry row known then, oldest first. beside: targets used that
    no grant names, with their uses. records: rows about it by table, of the tables in ABOUT.
    maturity: its standing, then its domains'.
    """

    agent_id: str
    registered: bool
    row: Mapping[str, Any]
    history: Sequence[Mapping[str, Any]]
    people: Mapping[str, Mapping[str, Any]]
    grants: Sequence[Grant]
    beside: Mapping[str, tuple[int, str]]
    items: Sequence[TestedItem] = field(default_factory=tuple)
    records: Mapping[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)
    maturity: Sequence[Standing] = field(default_factory=tuple)


def agent_rows(store: Store, dossier: Dossier) -> list[dict[str, Any]]:
    """The registry as it stood at the assessment's clocks, sorted by name.

    Each row also has `exceptions` (control id to number of listed ones) and `owner_name`.
    """
    clock = dossier.assessment.clock
    people = _people(store, clock.as_of, clock.known_at)
    failed: dict[str, Counter[str]] = {}
    for item in _listed(dossier):
        if item.outcome is Outcome.EXCEPTION and item.agent_id:
            failed.setdefault(item.agent_id, Counter())[item.control_id] += 1
    rows = store.records.rows_as_of("agent", clock.as_of, clock.known_at)
    return sorted(
        (
            row
            | {
                "owner_name": (people.get(row["owner_ref"]) or {}).get("name"),
                "exceptions": dict(sorted(failed.get(row["agent_id"], Counter()).items())),
            }
            for row in rows
        ),
        key=lambda row: (str(row["name"]).lower(), row["agent_id"]),
    )


def agent_file(store: Store, dossier: Dossier, agent_id: str) -> AgentFile | None:
    """Everything about one agent; None where neither registry nor results know it."""
    clock = dossier.assessment.clock
    rows = store.records.rows_as_of("agent", clock.as_of, clock.known_at)
    row = next((row for row in rows if row["agent_id"] == agent_id), None)
    items = tuple(item for item in _listed(dossier) if item.agent_id == agent_id)
    if row is None and not items:
        return None
    held = store.records.rows_as_of("permission_set", clock.as_of, clock.known_at)
    sets = [one for one in held if one["agent_id"] == agent_id]
    window = Window(
        clock.period_start, clock.period_end, clock.known_at, where=(("agent_id", agent_id),)
    )
    used = uses(store.audit, window)
    granted = {tool for one in sets for tool in one["tools"] or ()}
    return AgentFile(
        agent_id=agent_id,
        registered=row is not None,
        row=row or {"agent_id": agent_id},
        history=_history(store, agent_id, clock.known_at),
        people=_people(store, clock.as_of, clock.known_at),
        grants=_grants(sets, used),
        beside={} if ANY_TOOL in granted else {t: n for t, n in used.items() if t not in granted},
        items=items,
        records={table: _about(store, dossier, table, agent_id) for table in ABOUT},
        maturity=dossier.agent_maturity(agent_id),
    )


def _about(store: Store, dossier: Dossier, table: str, agent_id: str) -> list[dict[str, Any]]:
    clock, column = dossier.assessment.clock, ABOUT[table]
    rows = store.records.rows_as_of(table, clock.as_of, clock.known_at)
    return [
        row
        for row in rows
        if row[column] == agent_id or (isinstance(row[column], list) and agent_id in row[column])
    ]


def _listed(dossier: Dossier) -> list[TestedItem]:
    return [item for control_id in dossier.results for item in dossier.items(control_id)]


def _people(store: Store, as_of: str, known_at: str) -> dict[str, dict[str, Any]]:
    return {row["person_id"]: row for row in store.records.rows_as_of("person", as_of, known_at)}


def _history(store: Store, agent_id: str, known_at: str) -> list[dict[str, Any]]:
    rows = store.records.history("agent", known_at)
    return sorted((r for r in rows if r["agent_id"] == agent_id), key=lambda r: r["valid_from"])


def _grants(
    sets: Sequence[Mapping[str, Any]], used: Mapping[str, tuple[int, str]]
) -> tuple[Grant, ...]:
    """Each granted tool once per set, the unused ones last."""
    grants = [
        Grant(
            tool,
            one["permission_set_id"],
            one["valid_from"],
            *(used.get(tool) or (0, None)),
        )
        for one in sets
        for tool in one["tools"] or ()
    ]
    return tuple(sorted(grants, key=lambda grant: (-grant.uses, grant.tool)))
