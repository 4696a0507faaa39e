"""Assessments that are killed at any point: the next run gives what an undisturbed one gives."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from muniment.evidence.assessment_file import read_document
from muniment.evidence.codec import to_json_value
from muniment.integrity.canonical import canonical_json
from muniment.jobs.queue import ask_assessment
from muniment.model.times import format_time, to_nanos
from muniment.store.job_table import JobState, JobTable
from muniment.store.open import open_store
from tests.builders.cache_world import DAY, START, World

# Loads everything once; each line on stdin is a store, worked on in a process of its own until it
# is done, or until the seconds that follow have passed. An events test, a test that goes by
# partitions, one over facts and one over the registry.
WORKERS = """
import os, signal, sys, time
from dataclasses import replace
from pathlib import Path
from muniment.jobs import queue
from muniment.jobs.assess import Catalog, load_catalog
whole = load_catalog()
few = {name: whole.controls[name] for name in ("OVR-03", "AUD-02", "IDN-01", "OWN-01")}
catalog = Catalog(few, {}, whole.parameters, whole.maturity, whole.digest)
queue.load_catalog = lambda _file: catalog
for line in sys.stdin:
    root, after = line.rsplit(" ", 1)
    began = time.monotonic()
    child = os.fork()
    if child == 0:
        queue.work(Path(root))
        os._exit(0)
    if float(after) > 0:
        time.sleep(float(after))
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    print(int(os.WIFSIGNALED(status)), time.monotonic() - began, flush=True)
"""


@contextmanager
def workers() -> Iterator[subprocess.Popen[str]]:
    """What works on stores, or is killed at it."""
    with subprocess.Popen(
        [sys.executable, "-c", WORKERS], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield process
        assert process.stdin is not None
        process.stdin.close()


def work(process: subprocess.Popen[str], root: Path, after: float = 0) -> tuple[bool, float]:
    """Do what is queued, for so many seconds at most: whether it was killed, and seconds taken."""
    assert process.stdin is not None and process.stdout is not None
    process.stdin.write(f"{root} {after}\n")
    process.stdin.flush()
    killed, taken = process.stdout.readline().split()
    return killed == "1", float(taken)


def queued(root: Path, empty: Path) -> Path:
    """A store with traces, agents and a job that waits."""
    with open_store(shutil.copytree(empty, root)) as store:
        world = World(store)
        world.put("agent", 0, agent_id="a1", name="One", lifecycle_status="active")
        for day in (3, 4, 5):
            at = format_time(to_nanos(START) + day * DAY)
            world.add_events(day, 6, trace_id=f"t{day}", span_id="s", trigger_kind="schedule",
                             autonomy_tier="approval_required", event_time=at)  # fmt: skip
        known_at = store.records.settled_now()
        ask_assessment(store, "ana", as_of="2026-11-20T00:00:00Z", start="2026-11-01",
                       known_at=known_at)  # fmt: skip
    return root


def outcome(root: Path) -> str:
    """Everything that the only job concluded; nothing may be left over or half done."""
    with open_store(root) as store:
        (job,) = JobTable(store.records).all()
        assert job.state is JobState.DONE, job.result
        document = read_document(store, str(job.result))
        assert [each["id"] for each in store.records.assessments()] == [job.result]
        assert not list(store.layout.assessments.rglob("*.tmp"))
        assert not [p for p in store.layout.cache.rglob("*") if p.name.endswith(".tmp")]
        return canonical_json(to_json_value(document.assessment.controls))


def kill_and_resume(tmp_path: Path, empty: Path, rounds: int, seed: int) -> None:
    start = queued(tmp_path / "start", empty)
    with workers() as process:
        whole = shutil.copytree(start, tmp_path / "whole")
        killed, seconds = work(process, whole)
        assert not killed
        expected, chance, kills = outcome(whole), random.Random(seed), 0
        for number in range(rounds):
            root = shutil.copytree(start, tmp_path / f"store{number}")
            kills += work(process, root, chance.uniform(0.01, seconds))[0]
            for folder in root.glob("cache/*/.*.tmp"):  # as old as the sweep wants them
                os.utime(folder, (time.time() - 7_200,) * 2)
            assert not work(process, root)[0]
            assert outcome(root) == expected
            shutil.rmtree(root)
        assert kills


def test_assessment_killed_at_random_points_ends_as_an_undisturbed_one(
    tmp_path: Path, empty_sqlite: Path
) -> None:
    kill_and_resume(tmp_path, empty_sqlite, 3, seed=1)


@pytest.mark.soak
def test_assessment_killed_at_a_hundred_points_ends_as_an_undisturbed_one(
    tmp_path: Path, empty_sqlite: Path
) -> None:
    kill_and_resume(tmp_path, empty_sqlite, int(os.environ.get("MUNIMENT_KILLS", "100")), seed=2)
