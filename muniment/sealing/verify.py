"""Verification of a store, in numbered steps: is it still what was sealed?

Quick: file digests, the header chain, and the signed heads. Deep: every entry's canonical bytes
derived again, and the record tables against the changes that were sealed. What the store alone
cannot show: that its tail was not cut off together with every trace of it, or that the whole was
not written anew by who holds the key. For that the verifier brings something of their own
(`Holdings`), and what it does not reach is said to be unanchored.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pyarrow as pa

from muniment.errors import EvidenceBrokenError, TrustError
from muniment.integrity.headers import FIRST_PREVIOUS, header_faults, header_hash
from muniment.sealing.erasures import Erasures
from muniment.sealing.leftovers import leftover_segments
from muniment.sealing.replay import Replay
from muniment.sealing.segments import describe, file_digest
from muniment.sealing.trust import Holdings, head_faults, trust_findings
from muniment.store.audit import AuditReader
from muniment.store.checkpoint_files import checkpoint_sizes
from muniment.store.encoder import entry_hashes
from muniment.store.identity import build_index, id_bytes, read_index
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
    """One check: what was compared, whether it held, and where it did not.

    open: nothing is broken, but trust is not established: UNSIGNED, KEY NOT CONFIRMED, UNANCHORED.
    """

    number: int
    title: str
    ok: bool
    detail: str
    where: tuple[str, ...] = ()
    open: str = ""

    @property
    def result(self) -> str:
        """One word for a person."""
        return "BROKEN" if not self.ok else self.open or "ok"


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
        """That of broken evidence, else that of trust not established, else 0."""
        if not self.ok:
            return EvidenceBrokenError.exit_code
        return TrustError.exit_code if any(step.open for step in self.steps) else 0


Check = Callable[[], Iterator[str]]


def verify_store(store: Store, *, deep: bool, holdings: Holdings | None = None) -> VerifyReport:
    """Check a store against its own headers, and deep against its own entries and records.

    holdings: what the verifier brings; with it, steps follow that say whether key and head are the
    ones that the verifier knows. None asks for no trust, only whether anything is broken.
    Works beside writers: what is taken in meanwhile is left to the next verification.
    """
    reader = AuditReader(store.layout)
    # Before all else: heads that are signed meanwhile are left to the next verification.
    sizes = checkpoint_sizes(store.layout)
    erased = Erasures(reader)
    checks: list[tuple[str, str, Check]] = [
        ("Headers form one chain", "headers", lambda: _chain(store.layout)),
        ("Segment files have the digests of their headers", "segments",
         lambda: _files(reader, erased)),
        ("No file lies beside the chain", "files", lambda: _strays(store)),
        ("What is not sealed yet is whole in the write-ahead file", "frames",
         lambda: _write_ahead(store.layout)),
        ("Checkpoints are signed by the log's keys and are beginnings of the log", "checkpoints",
         lambda: head_faults(store.layout, sizes)),
    ]  # fmt: skip
    if deep:
        replay = Replay(store, reader)
        checks += [
            ("Entries give the leaf hashes and roots that were sealed", "segments",
             lambda: _leaves(reader, erased)),
            ("Record rows are what their sealed changes made of them", "rows",
             replay.record_faults),
            ("Imports counted what the log holds of them", "imports",
             replay.import_faults),
            ("Assessments and evidence files have the digests that were sealed", "files",
             replay.files_faults),
        ]  # fmt: skip
    steps = [_run(number, *check) for number, check in enumerate(checks, start=1)]
    if holdings is not None:
        for finding in trust_findings(store.layout, sizes, holdings):
            ok, detail = not finding.faults, "; ".join(finding.faults) or finding.detail
            number, faults = len(steps) + 1, finding.faults
            steps.append(VerifyStep(number, finding.title, ok, detail, faults, finding.open))
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


def _files(reader: AuditReader, erased: Erasures) -> Iterator[str]:
    for segment in _segments(reader):
        name = segment.path.relative_to(reader.layout.segments).as_posix()
        if segment.header["file_name"] != name:
            yield f"segment {segment.no}: its header names the file `{segment.header['file_name']}`"
        if not segment.path.is_file():
            yield f"segment {segment.no}: its file `{name}` is missing"
            continue
        digest, size = file_digest(segment.path)
        if digest == segment.header["file_sha256"] and size == segment.header["file_bytes"]:
            continue
        if not erased.explain(segment, digest):
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
    # What a link leads to can be changed elsewhere, between one verification and the next.
    parts = (layout.headers, layout.segments, layout.leaves, layout.checkpoints, layout.key_notes)
    for path in sorted(each for part in parts for each in part.rglob("*")):
        if path.is_symlink():
            yield f"`{path.relative_to(layout.audit)}` is a link, no file of the log"


def _write_ahead(layout: StoreLayout) -> Iterator[str]:
    read_frames(layout.wal_file)
    yield from ()


def _leaves(reader: AuditReader, erased: Erasures) -> Iterator[str]:
    for segment in _segments(reader):
        if not segment.path.is_file():
            yield f"segment {segment.no}: nothing to derive, its file is missing"
            continue
        try:
            rows = erased.rows(segment.no)
            yield from _derived(reader, segment, reader.table(segment), rows)
        except _BROKEN as error:
            yield f"segment {segment.no}: {_said(error)}"


def _derived(
    reader: AuditReader, segment: SegmentInfo, table: pa.Table, erased: frozenset[int]
) -> Iterator[str]:
    """How a segment's entries differ from its leaf hashes, index and header.

    erased: rows of which only the leaf hash is left; the root over all leaves holds them in place.
    """
    if not table.num_rows:
        yield f"segment {segment.no}: it holds no entry"
        return
    hashes = entry_hashes(table)
    leaves = list(hashes.leaves)
    path = reader.layout.leaves_file(segment.no)
    stored = path.read_bytes() if path.is_file() else b""
    for row in erased:
        if row < len(leaves):
            leaves[row] = stored[32 * row : 32 * row + 32]
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
    # One that is missing or torn is built anew by itself; one that fits and lies is not.
    if held_index is None:
        return
    ids, digests = table.column("event_id").to_pylist(), list(hashes.contents)
    for row in erased:  # what an erased entry said is known to the index alone
        found = held_index.find(id_bytes(ids[row]))
        digests[row] = found[1] if found is not None and found[0] == row else b""
    if held_index.blocks() != build_index(ids, digests).blocks():
        yield f"segment {segment.no}: its index names other entries; delete it to have it rebuilt"
