"""A store written before columns were added: it opens, verifies, and reads as it was meant."""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from muniment.sealing.log import AuditLog
from muniment.sealing.verify import verify_store
from muniment.store.open import Store, open_store
from tests.builders.entries import entry, event_id, table

OLD_STORE = Path(__file__).parent / "data" / "store_0001.tar.xz"
ADDED = ("policy_checked_at", "required_scopes", "caller_verified")
LATE = "2200-01-01T00:00:00.000000000Z"


@pytest.fixture
def old_store(tmp_path: Path) -> Iterator[Store]:
    """Three segments, two unsealed events, two record rows: a store as version 0001 left it."""
    with tarfile.open(OLD_STORE) as archive:
        archive.extractall(tmp_path, filter="data")
    with open_store(tmp_path / "store") as store:
        yield store


def test_old_segments_and_frames_verify_and_read_with_new_columns_null(old_store: Store) -> None:
    report = verify_store(old_store, deep=True)
    assert report.ok, [step for step in report.steps if not step.ok]
    read = old_store.audit.events_table(["event_id", "amount", *ADDED], known_at=LATE)
    assert read.num_rows == 5
    assert all(read.column(name).null_count == 5 for name in ADDED)
    assert old_store.audit.entry(event_id(1)).row["amount"] == "1.000000000"


def test_old_frames_are_sealed_beside_new_entries_and_all_read_together(old_store: Store) -> None:
    log = AuditLog(old_store)
    log.append(table(entry(9, caller_verified=True, required_scopes=["orders.read"])))
    log.seal()
    assert verify_store(old_store, deep=True).ok
    read = old_store.audit.events_table(["event_id", *ADDED], known_at=LATE)
    found = {row["event_id"]: row for row in read.to_pylist()}
    assert len(found) == 6
    assert found[event_id(9)]["caller_verified"] is True
    assert found[event_id(9)]["required_scopes"] == ["orders.read"]
    assert found[event_id(2)]["caller_verified"] is None


def test_null_of_a_column_added_later_reads_as_not_carried(old_store: Store) -> None:
    old = old_store.records.arrow_as_of("agent", LATE, LATE).to_pylist()[0]
    assert {"kind", "sponsor_ref", "talks_to_people"} <= set(old["not_carried_fields"])
    assert "owner_ref" not in old["not_carried_fields"]
    with old_store.records.writing() as writer:
        writer.put(
            "agent", {"agent_id": "a2", "name": "Two"}, valid_from="2026-01-01T00:00:00Z",
            recorded_by="clerk@example.org", source_id="register",
        )  # fmt: skip
    rows = old_store.records.arrow_as_of("agent", LATE, LATE).to_pylist()
    new = next(row for row in rows if row["agent_id"] == "a2")
    assert not new["not_carried_fields"]
