"""Commands on the queue of jobs: start, list, cancel, resume, work."""

from __future__ import annotations

from typing import Annotated

import typer

from muniment.cli.common import DEFAULT_STORE, ByOption, JsonOption, StoreOption, opened, person
from muniment.cli.output import Output
from muniment.store.job_table import Job, JobTable

jobs = typer.Typer(help="Work in the background: one process does what is queued, in turn.")
JobArgument = Annotated[str, typer.Argument(help="Job id.")]
_COLUMNS = ("id", "kind", "state", "asked by", "asked at", "progress", "result")


def register(app: typer.Typer) -> None:
    """Add the commands of this module to the application."""
    app.add_typer(jobs, name="jobs")


@jobs.command("start")
def start(
    as_of: Annotated[
        str | None, typer.Option(help="Date or time judged; now unless given.")
    ] = None,
    known_at: Annotated[
        str | None, typer.Option(help="Use only what was known then; now unless given.")
    ] = None,
    begin: Annotated[str | None, typer.Option("--from", help="Start of the period.")] = None,
    store: StoreOption = DEFAULT_STORE,
    by: ByOption = None,
    json: JsonOption = False,
) -> None:
    """Queue an assessment and see that somebody does it."""
    from muniment.jobs.queue import ask_assessment, start_worker

    output = Output(as_json=json)
    with opened(store) as opened_store:
        job = ask_assessment(opened_store, person(by), as_of=as_of, known_at=known_at, start=begin)
        start_worker(opened_store.layout.root)
    output.say(f"Job {job.id} is queued. Watch it: `muniment jobs list`.")
    output.document({"job_id": job.id})


@jobs.command("list")
def list_jobs(store: StoreOption = DEFAULT_STORE, json: JsonOption = False) -> None:
    """Every job with its state, how far it is, and what came of it."""
    output = Output(as_json=json)
    with opened(store) as opened_store:
        rows = [_row(job) for job in JobTable(opened_store.records).all()]
    output.table(_COLUMNS, rows)
    output.document({"jobs": [dict(zip(_COLUMNS, row, strict=True)) for row in rows]})


def _row(job: Job) -> tuple[str, ...]:
    far = f"{job.step} {job.done}/{job.total}" if job.step and job.total else ""
    return (job.id, job.kind, job.state, job.asked_by, job.asked_at, far, job.result or "")


@jobs.command("cancel")
def cancel(job: JobArgument, store: StoreOption = DEFAULT_STORE, json: JsonOption = False) -> None:
    """Ask a job to end; what it has computed is kept."""
    output = Output(as_json=json)
    with opened(store) as opened_store:
        found = JobTable(opened_store.records).cancel(job)
    asked = ", and asked to end" if found.state == "running" else ""
    output.say(f"Job {found.id} is {found.state}{asked}.")
    output.document({"job_id": found.id, "state": found.state})


@jobs.command("resume")
def resume(job: JobArgument, store: StoreOption = DEFAULT_STORE, json: JsonOption = False) -> None:
    """Queue a job again that failed or was cancelled; it goes on from what it had computed."""
    from muniment.jobs.queue import start_worker

    output = Output(as_json=json)
    with opened(store) as opened_store:
        found = JobTable(opened_store.records).resume(job)
        start_worker(opened_store.layout.root)
    output.say(f"Job {found.id} is queued again.")
    output.document({"job_id": found.id, "state": found.state})


@jobs.command("work")
def work(store: StoreOption = DEFAULT_STORE, json: JsonOption = False) -> None:
    """Do what is queued, one job after the other, until nothing is left."""
    from muniment.jobs.queue import work as do_work

    output = Output(as_json=json)
    opened(store).close()
    done = do_work(store, after=lambda job: output.say(f"{job.id}: {job.state} {job.result or ''}"))
    output.document({"jobs": done})
