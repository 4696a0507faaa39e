"""The table of jobs: what was asked for, how far it is, and what came of it."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import insert, select, update

from muniment.errors import StoreError, UsageError
from muniment.model.times import now
from muniment.store.records import RecordStore
from muniment.store.tables import JOB


class JobState(StrEnum):
    """How a job stands."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


OPEN = (JobState.QUEUED, JobState.RUNNING)


@dataclass(frozen=True, slots=True)
class Job:
    """One piece of work. result: what it left (an assessment's id), or why it failed.

    step, done, total: what is being done, and how much of it. attempts: how often it was begun.
    """

    id: str
    kind: str
    arguments: Mapping[str, Any]
    state: JobState
    asked_by: str
    asked_at: str
    started_at: str | None
    finished_at: str | None
    attempts: int
    step: str | None
    done: int | None
    total: int | None
    cancel_asked: bool
    result: str | None


class JobTable:
    """The jobs of one store."""

    def __init__(self, records: RecordStore) -> None:
        self._records = records

    def add(self, kind: str, arguments: Mapping[str, Any], asked_by: str) -> Job:
        """Ask for a piece of work."""
        row = {
            "id": f"J-{secrets.token_hex(6)}", "kind": kind, "state": JobState.QUEUED,
            "arguments": json.dumps(dict(arguments), sort_keys=True), "asked_by": asked_by,
            "asked_at": now(), "attempts": 0, "cancel_asked": False,
        }  # fmt: skip
        with self._records.writing() as writer:
            writer.connection.execute(insert(JOB), [row])
        return self.get(str(row["id"]))

    def get(self, job_id: str) -> Job:
        """One job; StoreError where there is none of that id."""
        found = [job for job in self.all() if job.id == job_id]
        if not found:
            raise StoreError(
                f"there is no job `{job_id[:40]}`. List them with `muniment jobs list`."
            )
        return found[0]

    def all(self) -> list[Job]:
        """Every job, oldest first."""
        with self._records.reading() as connection:
            rows = connection.execute(select(JOB).order_by(JOB.c.asked_at, JOB.c.id)).mappings()
            return [_job(dict(row)) for row in rows]

    def take(self) -> Job | None:
        """The oldest open job, now running. One that ran when its process ended is taken first."""
        for state in reversed(OPEN):
            for job in self.all():
                if job.state is state:
                    started = {"state": JobState.RUNNING, "started_at": now()}
                    self._change(job.id, {**started, "attempts": job.attempts + 1})
                    return self.get(job.id)
        return None

    def report(self, job_id: str, step: str, done: int, total: int) -> bool:
        """Say how far a job is; whether it shall go on."""
        self._change(job_id, {"step": step, "done": done, "total": total})
        return not self.get(job_id).cancel_asked

    def finish(self, job_id: str, state: JobState, result: str) -> None:
        """Close a job."""
        self._change(job_id, {"state": state, "finished_at": now(), "result": result})

    def cancel(self, job_id: str) -> Job:
        """Ask a job to end; one that waits ends at once. UsageError where it has ended."""
        job = self.get(job_id)
        if job.state not in OPEN:
            raise UsageError(f"job `{job_id}` has ended: it is {job.state}.")
        change: dict[str, Any] = {"cancel_asked": True}
        if job.state is JobState.QUEUED:
            change |= {"state": JobState.CANCELLED, "finished_at": now()}
        self._change(job_id, change)
        return self.get(job_id)

    def resume(self, job_id: str) -> Job:
        """Queue again a job that failed or was cancelled; what it had computed is still known."""
        job = self.get(job_id)
        if job.state in (*OPEN, JobState.DONE):
            raise UsageError(f"job `{job_id}` cannot be resumed: it is {job.state}.")
        change = {"state": JobState.QUEUED, "cancel_asked": False, "finished_at": None}
        self._change(job_id, {**change, "result": None})
        return self.get(job_id)

    def _change(self, job_id: str, values: Mapping[str, Any]) -> None:
        with self._records.writing() as writer:
            writer.connection.execute(update(JOB).where(JOB.c.id == job_id).values(**values))


def _job(row: Mapping[str, Any]) -> Job:
    values = {**row, "arguments": json.loads(row["arguments"]), "state": JobState(row["state"])}
    return Job(**values)
