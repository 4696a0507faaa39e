"""Parts of the evidence page: building a pack, the packs there are, and what was imported."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import streamlit as st
from markupsafe import Markup

from dashboard import builds, data
from dashboard import components as ui
from dashboard.components import html
from dashboard.rows import Row
from dashboard.shell import Frame
from dashboard.wording import CONTROL_STATES, NONE, Status, moment, number, plural

_STATES: dict[str, Status] = {
    builds.RUNNING: Status("…", "Building", "open", "tint"),
    builds.DONE: Status("✓", "Built", "evidence", "filled"),
    builds.FAILED: Status("✘", "Failed", "broken", "filled"),
    builds.STOPPED: Status("○", "Stopped, nothing was written", "open", "outline"),
}
EXACT = Status("✓", "adds up", "evidence", "filled")
WRONG = Status("▲", "does not add up", "exception", "filled")
MOST_IMPORTS = 200


def build_panel(frame: Frame, base_url: str) -> None:
    """Begin, watch and stop a build; draws itself anew each second while one runs."""
    running = builds.last()
    busy = running is not None and running.state() == builds.RUNNING

    if busy:
        st.button("Stop the build", on_click=builds.stop, key="stop_build")
        _watch()
        return
    kind, given = _choose(frame)

    def begin() -> None:
        builds.start(data.store_root(), frame.assessment_id, kind, base_url, given)

    st.button("Build it", on_click=begin, key="start_build", type="primary")
    if running is not None:
        ui.show(_build(running))


def _choose(frame: Frame) -> tuple[str, dict[str, str]]:
    """The kind of report and what it asks for, from what this assessment can answer."""
    kinds = {row["id"]: row for row in data.reports(*frame.view)}
    order = sorted(kinds, key=lambda name: name != "evidence_pack")
    kind = st.selectbox(
        "Report", order, format_func=lambda name: kinds[name]["title"], key="report_kind"
    )
    ui.show(html('<p class="m-meta">{}</p>', kinds[kind]["purpose"]))
    given = {}
    for asked in kinds[kind]["parameters"]:
        key = f"report_{kind}_{asked['name']}"
        if asked["choices"] is None:
            given[asked["name"]] = st.text_input(
                f"{asked['title']} (YYYY-MM-DD; empty for the whole period)", key=key
            )
            continue
        labels = dict(asked["choices"]) if asked["required"] else {"": "all", **asked["choices"]}
        shown = {value: _choice(value, label) for value, label in labels.items()}
        chosen = st.selectbox(asked["title"], list(shown), key=key, format_func=shown.__getitem__)
        given[asked["name"]] = chosen or ""
    return kind, {name: value for name, value in given.items() if value}


def _choice(value: str, label: str) -> str:
    return " · ".join(part for part in (value, label[:80]) if part)


@st.fragment(run_every=1)
def _watch() -> None:
    running = builds.last()
    if running is None:
        return
    ui.show(_build(running))
    if running.state() != builds.RUNNING:
        st.rerun()


def _build(build: builds.Build) -> Markup:
    state = build.state()
    words = f"{number(build.seconds())} s" if state == builds.RUNNING else build.said()
    said = ui.long_text(words, 400) if state != builds.STOPPED else ""
    about = ui.code(build.assessment_id)
    return html("<p>{} assessment {}. {}</p>", ui.mark(_STATES[state]), about, said)


def pack_table(packs: Sequence[Row]) -> Markup:
    """One row per pack; its files are downloads."""
    rows = [
        (
            ui.keep(ui.code(pack["pack_id"])),
            ui.keep(pack["report"].replace("_", " ") or NONE),
            ui.keep(ui.code(pack["assessment_id"] or NONE)),
            ui.keep(datetime.fromtimestamp(pack["written_at"], UTC).strftime("%Y-%m-%d %H:%M UTC")),
            ui.mark(WRONG, pack["fault"]) if pack["fault"] else _files(pack),
        )
        for pack in packs
    ]
    heads = ("Pack", "Report", "Assessment", "Written", "Files")
    return ui.table(heads, rows, wide=4, none="No pack was built yet.")


def _files(pack: Row) -> Markup:
    """The PDF first, then the evidence files behind a fold."""
    links = [
        html("{} {}", ui.link(f"/packs/{pack['pack_id']}/{name}", name), _size(size))
        for name, size in pack["files"]
    ]
    if not links:
        return html("{}", NONE)
    named = plural(len(links) - 1, "evidence file", "evidence files")
    return html("{}{}", links[0], ui.details(named, ui.join(links[1:], ", ")))


def _size(size: int) -> str:
    if size >= 1_000_000:
        return f"{size / 1_000_000:.1f} MB"
    return f"{max(1, round(size / 1000))} kB"


def import_table(rows: Sequence[Row]) -> Markup:
    """What each import read, and whether its ends add up to it."""
    shown = [
        (
            ui.short(row["source_id"], 28),
            ui.short(row["source_uri"] or NONE, 36),
            ui.keep(moment(row["started_at"])),
            ui.keep(_status(row)),
            *(number(row[key] or 0)
              for key in ("rows_read", "imported", "rejected", "duplicate", "superseding")),
            ui.mark(EXACT if adds_up(row) else WRONG),
        )
        for row in rows[:MOST_IMPORTS]
    ]  # fmt: skip
    heads = ("Source", "File", "Imported", "Status", "Read", "Imported", "Rejected", "Duplicate",
             "Superseding", "Read = sum")  # fmt: skip
    return ui.table(heads, shown, numbers=(4, 5, 6, 7, 8), none="Nothing was imported yet.")


def _status(row: Row) -> Markup | str:
    if row["status"] == "done":
        return "done"
    return ui.mark(CONTROL_STATES["fail"], row["status"])


def adds_up(row: Row) -> bool:
    """Every row read was imported, rejected, known, or superseded something."""
    ends = ("imported", "rejected", "duplicate", "superseding")
    return bool((row["rows_read"] or 0) == sum(row[end] or 0 for end in ends))


def reconciliation_says(rows: Sequence[Row]) -> str:
    """How many imports add up."""
    exact = sum(map(adds_up, rows))
    return (
        f"In {exact} of {plural(len(rows), 'import', 'imports')} the rows read equal those "
        "imported, rejected, known already and superseding."
    )
