"""Parts that several pages share: links to controls and clauses, rows, and sentences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from dashboard.components import address, code, facts, html, join, link, mark
from dashboard.rows import Row
from dashboard.shell import Frame, head_of_log
from dashboard.wording import (
    CONTROL_STATES,
    NONE,
    NOT_CONCLUDED,
    OUTCOMES,
    REQUIREMENT_STATES,
    SEVERITIES,
    UNKNOWN,
    Status,
    moment,
    number,
    plural,
)
from muniment.evidence import links

PAGE_ROWS = 25


def control_state(state: str) -> Status:
    """The status of a control's state."""
    return CONTROL_STATES.get(state, UNKNOWN)


def requirement_state(row: Mapping[str, Any], *, dated: bool = True) -> Markup:
    """A clause's state; for one not yet in application the sign of its readiness, and its date."""
    status = REQUIREMENT_STATES.get(row["state"], UNKNOWN)
    if row["state"] != "not_yet_in_application":
        return mark(status)
    inner = REQUIREMENT_STATES.get(row.get("readiness") or "", None)
    gap = " gap" if row.get("readiness") == "exceptions_noted" else ""
    readiness = html(" ({}{})", inner.sign, gap) if inner else Markup("")
    words = f"From {row.get('applies_from') or NONE}" if dated else status.word
    return mark(status, html("{}{}", words, readiness))


def control_link(frame: Frame, control_id: str, label: object | None = None) -> Markup:
    """A link to a control's page, in the same assessment."""
    known = control_id.split("/", maxsplit=1)[0]
    return link(links.control_link("", frame.assessment_id, known), label or control_id)


def item_link(frame: Frame, item: Row, label: object) -> Markup:
    """A link to an item's page."""
    return link(
        links.item_link(
            "", frame.assessment_id, item["control_id"], item["test_id"], item["item_id"]
        ),
        label,
    )


def waiting(row: Row) -> int:
    """Items of a control that were not concluded: undetermined or not settled yet."""
    return int(row["undetermined"] + row["pending"])


def is_open(row: Row) -> bool:
    """Whether anything of a control is not concluded: the whole of it, or some of its items."""
    return row["state"] in NOT_CONCLUDED or waiting(row) > 0


def severity_rank(row: Row) -> int:
    """0 for critical; unknown words last."""
    words = SEVERITIES
    return words.index(row["severity"]) if row["severity"] in words else len(words)


def missing_names(missing: Mapping[str, Sequence[str]], most: int = 2) -> Markup:
    """The first columns that were missing, and how many more there are."""
    names = sorted(missing)
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return html("{}{}", join((code(name, 40) for name in names[:most]), ", ") or NONE, more)


def missing_of(item: Row) -> Markup:
    """What kept an undetermined item from being concluded."""
    if not item["missing"]:
        return html("{}", NONE)
    return html('<span class="m-some">{}</span>', join(map(code, item["missing"]), ", "))


def outcome(item: Row) -> Markup:
    """An item's outcome as sign and word."""
    return mark(OUTCOMES.get(item["outcome"], UNKNOWN))


def log_facts(frame: Frame) -> Markup:
    """How the log stood when the assessment ended; unsigned headers are open, never verified."""
    log = frame.assessment["log"]
    open_sign = REQUIREMENT_STATES["not_tested"]
    unsealed = plural(log["unsealed_entries"], "entry", "entries")
    return facts(
        [
            (
                "Sealed",
                f"{plural(log['sealed_entries'], 'entry', 'entries')} in "
                f"{plural(log['segments'], 'segment', 'segments')}",
            ),
            ("Not sealed", mark(open_sign, unsealed) if log["unsealed_entries"] else "0 entries"),
            ("Head of the log", head_of_log(log, 12)),
            ("Sealed to", moment(log["sealed_to"])),
        ]
    )


def framework_dates(frame: Frame) -> list[tuple[str, str, int, int, int]]:
    """Dates still to come: day, framework, clauses, of these ready, of these with a known gap."""
    found: dict[tuple[str, str], list[Row]] = {}
    for framework in frame.book["frameworks"]:
        for row in framework["requirements"]:
            if row["state"] == "not_yet_in_application" and row["applies_from"]:
                key = (row["applies_from"], framework["short_name"])
                found.setdefault(key, []).append(row)
    return [
        (day, name, len(rows), _with(rows, "evidenced"), _with(rows, "exceptions_noted"))
        for (day, name), rows in sorted(found.items())
    ]


def _with(rows: Sequence[Row], readiness: str) -> int:
    return sum(1 for row in rows if row["readiness"] == readiness)


def pager(page: str, query: Mapping[str, str | int | None], at: int, total: int) -> Markup:
    """Which rows are shown, and links to those before and after."""
    last = max(1, -(-total // PAGE_ROWS))
    first = (at - 1) * PAGE_ROWS + 1
    if last == 1:
        return Markup("")
    before = link(address(page, **{**query, "page": at - 1}), "Earlier") if at > 1 else html("")
    after = link(address(page, **{**query, "page": at + 1}), "Further") if at < last else html("")
    words = f"{number(first)} to {number(min(first + PAGE_ROWS - 1, total))} of {number(total)}"
    return html('<p class="m-choices"><span>{}</span>{}{}</p>', words, before, after)


def page_asked(text: str, total: int) -> int:
    """The page number of the address, kept inside what there is."""
    last = max(1, -(-total // PAGE_ROWS))
    return (
        min(max(int(text), 1), last) if text.isascii() and text.isdigit() and len(text) < 9 else 1
    )
