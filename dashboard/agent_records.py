"""Parts of an agent's page that rest on records: boundary, RACI, maturity, and what was decided."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from dashboard import components as ui
from dashboard import standing
from dashboard.components import html
from dashboard.rows import Row
from dashboard.shell import Frame
from dashboard.wording import CONTROL_STATES, NONE, named, plural
from muniment.model.records_oversight import RACI_STAGES

_ELEMENTS = (
    ("Process", "process"),
    ("Reads", "reads"),
    ("Writes", "writes"),
    ("Allowed alone", "allowed_actions"),
    ("Always approved", "approval_actions"),
    ("Prohibited data", "prohibited_data"),
    ("Responsible team", "responsible_team"),
)
MOST_EVENTS = 12


def boundary(found: Row) -> Markup:
    """The seven elements of the boundary document in force, and what is missing of them."""
    rows = found["records"]["boundary"]
    if not rows:
        none = html('<p class="m-none">No boundary document was in force.</p>')
        return ui.card("Boundary", none)
    row = max(rows, key=lambda r: str(r["valid_from"]))
    filled = sum(1 for _, key in _ELEMENTS if row[key])
    pairs = [(label, _value(row[key])) for label, key in _ELEMENTS]
    approved = (
        f"approved {row['approved_at'][:10]} by {row['approved_by'] or NONE}"
        if row["approved_at"]
        else "approval not recorded"
    )
    return ui.card(
        "Boundary",
        ui.facts(pairs),
        says=f"{filled} of {len(_ELEMENTS)} elements are documented; {approved}.",
        source=html("Record {}, valid since {}.", ui.code(row["boundary_id"]),
                    row["valid_from"][:10]),
    )  # fmt: skip


def _value(held: Any) -> object:
    if not held:
        return ui.mark(CONTROL_STATES["not_tested"], "not documented")
    return ui.long_text(", ".join(held) if isinstance(held, list) else held, 400)


def raci(found: Row) -> Markup:
    """Who is accountable at each stage of the agent's decisions."""
    rows = {row["stage"]: row for row in found["records"]["raci"]}
    people = found["people"]
    if not rows:
        return ui.card("Accountability", html('<p class="m-none">No RACI row is on record.</p>'))
    table = ui.table(
        ("Stage", "Accountable", "Responsible"),
        [
            (
                named(stage),
                _person(people, rows.get(stage, {}).get("accountable_ref")),
                ui.join((_person(people, p) for p in rows.get(stage, {}).get("responsible_refs")
                         or ()), ", ") or NONE,
            )
            for stage in RACI_STAGES
        ],
    )  # fmt: skip
    return ui.card(
        "Accountability", table, says=f"{len(rows)} of {len(RACI_STAGES)} stages are on record."
    )


def _person(people: Mapping[str, Row], ref: str | None) -> Markup:
    if not ref:
        return ui.mark(CONTROL_STATES["not_tested"], "nobody")
    return ui.short((people.get(ref) or {}).get("name") or ref, 32)


def maturity(frame: Frame, found: Row) -> Markup:
    """The agent's stage, and that of each domain that says something about it."""
    if not found["maturity"]:
        none = html('<p class="m-none">No control names this agent, so it holds no stage.</p>')
        return ui.card("Maturity", none)
    whole, *domains = found["maturity"]
    return ui.card(
        html("Maturity: stage {}", standing.stage_words(found, whole)),
        standing.table(frame, found, domains),
        says="Judged over the items that name this agent; the lowest domain decides.",
    )


def decided(found: Row) -> Markup:
    """Gates, changes, tests, reviews, incidents and stops, the latest first."""
    records = found["records"]
    lines = [
        *_lines(records["gate_decision"], "decided_at", "Gate", ("gate", "decision", "decided_by")),
        *_lines(records["change"], "deployed_at", "Change", ("kind", "new_value", "approved_by")),
        *_lines(records["test_report"], "finished_at", "Test", ("release", "kinds")),
        *_lines(
            records["risk_assessment"], "assessed_at", "Risk assessed", ("bucket", "description")
        ),
        *_lines(records["impact_assessment"], "done_at", "Impact", ("kind", "done_by")),
        *_lines(records["review"], "done_at", "Review", ("kind", "result", "done_by")),
        *_lines(records["incident"], "aware_at", "Incident", ("severity", "summary")),
        *_lines(records["stop_order"], "ordered_at", "Stop", ("kind", "ordered_by")),
    ]
    lines.sort(key=lambda line: line[0], reverse=True)
    table = ui.table(
        ("When", "What", ""),
        [(ui.keep(at[:10] or NONE), ui.keep(what), ui.long_text(words, 240))
         for at, what, words in lines[:MOST_EVENTS]],
        wide=2,
        none="No gate, change, test, review or incident is on record.",
    )  # fmt: skip
    shown = f"; the latest {MOST_EVENTS} shown" if len(lines) > MOST_EVENTS else ""
    says = f"{plural(len(lines), 'record', 'records')}{shown}." if lines else ""
    return ui.card("What was decided about it?", table, says=says)


def _lines(
    rows: Sequence[Row], when: str, what: str, keys: Sequence[str]
) -> list[tuple[str, str, str]]:
    return [(str(row[when] or ""), what, _words(row, keys)) for row in rows]


def _words(row: Row, keys: Sequence[str]) -> str:
    held = (row[key] for key in keys if row[key])
    return ", ".join(named(", ".join(v) if isinstance(v, list) else v) for v in held) or NONE
