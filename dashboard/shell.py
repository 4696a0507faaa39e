"""What stands around every page: which assessment is shown, the sidebar, and the header line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st
from markupsafe import Markup
from streamlit.navigation.page import Page

from dashboard import data, wording
from dashboard.components import code, facts, html, mark, show
from dashboard.data import View
from dashboard.rows import Row
from dashboard.views import notices
from dashboard.wording import REQUIREMENT_STATES, moment, number, plural
from muniment.assessment.changes import assessment_before

NAVIGATION: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("Assurance", ("", "framework", "controls", "findings", "maturity")),
    ("Operations", ("agents", "activity", "oversight")),
    ("Hand over", ("evidence", "jobs")),
)
_PARENT = {
    "clause": "framework",
    "requirements": "framework",
    "control": "controls",
    "item": "controls",
    "run": "activity",
    "agent": "agents",
}


@dataclass(frozen=True, slots=True)
class Frame:
    """What a page is drawn for: the organisation, its assessments, the one chosen, its book."""

    organisation: str
    assessments: Sequence[Row]
    view: View
    book: Mapping[str, Any]

    @property
    def assessment(self) -> Mapping[str, Any]:
        """The assessment's own values: clock, log state, who ran it."""
        found: Mapping[str, Any] = self.book["assessment"]
        return found

    @property
    def assessment_id(self) -> str:
        """The id that every link carries."""
        return self.view.assessment_id

    @property
    def before(self) -> View | None:
        """The assessment judged last before this one."""
        found = assessment_before(self.assessments, self.assessment_id)
        row = next((r for r in self.assessments if r["id"] == found), None)
        return data.view_of(row) if row else None

    @property
    def period(self) -> str:
        """First to last day of the period, in the organisation's zone."""
        clock = self.assessment["clock"]
        zone = self.assessment["time_zone"]
        return wording.period(clock["period_start"], clock["period_end"], zone)

    @property
    def basis(self) -> str:
        """The line below a figure: period, population's source, engine."""
        return (
            f"Period {self.period} ({self.assessment['time_zone']}); source: sealed log, records."
        )


def asked(key: str) -> str:
    """A value of the address, or the empty string."""
    return str(st.query_params.get(key, ""))


def frame(organisation: str, assessments: Sequence[Row]) -> Frame | None:
    """The assessment that the address names, else the newest; None after saying what is missing."""
    if not assessments:
        _name(organisation)
        notices.no_assessment(organisation)
        return None
    wanted = asked("assessment")
    row = next((r for r in assessments if r["id"] == wanted), None) if wanted else assessments[0]
    if row is None:
        _name(organisation)
        notices.unknown("assessment", wanted)
        return None
    view = data.view_of(row)
    return Frame(organisation, assessments, view, data.book(*view))


def sidebar(chosen: Frame, pages: Mapping[str, Page]) -> None:
    """Organisation, pages, and what the numbers are of."""
    here = next((path for path in pages if asked_path() == path), "")
    current = _PARENT.get(here, here)
    keep = {"assessment": chosen.assessment_id} if asked("assessment") else None
    _name(chosen.organisation)
    with st.sidebar:
        for group, paths in NAVIGATION:
            show(html('<p class="m-group">{}</p>', group))
            for path in paths:
                if path == current:
                    st.html('<span class="m-here"></span>')
                st.page_link(pages[path], label=pages[path].title, query_params=keep)
        if len(chosen.assessments) > 1:
            _assessment_choice(chosen)
        show(html('<div class="m-sidebar m-shown">{}</div>', _what_is_shown(chosen)))


def _name(organisation: str) -> None:
    named = '<div class="m-named"><h1>Muniment</h1><p class="m-meta">{}</p></div>'
    with st.sidebar:
        show(html(named, organisation))


def asked_path() -> str:
    """The page's own part of the address."""
    url = st.context.url or ""
    return url.split("?", 1)[0].rstrip("/").rsplit("/", 1)[-1] if url.count("/") > 2 else ""


def _assessment_choice(chosen: Frame) -> None:
    words = {r["id"]: f"{moment(r['as_of'])}" for r in chosen.assessments}
    st.session_state["assessment_choice"] = chosen.assessment_id

    def choose() -> None:
        st.query_params["assessment"] = st.session_state["assessment_choice"]

    st.selectbox(
        "Assessment",
        list(words),
        format_func=lambda i: words[i],
        key="assessment_choice",
        on_change=choose,
    )


def _what_is_shown(chosen: Frame) -> Markup:
    clock = chosen.assessment["clock"]
    rows: list[tuple[object, object]] = [("As of", html("<b>{}</b>", moment(clock["as_of"])))]
    if clock["known_at"][:16] != clock["as_of"][:16]:
        rows.append(("Known at", moment(clock["known_at"])))
    rows += [
        ("Period", chosen.period),
        ("Time zone", chosen.assessment["time_zone"]),
        ("Assessment", code(chosen.assessment_id)),
        ("Run by", chosen.assessment["run_by"]),
    ]
    return facts(rows)


def head_of_log(log: Row, digits: int = 8) -> Markup:
    """The checkpoint where there is one, else the last header.

    Open in either case: no store can confirm its own key or anchors.
    """
    open_sign, head = REQUIREMENT_STATES["not_tested"], log.get("checkpoint")
    if not head:
        last = code(wording.digest(log["last_header_hash"], digits))
        return html("last header {} {}", last, mark(open_sign, "unsigned"))
    words = "signed" if log["signed"] else "signed in part"
    state = mark(open_sign, f"{words}, {'anchored' if head['anchors'] else 'not anchored'}")
    root = code(wording.digest(head["root"], digits))
    return html("checkpoint {} {} {}", number(head["size"]), root, state)


def header_line(chosen: Frame) -> Markup:
    """How fresh the data are and how far they are sealed and signed; no key is confirmed here."""
    log = chosen.assessment["log"]
    last = max((row["last_event"] for row in data.sources(*chosen.view)), default="")
    unsealed = (
        html(
            "{} · ",
            mark(
                REQUIREMENT_STATES["not_tested"],
                plural(log["unsealed_entries"], "entry not sealed", "entries not sealed"),
            ),
        )
        if log["unsealed_entries"]
        else Markup("")
    )
    parts = (
        html("<span>Data to <b>{}</b></span>", moment(last)),
        html("<span>Assessed <b>{}</b></span>", moment(chosen.assessment["finished_at"])),
        html(
            "<span>Sealed to <b>{}</b>, {}</span>",
            moment(log["sealed_to"]),
            plural(log["sealed_entries"], "entry", "entries"),
        ),
        html(
            "<span>{}{}</span>",
            unsealed,
            head_of_log(log),
        ),
    )
    return html('<div class="m-top">{}{}{}{}</div>', *parts)
