"""What follows from exceptions: findings, tolerated exceptions, accepted risks; and incidents."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from muniment.evidence.dossier import Dossier
from muniment.model.outcomes import Outcome
from muniment.model.results import TestedItem
from muniment.reporting.papers import control_anchor
from muniment.reporting.scope import NOT_RECORDED, Rows, named, person_name

_GRADES = ("major", "minor", "observation")
INCIDENT_CONTROL = "INC-01"


@dataclass(frozen=True, slots=True)
class FindingRow:
    """A judged exception as recorded, from condition and cause to due date, retest and state."""

    finding_id: str
    control_id: str
    anchor: str
    grade: str
    condition: str
    cause: str
    effect: str
    systemic: str
    response: str
    owner: str
    due: str
    retested: str
    state: str
    overdue: bool


@dataclass(frozen=True, slots=True)
class Toleration:
    """An exception or a risk that somebody accepted: what, why, by whom, until when."""

    what: str
    reason: str
    by: str
    until: str
    expired: bool


@dataclass(frozen=True, slots=True)
class FollowUp:
    """Section 7. unjudged: control id, anchor, and exceptions that no finding judges."""

    findings: tuple[FindingRow, ...]
    unjudged: tuple[tuple[str, str, int], ...]
    grants: tuple[Toleration, ...]
    acceptances: tuple[Toleration, ...]

    @property
    def open_findings(self) -> int:
        """Findings that are not closed."""
        return sum(row.state == "open" for row in self.findings)

    @property
    def overdue(self) -> int:
        """Open findings past their due date."""
        return sum(row.overdue for row in self.findings)


@dataclass(frozen=True, slots=True)
class IncidentRow:
    """An incident with its clock, as the control judged it; told: who was told, and when."""

    incident_id: str
    agent_id: str
    category: str
    severity: str
    summary: str
    clock: tuple[tuple[str, str], ...]
    judged: str
    failed: bool
    told: tuple[tuple[str, str], ...]


def follow_up(dossier: Dossier, rows: Rows, only: Collection[str] | None = None) -> FollowUp:
    """Findings and acceptances at the assessment's clocks, and what nobody has judged yet.

    only: ids of the controls whose findings and exceptions are meant; None for all, and then also
    findings that name no control.
    """
    as_of = dossier.assessment.clock.as_of
    people = {row["person_id"]: row for row in rows["person"]}
    judged = {(row["control_id"], row["item_id"]) for row in rows["finding"]}
    whole = {row["control_id"] for row in rows["finding"] if not row["item_id"]}
    unjudged = []
    for control_id, result in dossier.results.items():
        if only is not None and control_id not in only:
            continue
        failed = dossier.items(control_id, Outcome.EXCEPTION)
        rest = (
            0 if control_id in whole else sum((control_id, i.item_id) not in judged for i in failed)
        )
        if rest:
            unjudged.append((result.control_id, control_anchor(control_id), rest))
    return FollowUp(
        findings=tuple(
            sorted(
                (_finding(r, people, as_of) for r in rows["finding"] if _meant(r, dossier, only)),
                key=_urgency,
            )
        ),
        unjudged=tuple(unjudged),
        grants=tuple(_grant(row, people, as_of) for row in rows["exception_grant"]),
        acceptances=tuple(_acceptance(row, rows, people, as_of) for row in rows["risk_acceptance"]),
    )


def _meant(row: Mapping[str, Any], dossier: Dossier, only: Collection[str] | None) -> bool:
    """A finding of a control that is none of the assessment's is never left out of the whole."""
    return only is None or len(only) == len(dossier.results) or row["control_id"] in only


def _finding(
    row: Mapping[str, Any], people: Mapping[str, Mapping[str, Any]], as_of: str
) -> FindingRow:
    closed = bool(row["closed_at"]) and row["closed_at"] <= as_of
    due = row["due_at"]
    control_id = str(row["control_id"] or "")
    return FindingRow(
        finding_id=str(row["finding_id"]),
        control_id=control_id,
        anchor=control_anchor(control_id),
        grade=named(row["grade"]),
        condition=str(row["condition"] or NOT_RECORDED),
        cause=str(row["cause"] or NOT_RECORDED),
        effect=str(row["effect"] or NOT_RECORDED),
        systemic={True: "systemic", False: "isolated"}.get(row["systemic"], NOT_RECORDED),
        response=str(row["response"] or NOT_RECORDED),
        owner=person_name(people, row["owner_ref"]),
        due=str(due)[:10] if due else NOT_RECORDED,
        retested=str(row["retested_at"])[:10] if row["retested_at"] else NOT_RECORDED,
        state=f"closed {str(row['closed_at'])[:10]}" if closed else "open",
        overdue=not closed and bool(due) and due < as_of,
    )


def _urgency(row: FindingRow) -> tuple[bool, int, str, str]:
    grade = _GRADES.index(row.grade) if row.grade in _GRADES else len(_GRADES)
    return row.state != "open", grade, row.due, row.finding_id


def _grant(
    row: Mapping[str, Any], people: Mapping[str, Mapping[str, Any]], as_of: str
) -> Toleration:
    of = row["item_id"] or f"every item of agent {row['agent_id'] or NOT_RECORDED}"
    return Toleration(
        what=f"{row['control_id']}: {of}",
        reason=str(row["reason"]),
        by=person_name(people, row["approved_by"]),
        until=str(row["expires_at"])[:10],
        expired=row["expires_at"] <= as_of,
    )


def _acceptance(
    row: Mapping[str, Any], rows: Rows, people: Mapping[str, Mapping[str, Any]], as_of: str
) -> Toleration:
    risks = {r["risk_assessment_id"]: r for r in rows["risk_assessment"]}
    risk = risks.get(row["risk_assessment_id"]) or {}
    words = risk.get("description") or row["risk_assessment_id"]
    about = f"{risk.get('agent_id') or NOT_RECORDED}: {words}"
    until = row["expires_at"]
    return Toleration(
        what=about,
        reason=str(row["reason"] or NOT_RECORDED),
        by=person_name(people, row["accepted_by"]),
        until=str(until)[:10] if until else "no end recorded",
        expired=bool(until) and until <= as_of,
    )


def incidents(dossier: Dossier, rows: Rows) -> tuple[IncidentRow, ...]:
    """Every incident on record, the latest awareness first, with what the control found of it."""
    found = {item.item_id: item for item in dossier.items(INCIDENT_CONTROL)}
    told: dict[str, list[Mapping[str, Any]]] = {}
    for row in rows["notification"]:
        if row["about_kind"] == "incident":
            told.setdefault(str(row["about_ref"]), []).append(row)
    made = [_incident(row, found.get(row["incident_id"]), told.get(row["incident_id"], ()))
            for row in rows["incident"]]  # fmt: skip
    return tuple(sorted(made, key=lambda r: (r.clock[1][1], r.incident_id), reverse=True))


def _incident(
    row: Mapping[str, Any], item: TestedItem | None, told: Sequence[Mapping[str, Any]]
) -> IncidentRow:
    stops = ("detected_at", "aware_at", "reported_at", "suspended_at", "contained_at", "closed_at")
    serious = row["category"] != "not_serious"
    return IncidentRow(
        incident_id=str(row["incident_id"]),
        agent_id=str(row["agent_id"] or NOT_RECORDED),
        category=named(row["category"]),
        severity=named(row["severity"]),
        summary=str(row["summary"] or NOT_RECORDED),
        clock=tuple((stop.removesuffix("_at"), _minute(row[stop])) for stop in stops),
        judged=item.reason if item else ("no exception" if serious else "no duty to report"),
        failed=item is not None and item.outcome is Outcome.EXCEPTION,
        told=tuple((named(one["recipient_kind"]), _minute(one["sent_at"])) for one in told),
    )


def _minute(instant: object) -> str:
    return f"{str(instant)[:10]} {str(instant)[11:16]} UTC" if instant else "–"
