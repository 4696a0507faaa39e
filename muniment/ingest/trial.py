"""Trying a source: what a map makes of a file's first rows, and which columns the file carries."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from muniment.catalog.sources import EVENT, mappable_columns
from muniment.ingest.mapping import MappedRow
from muniment.ingest.pipeline import map_file
from muniment.ingest.rows import Unreadable
from muniment.model.sources import SourceMap


@dataclass(slots=True)
class Seen:
    """What the rows of one record kind showed: how many, and how often each column was there."""

    rows: int = 0
    filled: Counter[str] = field(default_factory=Counter)
    empty: Counter[str] = field(default_factory=Counter)
    redacted: Counter[str] = field(default_factory=Counter)

    def carried(self, record: str) -> dict[str, bool]:
        """For each column that a map may fill, whether any row had a place for it."""
        shown = self.filled + self.empty + self.redacted
        return {name: shown[name] > 0 for name in mappable_columns(record)}

    def unfound(self, source: SourceMap, record: str) -> list[str]:
        """Columns that the map names and of which no row had a place, with the paths looked at.

        Perhaps a slip of the pen: an import would take the rows without them.
        """
        there, found = self.carried(record), []
        for row_map in source.maps:
            for name, column in row_map.columns.items() if row_map.record == record else ():
                paths = [*filter(None, (column.path,)), *column.paths, *column.all_of]
                if paths and not there.get(name, True):
                    found.append(f"{name} ({', '.join(paths)})")
        return sorted(set(found))

    def masked(self) -> list[str]:
        """Columns of which the source showed nothing but a mask."""
        return sorted(n for n in self.redacted if not self.filled[n] and not self.empty[n])


@dataclass(frozen=True, slots=True)
class Trial:
    """A map tried on a file. rows: the first ones taken. read: how many were looked at; `whole`
    tells whether that was all of them."""

    source: SourceMap
    rows: tuple[MappedRow, ...]
    refused: tuple[Unreadable, ...]
    seen: dict[str, Seen]
    read: int
    taken: int
    whole: bool


def try_source(path: Path, source: SourceMap, *, show: int, limit: int) -> Trial:
    """Map a file's first `limit` rows and keep the first `show` of them; nothing is written.

    Raises InputError as an import would.
    """
    rows: list[MappedRow] = []
    refused: list[Unreadable] = []
    seen: dict[str, Seen] = {}
    read = taken = 0
    mapped = map_file(path, source_map=source)
    for _, found in islice(mapped, limit):
        read += 1
        if isinstance(found, Unreadable):
            if len(refused) < show:
                refused.append(found)
            continue
        taken += 1
        _count(seen.setdefault(found.record, Seen()), found)
        if len(rows) < show:
            rows.append(found)
    whole = read < limit or next(mapped, None) is None
    return Trial(source, tuple(rows), tuple(refused), seen, read, taken, whole)


def _count(seen: Seen, row: MappedRow) -> None:
    seen.rows += 1
    seen.filled.update(row.values.keys())
    seen.empty.update(row.empty)
    seen.redacted.update(row.redacted)


def records_of(source: SourceMap) -> list[str]:
    """The record kinds that a map gives, events first."""
    kinds = dict.fromkeys(m.record for m in source.maps if mappable_columns(m.record))
    return sorted(kinds, key=lambda kind: (kind != EVENT, kind))


def as_document(row: MappedRow) -> dict[str, Any]:
    """A row as plain values, for JSON."""
    document: dict[str, Any] = {"record": row.record, "values": row.values}
    for name in ("empty", "redacted"):
        if found := getattr(row, name):
            document[name] = sorted(found)
    if row.valid_from:
        document["valid_from"] = row.valid_from
    if row.key:
        document["natural_key"] = list(row.key)
    return document
