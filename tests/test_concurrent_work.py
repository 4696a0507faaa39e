"""An ingest, an assessment and twenty writers on one SQLite store at the same time."""

from __future__ import annotations

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from muniment.sealing.verify import verify_store
from muniment.store.open import Store, open_store
from tests.builders.records import JANUARY, agent, put

WRITERS = 20
ROUNDS = 8
EVENTS = 3_000


def gateway_file(folder: Path) -> Path:
    path = folder / "gateway.jsonl"
    with path.open("w") as file:
        for number in range(EVENTS):
            event = {"id": f"c-{number}", "event_time": f"2026-03-01T10:{number % 60:02d}:00Z",
                     "agent_id": f"a-{number % 7}", "action_type": "write",
                     "operation_name": "execute_tool", "source_seq": number}  # fmt: skip
            file.write(json.dumps(event) + "\n")
    return path


def command(*arguments: str) -> subprocess.Popen[str]:
    program = "import sys; from muniment.cli.main import main; main(sys.argv[1:])"
    return subprocess.Popen(
        [sys.executable, "-c", program, *arguments],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def test_ingest_assess_and_twenty_writers_meet_no_lock_error(
    sqlite_store: Store, tmp_path: Path
) -> None:
    root = sqlite_store.layout.root
    place = ("--store", str(root))
    ingest = command("ingest", str(gateway_file(tmp_path)), "--source", "gateway", "--map",
                     "gateway_jsonl", *place)  # fmt: skip
    assess = command("assess", "--from", "2026-01-01", *place)

    def write(writer: int) -> int:
        with open_store(root) as own:
            for turn in range(ROUNDS):
                put(own, "agent", agent(agent_id=f"w-{writer}-{turn}"), JANUARY)
        return ROUNDS

    with ThreadPoolExecutor(WRITERS) as pool:
        written = sum(pool.map(write, range(WRITERS)))
    spoken = {name: process.communicate(timeout=120)
              for name, process in (("ingest", ingest), ("assess", assess))}  # fmt: skip
    assert written == WRITERS * ROUNDS
    assert ingest.returncode == 0, spoken["ingest"]
    assert assess.returncode in {1, 2}, spoken["assess"]
    assert "lock" not in str(spoken).lower()
    agents = sqlite_store.records.all_rows("agent")
    assert len({row["agent_id"] for row in agents}) == written
    assert sqlite_store.records.batches()[0]["imported"] == EVENTS
    assert verify_store(sqlite_store, deep=True).ok
