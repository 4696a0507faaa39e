"""Reading the log: one moment, one truth, whatever a sealer does meanwhile."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

import muniment.store.audit as audit_module
from muniment.errors import EvidenceBrokenError, StoreError
from muniment.integrity.canonical import entry_bytes
from muniment.integrity.merkle import leaf_hash
from muniment.sealing.log import AuditLog
from muniment.store.audit import AuditReader
from muniment.store.open import Store
from tests.builders.entries import deliver, entries, entry, event_id, table

LATER = "2026-12-01T00:00:00.000000000Z"
BETWEEN, DAY_2 = "2026-11-21T00:00:00.000000000Z", "2026-11-22T00:00:00.000000000Z"


@pytest.fixture
def log(sqlite_store: Store) -> AuditLog:
    return AuditLog(sqlite_store)


def _reader(store: Store) -> AuditReader:
    return AuditReader(store.layout)


def _agents(store: Store, *, known_at: str = LATER, **window: Any) -> list[str]:
    found = _reader(store).events_table(["agent_id"], known_at=known_at, **window)
    return sorted(found.column("agent_id").to_pylist())


@pytest.mark.parametrize("sealed", [False, True])
def test_events_window_takes_its_start_and_leaves_its_end(
    sqlite_store: Store, log: AuditLog, sealed: bool
) -> None:
    at = {name: f"2026-11-19T00:00:00.00000000{name}Z" for name in (1, 2, 3)}
    log.append(table(*(entry(name, event_time=time) for name, time in at.items())))
    if sealed:
        log.seal()
    assert _agents(sqlite_store, start=at[1], end=at[3]) == ["agent 1", "agent 2"]
    assert _agents(sqlite_store, start=at[3]) == ["agent 3"]
    assert _agents(sqlite_store, end=at[1]) == []


def test_segment_exchanged_under_its_old_time_is_read_as_it_is_now(
    sqlite_store: Store, log: AuditLog
) -> None:
    log.append(entries("a"))
    log.seal()
    assert _agents(sqlite_store) == ["agent a"]
    path = _reader(sqlite_store).segments()[0].path
    before = path.stat()
    pq.write_table(table(entry("b")), path, compression="zstd")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert _agents(sqlite_store) == ["agent b"]


def test_events_window_places_an_event_without_time_by_its_intake(
    sqlite_store: Store, log: AuditLog
) -> None:
    log.append(entries("a", event_time=None))
    assert _agents(sqlite_store, start="2026-11-20T09:00:00.000000000Z") == ["agent a"]
    assert _agents(sqlite_store, end="2026-11-20T09:00:00.000000000Z") == []


def test_events_known_at_leaves_out_what_came_in_later(sqlite_store: Store, log: AuditLog) -> None:
    log.append(table(entry("a"), entry("b", ingested_at=DAY_2)))
    for _ in range(2):
        assert _agents(sqlite_store, known_at="2026-11-20T09:00:00.000000000Z") == ["agent a"]
        assert _agents(sqlite_store, known_at="2026-11-20T08:59:59.999999999Z") == []
        assert _agents(sqlite_store, known_at=DAY_2) == ["agent a", "agent b"]
        log.seal()


def test_events_show_what_was_known_of_them_then(sqlite_store: Store, log: AuditLog) -> None:
    deliver(log, entry("a", amount="1.000000000", legal_hold=True))
    deliver(log, entry("a", ingested_at=DAY_2, amount="2.500000000", context_refs=["x"]))
    for _ in range(2):
        columns = ["amount", "legal_hold", "context_refs"]
        early = _reader(sqlite_store).events_table(
            columns, known_at="2026-11-21T00:00:00.000000000Z"
        )
        late = _reader(sqlite_store).events_table(columns, known_at=LATER)
        assert [str(v) for v in early.to_pylist()[0].values()] == ["1.000000000", "True", "None"]
        assert [str(v) for v in late.to_pylist()[0].values()] == ["2.500000000", "None", "['x']"]
        log.seal()


@pytest.mark.parametrize("sealed", [False, True])
def test_events_window_goes_by_the_corrected_time(
    sqlite_store: Store, log: AuditLog, sealed: bool
) -> None:
    inside, outside = "2026-11-19T12:00:00.000000000Z", "2026-10-01T00:00:00.000000000Z"
    window = {"start": "2026-11-19T00:00:00.000000000Z", "end": "2026-11-20T00:00:00.000000000Z"}
    deliver(log, entry("in", event_time=outside), entry("out", event_time=inside))
    deliver(
        log,
        entry("in", event_time=inside, ingested_at=DAY_2),
        entry("out", event_time=outside, ingested_at=DAY_2),
    )
    if sealed:
        log.seal()
    assert _agents(sqlite_store, **window) == ["agent in"]
    assert _agents(sqlite_store, known_at=BETWEEN, **window) == ["agent out"]


def test_events_of_the_tail_are_marked_not_sealed(sqlite_store: Store, log: AuditLog) -> None:
    log.append(entries("a"))
    log.seal()
    log.append(entries("b"))
    found = _reader(sqlite_store).events_table(["not_sealed", "agent_id"], known_at=LATER)
    assert found.to_pylist() == [
        {"not_sealed": False, "agent_id": "agent a"},
        {"not_sealed": True, "agent_id": "agent b"},
    ]


@pytest.mark.parametrize("moment", ["before the file is read", "before the headers are listed"])
def test_events_sealed_while_they_are_read_show_exactly_once(
    sqlite_store: Store, log: AuditLog, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    log.append(entries("a", "b"))
    read, done = audit_module.read_frames, []

    def meanwhile(path: Path) -> Any:
        frames = read(path) if moment == "before the headers are listed" else None
        if not done:
            done.append(moment)
            for number in range(3):  # several segments, more than one may be new to the reader
                AuditLog(sqlite_store).seal()
                with sqlite_store.records.writing() as writer:
                    writer.note("import", {"id": str(number)}, "clerk@example.org")
        return read(path) if frames is None else frames

    monkeypatch.setattr(audit_module, "read_frames", meanwhile)
    assert _agents(sqlite_store) == ["agent a", "agent b"]
    assert done


def test_events_of_an_unknown_column_are_an_error(sqlite_store: Store, log: AuditLog) -> None:
    with pytest.raises(StoreError, match="the log has no column `1; drop`"):
        _reader(sqlite_store).events_table(["1; drop"], known_at=LATER)


def test_entry_and_leaf_of_every_sealed_row_agree(sqlite_store: Store, log: AuditLog) -> None:
    log.append(entries(*range(7)))
    log.seal()
    reader = _reader(sqlite_store)
    for number in range(7):
        found = reader.entry(event_id(number))
        assert found.segment_no is not None and found.leaf_index == number
        assert (found.segment_no, number) == reader.place(event_id(number))
        assert reader.leaf(found.segment_no, number) == leaf_hash(entry_bytes(found.row))


def test_entry_of_the_tail_has_no_place(sqlite_store: Store, log: AuditLog) -> None:
    log.append(entries("a"))
    found = _reader(sqlite_store).entry(event_id("a"))
    assert (found.row["agent_id"], found.segment_no, found.leaf_index) == ("agent a", None, None)


HOSTILE = [
    "", "x", "'", "../../etc/passwd", "%", "A" * 32, "0" * 31, "0" * 33, "ab " * 11, "０" * 32,
    "0" * 32 + "\n", "\x00" * 32,
]  # fmt: skip


@pytest.mark.parametrize("hostile", HOSTILE)
def test_entry_of_a_hostile_id_is_not_found(
    sqlite_store: Store, log: AuditLog, hostile: str
) -> None:
    log.append(entries("a"))
    log.seal()
    reader = _reader(sqlite_store)
    assert reader.place(hostile) is None
    assert reader.annotations(hostile) == []
    assert reader.trace(hostile, 10).num_rows == 0
    with pytest.raises(StoreError, match="the log holds no entry"):
        reader.entry(hostile)


@pytest.mark.parametrize("index", [1, 10_000_000])
def test_leaf_beyond_the_segment_is_broken_evidence(
    sqlite_store: Store, log: AuditLog, index: int
) -> None:
    log.append(entries("a"))
    log.seal()
    with pytest.raises(EvidenceBrokenError, match=f"end before leaf {index}"):
        _reader(sqlite_store).leaf(1, index)
    with pytest.raises(EvidenceBrokenError, match="leaf hashes"):
        _reader(sqlite_store).leaf(99, 0)


def test_annotations_of_an_event_come_oldest_first(sqlite_store: Store, log: AuditLog) -> None:
    for number in range(8):
        deliver(log, entry("a", model=f"m{number}"))
        if number < 6:
            log.seal()
    said = [{"model": f"m{number}"} for number in range(1, 8)]
    reader = _reader(sqlite_store)
    # Often: threads that read several segments hand over their rows in an order of their own.
    for _ in range(20):
        notes = reader.annotations(event_id("a"))
        assert [note["fields"] for note in notes] == said
    assert {note["source_id"] for note in notes} == {"gateway"}


def test_trace_gives_its_events_in_time_order_up_to_the_limit(
    sqlite_store: Store, log: AuditLog
) -> None:
    hours = {"c": 3, "a": 1, "b": 2}
    for name, hour in hours.items():
        log.append(entries(name, trace_id="t", event_time=f"2026-11-19T0{hour}:00:00.000000000Z"))
        if name != "b":
            log.seal()
    log.append(entries("other", trace_id="u"))
    reader = _reader(sqlite_store)
    assert reader.trace("t", 10).column("agent_id").to_pylist() == ["agent a", "agent b", "agent c"]
    assert reader.trace("t", 2).column("agent_id").to_pylist() == ["agent a", "agent b"]


def test_trace_known_at_leaves_out_what_came_in_later(sqlite_store: Store, log: AuditLog) -> None:
    log.append(table(entry("a", trace_id="t"), entry("b", trace_id="t", ingested_at=DAY_2)))
    for _ in range(2):
        found = _reader(sqlite_store).trace("t", 10, "2026-11-21T00:00:00.000000000Z")
        assert found.column("agent_id").to_pylist() == ["agent a"]
        log.seal()


def _spoil(path: Path, how: str) -> None:
    if how == "missing":
        path.unlink()
    elif how == "cut short":
        path.write_bytes(path.read_bytes()[:-1])
    elif how == "one byte flipped":
        content = bytearray(path.read_bytes())
        content[-40] ^= 1
        path.write_bytes(content)
    else:
        shutil.copy(path.with_name("seg-0000000001.ids"), path)


@pytest.mark.parametrize("how", ["missing", "cut short", "one byte flipped", "another segment's"])
def test_index_that_is_unfit_is_rebuilt(sqlite_store: Store, log: AuditLog, how: str) -> None:
    log.append(entries("a"))
    log.seal()
    log.append(entries("b", "c"))
    log.seal()
    place = _reader(sqlite_store).place(event_id("c"))
    assert place is not None
    path = sqlite_store.layout.index_file(place[0])
    before = path.read_bytes()
    _spoil(path, how)
    assert _reader(sqlite_store).place(event_id("c")) == place
    assert path.read_bytes() == before
    assert deliver(AuditLog(sqlite_store), entry("b"), entry("c")) == (0, 2, 0)


def test_header_that_is_no_header_is_broken_evidence(sqlite_store: Store, log: AuditLog) -> None:
    log.append(entries("a"))
    log.seal()
    path = sqlite_store.layout.header_file(1)
    honest = path.read_text("utf-8")
    float_count = honest.replace('"entry_count":1', '"entry_count":1.5')
    other_place = honest.replace("2026-11-20", "../../../etc")
    for spoilt in ("", "{", "[]", "null", "{}", float_count, other_place, "[" * 100_000):
        assert spoilt != honest
        path.write_text(spoilt, "utf-8")
        with pytest.raises(EvidenceBrokenError, match=r"header 1 at .* cannot be read"):
            _reader(sqlite_store).segments()


def test_segment_that_is_gone_is_broken_evidence(sqlite_store: Store, log: AuditLog) -> None:
    log.append(entries("a"))
    log.seal()
    _reader(sqlite_store).segments()[0].path.unlink()
    with pytest.raises(EvidenceBrokenError, match="a segment of the log cannot be read"):
        _agents(sqlite_store)


def test_events_of_many_segments_take_later_annotations_over_earlier(
    sqlite_store: Store, log: AuditLog
) -> None:
    for number in range(15):
        deliver(log, entry("a", model=f"m{number}"))
        log.seal()
    found = _reader(sqlite_store).events_table(["model"], known_at=LATER)
    assert found.column("model").to_pylist() == ["m14"]
