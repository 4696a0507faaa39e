"""Parts of the jobs page: starting an assessment, watching it, and asking it to end."""

from __future__ import annotations

from collections.abc import Callable

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
    "cancelled": Status("○", "Cancelled", "open", "outline"),
}
_ENDING = Status("…", "Ending", "open", "tint")
_OPEN = ("queued", "running")
_ENDED_EARLY = ("failed", "cancelled")
MOST_JOBS = 20
MOST_RESUMED = 3


def assessment_panel() -> None:
    """Start, watch, cancel and resume; draws itself anew each second while a job is open."""
    rows = job_queue.jobs()
    with st.container(horizontal=True):
        st.button("Assess now", on_click=job_queue.ask_assessment, key="start_job", type="primary")
        for job in rows:
            if job["state"] in _OPEN and not job["cancel_asked"]:
                _button("Cancel", job, job_queue.cancel_job)
        for job in [job for job in rows if job["state"] in _ENDED_EARLY][:MOST_RESUMED]:
            _button("Resume", job, job_queue.resume_job)
    if any(job["state"] in _OPEN for job in rows):
        _watch()
    else:
        ui.show(job_table(rows))


def _button(verb: str, job: Row, act: Callable[[str], None]) -> None:
    st.button(f"{verb} {job['id']}", on_click=act, args=(job["id"],), key=f"{verb}-{job['id']}")


@st.fragment(run_every=1)
def _watch() -> None:
    rows = job_queue.jobs()
    ui.show(job_table(rows))
    # Buttons stand outside: they follow when a job has ended.
    known, now = st.session_state.get("job_states"), [(job["id"], job["state"]) for job in rows]
    st.session_state["job_states"] = now
    if known is not None and known != now:
        st.rerun()


def job_table(rows: list[Row]) -> Markup:
    """One row per job: how it stands, how far it is, and what came of it."""
    shown = [
        (
            ui.keep(ui.code(job["id"])),
            ui.keep(job["kind"]),
            ui.mark(_state(job)),
            ui.keep(moment(job["asked_at"])),
            ui.keep(moment(job["finished_at"])),
            ui.short(job["asked_by"], 28),
            ui.keep(_far(job)),
            _result(job),
        )
        for job in rows[:MOST_JOBS]
    ]
    heads = ("Job", "Kind", "State", "Asked at", "Ended at", "By", "Progress", "Result")
    return ui.table(heads, shown, wide=7, none="Nothing was asked for yet.")


def _result(job: Row) -> Markup:
    """What came of a job; an assessment that it left is a link to what it says."""
    said = job.get("result") or NONE
    if job["state"] == "done":
        return ui.link(ui.address("controls", assessment=said), ui.code(said))
    return ui.long_text(said, 300)


def _state(job: Row) -> Status:
    return _ENDING if job["state"] == "running" and job["cancel_asked"] else _STATES[job["state"]]


def _far(job: Row) -> str:
    """How far a job is that runs or ended early; of one that is done nothing is left to do."""
    if job["state"] in ("queued", "done") or not job.get("step") or not job.get("total"):
        return NONE
    named = "log" if job["step"] == "events" else job["step"]
    return f"{named}, {number(job['done'])} of {number(job['total'])}"
