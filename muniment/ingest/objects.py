"""JSON objects however they are delivered: one per line, in an array, under a name, or one alone.

Exports of one format come in all of these shapes. Lines are taken or refused one by one, as JSON
Lines are; an array or a single object is a document, which is whole or refused as a whole.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

from muniment.errors import InputError
from muniment.ingest.files import SourceFile, open_text
from muniment.ingest.json_text import JsonCursor
from muniment.ingest.readers import Piece, json_line, lines_of, read_json_lines
from muniment.ingest.rows import Document, Unreadable, excerpt_of
from muniment.model.sources import SourceMap


def read_objects(file: SourceFile, source: SourceMap) -> Iterator[Piece]:
    """One document per object, with its line or its number."""
    if _is_lines(file, source):
        for piece in read_json_lines(file, source):
            yield from _unwrapped(piece, source)
        return
    name = _wrapper_of(file, source)
    for _ in _elements(file, source, name):
        pass
    for place, value in enumerate(_elements(file, source, name), start=1):
        yield _object(place, value)


def _is_lines(file: SourceFile, source: SourceMap) -> bool:
    """Whether a first line is an object by itself; else the file is one document."""
    for place, line in islice(lines_of(file), 1):
        if isinstance(line, Unreadable):
            return False
        start = line.lstrip()
        if not start.startswith(b"{"):
            return False
        return isinstance(json_line(place, line, source.encoding), Document)
    return False


def _unwrapped(piece: Piece, source: SourceMap) -> Iterator[Piece]:
    """The objects inside a line such as `{"result": [...]}`, or the line itself."""
    if not isinstance(piece, Document):
        yield piece
        return
    members = piece.value if isinstance(piece.value, dict) else {}
    inside = [members[name] for name in source.wrapped_in if isinstance(members.get(name), list)]
    for item in inside[0] if inside else [piece.value]:
        yield _object(piece.place, item)


def _wrapper_of(file: SourceFile, source: SourceMap) -> str | None:
    """The name under which a document holds its array; None: it is the array, or one object."""
    with open_text(file.path, source.encoding) as stream:
        cursor = JsonCursor(stream, file.path.name)
        if cursor.peek() != "{":
            return None
        outline = cursor.outline(2)
    names = [n for n in source.wrapped_in if isinstance(outline.get(n), list)]
    return names[0] if names else ""


def _elements(file: SourceFile, source: SourceMap, name: str | None) -> Iterator[Any]:
    with open_text(file.path, source.encoding) as stream:
        cursor = JsonCursor(stream, file.path.name)
        if name == "":
            yield cursor.whole()
        elif cursor.peek() not in ("{", "["):
            raise InputError(
                f"`{file.path.name}` holds no JSON objects. Choose the source map of its format. "
                "Nothing was imported."
            )
        else:
            yield from cursor.elements((name,) if name else (), {})


def _object(place: int, value: Any) -> Piece:
    if isinstance(value, dict):
        return Document(place, value, value)
    return Unreadable(place, "not an object", "an element is no JSON object", excerpt_of(value))
