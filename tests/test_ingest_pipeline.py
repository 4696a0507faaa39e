"""Importing into a store: counts that add up, ids that repeat, imports that were interrupted."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from muniment.catalog.sources import load_source_maps
from muniment.errors import InputError, UsageError
from muniment.ingest.batch import ImportBatch, RunningMark
from muniment.ingest.pipeline import ingest_file
from muniment.model.sources import SourceMap
from muniment.model.times import now
from muniment.store.open import Store, create_store
from tests.builders.sources import events_of, json_lines, source_map

MAPS = load_source_maps()
AT = "2026-11-20T18:04:00Z"


def take(store: Store, path: Path, chosen: SourceMap, **options: Any) -> ImportBatch:
    given = {"source_id": "gateway-eu", "recorded_by": "clerk"} | options
    return ingest_file(store, path, source_map=chosen, **given)


def counts(batch: ImportBatch) -> tuple[int, ...]:
    assert batch.read == batch.imported + batch.rejected + batch.duplicate + batch.superseding
    return batch.read, batch.imported, batch.rejected, batch.duplicate, batch.superseding


def row(number: int, **values: Any) -> dict[str, Any]:
    return {"id": f"e{number}", "event_time": AT, "agent_id": "bot", **values}


def test_ingest_counts_add_up_and_refused_rows_are_explained(
    sqlite_store: Store, tmp_path: Path
) -> None:
    path = json_lines(tmp_path / "g.jsonl", row(1), row(2, event_time="2026-11-20"), row(3), "text")
    batch = take(sqlite_store, path, MAPS["gateway_jsonl"])
    assert counts(batch) == (4, 2, 2, 0, 0)
    assert batch.min_event_time == batch.max_event_time == "2026-11-20T18:04:00.000000000Z"
    assert batch.reject_reasons == {"event_time: no time zone": 1, "not an object": 1}
    refused = [json.loads(line) for line in Path(str(batch.rejects_file)).read_text().splitlines()]
    assert [one["row"] for one in refused] == [2, 4]
    assert "declare one in the source map" in refused[0]["reason"]
    (stored,) = sqlite_store.records.batches()
    assert (stored["status"], stored["rows_read"], stored["rejected"]) == ("done", 4, 2)
    assert stored["map_digest"] == MAPS["gateway_jsonl"].digest
    assert stored["reject_reasons"] == batch.reject_reasons


def test_ingest_same_file_again_changes_nothing(sqlite_store: Store, tmp_path: Path) -> None:
    path = json_lines(tmp_path / "g.jsonl", row(1), row(2))
    first = take(sqlite_store, path, MAPS["gateway_jsonl"])
    before = events_of(sqlite_store)
    again = take(sqlite_store, path, MAPS["gateway_jsonl"])
    assert (counts(first), counts(again)) == ((2, 2, 0, 0, 0), (2, 0, 0, 2, 0))
    assert events_of(sqlite_store) == before


def test_ingest_known_event_with_other_values_is_superseding(
    sqlite_store: Store, tmp_path: Path
) -> None:
    take(sqlite_store, json_lines(tmp_path / "a", row(1, outcome="unknown")), MAPS["gateway_jsonl"])
    later = json_lines(tmp_path / "b", row(1, outcome="success"), row(2))
    assert counts(take(sqlite_store, later, MAPS["gateway_jsonl"])) == (2, 1, 0, 0, 1)
    assert counts(take(sqlite_store, later, MAPS["gateway_jsonl"])) == (2, 0, 0, 2, 0)
    assert sorted(e.get("outcome", "") for e in events_of(sqlite_store)) == ["", "success"]


def test_ingest_equal_rows_without_key_stay_several(sqlite_store: Store, tmp_path: Path) -> None:
    same = {"event_time": AT, "agent_id": "bot"}
    path = json_lines(tmp_path / "g", same, same, {**same, "id": "k"}, {**same, "id": "k"})
    assert counts(take(sqlite_store, path, MAPS["gateway_jsonl"])) == (4, 3, 0, 1, 0)
    assert counts(take(sqlite_store, path, MAPS["gateway_jsonl"])) == (4, 0, 0, 4, 0)


def test_ingest_chunk_size_does_not_change_ids_and_source_name_does(tmp_path: Path) -> None:
    rows = [row(n) if n % 2 else {"event_time": AT, "agent_id": f"bot{n % 3}"} for n in range(30)]
    path = json_lines(tmp_path / "g", *rows)
    found = []
    for options in ({"chunk_rows": 4}, {"chunk_rows": 5_000}, {"source_id": "other"}):
        root = tmp_path / f"store{len(found)}"
        with create_store(root, organisation="E", time_zone="UTC", recorded_by="r") as store:
            assert take(store, path, MAPS["gateway_jsonl"], **options).imported == 30
            found.append({event["event_id"] for event in events_of(store)})
    assert found[0] == found[1]
    assert found[0].isdisjoint(found[2])
    assert all(len(event_id) == 32 for event_id in found[0])


@pytest.mark.parametrize("source_id", ["", "  ", "muniment", "a\nb", "x" * 201])
def test_ingest_unusable_source_name_is_refused(
    sqlite_store: Store, tmp_path: Path, source_id: str
) -> None:
    with pytest.raises(UsageError, match="source id"):
        take(sqlite_store, json_lines(tmp_path / "g", row(1)), MAPS["gateway_jsonl"],
             source_id=source_id)  # fmt: skip


def test_ingest_cut_off_document_leaves_nothing_behind(sqlite_store: Store, tmp_path: Path) -> None:
    path = tmp_path / "d.json"
    path.write_text(json.dumps([row(n) for n in range(100)])[:-3])
    chosen = source_map(tmp_path, "json", rows="$[*]", own_names="")
    with pytest.raises(InputError, match="Nothing was imported"):
        take(sqlite_store, path, chosen)
    assert events_of(sqlite_store) == []
    assert sqlite_store.records.batches() == []
    assert not list(sqlite_store.layout.batches.glob("*"))


def test_ingest_batch_of_a_killed_process_is_interrupted_then_completed(
    sqlite_store: Store, tmp_path: Path
) -> None:
    path = json_lines(tmp_path / "g", row(1), row(2))
    # The mark is a lock that the system frees when its process dies.
    script = (
        "import os, sys; from pathlib import Path\n"
        "from muniment.store.open import open_store\n"
        "from muniment.ingest.batch import RunningMark\n"
        "store = open_store(Path(sys.argv[1]))\n"
        "one = store.records.start_batch(source_id='s', source_map='m', run_by='r')\n"
        "assert RunningMark(store.layout, one).take()\n"
        "os._exit(9)\n"
    )
    root = str(sqlite_store.layout.root)
    ended = subprocess.run([sys.executable, "-c", script, root], check=False, cwd=Path.cwd())
    assert ended.returncode == 9
    batch = take(sqlite_store, path, MAPS["gateway_jsonl"])
    assert counts(batch) == (2, 2, 0, 0, 0)
    assert [one["status"] for one in sqlite_store.records.batches()] == ["interrupted", "done"]


def test_ingest_batch_that_still_runs_is_left_alone(sqlite_store: Store, tmp_path: Path) -> None:
    running = sqlite_store.records.start_batch(source_id="s", source_map="m", run_by="r")
    mark = RunningMark(sqlite_store.layout, running)
    assert mark.take()
    take(sqlite_store, json_lines(tmp_path / "g", row(1)), MAPS["gateway_jsonl"])
    assert [one["status"] for one in sqlite_store.records.batches()] == ["running", "done"]
    mark.release()


def registry(path: Path, *rows: dict[str, str]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def agents(store: Store) -> list[dict[str, Any]]:
    return store.records.rows_as_of("agent", now(), now())


def test_ingest_registry_tells_no_owner_from_no_owner_column(store: Store, tmp_path: Path) -> None:
    base = {"agent_id": "a", "name": "A", "kind": "agent", "skills": "x|y", "owner_ref": ""}
    path = registry(tmp_path / "r.csv", base, base | {"agent_id": "b", "owner_ref": "bo"})
    assert counts(take(store, path, MAPS["registry_csv"])) == (2, 2, 0, 0, 0)
    first, second = sorted(agents(store), key=lambda one: str(one["agent_id"]))
    assert (first["owner_ref"], second["owner_ref"]) == (None, "bo")
    assert first["skills"] == ["x", "y"]
    assert "owner_ref" not in first["not_carried_fields"]
    assert "deputy_ref" in first["not_carried_fields"]
    assert first["source_id"] == "gateway-eu"


def test_ingest_registry_again_keeps_its_start_and_a_change_supersedes(
    sqlite_store: Store, tmp_path: Path
) -> None:
    base = {"agent_id": "a", "name": "A", "kind": "agent"}
    path = registry(tmp_path / "r.csv", base)
    take(sqlite_store, path, MAPS["registry_csv"])
    (before,) = agents(sqlite_store)
    assert counts(take(sqlite_store, path, MAPS["registry_csv"])) == (1, 0, 0, 1, 0)
    assert agents(sqlite_store) == [before]
    changed = registry(tmp_path / "r2.csv", base | {"name": "B"})
    assert counts(take(sqlite_store, changed, MAPS["registry_csv"])) == (1, 0, 0, 0, 1)
    (after,) = agents(sqlite_store)
    assert (after["name"], after["valid_from"] > before["valid_from"]) == ("B", True)
    history = sqlite_store.records.history("agent", now())
    assert sorted(one["name"] for one in history) == ["A", "B"]


def test_ingest_record_without_key_or_with_wrong_choice_is_refused(
    sqlite_store: Store, tmp_path: Path
) -> None:
    base = {"agent_id": "a", "name": "A", "kind": "agent", "lifecycle_status": "active"}
    path = registry(tmp_path / "r.csv", base, base | {"agent_id": ""},
                    base | {"agent_id": "c", "lifecycle_status": "alive"})  # fmt: skip
    batch = take(sqlite_store, path, MAPS["registry_csv"])
    assert counts(batch) == (3, 1, 2, 0, 0)
    assert batch.reject_reasons == {"agent_id: required": 1, "lifecycle_status: unknown value": 1}


def test_ingest_approval_rows_hold_from_request_then_decision(
    sqlite_store: Store, tmp_path: Path
) -> None:
    asked = {"approval_id": "A-1", "subject_ref": "e1", "decision": "",
             "requested_at": "2026-11-01T08:00:00Z", "decided_at": ""}  # fmt: skip
    decided = asked | {"decision": "approved", "decided_at": "2026-11-02T08:00:00+01:00"}
    for number, one in enumerate((asked, decided)):
        take(sqlite_store, registry(tmp_path / f"{number}.csv", one), MAPS["approvals_csv"])
    history = sqlite_store.records.history("approval", now())
    assert [(one["valid_from"], one["decision"]) for one in history] == [
        ("2026-11-01T08:00:00.000000000Z", None), ("2026-11-02T07:00:00.000000000Z", "approved"),
    ]  # fmt: skip


def test_ingest_progress_is_reported(sqlite_store: Store, tmp_path: Path) -> None:
    seen: list[int] = []
    path = json_lines(tmp_path / "g", *(row(n) for n in range(2_500)))
    take(sqlite_store, path, MAPS["gateway_jsonl"],
         progress=lambda _label, done, _total: seen.append(done))  # fmt: skip
    assert seen == [1_000, 2_000]
