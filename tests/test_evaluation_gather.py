"""Fetching inputs: only the columns and days that tests need, and nothing learnt too late."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from muniment.evaluation.engine import evaluate_inputs
from muniment.evaluation.gather import event_columns, gather_inputs, seed_head
from muniment.evaluation.inputs import plain_times
from muniment.evaluation.sampling import SEED_BASIS
from muniment.model.outcomes import State
from muniment.sealing.heads import seal_and_sign
from muniment.sealing.keys import new_key
from muniment.store.layout import StoreLayout
from muniment.store.open import Store
from tests.builders.controls import CONTROLS, SETTING, event, inputs

NO_STORE = StoreLayout(Path("no such store"))
HEADER = {"sequence_no": 7, "merkle_root": "ab" * 32}


class FakeStore:
    """A store that answers from given tables and notes what it was asked."""

    def __init__(self, **given: list[dict[str, Any]]) -> None:
        self._given = inputs(**given)
        self.asked: dict[str, Any] = {}
        self.audit = SimpleNamespace(
            events_table=self._events, segments=self._segments, gathered=self._gathered
        )
        self.layout = NO_STORE
        self.records = SimpleNamespace(arrow_history=self._history, arrow_as_of=self._as_of)

    def _events(self, columns: list[str], **window: Any) -> pa.Table:
        self.asked = {"columns": columns, **window}
        return self._given.events.select(columns)

    def _gathered(self, query: Callable[[str], str], known_at: str) -> list[pa.Table]:
        with duckdb.connect() as connection:
            connection.register("events", self._given.events)
            return [connection.sql(query("events")).to_arrow_table()]

    def _segments(self, known_at: str) -> list[SimpleNamespace]:
        return [SimpleNamespace(no=7, header=HEADER)] if known_at >= "2026" else []

    def _history(self, table: str, known_at: str) -> pa.Table:
        assert known_at == SETTING.clock.known_at
        return self._given.history[table]

    def _as_of(self, table: str, as_of: str, known_at: str) -> pa.Table:
        assert (as_of, known_at) == (SETTING.clock.as_of, SETTING.clock.known_at)
        return self._given.as_of[table]


def test_events_are_asked_for_from_the_longest_lookback_to_as_of() -> None:
    store = FakeStore()
    gather_inputs(store, CONTROLS.values(), SETTING)  # type: ignore[arg-type]
    assert store.asked["start"] == "2026-08-03T00:00:00.000000000Z"  # unused grants: 90 days
    assert store.asked["end"] == SETTING.clock.as_of
    assert store.asked["known_at"] == SETTING.clock.known_at


def test_only_columns_that_some_test_reads_are_asked_for() -> None:
    assert "cost_usd" in event_columns([CONTROLS["DEV-04"]])
    assert "cost_usd" not in event_columns([CONTROLS["OVR-03"]])
    assert "input_sha256" in event_columns([CONTROLS["OVR-03"]])
    assert "payload" not in event_columns(CONTROLS.values())


def test_seed_without_checkpoint_begins_with_the_last_header_known() -> None:
    store = FakeStore()
    text = '{"merkle_root":"' + "ab" * 32 + '","sequence_no":7}'
    expected = hashlib.sha256(text.encode()).hexdigest()
    late, early = "2026-11-20T00:00:00.000000000Z", "2025-11-20T00:00:00.000000000Z"
    assert seed_head(store, late) == (expected, SEED_BASIS)  # type: ignore[arg-type]
    assert seed_head(store, early) == ("0" * 64, SEED_BASIS)  # type: ignore[arg-type]


def test_seed_begins_with_the_first_checkpoint_over_what_was_known(sqlite_store: Store) -> None:
    new_key(sqlite_store, by="ana")
    first = seal_and_sign(sqlite_store).checkpoint
    known_at = sqlite_store.records.settled_now()
    with sqlite_store.records.writing() as writer:
        writer.note("remark", {"id": "R-1"}, "ana")
    later = seal_and_sign(sqlite_store).checkpoint
    head, basis = seed_head(sqlite_store, known_at)
    assert first and later and head == first.root.hex() != later.root.hex()
    assert f"checkpoint over {first.size} headers" in basis and "not anchored" in basis


def test_controls_are_evaluated_over_a_store_with_only_the_columns_asked_for() -> None:
    store = FakeStore(
        events=[event(target_name="wire")],
        permission_set=[{"permission_set_id": "p", "agent_id": "a1", "tools": ["refund"]}],
    )
    given = gather_inputs(store, CONTROLS.values(), SETTING)  # type: ignore[arg-type]
    results = evaluate_inputs(given, CONTROLS, SETTING)
    states = {result.control_id: result.state for result in results}
    assert states["ACC-03"] is State.FAIL
    assert State.ERROR not in states.values(), [r.tests[0].error for r in results]


@pytest.mark.parametrize("unit", ["us", "ns"])
def test_times_lose_zone_and_keep_their_instant(unit: str) -> None:
    zoned = pa.table({"t": pa.array([1_000], pa.timestamp(unit, "UTC"))})
    plain = plain_times(zoned)
    assert plain.schema.field("t").type == pa.timestamp("ns")
    assert plain.column("t").cast(pa.int64()).to_pylist() == [1_000_000 if unit == "us" else 1_000]
