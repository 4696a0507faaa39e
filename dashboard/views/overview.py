"""Are we in control? Intervals by framework, controls with exceptions, and what is still open."""

from __future__ import annotations

from markupsafe import Markup

from dashboard import components as ui
from dashboard import data, outlook, parts, summary
from dashboard.rows import Row
from dashboard.shell import Frame, header_line
from dashboard.wording import NOT_CONCLUDED, number, plural
from muniment.assessment.sentences import TESTED_STATES


def show(frame: Frame) -> None:
    """The first page: what the assessment says, in one screen."""
    rows = frame.book["controls"]
    frameworks = (summary.framework(frame, row) for row in frame.book["frameworks"])
    ui.show(
        header_line(frame),
        ui.page_title("Overview"),
        _lead(frame, rows),
        ui.grid("thirds", *frameworks),
        ui.grid("wide-narrow", summary.exceptions(frame, rows), outlook.maturity(frame)),
        ui.grid(
            "thirds",
            outlook.since_last(frame),
            summary.legal_dates(frame),
            outlook.evidence(frame),
        ),
    )


def _lead(frame: Frame, rows: list[Row]) -> Markup:
    silent = [row for row in rows if row["state"] in NOT_CONCLUDED]
    tested = sum(1 for row in rows if row["state"] in TESTED_STATES)
    failed = sum(1 for row in rows if row["state"] == "fail")
    verb = "shows" if failed == 1 else "show"
    words = plural(tested, "tested control", "tested controls")
    first = f"{number(failed)} of {words} {verb} exceptions{_since(frame, failed)}"
    waiting = sum(map(parts.waiting, rows))
    if not tested:
        whole = plural(len(rows), "control is", "controls are")
        return ui.lead("No control was tested.", f" {whole} waiting for a population.")
    if not silent and not waiting:
        return ui.lead(f"{first}.", " Every item of every control that applies was concluded.")
    if not silent:
        items = plural(waiting, "item was", "items were")
        return ui.lead(first, f". Every control was tested or attested, but {items} not concluded.")
    whole = plural(len(rows), "control", "controls")
    verb = "is" if len(silent) == 1 else "are"
    return ui.lead(
        first, f". {number(len(silent))} of {whole} {verb} not concluded: an incomplete picture."
    )


def _since(frame: Frame, failed: int) -> str:
    """How many more or fewer controls show exceptions than in the assessment before."""
    if frame.before is None:
        return ""
    earlier = data.book(*frame.before)
    more = failed - sum(1 for row in earlier["controls"] if row["state"] == "fail")
    day = frame.before.as_of[:10]
    if not more:
        return f", as many as on {day}"
    return f", {number(abs(more))} {'more' if more > 0 else 'fewer'} than on {day}"
