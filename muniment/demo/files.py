"""The demo as files: CSV registers, JSON Lines logs, OTLP traces, as other systems export them."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable
from decimal import Decimal
from pathlib import Path
from typing import Any

from muniment.demo.clock import local_text, utc_text
from muniment.demo.generate import Demo
from muniment.demo.otlp import otlp_documents
from muniment.demo.registers import Row
from muniment.demo.runs import AGENT_LOG, GATEWAY, OTLP, Event, Value
from muniment.model.columns import ColumnKind
from muniment.model.entries import ENTRY_COLUMN_BY_NAME
from muniment.model.records import BITEMPORAL_COLUMNS, RECORD_TABLE_BY_NAME

LIST_SEPARATOR = "|"
POLICY_FILE = "ai_policy_2026.txt"
POLICY_TEXT = """Northwind Freight: policy on the use of AI agents

Version 3, approved by the board on 2026-10-05, in force from 2026-10-06.

1. Every agent is registered, with a person as owner, before it acts.
2. An agent does what its permission set lists, and nothing else.
3. Payments above EUR 1,000, customs declarations and tariffs wait for a person's approval.
4. What an agent does is logged so that a stranger can follow it from trigger to outcome.
5. Each team has a monthly budget for model calls; at the limit, calls stop.
"""


def write_sources(demo: Demo, folder: Path) -> dict[str, int]:
    """Write every source file into `folder`; returns rows by file name, in the order of loading."""
    folder.mkdir(parents=True, exist_ok=True)
    counts = {
        "people.csv": _write_csv(folder / "people.csv", "person", demo.people, utc_text),
        "agent_registry.csv": _write_csv(
            folder / "agent_registry.csv", "agent", demo.agents, utc_text
        ),
        "permission_sets.csv": _write_csv(
            folder / "permission_sets.csv", "permission_set", demo.permissions, utc_text
        ),
        # The service desk writes Copenhagen time with its offset; everything else writes UTC.
        "approvals.csv": _write_csv(
            folder / "approvals.csv", "approval", demo.approvals, local_text
        ),
        "budgets.csv": _write_csv(folder / "budgets.csv", "budget", demo.budgets, utc_text),
    }
    for name, source in (("gateway.jsonl", GATEWAY), ("agent_platform.jsonl", AGENT_LOG)):
        counts[name] = _write_lines(folder / name, map(_plain, demo.events[source]))
    _write_lines(folder / "otel_traces.jsonl", otlp_documents(demo.events[OTLP]))
    counts["otel_traces.jsonl"] = len(demo.events[OTLP])
    (folder / POLICY_FILE).write_text(POLICY_TEXT, encoding="utf-8", newline="\n")
    return counts


def _write_csv(path: Path, table: str, rows: list[Row], clock: Callable[[int], str]) -> int:
    columns = (*BITEMPORAL_COLUMNS, *RECORD_TABLE_BY_NAME[table].columns)
    kinds = {column.name: column.kind for column in columns}
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        names = list(rows[0])
        writer.writerow(names)
        for row in rows:
            writer.writerow([_cell(row[name], kinds[name], clock) for name in names])
    return len(rows)


def _cell(value: Value, kind: ColumnKind, clock: Callable[[int], str]) -> str:
    if isinstance(value, list):
        return LIST_SEPARATOR.join(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if kind is ColumnKind.TIME and isinstance(value, int):
        return clock(value)
    return str(value)


def _write_lines(path: Path, documents: Iterable[dict[str, Any]]) -> int:
    count = 0
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for document in documents:
            file.write(json.dumps(document, ensure_ascii=False, separators=(",", ":")) + "\n")
            count += 1
    return count


def _plain(event: Event) -> dict[str, Any]:
    """An event under the names of the entry columns."""
    line = {name: _json(name, value) for name, value in event.values.items()}
    return {"id": f"{event.source}-{event.values['span_id']}"} | line


def _json(name: str, value: Value) -> Any:
    if isinstance(value, Decimal):
        return f"{value:f}"
    if ENTRY_COLUMN_BY_NAME[name].kind is ColumnKind.TIME and isinstance(value, int):
        return utc_text(value)
    return value
