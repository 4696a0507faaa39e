"""Applying a whole source map row by row: the plain reference, and the way of all odd rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from muniment.ingest.fields import path_of
from muniment.ingest.gathered import Wanted, wanted_by
from muniment.ingest.mapping import MappedRow, Mapper
from muniment.ingest.rows import Document, RowError, Unreadable, excerpt_of
from muniment.model.paths import Path, Row, unnest
from muniment.model.sources import SourceMap

Found = MappedRow | Unreadable | None


@dataclass(frozen=True, slots=True)
class Group:
    """The mappers that share one `rows` path and set; the first that takes a row has it.

    wanted: the fields that they read of a row.
    """

    rows: str
    mappers: tuple[Mapper, ...]
    path: Path
    wanted: Wanted


def groups_of(source: SourceMap, import_time: str) -> list[Group]:
    """The mappers of a source map, grouped, in its order."""
    found: dict[tuple[str, str], list[Mapper]] = {}
    for row_map in source.maps:
        mapper = Mapper(source, row_map, import_time)
        found.setdefault((row_map.rows, row_map.set), []).append(mapper)
    return [
        Group(rows, tuple(own), path_of(rows), wanted_by(p for m in own for p in m.paths()))
        for (rows, _), own in found.items()
    ]


def rows_of(
    groups: list[Group], pieces: Iterable[Document | Unreadable]
) -> Iterator[tuple[int, Group | None, Row | Unreadable]]:
    """Every row of a file with its place and its group; what is no row has no group."""
    place = 0
    for piece in pieces:
        if isinstance(piece, Unreadable):
            yield piece.place, None, piece
            continue
        for group in groups:
            if piece.rows is not None and piece.rows != group.rows:
                continue
            for row in _rows(piece, group):
                place += 1
                yield piece.place if piece.rows is None else place, group, row


def mapped_rows(
    groups: list[Group], pieces: Iterable[Document | Unreadable]
) -> Iterator[tuple[int, MappedRow | Unreadable]]:
    """What each row becomes, with its place; rows that a map skips are left out."""
    for place, group, row in rows_of(groups, pieces):
        if isinstance(row, Unreadable) or group is None:
            if isinstance(row, Unreadable):
                yield place, row
            continue
        found = map_row(group, row, place)
        if found is not None:
            yield place, found


def map_row(group: Group, row: Row, place: int) -> Found:
    """What one row becomes; None for `skip`."""
    try:
        for mapper in group.mappers:
            if mapper.takes(row):
                return mapper.apply(row)
    except RowError as error:
        return Unreadable(place, error.kind, str(error), excerpt_of(_shown(row)))
    except ArithmeticError:
        return Unreadable(place, "number out of range", "the row holds a number out of range", "")
    except (RecursionError, UnicodeError):
        return Unreadable(
            place,
            "half a character or too deep",
            "the row holds half a character or is nested too deeply",
            "",
        )
    return Unreadable(
        place,
        "no map takes the row",
        "no row map's `where` holds for the row",
        excerpt_of(_shown(row)),
    )


def _rows(piece: Document, group: Group) -> Iterator[Row]:
    """The rows of a group inside one piece of the file."""
    document = Row(piece.context, None, piece.context)
    path = group.path
    if not path.steps:
        if piece.context is not None:
            yield document
        return
    _, inside = path.split_at_first_array()
    if piece.rows is None or inside is None or piece.value is piece.context:
        yield from unnest(document, path.steps)
    else:
        yield from unnest(Row(piece.value, document, piece.context), inside)


def _shown(row: Row) -> Any:
    value = row.value
    try:
        if isinstance(value, dict):
            return {key: str(item)[:40] for key, item in list(value.items())[:8]}
        return str(value)[:200]
    except RecursionError:
        return "nested too deeply to show"
