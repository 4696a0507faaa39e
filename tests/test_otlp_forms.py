"""OTLP in all its forms: protobuf like JSON, logs of coding assistants, metrics."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from muniment.catalog.sources import load_source_maps
from muniment.errors import InputError
from muniment.ingest.files import examine
from muniment.ingest.otlp import read_otlp
from muniment.ingest.pipeline import recognise
from muniment.ingest.rows import Document
from tests.builders.sources import json_lines, mapped, span, traces

MAPS = load_source_maps()
TRACE = "5B8EFFF798038103D269B633813FC60C"
ROOT, LEAF = "EEE19B7EC3C1B173", "EEE19B7EC3C1B174"


def attribute(key: str, value: Any) -> dict[str, Any]:
    kinds = {bool: "boolValue", int: "intValue", float: "doubleValue", str: "stringValue"}
    plain = str(value) if type(value) is int else value
    return {"key": key, "value": {kinds[type(value)]: plain}}


def log(name: str | None = None, body: str | None = None, **attributes: Any) -> dict[str, Any]:
    """A log record; `event__name="x"` is the attribute `event.name`."""
    return {
        "timeUnixNano": "1544712660300000001",
        "attributes": [attribute(k.replace("__", "."), v) for k, v in attributes.items()],
        **({"eventName": name} if name else {}),
        **({"body": {"stringValue": body}} if body else {}),
    }


def logs(*records: dict[str, Any], service: str = "claude-code") -> dict[str, Any]:
    about = {"attributes": [attribute("service.name", service)]}
    return {"resourceLogs": [{"resource": about, "scopeLogs": [{"logRecords": list(records)}]}]}


def as_proto(document: dict[str, Any], kind: Any = ExportTraceServiceRequest) -> bytes:
    """The protobuf of an OTLP/JSON document whose ids are hexadecimal."""
    request = kind()
    for resource in document.get("resourceSpans", []):
        made = request.resource_spans.add()
        for scope in resource["scopeSpans"]:
            spans = made.scope_spans.add().spans
            for one in scope["spans"]:
                new = spans.add(
                    trace_id=bytes.fromhex(one["traceId"]), span_id=bytes.fromhex(one["spanId"]),
                    parent_span_id=bytes.fromhex(one.get("parentSpanId", "")), name=one["name"],
                    start_time_unix_nano=int(one["startTimeUnixNano"]),
                    end_time_unix_nano=int(one["endTimeUnixNano"]),
                )  # fmt: skip
                _fill(new.attributes, one["attributes"])
    for resource in document.get("resourceLogs", []):
        made = request.resource_logs.add()
        _fill(made.resource.attributes, resource["resource"]["attributes"])
        for scope in resource["scopeLogs"]:
            records = made.scope_logs.add().log_records
            for one in scope["logRecords"]:
                new = records.add(time_unix_nano=int(one["timeUnixNano"]))
                new.event_name = one.get("eventName", "")
                new.body.string_value = one["body"]["stringValue"] if "body" in one else ""
                if "body" not in one:
                    new.ClearField("body")
                _fill(new.attributes, one["attributes"])
    return bytes(request.SerializeToString())


def _fill(items: Any, attributes: list[dict[str, Any]]) -> None:
    names = {"stringValue": "string_value", "intValue": "int_value", "boolValue": "bool_value",
             "doubleValue": "double_value"}  # fmt: skip
    for one in attributes:
        ((kind, value),) = one["value"].items()
        made = items.add(key=one["key"])
        setattr(made.value, names[kind], int(value) if kind == "intValue" else value)


def framed(*messages: bytes) -> bytes:
    return b"".join(len(message).to_bytes(4, "big") + message for message in messages)


def rows_of(path: Path) -> list[dict[str, Any]]:
    taken, refused = mapped(path, recognise(path, MAPS))
    assert refused == []
    return [row.values for row in taken]


TWO = (
    traces(span(LEAF, ROOT, gen_ai__operation__name="execute_tool", gen_ai__tool__name="pay")),
    traces(span(ROOT, gen_ai__operation__name="invoke_agent", gen_ai__agent__id="billing")),
)
EVENTS = logs(log("claude_code.tool_result", tool_name="Bash", success=True, cost=0.1, n=3))


@pytest.mark.parametrize("form", ["exporter", "exporter zstd", "request"])
def test_otlp_protobuf_gives_the_rows_of_its_json(tmp_path: Path, form: str) -> None:
    path = tmp_path / "f"
    messages = [as_proto(one) for one in TWO]
    if form == "request":
        path.write_bytes(b"".join(messages))  # as protobuf joins what repeats
    elif form == "exporter":
        path.write_bytes(framed(*messages))
    else:
        path.write_bytes(framed(*(pa.compress(m, "zstd", asbytes=True) for m in messages)))
    expected = rows_of(json_lines(tmp_path / "f.json", *TWO))
    assert rows_of(path) == expected
    assert expected[0]["agent_id"] == "billing"
    assert expected[0]["trace_id"] == TRACE.lower()


def test_otlp_protobuf_logs_give_the_rows_of_their_json(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(framed(as_proto(EVENTS, ExportLogsServiceRequest)))
    assert rows_of(path) == rows_of(json_lines(tmp_path / "f.json", EVENTS))


def test_otlp_protobuf_metrics_give_exact_points(tmp_path: Path) -> None:
    request = ExportMetricsServiceRequest()
    metric = request.resource_metrics.add().scope_metrics.add().metrics.add(name="cost.usage")
    metric.sum.data_points.add(as_double=0.1, time_unix_nano=1544712660300000001)
    metric.sum.data_points.add(as_int=0, time_unix_nano=1544712660300000002)
    (tmp_path / "f").write_bytes(request.SerializeToString())
    first, second = rows_of(tmp_path / "f")
    assert first["event_time"] == "2018-12-13T14:51:00.300000001Z"
    assert '"value":0.1' in first["input_sanitised"]
    assert '"value":"0"' in second["input_sanitised"]


def test_otlp_hex_ids_are_never_read_as_base64(tmp_path: Path) -> None:
    # protobuf's JSON reader makes 24 bytes of these 32 hexadecimal digits.
    path = json_lines(tmp_path / "f", traces(span(LEAF)))
    (row,) = rows_of(path)
    assert (row["trace_id"], row["span_id"]) == (TRACE.lower(), LEAF.lower())
    mixed = json_lines(tmp_path / "g", traces(span(LEAF.lower()) | {"traceId": TRACE.lower()}))
    assert rows_of(mixed) == [row]


def test_otlp_protobuf_that_ends_early_loses_its_last_message_in_words(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(framed(*map(as_proto, TWO))[:-5])
    taken, (refused,) = mapped(path, MAPS["otlp_genai"])
    assert len(taken) == 1
    assert (refused.place, refused.kind) == (2, "message cut off")
    assert "bytes are unread" in refused.reason


def test_otlp_protobuf_message_that_is_broken_is_refused_alone(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(framed(as_proto(TWO[0]), b"\x0a\x05junk!", as_proto(TWO[1])))
    taken, (refused,) = mapped(path, MAPS["otlp_genai"])
    assert (len(taken), refused.place, refused.kind) == (2, 2, "not OTLP")


def test_otlp_request_that_ends_early_is_one_error(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"".join(map(as_proto, TWO))[:-5])
    with pytest.raises(InputError, match="Nothing was imported"):
        mapped(path, MAPS["otlp_genai"])


def test_otlp_protobuf_wrong_ids_are_refused_alone(tmp_path: Path) -> None:
    request = ExportTraceServiceRequest()
    spans = request.resource_spans.add().scope_spans.add().spans
    spans.add(trace_id=b"1" * 16, span_id=b"2" * 8, name="a", start_time_unix_nano=1)
    spans.add(trace_id=b"short", span_id=b"2" * 8, name="b", start_time_unix_nano=1)
    (tmp_path / "f").write_bytes(request.SerializeToString())
    taken, (refused,) = mapped(tmp_path / "f", MAPS["otlp_genai"])
    assert (len(taken), refused.kind) == (1, "bad span id")


def test_otlp_event_is_named_in_any_of_three_places(tmp_path: Path) -> None:
    records = [
        log("claude_code.tool_result"),
        log(event__name="claude_code.tool_result"),
        log(body="claude_code.tool_result", event__name="tool_result"),
        log(body="a sentence that is no name"),
    ]
    path = json_lines(tmp_path / "f", logs(*records))
    names = [p.value["event"] for p in read_otlp(examine(path)) if isinstance(p, Document)]
    assert names == ["claude_code.tool_result"] * 3 + [None]


def one(tmp_path: Path, record: dict[str, Any], service: str = "claude-code") -> Any:
    path = json_lines(tmp_path / "f", logs(record, service=service))
    (row,), refused = mapped(path, recognise(path, MAPS))
    assert refused == []
    return row


def test_otlp_claude_input_tokens_hold_what_came_from_the_cache(tmp_path: Path) -> None:
    record = log("claude_code.api_request", input_tokens=3, cache_read_tokens="900",
                 cache_creation_tokens=50, output_tokens=7, cost_usd=0.0123456789012,
                 model="m")  # fmt: skip
    row = one(tmp_path, record).values
    assert (row["input_tokens"], row["cache_read_tokens"]) == (953, 900)
    assert (row["cost_usd"], row["cost_basis"]) == ("0.012345679", "reported")
    assert (row["action_type"], row["model"], row["agent_id"]) == ("model_call", "m", "claude-code")


def test_otlp_codex_and_gemini_input_holds_the_cache_already(tmp_path: Path) -> None:
    codex = log("codex.sse_event", event__kind="response.completed", input_token_count=950,
                cached_token_count=900, output_token_count=7)  # fmt: skip
    gemini = log("gemini_cli.api_response", input_token_count=950, cached_content_token_count=900)
    assert one(tmp_path, codex, "codex_cli_rs").values["input_tokens"] == 950
    assert one(tmp_path, gemini, "gemini-cli").values["input_tokens"] == 950


@pytest.mark.parametrize(
    ("source", "decision", "expected"),
    [
        ("user_temporary", "accept", ("approve", "human", "per_call_approved", "approved", None)),
        ("user_reject", "reject", ("approve", "human", "rejected", "rejected", "denied")),
        ("user_permanent", "accept", ("policy_check", None, "standing_grant", None, None)),
        ("config", "accept", ("policy_check", None, "auto_approved", None, None)),
        ("hook", "reject", ("policy_check", None, "auto_approved", None, "denied")),
    ],
)
def test_otlp_claude_decision_is_a_persons_only_where_a_person_decided_this_call(
    tmp_path: Path, source: str, decision: str, expected: tuple[str | None, ...]
) -> None:
    record = log("claude_code.tool_decision", source=source, decision=decision, tool_name="Bash")
    row = one(tmp_path, record).values
    names = ("action_type", "oversight_actor_type", "authorization_status", "oversight_decision",
             "outcome")  # fmt: skip
    assert tuple(row.get(name) for name in names) == expected


@pytest.mark.parametrize("name", ["custom", "mcp_tool", "third-party"])
def test_otlp_claude_masked_tool_name_is_redacted_and_not_missing(
    tmp_path: Path, name: str
) -> None:
    masked = one(tmp_path, log("claude_code.tool_result", tool_name=name, success="true"))
    assert "target_name" in masked.redacted
    assert "target_name" not in masked.values
    absent = one(tmp_path, log("claude_code.tool_result", success="true"))
    assert "target_name" not in absent.redacted


def test_otlp_claude_commit_is_read_from_json_inside_the_attribute(tmp_path: Path) -> None:
    inner = json.dumps({"git_commit_id": "abc", "command": "git push sk-aaaaaaaaaaaaaaaaaaaaaaaa"})
    record = log("claude_code.tool_result", tool_name="Bash", success=True, tool_parameters=inner)
    row = one(tmp_path, record).values
    assert row["downstream_ref"] == "abc"
    assert "[secret]" in row["input_sanitised"]


def test_otlp_claude_modes_give_the_tier(tmp_path: Path) -> None:
    tiers = {}
    for mode in ("plan", "acceptEdits", "bypassPermissions", "dontAsk"):
        record = log("claude_code.permission_mode_changed", to_mode=mode)
        tiers[mode] = one(tmp_path, record).values.get("autonomy_tier")
    assert tiers == {
        "plan": "approval_required", "acceptEdits": "supervised",
        "bypassPermissions": "autonomous", "dontAsk": None,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("decision", "actor", "status", "executed"),
    [
        ("accept", "human", "per_call_approved", True),
        ("auto_accept", "policy", "auto_approved", True),
        ("modify", "human", "edited_then_approved", True),
        ("reject", "human", "rejected", False),
    ],
)
def test_otlp_gemini_tells_accepted_from_accepted_by_itself(
    tmp_path: Path, decision: str, actor: str, status: str, executed: bool
) -> None:
    record = log("gemini_cli.tool_call", decision=decision, function_name="f", success=executed)
    row = one(tmp_path, record, "gemini-cli").values
    found = (row["oversight_actor_type"], row["authorization_status"], row["executed"])
    assert found == (actor, status, executed)


def test_otlp_codex_arguments_are_sanitised_and_output_is_left(tmp_path: Path) -> None:
    record = log("codex.tool_result", arguments="mail ada@example.org", output="secret text",
                 success="false", tool_name="shell", call_id="c1")  # fmt: skip
    row = one(tmp_path, record, "codex_cli_rs").values
    assert row["input_sanitised"] == "mail [e-mail]"
    assert "secret text" not in str(row)
    assert (row["outcome"], row["target_ref"]) == ("failure", "c1")


def test_otlp_user_missing_is_not_carried_and_masked_prompt_is_redacted(tmp_path: Path) -> None:
    row = one(tmp_path, log("claude_code.user_prompt", prompt="<REDACTED>", prompt_length=9))
    assert "user_ref" not in row.values
    assert {"input_sanitised", "input_sha256"} <= set(row.redacted)


def test_otlp_other_log_of_a_service_names_no_agent(tmp_path: Path) -> None:
    row = one(tmp_path, log(body="order 7 was paid"), "shop").values
    assert "agent_id" not in row
    assert row["client_app"] == "shop"


def test_otlp_line_without_telemetry_is_refused_alone(tmp_path: Path) -> None:
    path = json_lines(tmp_path / "f", logs(log("a")), {"resource": 1}, logs(log("b")))
    taken, (refused,) = mapped(path, MAPS["otlp_logs"])
    assert (len(taken), refused.place, refused.kind) == (2, 2, "no telemetry")


def test_otlp_file_of_mixed_signals_gives_all_of_them(tmp_path: Path) -> None:
    path = json_lines(tmp_path / "f", traces(span(ROOT)), logs(log("a")), traces(span(LEAF, ROOT)))
    kinds = [sorted(p.value) for p in read_otlp(examine(path)) if isinstance(p, Document)]
    assert ["log" in kind for kind in kinds] == [False, True, False]
