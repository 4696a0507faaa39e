"""Which control works? Every control with its state, population and exceptions."""

from __future__ import annotations

from dashboard import components as ui
from dashboard import control_grid, listing
from dashboard.shell import Frame, asked, header_line
from dashboard.wording import number, plural
from muniment.assessment.sentences import TESTED_STATES


def show(frame: Frame) -> None:
    """The list, filtered and ordered as the address says."""
    every = frame.book["controls"]
    query = {key: asked(key) for key in ("state", "severity", "sort")}
    rows = listing.chosen_controls(every, query)
    failed = sum(1 for row in every if row["state"] == "fail")
    ui.show(
        header_line(frame),
        ui.page_title("Controls"),
        ui.lead(
            f"{number(failed)} of {plural(len(every), 'control', 'controls')} show exceptions."
            if any(row["state"] in TESTED_STATES for row in every)
            else "No control was tested.",
            f" {plural(len(rows), 'control is', 'controls are')} listed.",
        ),
        ui.grid("one", control_grid.domains(frame, every)),
        listing.control_filters(frame, query),
        ui.grid(
            "one",
            ui.card("Every control", listing.control_table(frame, rows), source=frame.basis),
            control_grid.months(frame, rows),
        ),
    )
