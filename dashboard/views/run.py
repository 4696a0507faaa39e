"""What happened, in what order? The steps of one run as a tree, with what was tested on them."""

from __future__ import annotations

from markupsafe import Markup

from dashboard import components as ui
from dashboard import data
from dashboard.components import html
from dashboard.data import RUN_LIMIT
from dashboard.rows import Row
from dashboard.shell import Frame, asked, header_line
from dashboard.steps import run_figures, step_table
from dashboard.tree import run_tree
from dashboard.views import notices
from dashboard.wording import CONTROL_STATES, moment, number, plural


def show(frame: Frame) -> None:
    """The run that the address names."""
    trace = asked("trace")
    rows, more = data.run(trace) if trace else ([], False)
    if not rows:
        notices.unknown("run", trace)
        return
    steps = run_tree(rows)
    refs = tuple(f"event/{row['event_id']}" for row in rows)
    failed = data.exceptions_among(*frame.view, refs=refs)
    every = ui.address("activity", assessment=frame.assessment_id)
    trail = (ui.link(every, "Activity"), html("run"))
    ui.show(
        header_line(frame),
        ui.page_title(html("Run {}", trace), _badge(failed), trail=trail),
        _lead(rows, sum(step.orphan for step in steps), more),
        run_figures(rows, len(failed)),
        ui.grid(
            "one",
            ui.card(
                "What happened, in what order?",
                step_table(frame, steps, failed),
                says="Left, who called whom: a step stands below the one that caused it.",
                source="The log as it is now, as its sources said it; times in UTC.",
            ),
        ),
    )


def _lead(rows: list[Row], orphans: int, more: bool) -> Markup:
    agents = {row["agent_id"] or row["agent_name"] for row in rows} - {None}
    first = min((row["event_time"] for row in rows if row["event_time"]), default=None)
    said = [f"Only the first {number(RUN_LIMIT)} steps are shown."] if more else []
    if orphans:
        lost = plural(orphans, "step names a parent that is", "steps name parents that are")
        said.append(f"{lost} not in the log.")
    words = f"{plural(len(rows), 'step', 'steps')} by {plural(len(agents), 'agent', 'agents')}"
    return ui.lead(f"{words} from {moment(first, seconds=True)}.", " ".join(["", *said]))


def _badge(failed: list[Row]) -> Markup:
    if not failed:
        return html("")
    return ui.badge(CONTROL_STATES["fail"], plural(len(failed), "exception", "exceptions"))
