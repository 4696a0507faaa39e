"""A number that no arithmetic can hold costs its own row and no other."""

from __future__ import annotations

from pathlib import Path

from muniment.cli.main import run
from muniment.store.open import open_store


def test_ingest_number_beyond_arithmetic_loses_no_other_row(tmp_path: Path) -> None:
    place = str(tmp_path / "store")
    run(["init", "--organisation", "E", "--time-zone", "UTC", "--store", place])
    head = '{"event_time":"2026-11-11T10:00:00Z","operation_name":"x","id":'
    lines = [f'{head}"{n}","agent_id":{value}}}' for n, value in
             enumerate(["1e99999999", "-1e-99999999", "7", '"a"'])]  # fmt: skip
    (tmp_path / "log.jsonl").write_text("\n".join(lines) + "\n")
    code = run(["ingest", str(tmp_path / "log.jsonl"), "--source", "s", "--map",
                "agent_events_jsonl", "--store", place])  # fmt: skip
    assert code == 0
    with open_store(Path(place)) as store:
        batch = store.records.batches()[0]
    ends = ("imported", "rejected", "duplicate", "superseding")
    assert (batch["status"], batch["rows_read"]) == ("done", 4)
    assert sum(batch[end] for end in ends) == 4
    assert batch["imported"] >= 2
