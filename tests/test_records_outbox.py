"""The outbox: every change of a record row waits there to be sealed, or the change never was."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
from typing import Any

import pytest

from muniment.errors import StoreError
from muniment.store.open import Store, open_store
from tests.builders.records import FEBRUARY, JANUARY, agent, approval, put


def changes(store: Store, table: str) -> list[dict[str, Any]]:
    rows = store.records.pending_outbox(10_000)
    return [json.loads(row.payload) for row in rows if row.subject == table]


def replay(found: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """What the changes say the table holds, by row_id."""
    rows: dict[str, dict[str, Any]] = {}
    for change in found:
        if change["op"] == "insert":
            rows[change["row"]["row_id"]] = dict(change["row"])
        else:
            rows[change["row_id"]]["superseded_at"] = change["superseded_at"]
    return rows


def test_inserted_row_waits_in_the_outbox_with_all_its_values(store: Store) -> None:
    _, known = put(store, "agent", agent(owner_ref="ana", skills=["a"]))
    change = changes(store, "agent")[0]
    assert change["op"] == "insert"
    assert change["row"]["skills"] == ["a"]
    assert change["row"]["recorded_at"] == known
    assert "valid_to" not in change["row"]
    assert set(change) == {"op", "table", "row"}


def test_replayed_outbox_equals_the_table_row_for_row(store: Store) -> None:
    for owner, at in (("ana", FEBRUARY), ("ben", JANUARY), ("cleo", FEBRUARY), ("dan", JANUARY)):
        put(store, "agent", agent(owner_ref=owner), at)
    with store.records.writing() as writer:
        for owner in ("eve", "fay"):
            writer.put(
                "agent",
                agent(owner_ref=owner),
                valid_from=FEBRUARY,
                recorded_by="ana",
                source_id="register",
            )
    table = {
        row["row_id"]: {name: value for name, value in row.items() if value is not None}
        for row in store.records.all_rows("agent")
    }
    assert len(table) == 6
    assert replay(changes(store, "agent")) == table


def test_superseding_names_who_caused_it(store: Store) -> None:
    put(store, "agent", agent(owner_ref="ana"), recorded_by="first@example.org")
    put(store, "agent", agent(owner_ref="ben"), FEBRUARY, recorded_by="second@example.org")
    rows = [row for row in store.records.pending_outbox(99) if row.subject == "agent"]
    assert [(row.op, row.recorded_by) for row in rows] == [
        ("insert", "first@example.org"),
        ("supersede", "second@example.org"),
        ("insert", "second@example.org"),
        ("insert", "second@example.org"),
    ]


def test_sealed_change_loses_its_body_and_keeps_its_place(store: Store) -> None:
    put(store, "approval", approval())
    pending = store.records.pending_outbox(99)
    row_id = json.loads(pending[-1].payload)["row"]["row_id"]
    assert [pointer.event_id for pointer in store.records.outbox_pointer(row_id)] == [None]
    store.records.mark_sealed({row.seq: (7, at, f"e{at}") for at, row in enumerate(pending)})
    assert store.records.pending_outbox(99) == []
    last = len(pending) - 1
    pointer = store.records.outbox_pointer(row_id)[0]
    assert (pointer.segment_no, pointer.leaf_index, pointer.event_id) == (7, last, f"e{last}")
    assert (pointer.op, pointer.subject) == ("insert", "approval")


def test_sealing_the_same_again_is_harmless_and_elsewhere_is_an_error(store: Store) -> None:
    seq = store.records.pending_outbox(1)[0].seq
    store.records.mark_sealed({seq: (1, 0, "e")})
    store.records.mark_sealed({seq: (1, 0, "e")})
    with pytest.raises(StoreError, match=r"it is sealed at \(1, 0, 'e'\)"):
        store.records.mark_sealed({seq: (2, 0, "e")})
    with pytest.raises(StoreError, match="it is absent"):
        store.records.mark_sealed({10_000: (2, 0, "e")})


def test_pending_changes_come_in_the_order_of_writing(store: Store) -> None:
    for number in range(5):
        put(store, "approval", approval(f"A-{number}"))
    rows = store.records.pending_outbox(3)
    assert [row.seq for row in rows] == sorted(row.seq for row in rows)
    assert len(rows) == 3


def test_failed_transaction_leaves_neither_row_nor_change(store: Store) -> None:
    before = store.records.count_pending_outbox()
    with pytest.raises(ZeroDivisionError), store.records.writing() as writer:
        writer.put("agent", agent(), valid_from=JANUARY, recorded_by="ana", source_id="register")
        raise ZeroDivisionError
    assert store.records.all_rows("agent") == []
    assert store.records.count_pending_outbox() == before


@pytest.mark.parametrize("moment", ["after_rows", "after_outbox"])
def test_killed_writer_leaves_neither_row_nor_change(sqlite_store: Store, moment: str) -> None:
    script = textwrap.dedent("""
        import os, signal, sys
        from muniment.store import records_outbox
        from muniment.store.open import open_store
        real = records_outbox.add_entries
        def killed(connection, entries):
            if sys.argv[2] == "after_outbox":
                real(connection, entries)
            os.kill(os.getpid(), signal.SIGKILL)
        records_outbox.add_entries = killed
        with open_store(sys.argv[1]) as store, store.records.writing() as writer:
            writer.put("agent", {"agent_id": "a", "name": "a"}, valid_from="2026-01-01T00:00:00Z",
                       recorded_by="ana", source_id="register")
    """)
    before = sqlite_store.records.count_pending_outbox()
    root = sqlite_store.layout.root
    ended = subprocess.run(
        [sys.executable, "-c", script, str(root), moment], env=os.environ, check=False
    )
    assert ended.returncode == -signal.SIGKILL
    with open_store(root) as store:
        assert store.records.all_rows("agent") == []
        assert store.records.count_pending_outbox() == before
        assert put(store, "agent", agent())[0] == "inserted"
        assert store.records.count_pending_outbox() == before + 1
