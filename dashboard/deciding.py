"""Parts for oversight: the queue of questions, the answers, and the controls that test them."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from dashboard import components as ui
from dashboard import parts, registry
from dashboard.rows import Row
from dashboard.shell import Frame
from dashboard.wording import CONTROL_STATES, NONE, moment, named, number, of, plural

MOST_WAITING, MOST_GROUPS = 50, 40
OVERSIGHT = "OVR"


def duration(minutes: float | None) -> str:
    """`40 s`, `12 min`, `3 h 05 min`, `4 d 2 h`, or a dash."""
    if minutes is None:
        return NONE
    if minutes < 1:
        return f"{minutes * 60:.0f} s"
    whole = int(minutes)
    if whole < 60:
        return f"{whole} min"
    if whole < 48 * 60:
        return f"{whole // 60} h {whole % 60:02d} min"
    return f"{number(whole // 1440)} d {whole // 60 % 24} h"


def queue(frame: Frame, found: Row) -> Markup:
    """Who waits for whom, the longest first."""
    rows = found["waiting"]
    table = ui.table(
        ("Agent", "Waits for", "Decision", "Asked", "Waiting", "Allowed", "Request"),
        [_question(frame, row) for row in rows[:MOST_WAITING]],
        numbers=(4, 5),
        none="Nothing waits for an answer.",
    )
    shown = min(len(rows), MOST_WAITING)
    says = f"{plural(len(rows), 'question', 'questions')} without an answer, the oldest first; "
    dark = plural(found["untold"], "question", "questions")
    source = f"As of {moment(frame.assessment['clock']['as_of'])}; source: approvals on record."
    if found["untold"]:
        source += f" Of {dark} the source does not say when asked or whether answered."
    return ui.card(
        "Which agents wait for whom?", table, says=f"{says}{shown} shown." if rows else "",
        source=source,
    )  # fmt: skip


def _question(frame: Frame, row: Row) -> tuple[object, ...]:
    waits = duration(row["minutes"])
    agent = row["agent_id"]
    return (
        ui.keep(registry.agent_link(frame, agent)) if agent else NONE,
        ui.short(row["asked_of"] or "nobody", 32),
        named(row["decision_type"] or NONE),
        ui.keep(moment(row["requested_at"])),
        ui.keep(ui.mark(CONTROL_STATES["fail"], waits) if row["late"] else waits),
        ui.keep(duration(row["allowed"])),
        ui.code(row["approval_id"], 24),
    )


def by_decision(frame: Frame, found: Row) -> Markup:
    """How the period's questions were answered, by kind of decision."""
    gone = plural(found["withdrawn"], "question was", "questions were")
    return ui.card(
        "How fast is each kind of decision answered?",
        _answers(found["by_decision"], "Decision", asked=True),
        says=f"{gone} withdrawn or ran out without an answer." if found["withdrawn"] else "",
        source=frame.basis,
    )


def by_person(frame: Frame, found: Row) -> Markup:
    """Who answered how many, how often with yes, and how fast."""
    rows = found["by_person"]
    shown = f"{min(len(rows), MOST_GROUPS)} of {plural(len(rows), 'person', 'people')} shown."
    return ui.card(
        "Who decides?",
        _answers(rows, "Person"),
        says=f"A great share of yes within seconds is a question for OVR-09. {shown}",
        source=frame.basis,
    )


def _answers(rows: Sequence[Row], head: str, *, asked: bool = False) -> Markup:
    return ui.table(
        (head, *(("Asked",) if asked else ()), "Answered", "Yes", "Late", "Median", "Quickest"),
        [
            (
                ui.short(named(row["name"] or "not recorded"), 32),
                *((number(row["asked"]),) if asked else ()),
                of(row["answered"], row["asked"]) if asked else number(row["answered"]),
                of(row["approved"], row["answered"]),
                ui.mark(CONTROL_STATES["fail"], number(row["late"])) if row["late"] else "0",
                ui.keep(duration(row["median_minutes"])),
                ui.keep(duration(row["quickest_minutes"])),
            )
            for row in rows[:MOST_GROUPS]
        ],
        numbers=(1, 2, 3, 4, 5, 6) if asked else (1, 2, 3, 4, 5),
        none="No question was put to a person in the period.",
    )


def controls(frame: Frame) -> Markup:
    """The controls of the domain, each with what it found."""
    rows = [row for row in frame.book["controls"] if row["id"].startswith(f"{OVERSIGHT}-")]
    table = ui.table(
        ("Control", "", "Exceptions"),
        [
            (
                parts.control_link(frame, row["id"]),
                ui.cut(row["title"]),
                ui.mark(
                    parts.control_state(row["state"]), of(row["exceptions"], row["population"])
                ),
            )
            for row in rows
        ],
        numbers=(2,),
        wide=1,
        none="No control tests oversight.",
    )
    return ui.card("What do the controls say?", table, source=frame.basis)
