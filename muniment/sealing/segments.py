"""Writing one segment: Parquet file, leaf hashes, index, and last its header, which commits it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from muniment import __version__
from muniment.integrity.headers import FIRST_PREVIOUS, header_bytes, header_hash
from muniment.integrity.merkle import merkle_root
from muniment.model.entries import SCHEMA_VERSION
from muniment.model.times import format_time
from muniment.sealing.disk import replace_durably, write_temporary
from muniment.store.encoder import EntryHashes, entry_hashes
from muniment.store.identity import build_index, write_index
from muniment.store.layout import StoreLayout
from muniment.store.segment_files import SegmentInfo

Step = Callable[[str], None]


def write_segment(
    layout: StoreLayout,
    table: pa.Table,
    previous: SegmentInfo | None,
    step: Step = lambda _: None,
    hashes: EntryHashes | None = None,
) -> SegmentInfo:
    """Seal the entries of `table` as the next segment and return it.

    The header's rename commits: until then the other files are leftovers that the next start
    removes. step: called with a name after each durable step, so that tests can stop there.
    hashes: of these entries, where they are at hand already.
    """
    number = 1 if previous is None else previous.no + 1
    hashes = hashes or entry_hashes(table)
    leaves = hashes.leaves
    day = _times(table, "ingested_at")[0][:10]
    path = layout.segment_file(day, number)
    with ThreadPoolExecutor(1) as other:  # Arrow and the compressor hold no lock of Python's
        writing = other.submit(write_temporary, path, lambda file: write_parquet(table, file))
        facts = describe(table, leaves)
        index = build_index(table.column("event_id").to_pylist(), hashes.contents)
        temporary = writing.result()
    digest, size = file_digest(temporary)
    step("parquet written")
    replace_durably(temporary, path)
    step("parquet named")
    leaves_file = layout.leaves_file(number)
    replace_durably(write_temporary(leaves_file, lambda f: f.write(b"".join(leaves))), leaves_file)
    step("leaves named")
    write_index(layout.index_file(number), index, digest)
    step("index named")
    header = {
        **facts,
        "sequence_no": number,
        "software_version": __version__,
        "previous_header_hash": header_hash(previous.header) if previous else FIRST_PREVIOUS,
        "file_sha256": digest,
        "file_bytes": size,
        "file_name": path.relative_to(layout.segments).as_posix(),
    }
    header_file = layout.header_file(number)
    replace_durably(
        write_temporary(header_file, lambda f: f.write(header_bytes(header))), header_file
    )
    step("header named")
    return SegmentInfo(number, path, header)


def describe(table: pa.Table, leaves: list[bytes]) -> dict[str, Any]:
    """What a header says of the entries themselves; verification derives it again."""
    ingested = _times(table, "ingested_at")
    happened = _times(table, "event_time")
    kinds = table.column("entry_kind")
    facts: dict[str, Any] = {
        "schema_version": SCHEMA_VERSION,
        "entry_count": table.num_rows,
        "event_count": pc.sum(pc.equal(kinds, "event")).as_py() or 0,
        "ingest_day": ingested[0][:10],
        "ingested_from": ingested[0],
        "ingested_to": ingested[1],
        "sources": _sources(table),
        "merkle_root": merkle_root(leaves).hex(),
    }
    if happened:
        facts["event_time_from"], facts["event_time_to"] = happened
    return facts


def file_digest(path: Path) -> tuple[str, int]:
    """SHA-256 in hex and size in bytes of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest(), path.stat().st_size


def write_parquet(table: pa.Table, file: BinaryIO) -> None:
    """Write entries as a segment's file holds them."""
    pq.write_table(table, file, compression="zstd", version="2.6", row_group_size=32_768)


def _times(table: pa.Table, name: str) -> tuple[str, ...]:
    bounds = pc.min_max(table.column(name).cast(pa.int64())).as_py()
    if bounds["min"] is None:
        return ()
    return format_time(bounds["min"]), format_time(bounds["max"])


def _sources(table: pa.Table) -> dict[str, dict[str, int]]:
    # Column by column: a grouped aggregate complains about buffers that lie as they were read.
    named, numbers = table.column("source_id"), table.column("source_seq")
    sources: dict[str, dict[str, int]] = {}
    for source_id in sorted(pc.unique(named).to_pylist()):
        chosen = pc.equal(named, source_id)
        bounds = pc.min_max(numbers.filter(chosen)).as_py()
        facts = {"count": pc.sum(chosen).as_py(), "first_seq": bounds["min"],
                 "last_seq": bounds["max"]}  # fmt: skip
        sources[source_id] = {k: v for k, v in facts.items() if v is not None}
    return sources
