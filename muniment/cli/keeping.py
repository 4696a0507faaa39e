"""Commands on what was concluded and what must go: reproduce, redact."""

from __future__ import annotations

from typing import Annotated

import typer

from muniment.cli.common import DEFAULT_STORE, JsonOption, StoreOption, opened
from muniment.cli.output import Output
from muniment.errors import EvidenceBrokenError
from muniment.sealing.heads import sign_if_possible
from muniment.sealing.redaction import redact_events


def register(app: typer.Typer) -> None:
    """Add the commands of this module to the application."""
    for command in (reproduce, redact):
        app.command()(command)


def reproduce(
    result: Annotated[str, typer.Argument(help="Assessment id.")],
    store: StoreOption = DEFAULT_STORE,
    json: JsonOption = False,
) -> None:
    """Run a stored assessment again with what it recorded, and compare bit for bit."""
    from muniment.jobs.reproduce import reproduce_assessment

    output = Output(as_json=json)
    with opened(store) as opened_store, output.progress("controls") as progress:
        done = reproduce_assessment(opened_store, result, progress)
    output.say(done.sentence())
    output.document(
        {
            "assessment_id": done.assessment_id,
            "same": done.same,
            "differing": list(done.differing),
            "erased": [
                {"record": e.record, "segment": e.segment_no, "rows": e.rows} for e in done.erased
            ],
        }
    )
    if not done.same:
        raise typer.Exit(2 if done.erased else EvidenceBrokenError.exit_code)


def redact(
    events: Annotated[list[str], typer.Argument(help="Ids of the events to erase.")],
    reason: Annotated[str, typer.Option(help="Why, as it will be read for ever.")],
    approved_by: Annotated[str, typer.Option(help="Person who approved the erasure.")],
    store: StoreOption = DEFAULT_STORE,
    json: JsonOption = False,
) -> None:
    """Erase what events said, for good: body and salt go, their leaf and a sealed note stay."""
    output = Output(as_json=json)
    with opened(store) as opened_store:
        done = redact_events(opened_store, events, reason=reason, approved_by=approved_by)
        for warning in sign_if_possible(opened_store).warnings:
            output.warn(warning)
    output.say(
        f"Erased {done.count} rows in {len(done.rows)} segments, noted as {done.record_id}. "
        "Stored assessments and packs that name them are not changed: withdraw those yourself."
    )
    output.document(
        {
            "record": done.record_id,
            "rows": [{"segment": n, "leaf_indices": list(at)} for n, at in done.rows.items()],
        }
    )
