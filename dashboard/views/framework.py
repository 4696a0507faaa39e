"""Which clause stands how? One framework as a grid: articles down, their clauses across."""

from __future__ import annotations

from markupsafe import Markup

from dashboard import clauses, data
from dashboard import components as ui
from dashboard.components import html
from dashboard.figures import interval_bar, interval_says, score_counts
from dashboard.rows import Row
from dashboard.shell import Frame, asked, header_line
from dashboard.views import notices
from dashboard.wording import plural


def show(frame: Frame) -> None:
    """The framework that the address names, else the first."""
    frameworks = {row["id"]: row for row in frame.book["frameworks"]}
    wanted = asked("framework") or next(iter(frameworks), "")
    chosen = frameworks.get(wanted)
    if chosen is None:
        notices.unknown("framework", wanted)
        return
    rows = data.grid(*frame.view, framework_id=wanted)
    every = ui.address("requirements", assessment=frame.assessment_id, framework=wanted)
    beside = html('<span class="m-muted">{}</span>', chosen["edition"])
    ui.show(
        header_line(frame),
        ui.page_title(chosen["short_name"], beside),
        _lead(chosen),
        _choices(frame, wanted),
        ui.grid(
            "wide-narrow",
            ui.card(
                "Which clause stands how?",
                clauses.legend(),
                clauses.unit_grid(frame, wanted, rows),
                says="Each square is a clause and leads to it; right, evidenced of applicable.",
                source=html("{} {}", ui.link(every, "Clause list with reasons."), frame.basis),
            ),
            ui.stack(_proved(chosen), *clauses.readiness(chosen), clauses.coverage(chosen)),
        ),
    )


def _lead(chosen: Row) -> Markup:
    score = chosen["score"]
    if not score:
        return ui.lead("This framework was not assessed.")
    failed = plural(score["exceptions"], "clause shows", "clauses show")
    return ui.lead(
        f"{failed} exceptions, of {score['applicable']} that apply today.",
        f" {plural(score['manual'], 'needs', 'need')} evidence that a person must bring.",
    )


def _choices(frame: Frame, wanted: str) -> Markup:
    names = [
        (row["short_name"],
         ui.address("framework", assessment=frame.assessment_id, framework=row["id"]),
         row["id"] == wanted)
        for row in frame.book["frameworks"]
    ]  # fmt: skip
    return html('<div class="m-filters">{}</div>', ui.choices("Framework", names))


def _proved(chosen: Row) -> Markup:
    score = chosen["score"]
    if not score:
        return html("")
    return ui.card("In application today", interval_bar(score), score_counts(score),
                   says=interval_says(score))  # fmt: skip
