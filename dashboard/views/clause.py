"""One clause: to whom and from when it applies, what bears on it, and how it stands."""

from __future__ import annotations

from markupsafe import Markup

from dashboard import clauses, data, parts
from dashboard import components as ui
from dashboard.components import html
from dashboard.rows import Row
from dashboard.shell import Frame, asked, header_line
from dashboard.views import notices


def show(frame: Frame) -> None:
    """The clause that the address names."""
    framework_id, unit_id = asked("framework"), asked("id")
    found = data.clause(*frame.view, framework_id=framework_id, unit_id=unit_id)
    if found is None:
        notices.unknown("clause", unit_id)
        return
    book = next(row for row in frame.book["frameworks"] if row["id"] == framework_id)
    ui.show(
        header_line(frame),
        ui.page_title(
            html("{} {}", unit_id, found["label"] or found["title"]), trail=_trail(frame, found)
        ),
        _lead(found),
        html('<p class="m-meta">{}</p>', ui.long_text(_official(found), 600)),
        ui.grid("wide-narrow", _main(frame, found, book["requirements"]), _side(frame, found)),
    )


def _trail(frame: Frame, found: Row) -> list[Markup]:
    framework = found["framework"]
    whole = ui.address("framework", assessment=frame.assessment_id, framework=framework["id"])
    above = (clauses.clause_link(frame, framework["id"], unit["id"]) for unit in found["above"])
    return [ui.link(whole, framework["short_name"]), *above]


def _official(found: Row) -> str:
    verified = "" if found["title_verified"] else " (title not verified in the official text)"
    words = "Summary in our own words, without legal force."
    return f"Official title: {found['title'].rstrip('.')}{verified}. {words}"


def _lead(found: Row) -> Markup:
    result = found["result"]
    if result is None:
        words = found["not_assessed"] or "It groups what stands below it."
        return ui.lead("Not assessed by itself.", html(" {}", ui.long_text(words, 400)))
    return ui.lead(parts.requirement_state(result, dated=False), html(": {}", ui.long_text(
        result["state_reason"], 600)))  # fmt: skip


def _main(frame: Frame, found: Row, rows: list[Row]) -> Markup:
    cards = [ui.card("What it asks", html("<p>{}</p>", ui.long_text(found["summary"], 1500)))]
    if found["below"]:
        cards.append(clauses.below(frame, found, rows))
    if found["result"]:
        cards.append(clauses.controls(frame, found))
    if found["manual"]:
        manual = html("<p>{}</p>", ui.long_text(found["manual"], 1500))
        cards.append(ui.card("Evidence that a person must bring", manual))
    return ui.stack(*cards)


def _side(frame: Frame, found: Row) -> Markup:
    return ui.stack(
        clauses.applicability(found), clauses.penalties(found), clauses.crosswalk(frame, found)
    )
