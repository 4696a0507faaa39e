"""Figures drawn as HTML, so that they follow the theme, print, and carry their numbers as text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from dashboard.components import html, join, mark
from dashboard.wording import CONTROL_STATES, NONE, REQUIREMENT_STATES, days_between, number

MOST_BARS = 31
_STEPS = ((1, "day"), (7, "week"), (28, "four weeks"), (91, "quarter"))


def interval_bar(score: Mapping[str, Any]) -> Markup:
    """[proved, proved + open] of what applies: filled, hatched, exceptions; counts below."""
    whole, proved, failed = score["applicable"], score["evidenced"], score["exceptions"]
    still = open_count(score)
    if not whole:
        return html('<p class="m-none">Nothing applies at this date, so there is no interval.</p>')
    attested = score["attested"]
    parts = (
        ("evidence", proved - attested), ("attested", attested), ("hatch", still),
        ("exception", failed),
    )  # fmt: skip
    bar = join(
        html('<span class="m-bar-{}" style="flex-grow:{}"></span>', name, count)
        for name, count in parts
        if count
    )
    held = f"{number(proved)} evidenced"
    if attested:
        held += f", of which {number(attested)} attested"
    words = f"{held}, {still} open, {failed} with exceptions, of {whole} applicable"
    labels = join(
        [
            mark(REQUIREMENT_STATES["evidenced" if proved else "not_applicable"], held),
            mark(REQUIREMENT_STATES["not_tested"], f"{number(still)} open"),
            mark(
                REQUIREMENT_STATES["exceptions_noted" if failed else "not_applicable"],
                f"{number(failed)} exc.",
            ),
        ]
    )
    return html(
        '<div class="m-bar" role="img" aria-label="{}">{}</div><div class="m-bar-words">{}</div>',
        words,
        bar,
        labels,
    )


def open_count(score: Mapping[str, Any]) -> int:
    """Requirements that are neither proved nor failed: partly, not tested, manual."""
    return int(score["partly"] + score["not_tested"] + score["manual"])


def interval_says(score: Mapping[str, Any]) -> Markup:
    """The interval as a sentence, with its denominator."""
    low, whole = score["evidenced"], score["applicable"]
    bounds = f"{number(low)} to {number(low + open_count(score))} of {number(whole)}"
    return html("<b>{}</b> clauses that apply today are evidenced.", bounds)


def score_counts(score: Mapping[str, Any]) -> Markup:
    """The counts that stand with every interval."""
    names = ("applicable", "tested", "evidenced", "partly", "exceptions", "not_tested", "manual")
    return html(
        '<div class="m-counts">{}</div>',
        join(
            html("<div><b>{}</b><span>{}</span></div>", number(score[n]), n.replace("_", " "))
            for n in names
        ),
    )


def period_bars(
    by_day: Mapping[str, Sequence[int]], first: str, last: str
) -> tuple[Markup, str, int, int]:
    """Bars of population over the period, with exceptions and undetermined as numbers below.

    by_day: population, exceptions, undetermined by ISO day of the period; days without an entry
    count as none.
    Returns the figure, what one bar stands for, how many bars there are, and how many of those with
    a population have no exception.
    """
    days = days_between(first, last)
    step, unit = next(((s, u) for s, u in _STEPS if len(days) <= s * MOST_BARS), _STEPS[-1])
    groups = [days[i : i + step] for i in range(0, len(days), step)]
    sums = [
        tuple(sum(by_day.get(day, (0, 0, 0))[k] for day in group) for k in range(3))
        for group in groups
    ]
    top = max((population for population, _, _ in sums), default=0) or 1
    cells = [
        _bar(group[0], population, failed, unknown, top)
        for group, (population, failed, unknown) in zip(groups, sums, strict=True)
    ]
    clear = sum(1 for population, failed, open_ in sums if population and not failed + open_)
    filled = sum(1 for population, _, _ in sums if population)
    axis = html(
        '<div class="m-axis"><b>{}</b><b>0</b><span></span><i>exc.</i><i>undet.</i></div>',
        number(top),
    )
    return html('<div class="m-bars">{}{}</div>', axis, join(cells)), unit, filled, clear


def _bar(day: str, population: int, failed: int, unknown: int, top: int) -> Markup:
    exceptions = mark(CONTROL_STATES["fail"], number(failed)) if failed else html("0")
    doubts = mark(CONTROL_STATES["undetermined"], number(unknown)) if unknown else html("0")
    none = html("{}", NONE)
    # A population of one in thousands still shows as a line.
    height = max(1.0, 100 * population / top) if population else 0
    return html(
        '<div title="{}: {} tested"><div class="m-plot"><span style="height:{}%"></span></div>'
        "<span>{}</span><em>{}</em><em>{}</em></div>",
        day,
        number(population),
        f"{height:.1f}",
        day[5:],
        exceptions if population else none,
        doubts if population else none,
    )


def ladder(stage: int, stages: int, name: str) -> Markup:
    """A stage as filled steps of all steps, with its name: no radar, no gauge."""
    steps = join(
        html('<span class="{}"></span>', "m-step-held" if number_ <= stage else "m-step")
        for number_ in range(1, stages + 1)
    )
    words = f"stage {stage} of {stages}, {name}"
    return html('<span class="m-ladder" role="img" aria-label="{}">{}</span>', words, steps)


def share_bar(part: int, whole: int) -> Markup:
    """A part of the largest, as a bar; its number stands beside it."""
    width = max(2.0, 100 * part / whole) if part and whole else 0
    return html('<span class="m-share"><span style="width:{}%"></span></span>', f"{width:.1f}")
