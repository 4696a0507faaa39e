"""What must be mended: findings with owner and due day, what nobody judged, and what is tolerated.

Findings are rows that people recorded; the assessment gives the exceptions that they judge.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from muniment.evidence.dossier import Dossier
from muniment.model.outcomes import Outcome
from muniment.model.results import TestedItem

Rows = Mapping[str, Sequence[Mapping[str, Any]]]
# Tables whose rows `follow_ups` reads, as they stood at the assessment's two clocks.
FOLLOW_UP_TABLES = (
    "finding", "exception_grant", "risk_acceptance", "risk_assessment", "person"
)  # fmt: skip
GRADES = ("major", "minor", "observation")
_NEVER = "9999"


@dataclass(frozen=True, slots=True)
class Finding:
    """A judged exception as recorded; None: not recorded. Times are fixed strings.

    closed_at: None also where it was closed after the instant judged. owner: name, else reference.
    """

    finding_id: str
    control_id: str | None
    item_id: str | None
    agent_id: str | None
    grade: str | None
    condition: str | None
    cause: str | None
    effect: str | None
    systemic: bool | None
    response: str | None
    owner: str | None
    due_at: str | None
    closed_at: str | None
    retested_at: str | None
    overdue: bool

    @property
    def urgency(self) -> tuple[bool, int, str, str]:
        """Sorts open before closed, then by grade, then what is due first."""
        grade = GRADES.index(self.grade) if self.grade in GRADES else len(GRADES)
        return self.closed_at is not None, grade, self.due_at or _NEVER, self.finding_id


@dataclass(frozen=True, slots=True)
class Toleration:
    """An exception or a risk that somebody accepted: of what, why, by whom, until when.

    control_id: None for a risk. until: None where no end is recorded.
    """

    control_id: str | None
    agent_id: str | None
    what: str | None
    reason: str | None
    by: str | None
    until: str | None
    expired: bool


@dataclass(frozen=True, slots=True)
class FollowUps:
    """What follows from exceptions, the most urgent first.

    unjudged: control id and how many of its exceptions no finding judges.
    """

    findings: tuple[Finding, ...]
    unjudged: tuple[tuple[str, int], ...]
    grants: tuple[Toleration, ...]
    acceptances: tuple[Toleration, ...]


def follow_ups(dossier: Dossier, rows: Rows) -> FollowUps:
    """Findings and acceptances, and which exceptions nobody has judged yet.

    rows: of FOLLOW_UP_TABLES, at the assessment's clocks.
    """
    as_of = dossier.assessment.clock.as_of
    people = {row["person_id"]: row for row in rows["person"]}
    risks = {row["risk_assessment_id"]: row for row in rows["risk_assessment"]}
    findings = (_finding(row, people, as_of) for row in rows["finding"])
    return FollowUps(
        findings=tuple(sorted(findings, key=lambda one: one.urgency)),
        unjudged=tuple(_unjudged(dossier, rows["finding"], as_of)),
        grants=tuple(_grant(row, people, as_of) for row in rows["exception_grant"]),
        acceptances=tuple(
            _acceptance(row, risks, people, as_of) for row in rows["risk_acceptance"]
        ),
    )


def name_of(people: Mapping[str, Mapping[str, Any]], ref: object) -> str | None:
    """A person's name where the records have it, else the reference, else None."""
    return str((people.get(str(ref)) or {}).get("name") or ref) if ref else None


def _unjudged(
    dossier: Dossier, rows: Sequence[Mapping[str, Any]], as_of: str
) -> Sequence[tuple[str, int]]:
    by_control: dict[str, list[Mapping[str, Any]]] = {}
    for row in rows:
        by_control.setdefault(str(row["control_id"]), []).append(row)
    counts = [
        (
            control_id,
            sum(
                not any(_judges(row, item, as_of) for row in by_control.get(control_id, ()))
                for item in dossier.items(control_id, Outcome.EXCEPTION)
            ),
        )
        for control_id in dossier.results
    ]
    return [(control_id, count) for control_id, count in counts if count]


def _judges(row: Mapping[str, Any], item: TestedItem, as_of: str) -> bool:
    """Whether a finding of the item's control speaks of it: by name, or as one of its kind.

    Without an item, a finding speaks of what its agent (of any agent, if it names none) had done
    when it was written, and for as long as it is open.
    """
    if row["item_id"]:
        return bool(row["item_id"] == item.item_id)
    if row["closed_at"] and row["closed_at"] <= as_of:
        return False
    if row["agent_id"] and row["agent_id"] != item.agent_id:
        return False
    return not item.observed_at or item.observed_at <= str(row["valid_from"] or as_of)


def _finding(
    row: Mapping[str, Any], people: Mapping[str, Mapping[str, Any]], as_of: str
) -> Finding:
    closed = row["closed_at"] if row["closed_at"] and row["closed_at"] <= as_of else None
    due = row["due_at"]
    return Finding(
        finding_id=str(row["finding_id"]),
        control_id=row["control_id"] or None,
        item_id=row["item_id"] or None,
        agent_id=row["agent_id"] or None,
        grade=row["grade"] or None,
        condition=row["condition"] or None,
        cause=row["cause"] or None,
        effect=row["effect"] or None,
        systemic=row["systemic"],
        response=row["response"] or None,
        owner=name_of(people, row["owner_ref"]),
        due_at=due or None,
        closed_at=closed,
        retested_at=row["retested_at"] or None,
        overdue=closed is None and bool(due) and due < as_of,
    )


def _grant(
    row: Mapping[str, Any], people: Mapping[str, Mapping[str, Any]], as_of: str
) -> Toleration:
    return Toleration(
        control_id=row["control_id"],
        agent_id=row["agent_id"] or None,
        what=row["item_id"] or None,
        reason=row["reason"] or None,
        by=name_of(people, row["approved_by"]),
        until=row["expires_at"],
        expired=row["expires_at"] <= as_of,
    )


def _acceptance(
    row: Mapping[str, Any],
    risks: Mapping[Any, Mapping[str, Any]],
    people: Mapping[str, Mapping[str, Any]],
    as_of: str,
) -> Toleration:
    risk = risks.get(row["risk_assessment_id"]) or {}
    until = row["expires_at"] or None
    return Toleration(
        control_id=None,
        agent_id=risk.get("agent_id") or None,
        what=str(risk.get("description") or row["risk_assessment_id"]),
        reason=row["reason"] or None,
        by=name_of(people, row["accepted_by"]),
        until=until,
        expired=until is not None and until <= as_of,
    )
