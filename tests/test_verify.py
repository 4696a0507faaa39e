"""Verification of the log: each attack by its name, the step that catches it, no false alarm."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from muniment.integrity.headers import header_bytes, header_hash
from muniment.sealing import replay_database
from muniment.sealing.log import AuditLog
from muniment.sealing.segments import file_digest
from muniment.sealing.verify import verify_store
from muniment.store.audit import AuditReader
from muniment.store.identity import build_index, write_index
from muniment.store.open import Store
from tests.builders import sealed as attack
from tests.builders.entries import INTAKE, deliver, entries, entry
from tests.builders.sealed import CHAIN, FILES, IMPORTS, LEAVES, ROWS, STRAYS, WAITING


@pytest.fixture
def sealed(sqlite_store: Store) -> Store:
    return attack.fill(sqlite_store)


# Honest stores


def test_verify_of_an_honest_store_names_every_step_as_whole(sealed: Store) -> None:
    report = verify_store(sealed, deep=True)
    assert (report.ok, report.exit_code) == (True, 0)
    assert {step.number for step in report.steps} == set(range(1, 10))
    assert all(step.detail.startswith("all ") for step in report.steps)
    assert len(verify_store(sealed, deep=False).steps) == 5


def test_verify_of_an_honest_store_with_changes_waiting_is_whole(store: Store) -> None:
    """On both databases: nothing sealed yet, then a row put, superseded and back-dated."""
    assert attack.broken(store) == {}
    log = AuditLog(store)
    attack.person(store, "p1", "Ada")
    assert attack.broken(store) == {}
    log.seal()
    attack.person(store, "p1", "Ada L.")
    deliver(log, entry("a", model="m1"), entry("a", model="m2"))
    assert attack.broken(store) == {}
    log.seal()
    assert attack.broken(store) == {}


def test_verify_of_a_store_with_a_torn_last_frame_is_whole(sealed: Store) -> None:
    AuditLog(sealed).append(entries("a"))
    wal = sealed.layout.wal_file
    wal.write_bytes(wal.read_bytes()[:-5])
    assert attack.broken(sealed) == {}


def test_verify_of_a_store_without_indexes_is_whole(sealed: Store) -> None:
    for path in sealed.layout.index.iterdir():
        path.unlink()
    assert attack.broken(sealed) == {}


READS = (
    (AuditReader, "view"),
    (AuditReader, "record_changes"),
    (AuditReader, "counts_by_batch"),
    (replay_database, "plain_rows"),
)


def test_verify_beside_a_writer_raises_no_false_alarm(
    sealed: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A writer records, imports and seals before and after each read of the verification."""
    numbers = iter(range(1_000))
    writing = False

    def write() -> None:
        nonlocal writing
        if writing:  # the writer reads too
            return
        writing, number = True, next(numbers)
        attack.person(sealed, f"extra {number}", "Eve")
        batch = sealed.records.start_batch(source_id="s", source_map="m", run_by="r")
        sealed.records.finish_batch(batch, status="done", rows_read=0, imported=0)
        if number % 2:
            AuditLog(sealed).append(entries(f"extra {number}"))
            AuditLog(sealed).seal()
        writing = False

    def beside(read: Callable[..., Any]) -> Callable[..., Any]:
        def reading(*given: Any) -> Any:
            write()
            found = read(*given)
            found = list(found) if isinstance(found, Iterator) else found
            write()
            return found

        return reading

    for owner, name in READS:
        monkeypatch.setattr(owner, name, beside(getattr(owner, name)))
    for _ in range(2):
        assert attack.broken(sealed) == {}
    assert next(numbers) >= 2 * 2 * len(READS)


# The log's files


def test_value_edited_in_a_segment_is_caught_by_digest_and_by_leaf(sealed: Store) -> None:
    attack.rewrite(attack.segment(sealed, 2), attack.edited)
    found = attack.broken(sealed)
    assert found.keys() == {FILES, LEAVES}
    assert found[FILES] == "segment 2: its file was changed after sealing"
    assert "segment 2: leaf 3 is not the hash of entry 3" in found[LEAVES]
    assert "segment 2: its entries give another `merkle_root`" in found[LEAVES]


def test_value_edited_with_header_and_leaves_made_to_fit_breaks_the_chain(sealed: Store) -> None:
    """The attacker writes header 2 anew; header 3 still names the old one."""
    path = attack.segment(sealed, 2)
    attack.rewrite(path, attack.edited)
    _refit(sealed, 2)
    found = attack.broken(sealed)
    assert found[CHAIN] == "header 3: it does not follow from the header before it"


def _refit(store: Store, number: int) -> None:
    """Make header, leaves and index of a segment agree with its file."""
    from muniment.sealing.segments import describe
    from muniment.store.encoder import content_digests, leaf_hashes

    layout = store.layout
    segment = AuditReader(layout).segment(number)
    held = AuditReader(layout).table(segment)
    leaves = leaf_hashes(held)
    digest, size = file_digest(segment.path)
    header = {**segment.header, **describe(held, leaves), "file_sha256": digest, "file_bytes": size}
    layout.leaves_file(number).write_bytes(b"".join(leaves))
    ids = held.column("event_id").to_pylist()
    write_index(layout.index_file(number), build_index(ids, content_digests(held)), digest)
    layout.header_file(number).write_bytes(header_bytes(header))


def test_chain_rewritten_from_a_segment_on_is_not_caught_without_an_earlier_header(
    sealed: Store,
) -> None:
    """What a store cannot show of itself: whoever may write all of it can write it anew."""
    before = AuditLog(sealed).state().last_header_hash
    attack.rewrite(attack.segment(sealed, 2), attack.edited)
    _refit(sealed, 2)
    for number in (3, 4, 5):
        path = sealed.layout.header_file(number)
        if path.exists():
            previous = header_hash(AuditReader(sealed.layout).header(number - 1))
            header = AuditReader(sealed.layout).header(number)
            path.write_bytes(header_bytes({**header, "previous_header_hash": previous}))
    assert attack.broken(sealed) == {}
    # The hash of the last header, kept elsewhere, shows it.
    assert AuditLog(sealed).state().last_header_hash != before


@pytest.mark.parametrize("at", [0, 700, -1])
def test_byte_flipped_in_a_segment_is_caught_by_its_digest(sealed: Store, at: int) -> None:
    attack.flip(attack.segment(sealed, 3), at)
    found = attack.broken(sealed)
    assert found[FILES] == "segment 3: its file was changed after sealing"
    assert attack.broken(sealed, deep=False).keys() == {FILES}


def test_byte_flipped_in_the_leaves_names_the_leaf(sealed: Store) -> None:
    attack.flip(sealed.layout.leaves_file(2), 32 * 7 + 1)
    assert attack.broken(sealed) == {LEAVES: "segment 2: leaf 7 is not the hash of entry 7"}


def test_leaves_with_some_added_are_caught(sealed: Store) -> None:
    path = sealed.layout.leaves_file(2)
    path.write_bytes(path.read_bytes() + b"\0" * 32)
    assert attack.broken(sealed) == {LEAVES: "segment 2: leaf 10 is not the hash of entry 10"}


@pytest.mark.parametrize("field", ["entry_count", "file_bytes", "merkle_root", "ingested_from"])
def test_header_edited_breaks_the_chain_at_the_next(sealed: Store, field: str) -> None:
    path = sealed.layout.header_file(2)
    header = json.loads(path.read_bytes())
    value = header[field]
    header[field] = value + 1 if isinstance(value, int) else "0" + value[1:]
    path.write_bytes(header_bytes(header))
    found = attack.broken(sealed)
    assert found[CHAIN] == "header 3: it does not follow from the header before it"


def test_last_header_edited_is_caught_by_its_entries(sealed: Store) -> None:
    last = AuditReader(sealed.layout).segments()[-1].no
    path = sealed.layout.header_file(last)
    header = json.loads(path.read_bytes())
    path.write_bytes(header_bytes({**header, "ingested_from": INTAKE}))
    found = attack.broken(sealed)
    assert found == {
        LEAVES: f"segment {last}: its entries give another `ingested_from` than its header says"
    }


def test_header_written_in_another_way_is_caught(sealed: Store) -> None:
    path = sealed.layout.header_file(2)
    path.write_bytes(json.dumps(json.loads(path.read_bytes()), indent=1).encode())
    assert attack.broken(sealed) == {CHAIN: "header 2: its file is not written canonically"}


@pytest.mark.parametrize(
    "garbage", [b"", b"{", b"[]", b"\xff", b'{"sequence_no":1.5}', b"[" * 9999]
)
def test_header_of_garbage_is_a_broken_step(sealed: Store, garbage: bytes) -> None:
    sealed.layout.header_file(2).write_bytes(garbage)
    found = attack.broken(sealed)
    assert "header 2 at" in found[CHAIN]
    assert "cannot be read" in found[CHAIN]
    assert "ingest_day=2026-11-20/seg-0000000002.parquet` belongs to no header" in found[STRAYS]


@pytest.mark.parametrize("name", ["x.json", "2.json", "00000000002.json", "-000000001.json"])
def test_file_beside_the_headers_is_a_broken_step(sealed: Store, name: str) -> None:
    (sealed.layout.headers / name).write_bytes(sealed.layout.header_file(2).read_bytes())
    assert attack.broken(sealed) == {CHAIN: f"`headers/{name}` is no header"}


def test_segment_deleted_is_named(sealed: Store) -> None:
    path = attack.segment(sealed, 2)
    path.unlink()
    found = attack.broken(sealed)
    assert found[FILES] == f"segment 2: its file `{path.parent.name}/{path.name}` is missing"
    assert found[LEAVES] == "segment 2: nothing to derive, its file is missing"


def test_middle_header_deleted_is_named(sealed: Store) -> None:
    sealed.layout.header_file(2).unlink()
    found = attack.broken(sealed)
    assert "header 2 is missing; header 3: it does not follow" in found[CHAIN]
    assert "seg-0000000002.parquet` belongs to no header" in found[STRAYS]


def test_middle_header_and_segment_deleted_and_renumbered_breaks_the_chain(sealed: Store) -> None:
    sealed.layout.header_file(2).unlink()
    attack.segment(sealed, 3).rename(attack.segment(sealed, 3).with_name("seg-0000000002.parquet"))
    sealed.layout.header_file(3).rename(sealed.layout.header_file(2))
    found = attack.broken(sealed)
    assert "header 2: it says it is number 3" in found[CHAIN]
    assert "header 2: it does not follow from the header before it" in found[CHAIN]


def _cut(store: Store, number: int) -> None:
    """Take the last segment and every file of it away."""
    layout = store.layout
    attack.segment(store, number).unlink()
    for path in (layout.header_file(number), layout.leaves_file(number), layout.index_file(number)):
        path.unlink()


def test_last_header_deleted_alone_leaves_a_segment_without_header(sealed: Store) -> None:
    last = AuditReader(sealed.layout).segments()[-1].no
    sealed.layout.header_file(last).unlink()
    assert (
        f"seg-{last:010d}.parquet` belongs to no header"
        in attack.broken(sealed, deep=False)[STRAYS]
    )


def test_tail_cut_with_record_changes_is_caught_by_the_records(sealed: Store) -> None:
    last = AuditReader(sealed.layout).segments()[-1].no
    _cut(sealed, last)
    found = attack.broken(sealed)
    assert found.keys() == {ROWS}
    assert f"sealed in segment {last}, the log lacks it" in found[ROWS]
    assert "written around the outbox, no change tells of it" in found[ROWS]


def test_tail_cut_with_imported_events_is_caught_by_the_imports(sealed: Store) -> None:
    batch = sealed.records.start_batch(source_id="gateway", source_map="test", run_by="clerk")
    AuditLog(sealed).append(entries("x", "y", import_batch_id=batch))
    sealed.records.finish_batch(batch, status="done", imported=2)
    assert attack.broken(sealed) == {}
    AuditLog(sealed).seal()
    *_, events, changes = AuditReader(sealed.layout).segments()
    assert (events.header["event_count"], changes.header["event_count"]) == (2, 0)
    assert attack.broken(sealed) == {}
    _cut(sealed, changes.no)
    _cut(sealed, events.no)
    found = attack.broken(sealed)
    assert f"import `{batch}` of source `gateway`: no note tells of its end" in found[IMPORTS]
    assert "it imported 2, the store holds 0" in found[IMPORTS]
    assert f"sealed in segment {changes.no}, the log lacks it" in found[ROWS]


def test_tail_cut_of_events_without_any_trace_in_the_records_is_not_caught(sealed: Store) -> None:
    """The honest limit: no import counted these, no signed head elsewhere knows of them."""
    AuditLog(sealed).append(entries("x"))
    AuditLog(sealed).seal()
    before = AuditLog(sealed).state().last_header_hash
    _cut(sealed, AuditReader(sealed.layout).segments()[-1].no)
    assert attack.broken(sealed) == {}
    assert AuditLog(sealed).state().last_header_hash != before


def test_two_segments_swapped_are_both_named(sealed: Store) -> None:
    one, other = attack.segment(sealed, 2), attack.segment(sealed, 3)
    first, second = one.read_bytes(), other.read_bytes()
    one.write_bytes(second)
    other.write_bytes(first)
    found = attack.broken(sealed)
    assert "segment 2: its file was changed" in found[FILES]
    assert "segment 3: its file was changed" in found[FILES]
    assert "segment 2: leaf 0 is not" in found[LEAVES]


def test_two_headers_swapped_break_the_chain(sealed: Store) -> None:
    one, other = sealed.layout.header_file(2), sealed.layout.header_file(3)
    first, second = one.read_bytes(), other.read_bytes()
    one.write_bytes(second)
    other.write_bytes(first)
    found = attack.broken(sealed)[CHAIN]
    assert "header 2: it says it is number 3" in found
    assert "header 3: it says it is number 2" in found


def test_rows_reordered_in_a_segment_are_caught(sealed: Store) -> None:
    attack.rewrite(attack.segment(sealed, 2), lambda held: held.take(list(range(9, -1, -1))))
    assert "segment 2: leaf 0 is not the hash of entry 0" in attack.broken(sealed)[LEAVES]


@pytest.mark.parametrize("name", ["seg-0000000099.parquet", "notes.txt", "seg-x.parquet"])
def test_file_beside_the_segments_is_named(sealed: Store, name: str) -> None:
    (attack.segment(sealed, 2).parent / name).write_bytes(b"PAR1")
    assert attack.broken(sealed, deep=False) == {
        STRAYS: f"`segments/ingest_day=2026-11-20/{name}` belongs to no header"
    }


@pytest.mark.parametrize("folder", ["headers", "segments", "leaves"])
def test_link_in_place_of_a_file_of_the_log_is_named(
    sealed: Store, tmp_path: Path, folder: str
) -> None:
    """It leads to the very bytes, for now."""
    paths = {
        "headers": sealed.layout.header_file(2),
        "segments": attack.segment(sealed, 2),
        "leaves": sealed.layout.leaves_file(2),
    }
    path = paths[folder]
    path.rename(tmp_path / "elsewhere")
    path.symlink_to(tmp_path / "elsewhere")
    name = path.relative_to(sealed.layout.audit)
    assert attack.broken(sealed, deep=False) == {STRAYS: f"`{name}` is a link, no file of the log"}


def test_pipe_in_place_of_a_header_is_not_waited_for(sealed: Store) -> None:
    path = sealed.layout.header_file(2)
    path.unlink()
    os.mkfifo(path)
    assert "it is no plain file" in attack.broken(sealed, deep=False)[CHAIN]


def test_frame_damaged_in_the_write_ahead_file_is_a_broken_step(sealed: Store) -> None:
    log = AuditLog(sealed)
    log.append(entries("x"))
    log.append(entries("y"))
    attack.flip(sealed.layout.wal_file, 100)
    found = attack.broken(sealed, deep=False)
    assert found.keys() == {WAITING}
    assert "is damaged at byte 0" in found[WAITING]


def test_index_that_names_other_rows_is_caught(sealed: Store) -> None:
    segment = AuditReader(sealed.layout).segment(2)
    ids = AuditReader(sealed.layout).table(segment).column("event_id").to_pylist()
    forged = build_index(ids[::-1], [b"\0" * 16] * len(ids))
    write_index(sealed.layout.index_file(2), forged, segment.header["file_sha256"])
    assert attack.broken(sealed) == {
        LEAVES: "segment 2: its index names other entries; delete it to have it rebuilt"
    }
