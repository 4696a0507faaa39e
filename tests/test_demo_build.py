from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from muniment.catalog.controls import load_controls
from muniment.catalog.parameters import load_parameters
from muniment.demo.build import build_demo
from muniment.demo.load import SOURCE_FILES
from muniment.demo.truth import DemoTruth
from muniment.errors import UsageError
from muniment.evaluation.engine import evaluate_controls
from muniment.model.outcomes import Outcome, State
from muniment.model.results import Clock, ControlResult
from muniment.model.times import now
from muniment.sealing.verify import verify_store
from muniment.store.open import Store, open_store

EVENTS = 5_000
CONTROLS = ("IDN-01", "OWN-01", "ACC-03", "OVR-03", "AUD-01", "AUD-02", "DEV-04")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, DemoTruth]:
    root = tmp_path_factory.mktemp("northwind")
    return root, build_demo(root, events=EVENTS)


@pytest.fixture(scope="module")
def truth(built: tuple[Path, DemoTruth]) -> DemoTruth:
    return built[1]


@pytest.fixture(scope="module")
def store(built: tuple[Path, DemoTruth]) -> Iterator[Store]:
    with open_store(built[0] / "store") as opened:
        yield opened


@pytest.fixture(scope="module")
def results(store: Store, truth: DemoTruth) -> dict[str, ControlResult]:
    clock = Clock(truth.period_start, truth.as_of, truth.as_of, now())
    controls = load_controls()
    wanted = {key: controls[key] for key in (*CONTROLS, "GOV-01") if key in controls}
    found = evaluate_controls(store, wanted, load_parameters(), clock, time_zone=truth.time_zone)
    return {result.control_id: result for result in found}


def test_every_row_of_every_file_is_imported(store: Store, truth: DemoTruth) -> None:
    batches = {batch["source_id"]: batch for batch in store.records.batches()}
    for file in SOURCE_FILES:
        batch = batches[file.source_id]
        assert batch["status"] == "done"
        assert batch["rejected"] == batch["duplicate"] == 0, file.name
        assert batch["rows_read"] == truth.counts[file.name], file.name


def test_event_truth_ids_are_events_of_the_store(store: Store, truth: DemoTruth) -> None:
    table = store.audit.events_table(["event_id", "trace_id"], known_at=now())
    events = set(table.column("event_id").to_pylist())
    traces = set(table.column("trace_id").to_pylist())
    for control in ("ACC-03", "OVR-03", "AUD-01", "DEV-04"):
        assert set(truth.exceptions[control]) <= events
        assert {near.item_id for near in truth.near_misses[control]} <= events
    assert set(truth.exceptions["AUD-02"]) <= traces


def test_demo_store_is_sealed_and_verifies(store: Store) -> None:
    report = verify_store(store, deep=False)
    assert report.ok, [step for step in report.steps if not step.ok]
    assert store.records.pending_outbox(1) == []


def test_demo_attests_the_policy_with_its_file(store: Store, built: tuple[Path, DemoTruth]) -> None:
    (row,) = store.records.all_rows("attestation")
    policy = built[0] / "sources" / "ai_policy_2026.txt"
    kept = store.layout.evidence_files / str(row["evidence_sha256"])
    assert row["control_id"] == "GOV-01"
    assert kept.read_bytes() == policy.read_bytes()


def test_demo_is_refused_where_one_already_lies(built: tuple[Path, DemoTruth]) -> None:
    with pytest.raises(UsageError, match="Build the demo into an empty folder"):
        build_demo(built[0], events=EVENTS)


def test_same_seed_gives_the_same_item_ids(truth: DemoTruth, tmp_path: Path) -> None:
    again = build_demo(tmp_path, events=EVENTS)
    assert again.exceptions == truth.exceptions
    assert again.near_misses == truth.near_misses


@pytest.mark.parametrize("control", CONTROLS)
def test_assessment_finds_the_seeded_exceptions_and_no_other(
    control: str, results: dict[str, ControlResult], truth: DemoTruth
) -> None:
    found = {
        item.item_id: item.reason
        for test in results[control].tests
        for item in test.items
        if item.outcome is Outcome.EXCEPTION
    }
    known = truth.exceptions[control]
    missed = {item: why for item, why in known.items() if item not in found}
    extra = {item: why for item, why in found.items() if item not in known}
    assert (missed, extra) == ({}, {})
    assert results[control].state is State.FAIL
    assert results[control].exceptions == len(known)


@pytest.mark.parametrize("control", ["AUD-01", "AUD-02", "OVR-03"])
def test_assessment_leaves_open_what_the_demo_leaves_open(
    control: str, results: dict[str, ControlResult], truth: DemoTruth
) -> None:
    outcomes = {
        item.item_id: item.outcome for test in results[control].tests for item in test.items
    }
    left_open = {
        near.item_id: near.outcome
        for near in truth.near_misses[control]
        if near.outcome is not Outcome.PASS
    }
    assert {item: outcomes.get(item) for item in left_open} == left_open


def test_policy_attestation_is_fresh(results: dict[str, ControlResult]) -> None:
    assert results["GOV-01"].state is State.ATTESTED
