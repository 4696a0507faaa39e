"""The cards of the first page: each answers one question and leads one level down."""

from __future__ import annotations

from markupsafe import Markup

from dashboard import components as ui
from dashboard import data, mending, parts, wording
from dashboard.components import html
from dashboard.figures import interval_bar, interval_says, score_counts
from dashboard.rows import Row
from dashboard.shell import Frame
from dashboard.wording import CONTROL_STATES, REQUIREMENT_STATES, number, of, plural

MOST_FAILED, MOST_DATES = 8, 4


def framework(frame: Frame, row: Row) -> Markup:
    """How much of a framework is proved: the interval with every denominator."""
    score = row["score"]
    target = ui.address("framework", assessment=frame.assessment_id, framework=row["id"])
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
    failed.sort(key=lambda r: (parts.severity_rank(r), -r["exceptions"], r["id"]))
    every = ui.address("controls", assessment=frame.assessment_id, state="fail")
    mended = mending.next_by_control(data.findings(*frame.view)["findings"])
    table = ui.table(
        ("Severity", "Control", "", "Exceptions", "Undet.", "Mended by", "Due"),
        [_failed(frame, row, mended.get(row["id"])) for row in failed[:MOST_FAILED]],
        numbers=(3, 4),
        wide=2,
        none="No control that was tested shows exceptions."
        if any(row["population"] for row in rows)
        else "No control was tested, so none can show exceptions.",
    )
    count = plural(len(failed), "control", "controls")
    says = f"{count} with exceptions; most severe first, {min(len(failed), MOST_FAILED)} shown."
    return ui.card(
        "Exceptions by severity",
        table,
        says=says if failed else "",
        source=html(
            "{} {} · {}",
            frame.basis,
            ui.link(every, "All controls with exceptions"),
            ui.link(ui.address("findings", assessment=frame.assessment_id), "All findings"),
        ),
    )


def _failed(frame: Frame, row: Row, finding: Row | None) -> tuple[object, ...]:
    owner = finding["owner"] if finding else None
    muted = html('<span class="m-muted m-keep">{}</span>', row["owner_role"])
    return (
        html("<b>{}</b>", row["severity"].capitalize()),
        parts.control_link(frame, row["id"]),
        ui.cut(row["title"]),
        ui.mark(CONTROL_STATES["fail"], of(row["exceptions"], row["population"])),
        ui.mark(CONTROL_STATES["undetermined"], number(row["undetermined"]))
        if row["undetermined"]
        else "0",
        ui.keep(ui.short(owner, 24)) if owner else muted,
        mending.due(finding) if finding else html('<span class="m-muted m-keep">no finding</span>'),
    )


def legal_dates(frame: Frame) -> Markup:
    """The days from which further clauses apply, and how ready they are."""
    found = parts.framework_dates(frame)
    today = wording.local_day(frame.assessment["clock"]["as_of"], frame.assessment["time_zone"])
    table = ui.table(
        ("From", "In", "Framework", "Ready", "Gaps"),
        [
            (
                ui.keep(day),
                ui.keep(_in_days(today, day)),
                name,
                of(ready, clauses),
                of(gaps, clauses),
            )
            for day, name, clauses, ready, gaps in found[:MOST_DATES]
        ],
        numbers=(1, 3, 4),
        none="No clause is waiting for its date.",
    )
    return ui.card(
        "Next legal dates", table, source="Clauses not yet in application, by first day."
    )


def _in_days(today: str, day: str) -> str:
    return plural(len(wording.days_between(today, day)) - 1, "day", "days")
