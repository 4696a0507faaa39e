"""IPE sheets: for each source, what was read, what became of it, and whether the counts agree."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from muniment.reporting.printable import number

COUNTS = ("rows_read", "imported", "rejected", "duplicate", "superseding")


@dataclass(frozen=True, slots=True)
class ImportRow:
    """One import: the file's name (never its folder), its digest, its counts."""

    file_name: str
    digest: str
    started_at: str
    finished_at: str | None
    status: str
    run_by: str
    importer: str
    counts: dict[str, int]
    first_event: str | None
    last_event: str | None
    reasons: tuple[tuple[str, int], ...]

    @property
    def reconciles(self) -> bool:
        """Whether it ended as done and read = imported + rejected + duplicate + superseding."""
        return self.status == "done" and self.counts["rows_read"] == sum(
            self.counts[name] for name in COUNTS[1:]
        )


@dataclass(frozen=True, slots=True)
class SourceSheet:
    """One source with all its imports; `totals` are over all of them, printed or not."""

    number: str
    source_id: str
    maps: tuple[tuple[str, str], ...]
    imports: tuple[ImportRow, ...]
    printed: tuple[ImportRow, ...]
    totals: dict[str, int]
    sequence: str

    @property
    def unreconciled(self) -> int:
        """How many imports do not reconcile."""
        return sum(not row.reconciles for row in self.imports)

    @property
    def unfinished(self) -> int:
        """How many imports did not end as done."""
        return sum(row.status != "done" for row in self.imports)


def known_imports(batches: Iterable[Mapping[str, Any]], known_at: str) -> list[dict[str, Any]]:
    """Imports that had started by `known_at`, oldest first; later ones took no part.

    Each keeps its file's name in place of its address, so that a pack tells nobody the layout of
    the machine that it was made on.
    """
    known = [dict(row) for row in batches if str(row["started_at"]) <= known_at]
    for row in known:
        row["source_uri"] = file_name(str(row.get("source_uri") or ""))
    return sorted(known, key=lambda row: (str(row["started_at"]), str(row["id"])))


def file_name(uri: str) -> str:
    """The last part of a path or address of any system, without query, decoded if an address."""
    text = unquote(uri.partition("?")[0]) if "://" in uri else uri
    return text.replace("\\", "/").rstrip("/").rpartition("/")[2] or "unnamed"


def source_sheets(
    imports: Sequence[Mapping[str, Any]], headers: Sequence[Mapping[str, Any]], printed: int
) -> tuple[SourceSheet, ...]:
    """One sheet per source, by source id. headers: of the sealed segments, for sequence numbers."""
    by_source: dict[str, list[Mapping[str, Any]]] = {}
    for row in imports:
        by_source.setdefault(str(row["source_id"]), []).append(row)
    sheets = []
    for place, source_id in enumerate(sorted(by_source), start=1):
        rows = by_source[source_id]
        made = tuple(_import_row(row) for row in rows)
        maps = dict.fromkeys((str(r["source_map"]), str(r.get("map_digest") or "")) for r in rows)
        sheets.append(
            SourceSheet(
                number=str(place),
                source_id=source_id,
                maps=tuple(maps),
                imports=made,
                printed=made[-printed:],
                totals={name: sum(row.counts[name] for row in made) for name in COUNTS},
                sequence=_sequence(source_id, headers),
            )
        )
    return tuple(sheets)


def _import_row(row: Mapping[str, Any]) -> ImportRow:
    reasons = row.get("reject_reasons") or {}
    return ImportRow(
        file_name=str(row["source_uri"]),
        digest=str(row.get("content_sha256") or ""),
        started_at=str(row["started_at"]),
        finished_at=row.get("finished_at"),
        status=str(row["status"]),
        run_by=str(row["run_by"]),
        importer=str(row.get("importer_version") or ""),
        counts={name: int(row.get(name) or 0) for name in COUNTS},
        first_event=row.get("min_event_time"),
        last_event=row.get("max_event_time"),
        reasons=tuple(sorted((str(k), int(v)) for k, v in dict(reasons).items())),
    )


def _sequence(source_id: str, headers: Sequence[Mapping[str, Any]]) -> str:
    """What the sealed segments say of the source's own running numbers."""
    held = [header["sources"][source_id] for header in headers if source_id in header["sources"]]
    if not held:
        return "nothing of this source is in a sealed segment as an event"
    count = sum(int(part["count"]) for part in held)
    first = [int(part["first_seq"]) for part in held if part.get("first_seq") is not None]
    last = [int(part["last_seq"]) for part in held if part.get("last_seq") is not None]
    if not first or not last:
        return f"{number(count)} sealed entries; the source carries no running number"
    expected = max(last) - min(first) + 1
    span = f"numbers {number(min(first))} to {number(max(last))}"
    if expected > count:
        return f"{number(count)} sealed entries, {span}: {number(expected - count)} or more missing"
    return f"{number(count)} sealed entries, {span}; headers alone do not rule out a gap"
