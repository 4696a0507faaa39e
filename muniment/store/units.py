"""Units of evaluation: one Parquet file each, a large segment or a read copy of many small ones.

Units are formed by rule from the segments in their order, so that the same log always gives the
same units and a new segment changes none that is complete: 256 neighbours that are small together
are one unit, else 16, else each segment by itself. At the end of the log at most 15 of either wait.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from muniment.model.times import to_nanos
from muniment.store.layout import StoreLayout
from muniment.store.segment_files import SegmentInfo

BLOCKS = (256, 16)
MOST_ENTRIES = 200_000


@dataclass(frozen=True, slots=True)
class Unit:
    """Neighbouring segments that are read and evaluated as one.

    digest: over the digests of their files as they now are. happened, ingested: first and last
    nanosecond, over all of their entries.
    """

    digest: str
    segments: tuple[SegmentInfo, ...]
    entries: int
    happened: tuple[int, int]
    ingested: tuple[int, int]

    @property
    def is_copy(self) -> bool:
        """Read from a copy, not from the sealed file."""
        return len(self.segments) > 1

    @property
    def numbers(self) -> range:
        """The segments' numbers, with those between them that hold no event."""
        return range(self.segments[0].no, self.segments[-1].no + 1)

    def path(self, layout: StoreLayout) -> Path:
        """The Parquet file that holds the unit's entries."""
        return layout.read_copy(self.digest) if self.is_copy else self.segments[0].path


def units_of(segments: Sequence[SegmentInfo], changed: Mapping[int, str]) -> list[Unit]:
    """The units of some segments, given in their order; those that hold no event are in none.

    changed: by segment from which rows were erased, the digest that its file has since.
    """
    held = [s for s in segments if s.header["event_count"]]
    return [_unit(block, changed) for block in _blocks(held, BLOCKS)]


def _blocks(
    segments: Sequence[SegmentInfo], sizes: tuple[int, ...]
) -> Iterator[Sequence[SegmentInfo]]:
    if not sizes:
        yield from ([segment] for segment in segments)
        return
    for start in range(0, len(segments), sizes[0]):
        block = segments[start : start + sizes[0]]
        whole = len(block) == sizes[0]
        if whole and sum(s.header["entry_count"] for s in block) <= MOST_ENTRIES:
            yield block
        else:
            yield from _blocks(block, sizes[1:])


def _unit(segments: Sequence[SegmentInfo], changed: Mapping[int, str]) -> Unit:
    digests = [changed.get(s.no, str(s.header["file_sha256"])) for s in segments]
    digest = digests[0]
    if len(segments) > 1:
        digest = hashlib.sha256("\n".join(digests).encode()).hexdigest()
    ingested = _span(segments, "ingested_from", "ingested_to")
    stated = [s for s in segments if "event_time_from" in s.header]
    happened = _span(stated, "event_time_from", "event_time_to") if stated else ingested
    # An event without a time is placed by its intake.
    happened = (min(happened[0], ingested[0]), max(happened[1], ingested[1]))
    entries = sum(int(s.header["entry_count"]) for s in segments)
    return Unit(digest, tuple(segments), entries, happened, ingested)


def _span(segments: Sequence[SegmentInfo], first: str, last: str) -> tuple[int, int]:
    headers: list[dict[str, Any]] = [segment.header for segment in segments]
    return (
        to_nanos(min(str(header[first]) for header in headers)),
        to_nanos(max(str(header[last]) for header in headers)),
    )
