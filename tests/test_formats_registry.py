"""Registry and ticket formats and their traps: what they say, and what they never grant."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from muniment.catalog.sources import load_source_maps
from tests.builders.sources import IMPORT_TIME, only_row, recognised

MAPS = load_source_maps()
SERVER = {
    "name": "io.example/crm",
    "description": "d",
    "repository": {"url": "https://x.org/acme/crm"},
}
NEW = SERVER | {
    "$schema": "https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json",
    "version": "1.2.0", "packages": [{"registryType": "npm", "identifier": "@a/b", "version": "9"}],
    "remotes": [{"type": "sse", "url": "https://x.org/mcp"}],
}  # fmt: skip
OLD = SERVER | {
    "version_detail": {"version": "0.1.0", "release_date": "2025-05-16T18:56:49Z"},
    "packages": [{"registry_name": "npm", "name": "@a/b", "version": "9"}],
}  # fmt: skip


@pytest.mark.parametrize(("server", "version"), [(NEW, "1.2.0"), (OLD, "0.1.0")])
def test_mcp_server_of_either_generation_gives_server_and_package(
    tmp_path: Path, server: Any, version: str
) -> None:
    (agent, package), refused = recognised(tmp_path, "mcp_server_json", server)
    assert refused == []
    assert (agent.values["kind"], agent.values["version"]) == ("mcp_server", version)
    assert (package.values["agent_id"], package.values["dep_ref"]) == (
        "io.example/crm", "npm @a/b",
    )  # fmt: skip
    assert {"owner_ref", "risk_class", "lifecycle_status"} <= set(agent.not_carried)


def test_mcp_version_that_the_build_fills_in_is_no_version(tmp_path: Path) -> None:
    agent = recognised(tmp_path, "mcp_server_json", NEW | {"version": "${VERSION}"})[0][0]
    assert "version" in agent.empty


def test_mcp_registry_list_dates_each_server_by_its_release(tmp_path: Path) -> None:
    blank = {"name": "", "version_detail": {"version": ""}, "repository": {}}
    taken, (refused,) = recognised(tmp_path, "mcp_registry_seed", [OLD, blank])
    assert [row.record for row in taken] == ["agent", "agent_dependency"]
    assert taken[0].valid_from == "2025-05-16T18:56:49.000000000Z"
    assert refused.reason == "`agent_id` has no value"


RECORD = {
    "name": "directory.example.org/acme/a", "version": "v1", "schema_version": "0.8.0",
    "authors": ["Acme"], "created_at": "2025-03-19T17:06:37Z", "skills": [{"name": "s", "id": 1}],
    "modules": [{"name": "core/llm/model", "data": {"models": [{"provider": "p", "model": "m"}]}}],
}  # fmt: skip


@pytest.mark.parametrize("version", ["0.7.0", "0.8.0", "1.0.0", "1.2.0-dev"])
def test_oasf_record_of_each_schema_gives_agent_and_model(tmp_path: Path, version: str) -> None:
    taken, refused = recognised(tmp_path, "oasf_record", RECORD | {"schema_version": version})
    assert refused == []
    assert [row.record for row in taken] == ["agent", "agent_dependency"]
    assert "owner_ref" in taken[0].not_carried


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"skills": [{"id": 10201876}]}, "each skill must have a name"),
        ({"previous_record_cid": "kkjdfld"}, "must be named by a content id"),
        ({"schema_version": "latest"}, "semantic version"),
    ],
)
def test_oasf_record_that_breaks_its_schema_is_refused_whole(
    tmp_path: Path, change: Any, reason: str
) -> None:
    taken, refused = recognised(tmp_path, "oasf_record", RECORD | change)
    assert taken == []
    assert all(reason in one.reason for one in refused)


WORKER = {"component_type": "Agent", "id": "w", "name": "Worker", "tools": [{"name": "pay"}],
          "human_in_the_loop": False}  # fmt: skip
TEAM = {
    "component_type": "ManagerWorkers", "id": "t", "name": "Team", "agentspec_version": "26.1.0",
    "group_manager": {"component_type": "Agent", "id": "m", "name": "Boss"}, "workers": [WORKER],
    "$referenced_components": {"x": {"component_type": "VllmConfig", "id": "x", "name": "llm"},
                               "y": {"component_type": "AgentNode", "agent": WORKER | {"id": "n"}}},
}  # fmt: skip


def test_agent_spec_gives_agents_wherever_they_stand_and_who_needs_whom(tmp_path: Path) -> None:
    taken, refused = recognised(tmp_path, "open_agent_spec", TEAM)
    assert refused == []
    agents = {r.values["agent_id"]: r.values["kind"] for r in taken if r.record == "agent"}
    assert agents == {"t": "agent", "m": "sub_agent", "w": "sub_agent", "n": "sub_agent"}
    needs = {(r.values["agent_id"], r.values["dep_ref"]) for r in taken if r.record != "agent"}
    assert needs == {("m", "w"), ("w", "pay")}


def test_agent_spec_sets_no_tier_by_its_flag(tmp_path: Path) -> None:
    for row in recognised(tmp_path, "open_agent_spec", TEAM)[0]:
        assert "default_autonomy_tier" not in row.values


BOM = {
    "bomFormat": "CycloneDX", "specVersion": "1.7",
    "components": [
        {"type": "machine-learning-model", "bom-ref": "m1", "name": "llama", "version": "2",
         "hashes": [{"alg": "SHA-256", "content": "AB" * 32}],
         "modelCard": {"modelParameters": {"datasets": [
             {"type": "dataset", "name": "d", "classification": "public"}, {"ref": "d2"}]}}},
        {"type": "library", "name": "numpy", "purl": "pkg:pypi/numpy@2"},
        {"type": "data", "bom-ref": "d2", "name": "D2", "data": [{"classification": "secret"}]},
        {"type": "container", "name": "c"},
    ],
}  # fmt: skip


def test_mlbom_gives_models_libraries_and_data_and_approves_none(tmp_path: Path) -> None:
    taken, refused = recognised(tmp_path, "cyclonedx_mlbom", BOM)
    assert refused == []
    assert [(r.record, r.values.get("kind")) for r in taken] == [
        ("component", "model"), ("component", "library"), ("data_source", None),
        ("data_source", None),
    ]  # fmt: skip
    assert taken[0].values["sha256"] == "ab" * 32
    assert all("status" not in r.values and "approved_by" not in r.values for r in taken)


def pair(value: str, shown: str) -> dict[str, str]:
    return {"display_value": shown, "value": value}


CHANGE = {
    "number": pair("CHG1", "CHG1"), "sys_id": pair("s1", "s1"),
    "approval": pair("approved", "Approved"), "requested_by": pair("u1", "Ada"),
    "opened_at": pair("2026-11-20 18:04:00", "2026-11-20 11:04:00"),
    "closed_at": pair("", ""), "justification": pair("", ""),
    "short_description": pair("why", "why"),
}  # fmt: skip


def test_servicenow_time_is_the_value_in_utc_and_not_what_was_shown(tmp_path: Path) -> None:
    row = only_row(tmp_path, "servicenow_changes", {"result": [CHANGE]})
    assert row.values["requested_at"] == "2026-11-20T18:04:00.000000000Z"
    assert row.valid_from == "2026-11-20T18:04:00.000000000Z"
    assert (row.values["approval_id"], row.values["justification"]) == ("CHG1", "why")
    assert "decided_by" in row.not_carried


@pytest.mark.parametrize(
    ("state", "decision"),
    [("approved", "approved"), ("rejected", "rejected"), ("requested", None),
     ("not requested", None)],
)  # fmt: skip
def test_servicenow_request_is_no_decision(
    tmp_path: Path, state: str, decision: str | None
) -> None:
    plain = {key: value["value"] for key, value in CHANGE.items()} | {"approval": state}
    row = only_row(tmp_path, "servicenow_changes", plain)
    assert row.values.get("decision") == decision


def test_servicenow_approver_row_names_who_decided_and_when(tmp_path: Path) -> None:
    approver = {"sys_id": "r1", "approver": {"value": "u9"}, "state": "approved",
                "sysapproval": {"display_value": "CHG1", "value": "s1"}, "comments": "fine",
                "sys_updated_on": "2026-11-20 19:00:00"}  # fmt: skip
    row = only_row(tmp_path, "servicenow_approvers", [approver]).values
    assert (row["decided_by"], row["ticket_ref"]) == ("u9", "CHG1")
    assert row["decided_at"] == "2026-11-20T19:00:00.000000000Z"


@pytest.mark.parametrize(
    ("state", "decision"),
    [("APPROVED", "approved"), ("CHANGES_REQUESTED", "rejected"), ("COMMENTED", None)],
)
def test_github_review_binds_a_person_to_a_commit(
    tmp_path: Path, state: str, decision: str | None
) -> None:
    review = {
        "id": 7, "state": state, "submitted_at": "2026-11-20T10:00:00Z", "commit_id": "c" * 40,
        "user": {"login": "ada", "type": "User"}, "pull_request_url": "https://x/pulls/1",
    }  # fmt: skip
    row = only_row(tmp_path, "github_pr_reviews", [review]).values
    assert (row.get("decision"), row["decided_by"], row["decided_by_type"]) == (
        decision, "ada", "human",
    )  # fmt: skip
    assert row["context_sha256"] == "c" * 40


def test_jira_approval_names_the_first_who_said_so(tmp_path: Path) -> None:
    approval = {
        "id": "1", "finalDecision": "declined", "completedDate": {"epochMillis": 1763661840123},
        "approvers": [{"approver": {"accountId": "a"}, "approverDecision": "approved"},
                      {"approver": {"accountId": "b"}, "approverDecision": "declined"}],
    }  # fmt: skip
    row = only_row(tmp_path, "jira_approvals", {"values": [approval]}).values
    assert (row["decision"], row["decided_by"]) == ("rejected", "b")


def test_agt_registration_asks_and_is_granted_nothing(tmp_path: Path) -> None:
    asked = {"agent_name": "A", "agent_did": "did:mesh:a", "sponsor_email": "ada@example.org",
             "public_key": "k", "capabilities": ["pay:all"], "status": "active"}  # fmt: skip
    row = only_row(tmp_path, "agt_registration", asked)
    assert (row.record, row.values["skills"]) == ("agent", ["pay:all"])
    assert (row.values["sponsor_ref"], row.valid_from) == ("ada@example.org", IMPORT_TIME)
    assert "owner_ref" in row.not_carried


def _fills(source: Any, record: str, column: str) -> list[Any]:
    return [m.columns[column] for m in source.maps if m.record == record and column in m.columns]


@pytest.mark.parametrize(
    "name", sorted(n for n, m in MAPS.items() if m.source_class == "registry" and "csv" not in n)
)
def test_registry_export_grants_no_more_than_its_class(name: str) -> None:
    source = MAPS[name]
    assert not {"permission_set", "approval", "gate_decision"} & {m.record for m in source.maps}
    for column in ("owner_ref", "default_autonomy_tier", "risk_class", "last_review_at"):
        assert _fills(source, "agent", column) == []
    assert _fills(source, "component", "status") == []


@pytest.mark.parametrize("name", sorted(MAPS))
def test_no_map_says_for_its_source_that_something_was_verified(name: str) -> None:
    for row_map in MAPS[name].maps:
        assert "source_signature_valid" not in row_map.columns
        grade = row_map.columns.get("evidence_grade")
        assert grade is None or grade.const in (None, "third_party_logged")
