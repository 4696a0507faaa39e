"""Hand over: build a pack, take it away, and see what the evidence rests on."""

from __future__ import annotations

import streamlit as st

from dashboard import components as ui
from dashboard import data, handover, parts
from dashboard.shell import Frame, header_line
from dashboard.wording import plural


def show(frame: Frame) -> None:
    """Packs with their downloads, the log, and every import with its reconciliation."""
    packs, imports = data.packs(), data.imports()
    built = plural(len(packs), "pack lies", "packs lie")
    ui.show(
        header_line(frame),
        ui.page_title("Evidence"),
        ui.lead(f"{built} in the store.", " A pack is built beside the dashboard, whole or not."),
    )
    handover.build_panel(frame, _base_url())
    ui.show(
        ui.grid(
            "wide-narrow",
            ui.card(
                "What can be handed over?",
                handover.pack_table(packs),
                says="The PDF carries the evidence files inside; they also lie beside it.",
                source="Equal inputs give the same pack under the same id.",
            ),
            ui.card("How does the log stand?", parts.log_facts(frame),
                    source="At the end of the assessment shown."),
        ),
        ui.grid(
            "one",
            ui.card(
                "Was everything that was read accounted for?",
                handover.import_table(imports),
                says=handover.reconciliation_says(imports),
                source="All imports of the store, the latest first.",
            ),
        ),
    )  # fmt: skip


def _base_url() -> str:
    """Where this dashboard answers, for the links that the pack prints."""
    url = st.context.url or ""
    return "/".join(url.split("/", 3)[:3])
