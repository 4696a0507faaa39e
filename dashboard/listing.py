"""The two long lists, of controls and of clauses: their filters, order and rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from markupsafe import Markup

from dashboard import components as ui
from dashboard import parts
from dashboard.clauses import clause_link
from dashboard.components import html
from dashboard.rows import Row
from dashboard.shell import Frame
from dashboard.wording import (
    CONTROL_STATES,
    NONE,
    REQUIREMENT_STATES,
    SEVERITIES,
    number,
    of,
)

_OPEN = "open"
_ORDERS: dict[str, Callable[[Row], Any]] = {
    "control": lambda row: row["id"],
    "severity": lambda row: (parts.severity_rank(row), row["id"]),
    "exceptions": lambda row: (-row["exceptions"], row["id"]),
    "undetermined": lambda row: (-row["undetermined"], row["id"]),
}


def chosen_controls(rows: list[Row], query: Mapping[str, str]) -> list[Row]:
    """The controls that the filters keep, in the order asked for; unknown words keep none."""
    kept = [
        row
        for row in rows
        if query["severity"] in ("", row["severity"]) and _is_in(row, query["state"])
    ]
    return sorted(kept, key=_ORDERS.get(query["sort"], _ORDERS["control"]))


def _is_in(row: Row, wanted: str) -> bool:
    return wanted in ("", row["state"]) or (wanted == _OPEN and parts.is_open(row))


def control_filters(frame: Frame, query: Mapping[str, str]) -> Markup:
    """State, severity and order as links; each keeps what the others say."""
    rows = frame.book["controls"]
    counts = {name: sum(1 for r in rows if r["state"] == name) for name in CONTROL_STATES}
    silent = sum(map(parts.is_open, rows))
    states: list[tuple[object, str]] = [
        (f"All {len(rows)}", ""),
        (f"Something open {silent}", _OPEN),
    ]
    states += [
        (html("{} {}", ui.mark(CONTROL_STATES[name]), count), name)
        for name, count in counts.items()
        if count
    ]
    orders = [("Control", ""), *((n.capitalize(), n) for n in _ORDERS if n != "control")]
    severities = [("All", ""), *((word.capitalize(), word) for word in SEVERITIES)]
    given = (("State", "state", states), ("Severity", "severity", severities),
             ("Order by", "sort", orders))  # fmt: skip
    return html('<div class="m-filters">{}</div>', ui.join(
        ui.choices(label, [
            (words, _controls(frame, {**query, key: value}), query[key] == value)
            for words, value in options
        ])
        for label, key, options in given
    ))  # fmt: skip


def _controls(frame: Frame, query: Mapping[str, str]) -> str:
    return ui.address("controls", assessment=frame.assessment_id, **query)


def control_table(frame: Frame, rows: list[Row]) -> Markup:
    """One row per control, each leading to its page."""
    heads = ("Control", "", "Severity", "State", "Population", "Exceptions", "Undetermined",
             "Owner role")  # fmt: skip
    return ui.table(
        heads,
        [_control_row(frame, row) for row in rows],
        numbers=(4, 5, 6),
        wide=1,
        none="No control answers this filter.",
    )


def _control_row(frame: Frame, row: Row) -> list[object]:
    failed = of(row["exceptions"], row["population"])
    unknown = of(row["undetermined"], row["population"])
    return [
        parts.control_link(frame, row["id"]),
        row["title"],
        row["severity"].capitalize(),
        ui.mark(parts.control_state(row["state"])),
        number(row["population"]) if row["population"] else NONE,
        ui.mark(CONTROL_STATES["fail"], failed) if row["exceptions"] else failed,
        ui.mark(CONTROL_STATES["undetermined"], unknown) if row["undetermined"] else unknown,
        ui.keep(row["owner_role"]),
    ]


def requirement_filters(frame: Frame, chosen: Row, state: str) -> Markup:
    """Framework and state as links."""

    def to(framework: str, wanted: str) -> str:
        given = {"framework": framework, "state": wanted}
        return ui.address("requirements", assessment=frame.assessment_id, **given)

    names = [
        (row["short_name"], to(row["id"], ""), row["id"] == chosen["id"])
        for row in frame.book["frameworks"]
    ]
    found = [row["state"] for row in chosen["requirements"]]
    states: list[tuple[object, str, bool]] = [
        (f"All {len(found)}", to(chosen["id"], ""), not state)
    ]
    states += [
        (html("{} {}", ui.mark(status), found.count(name)), to(chosen["id"], name), state == name)
        for name, status in REQUIREMENT_STATES.items()
        if name in found
    ]
    return html(
        '<div class="m-filters">{}{}</div>',
        ui.choices("Framework", names),
        ui.choices("State", states),
    )


def _controls_of(frame: Frame, row: Row) -> Markup | str:
    return ui.join((parts.control_link(frame, name) for name in row["controls"]), ", ") or NONE


def _first_day(row: Row) -> Markup:
    """The day in effect; where it is our reading of the law, the formal day beside it."""
    day = ui.keep(row["applies_from"] or NONE)
    if not row["formally_from"]:
        return day
    return html('{}<br><span class="m-muted">formally {}; interpretation</span>', day,
                ui.keep(row["formally_from"]))  # fmt: skip


def requirement_table(frame: Frame, rows: list[Row]) -> Markup:
    """One row per clause, with the controls that bear on it."""
    return ui.table(
        ("Clause", "", "Agents", "State", "Applies from", "Controls", "Reason"),
        [
            (
                ui.keep(clause_link(frame, row["framework_id"], row["requirement_id"])),
                html('<span class="m-mid">{}</span>', row["title"]),
                ui.keep(row["agents"]),
                parts.requirement_state(row, dated=False),
                _first_day(row),
                html('<span class="m-some">{}</span>', _controls_of(frame, row)),
                ui.long_text(row["state_reason"], 400),
            )
            for row in rows
        ],
        wide=6,
        none="No clause is in this state.",
    )
