"""The entry script: frame, sidebar and the page that the address names."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from pathlib import Path

import streamlit as st

from dashboard import data
from dashboard.shell import Frame, frame, sidebar
from dashboard.views import (
    activity,
    agent,
    agents,
    clause,
    control,
    controls,
    evidence,
    findings,
    framework,
    item,
    jobs,
    maturity,
    notices,
    oversight,
    overview,
    requirements,
    run,
)
from muniment.errors import MunimentError

STYLE = Path(__file__).with_name("style.css")
PAGES: tuple[tuple[str, str, Callable[[Frame], None]], ...] = (
    ("", "Overview", overview.show),
    ("controls", "Controls", controls.show),
    ("framework", "Frameworks", framework.show),
    ("requirements", "Requirements", requirements.show),
    ("clause", "Clause", clause.show),
    ("findings", "Findings", findings.show),
    ("maturity", "Maturity", maturity.show),
    ("agents", "Agents", agents.show),
    ("activity", "Activity", activity.show),
    ("oversight", "Oversight", oversight.show),
    ("evidence", "Evidence", evidence.show),
    ("jobs", "Jobs", jobs.show),
    ("agent", "Agent", agent.show),
    ("control", "Control", control.show),
    ("item", "Item", item.show),
    ("run", "Run", run.show),
)


def _guarded(draw: Callable[[], None]) -> None:
    try:
        draw()
    except MunimentError as error:
        notices.refused(str(error))
    except Exception:
        # The reader gets a page, the operator the trace.
        logging.getLogger("muniment.dashboard").exception("a page could not be drawn")
        notices.failed()


def _page(draw: Callable[[Frame], None]) -> None:
    name, rows = data.assessments()
    chosen = frame(name, rows)
    if chosen is not None:
        sidebar(chosen, pages)
        draw(chosen)


st.set_page_config(page_title="Muniment", layout="wide", initial_sidebar_state=240)
st.html(STYLE)
pages = {
    path: st.Page(
        partial(_guarded, partial(_page, draw)), title=title, url_path=path, default=not path
    )
    for path, title, draw in PAGES
}
st.navigation(list(pages.values()), position="hidden").run()
