"""From a reference down to its leaf: what fits, what was edited, what is not sealed."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

import pytest
from sqlalchemy import create_engine, text

from muniment.errors import EvidenceBrokenError, StoreError, UsageError
from muniment.evidence.provenance import provenance
from muniment.integrity.canonical import canonical_json
from muniment.store.open import Store
from tests.builders.memory_log import MemoryLog
from tests.builders.records import FEBRUARY, JANUARY, agent, put


@pytest.fixture
def log(sqlite_store: Store) -> MemoryLog:
    """The store's audit log, replaced by one in memory with its records sealed."""
    made = MemoryLog()
    sqlite_store.__dict__["audit"] = made
    made.seal(sqlite_store)
    return made


def agent_row(store: Store) -> dict[str, Any]:
    """The believed row of the one agent."""
    return next(r for r in store.records.all_rows("agent") if r["superseded_at"] is None)


def edit(store: Store, column: str, value: str) -> None:
    """Change agent rows by SQL, around the records."""
    engine = create_engine(f"sqlite:///{store.layout.root / 'records.sqlite'}")
    with engine.begin() as connection:
        connection.execute(text(f"UPDATE agent SET {column} = :value"), {"value": value})
    engine.dispose()


def test_sealed_event_fits_its_leaf(sqlite_store: Store, log: MemoryLog) -> None:
    log.add("e1", agent_name="Invoice Matcher")
    found = provenance(sqlite_store, "event/e1")
    assert (found.kind, found.sealed, found.matches) == ("event", True, True)
    assert found.leaf_hash == found.stored_leaf_hash
    assert found.leaf_hash == sha256(b"\0" + found.canonical.encode()).hexdigest()
    assert '"agent_name":"Invoice Matcher"' in found.canonical
    assert found.header_hash == sha256(canonical_json(found.header).encode()).hexdigest()
    assert any("it equals the derived one" in step for step in found.steps)


def test_edited_event_no_longer_fits_its_leaf(sqlite_store: Store, log: MemoryLog) -> None:
    log.add("e1", amount="12.000000000")["amount"] = "13.000000000"
    found = provenance(sqlite_store, "event/e1")
    assert (found.sealed, found.matches) == (True, False)
    assert any("DOES NOT EQUAL" in step for step in found.steps)


def test_unsealed_event_is_said_to_be_unsealed(sqlite_store: Store, log: MemoryLog) -> None:
    log.add("e1", sealed=False)
    found = provenance(sqlite_store, "event/e1")
    assert (found.sealed, found.matches, found.header_hash) == (False, False, "")
    assert found.steps[-1].startswith("Not sealed yet")


def test_annotations_are_told_apart_from_what_the_source_said(
    sqlite_store: Store, log: MemoryLog
) -> None:
    log.add("e1", outcome="success")
    log.notes["e1"] = [{"fields": {"outcome": "failure"}}]
    found = provenance(sqlite_store, "event/e1")
    assert found.entry["outcome"] == "success"
    assert found.annotations == ({"fields": {"outcome": "failure"}},)
    assert "what the source said first" in found.steps[-1]


def test_sealed_record_row_equals_what_was_sealed(sqlite_store: Store, log: MemoryLog) -> None:
    put(sqlite_store, "agent", agent(skills=["pay"], eu_in_scope=True))
    log.seal(sqlite_store)
    row = agent_row(sqlite_store)
    found = provenance(sqlite_store, f"record/agent/{row['row_id']}")
    assert (found.kind, found.sealed, found.matches) == ("record", True, True)
    assert found.record_row == row
    assert "equals what was sealed, column for column." in found.steps[-1]


def test_superseded_record_row_still_equals_what_was_sealed(
    sqlite_store: Store, log: MemoryLog
) -> None:
    put(sqlite_store, "agent", agent(version="1"), JANUARY)
    put(sqlite_store, "agent", agent(version="2"), FEBRUARY)
    log.seal(sqlite_store)
    rows = sqlite_store.records.all_rows("agent")
    assert any(row["superseded_at"] for row in rows)
    for row in rows:
        assert provenance(sqlite_store, f"record/agent/{row['row_id']}").matches


def test_record_row_edited_by_sql_is_named_with_its_column(
    sqlite_store: Store, log: MemoryLog
) -> None:
    put(sqlite_store, "agent", agent(owner_ref="ana@example.org"))
    log.seal(sqlite_store)
    row_id = agent_row(sqlite_store)["row_id"]
    edit(sqlite_store, "owner_ref", "mallory@example.org")
    found = provenance(sqlite_store, f"record/agent/{row_id}")
    assert (found.sealed, found.matches) == (True, False)
    assert "`owner_ref` is `mallory@example.org`, sealed was `ana@example.org`" in found.steps[-1]


def test_waiting_record_row_is_said_to_be_unsealed(sqlite_store: Store, log: MemoryLog) -> None:
    put(sqlite_store, "agent", agent())
    row_id = agent_row(sqlite_store)["row_id"]
    found = provenance(sqlite_store, f"record/agent/{row_id}")
    assert (found.sealed, found.matches, found.leaf_hash) == (False, False, "")
    assert row_id in found.entry["payload"]
    assert found.steps[-1].startswith("Not sealed yet")


def test_unsealed_supersession_of_a_sealed_row_is_said(sqlite_store: Store, log: MemoryLog) -> None:
    put(sqlite_store, "agent", agent(version="1"), JANUARY)
    row_id = agent_row(sqlite_store)["row_id"]
    log.seal(sqlite_store)
    put(sqlite_store, "agent", agent(version="2"), JANUARY)
    found = provenance(sqlite_store, f"record/agent/{row_id}")
    assert found.record_row is not None
    assert found.record_row["superseded_at"] is not None
    assert found.matches
    assert "a later change of it is not sealed yet" in found.steps[-1]


def test_row_written_around_the_records_is_broken_evidence(
    sqlite_store: Store, log: MemoryLog
) -> None:
    put(sqlite_store, "agent", agent())
    edit(sqlite_store, "row_id", "f" * 32)
    with pytest.raises(EvidenceBrokenError, match="written around the records"):
        provenance(sqlite_store, "record/agent/" + "f" * 32)


def test_reference_to_nothing_is_an_error(sqlite_store: Store, log: MemoryLog) -> None:
    with pytest.raises(StoreError, match="has no row"):
        provenance(sqlite_store, "record/agent/none")
    with pytest.raises(StoreError, match="no entry"):
        provenance(sqlite_store, "event/none")
    with pytest.raises(UsageError, match="no evidence reference"):
        provenance(sqlite_store, "record/outbox/1")
