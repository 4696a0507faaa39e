"""A second opinion on the demo: plain Python over its source files, on its own.

Events are keyed by span id, which is unique in the demo. Every function returns the set of items
that the control's words make an exception.
"""

from __future__ import annotations

import csv
import json
from collections import defaultdict
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from muniment.model.times import to_nanos

ZONE = ZoneInfo("Europe/Copenhagen")
SPAN = {"traceId": "trace_id", "spanId": "span_id", "parentSpanId": "parent_span_id"}
NAMES = {
    "gen_ai.agent.id": "agent_id",
    "gen_ai.agent.name": "agent_name",
    "gen_ai.operation.name": "operation_name",
    "gen_ai.workflow.name": "workflow_name",
}
GROUPS = {
    "identity": ("agent_id",),
    "trace": ("trace_id", "span_id"),
    "action": ("operation_name", "target_name"),
    "input": ("input_sha256", "prompt_sha256", "context_refs"),
    "policy": ("policy_result",),
    "oversight": ("autonomy_tier",),
    "outcome": ("outcome",),
    "time": ("event_time",),
    "retention": ("retention_class", "retain_until"),
}


class Sources:
    """The files of one demo, read back."""

    def __init__(self, folder: Path, start: str, end: str) -> None:
        self.start, self.end = to_nanos(start), to_nanos(end)
        self.events = [*_lines(folder / "gateway.jsonl"), *_lines(folder / "agent_platform.jsonl")]
        self.events += _spans(folder / "otel_traces.jsonl")
        for event in self.events:
            event["at"] = to_nanos(event["event_time"])
        self.people = _register(folder / "people.csv", "person_id")
        self.agents = _register(folder / "agent_registry.csv", "agent_id")
        self.permissions = _register(folder / "permission_sets.csv", "agent_id")
        self.budgets = _register(folder / "budgets.csv", "owner_ref")
        with (folder / "approvals.csv").open(encoding="utf-8") as file:
            self.approvals = {row["approval_id"]: row for row in csv.DictReader(file)}

    def in_period(self) -> list[dict[str, Any]]:
        return [event for event in self.events if self.start <= event["at"] < self.end]

    def unregistered(self) -> set[str]:
        return {
            event["agent_id"]
            for event in self.in_period()
            if _at(self.agents, event["agent_id"], event["at"]) is None
        }

    def without_owner(self) -> set[str]:
        found = set()
        for agent_id in self.agents:
            agent = _at(self.agents, agent_id, self.end)
            if agent is None or agent["lifecycle_status"] != "active":
                continue
            owner = _at(self.people, agent["owner_ref"], self.end)
            if owner is None or owner["kind"] == "group" or owner["active"] != "true":
                found.add(agent_id)
        return found

    def outside_permissions(self) -> set[str]:
        found = set()
        for event in self.in_period():
            if event["target_type"] != "tool" or not event["executed"]:
                continue
            granted = _at(self.permissions, event["agent_id"], event["at"])
            tools = granted["tools"].split("|") if granted else []
            if event["target_name"] not in tools and "*" not in tools:
                found.add(event["span_id"])
        return found

    def not_approved_before(self) -> set[str]:
        found = set()
        for event in self.in_period():
            if event["autonomy_tier"] != "approval_required" or not event["executed"]:
                continue
            approval = self.approvals.get(event.get("approval_id", ""))
            if (
                approval is None
                or approval["decision"] != "approved"
                or to_nanos(approval["decided_at"]) >= event["at"]
                or approval["context_sha256"] != event["input_sha256"]
            ):
                found.add(event["span_id"])
        return found

    def lacking_a_group(self) -> set[str]:
        return {
            event["span_id"]
            for event in self.in_period()
            if any(all(event.get(n, "") == "" for n in names) for names in GROUPS.values())
        }

    def not_reconstructable(self) -> set[str]:
        runs = defaultdict(list)
        for event in self.events:
            runs[event["trace_id"]].append(event)
        found = set()
        for trace_id, run in runs.items():
            spans = {event["span_id"] for event in run}
            roots = [event for event in run if not event.get("parent_span_id")]
            orphan = any(e["parent_span_id"] not in spans for e in run if e.get("parent_span_id"))
            whole = bool(roots) and roots[0]["trigger_kind"] and roots[0]["outcome"]
            last = max(event["at"] for event in run)
            settled = last < self.end - 10 * 60 * 10**9
            if (orphan or not whole) and settled and self.start <= last < self.end:
                found.add(trace_id)
        return found

    def over_budget(self) -> set[str]:
        spent: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
        found = set()
        for call in sorted((e for e in self.events if "cost_usd" in e), key=lambda e: e["at"]):
            month = datetime.fromtimestamp(call["at"] // 10**9, ZONE).strftime("%Y-%m")
            key = (call["team_id"], month)
            budget = _at(self.budgets, call["team_id"], call["at"])
            assert budget is not None
            over = spent[key] >= Decimal(budget["limit_usd"])
            if over and call["executed"] and self.start <= call["at"] < self.end:
                found.add(call["span_id"])
            spent[key] += Decimal(call["cost_usd"])
        return found


def _lines(path: Path) -> list[dict[str, Any]]:
    with path.open(encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def _spans(path: Path) -> list[dict[str, Any]]:
    found = []
    for document in _lines(path):
        for resource in document["resourceSpans"]:
            for scope in resource["scopeSpans"]:
                found += [_span(span) for span in scope["spans"]]
    return found


def _span(span: dict[str, Any]) -> dict[str, Any]:
    event = {name: span[key] for key, name in SPAN.items() if key in span}
    nanos = int(span["startTimeUnixNano"])
    seconds = datetime.fromtimestamp(nanos // 10**9, ZoneInfo("UTC")).strftime("%Y-%m-%dT%H:%M:%S")
    event["event_time"] = f"{seconds}.{nanos % 10**9:09d}Z"
    for attribute in span["attributes"]:
        name = NAMES.get(attribute["key"], attribute["key"].rsplit(".", 1)[-1])
        event[name] = next(iter(attribute["value"].values()))
    return event


def _register(path: Path, key: str) -> dict[str, list[dict[str, str]]]:
    rows = defaultdict(list)
    with path.open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            rows[row[key]].append(row)
    return dict(rows)


def _at(register: dict[str, list[dict[str, str]]], key: str, moment: int) -> dict[str, str] | None:
    held = [row for row in register.get(key, []) if to_nanos(row["valid_from"]) <= moment]
    return max(held, key=lambda row: to_nanos(row["valid_from"]), default=None)
