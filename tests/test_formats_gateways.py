"""Gateways whose logs lie in tables: what their rows say of a call."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.builders.sources import only_row

REQUEST = {
    "id": "q1", "started_at": "2026-11-20 10:00:00.25", "completed_at": "2026-11-20 10:00:01",
    "trace_id": "AB" * 16, "span_id": None, "http_status": 200, "error": None,
    "gen_ai_operation_name": "chat", "gen_ai_provider_name": "openai",
    "gen_ai_request_model": "small", "gen_ai_response_model": "small-2026", "input_tokens": 7,
    "output_tokens": 3, "cost": 0.000125, "agentgateway_user": "ada", "agentgateway_group": "ops",
    "attributes_json": '{"gen_ai.agent.id": "a1", "policy.id": "p9"}',
}  # fmt: skip


def test_agentgateway_request_reads_the_attributes_that_it_holds_as_text(tmp_path: Path) -> None:
    row = only_row(tmp_path, "agentgateway_logs", [REQUEST]).values
    assert (row["event_time"], row["time_basis"]) == ("2026-11-20T10:00:00.250000000Z", "declared")
    assert (row["agent_id"], row["policy_id"], row["trace_id"]) == ("a1", "p9", "ab" * 16)
    assert (row["model"], row["action_type"], row["cost_usd"]) == (
        "small-2026", "model_call", "0.000125000",
    )  # fmt: skip
    assert (row["executed"], row["outcome"], row["cost_basis"]) == (True, "success", "priced")


@pytest.mark.parametrize(("status", "executed", "outcome"), [(403, False, "denied"),
                                                             (429, False, "denied"),
                                                             (500, True, "failure")])  # fmt: skip
def test_agentgateway_request_that_was_not_let_through_took_no_effect(
    tmp_path: Path, status: int, executed: bool, outcome: str
) -> None:
    row = only_row(tmp_path, "agentgateway_logs", [REQUEST | {"http_status": status}]).values
    assert (row["executed"], row["outcome"]) == (executed, outcome)
