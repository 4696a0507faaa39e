"""Taking entries in: acknowledged means on disk, and what is known already is told apart."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

import muniment.sealing.log as log_module
from muniment.errors import EvidenceBrokenError, StoreError
from muniment.integrity.headers import FIRST_PREVIOUS, HEADER_FIELDS, header_hash
from muniment.integrity.merkle import merkle_root
from muniment.sealing.log import AuditLog
from muniment.store.audit import AuditReader
from muniment.store.open import Store
from tests.builders.entries import deliver, entries, entry, event_id, table


@pytest.fixture
def log(sqlite_store: Store) -> AuditLog:
    sqlite_store_log = AuditLog(sqlite_store)
    sqlite_store_log.seal()  # the outbox's first rows: tests then see only their own segments
    return sqlite_store_log


def _wal(store: Store) -> Path:
    return store.layout.wal_file


def _tail_ids(store: Store) -> list[str]:
    found: list[str] = AuditReader(store.layout).tail().column("event_id").to_pylist()
    return found


# Acknowledgement


def test_append_when_it_returns_another_reader_finds_the_entries(
    sqlite_store: Store, log: AuditLog
) -> None:
    log.append(entries("a", "b"))
    assert _tail_ids(sqlite_store) == [event_id("a"), event_id("b")]
    assert log.state().unsealed_entries == 2


def test_append_before_it_returns_flushes_file_and_folder(
    sqlite_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    flushed: list[str] = []
    fsync = log_module.os.fsync

    def noted(handle: int) -> None:
        flushed.append(Path(f"/proc/self/fd/{handle}").resolve().name)
        fsync(handle)

    if not Path("/proc/self/fd").is_dir():
        pytest.skip("no /proc here to name an open file")
    monkeypatch.setattr(log_module.os, "fsync", noted)
    AuditLog(sqlite_store).append(entries("a"))
    assert flushed[-2:] == ["current.wal", "wal"]


def test_append_of_no_entries_writes_nothing(sqlite_store: Store, log: AuditLog) -> None:
    before = _wal(sqlite_store).exists()
    log.append(table())
    assert _wal(sqlite_store).exists() == before


@pytest.mark.parametrize("cut", [1, 40, 200])
def test_torn_last_frame_is_dropped_and_earlier_ones_kept(
    sqlite_store: Store, log: AuditLog, cut: int
) -> None:
    log.append(entries("a"))
    size = _wal(sqlite_store).stat().st_size
    log.append(entries("b"))
    content = _wal(sqlite_store).read_bytes()
    _wal(sqlite_store).write_bytes(content[: size + cut])
    assert _tail_ids(sqlite_store) == [event_id("a")]
    AuditLog(sqlite_store).append(entries("c"))
    assert _tail_ids(sqlite_store) == [event_id("a"), event_id("c")]


@pytest.mark.parametrize("at", [2, 9, 30, 300])
def test_frame_damaged_before_others_is_an_error_and_nothing_is_cut(
    sqlite_store: Store, log: AuditLog, at: int
) -> None:
    log.append(entries("a"))
    log.append(entries("b"))
    content = bytearray(_wal(sqlite_store).read_bytes())
    content[at] ^= 0x10
    _wal(sqlite_store).write_bytes(content)
    with pytest.raises(EvidenceBrokenError, match=r"damaged at byte 0, before entries"):
        AuditLog(sqlite_store).append(entries("c"))
    assert _wal(sqlite_store).read_bytes() == content


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"event_id": "A" * 32}, "not 32 lower-case hex digits"),
        ({"event_id": "ab " * 11}, "not 32 lower-case hex digits"),
        ({"salt": None}, "1 entries have no `salt`"),
        ({"ingested_at": None}, "1 entries have no `ingested_at`"),
        ({"entry_kind": "rumour"}, "an `entry_kind` is none of event, annotation, record"),
        ({"context_refs": ["x", None]}, "a list in `context_refs` holds a NULL"),
    ],
)
def test_append_of_an_entry_that_cannot_be_sealed_keeps_nothing(
    sqlite_store: Store, log: AuditLog, change: dict[str, Any], said: str
) -> None:
    with pytest.raises(StoreError, match=said):
        log.append(table(entry("good"), {**entry("bad"), **change}))
    assert _tail_ids(sqlite_store) == []
    log.append(entries("later"))
    assert log.seal().sealed_events == 1


def test_append_of_a_table_without_a_column_is_an_error(log: AuditLog) -> None:
    with pytest.raises(StoreError, match="the entries do not fit the log"):
        log.append(entries("a").drop_columns(["salt"]))


def test_append_of_text_that_is_not_utf8_is_an_error(log: AuditLog) -> None:
    good = entries("a")
    bad = pa.array([b"\xff\xfe"], pa.binary()).view(pa.string())
    at = good.column_names.index("model")
    with pytest.raises(StoreError, match="the entries do not fit the log"):
        log.append(good.set_column(at, good.schema.field(at), bad))


def test_append_of_an_id_twice_in_one_call_is_an_error(sqlite_store: Store, log: AuditLog) -> None:
    with pytest.raises(StoreError, match=f"entry `{event_id('a')}` comes twice in one call"):
        log.append(entries("a", "b", "a"))
    assert _tail_ids(sqlite_store) == []


@pytest.mark.parametrize("sealed", [False, True])
def test_append_of_an_id_that_the_log_holds_is_an_error(log: AuditLog, sealed: bool) -> None:
    log.append(entries("a"))
    if sealed:
        log.seal()
    with pytest.raises(StoreError, match=r"already\. Classify entries before"):
        log.append(entries("b", "a"))
    log.append(entries("b"))
    assert log.seal().sealed_events == 2


# Sealing


def test_append_of_a_segments_worth_seals_by_itself(
    sqlite_store: Store, log: AuditLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_module, "SEGMENT_ENTRIES", 5)
    log.append(entries(1, 2, 3))
    assert log.state().sealed_events == 0
    log.append(entries(4, 5, 6))
    state = log.state()
    assert (state.sealed_events, state.unsealed_entries) == (6, 0)
    log.append(entries(7))
    assert log.state().unsealed_entries == 1


def test_append_of_many_segments_worth_seals_full_ones_and_keeps_the_rest(
    sqlite_store: Store, log: AuditLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_module, "SEGMENT_ENTRIES", 4)
    log.append(entries(*range(10)))
    counts = [s.header["event_count"] for s in AuditReader(sqlite_store.layout).segments()]
    assert counts[-2:] == [4, 4]
    assert _tail_ids(sqlite_store) == [event_id(8), event_id(9)]


def test_seal_of_a_segment_writes_a_header_that_tells_all_of_it(
    sqlite_store: Store, log: AuditLog
) -> None:
    before = AuditReader(sqlite_store.layout).segments()[-1]
    log.append(
        table(
            entry("a", source_seq=7, event_time="2026-11-18T23:59:59.000000001Z"),
            entry("b", source_seq=9, ingested_at="2026-11-21T00:00:00.000000000Z"),
            entry("c", source_id="billing", event_time=None),
        )
    )
    log.seal()
    reader = AuditReader(sqlite_store.layout)
    segment = reader.segments()[-1]
    header = segment.header
    assert header.keys() == HEADER_FIELDS
    assert header["sequence_no"] == before.no + 1
    assert header["previous_header_hash"] == header_hash(before.header)
    assert (header["entry_count"], header["event_count"]) == (3, 3)
    assert header["event_time_from"] == "2026-11-18T23:59:59.000000001Z"
    assert header["event_time_to"] == "2026-11-20T08:00:00.000000000Z"
    assert header["ingested_to"] == "2026-11-21T00:00:00.000000000Z"
    assert header["sources"] == {
        "gateway": {"count": 2, "first_seq": 7, "last_seq": 9},
        "billing": {"count": 1},
    }
    assert (
        header["merkle_root"] == merkle_root([reader.leaf(segment.no, i) for i in range(3)]).hex()
    )
    assert segment.path.parent.name == "ingest_day=2026-11-20"
    assert header["file_name"] == f"ingest_day=2026-11-20/seg-{segment.no:010d}.parquet"
    assert header["file_bytes"] == segment.path.stat().st_size


def test_first_header_of_a_store_follows_from_nothing(sqlite_store: Store, log: AuditLog) -> None:
    header = AuditReader(sqlite_store.layout).header(1)
    assert header["previous_header_hash"] == FIRST_PREVIOUS
    assert log.state().last_header_hash == header_hash(header)


def test_seal_with_nothing_waiting_writes_no_segment(log: AuditLog) -> None:
    before = log.state()
    assert log.seal() == before


def test_seal_drains_the_outbox_once_and_keeps_each_place(store: Store) -> None:
    """On both databases: the outbox is theirs."""
    with store.records.writing() as writer:
        writer.note("import", {"id": "n1", "rows": 3}, "clerk@example.org")
    waiting = store.records.count_pending_outbox()
    state = AuditLog(store).seal()
    assert (state.sealed_entries, state.unsealed_entries) == (waiting, 0)
    assert AuditLog(store).seal() == state
    (pointer,) = store.records.outbox_pointer("n1")
    assert pointer.event_id is not None
    found = AuditReader(store.layout).entry(pointer.event_id)
    assert (found.segment_no, found.leaf_index) == (pointer.segment_no, pointer.leaf_index)
    assert found.row["operation_name"] == "record.note"
    assert found.row["user_ref"] == "clerk@example.org"


# Classifying

V1, V2, V3 = ({"model": f"version {number}"} for number in (1, 2, 3))


def _now(store: Store, name: str) -> str:
    reader = AuditReader(store.layout)
    found = reader.events_table(["event_id", "model"], known_at="2027-01-01T00:00:00.000000000Z")
    (model,) = [r["model"] for r in found.to_pylist() if r["event_id"] == event_id(name)]
    return str(model)


def test_classify_of_unknown_entries_says_new(log: AuditLog) -> None:
    found = log.classify(entries("a", "b"))
    assert (found.new.num_rows, found.duplicates, found.superseding) == (2, 0, [])


def test_classify_within_one_table_tells_all_three_apart(
    sqlite_store: Store, log: AuditLog
) -> None:
    rows = [entry("a", **V1), entry("b"), entry("a", **V1), entry("a", **V2)]
    assert deliver(log, *rows) == (2, 1, 1)
    assert _now(sqlite_store, "a") == "version 2"


@pytest.mark.parametrize("sealed", [False, True])
def test_classify_across_chunks_knows_the_tail_and_the_segments(
    sqlite_store: Store, log: AuditLog, sealed: bool
) -> None:
    deliver(log, entry("a", **V1), entry("b"))
    if sealed:
        log.seal()
    assert deliver(log, entry("b"), entry("a", **V2), entry("c")) == (1, 1, 1)
    assert _now(sqlite_store, "a") == "version 2"


@pytest.mark.parametrize("sealed", [False, True])
def test_classify_after_an_annotation_compares_with_what_is_believed(
    sqlite_store: Store, log: AuditLog, sealed: bool
) -> None:
    deliver(log, entry("a", **V1))
    deliver(log, entry("a", **V2))
    if sealed:
        log.seal()
    fresh = AuditLog(sqlite_store)
    assert deliver(fresh, entry("a", **V2)) == (0, 1, 0)
    found = fresh.classify(table(entry("a", **V3)))
    ((believed, came),) = found.superseding
    assert (believed["model"], came["model"]) == ("version 2", "version 3")


def test_classify_of_the_older_delivery_again_is_a_duplicate_and_undoes_nothing(
    sqlite_store: Store, log: AuditLog
) -> None:
    for version in (V1, V2, V3):
        deliver(log, entry("a", **version))
    log.seal()
    for version in (V1, V2, V3):
        assert deliver(log, entry("a", **version)) == (0, 1, 0)
    assert _now(sqlite_store, "a") == "version 3"


def test_classify_of_a_file_with_three_versions_again_finds_only_duplicates(
    sqlite_store: Store, log: AuditLog
) -> None:
    rows = [entry("a", **version) for version in (V1, V2, V3)]
    assert deliver(log, *rows) == (1, 0, 2)
    assert deliver(log, *rows) == (0, 3, 0)
    assert _now(sqlite_store, "a") == "version 3"


def test_annotations_of_one_import_apply_in_the_order_of_the_file(
    sqlite_store: Store, log: AuditLog
) -> None:
    # Twelve versions under one intake time: an order by id would get the last right in 1 of 12.
    deliver(log, *(entry("a", model=f"version {number}") for number in range(12)))
    assert _now(sqlite_store, "a") == "version 11"
    log.seal()
    assert _now(sqlite_store, "a") == "version 11"


def test_classify_of_a_withdrawn_value_clears_it(sqlite_store: Store, log: AuditLog) -> None:
    deliver(log, entry("a", **V1))
    assert deliver(log, entry("a", model=None)) == (0, 0, 1)
    assert _now(sqlite_store, "a") == "None"
    (note,) = AuditReader(sqlite_store.layout).annotations(event_id("a"))
    assert (note["cleared"], note["fields"]) == (["model"], {})


def test_classify_where_only_the_envelope_differs_is_a_duplicate(log: AuditLog) -> None:
    deliver(log, entry("a"))
    again = {**entry("a"), "import_batch_id": "batch-2", "salt": "0" * 32, "source_row": 4}
    assert deliver(log, again) == (0, 1, 0)


def test_append_after_another_process_appended_knows_its_entries(
    sqlite_store: Store, log: AuditLog
) -> None:
    other = AuditLog(sqlite_store)
    deliver(log, entry("a"))
    deliver(other, entry("b"))
    assert deliver(log, entry("a"), entry("b"), entry("c")) == (1, 2, 0)
    other.seal()
    assert deliver(log, entry("b"), entry("c"), entry("d")) == (1, 2, 0)


def test_appending_what_was_judged_new_before_the_log_was_given_back_is_judged_again(
    sqlite_store: Store, log: AuditLog
) -> None:
    found = log.classify(entries("a"))
    AuditLog(sqlite_store).append(entries("a"))
    with pytest.raises(StoreError, match=r"already\. Classify entries before"):
        log.append(found.new)
