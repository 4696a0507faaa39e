"""Parts for findings: who mends what until when, what nobody judged, and what is tolerated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from markupsafe import Markup

from dashboard import components as ui
from dashboard import parts, registry
from dashboard.components import html
from dashboard.rows import Row
from dashboard.shell import Frame
from dashboard.wording import CONTROL_STATES, NONE, Status, number, plural
from muniment.assessment.sentences import TESTED_STATES

NOT_RECORDED = "not recorded"
OPEN = Status("○", "Open", "open", "outline")
CLOSED = Status("✓", "Closed", "evidence", "filled")
OVERDUE = Status("▲", "overdue", "exception", "filled")
EXPIRED = Status("▲", "expired", "exception", "filled")
MOST_TOLERATED = 15
_LAST = ("Owner", "Due", "State")


def due(row: Mapping[str, object]) -> Markup:
    """The day a finding is due, marked where it is past."""
    day = str(row["due_at"])[:10] if row["due_at"] else NOT_RECORDED
    return ui.keep(ui.mark(OVERDUE, day) if row["overdue"] else day)


def next_by_control(findings: Sequence[Row]) -> dict[str, Row]:
    """Of each control the open finding that is due first."""
    found: dict[str, Row] = {}
    for row in sorted(findings, key=lambda r: (r["due_at"] or "9999", r["finding_id"])):
        if not row["closed_at"] and row["control_id"]:
            found.setdefault(row["control_id"], row)
    return found


def findings(frame: Frame, rows: Sequence[Row]) -> Markup:
    """Every finding, open ones first."""
    table = ui.table(
        ("Finding", "Control", "Grade", "What was found", "Cause", "Answer", *_LAST),
        [_finding(frame, row) for row in rows],
        wide=3,
        none="No finding is on record. Import them with the map finding_csv.",
    )
    return ui.card("What must be mended?", table, source=frame.basis)


def _finding(frame: Frame, row: Row) -> tuple[object, ...]:
    closed = row["closed_at"]
    state = ui.mark(CLOSED, f"closed {closed[:10]}") if closed else ui.mark(OPEN)
    return (
        ui.keep(ui.short(row["finding_id"], 24)),
        _control(frame, row["control_id"]),
        ui.keep(row["grade"] or NOT_RECORDED),
        ui.long_text(row["condition"] or NOT_RECORDED, 300),
        html('<span class="m-mid">{}</span>', ui.long_text(row["cause"] or NOT_RECORDED, 200)),
        html('<span class="m-mid">{}</span>', ui.long_text(row["response"] or NOT_RECORDED, 200)),
        ui.keep(ui.short(row["owner"] or NOT_RECORDED, 32)),
        NONE if closed else due(row),
        ui.keep(state),
    )


def _control(frame: Frame, control_id: str | None) -> Markup | str:
    return parts.control_link(frame, control_id) if control_id else NONE


def unjudged(frame: Frame, rows: Sequence[Sequence[object]]) -> Markup:
    """Controls with exceptions that no finding names."""
    table = ui.table(
        ("Control", "Exceptions"),
        [
            (parts.control_link(frame, str(name)),
             ui.mark(CONTROL_STATES["fail"], number(int(str(count)))))
            for name, count in rows
        ],
        numbers=(1,),
        none=_all_judged(frame),
    )  # fmt: skip
    says = f"{plural(len(rows), 'control has', 'controls have')} exceptions without a finding."
    return ui.card("What did nobody judge?", table, says=says if rows else "")


def _all_judged(frame: Frame) -> str:
    states = {row["state"] for row in frame.book["controls"]}
    if "fail" in states:
        return "A finding names every exception."
    if states & TESTED_STATES:
        return "No control shows exceptions."
    return "No control was tested, so there is nothing to judge."


def tolerated(frame: Frame, found: Row) -> Markup:
    """Exceptions and risks that somebody accepted, those that ended or end first on top."""
    every = sorted(
        (*found["grants"], *found["acceptances"]), key=lambda row: row["until"] or "9999"
    )
    table = ui.table(
        ("Until", "What", "Agent", "Why", "Accepted by"),
        [_toleration(frame, row) for row in every[:MOST_TOLERATED]],
        none="Nothing is tolerated.",
    )
    shown = min(len(every), MOST_TOLERATED)
    past = sum(row["expired"] for row in every)
    grants = plural(len(found["grants"]), "exception is", "exceptions are")
    risks = plural(len(found["acceptances"]), "risk", "risks")
    says = f"{grants} tolerated, {risks} accepted; {number(past)} expired, {shown} shown."
    return ui.card("What is tolerated, until when?", table, says=says if every else "")


def _toleration(frame: Frame, row: Row) -> tuple[object, ...]:
    day = str(row["until"])[:10] if row["until"] else "no end recorded"
    agent = row["agent_id"]
    control = f"{row['control_id']}: " if row["control_id"] else ""
    return (
        ui.keep(ui.mark(EXPIRED, day) if row["expired"] else day),
        ui.long_text(f"{control}{row['what'] or 'every item of the agent'}", 160),
        ui.keep(registry.agent_link(frame, agent)) if agent else NONE,
        html('<span class="m-mid">{}</span>', ui.long_text(row["reason"] or NOT_RECORDED, 160)),
        ui.keep(ui.short(row["by"] or NOT_RECORDED, 32)),
    )
