"""What follows from exceptions: findings, tolerated exceptions, accepted risks; and incidents."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from muniment.evidence.dossier import Dossier
from muniment.evidence.findings import Finding, follow_ups
from muniment.evidence.findings import Toleration as Tolerated
from muniment.model.outcomes import Outcome
from muniment.model.results import TestedItem
from muniment.reporting.papers import control_anchor
from muniment.reporting.scope import NOT_RECORDED, Rows, named

_SYSTEMIC = {True: "systemic", False: "isolated", None: NOT_RECORDED}
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
    found = follow_ups(dossier, rows)
    # A finding of a control that is none of the assessment's is never left out of the whole.
    whole = only is None or len(only) == len(dossier.results)
    return FollowUp(
        findings=tuple(
            _finding(one) for one in found.findings if whole or one.control_id in (only or ())
        ),
        unjudged=tuple(
            (control_id, control_anchor(control_id), count)
            for control_id, count in found.unjudged
            if only is None or control_id in only
        ),
        grants=tuple(_toleration(one, _granted(one)) for one in found.grants),
        acceptances=tuple(_toleration(one, _accepted(one)) for one in found.acceptances),
    )


def _finding(one: Finding) -> FindingRow:
    control_id = one.control_id or ""
    return FindingRow(
        finding_id=one.finding_id,
        control_id=control_id,
        anchor=control_anchor(control_id),
        grade=named(one.grade),
        condition=one.condition or NOT_RECORDED,
        cause=one.cause or NOT_RECORDED,
        effect=one.effect or NOT_RECORDED,
        systemic=_SYSTEMIC[one.systemic],
        response=one.response or NOT_RECORDED,
        owner=one.owner or NOT_RECORDED,
        due=one.due_at[:10] if one.due_at else NOT_RECORDED,
        retested=one.retested_at[:10] if one.retested_at else NOT_RECORDED,
        state=f"closed {one.closed_at[:10]}" if one.closed_at else "open",
        overdue=one.overdue,
    )


def _granted(one: Tolerated) -> str:
    of = one.what or f"every item of agent {one.agent_id or NOT_RECORDED}"
    return f"{one.control_id}: {of}"


def _accepted(one: Tolerated) -> str:
    return f"{one.agent_id or NOT_RECORDED}: {one.what}"


def _toleration(one: Tolerated, what: str) -> Toleration:
    return Toleration(
        what=what,
        reason=one.reason or NOT_RECORDED,
        by=one.by or NOT_RECORDED,
        until=one.until[:10] if one.until else "no end recorded",
        expired=one.expired,
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
