"""Every foreign sample: recognised, whole, and counted another way; or refused in words."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from muniment.catalog.sources import load_source_maps
from muniment.errors import InputError
from muniment.ingest.pipeline import ingest_file, recognise
from muniment.store.open import Store
from tests.builders.sources import mapped

pytestmark = pytest.mark.samples
MAPS = load_source_maps()
Count = Callable[[str], dict[str, int]]


def nested(*names: str, record: str = "event") -> Count:
    """Counts elements of the arrays that are reached by names, with json alone."""

    def count(text: str) -> dict[str, int]:
        found: list[Any] = [json.loads(text)]
        for name in names:
            found = [each for one in found for each in (one.get(name) or [])]
        return {record: len(found)}

    return count


def lines(text: str) -> dict[str, int]:
    return {"event": sum(1 for line in text.splitlines() if line.strip())}


def words(word: str) -> Count:
    return lambda text: {"event": text.count(word)}


def one(record: str) -> Count:
    return lambda _: {record: 1}


def langfuse(text: str) -> dict[str, int]:
    document = json.loads(text)
    return {"event": len(document["observations"]) + len(document["trace"].get("scores") or [])}


def mcp(text: str) -> dict[str, int]:
    server = json.loads(text)
    return Counter({"agent": 1, "agent_dependency": len(server.get("packages", []))})


def seed(text: str) -> dict[str, int]:
    servers = json.loads(text)
    # Three entries of the list are wholly blank: they name nothing, and are refused.
    named = [server for server in servers if server["name"]]
    assert len(servers) - len(named) == 3
    packages = [package for server in servers for package in server.get("packages", [])]
    return {"agent": len(named), "agent_dependency": len(packages), "refused": 3}


def oasf(text: str) -> dict[str, int]:
    modules = json.loads(text).get("modules", [])
    models = [m for each in modules for m in (each.get("data") or {}).get("models", [])]
    return Counter({"agent": 1, "agent_dependency": len(models)})


def bom(text: str) -> dict[str, int]:
    models = json.loads(text)["components"]
    parts = [m["modelCard"].get("modelParameters", {}).get("datasets", []) for m in models]
    return Counter({"component": len(models), "data_source": sum(map(len, parts))})


def tau(text: str) -> dict[str, int]:
    said = [m for run in json.loads(text) for m in run["traj"] if m["role"] == "assistant"]
    return {"event": len(said) + sum(len(m.get("tool_calls") or []) for m in said)}


def tau2(text: str) -> dict[str, int]:
    messages = [m for run in json.loads(text)["simulations"] for m in run["messages"]]
    calls = [c for m in messages for c in m.get("tool_calls") or [] if c["requestor"] != "user"]
    return {"event": len(calls) + sum(m["role"] == "assistant" for m in messages)}


def spec(agents: int, dependencies: int) -> Count:
    """Counted by hand: what a file calls an agent, and what each agent's file says it needs."""
    return lambda _: Counter({"agent": agents, "agent_dependency": dependencies})


DATA: dict[str, tuple[str, Count]] = {
    "a2a_agent_card/*.json": ("a2a_agent_card", one("agent")),
    "agent_trajectories/tau2_*.json": ("tau2_simulations", tau2),
    "agent_trajectories/taubench_*.json": ("tau_bench", tau),
    "cloudtrail/*.json": ("cloudtrail", nested("Records")),
    "copilot_metrics/*.json": ("copilot_usage", words('"user_login"')),
    "cyclonedx_mlbom/valid-*.json": ("cyclonedx_mlbom", bom),
    "github_audit/*.jsonl": ("github_audit", lines),
    "langfuse_trace/*.json": ("langfuse_trace", langfuse),
    "litellm/*.json": ("litellm_spend_logs", words('"request_id"')),
    "mcp_server_json/*server.json": ("mcp_server_json", mcp),
    "mcp_server_json/registry_seed_excerpt.json": ("mcp_registry_seed", seed),
    "ms_agt_audit/trading_audit_trail.json": ("agt_trading_audit", words('"event_type"')),
    "oasf_record/record_[0v]*.json": ("oasf_record", oasf),
    "oasf_record/directory-record.json": ("oasf_record", oasf),
    "opa_decision_log/*.json": ("opa_decision_log", words('"decision_id"')),
    "open_agent_spec/agentspec_oracle*.json": ("open_agent_spec", spec(5, 0)),
    "open_agent_spec/ext_ops*.json": ("open_agent_spec", spec(1, 5)),
    "open_agent_spec/howto_a2aagent.json": ("open_agent_spec", spec(1, 0)),
    "open_agent_spec/howto_managerworkers.json": ("open_agent_spec", spec(4, 5)),
    "open_agent_spec/howto_mcp_agent.json": ("open_agent_spec", spec(1, 2)),
    "otlp/trace.json": ("otlp_genai", nested("resourceSpans", "scopeSpans", "spans")),
    "otlp/logs.json": ("otlp_logs", nested("resourceLogs", "scopeLogs", "logRecords")),
    "otlp/events.json": ("otlp_logs", nested("resourceLogs", "scopeLogs", "logRecords")),
    "otlp/metrics.json": ("otlp_metrics", words('"dataPoints"')),
    "policy_report/*.yaml": ("policy_report", words("policy: ")),
    "proxy_squid/*.log": ("proxy_squid_extended", lambda text: {"visit": len(text.splitlines())}),
    "proxy_zscaler/*.log": ("proxy_zscaler", lambda text: {"visit": text.count('"Allowed"')}),
    "servicenow_jira/jira-audit-excerpt.jsonl": ("jira_audit", lines),
    "servicenow_jira/servicenow-change_request.json": ("servicenow_changes", one("approval")),
}
NO_DATA = {
    "*/SOURCES.md": "Markdown document",
    "m365_copilot_audit/copilot-schema.md": "Markdown document",
    "ms_agt_audit/CLOUDEVENTS_SCHEMA.md": "Markdown document",
    "ms_agt_audit/*.schema.json": "JSON Schema",
    "ms_agt_audit/registration.json": "JSON Schema",
    "oasf_record/oasf-schema-record.json": "schema object",
    "ocsf/*.json": "schema object",
    "cyclonedx_mlbom/aibom-field_registry.json": "field registry",
    "mcp_gateway/*_ddl.txt": "SQL script",
}
REJECTED = {"oasf_record/record_invalid.json"}


def files(root: Path, pattern: str) -> list[Path]:
    found = sorted(root.glob(pattern))
    assert found, f"no sample is called {pattern}"
    return found


def test_samples_every_file_has_its_expectation(samples_root: Path) -> None:
    known = {path for pattern in (*DATA, *NO_DATA) for path in files(samples_root, pattern)}
    known |= {samples_root / name for name in REJECTED}
    there = {path for path in samples_root.rglob("*") if path.is_file()}
    assert there - known == set()


@pytest.mark.parametrize("pattern", DATA)
def test_samples_data_is_recognised_and_counted_another_way(
    samples_root: Path, pattern: str
) -> None:
    name, count = DATA[pattern]
    for path in files(samples_root, pattern):
        chosen = recognise(path, MAPS)
        taken, refused = mapped(path, chosen)
        expected = dict(count(path.read_text()))
        assert (path.name, chosen.id, len(refused)) == (path.name, name, expected.pop("refused", 0))
        assert Counter(row.record for row in taken) == {k: n for k, n in expected.items() if n}


@pytest.mark.parametrize("pattern", NO_DATA)
def test_samples_what_is_no_data_is_refused_with_the_reason(
    samples_root: Path, pattern: str
) -> None:
    for path in files(samples_root, pattern):
        with pytest.raises(InputError, match=rf"is a {NO_DATA[pattern]}.*, not data: "):
            recognise(path, MAPS)


def test_samples_invalid_oasf_record_is_rejected_with_the_reason(samples_root: Path) -> None:
    path = samples_root / "oasf_record" / "record_invalid.json"
    taken, refused = mapped(path, recognise(path, MAPS))
    assert taken == []
    assert all("each skill must have a name" in one.reason for one in refused)


@pytest.mark.parametrize("pattern", [
    "cloudtrail/*7xgoc*.json", "langfuse_trace/openai*.json", "mcp_server_json/registry*.json",
    "policy_report/sample-falco*.yaml", "open_agent_spec/howto_managerworkers.json",
    "servicenow_jira/servicenow*.json", "cyclonedx_mlbom/valid-machine-learning-1.7.json",
])  # fmt: skip
def test_samples_import_loses_nothing_and_repeats_without_change(
    sqlite_store: Store, samples_root: Path, pattern: str
) -> None:
    (path,) = files(samples_root, pattern)
    chosen = recognise(path, MAPS)
    taken, refused = mapped(path, chosen)
    first, second = (
        ingest_file(sqlite_store, path, source_map=chosen, source_id="s", recorded_by="r")
        for _ in range(2)
    )
    assert (first.read, first.imported) == (len(taken) + len(refused), len(taken))
    assert (second.duplicate, second.superseding) == (len(taken), 0)
