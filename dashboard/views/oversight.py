"""Do people really decide? Which agents wait for whom, how fast it goes, and who answers."""

from __future__ import annotations

from markupsafe import Markup

from dashboard import components as ui
from dashboard import data, deciding
from dashboard.rows import Row
from dashboard.shell import Frame, header_line
from dashboard.wording import number, plural


def show(frame: Frame) -> None:
    """The queue first, then how the period's questions were answered."""
    found = data.oversight(*frame.view)
    ui.show(
        header_line(frame),
        ui.page_title("Oversight"),
        _lead(found),
        ui.grid(
            "wide-narrow",
            deciding.queue(frame, found),
            deciding.controls(frame),
        ),
        ui.grid(
            "halves",
            deciding.by_decision(frame, found),
            deciding.by_person(frame, found),
        ),
    )


def _lead(found: Row) -> Markup:
    waiting = found["waiting"]
    if not waiting and not found["asked"]:
        return ui.lead("No question to a person is on record.", " Import approvals to see them.")
    late = sum(row["late"] for row in waiting)
    agents = len({row["agent_id"] for row in waiting})
    asked = f" {plural(found['asked'], 'question was', 'questions were')} asked in the period."
    if not waiting:
        return ui.lead("No agent waits for a person.", asked)
    verb = "waits" if agents == 1 else "wait"
    return ui.lead(
        f"{plural(agents, 'agent', 'agents')} {verb} for a person, "
        f"{number(late)} of {plural(len(waiting), 'question', 'questions')} longer than allowed.",
        asked,
    )
