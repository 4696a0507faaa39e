"""One agent: what it is, what it may do and does, and where it failed."""

from __future__ import annotations

from markupsafe import Markup

from dashboard import components as ui
from dashboard import data, registry
from dashboard.components import html
from dashboard.rows import Row
from dashboard.shell import Frame, asked, header_line
from dashboard.views import notices
from dashboard.wording import CONTROL_STATES, NONE, named, number, of, plural


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
        _strip(frame, found),
        ui.grid(
            "wide-narrow",
            ui.stack(registry.grants(frame, found), registry.failed_items(frame, found)),
            ui.stack(registry.identity(found), registry.history(found)),
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


def _strip(frame: Frame, found: Row) -> Markup:
    row, items = found["row"], found["items"]
    failed = sum(1 for item in items if item["outcome"] == "exception")
    unknown = sum(1 for item in items if item["outcome"] == "undetermined")
    used = sum(1 for grant in found["grants"] if grant["uses"])
    acts = sum(g["uses"] for g in found["grants"]) + sum(n for n, _ in found["beside"].values())
    more = ui.address("activity", assessment=frame.assessment_id, agent_id=found["agent_id"])
    return ui.figures_strip(
        [
            ("oversight tier", named(row.get("default_autonomy_tier") or NONE), "by default"),
            ("risk class", row.get("risk_class") or NONE, "the organisation's own"),
            ("permissions used", of(used, len(found["grants"])), "in the period"),
            ("actions with effect", number(acts), ui.link(more, "see them")),
            ("exceptions", number(failed), f"{number(unknown)} items undetermined"),
        ]
    )
