"""One agent: what it is, what it may do and does, and where it failed."""

from __future__ import annotations

from markupsafe import Markup

from dashboard import agent_records, data, registry
from dashboard import components as ui
from dashboard.components import html
from dashboard.rows import Row
from dashboard.shell import Frame, asked, header_line
from dashboard.views import notices
from dashboard.wording import CONTROL_STATES, NONE, named, plural


def show(frame: Frame) -> None:
    """The agent that the address names."""
    agent_id = asked("id")
    found = data.agent(*frame.view, agent_id=agent_id) if agent_id else None
    if found is None:
        notices.unknown("agent", agent_id)
        return
    every = ui.address("agents", assessment=frame.assessment_id)
    row = found["row"]
    trail = (ui.link(every, "Agents"), html("{}", row.get("business_unit") or NONE),
             html("{}", agent_id))  # fmt: skip
    ui.show(
        header_line(frame),
        ui.page_title(row.get("name") or agent_id, *_badges(found), trail=trail),
        _lead(found),
        registry.strip(frame, found),
        ui.grid(
            "wide-narrow",
            ui.stack(
                registry.grants(frame, found),
                registry.failed_items(frame, found),
                agent_records.decided(found),
                agent_records.raci(found),
            ),
            ui.stack(
                registry.identity(found),
                agent_records.boundary(found),
                agent_records.maturity(frame, found),
                registry.history(found),
            ),
        ),
    )


def _badges(found: Row) -> list[Markup]:
    failed = {item["control_id"] for item in found["items"] if item["outcome"] == "exception"}
    shown = [html('<span class="m-muted">{}</span>', named(found["row"].get("lifecycle_status")
                                                            or "not registered"))]  # fmt: skip
    if failed:
        words = f"Exceptions in {plural(len(failed), 'control', 'controls')}"
        shown.append(ui.badge(CONTROL_STATES["fail"], words))
    return shown


def _lead(found: Row) -> Markup:
    if not found["registered"]:
        return ui.lead("This agent is seen acting, and no registry entry was valid.")
    granted, used = len(found["grants"]), sum(1 for g in found["grants"] if g["uses"])
    failed = sum(1 for item in found["items"] if item["outcome"] == "exception")
    first = f"It used {used} of its {plural(granted, 'permission', 'permissions')}"
    rest = f"; {plural(failed, 'exception names', 'exceptions name')} it." if failed else "."
    return ui.lead(first, rest)
