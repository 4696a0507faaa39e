"""From a file to documents: one reader per kind of file, named by a source map's `reads`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from muniment.ingest.files import SourceFile
from muniment.ingest.json_text import parse_json
from muniment.ingest.log_lines import read_lines, read_w3c
from muniment.ingest.objects import read_objects
from muniment.ingest.otlp import read_otlp
from muniment.ingest.readers import (
    Piece,
    read_csv,
    read_json,
    read_json_lines,
    read_parquet,
)
from muniment.ingest.rows import Document
from muniment.ingest.yaml_text import read_yaml_documents
from muniment.model.sources import SourceMap

_READERS: dict[str, Callable[[SourceFile, SourceMap], Iterator[Piece]]] = {
    "csv": read_csv,
    "json": read_json,
    "jsonl": read_json_lines,
    "lines": read_lines,
    "objects": read_objects,
    "otlp": lambda file, _: read_otlp(file),
    "parquet": read_parquet,
    "w3c": read_w3c,
    "yaml": read_yaml_documents,
}


def read_documents(file: SourceFile, source: SourceMap) -> Iterator[Piece]:
    """The pieces of a file, in order. Raises InputError before the first where the whole is bad."""
    pieces = _READERS[source.reads](file, source)
    return with_json_texts(pieces, source.json_texts) if source.json_texts else pieces


def with_json_texts(pieces: Iterator[Piece], names: tuple[str, ...]) -> Iterator[Piece]:
    """The same pieces, where fields that hold JSON as text hold its value.

    A text that is not exact JSON (cut off, masked) stays as it is, so paths into it find nothing.
    """
    for piece in pieces:
        if not isinstance(piece, Document) or not isinstance(piece.value, dict):
            yield piece
            continue
        value = piece.value
        for name in names:
            value = _opened(value, name)
        whole = piece.context is piece.value
        yield replace(piece, value=value, context=value if whole else piece.context)


def _opened(value: dict[str, Any], name: str) -> dict[str, Any]:
    """The object where the field `name`, or `outer.name`, holds a value instead of its text."""
    outer, _, inner = name.partition(".")
    if isinstance(value.get(name), str):
        return {**value, name: _parsed(value[name])}
    if inner and isinstance(value.get(outer), dict):
        return {**value, outer: _opened(value[outer], inner)}
    return value


def _parsed(text: str) -> Any:
    start = text.lstrip()[:1]
    if start not in ("{", "["):
        return text
    try:
        return parse_json(text)
    except (ValueError, RecursionError):
        return text
