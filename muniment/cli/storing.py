"""Commands that fill a store and look at it: init, ingest, attest, status."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import typer

from muniment.catalog.sources import load_source_maps
from muniment.cli.common import (
    DEFAULT_STORE,
    ByOption,
    JsonOption,
    StoreOption,
    chosen_map,
    opened,
    person,
)
from muniment.cli.output import Output
from muniment.cli.verifying import say_steps, steps_document
from muniment.errors import UsageError
from muniment.ingest.database_import import TableOrder, ingest_table
from muniment.ingest.pipeline import ingest_file, recognise
from muniment.jobs.moments import moment
from muniment.model.results import LogState
from muniment.model.sources import SourceMap
from muniment.sealing.log import AuditLog
from muniment.sealing.verify import verify_store
from muniment.store.open import Store, create_store
from muniment.workflow.attest import attest as record_attestation


def register(app: typer.Typer) -> None:
    """Add the commands of this module to the application."""
    for command in (init, ingest, attest, status):
        app.command()(command)


def init(
    organisation: Annotated[str, typer.Option(help="Name of the organisation under assessment.")],
    time_zone: Annotated[str, typer.Option(help="IANA zone that decides what a day is.")],
    store: StoreOption = DEFAULT_STORE,
    database: Annotated[
        str | None,
        typer.Option(envvar="MUNIMENT_DATABASE_URL", help="PostgreSQL URL; SQLite unless given."),
    ] = None,
    by: ByOption = None,
    json: JsonOption = False,
) -> None:
    """Make an empty store."""
    output = Output(as_json=json)
    try:
        ZoneInfo(time_zone)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise UsageError(
            f"time zone `{time_zone}` is unknown. Use an IANA name such as Europe/Copenhagen."
        ) from error
    create_store(
        store,
        organisation=organisation,
        time_zone=time_zone,
        database_url=database,
        recorded_by=person(by),
    ).close()
    output.say(f"Made an empty store for {organisation} in {store} (time zone {time_zone}).")
    output.document({"store": str(store), "organisation": organisation, "time_zone": time_zone})


def ingest(
    source: Annotated[str, typer.Option(help="Your name of the source, e.g. gateway-eu.")],
    files: Annotated[
        list[Path] | None, typer.Argument(help="Files to import, all of one format.")
    ] = None,
    source_map: Annotated[
        str | None,
        typer.Option("--map", help="Source map: an id or a YAML file; recognised unless given."),
    ] = None,
    url: Annotated[
        str | None,
        typer.Option(envvar="MUNIMENT_SOURCE_URL", help="Database to read a table of, in place."),
    ] = None,
    table: Annotated[str | None, typer.Option(help="With --url: the table or view.")] = None,
    order_by: Annotated[
        str | None, typer.Option(help="With --url: columns, oldest rows first, e.g. at,id.")
    ] = None,
    since: Annotated[
        str | None, typer.Option(help="With --url: where the first import begins.")
    ] = None,
    from_start: Annotated[
        bool, typer.Option("--from-start", help="With --url: forget where the last import ended.")
    ] = False,
    store: StoreOption = DEFAULT_STORE,
    by: ByOption = None,
    json: JsonOption = False,
) -> None:
    """Import files of one source, or a database table in place, by a source map."""
    output = Output(as_json=json)
    who = person(by)
    maps = load_source_maps()
    chosen = chosen_map(source_map, maps) if source_map else None
    batches: list[dict[str, Any]] = []
    with opened(store) as opened_store:
        for path in files or ():
            with output.progress(f"{path.name}") as report:
                batch = ingest_file(
                    opened_store,
                    path,
                    source_map=chosen or recognise(path, maps),
                    source_id=source,
                    recorded_by=who,
                    progress=report,
                )
            batches.append({"file": str(path), **batch.as_dict()})
        if not files:
            order = _table_order(url, table, order_by, since, from_start=from_start)
            batches = _from_table(output, opened_store, order, chosen, source, who)
    _say_batches(output, batches)


def _table_order(
    url: str | None, table: str | None, order_by: str | None, since: str | None, *, from_start: bool
) -> TableOrder:
    if url is None:
        raise UsageError("name files to import, or a database with --url.")
    columns = tuple(name.strip() for name in (order_by or "").split(",") if name.strip())
    return TableOrder(url, table, columns, since, from_start)


def _from_table(
    output: Output, store: Store, order: TableOrder, chosen: SourceMap | None, source: str, who: str
) -> list[dict[str, Any]]:
    if chosen is None:
        raise UsageError("name the source map of the table with --map; a table shows no format.")
    with output.progress(order.table or chosen.id) as report:
        done = ingest_table(
            store, order, source_map=chosen, source_id=source, recorded_by=who, progress=report
        )
    named = order.table or (chosen.table.name if chosen.table else "")
    return [{"file": named, **batch.as_dict()} for batch in done]


def _say_batches(output: Output, batches: list[dict[str, Any]]) -> None:
    columns = ("file", "read", "imported", "rejected", "duplicate", "superseding")
    rows = [[Path(done["file"]).name, *(done[name] for name in columns[1:])] for done in batches]
    output.table(columns, rows)
    for done in batches:
        if done["rejected"]:
            output.say(f"{done['rejected']:,} rows rejected; reasons in {done['rejects_file']}.")
        if done["left_out"]:
            output.say(f"{done['left_out']:,} rows left out on purpose, as the source map says.")
        for sentence in _doubts(done):
            output.warn(sentence)
    output.document({"batches": batches})


def _doubts(done: dict[str, Any]) -> list[str]:
    """What an import should make its reader ask, though no row was refused."""
    name = Path(done["file"]).name
    said = []
    if not done["read"] and not done["left_out"]:
        said.append(
            f"`{name}`: no row was found. If it holds any, see where the map's `rows` looks."
        )
    if done["timeless"]:
        said.append(
            f"`{name}`: no event carried a time, so none lies in any period. Map `event_time`."
        )
    if done["undated"]:
        said.append(
            f"`{name}`: {done['undated']:,} of the rows state no day and hold from this import on; "
            "what agents did before meets no such row. Give them `valid_from`."
        )
    return said


def attest(
    control: Annotated[str, typer.Argument(help="Control to attest, e.g. GOV-01.")],
    statement: Annotated[str, typer.Option(help="What you attest, in one sentence.")],
    evidence: Annotated[Path, typer.Option(help="File that backs the statement.")],
    until: Annotated[str | None, typer.Option(help="Date until which it holds.")] = None,
    store: StoreOption = DEFAULT_STORE,
    by: ByOption = None,
    json: JsonOption = False,
) -> None:
    """Attest a control that no log can prove, with a file as evidence."""
    from muniment.catalog.controls import load_controls

    output = Output(as_json=json)
    with opened(store) as opened_store:
        zone = str(opened_store.records.organisation()["time_zone"])
        done = record_attestation(
            opened_store,
            load_controls(),
            control_id=control,
            statement=statement,
            evidence_path=evidence,
            by=person(by),
            period_end=moment(until, zone, end_of_day=True) if until else None,
        )
        AuditLog(opened_store).seal()
    output.say(
        f"{done.attested_by} attested {control} at {done.attested_at}; "
        f"evidence kept as {done.evidence_sha256}."
    )
    output.document(
        {
            "attestation_id": done.attestation_id,
            "control": control,
            "attested_by": done.attested_by,
            "attested_at": done.attested_at,
            "evidence_sha256": done.evidence_sha256,
        }
    )


def status(
    verify: Annotated[
        bool, typer.Option("--verify", help="Check every digest, header, leaf and record row.")
    ] = False,
    quick: Annotated[
        bool, typer.Option("--quick", help="With --verify: digests and headers only.")
    ] = False,
    store: StoreOption = DEFAULT_STORE,
    json: JsonOption = False,
) -> None:
    """Say what the store holds; with --verify, whether it is what was sealed."""
    output = Output(as_json=json)
    with opened(store) as opened_store:
        report = verify_store(opened_store, deep=not quick) if verify else None
        if report is not None and not report.ok:
            say_steps(output, report.steps)
            output.document({"verification": steps_document(report.ok, report.steps)})
            raise typer.Exit(report.exit_code)  # what is broken is not summed up
        organisation = opened_store.records.organisation()
        state = AuditLog(opened_store).state()
        batches = opened_store.records.batches()
        assessments = opened_store.records.assessments()
    output.say(f"{organisation['name']}, time zone {organisation['time_zone']}")
    output.say(
        f"{state.sealed_entries:,} entries ({state.sealed_events:,} events) sealed in "
        f"{state.segments:,} segments; {state.unsealed_entries:,} not yet sealed."
    )
    output.say(f"Last header: {state.last_header_hash}")
    output.say(_head_sentence(state))
    output.say(f"{len(batches):,} imports, {len(assessments):,} assessments.")
    document: dict[str, Any] = {
        "organisation": organisation["name"],
        "time_zone": organisation["time_zone"],
        "segments": state.segments,
        "sealed_entries": state.sealed_entries,
        "sealed_events": state.sealed_events,
        "unsealed_entries": state.unsealed_entries,
        "last_header_hash": state.last_header_hash,
        "signed": state.signed,
        "checkpoint": asdict(state.checkpoint) if state.checkpoint else None,
        "imports": len(batches),
        "assessments": len(assessments),
    }
    if report is not None:
        say_steps(output, report.steps)
        document["verification"] = steps_document(report.ok, report.steps)
    output.document(document)


def _head_sentence(state: LogState) -> str:
    head = state.checkpoint
    if head is None:
        return "The head is unsigned: the log has no checkpoint yet."
    rest = state.segments - head.size
    unsigned = f"; {rest:,} later headers are unsigned" if rest else ""
    anchors = f"anchored ({', '.join(head.anchors)})" if head.anchors else "not anchored"
    return f"Signed head of {head.size:,} headers: {head.root}, {anchors}{unsigned}."
