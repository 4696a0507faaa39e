"""Erasures: sealed entries that say which rows of which segment were erased, and nothing else may.

An erasure is a note of the records, sealed like any entry before the segment's file is replaced:
{id, segment_no, old_file_sha256, new_file_sha256, leaf_indices, reason, approved_by}. A segment
whose file has another digest than its header says is whole only if a chain of such notes leads from
the header's digest to the file's, each read from a segment that is whole itself.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from muniment.errors import EvidenceBrokenError
from muniment.sealing.segments import file_digest
from muniment.store.audit import AuditReader
from muniment.store.segment_files import SegmentInfo, header_numbers, run_query, source_of

SUBJECT = "erasure"


@dataclass(frozen=True, slots=True)
class Erasure:
    """What one note says. told_in: the segment that holds the note."""

    segment_no: int
    old_file_sha256: str
    new_file_sha256: str
    leaf_indices: tuple[int, ...]
    reason: str
    approved_by: str
    told_in: int


class Erasures:
    """The erasures of one log, read when a segment's file first needs explaining."""

    def __init__(self, reader: AuditReader) -> None:
        self._reader = reader
        self._told: list[Erasure] | None = None
        self._whole: dict[int, tuple[Erasure, ...] | None] = {}

    def explain(self, segment: SegmentInfo, digest: str) -> bool:
        """Whether sealed erasures lead from the header's digest to this one of the file."""
        return self._steps(segment, digest) is not None

    def rows(self, segment_no: int) -> frozenset[int]:
        """Rows of a segment that sealed erasures took; none where its file is as sealed."""
        segment = self._reader.segment(segment_no)
        steps = self._steps(segment, file_digest(segment.path)[0]) or ()
        return frozenset(index for step in steps for index in step.leaf_indices)

    def all_rows(self) -> dict[int, frozenset[int]]:
        """`rows` of every segment that an erasure names and whose file is there."""
        if self._told is None:
            self._told = list(_told(self._reader))
        numbers = sorted({erasure.segment_no for erasure in self._told})
        return {n: self.rows(n) for n in numbers if self._reader.segment(n).path.is_file()}

    def _steps(self, segment: SegmentInfo, digest: str) -> tuple[Erasure, ...] | None:
        if digest == segment.header["file_sha256"]:
            return ()
        if segment.no not in self._whole:
            self._whole[segment.no] = None  # a segment cannot vouch for itself
            self._whole[segment.no] = self._chain(segment, digest)
        return self._whole[segment.no]

    def _chain(self, segment: SegmentInfo, digest: str) -> tuple[Erasure, ...] | None:
        if self._told is None:
            self._told = list(_told(self._reader))
        steps: list[Erasure] = []
        at = segment.header["file_sha256"]
        while at != digest:
            fit = (e for e in self._told if (e.segment_no, e.old_file_sha256) == (segment.no, at))
            step = next((e for e in fit if e not in steps and self._is_whole(e.told_in)), None)
            if step is None:
                return None
            steps.append(step)
            at = step.new_file_sha256
        return tuple(steps)

    def _is_whole(self, segment_no: int) -> bool:
        segment = self._reader.segment(segment_no)
        if not segment.path.is_file():
            return False
        return self._steps(segment, file_digest(segment.path)[0]) is not None


def erasure_note(
    segment_no: int,
    old_file_sha256: str,
    new_file_sha256: str,
    leaf_indices: list[int],
    *,
    reason: str,
    approved_by: str,
) -> dict[str, Any]:
    """The note to seal before a segment's file is replaced: `writer.note(SUBJECT, note, by)`."""
    return {
        "id": f"segment-{segment_no}-{new_file_sha256[:16]}",
        "segment_no": segment_no,
        "old_file_sha256": old_file_sha256,
        "new_file_sha256": new_file_sha256,
        "leaf_indices": sorted(leaf_indices),
        "reason": reason,
        "approved_by": approved_by,
    }


def _told(reader: AuditReader) -> Iterator[Erasure]:
    where = (
        f"entry_kind = 'record' and operation_name = 'record.note' and target_type = '{SUBJECT}'"
    )
    for number in header_numbers(reader.layout):
        try:
            segment = reader.segment(number)
            query = f"select payload from {source_of([segment])} where {where}"
            for row in run_query(query, []).to_pylist():
                said = json.loads(row["payload"])["row"]
                yield Erasure(
                    int(said["segment_no"]), str(said["old_file_sha256"]),
                    str(said["new_file_sha256"]), tuple(map(int, said["leaf_indices"])),
                    str(said["reason"]), str(said["approved_by"]), number,
                )  # fmt: skip
        except (EvidenceBrokenError, KeyError, TypeError, ValueError):
            continue  # the steps on headers and files name what cannot be read
