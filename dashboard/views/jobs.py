"""Jobs: what runs in the background, how far it is, and what came of it."""

from __future__ import annotations

from dashboard import components as ui
from dashboard import working
from dashboard.shell import Frame, header_line


def show(frame: Frame) -> None:
    """An assessment to start, and every job of the queue."""
    ui.show(
        header_line(frame),
        ui.page_title("Jobs"),
        ui.lead("One worker does what is queued.", " A cancelled job keeps what it has computed."),
    )
    working.assessment_panel()
