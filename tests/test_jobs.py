"""Jobs and results: queue, cancel and resume; a stored assessment that comes out bit for bit."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from pytest import CaptureFixture, MonkeyPatch

from muniment.cli.main import run
from muniment.errors import StoreError, UsageError
from muniment.jobs import queue
from muniment.jobs.assess import Catalog, load_catalog
from muniment.jobs.reproduce import reproduce_assessment
from muniment.sealing.redaction import redact_events
from muniment.store.job_table import JobState, JobTable
from muniment.store.open import Store, open_store
from tests.builders.cache_world import World

AS_OF = "2026-11-28T00:00:00Z"
FEW = ("OVR-03",)  # an events test: no process is started for it


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    whole = load_catalog()
    controls = {name: whole.controls[name] for name in FEW}
    return Catalog(controls, {}, whole.parameters, whole.maturity, whole.digest)


@pytest.fixture
def world(sqlite_store: Store, catalog: Catalog, monkeypatch: MonkeyPatch) -> World:
    monkeypatch.setattr(queue, "load_catalog", lambda _file: catalog)
    monkeypatch.setattr(queue, "REPORT_S", 0.0)
    made = World(sqlite_store)
    made.add_events(3, 6)
    made.add_events(4, 6, autonomy_tier="approval_required", trace_id="t1")
    return made


def test_job_runs_reports_and_leaves_an_assessment_that_comes_out_again(world: World) -> None:
    store, root = world.store, world.store.layout.root
    job = queue.ask_assessment(store, "ana", as_of=AS_OF, start="2026-11-01")
    assert queue.work(root) == 1
    done = JobTable(store.records).get(job.id)
    assert (done.state, done.attempts) == (JobState.DONE, 1)
    assert done.step in ("events", *FEW) and done.total
    found = reproduce_assessment(store, str(done.result))
    assert found.sentence() == "reproduced: all results (1) came out bit for bit as stored."
    world.add_events(5, 3, ingested_at=store.records.settled_now())
    world.put("approval", 2, approval_id="ap1", decision="approved")
    shutil.rmtree(store.layout.cache)
    assert reproduce_assessment(store, str(done.result)).same, "later news changes nothing"
    redacted = redact_events(
        store, list(world.events)[:2], reason="Art. 17", approved_by="dpo@example.org"
    )
    gone = reproduce_assessment(store, str(done.result))
    assert gone.sentence() == f"not reproducible: 2 rows erased by {redacted.record_id}."


def test_job_that_is_cancelled_ends_and_resumes_with_the_same_result(
    world: World, monkeypatch: MonkeyPatch
) -> None:
    store, root = world.store, world.store.layout.root
    table = JobTable(store.records)
    job = queue.ask_assessment(store, "ana", as_of=AS_OF, start="2026-11-01")
    honest, seen = JobTable.report, []

    def cancelling(self: JobTable, job_id: str, step: str, done: int, total: int) -> bool:
        seen.append(step)
        if len(seen) == 2:
            self.cancel(job_id)
        return honest(self, job_id, step, done, total)

    with monkeypatch.context() as patched:
        patched.setattr(JobTable, "report", cancelling)
        assert queue.work(root) == 1
    assert table.get(job.id).state is JobState.CANCELLED
    assert store.records.assessments() == []
    table.resume(job.id)
    assert queue.work(root) == 1
    assert table.get(job.id).state is JobState.DONE
    with pytest.raises(UsageError, match="cannot be resumed"):
        table.resume(job.id)
    with pytest.raises(UsageError, match="has ended"):
        table.cancel(job.id)


def test_job_whose_worker_was_killed_is_taken_first_by_the_next(world: World) -> None:
    table = JobTable(world.store.records)
    first = queue.ask_assessment(world.store, "ana", as_of=AS_OF, start="2026-11-01")
    second = queue.ask_assessment(world.store, "ben", as_of=AS_OF, start="2026-11-10")
    third = queue.ask_assessment(world.store, "cy", as_of=AS_OF)
    assert table.cancel(third.id).state is JobState.CANCELLED
    taken = table.take()
    assert taken is not None and taken.id == first.id
    order: list[str] = []
    assert queue.work(world.store.layout.root, after=lambda job: order.append(job.id)) == 2
    assert order == [first.id, second.id]
    assert table.get(first.id).attempts == 2


def test_job_that_fails_says_why_and_stops_no_other(world: World) -> None:
    table = JobTable(world.store.records)
    bad = table.add("no such thing", {}, "ana")
    good = queue.ask_assessment(world.store, "ana", as_of=AS_OF, start="2026-11-01")
    assert queue.work(world.store.layout.root) == 2
    assert table.get(bad.id).state is JobState.FAILED
    assert "no kind of job" in str(table.get(bad.id).result)
    assert table.get(good.id).state is JobState.DONE
    with pytest.raises(UsageError, match="not an ISO 8601 time"):
        queue.ask_assessment(world.store, "ana", as_of="someday")
    with pytest.raises(StoreError, match="no job"):
        table.get("J-none")


def told(capsys: CaptureFixture[str], *arguments: str) -> tuple[int, Any]:
    code = run([*arguments, "--json"])
    return code, json.loads(capsys.readouterr().out)


def test_commands_queue_list_cancel_work_and_redact(
    world: World, monkeypatch: MonkeyPatch, capsys: CaptureFixture[str]
) -> None:
    monkeypatch.setattr("muniment.jobs.queue.start_worker", lambda _root: None)
    root = str(world.store.layout.root)
    store = ("--store", root)
    _, started = told(capsys, "jobs", "start", "--as-of", AS_OF, "--from", "2026-11-01", *store)
    _, other = told(capsys, "jobs", "start", "--as-of", AS_OF, *store)
    assert told(capsys, "jobs", "cancel", other["job_id"], *store)[1]["state"] == "cancelled"
    assert told(capsys, "jobs", "work", *store)[1] == {"jobs": 1}
    rows = told(capsys, "jobs", "list", *store)[1]["jobs"]
    assert [row["state"] for row in rows] == ["done", "cancelled"]
    assessment = rows[0]["result"]
    assert rows[0]["id"] == started["job_id"]
    code, same = told(capsys, "reproduce", assessment, *store)
    assert (code, same["same"]) == (0, True)
    event = sorted(world.events)[0]
    why = ("--reason", "Art. 17", "--approved-by", "dpo@example.org")
    assert told(capsys, "redact", event, *why, *store)[0] == 0
    code, gone = told(capsys, "reproduce", assessment, *store)
    assert (code, gone["same"], gone["erased"][0]["rows"]) == (2, False, 1)


def test_worker_in_its_own_process_does_what_is_queued(tmp_path: Path, empty_sqlite: Path) -> None:
    import time

    root = shutil.copytree(empty_sqlite, tmp_path / "store")
    with open_store(root) as store:
        table = JobTable(store.records)
        job = table.add("no such thing", {}, "ana")
        queue.start_worker(root)
        for _ in range(300):
            if table.get(job.id).state is JobState.FAILED:
                break
            time.sleep(0.1)
        assert table.get(job.id).state is JobState.FAILED
