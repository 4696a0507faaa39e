"""Text logs: lines that a regular expression takes apart, and W3C extended logs that name fields.

Proxies write both. A line that does not fit is refused alone, with its number.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from muniment.ingest.files import SourceFile, check_byte_order
from muniment.ingest.readers import Piece, lines_of
from muniment.ingest.rows import Document, Unreadable, excerpt_of
from muniment.model.sources import SourceMap

# No proxy writes longer lines, and a regular expression may take long on a long text.
MAX_LINE_CHARACTERS = 64 << 10
_TOKEN = re.compile(r'"((?:[^"]|"")*)"(?=\s|\Z)|(\S+)')
_FIELDS = "#Fields:"


def read_lines(file: SourceFile, source: SourceMap) -> Iterator[Piece]:
    """One document per line: the named groups of the map's `line`. A line after # is a note."""
    pattern = re.compile(source.line or "")
    for place, text in _texts(file, source.encoding):
        if isinstance(text, Unreadable):
            yield text
        elif not text.startswith("#"):
            match = pattern.fullmatch(text)
            if match is None:
                yield _refused(place, "line not as expected", "the line is not of this form", text)
            else:
                value = {name: part for name, part in match.groupdict().items() if part is not None}
                yield Document(place, value, value)


def read_w3c(file: SourceFile, source: SourceMap) -> Iterator[Piece]:
    """One document per line, keyed by the names of the `#Fields:` line above it."""
    names: list[str] | None = None
    for place, text in _texts(file, source.encoding):
        if isinstance(text, Unreadable):
            yield text
        elif text.startswith(_FIELDS):
            names = text.removeprefix(_FIELDS).split()
        elif not text.startswith("#"):
            yield _w3c_row(place, text, names)


def fields_of(text: str) -> list[str]:
    """The parts of a line between blanks; a quoted part may hold blanks, and "" for a quote."""
    return [
        quoted.replace('""', '"') if match.group(1) is not None else bare
        for match in _TOKEN.finditer(text)
        for quoted, bare in [(match.group(1) or "", match.group(2))]
    ]


def w3c_names(file: SourceFile, encoding: str = "utf-8") -> list[str]:
    """The names of the file's first `#Fields:` line; none where its first lines hold no such."""
    for place, text in _texts(file, encoding):
        if isinstance(text, str) and text.startswith(_FIELDS):
            return text.removeprefix(_FIELDS).split()
        if isinstance(text, Unreadable) or not text.startswith("#") or place > 20:
            return []
    return []


def _w3c_row(place: int, text: str, names: list[str] | None) -> Piece:
    if names is None:
        return _refused(place, "no field names", "no `#Fields:` line stands above the line", text)
    parts = fields_of(text)
    if len(parts) != len(names) or len(set(names)) != len(names):
        reason = f"the line has {len(parts)} fields, `#Fields:` names {len(set(names))}"
        return _refused(place, "wrong number of fields", reason, text)
    value = dict(zip(names, parts, strict=True))
    return Document(place, value, value)


def _refused(place: int, kind: str, reason: str, text: str) -> Unreadable:
    return Unreadable(place, kind, reason, excerpt_of(text))


def _texts(file: SourceFile, encoding: str) -> Iterator[tuple[int, str | Unreadable]]:
    check_byte_order(file.path, encoding)
    for place, line in lines_of(file):
        if isinstance(line, Unreadable):
            yield place, line
            continue
        try:
            text = line.decode(encoding).rstrip("\r\n")
        except UnicodeDecodeError:
            reason = f"the line is not {encoding} text"
            yield (
                place,
                Unreadable(place, reason.removeprefix("the line is "), reason, excerpt_of(line)),
            )
            continue
        if len(text) > MAX_LINE_CHARACTERS:
            yield place, _refused(place, "line too long", "the line is longer than 64 KiB", text)
        else:
            yield place, text
