"""Which agents wait for whom, how fast questions are answered, and who answers them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from muniment.evidence.dossier import Dossier
from muniment.evidence.findings import name_of
from muniment.model.times import NANOS, to_nanos
from muniment.store.open import Store

SLA_PARAMETER = "escalation_sla_minutes"
_WITHOUT_ANSWER = ("cancelled", "expired")
_HUMAN = ("human", "delegated")


@dataclass(frozen=True, slots=True)
class Question:
    """A question that nobody had answered at the instant judged.

    asked_of: name or reference; None where the request names nobody. minutes: how long it waits;
    allowed: minutes that its kind of decision allows, None where neither table nor parameter says.
    """

    approval_id: str
    agent_id: str | None
    decision_type: str | None
    asked_of: str | None
    requested_at: str
    minutes: float
    allowed: int | None
    late: bool


@dataclass(frozen=True, slots=True)
class Answers:
    """The questions of a period by kind of decision, or by who answered.

    late: answered after the minutes allowed; minutes: of the answered ones, None without any.
    """

    name: str | None
    asked: int
    answered: int
    approved: int
    late: int
    median_minutes: float | None
    quickest_minutes: float | None


@dataclass(frozen=True, slots=True)
class Oversight:
    """waiting: longest first. by_decision, by_person: most questions first; people only.

    asked: questions of the period; withdrawn: those cancelled or run out without an answer. untold:
    questions at any time whose source says neither when they were asked nor whether answered.
    """

    waiting: tuple[Question, ...]
    by_decision: tuple[Answers, ...]
    by_person: tuple[Answers, ...]
    asked: int
    withdrawn: int
    untold: int


def oversight(store: Store, dossier: Dossier) -> Oversight:
    """Approvals as they stood at the assessment's clocks; periods as the assessment's."""
    clock = dossier.assessment.clock

    def rows(table: str) -> list[dict[str, Any]]:
        return list(store.records.rows_as_of(table, clock.as_of, clock.known_at))

    people = {row["person_id"]: row for row in rows("person")}
    allowed = _allowances(dossier, rows("threshold"))
    known, untold = _told(rows("approval"))
    asked = [row for row in known if row["requested_at"] <= clock.as_of]
    waiting = [r for r in asked if _waits(r, clock.as_of)]
    inside = [r for r in asked if clock.period_start <= r["requested_at"] < clock.period_end]
    human = [r for r in inside if r["decided_by_type"] in _HUMAN and _answered(r, clock.as_of)]
    questions = [_question(row, people, allowed, clock.as_of) for row in waiting]
    return Oversight(
        waiting=tuple(sorted(questions, key=lambda q: (q.requested_at, q.approval_id))),
        by_decision=_grouped(inside, lambda r: r["decision_type"], allowed, clock.as_of),
        by_person=_grouped(human, lambda r: name_of(people, r["decided_by"]), allowed, clock.as_of),
        asked=len(inside),
        withdrawn=sum(row["decision"] in _WITHOUT_ANSWER for row in inside),
        untold=len(untold),
    )


def _told(rows: Iterable[dict[str, Any]]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The questions of which asking and answer can be seen, and the others."""
    known: list[dict[str, Any]] = []
    untold: list[dict[str, Any]] = []
    for row in rows:
        unseen = {*(row["not_carried_fields"] or ()), *(row["redacted_fields"] or ())}
        silent = not row["requested_at"] or (not row["decided_at"] and "decided_at" in unseen)
        (untold if silent else known).append(row)
    return known, untold


def _allowances(
    dossier: Dossier, thresholds: Iterable[Mapping[str, Any]]
) -> Mapping[str | None, int | None]:
    """Minutes by kind of decision; under None the parameter's, for every other kind."""
    parameter = dossier.parameters.get(SLA_PARAMETER)
    general = int(str(parameter.value)) if parameter else None
    own = {row["decision_type"]: row["sla_minutes"] for row in thresholds if row["sla_minutes"]}
    return {None: general, **own}


def _waits(row: Mapping[str, Any], as_of: str) -> bool:
    return row["decision"] not in _WITHOUT_ANSWER and not _answered(row, as_of)


def _answered(row: Mapping[str, Any], as_of: str) -> bool:
    return bool(row["decided_at"]) and row["decided_at"] <= as_of


def _minutes(first: str, last: str) -> float:
    return (to_nanos(last) - to_nanos(first)) / (60 * NANOS)


def _question(
    row: Mapping[str, Any],
    people: Mapping[str, Mapping[str, Any]],
    allowed: Mapping[str | None, int | None],
    as_of: str,
) -> Question:
    minutes = _minutes(row["requested_at"], as_of)
    limit = allowed.get(row["decision_type"], allowed[None])
    return Question(
        approval_id=str(row["approval_id"]),
        agent_id=row["agent_id"] or None,
        decision_type=row["decision_type"] or None,
        asked_of=name_of(people, row["escalated_to"]),
        requested_at=row["requested_at"],
        minutes=minutes,
        allowed=limit,
        late=limit is not None and minutes > limit,
    )


def _grouped(
    rows: Sequence[Mapping[str, Any]],
    key: Callable[[Mapping[str, Any]], str | None],
    allowed: Mapping[str | None, int | None],
    as_of: str,
) -> tuple[Answers, ...]:
    groups: dict[str | None, list[Mapping[str, Any]]] = {}
    for row in rows:
        groups.setdefault(key(row) or None, []).append(row)
    found = [_answers(name, held, allowed, as_of) for name, held in groups.items()]
    return tuple(sorted(found, key=lambda one: (-one.asked, one.name or "")))


def _answers(
    name: str | None,
    rows: Sequence[Mapping[str, Any]],
    allowed: Mapping[str | None, int | None],
    as_of: str,
) -> Answers:
    done = [row for row in rows if _answered(row, as_of) and row["decision"] != "cancelled"]
    took = [_minutes(row["requested_at"], row["decided_at"]) for row in done]
    limits = [allowed.get(row["decision_type"], allowed[None]) for row in done]
    return Answers(
        name=name,
        asked=len(rows),
        answered=len(done),
        approved=sum(row["decision"] in ("approved", "modified") for row in done),
        late=sum(limit is not None and m > limit for m, limit in zip(took, limits, strict=True)),
        median_minutes=median(took) if took else None,
        quickest_minutes=min(took) if took else None,
    )
