"""What do we run? The registry as it stood, with owners, classes and exceptions."""

from __future__ import annotations

from markupsafe import Markup

from dashboard import components as ui
from dashboard import data, registry
from dashboard.rows import Row
from dashboard.shell import Frame, asked, header_line
from dashboard.wording import number, plural


def show(frame: Frame) -> None:
    """The list, filtered as the address says."""
    every = data.agents(*frame.view)
    query = {key: asked(key) for _, key in registry.FILTERS}
    rows = registry.chosen(every, query)
    rows.sort(key=lambda row: -len(row["exceptions"]))
    ui.show(
        header_line(frame),
        ui.page_title("Agents"),
        _lead(every),
        registry.filters(frame, every, query),
        ui.grid(
            "one",
            ui.card(
                "What do we run?",
                registry.agent_table(frame, rows),
                says=f"{number(len(rows))} of {plural(len(every), 'agent', 'agents')} shown.",
                source=frame.basis,
            ),
        ),
    )


def _lead(rows: list[Row]) -> Markup:
    if not rows:
        return ui.lead("No agent is registered.", " Import a registry to see what runs.")
    failed = sum(1 for row in rows if row["exceptions"])
    nobody = sum(1 for row in rows if not row["owner_ref"])
    unclassed = sum(1 for row in rows if not row["eu_class"])
    return ui.lead(
        f"Exceptions name {number(failed)} of "
        f"{plural(len(rows), 'registered agent', 'registered agents')}.",
        f" {number(nobody)} without an owner on record, {number(unclassed)} without an EU class.",
    )
