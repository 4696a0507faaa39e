"""What must be mended, by whom, until when? Findings, what nobody judged, what is tolerated."""

from __future__ import annotations

from markupsafe import Markup

from dashboard import components as ui
from dashboard import data, mending
from dashboard.rows import Row
from dashboard.shell import Frame, header_line
from dashboard.wording import number, plural


def show(frame: Frame) -> None:
    """Open findings first, then what nobody judged, then what somebody accepted."""
    found = data.findings(*frame.view)
    ui.show(
        header_line(frame),
        ui.page_title("Findings"),
        _lead(found),
        ui.grid("one", mending.findings(frame, found["findings"])),
        ui.grid(
            "wide-narrow",
            mending.tolerated(frame, found),
            mending.unjudged(frame, found["unjudged"]),
        ),
    )


def _lead(found: Row) -> Markup:
    still = [row for row in found["findings"] if not row["closed_at"]]
    late = sum(row["overdue"] for row in still)
    bare = sum(count for _, count in found["unjudged"])
    waiting = f" {plural(bare, 'exception was', 'exceptions were')} judged by nobody yet."
    if not found["findings"]:
        return ui.lead("No finding is on record.", waiting if bare else "")
    verb = "is" if len(still) == 1 else "are"
    return ui.lead(
        f"{plural(len(still), 'finding', 'findings')} {verb} open, {number(late)} overdue.",
        waiting if bare else " Every exception was judged.",
    )
