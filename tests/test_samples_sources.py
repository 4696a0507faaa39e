"""Foreign files, mapped by YAML alone: rows that were checked by hand against the raw files."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from muniment.catalog.sources import load_source_maps
from muniment.ingest.pipeline import ingest_file, recognise
from muniment.sealing.verify import verify_store
from muniment.store.open import Store
from tests.builders.sources import IMPORT_TIME, mapped

pytestmark = pytest.mark.samples
MAPS = load_source_maps()
ORDINARY_SIM = "ed931b77-75ae-4289-8aab-9ee521d35703"
FAILED_SIM = "fcf8965a-c8a3-426d-bdff-22702b38ccf4"

TOOL_CALL = {
    "time_basis": "declared", "workflow_name": "telecom", "agent_id": "llm_agent",
    "agent_name": "llm_agent", "operation_name": "execute_tool", "target_type": "tool",
    "executed": True, "model": "gpt-4o",
}  # fmt: skip
TAU2_CALLS = [
    (0, ORDINARY_SIM, {
        "event_time": "2025-08-10T02:44:11.820315000Z", "span_id": "call_fRC0zgwYJWrYzwWQcecwmdez",
        "target_name": "get_customer_by_phone", "action_type": "read", "outcome": "success",
        "target_ref": "[mobile_data_issue]user_abroad_roaming_enabled_off[PERSONA:None]",
        "input_sanitised": '{"phone_number":"[number]"}',
        "input_sha256": "cc29d6a0d14e8395106af6a69e6217670a4f51ac3351537af7757d0c411bdc59",
    }),
    (1, ORDINARY_SIM, {
        "event_time": "2025-08-10T02:44:12.761470000Z", "span_id": "call_pGvQulTu3oTMWopx2ALxS63D",
        "target_name": "get_details_by_id", "action_type": "read", "outcome": "success",
        "target_ref": "[mobile_data_issue]user_abroad_roaming_enabled_off[PERSONA:None]",
        "input_sanitised": '{"id":"L1001"}',
        "input_sha256": "55de11cf6260c5219a56416e87c1005a835bd7372f785d1d3181ccd7f34d98fe",
    }),
    (49, FAILED_SIM, {
        "event_time": "2025-08-10T03:31:59.020795000Z", "span_id": "call_26ViiluNFLCjNU60b6BrhE6H",
        "target_name": "send_payment_request", "action_type": "write", "outcome": "success",
        "target_ref": "[service_issue]overdue_bill_suspension[PERSONA:Easy]",
        "input_sanitised": '{"bill_id":"B1234321","customer_id":"C1001"}',
        "input_sha256": "087d8ca17fcf9f71a42430c1ec1738309cb17507922662edf2008c9aaa00996c",
    }),
    (51, FAILED_SIM, {
        "event_time": "2025-08-10T03:33:20.377826000Z", "span_id": "call_FbgXAhu6UZZVW7IVwnSRvCxW",
        "target_name": "resume_line", "action_type": "write", "outcome": "failure",
        "target_ref": "[service_issue]overdue_bill_suspension[PERSONA:Easy]",
        "input_sanitised": '{"customer_id":"C1001","line_id":"L1001"}',
        "input_sha256": "ebe0622b22d2fc2a00bb7c788f88034dbddc30b6cff0c9346003f089a06a8734",
    }),
    (89, "ae9d94cc-ceee-4b7e-9456-8d76ec4996fa", {
        "event_time": "2025-08-10T03:59:59.463057000Z", "span_id": "call_ag6Xti2BYSDCadvVl2mcJYU5",
        "target_name": "get_details_by_id", "action_type": "read", "outcome": "success",
        "target_ref": "[mms_issue]break_app_both_permissions[PERSONA:Hard]",
        "input_sanitised": '{"id":"D1001"}',
        "input_sha256": "461644a00b68268457afa723f249b96db2ae86045ca530241412cee102881814",
    }),
]  # fmt: skip


@pytest.fixture(scope="module")
def tau2(samples_root: Path) -> tuple[Path, list[Any]]:
    path = samples_root / "agent_trajectories" / "tau2_telecom_gpt-4o_20sims.json"
    taken, refused = mapped(path, recognise(path, MAPS))
    assert refused == []
    return path, taken


@pytest.mark.parametrize(("number", "run", "expected"), TAU2_CALLS)
def test_samples_tau2_tool_call_equals_the_row_checked_by_hand(
    tau2: tuple[Path, list[Any]], number: int, run: str, expected: dict[str, Any]
) -> None:
    calls = [row for row in tau2[1] if row.values["operation_name"] == "execute_tool"]
    same_run = {"trace_id": run, "workflow_run_id": run, "conversation_id": run}
    assert calls[number].values == TOOL_CALL | same_run | expected
    assert calls[number].key == ("tool_call", run, expected["span_id"])


CHAT = {
    "time_basis": "declared", "workflow_name": "telecom", "agent_id": "llm_agent",
    "agent_name": "llm_agent", "operation_name": "chat", "action_type": "model_call",
    "target_type": "model", "target_name": "gpt-4o", "executed": True, "model": "gpt-4o",
    "cost_basis": "reported",
}  # fmt: skip
# The raw costs of the first two end in binary dust: 0.008172500000000001, 0.008212500000000001.
TAU2_CHATS = [
    (0, ORDINARY_SIM, "2", {
        "event_time": "2025-08-10T02:44:09.580591000Z", "input_tokens": 6281, "output_tokens": 31,
        "cost_usd": "0.008172500",
        "target_ref": "[mobile_data_issue]user_abroad_roaming_enabled_off[PERSONA:None]",
    }),
    (1, ORDINARY_SIM, "4", {
        "event_time": "2025-08-10T02:44:11.820315000Z", "input_tokens": 6333, "output_tokens": 22,
        "cost_usd": "0.008212500",
        "target_ref": "[mobile_data_issue]user_abroad_roaming_enabled_off[PERSONA:None]",
    }),
    (60, "edfaf8be-5916-43dc-8496-51c806cc03e7", "25", {
        "event_time": "2025-08-10T03:05:10.014952000Z", "input_tokens": 7337, "output_tokens": 37,
        "cost_usd": "0.009752500",
        "target_ref": "[mobile_data_issue]data_saver_mode_on[PERSONA:Easy]",
    }),
    (120, "fbb1e8f1-e1b4-4009-a1bb-5b21eebbe5a6", "32", {
        "event_time": "2025-08-10T03:26:49.117056000Z", "input_tokens": 7515, "output_tokens": 42,
        "cost_usd": "0.009927500",
        "target_ref": "[service_issue]break_apn_settings[PERSONA:None]",
    }),
    (200, "b84091cc-18f2-4413-be17-dafd81518b5f", "8", {
        "event_time": "2025-08-10T03:55:40.962762000Z", "input_tokens": 6714, "output_tokens": 74,
        "cost_usd": "0.009365000",
        "target_ref": "[mms_issue]break_app_storage_permission[PERSONA:Easy]",
    }),
    (216, "ae9d94cc-ceee-4b7e-9456-8d76ec4996fa", "36", {
        "event_time": "2025-08-10T04:02:20.187728000Z", "input_tokens": 7727, "output_tokens": 46,
        "cost_usd": "0.010177500",
        "target_ref": "[mms_issue]break_app_both_permissions[PERSONA:Hard]",
    }),
]  # fmt: skip


@pytest.mark.parametrize(("number", "run", "turn", "expected"), TAU2_CHATS)
def test_samples_tau2_model_call_equals_the_row_checked_by_hand(
    tau2: tuple[Path, list[Any]], number: int, run: str, turn: str, expected: dict[str, Any]
) -> None:
    chats = [row for row in tau2[1] if row.values["operation_name"] == "chat"]
    same_run = {"trace_id": run, "workflow_run_id": run, "conversation_id": run}
    assert chats[number].values == CHAT | same_run | expected
    assert chats[number].key == ("message", run, turn)


def test_samples_tau2_tokens_sum_to_an_independent_sum(tau2: tuple[Path, list[Any]]) -> None:
    chats = [row for row in tau2[1] if row.values["operation_name"] == "chat"]
    # Counted with json alone: 217 answers with usage, and the sums of their tokens.
    assert len(chats) == 217
    assert sum(row.values["input_tokens"] for row in chats) == 1_547_053
    assert sum(row.values["output_tokens"] for row in chats) == 15_687


def test_samples_tau2_counts_equal_an_independent_count(tau2: tuple[Path, list[Any]]) -> None:
    path, taken = tau2
    messages = [m for s in json.loads(path.read_text())["simulations"] for m in s["messages"]]
    said = [m for m in messages if m["role"] == "assistant"]
    calls = [
        c for m in messages for c in m.get("tool_calls") or () if c["requestor"] == "assistant"
    ]
    assert len(taken) == len(said) + len(calls) == 237 + 90
    assert Counter(row.values["operation_name"] for row in taken) == {
        "execute_tool": 90, "chat": 217, "message": 20,
    }  # fmt: skip
    assert Counter(row.values.get("outcome") for row in taken) == {
        "success": 89, "failure": 1, None: 237,
    }  # fmt: skip


@pytest.fixture(scope="module")
def agt(samples_root: Path) -> list[Any]:
    path = samples_root / "ms_agt_audit" / "trading_audit_trail.json"
    taken, refused = mapped(path, recognise(path, MAPS))
    assert refused == []
    return taken


DECISION = {
    "time_basis": "declared", "operation_name": "execute_tool", "target_type": "tool",
    "policy_checked": True, "policy_engine": "agent-governance-toolkit",
}  # fmt: skip
ALLOWED = DECISION | {
    "policy_result": "allow", "policy_enforced": "allowed", "executed": True, "outcome": "unknown",
}  # fmt: skip
AGT_ROWS = [
    (0, ALLOWED | {
        "event_time": "2026-02-28T20:02:58.365585000Z", "agent_id": "research-agent",
        "agent_name": "ResearchAgent", "target_name": "analyze_market", "action_type": "read",
    }),
    (6, ALLOWED | {
        "event_time": "2026-02-28T20:02:58.365885000Z", "agent_id": "compliance-agent",
        "agent_name": "ComplianceAgent", "target_name": "approve_order", "action_type": "approve",
    }),
    (7, {
        "event_time": "2026-02-28T20:02:58.365892000Z", "time_basis": "declared",
        "agent_id": "compliance-agent", "operation_name": "checkpoint", "action_type": "other",
        "target_type": "checkpoint", "target_ref": "cp-compliance-agent-3",
    }),
    (8, ALLOWED | {
        "event_time": "2026-02-28T20:02:58.365950000Z", "agent_id": "execution-agent",
        "agent_name": "ExecutionAgent", "target_name": "execute_order", "action_type": "write",
    }),
    (12, {
        "event_time": "2026-02-28T20:02:58.366130000Z", "time_basis": "declared",
        "agent_id": "risk-agent", "operation_name": "checkpoint", "action_type": "other",
        "target_type": "checkpoint", "target_ref": "cp-risk-agent-3",
    }),
]  # fmt: skip


@pytest.mark.parametrize(("number", "expected"), AGT_ROWS)
def test_samples_agt_row_equals_the_row_checked_by_hand(
    agt: list[Any], number: int, expected: dict[str, Any]
) -> None:
    assert agt[number].values == expected


def test_samples_agt_blocked_call_is_denied_and_not_executed(agt: list[Any]) -> None:
    (blocked,) = [row for row in agt if row.values.get("outcome") == "denied"]
    assert blocked.values == DECISION | {
        "event_time": "2026-02-28T20:02:58.366521000Z", "agent_id": "research-agent",
        "agent_name": "ResearchAgent", "target_name": "execute_order", "action_type": "write",
        "policy_result": "deny", "policy_enforced": "blocked", "executed": False,
        "outcome": "denied", "error_type": "Tool 'execute_order' not in allowed list: "
        "['analyze_market', 'screen_stocks', 'generate_signal']",
    }  # fmt: skip


def test_samples_agt_counts_equal_an_independent_count(agt: list[Any], samples_root: Path) -> None:
    text = (samples_root / "ms_agt_audit" / "trading_audit_trail.json").read_text()
    assert len(agt) == text.count('"event_type"') == 41
    checkpoints = [row for row in agt if row.values["operation_name"] == "checkpoint"]
    assert len(checkpoints) == text.count('"CHECKPOINT"') == 9


CARDS = [
    ("110kc3-seo.agent-card.v0.3.json", {
        "agent_id": "a2a-15fc81f1dae523163ab695a18d13291d", "name": "AI Product Index",
        "version": "2.0.0", "provider_org": "110kc3", "endpoint_url": "https://index.percall.dev",
        "protocol_version": "0.3.0", "skills": ["search_products", "register_product"],
        "card_sha256": "5d3a8f25ae274753560f62b373b75978fc98eaa11fcb5510929971674d551633",
    }),
    ("air_ticketing_agent.json", {
        "agent_id": "a2a-f73663e3553bf5e2804893953ca3cc09", "name": "Air Ticketing Agent",
        "version": "1.0.0", "endpoint_url": "http://localhost:10103/",
        "description": "Helps book air tickets given a criteria", "skills": ["book_air_tickets"],
        "card_sha256": "23a1891778594e4d9ba956a12d7064a4dd7a8205ba1c8c1020255fdb582e026e",
    }),
    ("currency_agent_card.json", {
        "agent_id": "a2a-c9d6d06d5fc33a59d188173e3e6659c3", "name": "Currency Conversion Agent",
        "version": "1.0.0", "provider_org": "Example org", "protocol_version": "0.3.0",
        "endpoint_url": "http://localhost:10999", "description": "Currency Conversion Agent",
        "skills": ["currency_conversion"],
        "card_sha256": "83f704998c438a8fdb419337dd160a7c9e03ac054081e312616b455474be7bf6",
    }),
    ("dir-a2a-agent-card.json", {
        "agent_id": "a2a-4eea28173b42536feb3676145cb1e621", "name": "Code Review Agent",
        "version": "1.0.0", "endpoint_url": "http://localhost:10200/", "skills": ["code-review"],
        "description": "Performs structured code reviews for pull requests",
        "card_sha256": "61556a73a3d083018be81cabb97f7b656907a808dfbbe4f6ea3cfd86fd2d01c2",
    }),
    ("skills_agent_card.json", {
        "agent_id": "a2a-c9d6d06d5fc33a59d188173e3e6659c3", "name": "Currency Conversion Agent",
        "version": "1.0.0", "provider_org": "Example org", "protocol_version": "1.0",
        "endpoint_url": "http://localhost:10999", "description": "Currency Conversion Agent",
        "skills": ["currency_conversion"],
        "card_sha256": "44cc7c65505e1b2135471f61a9591a8277d425e4a65eb3b68ad027b77d490aad",
    }),
]  # fmt: skip


@pytest.mark.parametrize(("name", "expected"), CARDS)
def test_samples_a2a_card_equals_the_row_checked_by_hand(
    samples_root: Path, name: str, expected: dict[str, Any]
) -> None:
    path = samples_root / "a2a_agent_card" / name
    (card,), refused = mapped(path, recognise(path, MAPS))
    said = {key: value for key, value in card.values.items() if key in expected}
    assert (said, refused) == (expected, [])
    assert (card.values["kind"], card.values["protocol"]) == ("agent", "A2A")
    assert card.valid_from == IMPORT_TIME
    assert {"owner_ref", "risk_class", "lifecycle_status"} <= set(card.not_carried)
    assert ("provider_org" in card.not_carried) is ("provider_org" not in expected)


def test_samples_every_a2a_card_is_recognised_and_taken(samples_root: Path) -> None:
    cards = sorted((samples_root / "a2a_agent_card").glob("*.json"))
    names = [mapped(card, recognise(card, MAPS))[0][0].values["name"] for card in cards]
    assert names == [json.loads(card.read_text())["name"] for card in cards]
    assert len(names) == 9


def test_samples_otlp_example_keeps_hex_ids_in_lower_case(samples_root: Path) -> None:
    path = samples_root / "otlp" / "trace.json"
    (event,), refused = mapped(path, recognise(path, MAPS))
    assert refused == []
    assert event.values == {
        "event_time": "2018-12-13T14:51:00.000000000Z", "time_basis": "stated",
        "end_time": "2018-12-13T14:51:01.000000000Z", "operation_name": "I'm a server span",
        "trace_id": "5b8efff798038103d269b633813fc60c", "span_id": "eee19b7ec3c1b174",
        "parent_span_id": "eee19b7ec3c1b173", "client_app": "my.service",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "rows"),
    [("agent_trajectories/tau2_telecom_gpt-4o_20sims.json", 327), ("otlp/trace.json", 1),
     ("ms_agt_audit/trading_audit_trail.json", 41), ("a2a_agent_card/planner_agent.json", 1)],
)  # fmt: skip
def test_samples_import_seals_verifies_and_repeats_without_change(
    sqlite_store: Store, samples_root: Path, name: str, rows: int
) -> None:
    path = samples_root / name
    chosen = recognise(path, MAPS)
    first, second = (
        ingest_file(sqlite_store, path, source_map=chosen, source_id="s", recorded_by="r")
        for _ in range(2)
    )
    assert (first.read, first.imported, first.rejected) == (rows, rows, 0)
    assert (second.read, second.duplicate) == (rows, rows)
    assert verify_store(sqlite_store, deep=True).ok
