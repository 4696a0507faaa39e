"""Commands that conclude: assess and report.

What takes long to load is imported by the commands that need it, here and in the modules beside:
the others start in half the time.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from muniment.assessment.sentences import lead_sentence
from muniment.cli.common import DEFAULT_STORE, ByOption, JsonOption, StoreOption, opened, person
from muniment.cli.output import Output
from muniment.errors import UsageError
from muniment.sealing.heads import sign_if_possible

DEFAULT_BASE_URL = "http://127.0.0.1:8501"


def register(app: typer.Typer) -> None:
    """Add the commands of this module to the application."""
    for command in (assess, report):
        app.command()(command)


def assess(
    as_of: Annotated[
        str | None, typer.Option(help="Date or time judged; now unless given.")
    ] = None,
    known_at: Annotated[
        str | None, typer.Option(help="Use only what was known then; now unless given.")
    ] = None,
    start: Annotated[
        str | None,
        typer.Option(
            "--from",
            help="Start of the period; unless given, as many days before its end as the parameter "
            "`period_days` says (90 unless changed).",
        ),
    ] = None,
    store: StoreOption = DEFAULT_STORE,
    by: ByOption = None,
    json: JsonOption = False,
) -> None:
    """Test every control over its whole population and derive where each requirement stands."""
    from muniment.jobs.assess import load_catalog, make_clock, run_assessment, verdict

    output = Output(as_json=json)
    with opened(store) as opened_store:
        catalog = load_catalog(opened_store.layout.root / "parameters.yaml")
        days = int(catalog.parameters["period_days"].value)
        clock = make_clock(
            opened_store,
            as_of=as_of,
            known_at=known_at,
            start=start,
            days=days,
        )
        with output.progress("controls") as progress:
            done = run_assessment(
                opened_store, catalog, clock, run_by=person(by), progress=progress
            )
    output.say(lead_sentence(done.controls, done.requirements))
    columns = ("control", "state", "population", "exceptions", "undetermined", "why")
    rows = [
        (r.control_id, r.state.value, r.population, r.exceptions, r.undetermined, r.state_reason)
        for r in done.controls
    ]
    output.table(columns, rows)
    began, ended = done.clock.period_start, done.clock.period_end
    chosen = "" if start else f", {days} days by `period_days`; --from chooses another start"
    output.say(f"Assessment {done.assessment_id}, as of {done.clock.as_of}.")
    output.say(f"Period: {began} to {ended}{chosen}.")
    output.document(
        {
            "assessment_id": done.assessment_id,
            "as_of": done.clock.as_of,
            "known_at": done.clock.known_at,
            "period": [done.clock.period_start, done.clock.period_end],
            "controls": [dict(zip(columns, row, strict=True)) for row in rows],
            "requirements": [
                {"framework": r.framework_id, "id": r.requirement_id, "state": r.state.value}
                for r in done.requirements
            ],
        }
    )
    code = verdict(done.controls, int(catalog.parameters["max_unconcluded_controls"].value))
    if code:
        raise typer.Exit(code)


def report(
    kind: Annotated[
        str, typer.Argument(help="Report, a folder under reports/; `list` shows them all.")
    ] = "evidence_pack",
    given: Annotated[
        list[str] | None,
        typer.Option("--set", help="What the report asks for, as NAME=VALUE; may be repeated."),
    ] = None,
    assessment: Annotated[
        str | None, typer.Option(help="Assessment id; the latest unless given.")
    ] = None,
    base_url: Annotated[
        str, typer.Option(help="Address of your dashboard, for the links in the report.")
    ] = DEFAULT_BASE_URL,
    out: Annotated[
        Path | None, typer.Option(help="Folder for the report; the store's packs/ unless given.")
    ] = None,
    store: StoreOption = DEFAULT_STORE,
    by: ByOption = None,
    json: JsonOption = False,
) -> None:
    """Build a report: the PDF and the rows that it names."""
    from muniment.reporting.build import build_report

    output = Output(as_json=json)
    if kind == "list":
        _list_reports(output)
        return
    parameters = _parameters(given or [])
    with opened(store) as opened_store:
        with output.progress("report") as progress:
            built = build_report(
                opened_store,
                kind,
                assessment_id=assessment,
                base_url=base_url,
                out_dir=out or opened_store.layout.packs,
                parameters=parameters,
                built_by=person(by),
                progress=progress,
            )
        sealed = sign_if_possible(opened_store)
    for warning in sealed.warnings:
        output.warn(warning)
    output.say(f"Pack {built.pack_id}: {built.pdf_path}")
    output.document(
        {
            "pack_id": built.pack_id,
            "pack_digest": built.pack_digest,
            "pdf": str(built.pdf_path),
            "pdf_sha256": built.pdf_sha256,
            "files": [str(path) for path in built.files],
        }
    )


def _parameters(given: list[str]) -> dict[str, str]:
    pairs = [each.partition("=") for each in given]
    wrong = [each for each, sign, _ in pairs if not sign or not each]
    if wrong:
        raise UsageError(f"`{wrong[0][:60]}` is no NAME=VALUE. Write `--set agent=AGT-0017`.")
    return {name: value for name, _, value in pairs}


def _list_reports(output: Output) -> None:
    """Every kind of report, what it is for, and what it asks for."""
    from muniment.reporting.report_folder import find_reports

    kinds = [folder.spec for folder in find_reports().values()]
    rows = [
        (
            spec.id,
            spec.purpose,
            ", ".join(n if p.required else f"[{n}]" for n, p in spec.parameters.items()) or "–",
        )
        for spec in kinds
    ]
    columns = ("report", "purpose", "asks for")
    output.table(columns, rows)
    output.document({"reports": [dict(zip(columns, row, strict=True)) for row in rows]})
