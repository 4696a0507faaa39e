"""What the pages read, as plain values. The only caching, and the only door to the store.

Every cached function takes store, assessment, both clocks and scope as hashed arguments, so that no
answer can be shown for another question. Results of an assessment never change and are cached; what
the log or a record says now (`evidence`, `run`) is read anew each time.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import streamlit as st

from dashboard.rows import Row, clauses_of, control_row, framework_row, plain
from muniment.assessment.changes import compare_assessments
from muniment.errors import EvidenceBrokenError, UsageError
from muniment.evidence import approvals
from muniment.evidence.agent_file import agent_file, agent_rows
from muniment.evidence.clauses import clause_file, unit_rows
from muniment.evidence.dossier import Dossier, load_dossier
from muniment.evidence.findings import FOLLOW_UP_TABLES, follow_ups
from muniment.evidence.packs import packs_of
from muniment.evidence.provenance import provenance
from muniment.reporting.parameters import offered_reports
from muniment.store.encoder import entry_rows
from muniment.store.explorer import Window, explore, tally
from muniment.store.open import open_store

RUN_LIMIT = 500
SCOPE = "all"
RUN_COLUMNS = (
    "event_id", "event_time", "end_time", "source_id", "source_class", "trace_id", "span_id",
    "parent_span_id", "workflow_name", "workflow_run_id", "agent_id", "agent_name",
    "operation_name", "action_type", "target_type", "target_name", "policy_checked",
    "policy_result", "policy_enforced", "approval_id", "oversight_decision", "autonomy_tier",
    "executed", "outcome", "error_type", "amount", "currency",
)  # fmt: skip


EVENT_ROWS = 50
EVENT_COLUMNS = (
    "event_time", "agent_id", "agent_name", "action_type", "operation_name", "target_name",
    "policy_result", "outcome", "executed", "trace_id", "source_id",
)  # fmt: skip
IMPORT_COLUMNS = (
    "id", "source_id", "source_map", "source_uri", "started_at", "status", "rows_read", "imported",
    "rejected", "duplicate", "superseding", "content_sha256",
)  # fmt: skip
DIVIDED_BY = ("outcome", "policy_result", "action_type", "agent_id")


class View(NamedTuple):
    """What a page is asked about; each part is an argument of every cached function."""

    store: str
    assessment_id: str
    as_of: str
    known_at: str
    scope: str


def store_root() -> Path:
    """The folder of the store that this server shows."""
    return Path(os.environ.get("MUNIMENT_STORE", "muniment-store"))


def assessments() -> tuple[str, list[Row]]:
    """The organisation's name, and all assessments, newest first."""
    with open_store(store_root()) as store:
        rows = sorted(
            store.records.assessments(), key=lambda r: str(r["finished_at"]), reverse=True
        )
        name = str(store.records.organisation()["name"])
    return name, [{k: r[k] for k in ("id", "finished_at", "as_of", "known_at")} for r in rows]


def view_of(row: Mapping[str, Any], scope: str = SCOPE) -> View:
    """The question that an assessment's row stands for."""
    return View(str(store_root()), row["id"], row["as_of"], row["known_at"], scope)


# Frozen, and read by most of what follows: parsed once, not once for each control and item.
@st.cache_resource(show_spinner=False, max_entries=4)
def _dossier(store: str, assessment_id: str, as_of: str, known_at: str, scope: str) -> Dossier:
    """The assessment, if it is of the clocks and the scope that were asked for."""
    if scope != SCOPE:
        raise UsageError(f"scope `{scope[:40]}` is unknown. Without login there is only `all`.")
    with open_store(Path(store)) as opened:
        dossier = load_dossier(opened, assessment_id)
    clock = dossier.assessment.clock
    if (clock.as_of, clock.known_at) != (as_of, known_at):
        raise EvidenceBrokenError(
            f"assessment `{assessment_id}`: its document and the records disagree about its "
            "clocks. Verify the store with `muniment status --verify`."
        )
    return dossier


@st.cache_data(show_spinner=False, max_entries=8)
def book(store: str, assessment_id: str, as_of: str, known_at: str, scope: str) -> Row:
    """The assessment itself, a row per control, and each framework with score and requirements."""
    dossier = _dossier(store, assessment_id, as_of, known_at, scope)
    held = plain(
        dossier.assessment, leave=("controls", "requirements", "scores", "segment_digests")
    )
    return {
        "assessment": held | {"segments_read": len(dossier.assessment.segment_digests)},
        "controls": [
            control_row(dossier.controls.get(result.control_id), result)
            for result in dossier.assessment.controls
        ],
        "frameworks": [framework_row(dossier, key) for key in dossier.frameworks],
    }


@st.cache_data(show_spinner=False, max_entries=8)
def grid(
    store: str, assessment_id: str, as_of: str, known_at: str, scope: str, *, framework_id: str
) -> list[Row]:
    """A framework's rows: group, unit, and the result of each assessed unit in it."""
    dossier = _dossier(store, assessment_id, as_of, known_at, scope)
    results = {r.requirement_id: r for r in dossier.requirements(framework_id)}
    return [
        {
            "group": row.group,
            "id": row.unit.id,
            "name": row.unit.title,
            "cells": [
                plain(results[unit.id]) | {"name": unit.name}
                for unit in row.cells
                if unit.id in results
            ],
        }
        for row in unit_rows(dossier.frameworks[framework_id])
    ]


@st.cache_data(show_spinner=False, max_entries=64)
def clause(
    store: str, assessment_id: str, as_of: str, known_at: str, scope: str,
    *, framework_id: str, unit_id: str,
) -> Row | None:  # fmt: skip
    """One unit of a framework: text, dates, result, controls with rationale, penalties."""
    dossier = _dossier(store, assessment_id, as_of, known_at, scope)
    found = clause_file(dossier, framework_id, unit_id)
    if found is None:
        return None
    framework = found.framework
    return {
        **plain(found.unit),
        "framework": plain(framework, leave=("requirements", "calendar", "source_conflicts")),
        "above": [plain(unit) for unit in found.above],
        "below": [plain(unit) for unit in found.below],
        "result": plain(found.result) if found.result else None,
        "bears": [
            plain(one.mapping)
            | {
                "title": one.title,
                "state": one.result.state.value if one.result else "",
                "population": one.result.population if one.result else 0,
                "exceptions": one.result.exceptions if one.result else 0,
            }
            for one in found.controls
        ],
        "penalties": plain(found.penalties),
        "beside": {
            other: {"published": plain(published), "computed": plain(computed)}
            for other, (published, computed) in found.beside.items()
        },
    }


@st.cache_data(show_spinner=False, max_entries=8)
def maturity(store: str, assessment_id: str, as_of: str, known_at: str, scope: str) -> Row | None:
    """Stages, the organisation's standing and each domain's, with what is missing for the next."""
    dossier = _dossier(store, assessment_id, as_of, known_at, scope)
    model, standings = dossier.maturity_model, dossier.maturity()
    if model is None:
        return None
    whole, *domains = [plain(one) | {"missing": plain(one.missing)} for one in standings]
    return {**plain(model, leave=("domains",)), "organisation": whole, "domains": domains}


@st.cache_data(show_spinner=False, max_entries=8)
def changes(
    store: str, assessment_id: str, as_of: str, known_at: str, scope: str, *, before: View
) -> Row:
    """What is otherwise than in the assessment `before`."""
    now = _dossier(store, assessment_id, as_of, known_at, scope).assessment
    found: Row = plain(compare_assessments(_dossier(*before).assessment, now))
    return found


@st.cache_data(show_spinner=False, max_entries=8)
def agents(store: str, assessment_id: str, as_of: str, known_at: str, scope: str) -> list[Row]:
    """The registry at the assessment's clocks, with each agent's exceptions by control."""
    dossier = _dossier(store, assessment_id, as_of, known_at, scope)
    with open_store(Path(store)) as opened:
        found: list[Row] = plain(agent_rows(opened, dossier))
    return found


@st.cache_data(show_spinner=False, max_entries=32)
def agent(
    store: str, assessment_id: str, as_of: str, known_at: str, scope: str, *, agent_id: str
) -> Row | None:
    """One agent: registry row and its history, people, grants with their uses, items."""
    dossier = _dossier(store, assessment_id, as_of, known_at, scope)
    with open_store(Path(store)) as opened:
        found = agent_file(opened, dossier, agent_id)
    if found is None:
        return None
    model = dossier.maturity_model
    stages = plain(model.stages) if model else []
    standings = [plain(one) | {"missing": plain(one.missing)} for one in found.maturity]
    row: Row = plain(found)
    return row | {"maturity": standings, "stages": stages}


@st.cache_data(show_spinner=False, max_entries=8)
def findings(store: str, assessment_id: str, as_of: str, known_at: str, scope: str) -> Row:
    """Findings and tolerations at the assessment's clocks, and exceptions that nobody judged."""
    dossier = _dossier(store, assessment_id, as_of, known_at, scope)
    with open_store(Path(store)) as opened:
        rows = {
            table: list(opened.records.rows_as_of(table, as_of, known_at))
            for table in FOLLOW_UP_TABLES
        }
    found: Row = plain(follow_ups(dossier, rows))
    return found


@st.cache_data(show_spinner=False, max_entries=8)
def oversight(store: str, assessment_id: str, as_of: str, known_at: str, scope: str) -> Row:
    """Questions that wait for a person, and how those of the period were answered."""
    dossier = _dossier(store, assessment_id, as_of, known_at, scope)
    with open_store(Path(store)) as opened:
        found: Row = plain(approvals.oversight(opened, dossier))
    return found


@st.cache_data(show_spinner=False, max_entries=32)
def activity(
    store: str, assessment_id: str, as_of: str, known_at: str, scope: str,
    *, start: str, end: str, where: tuple[tuple[str, str], ...], text: str, offset: int,
) -> Row:  # fmt: skip
    """Events of a bounded window, newest first, their number, and how they divide."""
    _dossier(store, assessment_id, as_of, known_at, scope)
    window = Window(start, end, known_at, where, text)
    with open_store(Path(store)) as opened:
        rows, total = explore(opened.audit, window, EVENT_COLUMNS, limit=EVENT_ROWS, offset=offset)
        divided = {name: tally(opened.audit, window, [name]) for name in DIVIDED_BY}
    return {
        "rows": [{name: row[name] for name in ("event_id", *EVENT_COLUMNS)} for row in rows],
        "total": total,
        "divided": {name: [(key[0], n) for key, n in found] for name, found in divided.items()},
    }


@st.cache_data(show_spinner=False, max_entries=64)
def control(
    store: str, assessment_id: str, as_of: str, known_at: str, scope: str, *, control_id: str
) -> Row | None:
    """One control: its definition, its tests' results without items, and the clauses it serves."""
    dossier = _dossier(store, assessment_id, as_of, known_at, scope)
    result = dossier.results.get(control_id)
    definition = dossier.controls.get(control_id)
    if result is None or definition is None:
        return None
    tests = {test.id: test for test in definition.tests}
    return {
        **control_row(definition, result),
        **plain(definition, leave=("tests",)),
        "control_digest": result.control_digest,
        "engine_version": dossier.assessment.engine_version,
        "tests": [
            plain(test, leave=("items",))
            | {"definition": plain(tests[test.test_id], leave=("cases",))
               if test.test_id in tests else None}
            for test in result.tests
        ],
        "clauses": clauses_of(dossier, control_id),
    }  # fmt: skip


@st.cache_data(show_spinner=False, max_entries=32)
def items(
    store: str, assessment_id: str, as_of: str, known_at: str, scope: str, *, control_id: str
) -> list[Row]:
    """A control's listed items: exceptions, pending, and undetermined up to the test's limit."""
    found: list[Row] = plain(
        _dossier(store, assessment_id, as_of, known_at, scope).items(control_id)
    )
    return found


@st.cache_data(show_spinner=False, max_entries=64)
def item(
    store: str, assessment_id: str, as_of: str, known_at: str, scope: str,
    *, control_id: str, test_id: str, item_id: str,
) -> Row | None:  # fmt: skip
    """One listed or sampled item, or None where the assessment names no such item."""
    found = _dossier(store, assessment_id, as_of, known_at, scope).item(
        control_id, test_id, item_id
    )
    return plain(found) if found else None


@st.cache_data(show_spinner=False, max_entries=64)
def exceptions_among(
    store: str, assessment_id: str, as_of: str, known_at: str, scope: str, *, refs: tuple[str, ...]
) -> list[Row]:
    """The exceptions that rest on any of these evidence references."""
    dossier, wanted = _dossier(store, assessment_id, as_of, known_at, scope), set(refs)
    return [
        plain(item)
        for control_id, result in dossier.results.items()
        if result.exceptions
        for item in dossier.items(control_id)
        if item.outcome.value == "exception" and item.evidence_ref in wanted
    ]


@st.cache_data(show_spinner=False, max_entries=8)
def sources(store: str, assessment_id: str, as_of: str, known_at: str, scope: str) -> list[Row]:
    """One row per source as it was known then: last event, imports, rows imported and rejected."""
    ended = _dossier(store, assessment_id, as_of, known_at, scope).assessment.finished_at
    with open_store(Path(store)) as opened:
        batches = list(opened.records.batches())
    found: dict[str, Row] = {}
    for batch in batches:
        if not batch["finished_at"] or batch["finished_at"] > ended:
            continue
        row = found.setdefault(str(batch["source_id"]), _no_source(str(batch["source_id"])))
        row["imports"] += 1
        row["imported"] += int(batch["imported"] or 0)
        row["rejected"] += int(batch["rejected"] or 0)
        row["last_event"] = max(row["last_event"], str(batch["max_event_time"] or ""))
        row["last_import"] = max(row["last_import"], str(batch["finished_at"]))
    return sorted(found.values(), key=_silence)


def _silence(row: Row) -> tuple[bool, str, str]:
    """Sorts the source that was silent longest first; those that carry no events last."""
    return (not row["last_event"], row["last_event"], row["source_id"])


def _no_source(source_id: str) -> Row:
    return {"source_id": source_id, "imports": 0, "imported": 0, "rejected": 0, "last_event": "",
            "last_import": ""}  # fmt: skip


def evidence(evidence_ref: str) -> Row:
    """The way from a reference down to its sealed leaf, recomputed now."""
    with open_store(store_root()) as store:
        found: Row = plain(provenance(store, evidence_ref))
    return found


@st.cache_data(show_spinner=False, max_entries=4)
def reports(store: str, assessment_id: str, as_of: str, known_at: str, scope: str) -> list[Row]:
    """Every kind of report, and what may be given for each of its parameters; None for a day."""
    dossier = _dossier(store, assessment_id, as_of, known_at, scope)
    with open_store(Path(store)) as opened:
        found: list[Row] = plain(offered_reports(opened, dossier))
    return found


def packs() -> list[Row]:
    """The packs that lie in the store now, the latest first."""
    with open_store(store_root()) as store:
        found: list[Row] = plain(packs_of(store.layout))
    return found


def imports() -> list[Row]:
    """Every import batch with its counts, the latest first."""
    with open_store(store_root()) as store:
        rows = [{key: batch[key] for key in IMPORT_COLUMNS} for batch in store.records.batches()]
    return sorted(rows, key=lambda row: str(row["started_at"]), reverse=True)


def run(trace_id: str) -> tuple[list[Row], bool]:
    """The steps of one run, and whether there are more than are shown."""
    with open_store(store_root()) as store:
        table = store.audit.trace(trace_id, RUN_LIMIT + 1)
    rows = [{name: entry[name] for name in RUN_COLUMNS} for entry in entry_rows(table)]
    return rows[:RUN_LIMIT], len(rows) > RUN_LIMIT
