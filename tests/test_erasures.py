"""Erasure: a rewritten segment is whole through a sealed note alone; its other rows stay proven."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from muniment.evidence.proofs import LogProver
from muniment.sealing.erasures import SUBJECT, Erasures, erasure_note
from muniment.sealing.heads import seal_and_sign
from muniment.sealing.keys import new_key
from muniment.sealing.segments import file_digest
from muniment.store.audit import AuditReader
from muniment.store.encoder import ENTRY_SCHEMA, entry_rows, entry_table
from muniment.store.open import Store
from tests.builders import sealed as attack
from tests.builders.entries import event_id
from tests.builders.sealed import FILES, LEAVES


@pytest.fixture
def store(sqlite_store: Store) -> Store:
    new_key(sqlite_store, by="ana")
    attack.fill(sqlite_store)
    seal_and_sign(sqlite_store)
    return sqlite_store


def tombstoned(store: Store, number: int, row: int, to: Path) -> tuple[str, str, Path]:
    """The segment with one row's body and salt gone: old digest, new digest, the new file."""
    reader = AuditReader(store.layout)
    segment = reader.segment(number)
    rows = entry_rows(reader.table(segment))
    kept = ("entry_kind", "event_id", "ingested_at", "source_id", "source_format", "schema_version",
            "import_batch_id", "event_time", "source_seq")  # fmt: skip
    rows[row] = {name: rows[row].get(name) for name in kept} | {"salt": ""}
    table = entry_table(rows)
    assert table.schema == ENTRY_SCHEMA
    pq.write_table(table, to, compression="zstd")
    return file_digest(segment.path)[0], file_digest(to)[0], segment.path


def erase(store: Store, number: int, row: int, tmp_path: Path, *, told: bool = True) -> None:
    new = tmp_path / "rewritten.parquet"
    old_digest, new_digest, path = tombstoned(store, number, row, new)
    if told:
        note = erasure_note(
            number, old_digest, new_digest, [row], reason="Art. 17", approved_by="dpo@example.org"
        )
        with store.records.writing() as writer:
            writer.note(SUBJECT, note, "dpo@example.org")
        seal_and_sign(store)
    path.write_bytes(new.read_bytes())


def numbers_of_events(store: Store) -> list[int]:
    segments = AuditReader(store.layout).segments()
    return [s.no for s in segments if s.header["event_count"] == s.header["entry_count"]]


def test_erased_row_told_by_a_sealed_note_leaves_the_store_whole(
    store: Store, tmp_path: Path
) -> None:
    number = numbers_of_events(store)[0]
    erase(store, number, 3, tmp_path)
    assert attack.broken(store, deep=False) == {}
    assert attack.broken(store) == {}
    assert Erasures(AuditReader(store.layout)).all_rows() == {number: frozenset({3})}
    erase(store, number, 5, tmp_path)
    assert attack.broken(store) == {}
    assert Erasures(AuditReader(store.layout)).rows(number) == frozenset({3, 5})
    assert len(LogProver(store).entries([event_id(n) for n in (0, 1, 2, 4)])) == 4


def test_rewritten_segment_without_a_note_is_broken(store: Store, tmp_path: Path) -> None:
    number = numbers_of_events(store)[0]
    erase(store, number, 3, tmp_path, told=False)
    assert attack.broken(store, deep=False) == {
        FILES: f"segment {number}: its file was changed after sealing"
    }


def test_row_that_no_note_names_is_found_though_another_was_erased(
    store: Store, tmp_path: Path
) -> None:
    """The note names row 3; the file that it names was made with row 4 changed as well."""
    number = numbers_of_events(store)[0]
    new = tmp_path / "rewritten.parquet"
    old_digest, _, path = tombstoned(store, number, 3, new)
    rows = entry_rows(pq.read_table(new))
    rows[4]["agent_id"] = "somebody else"
    pq.write_table(entry_table(rows), new, compression="zstd")
    note = erasure_note(
        number, old_digest, file_digest(new)[0], [3], reason="Art. 17", approved_by="dpo"
    )
    with store.records.writing() as writer:
        writer.note(SUBJECT, note, "dpo")
    seal_and_sign(store)
    path.write_bytes(new.read_bytes())
    assert attack.broken(store, deep=False) == {}
    assert f"segment {number}: leaf 4 is not the hash of entry 4" in attack.broken(store)[LEAVES]


def test_note_that_waits_in_the_outbox_excuses_nothing(store: Store, tmp_path: Path) -> None:
    number = numbers_of_events(store)[0]
    new = tmp_path / "rewritten.parquet"
    old_digest, new_digest, path = tombstoned(store, number, 3, new)
    note = erasure_note(number, old_digest, new_digest, [3], reason="r", approved_by="dpo")
    with store.records.writing() as writer:
        writer.note(SUBJECT, note, "dpo")
    path.write_bytes(new.read_bytes())
    assert FILES in attack.broken(store, deep=False)
