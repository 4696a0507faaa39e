"""The cards of the first page: each answers one question and leads one level down."""

from __future__ import annotations

from markupsafe import Markup

from dashboard import components as ui
from dashboard import data, parts, wording
from dashboard.components import html
from dashboard.data import Row
from dashboard.figures import interval_bar, interval_says, score_counts
from dashboard.shell import Frame
from dashboard.wording import CONTROL_STATES, NOT_CONCLUDED, REQUIREMENT_STATES, number, of, plural

MOST_FAILED, MOST_OPEN, MOST_SOURCES, MOST_DATES = 7, 4, 4, 4


def framework(frame: Frame, row: Row) -> Markup:
    """How much of a framework is proved: the interval with every denominator."""
    score = row["score"]
    target = ui.address("requirements", assessment=frame.assessment_id, framework=row["id"])
    head = html(
        '<div class="m-head"><h2>{}</h2><span>{}</span></div>',
        ui.link(target, row["short_name"]),
        row["edition"],
    )
    if score is None:
        return html('<section class="m-card">{}<p>Not assessed.</p></section>', head)
    return html(
        '<section class="m-card">{}{}{}{}<p class="m-source">{}</p></section>',
        head,
        html("<p>{}</p>", interval_says(score)),
        interval_bar(score),
        score_counts(score),
        _beside(score),
    )


def _beside(score: Row) -> Markup:
    later = ui.mark(REQUIREMENT_STATES["not_yet_in_application"], "not yet in application")
    never = ui.mark(REQUIREMENT_STATES["not_applicable"], "not applicable")
    counts = ((score["not_yet"], later), (score["not_applicable"], never))
    beside = [html("{} {}", number(count), words) for count, words in counts if count]
    return html("Beside these: {}.", ui.join(beside, "; ")) if beside else html("All apply today.")


def exceptions(frame: Frame, rows: list[Row]) -> Markup:
    """The controls with exceptions, most severe first."""
    failed = [row for row in rows if row["exceptions"]]
    failed.sort(key=lambda r: (parts.severity_rank(r), -r["exceptions"] / r["population"], r["id"]))
    every = ui.address("controls", assessment=frame.assessment_id, state="fail")
    table = ui.table(
        ("Severity", "Control", "", "Exceptions", "Share", "Owner role"),
        [_failed(frame, row) for row in failed[:MOST_FAILED]],
        numbers=(3, 4),
        wide=2,
        none="No control shows exceptions.",
    )
    count = plural(len(failed), "control", "controls")
    says = f"{count} with exceptions; most severe first, {min(len(failed), MOST_FAILED)} shown."
    return ui.card(
        "Exceptions by severity",
        table,
        says=says if failed else "",
        source=html("{} {}", frame.basis, ui.link(every, "All controls with exceptions")),
    )


def _failed(frame: Frame, row: Row) -> tuple[object, ...]:
    return (
        html("<b>{}</b>", row["severity"].capitalize()),
        parts.control_link(frame, row["id"]),
        ui.cut(row["title"]),
        ui.mark(CONTROL_STATES["fail"], of(row["exceptions"], row["population"])),
        wording.share(row["exceptions"], row["population"]),
        ui.keep(row["owner_role"]),
    )


def not_concluded(frame: Frame, rows: list[Row]) -> Markup:
    """The controls that say nothing yet or not about every item, and the missing columns."""
    found = sorted((row for row in rows if parts.is_open(row)), key=_openness)
    every = ui.address("controls", assessment=frame.assessment_id, state="open")
    table = ui.table(
        ("Control", "", "State", "Items open", "Missing columns"),
        [_open(frame, row) for row in found[:MOST_OPEN]],
        numbers=(3,),
        wide=1,
        none="Every item of every control that applies was concluded.",
    )
    silent = sum(1 for row in found if row["state"] in NOT_CONCLUDED)
    items = plural(sum(map(parts.waiting, found)), "item", "items")
    controls = plural(silent, "control", "controls")
    says = f"{controls} and {items} not concluded; {min(len(found), MOST_OPEN)} controls shown."
    return ui.card(
        "Not concluded",
        table,
        says=says if found else "",
        source=ui.link(every, "All controls with something open") if found else "",
    )


def _openness(row: Row) -> tuple[bool, int, int, str]:
    """Sorts whole controls before those with open items, then the most severe and most open."""
    whole = row["state"] in NOT_CONCLUDED
    return (not whole, parts.severity_rank(row), -parts.waiting(row), row["id"])


def _open(frame: Frame, row: Row) -> tuple[object, ...]:
    count = of(parts.waiting(row), row["population"])
    status = CONTROL_STATES["undetermined" if row["undetermined"] else "pending"]
    return (
        parts.control_link(frame, row["id"]),
        ui.cut(row["state_reason"] if row["state"] in NOT_CONCLUDED else row["title"]),
        ui.mark(parts.control_state(row["state"])),
        ui.mark(status, count) if parts.waiting(row) else count,
        ui.keep(parts.missing_names(row["missing"])),
    )


def evidence(frame: Frame) -> Markup:
    """How the log stands, and how fresh its sources are."""
    rows = data.sources(*frame.view)
    table = ui.table(
        ("Source", "Last event", "Entries", "Rejected"),
        [
            (
                ui.cut(row["source_id"]),
                ui.keep(wording.moment(row["last_event"])),
                number(row["imported"]),
                number(row["rejected"]),
            )
            for row in rows[:MOST_SOURCES]
        ],
        numbers=(2, 3),
        wide=0,
        none="No source yet.",
    )
    count = plural(len(rows), "source", "sources")
    says = f"{count}; the one silent longest first, {min(len(rows), MOST_SOURCES)} shown."
    ended = wording.moment(frame.assessment["finished_at"])
    return ui.card(
        "Evidence",
        parts.log_facts(frame),
        html("<p>{}</p>", says),
        table,
        source=f"At the end of the assessment, {ended}.",
    )


def legal_dates(frame: Frame) -> Markup:
    """The days from which further clauses apply, and how ready they are."""
    found = parts.framework_dates(frame)
    table = ui.table(
        ("From", "Framework", "Clauses", "Ready", "Gaps"),
        [
            (ui.keep(day), name, number(clauses), of(ready, clauses), of(gaps, clauses))
            for day, name, clauses, ready, gaps in found[:MOST_DATES]
        ],
        numbers=(2, 3, 4),
        none="No clause is waiting for its date.",
    )
    return ui.card(
        "Next legal dates", table, source="Clauses not yet in application, by first day."
    )
