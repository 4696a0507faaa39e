"""Building the whole demo: files, store, attestations, seal, and what must be found in it."""

from __future__ import annotations

from pathlib import Path

from muniment.demo import DEFAULT_EVENTS
from muniment.demo.files import write_sources
from muniment.demo.generate import DEFAULT_SEED, generate_demo
from muniment.demo.load import Progress, load_demo, resolve_truth
from muniment.demo.truth import DemoTruth
from muniment.errors import UsageError


def build_demo(
    root: Path,
    *,
    seed: int = DEFAULT_SEED,
    events: int = DEFAULT_EVENTS,
    progress: Progress | None = None,
) -> DemoTruth:
    """Northwind Freight under `root`: source files in sources/, a sealed store in store/.

    seed, events: the same pair writes the same source files byte for byte; the store differs in its
    salts and import times. progress: called with a label, the step and the number of steps.
    Raises UsageError when `root` already holds a demo or `events` is below the minimum.
    The story and every seed: docs/demo.md.
    """
    for name in ("sources", "store"):
        if (root / name).exists():
            raise UsageError(f"`{root / name}` exists. Build the demo into an empty folder.")
    if progress:
        progress("generate", 0, None)
    demo = generate_demo(seed, events)
    counts = write_sources(demo.registers, demo.logs, root / "sources")
    tables = [table for table, _ in demo.registers.tables()]
    with load_demo(root, tables, progress) as store:
        return resolve_truth(store, demo.expected, counts)
