"""Which clause stands how? The clauses of one framework with state, date, controls and reason."""

from __future__ import annotations

from markupsafe import Markup

from dashboard import components as ui
from dashboard import listing
from dashboard.components import html
from dashboard.figures import interval_bar, interval_says, score_counts
from dashboard.rows import Row
from dashboard.shell import Frame, asked, header_line
from dashboard.views import notices
from dashboard.wording import number, plural


def show(frame: Frame) -> None:
    """The framework that the address names, else the first."""
    frameworks = {row["id"]: row for row in frame.book["frameworks"]}
    wanted, state = asked("framework") or next(iter(frameworks), ""), asked("state")
    chosen = frameworks.get(wanted)
    if chosen is None:
        notices.unknown("framework", wanted)
        return
    rows = [row for row in chosen["requirements"] if state in ("", row["state"])]
    shown = (
        f"{number(len(rows))} of {plural(len(chosen['requirements']), 'clause', 'clauses')} shown."
    )
    ui.show(
        header_line(frame),
        ui.page_title(chosen["name"], html('<span class="m-muted">{}</span>', chosen["edition"])),
        _lead(chosen["score"]),
        listing.requirement_filters(frame, chosen, state),
        ui.grid("one", _proved(chosen["score"])),
        ui.grid(
            "one",
            ui.card(
                "Which clause stands how?",
                listing.requirement_table(frame, rows),
                says=shown,
                source=html("{} {}", ui.long_text(chosen["coverage_note"], 600), frame.basis),
            ),
        ),
    )


def _lead(score: Row | None) -> Markup:
    if not score:
        return ui.lead("This framework was not assessed.")
    failed = plural(score["exceptions"], "clause shows", "clauses show")
    later = plural(score["not_yet"], "clause is", "clauses are")
    return ui.lead(
        f"{failed} exceptions, of {number(score['applicable'])} that apply today.",
        f" {later} not yet in application." if score["not_yet"] else "",
    )


def _proved(score: Row | None) -> Markup:
    if not score:
        return html("")
    return ui.card(
        "How much is proved?",
        interval_bar(score),
        score_counts(score),
        says=interval_says(score),
        source=f"Formula {score['formula_version']}: exceptions are in neither bound.",
    )
