"""Show me the population, the exceptions and the proof: one control with all its tests."""

from __future__ import annotations

from dashboard import components as ui
from dashboard import data, parts, testing
from dashboard.components import html
from dashboard.shell import Frame, asked, header_line
from dashboard.views import notices


def show(frame: Frame) -> None:
    """The control that the address names."""
    control_id = asked("id")
    control = data.control(*frame.view, control_id=control_id)
    if control is None:
        notices.unknown("control", control_id)
        return
    items = data.items(*frame.view, control_id=control_id)
    trail = (
        ui.link(ui.address("controls", assessment=frame.assessment_id), "Controls"),
        html("{}", control_id),
    )
    left = [testing.over_time(frame, test) for test in control["tests"] if test["by_day"]]
    left += [testing.exceptions(frame, control, items), testing.undetermined(frame, control, items)]
    right = [testing.test_card(control, test) for test in control["tests"]]
    right += [testing.limits(control), testing.clauses(frame, control)]
    right += [testing.sample(frame, test) for test in control["tests"] if test["sample"]]
    ui.show(
        header_line(frame),
        ui.page_title(
            f"{control_id} {control['title']}",
            ui.badge(parts.control_state(control["state"])),
            trail=trail,
        ),
        ui.lead(control["state_reason"], f" {control['statement']}"),
        testing.meta(control),
        testing.strip(control),
        ui.grid("wide-narrow", ui.stack(*left), ui.stack(*right)),
    )
