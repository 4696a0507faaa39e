"""The queue's one worker: it takes jobs in turn, tells how far they are, and heeds a cancel.

A worker that is killed leaves its job running; the next one takes it first. What an assessment had
computed by then is kept as partials, so that it goes on rather than begins anew.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import fasteners

from muniment.errors import MunimentError, UsageError
from muniment.jobs.assess import load_catalog, make_clock, run_assessment
from muniment.store.job_table import Job, JobState, JobTable
from muniment.store.open import Store, open_store

ASSESSMENT = "assessment"
REPORT_S = 0.5
_ARGUMENTS = frozenset({"as_of", "known_at", "start"})


class JobCancelled(Exception):  # noqa: N818 - not an error: somebody asked for it
    """A job ends because somebody asked it to."""


def ask_assessment(store: Store, asked_by: str, **arguments: str | None) -> Job:
    """Queue an assessment; arguments as of `muniment assess`: as_of, known_at, start.

    Raises UsageError at once for a clock that makes no sense.
    """
    unknown = arguments.keys() - _ARGUMENTS
    if unknown:
        raise UsageError(f"`{min(unknown)}` is nothing that an assessment takes.")
    given = {name: value for name, value in arguments.items() if value}
    make_clock(store, as_of=given.get("as_of"), known_at=given.get("known_at"),
               start=given.get("start"), days=1)  # fmt: skip
    return JobTable(store.records).add(ASSESSMENT, given, asked_by)


def work(root: Path, *, after: Callable[[Job], None] = lambda _: None) -> int:
    """Do what is queued, until nothing is; how many jobs. 0 where another worker is at it."""
    lock = fasteners.InterProcessLock(root / "jobs.lock")
    if not lock.acquire(blocking=False):
        return 0
    done = 0
    try:
        with open_store(root) as store:
            table = JobTable(store.records)
            while (job := table.take()) is not None:
                _do(store, table, job)
                after(table.get(job.id))
                done += 1
    finally:
        lock.release()
    return done


def start_worker(root: Path) -> None:
    """A worker in a process of its own that outlives this one; it ends when nothing is queued."""
    subprocess.Popen(  # noqa: S603 - our own module, no shell
        [sys.executable, "-m", "muniment", "jobs", "work", "--store", str(root)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def _do(store: Store, table: JobTable, job: Job) -> None:
    last = [0.0]

    def progress(step: str, done: int, total: int) -> None:
        if time.monotonic() - last[0] < REPORT_S:
            return
        last[0] = time.monotonic()
        if not table.report(job.id, step, done, total):
            raise JobCancelled

    try:
        table.finish(job.id, JobState.DONE, _assess(store, job, progress))
    except JobCancelled:
        table.finish(job.id, JobState.CANCELLED, "")
    except MunimentError as error:
        table.finish(job.id, JobState.FAILED, str(error))
    except Exception as error:
        table.finish(job.id, JobState.FAILED, f"unexpected: {type(error).__name__}: {error}"[:300])
        raise


def _assess(store: Store, job: Job, progress: Callable[[str, int, int], None]) -> str:
    if job.kind != ASSESSMENT:
        raise UsageError(f"`{job.kind}` is no kind of job that this version knows.")
    catalog = load_catalog(store.layout.root / "parameters.yaml")
    clock = make_clock(
        store,
        as_of=job.arguments.get("as_of"),
        known_at=job.arguments.get("known_at"),
        start=job.arguments.get("start"),
        days=int(catalog.parameters["period_days"].value),
    )
    done = run_assessment(store, catalog, clock, run_by=job.asked_by, progress=progress)
    return done.assessment_id
