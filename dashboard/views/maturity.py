"""Where next? The stage that each domain has earned, and what is missing for the one after."""

from __future__ import annotations

from markupsafe import Markup

from dashboard import components as ui
from dashboard import data, standing
from dashboard.components import html
from dashboard.rows import Row
from dashboard.shell import Frame, header_line
from dashboard.views import notices
from dashboard.wording import plural


def show(frame: Frame) -> None:
    """Organisation and domains on the ladder, then every criterion with its answer."""
    found = data.maturity(*frame.view)
    if found is None:
        notices.unknown("maturity model", "")
        return
    ui.show(
        header_line(frame),
        ui.page_title("Maturity"),
        _lead(found),
        ui.grid(
            "wide-narrow",
            ui.card(
                "How mature is each domain?",
                standing.table(frame, found, found["domains"]),
                says="A stage holds when all its criteria hold and the one below holds.",
                source=html("{} {}", frame.basis, "Stages are earned, never averaged."),
            ),
            standing.stages(found),
        ),
        ui.grid("one", standing.criteria(frame, found)),
    )


def _lead(found: Row) -> Markup:
    whole = found["organisation"]
    name = standing.stage_name(found, whole["stage"])
    if whole["next_stage"] is None:
        return ui.lead(f"Stage {whole['stage']} {name} holds for the organisation.")
    following = standing.stage_name(found, whole["next_stage"])
    lacking = plural(len(whole["missing"]), "criterion is", "criteria are")
    if not whole["missing"]:
        lacking = "Some domain has no criterion yet; they are"
    return ui.lead(
        f"Stage {whole['stage']} {name} holds for the organisation.",
        f" {lacking} missing for stage {whole['next_stage']} {following}.",
    )
