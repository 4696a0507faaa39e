"""Commands about sources: the maps there are, what one makes of a file, and a first map for it."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Annotated, Any

import typer

from muniment.catalog.needs import starved
from muniment.catalog.source_columns import event_columns_page, how_written
from muniment.catalog.sources import EVENT, load_source_maps, mappable_columns
from muniment.cli.common import JsonOption, chosen_map
from muniment.cli.output import Output
from muniment.errors import UsageError
from muniment.ingest.recognise import recognise
from muniment.ingest.scaffold import scaffold as make_scaffold
from muniment.ingest.trial import Seen, Trial, as_document, records_of, try_source
from muniment.model.controls import Control
from muniment.model.records import IMPORTABLE_TABLES
from muniment.model.sources import SourceMap
from muniment.model.visits import VISIT

_SHOWN_CHARACTERS = 160
FileArgument = Annotated[Path, typer.Argument(help="File of the source.")]
MapOption = Annotated[
    str | None,
    typer.Option("--map", help="Source map: an id or a YAML file; recognised unless given."),
]


def register(app: typer.Typer) -> None:
    """Add the commands of this module to the application."""
    sources = typer.Typer(help="Source maps: which there are, what one makes of a file.")
    sources.command("list")(list_maps)
    sources.command("columns")(list_columns)
    sources.command("try")(try_file)
    sources.command("scaffold")(scaffold_file)
    app.add_typer(sources, name="sources")


def list_maps(json: JsonOption = False) -> None:
    """List the source maps that ship, with what each reads and gives."""
    output = Output(as_json=json)
    maps = load_source_maps()
    rows = [
        {"id": m.id, "reads": m.reads, "source_class": m.source_class, "gives": records_of(m),
         "title": m.title}
        for m in maps.values()
    ]  # fmt: skip
    output.table(
        ("map", "reads", "written by", "gives", "title"),
        [(r["id"], r["reads"], r["source_class"], ", ".join(r["gives"]), r["title"]) for r in rows],
    )
    output.document({"maps": rows})


def list_columns(
    record: Annotated[
        str, typer.Argument(help="What a row becomes: event, agent, approval …")
    ] = EVENT,
    page: Annotated[
        bool, typer.Option("--page", help="Print the page docs/event_columns.md instead.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """List the columns that a source map may fill, with the words that each allows."""
    output = Output(as_json=json)
    columns = mappable_columns(record)
    if not columns:
        known = ", ".join((EVENT, *sorted(IMPORTABLE_TABLES)))
        raise UsageError(f"there is no record `{record[:60]}`. Use one of: {known}.")
    if page:
        output.say(event_columns_page().rstrip())
        return
    rows = [
        {"column": c.name, "kind": how_written(c), "words": list(c.choices), "meaning": c.meaning}
        for c in columns.values()
    ]  # fmt: skip
    output.table(
        ("column", "kind", "meaning", "words"),
        [(r["column"], r["kind"], r["meaning"], ", ".join(r["words"])) for r in rows],
    )
    output.document({"record": record, "columns": rows})


def try_file(
    file: FileArgument,
    source_map: MapOption = None,
    show: Annotated[int, typer.Option(help="Rows to show.", min=0, max=1_000)] = 3,
    limit: Annotated[int, typer.Option(help="Rows to look at.", min=1)] = 10_000,
    json: JsonOption = False,
) -> None:
    """Show what a source map makes of a file and which controls lack something; writes nothing."""
    output = Output(as_json=json)
    maps = load_source_maps()
    source = chosen_map(source_map, maps) if source_map else recognise(file, maps)
    trial = try_source(file, source, show=show, limit=limit)
    feeds = {kind: _fed(kind, seen) for kind, seen in sorted(trial.seen.items())}
    _say(output, file, trial, feeds)
    output.document(_document(file, trial, feeds))


Feed = tuple[list[Control], list[tuple[Control, list[str]]]]


@cache
def _controls() -> tuple[Control, ...]:
    from muniment.catalog.controls import load_controls

    return tuple(load_controls().values())


def _fed(kind: str, seen: Seen) -> Feed:
    return starved(_controls(), kind, seen.carried(kind))


def _say(output: Output, file: Path, trial: Trial, feeds: dict[str, Feed]) -> None:
    source = trial.source
    output.say(f"{file.name} is read by `{source.id}`: {source.title}.")
    extent = "all" if trial.whole else "the first"
    refused = trial.read - trial.taken
    output.say(f"Of {extent} {trial.read:,} rows, {trial.taken:,} are taken, {refused:,} refused.")
    for number, row in enumerate(trial.rows, start=1):
        since = f", valid from {row.valid_from}" if row.valid_from else ""
        output.say(f"\n{row.record} {number}{since}")
        values = [(name, _short(value)) for name, value in row.values.items()]
        values += [(name, "(empty)") for name in sorted(row.empty)]
        values += [(name, "(masked)") for name in sorted(set(row.redacted) - row.values.keys())]
        output.table(("column", "value"), values)
    for one in trial.refused:
        output.say(f"\nrefused, row {one.place}: {one.reason}")
    for kind, seen in sorted(trial.seen.items()):
        _say_feed(output, source, kind, seen, feeds[kind])
    if not trial.read:
        output.warn("no row was found. If the file holds any, see where the map's `rows` looks.")


def _say_feed(output: Output, source: SourceMap, kind: str, seen: Seen, feed: Feed) -> None:
    fed, lacking = feed
    carried = seen.carried(kind)
    without = [name for name, there in carried.items() if not there]
    output.say(
        f"\n{seen.rows:,} {kind} rows fill {len(seen.filled)} of {len(carried)} columns; "
        f"no row has a place for {len(without)}."
    )
    if unfound := seen.unfound(source, kind):
        output.say(f"The map names these, and no row has them: {', '.join(unfound)}.")
    if masked := seen.masked():
        output.say(f"Masked in every row: {', '.join(masked)}.")
    if kind == VISIT.name:
        output.say("Visits to services of AI become discovered uses; the others are left out.")
        return
    if not fed and not lacking:
        output.say(f"No control looks at {kind} rows.")
        return
    output.say(
        f"Of {len(fed) + len(lacking)} controls that look at {kind} rows, {len(fed)} find every "
        "column in this file. The others cannot conclude on it alone:"
    )
    output.table(
        ("control", "title", "lacks"),
        [(control.id, control.title, ", ".join(columns)) for control, columns in lacking],
    )


def _short(value: Any) -> str:
    text = ", ".join(value) if isinstance(value, list) else str(value)
    one_line = text.replace("\n", "\\n")
    return one_line[:_SHOWN_CHARACTERS] + ("…" if len(one_line) > _SHOWN_CHARACTERS else "")


def _document(file: Path, trial: Trial, feeds: dict[str, Feed]) -> dict[str, Any]:
    return {
        "file": str(file),
        "map": trial.source.id,
        "rows_read": trial.read,
        "whole_file": trial.whole,
        "taken": trial.taken,
        "refused": trial.read - trial.taken,
        "rows": [as_document(row) for row in trial.rows],
        "refusals": [{"row": one.place, "reason": one.reason} for one in trial.refused],
        "kinds": {
            kind: {
                "rows": seen.rows,
                "filled": dict(sorted(seen.filled.items())),
                "empty": dict(sorted(seen.empty.items())),
                "masked": dict(sorted(seen.redacted.items())),
                "mapped_but_not_found": seen.unfound(trial.source, kind),
                "not_carried": [n for n, there in seen.carried(kind).items() if not there],
                "controls_fed": [control.id for control in feeds[kind][0]],
                "controls_starved": {c.id: columns for c, columns in feeds[kind][1]},
            }
            for kind, seen in trial.seen.items()
        },
    }


def scaffold_file(
    file: FileArgument,
    out: Annotated[
        Path | None, typer.Option("--out", help="Where to write it; <name>.yaml unless given.")
    ] = None,
    record: Annotated[str, typer.Option(help="What a row is: event, agent, approval …")] = "event",
    json: JsonOption = False,
) -> None:
    """Write a commented first source map for a file of an unknown format."""
    output = Output(as_json=json)
    made = make_scaffold(file, record=record, map_id=out.stem if out else None)
    target = out or Path(f"{made.map_id}.yaml")
    if target.exists():
        raise UsageError(f"`{target}` exists. Name another file with --out.")
    target.write_text(made.text, encoding="utf-8")
    output.say(f"Wrote {target}: {len(made.columns)} columns guessed, marked TODO where unsure.")
    output.say(f"See what it makes: muniment sources try {file} --map {target}")
    output.document({"map": str(target), "columns": made.columns, "reads": made.reads})
