"""Commands that start something: the demonstration and the dashboard."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from muniment.bundle import bundle_root
from muniment.cli.assurance import DEFAULT_BASE_URL
from muniment.cli.common import DEFAULT_STORE, JsonOption, StoreOption, opened
from muniment.cli.output import Output
from muniment.demo import DEFAULT_EVENTS, MIN_EVENTS
from muniment.errors import UsageError
from muniment.sealing.heads import sign_if_possible
from muniment.sealing.keys import DEVELOPMENT_WARNING, new_key


def register(app: typer.Typer) -> None:
    """Add the commands of this module to the application."""
    for command in (demo, dashboard):
        app.command()(command)


def demo(
    folder: Annotated[Path, typer.Argument(help="New folder for the demo.")] = Path("demo-store"),
    seed: Annotated[int, typer.Option(help="Same seed, same organisation.")] = 20261120,
    events: Annotated[
        int, typer.Option(help="About how many events.", min=MIN_EVENTS)
    ] = DEFAULT_EVENTS,
    base_url: Annotated[
        str, typer.Option(help="Address of the dashboard, for links.")
    ] = DEFAULT_BASE_URL,
    json: JsonOption = False,
) -> None:
    """Build a demo organisation, assess it, and write its evidence pack."""
    from muniment.demo.build import build_demo
    from muniment.demo.clock import EARLIER_AS_OF
    from muniment.jobs.assess import load_catalog, make_clock, run_assessment
    from muniment.reporting.build import build_report

    output = Output(as_json=json)
    if folder.exists() and any(folder.iterdir()):
        raise UsageError(f"folder `{folder}` is not empty. Name a new one, or remove it first.")
    with output.progress("demo organisation") as progress:
        truth = build_demo(folder, seed=seed, events=events, progress=progress)
    with opened(folder / "store") as store:
        new_key(store, by="demo")
        catalog = load_catalog(store.layout.root / "parameters.yaml")
        days = int(catalog.parameters["period_days"].value)
        # Twice, a month apart, so that there is news.
        for as_of in (EARLIER_AS_OF, truth.as_of):
            clock = make_clock(store, as_of=as_of, known_at=None, days=days)
            with output.progress("assessment") as progress:
                done = run_assessment(store, catalog, clock, run_by="demo", progress=progress)
        with output.progress("evidence pack") as progress:
            built = build_report(
                store, "evidence_pack", assessment_id=done.assessment_id, base_url=base_url,
                out_dir=store.layout.packs, built_by="demo", progress=progress,
            )  # fmt: skip
        sign_if_possible(store)
    output.warn(DEVELOPMENT_WARNING)
    output.say(f"Store: {folder / 'store'}")
    output.say(f"Evidence pack: {built.pdf_path.resolve()}")
    output.document({"store": str(folder / "store"), "pdf": str(built.pdf_path.resolve())})


def dashboard(
    store: StoreOption = DEFAULT_STORE,
    port: Annotated[int, typer.Option(help="Port on this machine.", min=1, max=65535)] = 8501,
) -> None:
    """Serve the dashboard to this machine only; prints a link that opens it once."""
    opened(store).close()  # says at once when the folder is no store
    command = [sys.executable, "-m", "dashboard.server", "--store", str(store.resolve()),
               "--port", str(port)]  # fmt: skip
    # From the bundle's root, Streamlit finds .streamlit/config.toml and Python the dashboard. This
    # process becomes the server, so that whoever stops the command stops the server.
    os.chdir(bundle_root())
    os.execv(sys.executable, command)  # noqa: S606
