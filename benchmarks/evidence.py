"""Measures what evidence costs: sealing, verification quick and deep, and packs.

    python benchmarks/evidence.py [rows] [exceptions]

First table: a sealed and signed store, beside bare SHA-256 and a bare Parquet read of its files.
Second table: packs of 60 and 106 controls (the library's own, topped up with generated ones) whose
exceptions are entries of a real log, beside a plain WeasyPrint render of the rows that are printed.
"""

from __future__ import annotations

import hashlib
import html
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pikepdf
import pyarrow.parquet as pq
import weasyprint
from encode import ROWS, row

from muniment.evidence.assessment_file import write_assessment
from muniment.evidence.verify import Verification
from muniment.jobs.assess import load_catalog, make_clock, run_assessment
from muniment.model.controls import Control
from muniment.model.outcomes import Outcome, State, TestKind
from muniment.model.results import ControlResult, TestedItem, TestResult
from muniment.reporting.build import build_report
from muniment.sealing.heads import seal_and_sign
from muniment.sealing.keys import new_key
from muniment.sealing.log import AuditLog
from muniment.sealing.trust import Holdings
from muniment.sealing.verify import verify_store
from muniment.store.encoder import entry_table
from muniment.store.open import Store, create_store, open_store

EXCEPTIONS = 20_000
PRINTED = 15


def measured(work: Callable[[], Any]) -> tuple[float, Any]:
    started = time.perf_counter()
    found = work()
    return time.perf_counter() - started, found


def of_processor(work: Callable[[], Any]) -> tuple[float, float, Any]:
    """Seconds by the clock, seconds of this process's processor, and what came of it."""
    started = time.process_time()
    seconds, found = measured(work)
    return seconds, time.process_time() - started, found


def new_store(root: Path, rows: int) -> Store:
    store = create_store(root, organisation="Bench Ltd", time_zone="UTC", recorded_by="bench")
    new_key(store, by="bench")
    dice, log = random.Random(1), AuditLog(store)
    for start in range(0, rows, ROWS):
        count = min(ROWS, rows - start)
        log.append(entry_table([row(dice, start + n) for n in range(count)]))
    return store


def sealing(root: Path, rows: int) -> None:
    store = new_store(root, rows)
    seal, _ = measured(lambda: seal_and_sign(store))
    files = sorted(store.layout.segments.rglob("*.parquet"))
    size = sum(path.stat().st_size for path in files)

    def hashed() -> None:
        for path in files:
            with path.open("rb") as file:
                hashlib.file_digest(file, "sha256")

    holdings = Holdings()
    results = {
        "bare SHA-256 of the files": measured(hashed)[0],
        "bare Parquet read": measured(lambda: [pq.read_table(path) for path in files])[0],
        "seal what waits and sign": seal,
        "verify, quick": measured(lambda: verify_store(store, deep=False, holdings=holdings))[0],
        "verify, deep": measured(lambda: verify_store(store, deep=True, holdings=holdings))[0],
    }
    unit = results["bare SHA-256 of the files"]
    print(f"{rows:,} events, {len(files)} segments, {size / 1e6:.1f} MB of Parquet\n")
    print(f"{'':28}{'seconds':>9}{'events/s':>13}{'MB/s':>9}{'x SHA-256':>11}")
    for name, seconds in results.items():
        rates = f"{rows / seconds:>13,.0f}{size / seconds / 1e6:>9.1f}{seconds / unit:>11.1f}"
        print(f"{name:28}{seconds:>9.3f}{rates}")
    store.close()


def many_controls(count: int) -> dict[str, Control]:
    library = load_catalog().controls
    models = list(library.values())
    made = dict(library)
    for number in range(len(library), count):
        name = f"{'GEN' if number < 100 else 'GEO'}-{number % 100:02d}"
        made[name] = models[number % len(models)].model_copy(update={"id": name})
    return dict(list(made.items())[:count])


def pack(root: Path, count: int, exceptions: int) -> dict[str, Any]:
    """One pack in this process; its figures as a mapping."""
    with open_store(root) as store:
        catalog = load_catalog()
        clock = make_clock(store, as_of=None, known_at=None, days=400)
        bare = replace(catalog, controls={}, frameworks={})
        base = run_assessment(store, bare, clock, run_by="bench")
        ids = [key for segment in store.audit.segments() for key in _ids(segment)][:exceptions]
        controls = many_controls(count)
        share = -(-len(ids) // count)
        results = tuple(
            _result(name, ids[at * share : (at + 1) * share]) for at, name in enumerate(controls)
        )
        made = replace(base, assessment_id=f"A-bench-{count}", controls=results)
        digests = write_assessment(store, made, controls, {}, catalog.parameters)
        with store.records.writing() as writer:
            writer.add_assessment(made, digests.document_sha256)
            note = {"assessment_id": made.assessment_id, "items_sha256": digests.items_sha256,
                    "document_sha256": digests.document_sha256}  # fmt: skip
            writer.note("assessment", note, "bench")
        seal_and_sign(store)
        seconds, cpu, built = of_processor(
            lambda: build_report(
                store, assessment_id=made.assessment_id, base_url="https://audit.example",
                out_dir=root.parent / "out",
            )
        )  # fmt: skip
    with pikepdf.open(built.pdf_path) as pdf:
        pages = len(pdf.pages)
    check, steps = measured(lambda: Verification(built.pdf_path.parent).steps())
    assert all(step.ok for step in steps), steps
    return {
        "seconds": seconds, "cpu": cpu, "pages": pages, "verify": check,
        "pdf_mb": built.pdf_path.stat().st_size / 1e6,
        "mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }  # fmt: skip


def _ids(segment: Any) -> Sequence[str]:
    if segment.header["event_count"] != segment.header["entry_count"]:
        return []
    table = pq.read_table(segment.path, columns=["event_id"], partitioning=None)
    found: list[str] = table.column("event_id").to_pylist()
    return found


def _result(control_id: str, ids: Sequence[str]) -> ControlResult:
    items = tuple(
        TestedItem(
            control_id, "main", event_id, Outcome.EXCEPTION,
            f"agent-{n % 50} released a payment before it was approved",
            "2026-11-20T09:00:00.000000000Z", f"event/{event_id}", f"agent-{n % 50}",
        )
        for n, event_id in enumerate(ids)
    )  # fmt: skip
    reason = f"{len(ids)} of {10 * len(ids)} actions ran before they were approved."
    test = TestResult(
        control_id, "main", TestKind.EVENTS, State.FAIL, reason, 10 * len(ids), len(ids),
        items=items, compiled_sql="select 1",
    )  # fmt: skip
    return ControlResult(control_id, State.FAIL, reason, "ab" * 32, (test,))


def plain(count: int) -> dict[str, Any]:
    """The rows that a pack of so many controls prints, by WeasyPrint alone, tagged."""
    cells = ("1", "2026-11-20 09:00:00", "agent-7", "released a payment before it was approved",
             "995a2b58…c8296fad")  # fmt: skip
    line = "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in cells) + "</tr>"
    body = f"<table style='table-layout:fixed;width:100%'>{line * PRINTED}</table>" * count
    document = weasyprint.HTML(string=f"<html lang=en><title>t</title>{body}")
    seconds, cpu, pdf = of_processor(lambda: document.write_pdf(pdf_variant="pdf/a-3a"))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"seconds": seconds, "cpu": cpu, "mb": peak, "pdf_mb": len(pdf) / 1e6}


def alone(*words: str) -> dict[str, Any]:
    """One measurement in a process of its own, so that its peak of memory is its own."""
    done = subprocess.run(
        [sys.executable, __file__, *words], capture_output=True, text=True, check=True
    )
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def packs(root: Path, exceptions: int) -> None:
    alone("filled", str(root / "store"), str(exceptions))
    print(f"\npacks with {exceptions:,} exceptions, {PRINTED} printed per control\n")
    heads = ("seconds", "CPU s", "pages", "MB peak", "PDF MB", "x plain", "verify s")
    print(f"{'':28}" + "".join(f"{head:>10}" for head in heads))
    for count in (60, 106):
        bare = alone("plain", str(count))
        line(f"plain, {count} tables", bare["seconds"], bare["cpu"], "", bare["mb"], bare["pdf_mb"],
             1.0, "")  # fmt: skip
        found = alone("pack", str(root / "store"), str(count), str(exceptions))
        line(f"pack of {count} controls", found["seconds"], found["cpu"], found["pages"],
             found["mb"], found["pdf_mb"], found["cpu"] / bare["cpu"], found["verify"])  # fmt: skip


def line(what: str, *values: float | str) -> None:
    cells = (f"{v:>10}" if isinstance(v, str | int) else f"{v:>10.1f}" for v in values)
    print(f"{what:28}{''.join(cells)}")


def main() -> None:
    if sys.argv[1:2] == ["pack"]:
        print(json.dumps(pack(Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))))
        return
    if sys.argv[1:2] == ["filled"]:
        new_store(Path(sys.argv[2]), int(sys.argv[3])).close()
        print("{}")
        return
    if sys.argv[1:2] == ["sealing"]:
        sealing(Path(sys.argv[2]), int(sys.argv[3]))
        return
    if sys.argv[1:2] == ["plain"]:
        print(json.dumps(plain(int(sys.argv[2]))))
        return
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 3 * ROWS
    exceptions = int(sys.argv[2]) if len(sys.argv) > 2 else EXCEPTIONS
    with tempfile.TemporaryDirectory() as folder:
        # In a process of its own: a child's peak of memory begins with its parent's.
        words = ["sealing", str(Path(folder) / "sealing"), str(rows)]
        subprocess.run([sys.executable, __file__, *words], check=True)
        packs(Path(folder), exceptions)


if __name__ == "__main__":
    main()
