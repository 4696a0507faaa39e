"""Audit formats and their traps, on small files of our own, recognised by their fields."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from muniment.catalog.sources import load_source_maps
from muniment.ingest.pipeline import ingest_file
from muniment.model.times import now
from muniment.store.open import Store
from tests.builders.sources import only_row, recognised

SPEND = {
    "request_id": "r1", "call_type": "acompletion", "startTime": "2026-11-20 10:00:00.5",
    "endTime": "2026-11-20 10:00:01", "spend": 0.00022500000000000002, "model": "m",
    "prompt_tokens": 10, "completion_tokens": 20, "status": "success", "messages": "{}",
    "metadata": "{}", "user": "ada", "team_id": "", "mcp_namespaced_tool_name": None,
}  # fmt: skip


def test_litellm_time_without_zone_is_declared_utc(tmp_path: Path) -> None:
    row = only_row(tmp_path, "litellm_spend_logs", SPEND).values
    assert (row["event_time"], row["time_basis"]) == ("2026-11-20T10:00:00.500000000Z", "declared")
    assert row["cost_usd"] == "0.000225000"


@pytest.mark.parametrize("messages", [{}, "{}", [], "[]"])
def test_litellm_empty_messages_are_no_input_in_either_spelling(
    tmp_path: Path, messages: Any
) -> None:
    row = only_row(tmp_path, "litellm_spend_logs", SPEND | {"messages": messages})
    assert not {"input_sha256", "input_sanitised"} & row.values.keys()
    assert {"input_sha256", "input_sanitised"} <= set(row.empty)


def test_litellm_cut_messages_are_masked_and_have_no_digest(tmp_path: Path) -> None:
    cut = [{"role": "user", "content": "a … (litellm_truncated 900 chars)"}]
    row = only_row(tmp_path, "litellm_spend_logs", SPEND | {"messages": cut})
    assert {"input_sha256", "input_sanitised"} <= set(row.redacted)


@pytest.mark.parametrize("as_text", [True, False])
def test_litellm_metadata_is_read_as_object_and_as_text(tmp_path: Path, as_text: bool) -> None:
    metadata = {
        "applied_guardrails": ["pii"],
        "guardrail_information": [{"guardrail_name": "pii", "guardrail_status": "success"}],
        "usage_object": {"cache_read_input_tokens": 4},
    }
    given = json.dumps(metadata) if as_text else metadata
    row = only_row(tmp_path, "litellm_spend_logs", SPEND | {"metadata": given}).values
    assert (row["policy_checked"], row["policy_result"], row["policy_id"]) == (True, "allow", "pii")
    assert row["cache_read_tokens"] == 4


def test_litellm_tool_call_is_an_act_and_not_a_model_call(tmp_path: Path) -> None:
    row = only_row(tmp_path, "litellm_spend_logs", SPEND | {"mcp_namespaced_tool_name": "crm-find"})
    assert (row.values["target_type"], row.values["target_name"]) == ("tool", "crm-find")
    assert "input_tokens" not in row.values


DECISION = {
    "decision_id": "d1", "timestamp": "2026-11-20T10:00:00.123456789Z", "path": "agents/allow",
    "input": {"agent_id": "a1", "tool": "pay"}, "result": True,
    "bundles": {"authz": {"revision": "r7"}, "data": {"revision": "r8"}},
}  # fmt: skip


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        (True, "allow"), ("false", "deny"), ({"allow": False}, "deny"),
        ({"decision": "escalate"}, "escalate"), (["a violation"], None), ({"score": 3}, None),
    ],
)  # fmt: skip
def test_opa_result_is_taken_where_it_is_plain_and_never_guessed(
    tmp_path: Path, result: Any, expected: str | None
) -> None:
    row = only_row(tmp_path, "opa_decision_log", [DECISION | {"result": result}]).values
    assert row.get("policy_result") == expected
    assert (row["policy_version"], row["agent_id"]) == ("r7,r8", "a1")


def test_opa_masked_input_is_told_from_whole_input(tmp_path: Path) -> None:
    masked = only_row(tmp_path, "opa_decision_log", [DECISION | {"masked": ["/input/password"]}])
    assert {"input_sanitised", "input_sha256"} <= set(masked.redacted)
    assert masked.values["input_sanitised"] == '{"agent_id":"a1","tool":"pay"}'
    assert only_row(tmp_path, "opa_decision_log", [DECISION]).redacted == []


def test_opa_input_of_another_shape_loses_no_decision(tmp_path: Path) -> None:
    odd = DECISION | {"input": {"agent": {"name": "A"}, "path": ["salary", "bob"], "tool": {}}}
    row = only_row(tmp_path, "opa_decision_log", [odd]).values
    assert (row["policy_result"], row["agent_name"]) == ("allow", "A")
    assert "target_ref" not in row


def test_opa_error_is_no_denial(tmp_path: Path) -> None:
    failed = {k: v for k, v in DECISION.items() if k != "result"} | {"error": {"code": "eval"}}
    row = only_row(tmp_path, "opa_decision_log", [failed]).values
    assert (row["policy_result"], row["error_type"]) == ("error", "eval")


def trail(**changes: Any) -> dict[str, Any]:
    session = {"sessionContext": {"sessionIssuer": {"arn": "arn:aws:iam::1:role/shop-agent"}}}
    record = {
        "eventVersion": "1.11", "eventID": "e1", "eventTime": "2026-11-20T10:00:00Z",
        "eventSource": "bedrock.amazonaws.com", "eventName": "InvokeModel", "readOnly": True,
        "userIdentity": {"type": "AssumedRole", "arn": "arn:aws:sts::1:assumed-role/x", **session},
        "requestParameters": {"modelId": "some.model"}, **changes,
    }  # fmt: skip
    return {"Records": [record]}


def test_cloudtrail_model_call_names_the_role_as_agent(tmp_path: Path) -> None:
    row = only_row(tmp_path, "cloudtrail", trail()).values
    assert (row["action_type"], row["model"]) == ("model_call", "some.model")
    assert row["agent_id"] == "arn:aws:iam::1:role/shop-agent"
    assert (row["outcome"], row["executed"]) == ("success", True)


@pytest.mark.parametrize(
    ("code", "outcome", "executed"),
    [("AccessDenied", "denied", False), ("ThrottlingException", "failure", None)],
)
def test_cloudtrail_error_code_is_written_only_where_a_call_failed(
    tmp_path: Path, code: str, outcome: str, executed: bool | None
) -> None:
    row = only_row(tmp_path, "cloudtrail", trail(errorCode=code)).values
    assert (row["outcome"], row.get("executed")) == (outcome, executed)


def test_cloudtrail_person_in_the_console_is_no_agent(tmp_path: Path) -> None:
    person = {"type": "IAMUser", "userName": "ada", "arn": "arn:aws:iam::1:user/ada"}
    read = trail(userIdentity=person, eventSource="s3.amazonaws.com", eventName="GetObject")
    row = only_row(tmp_path, "cloudtrail", read).values
    assert "agent_id" not in row
    assert (row["user_ref"], row["action_type"]) == ("ada", "read")


def test_cloudtrail_hidden_parameters_are_redacted(tmp_path: Path) -> None:
    row = only_row(
        tmp_path, "cloudtrail", trail(requestParameters="HIDDEN_DUE_TO_SECURITY_REASONS")
    )
    assert {"input_sanitised", "input_sha256"} <= set(row.redacted)


OCSF = {
    "class_uid": 6003, "activity_id": 2, "time": 1763661840123, "action_id": 2, "status_id": 2,
    "metadata": {"uid": "u1", "version": "1.9.0"}, "api": {"operation": "find"},
    "ai_agent": {"uid": "a1", "instance_uid": "i1", "name": "A", "ai_model": {"name": "m"}},
    "delegation": {"uid": "dl1", "scopes": ["crm.read"], "issuer_uid": "boss"},
    "message_context": {"prompt_tokens": 5, "completion_tokens": 6},
}  # fmt: skip


def test_ocsf_agent_and_delegation_are_taken_and_a_blocked_call_is_denied(tmp_path: Path) -> None:
    row = only_row(tmp_path, "ocsf_events", OCSF | {"disposition_id": 2}).values
    assert (row["agent_id"], row["agent_instance_id"], row["model"]) == ("a1", "i1", "m")
    assert (row["delegation_scopes"], row["delegated_by_agent_id"]) == (["crm.read"], "boss")
    assert (row["outcome"], row["executed"], row["policy_result"]) == ("denied", False, "deny")
    assert row["event_time"] == "2025-11-20T18:04:00.123000000Z"


@pytest.mark.parametrize(("status", "outcome"), [(1, "success"), (2, "failure"), (99, "unknown")])
def test_ocsf_status_gives_the_outcome_where_nothing_disposed(
    tmp_path: Path, status: int, outcome: str
) -> None:
    row = only_row(tmp_path, "ocsf_events", OCSF | {"status_id": status, "action_id": 1}).values
    assert row["outcome"] == outcome


AUDIT = {
    "CreationTime": "2026-11-20T10:00:00", "Id": "i1", "Operation": "CopilotInteraction",
    "Workload": "Copilot", "UserId": "ada@example.org", "RecordType": 261,
    "CopilotEventData": {
        "AppHost": "Word", "ThreadId": "t1", "Contexts": [{"Id": "doc", "Type": "docx"}],
        "AccessedResources": [{"Id": "f1", "SensitivityLabelId": "guid"}, {"Id": "f2"}],
        "ModelTransparencyDetails": [{"ModelName": "DEEP"}],
    },
}  # fmt: skip


def test_m365_interaction_is_utc_and_its_label_no_class(tmp_path: Path) -> None:
    row = only_row(tmp_path, "m365_copilot", [AUDIT]).values
    assert (row["event_time"], row["time_basis"]) == ("2026-11-20T10:00:00.000000000Z", "declared")
    assert (row["context_refs"], row["evidence_ref"]) == (["f1", "f2"], ["guid"])
    assert "data_classification" not in row


def test_m365_csv_holds_everything_as_json_in_one_cell(tmp_path: Path) -> None:
    cell = json.dumps(AUDIT).replace('"', '""')
    text = f'RecordId,CreationDate,AuditData\ni1,11/20/2026 10:00,"{cell}"\n'
    row = only_row(tmp_path, "m365_copilot_csv", text).values
    assert (row["user_ref"], row["model"]) == ("ada@example.org", "DEEP")


ENTRY = {
    "entry_id": "x1", "timestamp": "2026-11-20T10:00:00", "event_type": "tool_invocation",
    "agent_did": "did:mesh:a", "action": "pay", "outcome": "denied", "policy_decision": "deny",
    "matched_rule": "r1", "previous_hash": "p", "entry_hash": "h", "approver_did": "did:mesh:b",
    "arguments_hash": "sha256:" + "AB" * 32,
}  # fmt: skip


def test_agt_entry_has_a_naive_time_and_a_hash_that_nobody_verified(tmp_path: Path) -> None:
    row = only_row(tmp_path, "agt_audit_entries", ENTRY).values
    assert row["time_basis"] == "declared"
    assert (row["source_entry_hash"], row["source_prev_hash"]) == ("h", "p")
    assert "source_signature_valid" not in row
    assert (row["outcome"], row["executed"], row["policy_result"]) == ("denied", False, "deny")
    assert row["input_sha256"] == "ab" * 32


def cloud_event(kind: str, **data: Any) -> dict[str, Any]:
    return {"specversion": "1.0", "id": "e1", "type": f"ai.agentmesh.{kind}",
            "source": "did:mesh:a", "time": "2026-11-20T10:00:00Z", "data": data}  # fmt: skip


@pytest.mark.parametrize(
    ("event", "outcome", "executed"),
    [
        (cloud_event("tool.invoked", policy_verdict="allowed"), "unknown", True),
        (cloud_event("tool.blocked"), "denied", False),
        (cloud_event("policy.violation", action_taken="blocked"), "denied", None),
        (cloud_event("policy.violation", action_taken="flagged"), "unknown", None),
    ],
)
def test_agt_violation_that_was_only_flagged_was_not_stopped(
    tmp_path: Path, event: Any, outcome: str, executed: bool | None
) -> None:
    row = only_row(tmp_path, "agt_cloudevents", event).values
    assert (row["outcome"], row.get("executed"), row["agent_id"]) == (
        outcome, executed, "did:mesh:a",
    )  # fmt: skip


REPORT = """\
apiVersion: openreports.io/v1alpha1
kind: PolicyReport
metadata: {name: r, creationTimestamp: "2026-11-20T09:00:00Z"}
source: kyverno
summary: {pass: 1}
results:
- {policy: p, rule: a, result: fail, timestamp: {seconds: 1763661840, nanos: 5}}
- {policy: p, rule: b, result: skip}
"""


def test_policy_report_time_is_seconds_and_nanoseconds(tmp_path: Path) -> None:
    first, second = (row.values for row in recognised(tmp_path, "policy_report", REPORT)[0])
    assert first["event_time"] == "2025-11-20T18:04:00.000000005Z"
    assert second["event_time"] == "2026-11-20T09:00:00.000000000Z"
    assert [row["policy_result"] for row in (first, second)] == ["deny", "not_applicable"]
    assert "executed" not in first


def test_policy_report_list_of_kubectl_gives_each_result(tmp_path: Path) -> None:
    item = {"kind": "PolicyReport", "results": [{"policy": "p", "result": "pass"}]}
    listed = {"apiVersion": "v1", "kind": "List", "items": [item, item], "results": []}
    taken, _ = recognised(tmp_path, "policy_report", listed | {"summary": {}})
    assert [row.values["policy_result"] for row in taken] == ["allow", "allow"]


def test_github_record_names_an_agent_only_where_the_actor_is_one(tmp_path: Path) -> None:
    rows = [
        {"_document_id": "1", "@timestamp": 1763661840123, "action": "pull_request.create",
         "actor": "Copilot", "actor_is_agent": True, "user": "ada", "agent_session_id": "s"},
        {"_document_id": "2", "created_at": "2026-11-20T10:00:00Z", "action": "git.push",
         "actor": "bob", "actor_is_agent": False},
    ]  # fmt: skip
    taken, _ = recognised(tmp_path, "github_audit", rows)
    agent, person = (row.values for row in taken)
    assert (agent["agent_id"], agent["on_behalf_of"], agent["conversation_id"]) == (
        "Copilot", "ada", "s",
    )  # fmt: skip
    assert "agent_id" not in person
    assert person["user_ref"] == "bob"


def test_langfuse_export_leaves_out_what_was_deleted(tmp_path: Path) -> None:
    base = {"trace_id": "AB", "type": "GENERATION", "name": "n",
            "start_time": "2026-11-20 10:00:00.123456", "total_cost": 6.1049999e-05}  # fmt: skip
    rows = [base | {"id": "1", "is_deleted": 0}, base | {"id": "2", "is_deleted": 1}]
    taken, _ = recognised(tmp_path, "langfuse_observations", rows)
    assert [(row.values["span_id"], row.values["cost_usd"]) for row in taken] == [
        ("1", "0.000061050")
    ]
    assert taken[0].values["event_time"] == "2026-11-20T10:00:00.123456000Z"


def test_langfuse_level_says_failure_and_never_success(tmp_path: Path) -> None:
    base = {"trace_id": "AB", "type": "SPAN", "name": "n", "id": "1"}
    assert [
        only_row(tmp_path, "langfuse_observations", base | {"level": level}).values["outcome"]
        for level in ("ERROR", "DEFAULT")
    ] == ["failure", "unknown"]


def test_copilot_usage_of_a_day_is_one_event_at_its_start(tmp_path: Path) -> None:
    day = {"day": "2026-11-20", "user_login": "ada", "totals_by_feature": [], "enterprise_id": "1"}
    row = only_row(tmp_path, "copilot_usage", [day])
    assert row.values["event_time"] == "2026-11-20T00:00:00.000000000Z"
    assert row.key == ("", "1", "ada", "2026-11-20")


def test_tau_bench_has_no_times_and_reuses_ids(tmp_path: Path) -> None:
    call = {"id": "c", "function": {"name": "cancel_reservation", "arguments": '{"a": 1}'}}
    other = {"id": "c", "function": {"name": "get_user_details", "arguments": "{}"}}
    said = [
        {"role": "assistant", "content": None, "tool_calls": [call, other]},
        {"role": "tool", "tool_call_id": "c", "content": "Error: no such reservation"},
    ]
    taken, refused = recognised(
        tmp_path, "tau_bench", [{"task_id": 3, "trial": 0, "reward": 0.0, "traj": said}]
    )
    assert refused == []
    assert len(taken) == 3
    assert all("event_time" not in row.values and row.key is None for row in taken)
    assert taken[0].values["outcome"] == "failure"
    assert taken[0].values["trace_id"] == "3/0"


def said(message: str, output: int, at: str, block: dict[str, Any]) -> dict[str, Any]:
    usage = {
        "input_tokens": 3, "cache_read_input_tokens": 900, "cache_creation_input_tokens": 50,
        "output_tokens": output,
    }  # fmt: skip
    inside = {"id": message, "model": "m", "usage": usage, "content": [block]}
    return {
        "type": "assistant", "uuid": f"{message}-{output}", "sessionId": "s1", "message": inside,
        "timestamp": f"2026-11-20T10:00:{at}Z", "version": "2.0", "cwd": "/home/ada",
    }  # fmt: skip


TEXT = {"type": "text"}
TOOL = {"type": "tool_use", "id": "t1", "name": "Bash", "input": {"command": "ls"}}
COPIES = [said("m1", 1, "00", TEXT), said("m1", 188, "02", TOOL), said("m1", 40, "01", TEXT),
          said("m2", 5, "03", TEXT)]  # fmt: skip


def written(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def chats(store: Store) -> dict[str, dict[str, Any]]:
    rows = store.audit.events_table(
        ["span_id", "operation_name", "output_tokens", "input_tokens"], known_at=now()
    ).to_pylist()
    return {r["span_id"]: r for r in rows if r["operation_name"] == "chat"}


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (1, 0, 2, 3), (2, 3, 0, 1)])
def test_claude_message_of_several_copies_counts_its_fullest_usage(
    sqlite_store: Store, tmp_path: Path, order: tuple[int, ...]
) -> None:
    chosen = load_source_maps()["claude_transcript"]
    path = written(tmp_path / "t.jsonl", [COPIES[n] for n in order])
    batch = ingest_file(sqlite_store, path, source_map=chosen, source_id="c", recorded_by="r")
    assert (batch.read, batch.imported, batch.duplicate, batch.superseding) == (5, 3, 2, 0)
    assert {n: row["output_tokens"] for n, row in chats(sqlite_store).items()} == {
        "m1": 188, "m2": 5,
    }  # fmt: skip
    assert chats(sqlite_store)["m1"]["input_tokens"] == 953


def test_claude_later_file_with_partial_copies_takes_nothing_back(
    sqlite_store: Store, tmp_path: Path
) -> None:
    chosen = load_source_maps()["claude_transcript"]
    counts = []
    for rows in (COPIES[:1], COPIES[1:2], COPIES[2:3], COPIES[:1]):
        path = written(tmp_path / "t.jsonl", rows)
        batch = ingest_file(sqlite_store, path, source_map=chosen, source_id="c", recorded_by="r")
        assert batch.read == batch.imported + batch.duplicate + batch.superseding
        counts.append((batch.imported, batch.duplicate, batch.superseding))
    assert counts == [(1, 0, 0), (1, 0, 1), (0, 1, 0), (0, 1, 0)]
    assert chats(sqlite_store)["m1"]["output_tokens"] == 188


def test_claude_broken_line_is_refused_and_the_rest_counts(tmp_path: Path) -> None:
    lines = [json.dumps(COPIES[0]), json.dumps(COPIES[1])[:40], json.dumps({"type": "user"}),
             json.dumps(COPIES[3])]  # fmt: skip
    taken, (refused,) = recognised(tmp_path, "claude_transcript", "\n".join(lines))
    assert (len(taken), refused.place) == (2, 2)
