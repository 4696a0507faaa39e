from __future__ import annotations

from collections.abc import Iterator

import pytest

from muniment.bundle import bundle_root
from muniment.catalog.controls import load_controls
from muniment.catalog.parameters import load_parameters
from muniment.demo.build import build_demo
from muniment.demo.clock import EARLIER_AS_OF, PERIOD_DAYS
from muniment.demo.content import story
from muniment.demo.files import write_sources
from muniment.demo.generate import generate_demo
from muniment.demo.load import LOG_FILES, resolve_truth
from muniment.demo.papers import PAPERS
from muniment.demo.truth import DemoTruth
from muniment.errors import UsageError
from muniment.evaluation.engine import evaluate_controls
from muniment.evidence.dossier import load_dossier
from muniment.model import times
from muniment.model.outcomes import Outcome, State
from muniment.model.results import Clock, ControlResult
from muniment.sealing.verify import verify_store
from muniment.store.open import Store, open_store
from tests.builders.demo_pack import EVENTS, DemoPack

# Every control that ships, by the names of its files, but those that the demo does not seed yet.
CONTROLS = sorted(
    {
        "-".join(path.stem.upper().split("_")[:2])
        for path in (bundle_root() / "mappings" / "controls").glob("*/*.yaml")
    }
    - set(story("unseeded"))
)
ATTESTED = {"GOV-01": State.ATTESTED, "GOV-04": State.STALE}


@pytest.fixture(scope="module")
def store(demo_pack: DemoPack) -> Iterator[Store]:
    with open_store(demo_pack.store) as opened:
        yield opened


@pytest.fixture(scope="module")
def truth(store: Store, tmp_path_factory: pytest.TempPathFactory) -> DemoTruth:
    """What must be found in the demo of this run, told by the same seed once more."""
    again = generate_demo(events=EVENTS)
    counts = write_sources(again.registers, again.logs, tmp_path_factory.mktemp("sources"))
    return resolve_truth(store, again.expected, counts)


def _evaluate(store: Store, truth: DemoTruth, as_of: str, *only: str) -> dict[str, ControlResult]:
    start = times.format_time(times.to_nanos(as_of) - PERIOD_DAYS * 86_400 * times.NANOS)
    clock = Clock(start, as_of, as_of, times.now())
    parameters = load_parameters(overrides=store.layout.root / "parameters.yaml")
    controls = {k: v for k, v in load_controls().items() if not only or k in only}
    found = evaluate_controls(store, controls, parameters, clock, time_zone=truth.time_zone)
    return {result.control_id: result for result in found}


@pytest.fixture(scope="module")
def results(store: Store, truth: DemoTruth) -> dict[str, ControlResult]:
    """Of the assessment that the demo made."""
    held = load_dossier(store)
    assert held.assessment.clock.as_of == truth.as_of
    return held.results


def test_every_row_of_every_file_is_imported(store: Store, truth: DemoTruth) -> None:
    batches = {batch["source_uri"]: batch for batch in store.records.batches()}
    assert set(batches) == set(truth.counts)
    for name, rows in truth.counts.items():
        batch = batches[name]
        assert batch["status"] == "done"
        assert batch["rejected"] == batch["duplicate"] == 0, name
        assert batch["rows_read"] == rows, name


def test_logs_come_from_four_sources_of_three_kinds(store: Store) -> None:
    table = store.audit.events_table(["source_id", "source_class"], known_at=times.now())
    pairs = set(
        zip(
            table.column("source_id").to_pylist(), table.column("source_class").to_pylist(),
            strict=True,
        )
    )  # fmt: skip
    assert {source for source, _ in pairs} == {file.source_id for file in LOG_FILES}
    assert {kind for _, kind in pairs} == {"gateway", "agent", "policy_engine"}


def test_event_truth_ids_are_events_of_the_store(store: Store, truth: DemoTruth) -> None:
    table = store.audit.events_table(["event_id", "trace_id"], known_at=times.now())
    events = set(table.column("event_id").to_pylist())
    traces = set(table.column("trace_id").to_pylist())
    for control in ("ACC-03", "OVR-02", "OVR-03", "POL-01", "AUD-01", "DEV-04"):
        assert set(truth.exceptions[control]) <= events
        assert {near.item_id for near in truth.near_misses[control]} <= events
    assert set(truth.exceptions["AUD-02"]) <= traces


def test_demo_store_is_sealed_and_verifies(store: Store) -> None:
    report = verify_store(store, deep=False)
    assert report.ok, [step for step in report.steps if not step.ok]
    assert store.records.pending_outbox(1) == []


def test_demo_attests_papers_with_their_files(store: Store, demo_pack: DemoPack) -> None:
    rows = {str(row["attestation_id"]): row for row in store.records.all_rows("attestation")}
    for paper in PAPERS:
        if paper.control_id in CONTROLS:
            kept = store.layout.evidence_files / str(rows[paper.attestation_id]["evidence_sha256"])
            assert kept.read_bytes() == (demo_pack.root / "sources" / paper.file).read_bytes()


def test_demo_is_refused_where_one_already_lies(demo_pack: DemoPack) -> None:
    with pytest.raises(UsageError, match="Build the demo into an empty folder"):
        build_demo(demo_pack.root, events=EVENTS)


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
    known = truth.exceptions.get(control, {})
    missed = {k: why for k, why in known.items() if k not in found}
    extra = {k: why for k, why in found.items() if k not in known}
    assert (missed, extra) == ({}, {})
    if known:
        assert results[control].state is State.FAIL


@pytest.mark.parametrize("control", CONTROLS)
def test_near_misses_come_out_as_the_demo_says(
    control: str, results: dict[str, ControlResult], truth: DemoTruth
) -> None:
    outcomes = {
        item.item_id: item.outcome for test in results[control].tests for item in test.items
    }
    wrong = {
        near.item_id: (near.why, outcomes.get(near.item_id))
        for near in truth.near_misses.get(control, ())
        if outcomes.get(near.item_id, Outcome.PASS) != near.outcome
    }
    assert wrong == {}


@pytest.mark.parametrize("control", ATTESTED)
def test_attestations_are_fresh_or_stale_as_told(
    control: str, results: dict[str, ControlResult]
) -> None:
    if control in results:
        assert results[control].state is ATTESTED[control]


def test_between_two_policies_the_older_one_is_stale(store: Store, truth: DemoTruth) -> None:
    between = _evaluate(store, truth, "2026-10-04T18:00:00.000000000Z", "GOV-01")["GOV-01"]
    assert between.state is State.STALE
    assert [item.item_id for test in between.tests for item in test.items] == [
        PAPERS[2].attestation_id
    ]


def test_a_month_earlier_other_agents_had_no_owner(store: Store, truth: DemoTruth) -> None:
    earlier = _evaluate(store, truth, EARLIER_AS_OF, "OWN-01")["OWN-01"]
    found = {
        item.item_id
        for test in earlier.tests
        for item in test.items
        if item.outcome is Outcome.EXCEPTION
    }
    now = set(truth.exceptions["OWN-01"])
    assert "AGT-0018" in found - now
    assert "AGT-0006" in now - found
