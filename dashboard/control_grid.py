"""The controls as a grid: domains down, controls across; and each control month by month."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from markupsafe import Markup

from dashboard import components as ui
from dashboard import parts, wording
from dashboard.components import html
from dashboard.rows import Row
from dashboard.shell import Frame
from dashboard.wording import CONTROL_STATES, days_between, number, plural
from muniment.assessment.sentences import TESTED_STATES
from muniment.evidence import links


def domains(frame: Frame, rows: Sequence[Row]) -> Markup:
    """One line per domain, one square per control; each leads to its control."""
    by_domain: dict[str, list[Row]] = {}
    for row in sorted(rows, key=lambda r: r["id"]):
        by_domain.setdefault(row["id"][:3], []).append(row)
    failed = sum(1 for held in by_domain.values() if any(r["state"] == "fail" for r in held))
    tested = any(row["state"] in TESTED_STATES for row in rows)
    words = f"Exceptions lie in {number(failed)} of" if tested else "No control was tested, of"
    lines = [
        html(
            '<div class="m-unit m-unit-short"><b>{}</b><div>{}</div></div>',
            domain,
            ui.join(_square(frame, row) for row in held),
        )
        for domain, held in by_domain.items()
    ]
    legend = ui.join((ui.mark(status) for status in CONTROL_STATES.values()), " \u2002 ")
    return ui.card(
        "Which control works?",
        html('<p class="m-legend">{}</p>', legend),
        html('<div class="m-units m-units-two">{}</div>', ui.join(lines)),
        says=f"{words} {plural(len(by_domain), 'domain', 'domains')}; one square is one control.",
        source=frame.basis,
    )


def _square(frame: Frame, row: Row) -> Markup:
    status = parts.control_state(row["state"])
    words = f"{row['id']} {row['title']}: {status.word}"
    href = links.control_link("", frame.assessment_id, row["id"])
    return ui.square(href, status, "outline" if status.mark == "none" else status.mark, words)


def months(frame: Frame, rows: Sequence[Row]) -> Markup:
    """Whether each control that is tested by day held in each month of the period."""
    clock, zone = frame.assessment["clock"], frame.assessment["time_zone"]
    first = wording.local_day(clock["period_start"], zone)
    last = wording.local_day(clock["period_end"], zone, before=True)
    names = sorted({day[:7] for day in days_between(first, last)})
    dated = [row for row in rows if row["by_month"]]
    heads = ("Control", "", *names)
    table = ui.table(
        heads,
        [
            (
                parts.control_link(frame, row["id"]),
                ui.cut(row["title"]),
                *(_month(row, name) for name in names),
            )
            for row in sorted(dated, key=lambda r: r["id"])
        ],
        wide=1,
        none="No control was tested over events in the period.",
    )
    return ui.card(
        "Did it work over the whole period?",
        table,
        says="By month: exceptions, undetermined items, or none of what was tested.",
        source=html("{} First and last month may be cut by the period.", frame.basis),
    )


def _month(row: Row, name: str) -> Markup | str:
    counts: Mapping[str, Sequence[int]] = row["by_month"]
    if name not in counts:
        return wording.NONE
    population, exceptions, undetermined = counts[name]
    state = "fail" if exceptions else "undetermined" if undetermined else "pass"
    status = CONTROL_STATES[state]
    found = exceptions or undetermined
    return ui.mark(
        status, f"{number(found)} of {number(population)}" if found else number(population)
    )
