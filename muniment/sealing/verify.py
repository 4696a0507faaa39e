"""Verification of a store, in numbered steps: is it still what was sealed?

Quick: file digests and the header chain. Deep: every entry's canonical bytes derived again, and the
record tables against the changes that were sealed. What this cannot show, since the last header is
not signed and lies in the same store: that the tail was not cut off together with every trace of it
in the records, or that the whole was not written anew. Checkpoints held elsewhere show that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from muniment.errors import EvidenceBrokenError
from muniment.integrity.headers import FIRST_PREVIOUS, header_faults, header_hash
from muniment.sealing.replay import files_faults, import_faults, record_faults
from muniment.sealing.segments import describe, file_digest
from muniment.store.audit import AuditReader, SegmentInfo
from muniment.store.encoder import leaf_hashes
from muniment.store.open import Store

MAX_NAMED = 5


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
    """Check a store against its own headers, and deep against its own entries and records."""
    reader = AuditReader(store.layout)
    checks: list[tuple[str, str, Check]] = [
        ("Headers form one chain", "headers", lambda: _chain(reader)),
        ("Segment files have the digests of their headers", "segments", lambda: _files(reader)),
        ("No file lies beside the chain", "files", lambda: _strays(reader)),
    ]
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
    try:
        faults = list(check())
    except (EvidenceBrokenError, KeyError, ValueError, pa.ArrowException) as error:
        faults = [str(error)]
    if not faults:
        return VerifyStep(number, title, True, f"all {unit} hold")
    more = f" and {len(faults) - MAX_NAMED:,} more" if len(faults) > MAX_NAMED else ""
    detail = "; ".join(faults[:MAX_NAMED]) + more
    return VerifyStep(number, title, False, detail, tuple(faults))


def _numbers(reader: AuditReader) -> list[int]:
    return sorted(int(path.stem) for path in reader.layout.headers.glob("*.json"))


def _chain(reader: AuditReader) -> Iterator[str]:
    previous = FIRST_PREVIOUS
    expected = 1
    for number in _numbers(reader):
        if number != expected:
            yield f"header {expected} is missing"
        path = reader.layout.header_file(number)
        header = reader.header(number)
        for fault in header_faults(header, number, previous, path.read_bytes()):
            yield f"header {number}: {fault}"
        previous = header_hash(header)
        expected = number + 1


def _segments(reader: AuditReader) -> Iterator[SegmentInfo]:
    for number in _numbers(reader):
        header = reader.header(number)
        path = reader.layout.segment_file(str(header["ingest_day"]), number)
        yield SegmentInfo(number, path, header)


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


def _strays(reader: AuditReader) -> Iterator[str]:
    layout = reader.layout
    numbers = _numbers(reader)
    last = max(numbers, default=0)
    named = {segment.path for segment in _segments(reader)}
    for path in sorted(layout.segments.rglob("*.parquet")):
        number = path.stem.removeprefix("seg-")
        # A crash may leave the segment after the last; the next write removes it.
        if path not in named and not (number.isdigit() and int(number) == last + 1):
            yield f"`{path.relative_to(layout.audit)}` belongs to no header"


def _leaves(reader: AuditReader) -> Iterator[str]:
    for segment in _segments(reader):
        if not segment.path.is_file():
            yield f"segment {segment.no}: nothing to derive, its file is missing"
            continue
        table = reader.table(segment)
        leaves = leaf_hashes(table)
        path = reader.layout.leaves_file(segment.no)
        stored = path.read_bytes() if path.is_file() else b""
        if stored != b"".join(leaves):
            at = next(
                (i for i, leaf in enumerate(leaves) if stored[32 * i : 32 * i + 32] != leaf),
                len(leaves),
            )
            yield f"segment {segment.no}: leaf {at} is not the hash of entry {at}"
        yield from _described(segment, describe(table, leaves) if table.num_rows else {})


def _described(segment: SegmentInfo, facts: dict[str, Any]) -> Iterator[str]:
    for name, value in facts.items():
        if name != "schema_version" and segment.header.get(name) != value:
            yield f"segment {segment.no}: its entries give another `{name}` than its header says"
