"""Foreign files through import and assessment: what they suffice to test, and what they lack."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from muniment.catalog.sources import load_source_maps
from muniment.evaluation.engine import evaluate_controls
from muniment.ingest.pipeline import ingest_file, recognise
from muniment.model.outcomes import State
from muniment.model.records import RECORD_TABLE_BY_NAME
from muniment.model.results import Clock, ControlResult, TestResult
from muniment.model.times import now
from muniment.store.open import create_store
from tests.builders.controls import CONTROLS, PARAMETERS

pytestmark = pytest.mark.samples
MAPS = load_source_maps()


@dataclass(frozen=True)
class Source:
    """A foreign source: the files it consists of, and a month that holds its events."""

    files: str
    start: str = ""
    end: str = ""


SOURCES = {
    "tau2": Source(
        "agent_trajectories/tau2_telecom_gpt-4o_20sims.json", "2025-08-01", "2025-09-01"
    ),
    "agt": Source("ms_agt_audit/trading_audit_trail.json", "2026-02-10", "2026-03-10"),
    "cards": Source("a2a_agent_card/*.json"),
}
AUDIT_SOURCES = ("tau2", "agt")
Results = dict[str, dict[str, ControlResult]]


def assessed(name: str, root: Path, samples: Path) -> dict[str, ControlResult]:
    source, zone = SOURCES[name], "Europe/Berlin"
    with create_store(
        root / name, organisation="Example Ltd", time_zone=zone, recorded_by="clerk"
    ) as store:
        for path in sorted(samples.glob(source.files)):
            chosen = recognise(path, MAPS)
            batch = ingest_file(store, path, source_map=chosen, source_id=name, recorded_by="clerk")
            assert batch.rejected == 0
        known = now()
        start = f"{source.start or '2026-01-01'}T00:00:00.000000000Z"
        end = f"{source.end}T00:00:00.000000000Z" if source.end else known
        clock = Clock(start, end, end, known)
        found = evaluate_controls(store, CONTROLS, PARAMETERS, clock, time_zone=zone)
    return {result.control_id: result for result in found}


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory, samples_root: Path) -> Results:
    root = tmp_path_factory.mktemp("samples")
    return {name: assessed(name, root, samples_root) for name in SOURCES}


def only(results: Results, source: str, control: str) -> TestResult:
    (test,) = results[source][control].tests
    return test


@pytest.mark.parametrize("source", SOURCES)
def test_samples_no_control_fails_to_run(results: Results, source: str) -> None:
    errors = {key: [t.error for t in r.tests if t.error] for key, r in results[source].items()}
    assert {key: found for key, found in errors.items() if found} == {}
    # The one thing that these samples state whole: what a policy denied did not run.
    passing = {key for key, result in results[source].items() if result.state is State.PASS}
    assert passing <= {"POL-02"}


@pytest.mark.parametrize("source", AUDIT_SOURCES)
def test_samples_audit_source_suffices_to_test_a_control(results: Results, source: str) -> None:
    concluded = [
        test.population - test.undetermined - test.pending
        for result in results[source].values()
        for test in result.tests
    ]
    assert max(concluded) > 0


@pytest.mark.parametrize(
    ("source", "control", "column"),
    [
        ("tau2", "ACC-03", "permission_set"),
        ("tau2", "AUD-02", "trigger_kind"),
        ("tau2", "IDN-01", "agent"),
        ("tau2", "OVR-03", "autonomy_tier"),
        ("agt", "ACC-03", "permission_set"),
        ("agt", "IDN-01", "agent"),
        ("agt", "OVR-03", "autonomy_tier"),
        ("cards", "OWN-01", "owner_ref"),
    ],
)
def test_samples_undetermined_control_names_source_and_missing_column(
    results: Results, source: str, control: str, column: str
) -> None:
    result = results[source][control]
    test = only(results, source, control)
    assert result.state is State.UNDETERMINED
    assert (test.exceptions, test.undetermined) == (0, test.population)
    (field,) = [field for field in test.missing_fields if field.name == column]
    assert (field.not_carried, field.redacted, field.sources) == (test.population, 0, (source,))
    register = f"no {column} is on record ({test.population})"
    said = f"{column} not carried by {source} ({test.population})"
    assert (register if column in RECORD_TABLE_BY_NAME else said) in result.state_reason


def test_samples_tau2_populations_equal_an_independent_count(
    results: Results, samples_root: Path
) -> None:
    runs = json.loads((samples_root / SOURCES["tau2"].files).read_text())["simulations"]
    messages = [m for run in runs for m in run["messages"] if m["role"] == "assistant"]
    calls = [call for m in messages for call in m.get("tool_calls") or ()]
    tool_calls = [c for c in calls if c["name"] != "transfer_to_human_agents"]
    assert only(results, "tau2", "ACC-03").population == len(tool_calls) == 84
    assert only(results, "tau2", "AUD-01").population == len(messages) + len(calls) == 327
    assert only(results, "tau2", "AUD-02").population == len(runs) == 20


def test_samples_tau2_records_lack_policy_and_retention_but_tell_who_did_what(
    results: Results,
) -> None:
    # 237 model calls and messages carry neither digest nor outcome; 90 tool calls carry both.
    assert lacking(results, "tau2") == {
        "A": 0, "B": 0, "C": 0, "D": 237, "E": 327, "F": 110, "G": 237, "H": 327,
    }  # fmt: skip


def test_samples_agt_records_carry_policy_results_and_no_trace(
    results: Results, samples_root: Path
) -> None:
    rows: list[dict[str, Any]] = json.loads((samples_root / SOURCES["agt"].files).read_text())
    kinds = [row["event_type"] for row in rows]
    blocked, checkpoints = kinds.count("BLOCKED"), kinds.count("CHECKPOINT")
    approvals = sum(row.get("tool") == "approve_order" for row in rows)
    assert (len(rows), blocked, checkpoints, approvals) == (41, 1, 9, 2)
    lacks = lacking(results, "agt")
    assert lacks == {
        "A": 0, "B": 41, "C": 0, "D": 41, "E": checkpoints,
        "F": len(rows) - checkpoints - blocked - approvals, "G": len(rows) - blocked, "H": 41,
    }  # fmt: skip
    assert only(results, "agt", "ACC-03").population == 41 - blocked - checkpoints - approvals


def lacking(results: Results, source: str) -> dict[str, int]:
    return {a.letter: a.exceptions for a in only(results, source, "AUD-01").attributes}


def test_samples_cards_are_agents_of_whom_nobody_says_who_owns_them(results: Results) -> None:
    # Nine cards, of which two (one of version 0.3, one of 1.0) describe the same agent.
    assert only(results, "cards", "OWN-01").population == 8
    assert results["cards"]["AUD-01"].state is State.NOT_TESTED
