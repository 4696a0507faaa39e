"""Applying a whole source map row by row: the plain reference, and the way of all odd rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from muniment.ingest.fields import path_of
from muniment.ingest.mapping import MappedRow, Mapper
from muniment.ingest.rows import Document, RowError, Unreadable, excerpt_of
from muniment.model.paths import Row, unnest
from muniment.model.sources import SourceMap

Found = MappedRow | Unreadable | None


@dataclass(frozen=True, slots=True)
class Group:
    """The mappers that share one `rows` path and set; the first that takes a row has it."""

    rows: str
    mappers: tuple[Mapper, ...]


def groups_of(source: SourceMap, import_time: str) -> list[Group]:
    """The mappers of a source map, grouped, in its order."""
    maps = source.maps
    return [
        Group(
            rows,
            tuple(Mapper(source, m, import_time) for m in maps if (m.rows, m.set) == (rows, set_)),
        )
        for rows, set_ in dict.fromkeys((row_map.rows, row_map.set) for row_map in maps)
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
    path = path_of(group.rows)
    document = Row(piece.context, None, piece.context)
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
