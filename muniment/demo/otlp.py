"""Events as OpenTelemetry spans in OTLP/JSON, one trace to a line, as the file exporter writes."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import Any

import orjson
import pyarrow as pa

from muniment.demo.clock import utc_text
from muniment.demo.logs import ID, LIST_SEPARATOR
from muniment.demo.runs import UNIT
from muniment.model.columns import ColumnKind
from muniment.model.entries import ENTRY_COLUMN_BY_NAME

# What OpenTelemetry's GenAI conventions have a name for; the rest goes under our own prefix.
STANDARD = {
    "agent_id": "gen_ai.agent.id",
    "agent_name": "gen_ai.agent.name",
    "agent_version": "gen_ai.agent.version",
    "conversation_id": "gen_ai.conversation.id",
    "operation_name": "gen_ai.operation.name",
    "workflow_name": "gen_ai.workflow.name",
    "provider": "gen_ai.provider.name",
    "model": "gen_ai.response.model",
    "input_tokens": "gen_ai.usage.input_tokens",
    "output_tokens": "gen_ai.usage.output_tokens",
}
OWN_PREFIX = "muniment."
# Said by the span itself.
SPAN_FIELDS = frozenset({"trace_id", "span_id", "parent_span_id", "event_time", "end_time", ID})
_CLIENT, _INTERNAL = 3, 1
_OK, _ERROR = 1, 2


def otlp_documents(log: pa.Table) -> Iterator[dict[str, Any]]:
    """One `TracesData` object per trace, traces by their first span."""
    traces: dict[str, list[dict[str, Any]]] = {}
    for row in log.to_pylist():
        traces.setdefault(row["trace_id"], []).append(row)
    for spans in traces.values():
        groups = groupby(spans, key=lambda row: row.get("workflow_name"))
        yield {"resourceSpans": [_resource(str(flow), list(group)) for flow, group in groups]}


def _resource(flow: str, rows: list[dict[str, Any]]) -> dict[str, Any]:
    about = {"service.name": flow, "service.namespace": "northwind",
             "service.instance.id": f"{flow}-0"}  # fmt: skip
    return {
        "resource": {"attributes": [_attribute(*pair) for pair in about.items()]},
        "scopeSpans": [{"scope": {"name": "northwind.agents"}, "spans": list(map(_span, rows))}],
    }


def _span(row: dict[str, Any]) -> dict[str, Any]:
    said = {
        STANDARD.get(name, OWN_PREFIX + name): _value(name, value)
        for name, value in row.items()
        if value is not None and name not in SPAN_FIELDS
    } | _content(row)
    span: dict[str, Any] = {
        "traceId": row["trace_id"],
        "spanId": row["span_id"],
        "name": f"{row['operation_name']} {row['target_name']}",
        "kind": _CLIENT if row["action_type"] == "model_call" else _INTERNAL,
        "startTimeUnixNano": str(row["event_time"]),
        "endTimeUnixNano": str(row["end_time"]),
        "attributes": [_attribute(*pair) for pair in said.items()],
        "status": {"code": _OK if row["outcome"] == "success" else _ERROR},
    }
    if row["parent_span_id"] is not None:
        span["parentSpanId"] = row["parent_span_id"]
    return span


def _content(row: dict[str, Any]) -> dict[str, Any]:
    """What went in, where the conventions have a place for it: tool arguments, system prompt."""
    if row["target_type"] == "tool":
        text = row.get("input_sanitised") or orjson.dumps({"ref": row["target_ref"]}).decode()
        return {"gen_ai.tool.call.arguments": text}
    if row["action_type"] == "model_call":
        prompt = f"You are {row['agent_name']}, version {row['agent_version']}."
        return {"gen_ai.system_instructions": prompt}
    return {}


def _value(name: str, value: Any) -> Any:
    kind = ENTRY_COLUMN_BY_NAME[name].kind
    if kind is ColumnKind.TIME:
        return utc_text(value)
    if kind is ColumnKind.DECIMAL:
        whole, rest = divmod(value, UNIT)
        return f"{whole}.{rest:09d}"
    return value.split(LIST_SEPARATOR) if kind is ColumnKind.TEXT_LIST else value


def _attribute(key: str, value: Any) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"key": key, "value": {"boolValue": value}}
    if isinstance(value, int):
        # OTLP/JSON writes 64-bit integers as text.
        return {"key": key, "value": {"intValue": str(value)}}
    if isinstance(value, list):
        texts = [{"stringValue": text} for text in value]
        return {"key": key, "value": {"arrayValue": {"values": texts}}}
    return {"key": key, "value": {"stringValue": str(value)}}
