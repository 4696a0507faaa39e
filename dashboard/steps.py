"""The rows of a run's page: each step under the one that caused it, with what was tested on it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from markupsafe import Markup

from dashboard import components as ui
from dashboard import parts
from dashboard.components import html
from dashboard.rows import Row
from dashboard.shell import Frame
from dashboard.tree import DEEPEST, Step
from dashboard.wording import CONTROL_STATES, NONE, named, number, of, span


def run_figures(rows: Sequence[Row], failed: int) -> Markup:
    """The run's key figures; the times are the log's, of the steps that are shown."""
    times = [row[key] for row in rows for key in ("event_time", "end_time") if row[key]]
    checked = sum(1 for row in rows if row["policy_checked"])
    relied = {row["approval_id"] for row in rows} - {None, ""}
    ran = sum(1 for row in rows if row["executed"] is not False)
    return ui.figures_strip(
        [
            (
                "first to last",
                span(min(times), max(times)) if times else NONE,
                "by the log's times",
            ),
            ("steps", number(len(rows)), f"{of(ran, len(rows))} not blocked"),
            ("policy asked", of(checked, len(rows)), "before the step ran"),
            (
                "approvals relied upon",
                number(len(relied)) if relied else NONE,
                "named by the steps",
            ),
            ("exceptions", number(failed), "in this assessment"),
        ]
    )


def step_table(frame: Frame, steps: Sequence[Step], failed: Sequence[Row]) -> Markup:
    """The tree as a table; failed: the exceptions among these steps."""
    by_ref: dict[str, list[Row]] = {}
    for item in failed:
        by_ref.setdefault(item["evidence_ref"], []).append(item)
    heads = ("Step", "Time", "Agent", "Target", "Policy", "Approval", "Outcome", "Exceptions in")
    return ui.table(heads, [_row(frame, step, by_ref) for step in steps], none="No step.")


def _row(frame: Frame, step: Step, by_ref: Mapping[str, Sequence[Row]]) -> list[object]:
    row = step.row
    items = by_ref.get(f"event/{row['event_id']}", ())
    links = ui.join((parts.item_link(frame, item, item["control_id"]) for item in items), ", ")
    blocked = "" if row["executed"] is not False else ", did not run"
    return [
        _name(step),
        (row["event_time"] or NONE)[11:23] or NONE,
        ui.short(row["agent_name"] or row["agent_id"] or NONE),
        ui.short(row["target_name"] or row["target_type"] or NONE),
        ui.keep(_policy(row)),
        ui.short(row["approval_id"] or NONE),
        f"{row['outcome'] or NONE}{blocked}",
        html("{} {}", ui.mark(CONTROL_STATES["fail"], ""), links) if items else NONE,
    ]


def _name(step: Step) -> Markup:
    action = step.row["operation_name"] or step.row["action_type"] or NONE
    if step.orphan:
        lost = ui.mark(CONTROL_STATES["undetermined"], "parent not in the log")
        return html("<b>{}</b> {}", ui.short(action), lost)
    if not step.depth:
        return html("<b>{}</b>", ui.short(action))
    indent = "\u2003" * (min(step.depth, DEEPEST) - 1) + "└ "
    return html('<span class="m-branch">{}</span>{}', indent, ui.short(action))


def _policy(row: Row) -> str:
    if row["policy_checked"] is False:
        return "not checked"
    return named(row["policy_result"] or ("checked" if row["policy_checked"] else NONE))
