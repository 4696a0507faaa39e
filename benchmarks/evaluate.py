"""What evaluation costs: cold, one more day, one changed control, one late approval.

    python benchmarks/evaluate.py                        1 M events: 500 agents, 365 days
    python benchmarks/evaluate.py --events 10000000      10 M
    python benchmarks/evaluate.py --small 20000          20,000 small segments, 5 % late events

The store is made once in --folder and kept. Events go through the encoder into sealed segments; the
library's events tests are topped up with generated ones to 45. Each step runs in a process of its
own, so that its peak memory is its own. Ratios are to the bare read: `count(column)` of the columns
that the tests read, over the same segments.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
from year import ACTIONS, DAY, DAYS, START, add_day, make_store

from muniment.catalog.controls import load_controls
from muniment.catalog.parameters import load_parameters
from muniment.evaluation.engine import evaluate_units
from muniment.evaluation.events_results import bound_of, compilable
from muniment.evaluation.events_tests import EventsTest, scan_sql
from muniment.evaluation.gather import WITHOUT_EVENTS_TESTS, gather_inputs
from muniment.evaluation.inputs import Setting
from muniment.evaluation.unit_log import log_parts
from muniment.evaluation.unit_results import Question, UnitRun, columns_of
from muniment.evaluation.unit_scan import Batch, count_batch
from muniment.evaluation.unit_source import EventSource
from muniment.jobs.assess import load_catalog, make_clock, run_assessment
from muniment.model.controls import Control, ControlTest
from muniment.model.outcomes import TestKind
from muniment.model.results import Clock
from muniment.model.times import format_time
from muniment.store.encoder import ENTRY_SCHEMA
from muniment.store.open import Store, open_store
from muniment.store.partial_files import PartialFiles
from muniment.store.read_copies import ensure_copies
from muniment.store.segment_files import source_of

TESTS = 45


# The tests


def library(changed: bool = False) -> dict[str, Control]:
    """The library's events tests, topped up to 45 with generated ones."""
    controls: dict[str, Control] = {}
    held = 0
    for control in load_controls().values():
        tests = tuple(test for test in control.tests if test.kind is TestKind.EVENTS)
        if tests and held + len(tests) <= TESTS:
            controls[control.id] = control.model_copy(update={"tests": tests})
            held += len(tests)
    pattern = next(iter(controls.values()))
    for n in range(TESTS - held):
        test = ControlTest(
            id="built", kind=TestKind.EVENTS, title="t",
            population=f"action_type = '{ACTIONS[n % 7]}' and executed",
            exception=(f"input_tokens > {4_990 + n // 5}", f"output_tokens > {1_990 + n // 5}",
                       f"records_affected > {40 + n // 5} and policy_result = 'deny'")[n % 3],
            needs=("action_type", "executed"),
        )  # fmt: skip
        if changed and n == 0:
            test = test.model_copy(update={"exception": "input_tokens > 4990"})
        controls[f"GEN-{n:02d}"] = pattern.model_copy(
            update={"id": f"GEN-{n:02d}", "tests": (test,), "parameters": ()}
        )
    return controls


def setting() -> Setting:
    begin, end = format_time(START - 30 * DAY), format_time(START + 500 * DAY)
    known_at = format_time(START + 600 * DAY)
    return Setting(Clock(begin, end, end, known_at), "Europe/Berlin", load_parameters())


# The steps, each in a process of its own


def now() -> tuple[float, float]:
    """Seconds on the wall, and of processor time that this process has used."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return time.perf_counter(), used.ru_utime + used.ru_stime


def spent(started: tuple[float, float]) -> dict[str, Any]:
    wall, cpu = now()
    return {"seconds": wall - started[0], "cpu": cpu - started[1]}


def evaluate(root: Path, changed: bool = False) -> dict[str, Any]:
    started = now()
    with open_store(root) as store:
        asked = setting()
        controls = tuple(library(changed).values())
        inputs = gather_inputs(store, controls, asked, kinds=WITHOUT_EVENTS_TESTS)
        found = evaluate_units(store, inputs, controls, asked)
        items = sum(len(test.items) for test in found.sums.values())
        population = sum(test.total for test in found.sums.values())
        assert not found.errors, found.errors
    return {
        **spent(started), "computed": len(found.computed),
        "reused": found.reused, "items": items, "population": population,
    }  # fmt: skip


def opened(store: Store) -> tuple[EventSource, UnitRun, list[EventsTest], dict[str, Any]]:
    asked = setting()
    controls = tuple(library().values())
    inputs = gather_inputs(store, controls, asked, kinds=WITHOUT_EVENTS_TESTS)
    tests = compilable(controls)
    bound = bound_of(tests, asked)
    source = EventSource(store.layout, asked, True)
    parts = log_parts(store, asked.clock.known_at)
    question = Question(tests, bound, inputs.history)
    run = UnitRun(source, parts, question, PartialFiles(store.layout.partials))
    ensure_copies(store.layout, [cut.unit for cut in run._cuts])
    run._join_rows()
    return source, run, tests, bound


def counts_only(root: Path) -> dict[str, Any]:
    """The three-valued counts of all tests with their joins, batch by batch; nothing kept."""
    with open_store(root) as store:
        source, run, tests, bound = opened(store)
        started = now()
        units = [cut.unit for cut in run._cuts]
        for at in range(0, len(units), 64):
            source.open(units[at : at + 64], columns_of(tests))
            count_batch(Batch(source, units[at : at + 64], tests, bound))
        return {**spent(started)}


def one_by_one(root: Path) -> dict[str, Any]:
    """A query for each test over all units."""
    with open_store(root) as store:
        source, run, tests, bound = opened(store)
        started = now()
        for test in tests:
            source.open([cut.unit for cut in run._cuts], columns_of([test]))
            source.fetch(scan_sql([test]), bound)
        return {**spent(started)}


def bare(root: Path) -> dict[str, Any]:
    """`count(column)` of the columns that the tests read."""
    with open_store(root) as store:
        columns = columns_of(compilable(tuple(library().values())))
        connection = duckdb.connect(config={"threads": 2, "memory_limit": "1GB"})
        connection.register("no_entries", ENTRY_SCHEMA.empty_table())
        counts = ", ".join(f"count({name})" for name in columns)
        source = source_of(store.audit.segments())
        started = now()
        connection.execute(f"select {counts} from {source}").fetchall()
        return {**spent(started), "columns": len(columns)}


def pandas_load(root: Path) -> dict[str, Any]:
    """The same columns as a pandas frame, before any test."""
    with open_store(root) as store:
        columns = columns_of(compilable(tuple(library().values())))
        started = now()
        connection = duckdb.connect(config={"threads": 2})
        connection.register("no_entries", ENTRY_SCHEMA.empty_table())
        source = source_of(store.audit.segments())
        frame = connection.execute(f"select {', '.join(columns)} from {source}").df()
        return {**spent(started), "items": len(frame)}


def late_approval(root: Path) -> dict[str, Any]:
    with open_store(root) as store, store.records.writing() as writer:
        writer.put(
            "approval", {"approval_id": "ap-77", "decision": "approved", "decided_by": "p1"},
            valid_from=format_time(START - DAY), recorded_by="b", source_id="late",
        )  # fmt: skip
    return evaluate(root)


def assess(root: Path) -> dict[str, Any]:
    """The whole assessment: every kind of test, requirements, scores, document."""
    catalog = load_catalog()
    started = now()
    with open_store(root) as store:
        clock = make_clock(store, as_of=None, known_at=None, days=500)
        found = run_assessment(store, catalog, clock, run_by="bench")
    items = sum(len(test.items) for each in found.controls for test in each.tests)
    return {**spent(started), "items": items}


STEPS: dict[str, Callable[[Path], dict[str, Any]]] = {
    "bare": bare, "counts": counts_only, "one_by_one": one_by_one, "pandas": pandas_load,
    "forget": lambda root: shutil.rmtree(root / "cache", ignore_errors=True) or {},
    "evaluate": evaluate, "late_approval": late_approval,
    "changed": lambda root: evaluate(root, changed=True),
    "add_day": lambda root: add_day(root) or {}, "assess": assess,
}  # fmt: skip


def step(name: str, root: Path) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, __file__, "--step", name, "--folder", str(root)],
        stdout=subprocess.PIPE, check=True,
    )  # fmt: skip
    return dict(json.loads(done.stdout.splitlines()[-1]))


PLAN = """bare read: count(column)=bare
cold three-valued counts, real joins=counts
one query per test=one_by_one
pandas: only loading the columns=pandas
=forget
cold, with items, samples, and all kept=evaluate
again, nothing new (merge)=evaluate
=add_day
one more day=evaluate
one late approval=late_approval
one changed control=changed
a whole assessment, every kind of test=assess
=add_day
a whole assessment, one more day=assess"""


def table(root: Path, events: int) -> None:
    plan = [line.split("=") for line in PLAN.splitlines()]
    chosen = [each for each in plan if each[1] != "pandas" or events <= 1_000_000]
    rows = [(title, found) for title, name in chosen if (found := step(name, root)) and title]
    bare_s, bare_cpu = rows[0][1]["seconds"], rows[0][1]["cpu"]
    print(
        f"{'':42} {'seconds':>8} {'x bare':>7} {'CPU s':>7} {'x bare':>7} {'MB':>6}"
        f" {'computed':>9} {'known':>7} {'items':>9}"
    )
    for name, found in rows:
        print(
            f"{name:42} {found['seconds']:8.2f} {found['seconds'] / bare_s:7.1f}"
            f" {found['cpu']:7.2f} {found['cpu'] / bare_cpu:7.1f} {found['rss']:6}"
            f" {found.get('computed', ''):>9} {found.get('reused', ''):>7}"
            f" {found.get('items', ''):>9}"
        )


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--events", type=int, default=1_000_000)
    options.add_argument("--small", type=int, default=0, help="so many segments instead of 365")
    options.add_argument("--folder", type=Path, default=None)
    options.add_argument("--step", choices=STEPS)
    asked = options.parse_args()
    name = f"bench-{asked.events}-{asked.small}"
    root = asked.folder or Path(os.environ.get("TMPDIR", "/tmp")) / "muniment-bench" / name
    if asked.step:
        found = STEPS[asked.step](root)
        found["rss"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        print(json.dumps(found))
        return
    if not root.exists():
        started = time.perf_counter()
        make_store(root, asked.events, asked.small)
        print(f"store made in {time.perf_counter() - started:.0f} s")
    print(f"{asked.events:,} events, {asked.small or DAYS:,} segments, {TESTS} tests")
    table(root, asked.events)


if __name__ == "__main__":
    main()
