"""What did they do? Events of one day, how they divide, and the way to each run."""

from __future__ import annotations

from markupsafe import Markup

from dashboard import components as ui
from dashboard import data, events
from dashboard.components import html
from dashboard.shell import Frame, asked, header_line
from dashboard.wording import number, plural


def show(frame: Frame) -> None:
    """The day and the filters that the address names, else the last day with events."""
    day = events.asked_day(frame, asked("day"))
    query = {key: asked(key) for key in events.FILTERS} | {"text": asked("text")}
    start, end = events.bounds(frame, day)
    page = int(asked("page")) if asked("page").isdecimal() and len(asked("page")) < 7 else 1
    offset = (max(page, 1) - 1) * data.EVENT_ROWS
    where = tuple((key, query[key]) for key in events.FILTERS if query[key])
    found = data.activity(
        *frame.view, start=start, end=end, where=where, text=query["text"], offset=offset
    )
    ui.show(header_line(frame), ui.page_title("Activity"), _lead(found["total"], day))
    events.ask(frame, day, query)
    ui.show(
        ui.grid("thirds", *events.divided(frame, found, day, query)),
        ui.grid(
            "one",
            ui.card(
                "What happened?",
                events.table(frame, found["rows"]),
                events.pager(frame, day, query, max(page, 1), found["total"]),
                says=f"{plural(found['total'], 'event', 'events')} answer, the latest first.",
                source=html(
                    "{} ({}), known at the assessment; as their sources said it.",
                    day, frame.assessment["time_zone"],
                ),
            ),
        ),
    )  # fmt: skip


def _lead(total: int, day: str) -> Markup:
    if not total:
        return ui.lead(f"No event of {day} answers.", " Choose another day or fewer filters.")
    return ui.lead(f"{number(total)} {'event' if total == 1 else 'events'} on {day}.")
