"""The demo as `muniment demo` leaves it: the fixture `demo_pack` makes it once per run."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pikepdf

from muniment.catalog.controls import load_controls
from muniment.demo.generate import generate_demo
from muniment.model.outcomes import Outcome

EVENTS = 10_000


@dataclass(frozen=True)
class DemoPack:
    """A demo's folder, its store, and its evidence pack."""

    root: Path

    @property
    def store(self) -> Path:
        return self.root / "store"

    @property
    def base_url(self) -> str:
        """The address that all its links name; nothing answers there until a test serves it."""
        return (self.root / "base_url").read_text()

    @property
    def failing(self) -> set[str]:
        """The controls of the library for which the demo seeds exceptions."""
        expected = generate_demo(events=EVENTS).expected
        seeded = {each.control_id for each in expected if each.outcome is Outcome.EXCEPTION}
        return seeded & load_controls().keys()

    @property
    def pdf(self) -> Path:
        return next((self.store / "packs").glob("*/evidence_pack.pdf"))

    def rows(self) -> list[dict[str, Any]]:
        """Every row of the controls' attached files, each once, with its whole address."""
        rows: dict[str, dict[str, Any]] = {}
        for path in sorted(self.pdf.parent.glob("*_items.jsonl")):
            for line in path.read_text("utf-8").splitlines():
                row = json.loads(line)
                rows.setdefault(row["link"], row)
        return list(rows.values())

    def printed_links(self) -> list[str]:
        """The addresses of items on the PDF's pages, each once, in order."""
        links: dict[str, None] = {}
        with pikepdf.open(self.pdf) as pdf:
            for page in pdf.pages:
                for annotation in page.get("/Annots", pikepdf.Array()):
                    action = annotation.get("/A")
                    uri = str(action.get("/URI", "")) if action is not None else ""
                    if uri.startswith(f"{self.base_url}/item?"):
                        links[uri] = None
        return list(links)


def build_demo_pack(root: Path) -> None:
    """Make the demo in a folder; the command must end with 0."""
    from muniment.cli.main import run  # nearly everything: only for those who need the demo

    # Below the ports that systems lend to clients, and another for each run on this machine.
    base_url = f"http://127.0.0.1:{random.SystemRandom().randrange(20_000, 30_000)}"
    assert run(["demo", str(root), "--events", str(EVENTS), "--base-url", base_url]) == 0
    (root / "base_url").write_text(base_url)
