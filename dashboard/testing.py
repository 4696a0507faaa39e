"""Parts of a control's page: one test over time, its items, how it is written, what it serves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from dashboard import components as ui
from dashboard import parts, wording
from dashboard.components import html
from dashboard.figures import period_bars
from dashboard.rows import Row
from dashboard.shell import Frame, asked
from dashboard.wording import CONTROL_STATES, NONE, moment, named, number, of, plural

MOST_OPEN_ITEMS = 10
UNTESTED = "Nothing was tested."
NOT_COMPARED = "not established: no second source was compared"


def meta(control: Mapping[str, Any]) -> Markup:
    """Severity, nature, owner and frequency in one line."""
    words = [html("Severity <b>{}</b>", control["severity"])]
    words += [html("key control")] if control["key"] else []
    words += [
        html("{}", control["nature"]),
        html("{}", control["automation"]),
        html("owner role <b>{}</b>", control["owner_role"]),
        html("tested {}", control["frequency"]),
    ]
    return html('<p class="m-meta">{}</p>', ui.join(words, " · "))


def strip(control: Mapping[str, Any]) -> Markup:
    """The control's key figures, each with its denominator."""
    population, failed = control["population"], control["exceptions"]
    unknown, waiting = control["undetermined"], control["pending"]
    said = [test["completeness"] for test in control["tests"] if test["completeness"]]
    head, _, rest = (said[0] if said else NOT_COMPARED).partition(":")
    return ui.figures_strip(
        [
            (
                "population",
                number(population) if population else NONE,
                plural(len(control["tests"]), "test", "tests"),
            ),
            ("exceptions", of(failed, population), wording.share(failed, population)),
            ("undetermined", of(unknown, population), _fields(control["missing"])),
            ("not settled yet", of(waiting, population), "pending at the as-of time"),
            ("completeness", head, rest.strip() or "of the population"),
        ]
    )


def _fields(missing: Mapping[str, Row]) -> str:
    return f"missing: {', '.join(sorted(missing))}" if missing else "no column missing"


def limits(control: Mapping[str, Any]) -> Markup:
    """What a clean result would still leave open, and how an exception is mended."""
    return ui.card(
        "What it does not prove",
        html("<p>{}</p>", ui.long_text(control["does_not_prove"])),
        html('<p class="m-source">If it shows exceptions: {}</p>', ui.long_text(control["remedy"])),
    )


def over_time(frame: Frame, test: Row) -> Markup:
    """Whether the control worked over the whole period, not only at its end."""
    clock, zone = frame.assessment["clock"], frame.assessment["time_zone"]
    first = wording.local_day(clock["period_start"], zone)
    last = wording.local_day(clock["period_end"], zone, before=True)
    inside = {day: counts for day, counts in test["by_day"].items() if first <= day <= last}
    figure, unit, filled, clear = period_bars(inside, first, last)
    units = f"{unit}s with a population" if not unit.endswith("s") else "such spans"
    count = f"Concluded without exceptions in {clear} of {filled} {units}."
    says = f"{count} Each bar counts items by {unit}, from the date shown."
    outside = sum(v[0] for day, v in test["by_day"].items() if day not in inside)
    if outside:
        dated = plural(outside, "item is", "items are")
        says += f" {dated} dated outside the period and not drawn."
    source = html("Population {} of test {}. {}", number(test["population"]),
                  ui.code(test["test_id"]), frame.basis)  # fmt: skip
    return ui.card("Has it worked over the whole period?", figure, says=says, source=source)


def exceptions(frame: Frame, control: Row, items: list[Row]) -> Markup:
    """The exceptions, newest first, each leading to its evidence."""
    found = [item for item in items if item["outcome"] == "exception"]
    found.sort(key=lambda item: (item["observed_at"] or "", item["item_id"]), reverse=True)
    at = parts.page_asked(asked("page"), len(found))
    rows = found[(at - 1) * parts.PAGE_ROWS : at * parts.PAGE_ROWS]
    table = ui.table(
        ("Observed", "Agent", "Reason", "Test", "Evidence"),
        [
            (
                ui.keep(moment(item["observed_at"], seconds=True)),
                ui.keep(ui.short(item["agent_id"] or NONE, 28)),
                ui.long_text(item["reason"], 400),
                _where(control, item),
                parts.item_link(frame, item, _short(item["item_id"])),
            )
            for item in rows
        ],
        wide=2,
        none="This control shows no exceptions." if control["population"] else UNTESTED,
    )
    query = {"assessment": frame.assessment_id, "id": asked("id")}
    says = f"{plural(len(found), 'exception', 'exceptions')}, the latest first." if found else ""
    return ui.card("Exceptions", table, parts.pager("control", query, at, len(found)), says=says)


def _where(control: Row, item: Row) -> Markup:
    """The test, where a control has several, and the attributes that failed."""
    named_test = [item["test_id"]] if len(control["tests"]) > 1 else []
    return ui.keep(", ".join([*named_test, *item["attributes"]]) or NONE)


def _short(item_id: str) -> str:
    return wording.digest(item_id) if len(item_id) == 32 else item_id[:40]


def undetermined(frame: Frame, control: Row, items: list[Row]) -> Markup:
    """What could not be concluded: which column is missing, why, and from which source."""
    fields = [field for test in control["tests"] for field in test["missing_fields"]]
    cut = sum(test["items_cut"] for test in control["tests"])
    waiting = [item for item in items if item["outcome"] in {"undetermined", "pending"}]
    shown = waiting[:MOST_OPEN_ITEMS]
    total = parts.waiting(control)
    done = "Every item was concluded." if control["population"] else UNTESTED
    rows = ui.table(
        ("Observed", "Outcome", "Reason", "Missing", "Evidence"),
        [
            (
                ui.keep(moment(item["observed_at"], seconds=True)),
                parts.outcome(item),
                ui.long_text(item["reason"], 300),
                parts.missing_of(item),
                parts.item_link(frame, item, _short(item["item_id"])),
            )
            for item in shown
        ],
        wide=2,
        none="None of them is listed." if total else done,
    )
    more = f", {number(cut)} more are counted but not listed" if cut else ""
    said = f"{of(total, control['population'])} items were not concluded; {len(shown)} shown{more}."
    body = (_missing(fields), rows) if fields else (rows,)
    return ui.card("Undetermined and not settled", *body, says=said if total else "")


def _missing(fields: list[Row]) -> Markup:
    return ui.table(
        ("Missing column", "Not carried", "Redacted", "Sources"),
        [
            (
                ui.code(field["name"]),
                number(field["not_carried"]),
                number(field["redacted"]),
                ", ".join(field["sources"]) or NONE,
            )
            for field in fields
        ],
        numbers=(1, 2),
        wide=3,
    )


def test_card(control: Row, test: Row) -> Markup:
    """The test in plain words, its attributes, parameters and the SQL that ran."""
    definition = test["definition"] or {}
    title = definition.get("title") or test["test_id"]
    words: list[Markup] = [html("<p>{}</p>", ui.long_text(control["objective"]))]
    words += (
        [html("<p>{}</p>", ui.mark(CONTROL_STATES["error"], ui.long_text(test["error"], 600)))]
        if test["error"]
        else []
    )
    written = [
        (name, ui.code(definition[name], 1_500))
        for name in ("population", "exception", "evidence")
        if definition.get(name)
    ]
    if definition.get("attested_by"):
        written.append(("attested by", html("{}", definition["attested_by"])))
    parameters = [
        (ui.code(name), ui.code(value)) for name, value in sorted(test["parameters"].items())
    ]
    body = [*words, ui.facts(written), _attributes(test)]
    body += _conditions(definition)
    if parameters:
        body.append(ui.details("Parameters", ui.facts(parameters), opened=True))
    if test["compiled_sql"]:
        body.append(ui.details("Compiled SQL", ui.pre(test["compiled_sql"])))
    source = html(
        "{} test {}; control digest {}; engine {}.",
        named(test["kind"]).capitalize(),
        ui.code(test["test_id"]),
        ui.code(wording.digest(control["control_digest"])),
        control["engine_version"],
    )
    state = ui.mark(parts.control_state(test["state"]))
    return ui.card(html("The test: {} {}", title, state), *body, source=source)


def _conditions(definition: Mapping[str, Any]) -> list[Markup]:
    """Each attribute's condition for an exception, as written."""
    written = [
        (html("<b>{}</b>", row["letter"]), ui.code(row["exception"], 1_500))
        for row in definition.get("attributes", ())
    ]
    return [ui.details("Exception conditions", ui.facts(written))] if written else []


def _attributes(test: Row) -> Markup:
    if not test["attributes"]:
        return html("")
    return ui.table(
        ("Attribute", "", "Exceptions", "Undet."),
        [
            (
                html("<b>{}</b>", row["letter"]),
                row["title"],
                of(row["exceptions"], row["population"]),
                of(row["undetermined"], row["population"]),
            )
            for row in test["attributes"]
        ],
        numbers=(2, 3),
        wide=1,
    )


def clauses(frame: Frame, control: Mapping[str, Any]) -> Markup:
    """The clauses that this control bears on, how, how strongly, and how they stand."""
    rows = control["clauses"]
    frameworks = len({row["framework_id"] for row in rows})

    def target(row: Row) -> str:
        given = {"framework": row["framework_id"], "id": row["requirement_id"]}
        return ui.address("clause", assessment=frame.assessment_id, **given)

    table = ui.table(
        ("Clause", "Relation", "Strength", "Clause state"),
        [
            (
                html(
                    "{} {}{}",
                    row["framework"],
                    ui.link(target(row), row["requirement_id"]),
                    _by(row),
                ),
                named(row["relation"]),
                named(row["strength"]),
                parts.requirement_state(row),
            )
            for row in rows
        ],
        none="No framework maps this control.",
    )
    says = (
        (
            f"The control bears on {plural(len(rows), 'clause', 'clauses')} of "
            f"{plural(frameworks, 'framework', 'frameworks')}."
        )
        if rows
        else ""
    )
    return ui.card("Clauses served", table, says=says)


def _by(row: Row) -> Markup:
    """Which attribute bears on the clause, where it is not the whole control."""
    letter = row["control"].partition("/")[2]
    return html(' <span class="m-muted">by {}</span>', letter) if letter else html("")


def sample(frame: Frame, test: Row) -> Markup:
    """The items drawn for a person to agree to their source, and how they were drawn."""
    rows = [
        (
            parts.item_link(frame, item, _short(item["item_id"])),
            parts.outcome(item),
            ui.keep(moment(item["observed_at"])),
        )
        for item in test["sample"]
    ]
    source = html(
        "Seed {}; {}.",
        ui.code(wording.digest(test["sample_seed"])),
        ui.long_text((test["sample_seed_basis"] or "basis not stated").rstrip("."), 600),
    )
    listed = ui.table(("Item", "Outcome", "Observed"), rows)
    says = f"{plural(len(rows), 'item', 'items')} drawn from {number(test['population'])}."
    return ui.card("Sample", ui.details("Items drawn", listed), says=says, source=source)
