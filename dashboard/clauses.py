"""Parts for frameworks: the grid of units, and one clause with dates, controls and penalties."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from markupsafe import Markup

from dashboard import components as ui
from dashboard import parts
from dashboard.components import html
from dashboard.rows import Row
from dashboard.shell import Frame
from dashboard.wording import NONE, REQUIREMENT_STATES, UNKNOWN, Status, named, number, of, share

NOT_YET = "not_yet_in_application"
MOST_PAIRS = 12


def clause_address(frame: Frame, framework_id: str, unit_id: str) -> str:
    """The address of a clause's page, in the same assessment."""
    given = {"framework": framework_id, "id": unit_id}
    return ui.address("clause", assessment=frame.assessment_id, **given)


def clause_link(frame: Frame, framework_id: str, unit_id: str, label: object = "") -> Markup:
    """A link to a clause's page."""
    return ui.link(clause_address(frame, framework_id, unit_id), label or unit_id)


def unit_grid(frame: Frame, framework_id: str, rows: Sequence[Row]) -> Markup:
    """One line per article or category, one square per clause; each square leads to its clause."""
    lines = []
    for group, members in groupby(rows, key=lambda row: row["group"]):
        if group:
            lines.append(html('<div class="m-unit-group">{}</div>', group))
        lines += [_line(frame, framework_id, row) for row in members]
    return html('<div class="m-units">{}{}</div>', _head(), ui.join(lines))


def _head() -> Markup:
    return html(
        '<div class="m-unit m-unit-head"><span></span><span></span><span></span>'
        "<span>today</span><span>later</span></div>"
    )


def _line(frame: Frame, framework_id: str, row: Row) -> Markup:
    cells = row["cells"]
    today = [cell for cell in cells if cell["state"] not in (NOT_YET, "not_applicable")]
    later = [cell for cell in cells if cell["state"] == NOT_YET]
    proved = sum(1 for cell in today if cell["state"] == "evidenced")
    ready = sum(1 for cell in later if cell["readiness"] == "evidenced")
    return html(
        '<div class="m-unit"><b>{}</b><span class="m-cut">{}</span><div>{}</div>'
        "<span>{}</span><span>{}</span></div>",
        row["id"].removeprefix(f"{row['group']}, "),
        row["name"],
        ui.join(_square(frame, framework_id, cell) for cell in cells),
        of(proved, len(today)) if today else "",
        of(ready, len(later)) if later else "",
    )


def _square(frame: Frame, framework_id: str, cell: Row) -> Markup:
    """The sign in the colour of its state; not yet in application: outlined, sign of readiness."""
    later = cell["state"] == NOT_YET
    status = REQUIREMENT_STATES.get(cell["state"], UNKNOWN)
    inner = REQUIREMENT_STATES.get(cell["readiness"] or "", status) if later else status
    words = f"{cell['requirement_id']} {cell['name']}: {status.word}"
    if later:
        words += f" from {cell['applies_from']}, readiness: {inner.word.lower()}"
    gap = later and cell["readiness"] == "exceptions_noted"
    kind = "gap" if gap else "outline" if later else status.mark
    shown = Status(inner.sign, status.word, status.colour, status.mark)
    address = clause_address(frame, framework_id, cell["requirement_id"])
    return ui.square(address, shown, kind, words)


def legend() -> Markup:
    """What the squares say."""
    marks = ui.join((ui.mark(status) for status in REQUIREMENT_STATES.values()), " \u2002 ")
    return html('<p class="m-legend">{}. Outlined in violet: not yet in application, the sign '
                "shows readiness, ▲ a known gap.</p>", marks)  # fmt: skip


def controls(frame: Frame, found: Row) -> Markup:
    """The controls that bear on a clause: how, how strongly, why, and with which result."""
    rows = [
        (
            parts.control_link(frame, one["control"]),
            html('<span class="m-mid">{}</span>', one["title"]),
            ui.keep(f"{named(one['relation'])}, {named(one['strength'])}"),
            ui.mark(parts.control_state(one["state"])),
            of(one["exceptions"], one["population"]),
            ui.long_text(one["rationale"], 600),
        )
        for one in found["bears"]
    ]
    table = ui.table(
        ("Control", "", "Relation, strength", "Result", "Exceptions", "Why it bears on the clause"),
        rows,
        numbers=(4,),
        wide=5,
        none="No control is mapped: logs and registers cannot speak to this clause.",
    )
    return ui.card("Which controls bear on it?", table, source=html(
        "The mapping is expert judgement, not a published crosswalk. A mapped clause is not a "
        "satisfied clause. {}", frame.basis))  # fmt: skip


def applicability(found: Row) -> Markup:
    """Roles, classes and days, with what is our reading of the law marked as such."""
    framework = found["framework"]
    roles = {one["id"]: one["title"] for one in framework["roles"]}
    classes = {one["id"]: one["title"] for one in framework["classes"]}
    rows: list[tuple[object, object]] = []
    if framework["applicability"]:
        rows += [
            ("Binds", ", ".join(roles.get(r, named(r)) for r in found["roles"]) or "any role"),
            ("Systems", ", ".join(classes.get(c, named(c)) for c in found["classes"])
             or "of any class"),
        ]  # fmt: skip
    if found["only_where"]:
        rows.append(("Only where", ui.long_text(found["only_where"])))
    if found["applies_from"]:
        rows.append(("Applies from", html("<b>{}</b>", found["applies_from"])))
        rows += [
            ("… for others", f"{other['applies_from']}: "
             + ", ".join(classes.get(c, named(c)) for c in other["classes"]))
            for other in found["other_dates"]
        ]  # fmt: skip
        before = found["applies_from_before_amendment"]
        if before and before != found["applies_from"]:
            rows.append(("Before the amendment", before))
    else:
        rows.append(("Applies from", "voluntary: no day of application"))
    if found["formally_from"]:
        rows.append(("By its letter from", found["formally_from"]))
    if found["interpretation"]:
        rows.append(("Our reading", ui.long_text(found["interpretation"], 900)))
    if found["transition"]:
        one = found["transition"]
        words = f"on the market before {one['placed_before']}: from {one['applies_from']}"
        rows.append(("Transition", words))
    if found["amended"]:
        what = f"{found['amended']['what']} ({found['amended']['by']})"
        rows.append(("Amended", ui.long_text(what, 600)))
    rows.append(("Source", ui.long_text(found["source"], 400)))
    return ui.card("To whom and from when?", ui.facts(rows))


def penalties(found: Row) -> Markup:
    """The highest fines that name the clause."""
    rows = [
        (
            ui.keep(one["id"]),
            ui.long_text(one["breach"], 300),
            ui.keep(f"EUR {number(one['max_eur'])}"),
            ui.keep(f"{one['max_percent']:g} %" if one["max_percent"] is not None else NONE),
            ui.long_text(one["rule"], 300),
        )
        for one in found["penalties"]
    ]
    table = ui.table(("Clause", "Breach", "At most", "Of turnover", "Rule"), rows, wide=1)
    return ui.card("What does a breach cost at most?", table) if rows else html("")


def below(frame: Frame, found: Row, rows: Sequence[Row]) -> Markup:
    """The assessed units under a heading, each with its state."""
    states = {row["requirement_id"]: row for row in rows}
    table = ui.table(
        ("Clause", "", "State"),
        [
            (
                ui.keep(clause_link(frame, found["framework"]["id"], unit["id"])),
                unit["label"] or unit["title"],
                parts.requirement_state(states[unit["id"]]),
            )
            for unit in found["below"]
            if unit["id"] in states
        ],
        wide=1,
    )
    return ui.card("What stands below it?", table)


def readiness_bar(rows: Sequence[Row]) -> Markup:
    """Of the clauses not yet in application: ready, open, known gaps."""
    later = [row for row in rows if row["state"] == NOT_YET]
    ready = sum(1 for row in later if row["readiness"] == "evidenced")
    gaps = sum(1 for row in later if row["readiness"] == "exceptions_noted")
    shown = ui.join(
        html('<span class="m-bar-{}" style="flex-grow:{}"></span>', kind, count)
        for kind, count in (("later", ready), ("hatch", len(later) - ready - gaps), ("gap", gaps))
        if count
    )
    words = f"{ready} ready, {len(later) - ready - gaps} open, {gaps} with a known gap"
    return html(
        '<div class="m-bar" role="img" aria-label="{}">{}</div>'
        '<p class="m-source">{}, of {} not yet in application ({} ready)</p>',
        words, shown, words, number(len(later)), share(ready, len(later)),
    )  # fmt: skip


def readiness(chosen: Row) -> list[Markup]:
    """How ready the clauses are that apply later; nothing where none does."""
    if not chosen["score"] or not chosen["score"]["not_yet"]:
        return []
    return [ui.card("Readiness, not yet in application", readiness_bar(chosen["requirements"]))]


def coverage(chosen: Row) -> Markup:
    """What the catalogue holds of the framework, and under which licence."""
    words = html("<p>{}</p>", ui.long_text(chosen["coverage_note"], 1200))
    licence = ui.long_text(chosen["licence_note"], 500)
    return ui.card("What this catalogue holds", words, source=licence)


def crosswalk(frame: Frame, found: Row) -> Markup:
    """What stands beside the clause elsewhere: published pairs and shared controls, kept apart."""
    names = {row["id"]: row["short_name"] for row in frame.book["frameworks"]}
    rows: list[tuple[object, ...]] = []
    for other, pairs in found["beside"].items():
        known = names.get(other)
        name = known or named(other).upper()
        rows += [
            (
                ui.keep(name),
                _unit(frame, other if known else "", pair["second_id"]),
                "published",
                html("{} {}", pair["relation"] or "relation not stated", pair["remark"]),
            )
            for pair in pairs["published"]
        ]
        rows += [
            (
                ui.keep(name),
                _unit(frame, other, pair["second_id"]),
                "shared control",
                ui.join(
                    (parts.control_link(frame, one["control"]) for one in pair["shared"]), ", "
                ),
            )
            for pair in pairs["computed"][:MOST_PAIRS]
        ]
    table = ui.table(
        ("Framework", "Clause", "Pair", "By"), rows, wide=3,
        none="No published crosswalk names this clause, and no control is shared.",
    )  # fmt: skip
    source = "A mapped clause is not a satisfied clause."
    return ui.card("What stands beside it elsewhere?", table, source=source)


def _shared(frame: Frame, shared: Sequence[Row]) -> Markup:
    return ui.join((parts.control_link(frame, one["control"]) for one in shared), ", ")


def _unit(frame: Frame, framework_id: str, unit_id: str) -> Markup:
    return clause_link(frame, framework_id, unit_id) if framework_id else html("{}", unit_id)
