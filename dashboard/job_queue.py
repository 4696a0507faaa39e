"""The door to the job queue: what is queued, asking for an assessment, and cancelling."""

from __future__ import annotations

from dashboard.data import store_root
from dashboard.rows import Row, plain
from muniment.jobs import queue
from muniment.store.job_table import JobTable
from muniment.store.open import open_store

OPERATOR = "dashboard"  # without login nobody is known by name


def jobs() -> list[Row]:
    """Every job of the queue, the latest first."""
    with open_store(store_root()) as store:
        return [plain(job) for job in reversed(JobTable(store.records).all())]


def ask_assessment() -> None:
    """Queue an assessment of now and see that a worker does it."""
    with open_store(store_root()) as store:
        queue.ask_assessment(store, OPERATOR)
    queue.start_worker(store_root())


def resume_job(job_id: str) -> None:
    """Queue a job again that failed or was cancelled, and see that a worker does it."""
    with open_store(store_root()) as store:
        JobTable(store.records).resume(job_id)
    queue.start_worker(store_root())


def cancel_job(job_id: str) -> None:
    """Ask a job to end."""
    with open_store(store_root()) as store:
        JobTable(store.records).cancel(job_id)
