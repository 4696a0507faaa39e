"""From a proxy's log to discovered uses of AI: gathered, counted, and never undoing a decision."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from muniment.catalog.ai_services import AiService, AiServices, load_ai_services
from muniment.catalog.sources import load_source_maps
from muniment.errors import CatalogError
from muniment.ingest.batch import ImportBatch
from muniment.ingest.pipeline import ingest_file, recognise
from muniment.model.times import now
from muniment.sealing.verify import verify_store
from muniment.store.open import Store
from muniment.store.records_writer import RecordPut
from tests.builders.sources import recognised

MAPS = load_source_maps()


def squid(*calls: tuple[int, str, str], code: str = "TCP_TUNNEL/200") -> str:
    """Lines of the native format: (seconds, user, url) each."""
    return "".join(
        f"17636618{seconds:02}.125    104 10.0.0.1 {code} 904 CONNECT {url} {user} "
        f"HIER_DIRECT/203.0.113.1 -\n"
        for seconds, user, url in calls
    )


def imported(store: Store, tmp_path: Path, text: str) -> ImportBatch:
    path = tmp_path / "access.log"
    path.write_text(text)
    batch = ingest_file(
        store, path, source_map=recognise(path, MAPS), source_id="proxy", recorded_by="r"
    )
    assert batch.read == batch.imported + batch.rejected + batch.duplicate + batch.superseding
    return batch


def uses(store: Store) -> dict[str, dict[str, Any]]:
    return {r["service"]: r for r in store.records.rows_as_of("discovered_use", now(), now())}


THREE = squid((1, "ada", "api.openai.com:443"), (3, "ADA", "api.openai.com:443"),
              (2, "bob", "https://eu.api.openai.com/v1"), (4, "-", "claude.ai:443"),
              (5, "ada", "www.example.com:443"))  # fmt: skip


def test_discovery_gathers_visits_by_service_and_counts_people(
    sqlite_store: Store, tmp_path: Path
) -> None:
    batch = imported(sqlite_store, tmp_path, THREE)
    assert (batch.read, batch.imported, batch.duplicate, batch.left_out) == (4, 2, 2, 1)
    found = uses(sqlite_store)
    assert found.keys() == {"OpenAI API", "Claude"}
    openai = found["OpenAI API"]
    assert (openai["users"], openai["kind"], openai["found_in"]) == (2, "model_api", "proxy")
    assert openai["first_seen_at"] == "2025-11-20T18:03:21.125000000Z"
    assert openai["last_seen_at"] == "2025-11-20T18:03:23.125000000Z"
    assert openai["decision"] == "undecided"
    assert found["Claude"]["users"] is None
    assert verify_store(sqlite_store, deep=True).ok


def test_discovery_keeps_no_name_and_no_other_host(sqlite_store: Store, tmp_path: Path) -> None:
    who = "ada.lovelace@example.org"
    imported(sqlite_store, tmp_path, squid((1, who, "claude.ai"), (2, who, "www.example.com")))
    tables = ("discovered_use", "discovery_scan")
    kept = json.dumps([sqlite_store.records.all_rows(name) for name in tables])
    kept += json.dumps(sqlite_store.records.batches())
    assert "Claude" in kept
    assert "lovelace" not in kept
    assert "www.example.com" not in kept


def test_discovery_again_changes_nothing(sqlite_store: Store, tmp_path: Path) -> None:
    imported(sqlite_store, tmp_path, THREE)
    before = sqlite_store.records.all_rows("discovered_use")
    batch = imported(sqlite_store, tmp_path, THREE)
    assert (batch.read, batch.duplicate) == (4, 4)
    assert sqlite_store.records.all_rows("discovered_use") == before
    assert len(sqlite_store.records.all_rows("discovery_scan")) == 1


def test_discovery_later_log_widens_the_sight_and_keeps_the_decision(
    sqlite_store: Store, tmp_path: Path
) -> None:
    imported(sqlite_store, tmp_path, THREE)
    held = uses(sqlite_store)["OpenAI API"]
    names = ("discovered_use_id", "service", "kind", "users", "first_seen_at", "last_seen_at")
    decided = {name: held[name] for name in names} | {
        "decision": "sanctioned", "decided_by": "eve", "decided_at": "2025-11-20T18:03:30Z",
    }  # fmt: skip
    with sqlite_store.records.writing() as writer:
        writer.put_many("discovered_use", [RecordPut(decided, "2025-11-20T18:03:30Z")],
                        recorded_by="eve", source_id="triage")  # fmt: skip
    batch = imported(sqlite_store, tmp_path, squid((50, "zoe", "api.openai.com:443")))
    assert (batch.read, batch.superseding) == (1, 1)
    now_known = uses(sqlite_store)["OpenAI API"]
    assert (now_known["decision"], now_known["decided_by"]) == ("sanctioned", "eve")
    assert now_known["first_seen_at"] == held["first_seen_at"]
    assert now_known["last_seen_at"] == "2025-11-20T18:04:10.125000000Z"
    assert now_known["users"] == 2


def test_discovery_earlier_log_moves_the_first_sight_back(
    sqlite_store: Store, tmp_path: Path
) -> None:
    imported(sqlite_store, tmp_path, squid((50, "ada", "claude.ai:443")))
    imported(sqlite_store, tmp_path, squid((10, "ada", "claude.ai:443")))
    found = uses(sqlite_store)["Claude"]
    assert found["first_seen_at"] == "2025-11-20T18:03:30.125000000Z"
    assert found["last_seen_at"] == "2025-11-20T18:04:10.125000000Z"


def test_discovery_call_of_a_registered_agent_is_no_discovery(
    sqlite_store: Store, tmp_path: Path
) -> None:
    agent = {"agent_id": "a1", "name": "A", "identity_ref": "svc-a1"}
    with sqlite_store.records.writing() as writer:
        writer.put_many("agent", [RecordPut(agent, "2025-01-01T00:00:00Z")], recorded_by="r",
                        source_id="s")  # fmt: skip
    batch = imported(sqlite_store, tmp_path, squid((1, "svc-a1", "claude.ai:443")))
    assert (batch.read, batch.left_out, uses(sqlite_store)) == (0, 1, {})


def test_discovery_call_that_was_blocked_is_no_use(sqlite_store: Store, tmp_path: Path) -> None:
    text = squid((1, "ada", "claude.ai:443"), code="TCP_DENIED/403")
    batch = imported(sqlite_store, tmp_path, text)
    assert (batch.read, batch.left_out, uses(sqlite_store)) == (0, 1, {})


def test_discovery_of_nothing_is_a_search_that_found_nothing(
    sqlite_store: Store, tmp_path: Path
) -> None:
    imported(sqlite_store, tmp_path, squid((9, "ada", "www.example.com:443")))
    (scan,) = sqlite_store.records.all_rows("discovery_scan")
    assert (scan["findings"], scan["scanned_at"]) == (0, "2025-11-20T18:03:29.125000000Z")


@pytest.mark.parametrize(
    ("host", "service"),
    [
        ("api.openai.com", "OpenAI API"), ("API.OpenAI.com.", "OpenAI API"),
        ("https://user@api.openai.com:443/v1?x=1", "OpenAI API"),
        ("my-firm.openai.azure.com:443", "Azure OpenAI"), ("openai.azure.com", None),
        ("bedrock-runtime.eu-west-1.amazonaws.com", "Amazon Bedrock"),
        ("us-central1-aiplatform.googleapis.com", "Google Vertex AI"),
        ("notapi.openai.com.evil.example", None), ("evilclaude.ai", None), ("", None), ("-", None),
        ("[::1]:443", None), ("claude.ai", "Claude"),
    ],
)  # fmt: skip
def test_discovery_host_is_told_by_whole_names(host: str, service: str | None) -> None:
    found = load_ai_services().service_of(host)
    assert (found.service if found else None) == service


def test_discovery_list_names_each_host_once() -> None:
    services = load_ai_services()
    for service in set(services._exact.values()):
        for host in service.hosts:
            if "*" not in host:
                assert services.service_of(host) is service


def test_discovery_list_that_is_wrong_is_refused(tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text("- {service: X, kind: oracle, hosts: [x.example]}\n")
    with pytest.raises(CatalogError, match=r"s.yaml.*is no list of services"):
        load_ai_services(tmp_path / "s.yaml")
    assert (
        AiServices((AiService(service="X", kind="agent", hosts=("x.example",)),)).service_of("y")
        is None
    )


NETSKOPE = """\
#Fields: x-cs-timestamp cs-username cs-host x-cs-app x-policy-action x-cs-app-tags
1763661801 ada@example.org chatgpt.com "Open AI" allow Unsanctioned
1763661802 - claude.ai Claude - NotChecked
1763661803 bob@example.org claude.ai Claude block -
"""


def test_netskope_marks_are_no_values_and_blocked_is_no_use(tmp_path: Path) -> None:
    taken, refused = recognised(tmp_path, "proxy_netskope", NETSKOPE)
    assert refused == []
    assert [(row.values["host"], row.values.get("user_ref")) for row in taken] == [
        ("chatgpt.com", "ada@example.org"), ("claude.ai", None),
    ]  # fmt: skip
    assert taken[0].values["found_in"] == "casb"


@pytest.mark.parametrize("wrapped", [True, False])
def test_zscaler_line_is_read_with_and_without_its_wrapper(tmp_path: Path, wrapped: bool) -> None:
    event = {"time": "Thu Nov 20 18:03:21 2025", "login": "ada@example.org", "dept": "Claims",
             "eurl": "api.anthropic.com:443", "action": "Allowed", "urlcat": "AI"}  # fmt: skip
    line = {"sourcetype": "zscalernss-web", "event": event} if wrapped else event
    taken, _ = recognised(tmp_path, "proxy_zscaler", json.dumps(line) + "\n")
    assert taken[0].values["business_unit"] == "Claims"
    assert taken[0].values["seen_at"] == "2025-11-20T18:03:21.000000000Z"


def test_squid_line_of_neither_format_is_refused_alone(tmp_path: Path) -> None:
    text = squid((1, "ada", "claude.ai:443")) + "garbage\n"
    taken, (refused,) = recognised(tmp_path, "proxy_squid", text)
    assert (len(taken), refused.place, refused.kind) == (1, 2, "line not as expected")
