"""Verification of a store, in numbered steps: is it still what was sealed?

Quick: file digests and the header chain. Deep: every entry's canonical bytes derived again, and the
record tables against the changes that were sealed. What this cannot show, since the last header is
not signed and lies in the same store: that the tail was not cut off together with every trace of it
in the records, or that the whole was not written anew. Checkpoints held elsewhere show that.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pyarrow as pa

from muniment.errors import EvidenceBrokenError
from muniment.integrity.headers import FIRST_PREVIOUS, header_faults, header_hash
from muniment.sealing.leftovers import leftover_segments
from muniment.sealing.replay import files_faults, import_faults, record_faults
from muniment.sealing.segments import describe, file_digest
from muniment.store.audit import AuditReader
from muniment.store.encoder import entry_hashes
from muniment.store.identity import build_index, read_index
from muniment.store.layout import StoreLayout
from muniment.store.open import Store
from muniment.store.segment_files import (
    SegmentInfo,
    foreign_headers,
    header_numbers,
    read_segment,
)
from muniment.store.wal_frames import read_frames

MAX_NAMED = 5
_TIMES = ("event_time_from", "event_time_to")
_BROKEN = (EvidenceBrokenError, KeyError, TypeError, ValueError, pa.ArrowException)


@dataclass(frozen=True, slots=True)
class VerifyStep:
    """One check: what was compared, whether it held, and where it did not."""

    number: int
    title: str
    ok: bool
    detail: str
    where: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class VerifyReport:
    """All steps of one verification."""

    steps: tuple[VerifyStep, ...]

    @property
    def ok(self) -> bool:
        """Nothing is broken."""
        return all(step.ok for step in self.steps)

    @property
    def exit_code(self) -> int:
        """0 when nothing is broken, else that of broken evidence."""
        return 0 if self.ok else EvidenceBrokenError.exit_code


Check = Callable[[], Iterator[str]]


def verify_store(store: Store, *, deep: bool) -> VerifyReport:
    """Check a store against its own headers, and deep against its own entries and records.

    Works beside writers: what is taken in meanwhile is left to the next verification.
    """
    reader = AuditReader(store.layout)
    checks: list[tuple[str, str, Check]] = [
        ("Headers form one chain", "headers", lambda: _chain(store.layout)),
        ("Segment files have the digests of their headers", "segments", lambda: _files(reader)),
        ("No file lies beside the chain", "files", lambda: _strays(store)),
        ("What is not sealed yet is whole in the write-ahead file", "frames",
         lambda: _write_ahead(store.layout)),
    ]  # fmt: skip
    if deep:
        checks += [
            ("Entries give the leaf hashes and roots that were sealed", "segments",
             lambda: _leaves(reader)),
            ("Record rows are what their sealed changes made of them", "rows",
             lambda: record_faults(store, reader)),
            ("Imports counted what the log holds of them", "imports",
             lambda: import_faults(store, reader)),
            ("Assessments and evidence files have the digests that were sealed", "files",
             lambda: files_faults(store, reader)),
        ]  # fmt: skip
    steps = [_run(number, *check) for number, check in enumerate(checks, start=1)]
    return VerifyReport(tuple(steps))


def _run(number: int, title: str, unit: str, check: Check) -> VerifyStep:
    faults: list[str] = []
    try:
        faults.extend(check())
    except _BROKEN as error:
        faults.append(_said(error))
    if not faults:
        return VerifyStep(number, title, True, f"all {unit} hold")
    more = f" and {len(faults) - MAX_NAMED:,} more" if len(faults) > MAX_NAMED else ""
    detail = "; ".join(faults[:MAX_NAMED]) + more
    return VerifyStep(number, title, False, detail, tuple(faults))


def _said(error: Exception) -> str:
    return str(error) if isinstance(error, EvidenceBrokenError) else f"cannot be read: {error}"


def _chain(layout: StoreLayout) -> Iterator[str]:
    for name in foreign_headers(layout):
        yield f"`headers/{name}` is no header"
    previous: str | None = FIRST_PREVIOUS
    expected = 1
    for number in header_numbers(layout):
        if number != expected:
            yield f"header {expected} is missing"
        expected = number + 1
        try:
            header = read_segment(layout, number).header
        except EvidenceBrokenError as error:
            yield str(error)
            previous = None
            continue
        stored = layout.header_file(number).read_bytes()
        before = header["previous_header_hash"] if previous is None else previous
        for fault in header_faults(header, number, before, stored):
            yield f"header {number}: {fault}"
        previous = header_hash(header)


def _segments(reader: AuditReader) -> Iterator[SegmentInfo]:
    """Every segment whose header can be read; the first step names the others."""
    for number in header_numbers(reader.layout):
        with contextlib.suppress(EvidenceBrokenError):
            yield reader.segment(number)


def _files(reader: AuditReader) -> Iterator[str]:
    for segment in _segments(reader):
        name = segment.path.relative_to(reader.layout.segments).as_posix()
        if segment.header["file_name"] != name:
            yield f"segment {segment.no}: its header names the file `{segment.header['file_name']}`"
        if not segment.path.is_file():
            yield f"segment {segment.no}: its file `{name}` is missing"
            continue
        digest, size = file_digest(segment.path)
        if digest != segment.header["file_sha256"] or size != segment.header["file_bytes"]:
            yield f"segment {segment.no}: its file was changed after sealing"


def _strays(store: Store) -> Iterator[str]:
    layout = store.layout
    # Before the headers: what a sealer writes meanwhile is then not among these.
    paths = sorted(path for path in layout.segments.rglob("*") if path.is_file())
    named = {segment.path for segment in _segments(AuditReader(layout))}
    # A crash leaves a segment without header; the next write removes it and seals it again.
    waiting = {path for path, is_waiting in leftover_segments(store) if is_waiting}
    for path in paths:
        if path not in named | waiting and path.suffix != ".tmp":
            yield f"`{path.relative_to(layout.audit)}` belongs to no header"


def _write_ahead(layout: StoreLayout) -> Iterator[str]:
    read_frames(layout.wal_file)
    yield from ()


def _leaves(reader: AuditReader) -> Iterator[str]:
    for segment in _segments(reader):
        if not segment.path.is_file():
            yield f"segment {segment.no}: nothing to derive, its file is missing"
            continue
        try:
            yield from _derived(reader, segment, reader.table(segment))
        except _BROKEN as error:
            yield f"segment {segment.no}: {_said(error)}"


def _derived(reader: AuditReader, segment: SegmentInfo, table: pa.Table) -> Iterator[str]:
    """How a segment's entries differ from its leaf hashes, index and header."""
    if not table.num_rows:
        yield f"segment {segment.no}: it holds no entry"
        return
    hashes = entry_hashes(table)
    leaves = hashes.leaves
    path = reader.layout.leaves_file(segment.no)
    stored = path.read_bytes() if path.is_file() else b""
    if stored != b"".join(leaves):
        pairs = ((i, stored[32 * i : 32 * i + 32], leaf) for i, leaf in enumerate(leaves))
        at = next((i for i, held, leaf in pairs if held != leaf), len(leaves))
        yield f"segment {segment.no}: leaf {at} is not the hash of entry {at}"
    facts = describe(table, leaves)
    for name in sorted({*facts, *_TIMES} - {"schema_version"}):
        if segment.header.get(name) != facts.get(name):
            yield f"segment {segment.no}: its entries give another `{name}` than its header says"
    held_index = read_index(
        reader.layout.index_file(segment.no),
        segment.header["entry_count"],
        segment.header["file_sha256"],
    )
    built = build_index(table.column("event_id").to_pylist(), hashes.contents)
    # One that is missing or torn is built anew by itself; one that fits and lies is not.
    if held_index is not None and held_index.blocks() != built.blocks():
        yield f"segment {segment.no}: its index names other entries; delete it to have it rebuilt"
