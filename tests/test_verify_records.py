"""Verification of the records and of stored files: each attack by its name; exit codes."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from muniment.cli.main import run
from muniment.sealing.log import AuditLog
from muniment.sealing.segments import file_digest
from muniment.store.open import Store
from tests.builders import sealed as attack
from tests.builders.entries import INTAKE
from tests.builders.sealed import DOCUMENTS, IMPORTS, ROWS


@pytest.fixture
def sealed(sqlite_store: Store) -> Store:
    return attack.fill(sqlite_store)


# The records


def test_record_row_edited_by_sql_names_row_column_and_both_values(sealed: Store) -> None:
    attack.sql(sealed, "update person set name = 'Eve' where person_id = 'p1'")
    found = attack.broken(sealed)
    assert found.keys() == {ROWS}
    assert "`name` is `Eve`, sealed was `Ada`" in found[ROWS]


def test_record_row_deleted_by_sql_is_gone_from_the_records(sealed: Store) -> None:
    attack.sql(sealed, "delete from person where person_id = 'p1'")
    assert "sealed, but gone from the records" in attack.broken(sealed)[ROWS]


def test_record_row_inserted_around_the_outbox_is_named(sealed: Store) -> None:
    with sqlite3.connect(sealed.layout.records_file) as connection:
        names = [row[1] for row in connection.execute("pragma table_info(person)")]
        changed = {"row_id": "'forged'", "person_id": "'p9'"}
        picked = ", ".join(changed.get(name, name) for name in names)
        connection.execute(f"insert into person select {picked} from person")
    connection.close()
    assert attack.broken(sealed) == {
        ROWS: "`person` row `forged`: written around the outbox, no change tells of it"
    }


@pytest.mark.parametrize(
    "column", ["superseded_at", "valid_from", "valid_to", "recorded_at", "recorded_by"]
)
def test_time_or_author_of_a_record_row_edited_by_sql_is_named(sealed: Store, column: str) -> None:
    attack.sql(sealed, f"update person set {column} = '2026-01-01T00:00:00.000000000Z'")
    assert f"`{column}` is `2026-01-01T00:00:00.000000000Z`" in attack.broken(sealed)[ROWS]


def test_record_row_whose_change_waits_edited_by_sql_is_named(sealed: Store) -> None:
    attack.person(sealed, "p2", "Bob")
    attack.sql(sealed, "update person set name = 'Eve' where person_id = 'p2'")
    assert "`name` is `Eve`, sealed was `Bob`" in attack.broken(sealed)[ROWS]


def test_waiting_change_edited_by_sql_no_longer_fits_its_row(sealed: Store) -> None:
    attack.person(sealed, "p2", "Bob")
    attack.sql(sealed, "update outbox set payload = replace(payload, 'Bob', 'Eve') "
                 "where payload is not null")  # fmt: skip
    assert "`name` is `Bob`, sealed was `Eve`" in attack.broken(sealed)[ROWS]
    AuditLog(sealed).seal()
    assert "`name` is `Bob`, sealed was `Eve`" in attack.broken(sealed)[ROWS]


@pytest.mark.parametrize("payload", ["", "[]", "{}", "null", '{"op":"insert"}', "not json"])
def test_waiting_change_made_garbage_is_a_broken_step(sealed: Store, payload: str) -> None:
    attack.person(sealed, "p2", "Bob")
    attack.sql(sealed, "update outbox set payload = ? where payload is not null", payload)
    found = attack.broken(sealed)[ROWS]
    assert "written around the outbox" in found
    assert payload in {"{}", "[]"} or "cannot be replayed" in found


def test_waiting_change_deleted_by_sql_leaves_a_row_that_none_tells_of(sealed: Store) -> None:
    attack.person(sealed, "p2", "Bob")
    attack.sql(sealed, "delete from outbox where payload is not null")
    assert "written around the outbox, no change tells of it" in attack.broken(sealed)[ROWS]


def test_sealed_change_deleted_from_the_outbox_is_named(sealed: Store) -> None:
    attack.sql(sealed, "delete from outbox where seq = 1")
    assert attack.broken(sealed) == {ROWS: "outbox entry 1: sealed, but gone from the outbox"}


def test_last_sealed_change_deleted_with_its_row_is_named(sealed: Store) -> None:
    attack.sql(sealed, "delete from person where person_id = 'p1'")
    attack.sql(sealed, "delete from outbox where seq = (select max(seq) from outbox)")
    found = attack.broken(sealed)[ROWS]
    assert "gone from the outbox" in found
    assert "sealed, but gone from the records" in found


def test_place_of_a_sealed_change_edited_by_sql_is_named(sealed: Store) -> None:
    attack.sql(sealed, "update outbox set leaf_index = 5 where seq = 1")
    assert attack.broken(sealed) == {
        ROWS: "outbox entry 1: points at another place than where it is sealed"
    }


@pytest.mark.parametrize(("column", "value"), [("imported", 7), ("status", "'failed'")])
def test_import_edited_by_sql_is_named(sealed: Store, column: str, value: object) -> None:
    batch = sealed.records.start_batch(source_id="hr", source_map="people", run_by="ada")
    sealed.records.finish_batch(batch, status="done", imported=0, rejected=2)
    assert attack.broken(sealed) == {}
    AuditLog(sealed).seal()
    assert attack.broken(sealed) == {}
    attack.sql(sealed, f"update import_batch set {column} = {value}")
    found = attack.broken(sealed)
    assert found.keys() == {IMPORTS}
    assert f"import `{batch}` of source `hr`: `{column}` is `" in found[IMPORTS]


def test_import_deleted_by_sql_is_named(sealed: Store) -> None:
    batch = sealed.records.start_batch(source_id="hr", source_map="people", run_by="ada")
    assert attack.broken(sealed) == {}
    sealed.records.finish_batch(batch, status="done")
    attack.sql(sealed, "delete from import_batch")
    assert attack.broken(sealed) == {IMPORTS: f"import `{batch}`: noted, but gone from the records"}


def test_evidence_file_replaced_or_removed_is_named(sealed: Store) -> None:
    import hashlib

    digest = hashlib.sha256(b"minutes").hexdigest()
    path = sealed.layout.evidence_files / digest
    path.parent.mkdir(parents=True)
    path.write_bytes(b"minutes")
    values = {
        "attestation_id": "ATT-1", "control_id": "GOV-01", "statement": "done",
        "attested_by": "ada", "attested_at": INTAKE, "period_start": INTAKE,
        "evidence_name": "minutes.txt", "evidence_sha256": digest,
    }  # fmt: skip
    with sealed.records.writing() as writer:
        writer.put(
            "attestation", values, valid_from=INTAKE, recorded_by="ada", source_id="muniment"
        )
    assert attack.broken(sealed) == {}
    path.write_bytes(b"others")
    assert attack.broken(sealed) == {
        DOCUMENTS: f"attestation `ATT-1`: its file `{digest}` was changed"
    }
    path.unlink()
    assert attack.broken(sealed)[DOCUMENTS].endswith("is missing")


@pytest.mark.parametrize("name", ["assessment.json", "items.jsonl"])
def test_stored_assessment_edited_is_named(sealed: Store, name: str) -> None:
    folder = _assessment(sealed)
    with_row = "the records have another digest of it than was noted, or none"
    honest = attack.broken(sealed)
    assert honest == {DOCUMENTS: f"assessment `A1`: {with_row}"}  # noted, but no row was added
    (folder / name).write_text("edited")
    assert f"assessment `A1`: its file `{name}` was changed" in attack.broken(sealed)[DOCUMENTS]


def _assessment(store: Store) -> Path:
    folder = store.layout.assessment_folder("A1")
    folder.mkdir(parents=True)
    note = {"assessment_id": "A1"}
    for name, key in (("assessment.json", "document_sha256"), ("items.jsonl", "items_sha256")):
        (folder / name).write_text("{}")
        note[key] = file_digest(folder / name)[0]
    with store.records.writing() as writer:
        writer.note("assessment", note, "ada")
    return folder


# The command line


def _status(store: Store, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    code = run(["status", "--verify", "--store", str(store.layout.root)])
    return code, capsys.readouterr().out


def test_status_verify_of_an_honest_store_exits_with_0(
    sealed: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    code, printed = _status(sealed, capsys)
    assert (code, "BROKEN" in printed) == (0, False)


def test_status_verify_of_broken_evidence_exits_with_4(
    sealed: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    attack.flip(sealed.layout.leaves_file(2), 0)
    code, printed = _status(sealed, capsys)
    assert (code, "BROKEN" in printed) == (4, True)


def test_status_verify_of_a_header_of_garbage_exits_with_4(
    sealed: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    sealed.layout.header_file(2).write_bytes(b"{")
    assert _status(sealed, capsys)[0] == 4
