"""Parts of the activity page: which day, which filters, how events divide, and their rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import streamlit as st
from markupsafe import Markup

from dashboard import components as ui
from dashboard import data, wording
from dashboard.components import html
from dashboard.figures import share_bar
from dashboard.rows import Row
from dashboard.shell import Frame
from dashboard.wording import NONE, named, number, of, share
from muniment.model import times

FILTERS = ("agent_id", "action_type", "outcome", "policy_result", "source_id", "target_name")
_DIVIDED = (("How did they end?", "outcome"), ("What did policy say?", "policy_result"),
            ("What kind of act?", "action_type"))  # fmt: skip
_NOT_CARRIED = "not carried"
MOST_KINDS = 6


def asked_day(frame: Frame, text: str) -> str:
    """The ISO day that the address names, else the last day of the data, else of the period."""
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        zone = frame.assessment["time_zone"]
        clock = frame.assessment["clock"]
        last = max((row["last_event"] for row in data.sources(*frame.view)), default="")
        if last and last < clock["period_end"]:
            return wording.local_day(last, zone)
        return wording.local_day(clock["period_end"], zone, before=True)


def bounds(frame: Frame, day: str) -> tuple[str, str]:
    """The instants at which a local day begins and ends."""
    zone = ZoneInfo(frame.assessment["time_zone"])
    first = date.fromisoformat(day)
    ends = (
        datetime(d.year, d.month, d.day, tzinfo=zone).astimezone(UTC).isoformat()
        for d in (first, first + timedelta(1))
    )
    start, end = (times.normal_time(text) for text in ends)
    return start, end


def to(frame: Frame, day: str, query: Mapping[str, str], **changed: str | int) -> str:
    """The address of this page with some values changed."""
    return ui.address(
        "activity",
        assessment=frame.assessment_id,
        day=day,
        **{**query, **changed},
    )


def ask(frame: Frame, day: str, query: Mapping[str, str]) -> None:
    """Day before and after, the filters in force, and a field that searches names and ids."""
    first = date.fromisoformat(day)
    days = [
        (words, to(frame, (first + timedelta(step)).isoformat(), query), not step)
        for words, step in (("Day before", -1), (day, 0), ("Day after", 1))
    ]
    kept = [
        (html("{}: {} ✕", named(key), value), to(frame, day, {**query, key: ""}), False)
        for key, value in query.items()
        if value
    ]
    chosen = [ui.choices("Filtered", kept)] if kept else []
    ui.show(html('<div class="m-filters">{}</div>', ui.join([ui.choices("Day", days), *chosen])))

    def search() -> None:
        st.query_params["text"] = st.session_state["activity_text"]
        st.query_params.pop("page", None)

    st.text_input("Agent, target, run or event id contains", value=query["text"],
                  key="activity_text", on_change=search, max_chars=80)  # fmt: skip


def divided(frame: Frame, found: Row, day: str, query: Mapping[str, str]) -> list[Markup]:
    """How the events divide by outcome, policy result and kind of act; each value is a filter."""
    return [
        _division(
            title,
            found["divided"][name],
            found["total"],
            {value: to(frame, day, query, **{name: value}) for value, _ in found["divided"][name]
             if value},
        )
        for title, name in _DIVIDED
    ]  # fmt: skip


def _division(
    title: str, counts: Sequence[tuple[str | None, int]], total: int, ways: Mapping[str, str]
) -> Markup:
    top = max((count for _, count in counts), default=0)
    rows = [
        (
            ui.link(ways[value], named(value))
            if value
            else html('<span class="m-muted">{}</span>', _NOT_CARRIED),
            share_bar(count, top),
            of(count, total),
            share(count, total),
        )
        for value, count in counts[:MOST_KINDS]
    ]
    rest = sum(count for _, count in counts[MOST_KINDS:])
    if rest:
        others = html('<span class="m-muted">{} others</span>', len(counts) - MOST_KINDS)
        rows.append((others, share_bar(rest, top), of(rest, total), share(rest, total)))
    return ui.card(title, ui.table(("", "", "Events", "Share"), rows, numbers=(2, 3),
                                   none="No event."))  # fmt: skip


def table(frame: Frame, rows: Sequence[Row]) -> Markup:
    """One row per event, leading to its agent and its run."""
    return ui.table(
        ("Time (UTC)", "Agent", "Action", "Target", "Policy", "Outcome", "Source", "Run"),
        [_event(frame, row) for row in rows],
        none="No event answers.",
    )


def _event(frame: Frame, row: Row) -> tuple[object, ...]:
    agent = row["agent_id"] or row["agent_name"]
    about = ui.address("agent", assessment=frame.assessment_id, id=row["agent_id"])
    run = ui.address("run", assessment=frame.assessment_id, trace=row["trace_id"])
    blocked = ", did not run" if row["executed"] is False else ""
    return (
        ui.keep((row["event_time"] or NONE)[11:23]),
        ui.link(about, ui.short(agent, 32)) if row["agent_id"] else ui.short(agent or NONE, 32),
        ui.short(row["operation_name"] or row["action_type"] or NONE, 28),
        ui.short(row["target_name"] or NONE, 32),
        ui.keep(named(row["policy_result"] or NONE)),
        f"{row['outcome'] or NONE}{blocked}",
        ui.short(row["source_id"], 22),
        ui.link(run, ui.short(wording.digest(row["trace_id"]), 16)) if row["trace_id"] else NONE,
    )


def pager(frame: Frame, day: str, query: Mapping[str, str], page: int, total: int) -> Markup:
    """Which events are shown, and the way to those before and after."""
    size = data.EVENT_ROWS
    last = max(1, -(-total // size))
    if last == 1:
        return Markup("")
    first = (page - 1) * size + 1
    earlier = ui.link(to(frame, day, query, page=page - 1), "Later") if page > 1 else html("")
    further = ui.link(to(frame, day, query, page=page + 1), "Earlier") if page < last else html("")
    words = f"{number(first)} to {number(min(first + size - 1, total))} of {number(total)}"
    return html('<p class="m-choices"><span>{}</span>{}{}</p>', words, earlier, further)
