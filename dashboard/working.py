"""Parts of the jobs page: starting an assessment, watching it, and asking it to end."""

from __future__ import annotations

import streamlit as st
from markupsafe import Markup

from dashboard import components as ui
from dashboard import job_queue
from dashboard.rows import Row
from dashboard.wording import NONE, Status, moment, number

_STATES: dict[str, Status] = {
    "queued": Status("○", "Waiting", "open", "outline"),
    "running": Status("…", "Running", "open", "tint"),
    "done": Status("✓", "Done", "evidence", "filled"),
    "failed": Status("✘", "Failed", "broken", "filled"),
    "cancelled": Status("○", "Cancelled, what was computed is kept", "open", "outline"),
}
_OPEN = ("queued", "running")
MOST_JOBS = 20


def assessment_panel() -> None:
    """Start, watch and cancel; draws itself anew each second while a job is open."""
    rows = job_queue.jobs()
    open_jobs = [job for job in rows if job["state"] in _OPEN]
    if not open_jobs:
        st.button("Assess now", on_click=job_queue.ask_assessment, key="start_job", type="primary")
        ui.show(job_table(rows))
        return
    for job in open_jobs:
        st.button(
            f"Cancel {job['id']}", on_click=job_queue.cancel_job, args=(job["id"],), key=job["id"]
        )
    _watch()


@st.fragment(run_every=1)
def _watch() -> None:
    rows = job_queue.jobs()
    ui.show(job_table(rows))
    if not any(job["state"] in _OPEN for job in rows):
        st.rerun()


def job_table(rows: list[Row]) -> Markup:
    """One row per job: how it stands, how far it is, and what came of it."""
    shown = [
        (
            ui.keep(ui.code(job["id"])),
            ui.keep(job["kind"]),
            ui.mark(_STATES[job["state"]]),
            ui.keep(moment(job["asked_at"])),
            ui.short(job["asked_by"], 28),
            ui.keep(_far(job)),
            ui.long_text(job.get("result") or NONE, 300),
        )
        for job in rows[:MOST_JOBS]
    ]
    heads = ("Job", "Kind", "State", "Asked at", "By", "Progress", "Result")
    return ui.table(heads, shown, wide=6, none="Nothing was asked for yet.")


def _far(job: Row) -> str:
    if not job.get("step") or not job.get("total"):
        return NONE
    return f"{job['step']}: {number(job['done'])} of {number(job['total'])}"
