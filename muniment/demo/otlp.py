"""Events as OpenTelemetry spans in OTLP/JSON, one trace to a line, as the file exporter writes."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from decimal import Decimal
from itertools import groupby
from typing import Any

from muniment.demo.clock import utc_text
from muniment.demo.runs import Event, Value
from muniment.model.columns import ColumnKind
from muniment.model.entries import ENTRY_COLUMN_BY_NAME

# What OpenTelemetry's GenAI conventions have a name for; the rest goes under our own prefix.
STANDARD = {
    "agent_id": "gen_ai.agent.id",
    "agent_name": "gen_ai.agent.name",
    "agent_version": "gen_ai.agent.version",
    "operation_name": "gen_ai.operation.name",
    "workflow_name": "gen_ai.workflow.name",
    "provider": "gen_ai.provider.name",
    "model": "gen_ai.response.model",
    "input_tokens": "gen_ai.usage.input_tokens",
    "output_tokens": "gen_ai.usage.output_tokens",
}
OWN_PREFIX = "muniment."
# Said by the span itself.
SPAN_FIELDS = frozenset({"trace_id", "span_id", "parent_span_id", "event_time", "end_time"})
_KINDS = {"run": 1, "model_call": 3}


def otlp_documents(events: Iterable[Event]) -> Iterator[dict[str, Any]]:
    """One `TracesData` object per trace, traces by their first span."""
    ordered: dict[str, list[Event]] = {}
    for event in events:
        ordered.setdefault(str(event.values["trace_id"]), []).append(event)
    for spans in ordered.values():
        groups = groupby(spans, key=lambda event: str(event.values["agent_id"]))
        yield {"resourceSpans": [_resource(agent, list(group)) for agent, group in groups]}


def _resource(agent_id: str, events: list[Event]) -> dict[str, Any]:
    return {
        "resource": {
            "attributes": [
                _attribute("service.name", str(events[0].values["workflow_name"])),
                _attribute("service.namespace", "northwind"),
                _attribute("service.instance.id", f"{agent_id.lower()}-0"),
            ]
        },
        "scopeSpans": [{"scope": {"name": "northwind.agents"}, "spans": list(map(_span, events))}],
    }


def _span(event: Event) -> dict[str, Any]:
    values = event.values
    span: dict[str, Any] = {
        "traceId": values["trace_id"],
        "spanId": values["span_id"],
        "name": f"{values['operation_name']} {values['target_name']}",
        "kind": _KINDS.get(str(values["action_type"]), 1),
        "startTimeUnixNano": str(values["event_time"]),
        "endTimeUnixNano": str(values["end_time"]),
        "attributes": [
            _attribute(STANDARD.get(name, OWN_PREFIX + name), _typed(name, value))
            for name, value in values.items()
            if name not in SPAN_FIELDS
        ]
        + _content(values),
        "status": {"code": 1 if values["outcome"] == "success" else 2},
    }
    if "parent_span_id" in values:
        span["parentSpanId"] = values["parent_span_id"]
    return span


def _content(values: dict[str, Value]) -> list[dict[str, Any]]:
    """What went in, where the conventions have a place for it: tool arguments, system prompt."""
    if values["target_type"] == "tool":
        arguments = json.dumps({"ref": values["target_ref"]})
        return [_attribute("gen_ai.tool.call.arguments", arguments)]
    if values["action_type"] == "model_call":
        prompt = f"You are {values['agent_name']}, version {values['agent_version']}."
        return [_attribute("gen_ai.system_instructions", prompt)]
    return []


def _typed(name: str, value: Value) -> Value:
    if isinstance(value, Decimal):
        return f"{value:f}"
    if ENTRY_COLUMN_BY_NAME[name].kind is ColumnKind.TIME and isinstance(value, int):
        return utc_text(value)
    return value


def _attribute(key: str, value: Value) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"key": key, "value": {"boolValue": value}}
    if isinstance(value, int):
        # OTLP/JSON writes 64-bit integers as text.
        return {"key": key, "value": {"intValue": str(value)}}
    if isinstance(value, list):
        texts = [{"stringValue": text} for text in value]
        return {"key": key, "value": {"arrayValue": {"values": texts}}}
    return {"key": key, "value": {"stringValue": str(value)}}
