"""Parts for maturity: the ladder table, a criterion's answer, and the names of stages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from markupsafe import Markup

from dashboard import components as ui
from dashboard import parts
from dashboard.components import html
from dashboard.figures import ladder
from dashboard.rows import Row
from dashboard.shell import Frame
from dashboard.wording import Status, plural

MET = Status("✓", "Met", "evidence", "filled")
NOT_MET = Status("○", "Not met", "open", "outline")
MOST_MISSING = 3


def stage_name(found: Row, stage: int) -> str:
    """The name of a stage, from the model that the assessment used."""
    return next(str(one["name"]) for one in found["stages"] if one["stage"] == stage)


def stage_words(found: Row, standing: Row) -> str:
    """`2 Defined`."""
    return f"{standing['stage']} {stage_name(found, standing['stage'])}"


def answer(criterion: Row) -> Markup:
    """Whether a criterion is met, as sign and word."""
    return ui.mark(MET if criterion["met"] else NOT_MET)


def table(frame: Frame, found: Row, standings: Sequence[Row], most: int = MOST_MISSING) -> Markup:
    """One ladder per subject, its stage in words, and the first `most` missing for the next."""
    rows = [
        (
            ui.keep(one["name"]),
            ladder(one["stage"], len(found["stages"]), stage_name(found, one["stage"])),
            ui.keep(stage_words(found, one)),
            ui.keep(missing(frame, one, 1)) if most == 1 else missing(frame, one, most),
        )
        for one in standings
    ]
    return ui.table(("Domain", "Stage", "", "Missing"), rows, none="No domain.")


def missing(frame: Frame, standing: Row, most: int) -> Markup:
    """The controls whose criteria are not met yet, the first few by link."""
    names: list[Any] = list(dict.fromkeys(one["control"] for one in standing["missing"]))
    if not names:
        last = standing["next_stage"] is None
        return html("{}", "–" if last else "no criterion yet")
    shown = ui.join((parts.control_link(frame, n) for n in names[:most]), ", ")
    more = f" +{len(names) - most}" if len(names) > most else ""
    return html("{}{}", shown, more)


def stages(found: Row) -> Markup:
    """What each stage means, and the share of organisations there."""
    rows = [
        (
            ui.keep(html("<b>{} {}</b>", stage["stage"], stage["name"])),
            stage["meaning"],
            f"{stage['share_percent']} %",
        )
        for stage in found["stages"]
    ]
    heads = ("Stage", "Meaning", "Organisations")
    table = ui.table(heads, rows, numbers=(2,), wide=1)
    return ui.card("What the stages mean", table, source=found["reference"])


def criteria(frame: Frame, found: Row) -> Markup:
    """Every criterion of every domain with its answer."""
    rows = [
        (
            ui.keep(domain["name"]),
            ui.keep(f"{stage} {stage_name(found, int(stage))}"),
            parts.control_link(frame, one["control"]),
            one["wants"],
            answer(one),
            html('<span class="m-mid">{}</span>', ui.long_text(one["why"])),
            html('<span class="m-mid">{}</span>', ui.long_text(one["because"])),
        )
        for domain in found["domains"]
        for stage, judged in domain["criteria"].items()
        for one in judged
    ]
    met = sum(1 for domain in found["domains"] for judged in domain["criteria"].values()
              for one in judged if one["met"])  # fmt: skip
    heads = ("Domain", "Stage", "Control", "Wanted", "Met", "Why it is asked", "What was found")
    return ui.card(
        "Which criteria are met?",
        ui.table(heads, rows, none="No criterion yet."),
        says=f"{met} of {plural(len(rows), 'criterion', 'criteria')} met.",
        source=frame.basis,
    )
