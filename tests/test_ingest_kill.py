"""Imports that are killed at any point: the next import completes them and doubles nothing."""

from __future__ import annotations

import csv
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from muniment.catalog.sources import load_source_maps
from muniment.ingest.batch import ImportBatch
from muniment.ingest.pipeline import ingest_file
from muniment.model.times import now
from muniment.sealing.verify import verify_store
from muniment.store.open import Store, create_store, open_store
from tests.builders.sources import events_of, json_lines

MAPS = load_source_maps()
EVENTS, PEOPLE = 900, 700
FILES = (("log.jsonl", "gateway_jsonl"), ("people.csv", "people_csv"))
# Says `ready` once everything is loaded, so that the kill falls into the import itself.
CHILD = """
import sys
from pathlib import Path
from muniment.catalog.sources import load_source_maps
from muniment.ingest.pipeline import ingest_file
from muniment.store.open import open_store
maps, folder = load_source_maps(), Path(sys.argv[2])
with open_store(Path(sys.argv[1])) as store:
    print("ready", flush=True)
    for name, source_map in (("log.jsonl", "gateway_jsonl"), ("people.csv", "people_csv")):
        ingest_file(store, folder / name, source_map=maps[source_map], source_id="gateway",
                    recorded_by="clerk", chunk_rows=60)
"""


def sources(folder: Path) -> Path:
    at = "2026-11-20T18:04:00Z"
    rows = [{"event_time": at, "agent_id": f"bot{n % 7}", "target_ref": f"t{n}"}
            | ({"id": n} if n % 3 else {}) for n in range(EVENTS)]  # fmt: skip
    json_lines(folder / "log.jsonl", *rows)
    with (folder / "people.csv").open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["person_id", "name"])
        writer.writerows([f"p{n}", f"Person {n}"] for n in range(PEOPLE))
    return folder


def run_killed(root: Path, folder: Path, after: float | None) -> tuple[int, float]:
    """Import in another process, killed so long after it is ready: exit code and seconds run."""
    command = [sys.executable, "-c", CHILD, str(root), str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
        began = time.monotonic()
        if after is not None:
            time.sleep(after)
            child.kill()
        child.wait()
        return child.returncode, time.monotonic() - began


def imported(store: Store, folder: Path) -> list[ImportBatch]:
    return [
        ingest_file(
            store, folder / name, source_map=MAPS[chosen], source_id="gateway", recorded_by="clerk"
        )
        for name, chosen in FILES
    ]


def empty_store(root: Path) -> Path:
    create_store(root, organisation="E", time_zone="UTC", recorded_by="r").close()
    return root


def check_completed(root: Path, folder: Path) -> None:
    with open_store(root) as store:
        earlier = {batch["id"] for batch in store.records.batches()}
        for batch, rows in zip(imported(store, folder), (EVENTS, PEOPLE), strict=True):
            assert batch.read == batch.imported + batch.duplicate == rows
        by_status = {b["id"]: b["status"] for b in store.records.batches()}
        assert {by_status[each] for each in earlier} <= {"interrupted", "done"}
        events = events_of(store)
        assert len(events) == len({event["event_id"] for event in events}) == EVENTS
        assert {event["target_ref"] for event in events} == {f"t{n}" for n in range(EVENTS)}
        assert len(store.records.rows_as_of("person", now(), now())) == PEOPLE
        assert len(store.records.all_rows("person")) == PEOPLE
        again = imported(store, folder)
        assert [batch.duplicate for batch in again] == [EVENTS, PEOPLE]
        report = verify_store(store, deep=True)
        assert report.ok, [step for step in report.steps if not step.ok]
        assert not list(store.layout.batches.glob("*.lock"))


def kill_and_complete(tmp_path: Path, rounds: int, seed: int) -> None:
    folder = sources(tmp_path)
    ended, whole = run_killed(empty_store(tmp_path / "whole"), folder, None)
    assert ended == 0
    chance = random.Random(seed)
    killed = 0
    for number in range(rounds):
        root = empty_store(tmp_path / f"store{number}")
        for _ in range(chance.randint(1, 3)):
            code, _ = run_killed(root, folder, chance.uniform(0, whole))
            assert code in (0, -signal.SIGKILL)
            killed += code != 0
        check_completed(root, folder)
    assert killed


def test_ingest_killed_at_random_points_is_completed_and_nothing_doubled(tmp_path: Path) -> None:
    kill_and_complete(tmp_path, 2, seed=1)


@pytest.mark.soak
def test_ingest_killed_at_many_random_points_is_completed_and_nothing_doubled(
    tmp_path: Path,
) -> None:
    kill_and_complete(tmp_path, 30, seed=2)
