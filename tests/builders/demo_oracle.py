"""The demo's source files read back with plain Python, for a second opinion on what is in them.

Events are keyed by span id, which is unique in the demo.
"""

from __future__ import annotations

import csv
import json
from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.parquet as pq

from muniment.model.records import RECORD_TABLE_BY_NAME
from muniment.model.times import to_nanos

ZONE = ZoneInfo("Europe/Copenhagen")
Register = dict[str, list[dict[str, str]]]
SPAN = {"traceId": "trace_id", "spanId": "span_id", "parentSpanId": "parent_span_id"}
NAMES = {
    "gen_ai.agent.id": "agent_id",
    "gen_ai.agent.name": "agent_name",
    "gen_ai.operation.name": "operation_name",
    "gen_ai.workflow.name": "workflow_name",
    "gen_ai.conversation.id": "conversation_id",
    "gen_ai.response.model": "model",
}
LISTS = ("context_refs", "delegation_scopes", "required_scopes")
PLATFORM = ("runs", "steps", "handovers", "decisions")


class Sources:
    """The files of one demo, read back. Events hold only what their line carries."""

    def __init__(self, folder: Path, start: str, end: str) -> None:
        self.start, self.end = to_nanos(start), to_nanos(end)
        self.events = list(_gathered(folder))
        self.spans = {event["span_id"]: event for event in self.events}
        self.registers = {
            path.stem: _register(path)
            for path in folder.glob("*.csv")
            if path.stem in RECORD_TABLE_BY_NAME
        }
        self.agents, self.people = self.registers["agent"], self.registers["person"]
        self.approvals = {key: rows[-1] for key, rows in self.registers["approval"].items()}
        self.permissions = self.by("permission_set", "agent_id")

    def by(self, table: str, column: str) -> Register:
        """A register's rows by another column than its key."""
        found: Register = defaultdict(list)
        for rows in self.registers[table].values():
            for row in rows:
                found[row[column]].append(row)
        return dict(found)

    def in_period(self) -> list[dict[str, Any]]:
        """Events from the period's start up to the as-of instant."""
        return [event for event in self.events if self.start <= event["at"] < self.end]

    def ran(self) -> list[dict[str, Any]]:
        """Events of the period that took effect."""
        return [event for event in self.in_period() if event.get("executed") is True]

    def now(self, table: str) -> list[dict[str, str]]:
        """The rows of a register that hold at the as-of instant."""
        rows = (held(self.registers[table], key, self.end) for key in self.registers[table])
        return [row for row in rows if row is not None]

    def active(self) -> list[dict[str, str]]:
        """Agents that are in use at the as-of instant."""
        return [row for row in self.now("agent") if row["lifecycle_status"] == "active"]


def held(register: Register, key: str, moment: int) -> dict[str, str] | None:
    """The row of a key that held at an instant."""
    rows = [row for row in register.get(key, []) if to_nanos(row["valid_from"]) <= moment]
    return max(rows, key=lambda row: to_nanos(row["valid_from"]), default=None)


def texts(cell: str) -> list[str]:
    """A cell that holds a list."""
    return cell.split("|") if cell else []


def nanos(cell: str) -> int | None:
    """A cell that holds a time."""
    return to_nanos(cell) if cell else None


def _gathered(folder: Path) -> Iterator[dict[str, Any]]:
    for name in ("gateway", *(f"platform_{table}" for table in PLATFORM)):
        yield from _parquet(folder / f"{name}.parquet")
    for event in _lines(folder / "policy_decisions.jsonl"):
        times = {n: to_nanos(v) for n, v in event.items() if n.endswith(("_at", "_time"))}
        yield event | times | {"at": times["event_time"]}
    for document in _lines(folder / "otel_traces.jsonl"):
        for resource in document["resourceSpans"]:
            for scope in resource["scopeSpans"]:
                yield from map(_span, scope["spans"])


def _parquet(path: Path) -> Iterator[dict[str, Any]]:
    table = pq.read_table(path)
    for number, field in enumerate(table.schema):
        if pa.types.is_timestamp(field.type):
            table = table.set_column(number, field.name, table[field.name].cast(pa.int64()))
    for row in table.to_pylist():
        event = {name: value for name, value in row.items() if value is not None}
        for name in LISTS:
            if name in event:
                event[name] = event[name].split("|")
        yield event | {"at": event["event_time"]}


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8") as file:
        yield from map(json.loads, file)


def _span(span: dict[str, Any]) -> dict[str, Any]:
    event = {name: span[key] for key, name in SPAN.items() if key in span}
    event["at"] = event["event_time"] = int(span["startTimeUnixNano"])
    event["traced"] = True  # a span that lacks an attribute does not say that there was none
    for attribute in span["attributes"]:
        name = NAMES.get(attribute["key"], attribute["key"].rsplit(".", 1)[-1])
        value = next(iter(attribute["value"].values()))
        if name in LISTS:
            value = [one["stringValue"] for one in value["values"]]
        elif name.endswith("_at"):
            value = to_nanos(value)
        elif name in {"amount", "cost_usd", "confidence"}:
            value = Decimal(value)
        elif name == "records_affected":
            value = int(value)
        event[name] = value
    return event


def _register(path: Path) -> Register:
    rows: Register = defaultdict(list)
    with path.open(encoding="utf-8") as file:
        reader = csv.DictReader(file)
        key = (reader.fieldnames or ["", ""])[1]
        for row in reader:
            rows[row[key]].append(row)
    return dict(rows)


def local_month(moment: int) -> str:
    """The month of an instant in Copenhagen."""
    return datetime.fromtimestamp(moment // 10**9, ZONE).strftime("%Y-%m")
