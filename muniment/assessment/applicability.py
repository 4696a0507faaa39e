"""Whether a requirement applies: scope, role, class and day decide, agent by agent.

Each of the four is true, false or not recorded. One that is false settles it: the requirement does
not apply. Otherwise one that is not recorded leaves it undetermined. An agent that is not in the
register is never a reason why a requirement should not apply.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

from muniment.model.frameworks import Framework, Requirement
from muniment.model.legal import Condition
from muniment.model.outcomes import Applies
from muniment.model.results import ApplicabilityReason, RequirementApplicability

# Parts that agents use, and entries that are not in use: no requirement is judged by them.
PARTS = frozenset({"tool", "mcp_server"})
NOT_IN_USE = frozenset({"draft", "pending_approval", "rejected"})
NO_SPECIAL_ROLES, NOT_STATED = "none", "not stated"
ByRequirement = dict[tuple[str, str], RequirementApplicability]


@dataclass(frozen=True, slots=True)
class AgentFacts:
    """What the register says of an agent, as far as a framework asks; None: not recorded."""

    scope: bool | None
    roles: frozenset[str] | None
    risk_class: str | None
    placed_on: str | None
    conditions: tuple[tuple[str, str | bool | None], ...] = ()


@dataclass(frozen=True, slots=True)
class AgentApplicability:
    """Whether a requirement applies to an agent, why, and from which day it does or will."""

    verdict: Applies
    reason: str
    first_day: str | None = None


def agents_in_scope(rows: Iterable[Mapping[str, Any]], period_start: str) -> list[dict[str, Any]]:
    """The register's rows that applicability is judged by.

    Left out are tools and MCP servers, entries that are not in use yet or were rejected, and agents
    retired before the period began.
    """
    return [
        dict(row)
        for row in rows
        if row.get("kind") not in PARTS
        and row.get("lifecycle_status") not in NOT_IN_USE
        and not (row.get("retired_at") and str(row["retired_at"]) < period_start)
    ]


def facts_of(framework: Framework, agent: Mapping[str, Any]) -> AgentFacts:
    """The columns that the framework names, read from a row of the register."""
    names = framework.applicability
    if names is None:
        return AgentFacts(None, None, None, None)
    scope = agent.get(names.scope) if names.scope else True
    roles = agent.get(names.roles) if names.roles else None
    risk_class = agent.get(names.classes) if names.classes else None
    live = agent.get("go_live_at")
    return AgentFacts(
        scope if isinstance(scope, bool) else None,
        frozenset(re.findall(r"\w+", str(roles))) if roles else None,
        str(risk_class) if risk_class else None,
        str(live)[:10] if live else None,
        tuple((name, agent.get(name)) for name in framework.condition_columns),
    )


def agent_applicability(
    framework: Framework,
    requirement: Requirement,
    facts: AgentFacts,
    day: str,
    special_roles: str = NOT_STATED,
) -> AgentApplicability:
    """Whether a requirement applies to one agent on a day (ISO date).

    special_roles: refined roles of the organisation (`public_authority_deployer`), separated by
    commas; `none` where it has none; `not stated` leaves what hangs on them undetermined.
    """
    if framework.applicability is None:
        return _by_day("every agent", requirement.applies_from, day)
    checks = (
        _scope(facts),
        _role(framework, requirement, facts, special_roles),
        _class(framework, requirement, facts),
        _condition(requirement, facts),
    )
    refused = next((reason for holds, reason in checks if holds is False), None)
    if refused is not None:
        return AgentApplicability(Applies.NO, refused)
    open_ones = [reason for holds, reason in checks if holds is None]
    first_day, doubt = _first_day(requirement, facts, day)
    if doubt:
        open_ones.append(doubt)
    if open_ones:
        return AgentApplicability(Applies.UNDETERMINED, open_ones[0], first_day)
    return _by_day(", ".join(reason for _, reason in checks if reason), first_day, day)


def applicability_by_requirement(
    frameworks: Mapping[str, Framework],
    agents: Iterable[Mapping[str, Any]],
    day: str,
    settings: Mapping[str, object] = MappingProxyType({}),
) -> ByRequirement:
    """For how many agents each requirement applies, by framework id and requirement id.

    settings: values of parameters by name; that which a framework names gives the special roles.
    Agents that the register describes alike are judged once, so the work grows with the number of
    different descriptions and not with the number of agents.
    """
    rows = list(agents)
    found: ByRequirement = {}
    for framework in frameworks.values():
        every = Counter(facts_of(framework, row) for row in rows)
        names = framework.applicability
        special = str(settings.get((names and names.special_roles) or "", NOT_STATED))
        alike: dict[tuple[str | None, str | None], Counter[AgentFacts]] = {}
        for unit in framework.assessed:
            asked = _asked(unit)
            if asked not in alike:
                alike[asked] = _only(every, *asked)
            judged = [
                (agent_applicability(framework, unit, facts, day, special), count)
                for facts, count in alike[asked].items()
            ]
            found[framework.id, unit.id] = _together(judged)
    return found


def _asked(unit: Requirement) -> tuple[str | None, str | None]:
    """What a unit asks beside scope, role and class: a column, and the day of a grace."""
    column = unit.only_if.column if unit.only_if else None
    return column, unit.transition.placed_before if unit.transition else None


def _only(
    every: Counter[AgentFacts], column: str | None, placed_before: str | None
) -> Counter[AgentFacts]:
    """The facts without what a unit does not ask, so that more agents are alike."""
    alike: Counter[AgentFacts] = Counter()
    for facts, count in every.items():
        placed = facts.placed_on if placed_before else None
        if placed and placed_before:
            placed = placed_before if placed >= placed_before else "0001-01-01"
        kept = tuple(pair for pair in facts.conditions if pair[0] == column)
        alike[replace(facts, placed_on=placed, conditions=kept)] += count
    return alike


def _together(judged: Iterable[tuple[AgentApplicability, int]]) -> RequirementApplicability:
    verdicts: Counter[Applies] = Counter()
    reasons: Counter[tuple[Applies, str]] = Counter()
    days = []
    for one, count in judged:
        verdicts[one.verdict] += count
        reasons[one.verdict, one.reason] += count
        if one.first_day and one.verdict is not Applies.NO:
            days.append(one.first_day)
    order = list(Applies)
    listed = sorted(reasons.items(), key=lambda r: (order.index(r[0][0]), -r[1], r[0][1]))
    return RequirementApplicability(
        agents=verdicts.total(),
        applies=verdicts[Applies.YES],
        does_not_apply=verdicts[Applies.NO],
        not_yet=verdicts[Applies.NOT_YET],
        undetermined=verdicts[Applies.UNDETERMINED],
        first_day=min(days, default=None),
        reasons=tuple(ApplicabilityReason(v, text, n) for (v, text), n in listed),
    )


def _by_day(reason: str, first_day: str | None, day: str) -> AgentApplicability:
    if first_day is not None and first_day > day:
        return AgentApplicability(Applies.NOT_YET, f"from {first_day}: {reason}", first_day)
    return AgentApplicability(Applies.YES, reason, first_day)


def _scope(facts: AgentFacts) -> tuple[bool | None, str]:
    if facts.scope is None:
        return None, "without a record of whether it is in scope"
    return facts.scope, "" if facts.scope else "recorded as out of scope"


def _role(
    framework: Framework, requirement: Requirement, facts: AgentFacts, special_roles: str
) -> tuple[bool | None, str]:
    if not requirement.roles:
        return True, ""
    if facts.roles is None:
        return None, "without a recorded role"
    known = {role.id: role for role in framework.roles}
    own = facts.roles | (_special(special_roles) or frozenset())
    common = sorted(set(requirement.roles) & own & _reachable(framework, facts.roles))
    if common:
        return True, ", ".join(known[name].title.lower() for name in common if name in known)
    refined = [
        known[r] for r in requirement.roles if r in known and known[r].refines in facts.roles
    ]
    recorded = ", ".join(sorted(facts.roles))
    if refined and _special(special_roles) is None:
        return None, f"recorded as {recorded}, not whether as {refined[0].title.lower()}"
    strange = sorted(facts.roles - known.keys()) if known else []
    if strange:
        return None, f"recorded with the unknown role {strange[0][:40]}"
    return False, f"recorded as {recorded}"


def _reachable(framework: Framework, roles: frozenset[str]) -> frozenset[str]:
    """The recorded roles and those that refine them."""
    return roles | {role.id for role in framework.roles if role.refines in roles}


def _special(text: str) -> frozenset[str] | None:
    """The organisation's refined roles; None where it has not said."""
    said = text.strip().lower()
    if said == NOT_STATED:
        return None
    return frozenset() if said == NO_SPECIAL_ROLES else frozenset(re.findall(r"\w+", said))


def _class(
    framework: Framework, requirement: Requirement, facts: AgentFacts
) -> tuple[bool | None, str]:
    if not requirement.classes:
        return True, ""
    if facts.risk_class is None:
        return None, "without a recorded risk class"
    titles = {known.id: known.title[:1].lower() + known.title[1:] for known in framework.classes}
    if facts.risk_class in requirement.classes:
        return True, titles.get(facts.risk_class, facts.risk_class)
    if titles and facts.risk_class not in titles:
        return None, f"recorded with the unknown risk class {facts.risk_class[:40]}"
    return False, f"classed as {titles.get(facts.risk_class, facts.risk_class)}"


def _condition(requirement: Requirement, facts: AgentFacts) -> tuple[bool | None, str]:
    """Whether `only_where` holds; where no column decides it, nobody knows."""
    if requirement.only_where is None:
        return True, ""
    said = f"only where {requirement.only_where}"
    if requirement.only_if is None:
        return None, f"{said}, which no register records"
    return _decided(requirement.only_if, facts, said)


def _decided(only_if: Condition, facts: AgentFacts, said: str) -> tuple[bool | None, str]:
    value = dict(facts.conditions).get(only_if.column)
    if value is None:
        return None, f"{said}, which is not recorded"
    wanted = only_if.values
    holds = [_is_part_of(str(value), text) for text in wanted] if wanted else [value is True]
    if True in holds:
        return True, ""
    if None in holds:
        return None, f"{said}, recorded as {value} only"
    return False, f"not concerned: {said}"


def _is_part_of(value: str, whole: str) -> bool | None:
    """`1(a)` is part of `1`; `1` alone leaves open whether it is `1(a)`."""
    if value == whole or value.startswith(f"{whole}("):
        return True
    return None if whole.startswith(f"{value}(") else False


def _first_day(
    requirement: Requirement, facts: AgentFacts, day: str
) -> tuple[str | None, str | None]:
    """The first day for the agent's class, and what keeps it from being known."""
    first_day = requirement.applies_from_for(facts.risk_class)
    if facts.risk_class is None:
        first_day = requirement.first_day
    grace = requirement.transition
    if grace is None or (facts.placed_on and facts.placed_on >= grace.placed_before):
        return first_day, None
    if facts.placed_on is None and first_day is not None and first_day <= day < grace.applies_from:
        return (
            first_day,
            f"without a go-live, which decides whether it has until {grace.applies_from}",
        )
    return (grace.applies_from if facts.placed_on else first_day), None
