"""One tested item, followed from its reason down to the sealed leaf and the last header."""

from __future__ import annotations

from markupsafe import Markup

from dashboard import components as ui
from dashboard import data, parts
from dashboard.components import html
from dashboard.proof import carried, proof_card, row_card
from dashboard.rows import Row
from dashboard.shell import Frame, asked, header_line
from dashboard.views import notices
from dashboard.wording import NONE, OUTCOMES, UNKNOWN, moment
from muniment.errors import MunimentError
from muniment.evidence.links import run_link


def show(frame: Frame) -> None:
    """The item that the address names."""
    item = data.item(
        *frame.view, control_id=asked("control"), test_id=asked("test"), item_id=asked("item")
    )
    if item is None:
        notices.unknown("item", asked("item"))
        return
    try:
        proof = data.evidence(item["evidence_ref"])
    except MunimentError as error:
        cards = [ui.card("Evidence", html("<p>{}</p>", ui.long_text(error)))]
    else:
        cards = [
            ui.grid(
                "broad-narrow",
                ui.stack(proof_card(proof), *row_card(proof), carried(proof)),
                ui.stack(_facts(frame, item, proof["entry"])),
            )
        ]
    trail = (
        ui.link(ui.address("controls", assessment=frame.assessment_id), "Controls"),
        parts.control_link(frame, item["control_id"]),
        html("item"),
    )
    ui.show(
        header_line(frame),
        ui.page_title(
            html("Item {}", item["item_id"]),
            ui.badge(OUTCOMES.get(item["outcome"], UNKNOWN)),
            trail=trail,
        ),
        ui.lead(ui.long_text(item["reason"], 1_000)),
        *cards,
    )


def _facts(frame: Frame, item: Row, entry: Row) -> Markup:
    trace = entry.get("trace_id")
    return ui.card(
        "How it was judged",
        ui.facts(
            [
                ("Control", parts.control_link(frame, item["control_id"])),
                ("Test", ui.code(item["test_id"])),
                ("Outcome", parts.outcome(item)),
                ("Observed", moment(item["observed_at"], seconds=True)),
                ("Agent", item["agent_id"] or NONE),
                ("Attributes", ", ".join(item["attributes"]) or NONE),
                ("Missing", parts.missing_of(item)),
                ("Evidence", ui.code(item["evidence_ref"])),
                (
                    "Run",
                    ui.link(run_link("", str(trace)), "All steps of the run") if trace else NONE,
                ),
            ]
        ),
    )
