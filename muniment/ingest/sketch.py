"""What a file shows at first sight to each kind of reader that could read it at all."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from muniment.errors import InputError
from muniment.ingest.documents import with_json_texts
from muniment.ingest.files import SourceFile, open_text
from muniment.ingest.json_text import JsonCursor
from muniment.ingest.log_lines import w3c_names
from muniment.ingest.otlp_proto import holds_protobuf, signal_of_file
from muniment.ingest.readers import csv_header, json_line, lines_of
from muniment.ingest.rows import Document
from muniment.ingest.yaml_text import documents_of
from muniment.model.paths import MISSING
from muniment.model.sources import SourceMap

_LINES_TRIED = 20
_START_BYTES = 4_096
_YAML_START = re.compile(r"(?:[^\S\n]*(?:#[^\n]*)?\n)*[^\S\n]*(?:---|[\w.\"'/-]+:(?:\s|\Z))")


@dataclass(frozen=True, slots=True)
class Sketch:
    """A file's first rows. line: its first line that is a JSON object. document: its outline as
    one JSON document. columns: of a Parquet file. otlp: the signal of OTLP as protobuf. start: its
    first characters."""

    file: SourceFile
    line: Any = MISSING
    document: Any = MISSING
    columns: Any = MISSING
    otlp: Any = MISSING
    start: str = ""

    @property
    def is_text(self) -> bool:
        """Whether it can be CSV, YAML or a log: neither JSON nor Parquet nor protobuf."""
        others = (self.line, self.document, self.columns, self.otlp)
        return all(shown is MISSING for shown in others)

    def as_read_by(self, source: SourceMap) -> Any:
        """The first row, or the outline of the document, that the map's reader would give."""
        shown = self._raw(source)
        if shown is MISSING or not source.json_texts:
            return shown
        (opened,) = with_json_texts(iter([Document(1, shown, shown)]), source.json_texts)
        return opened.value if isinstance(opened, Document) else shown

    def _raw(self, source: SourceMap) -> Any:
        either = self.document if self.line is MISSING else self.line
        either = self.otlp if either is MISSING else either
        shown = {
            "parquet": self.columns, "jsonl": self.line, "json": self.document, "otlp": either,
        }  # fmt: skip
        if source.reads in shown:
            return shown[source.reads]
        if source.reads == "objects":
            return self._first_object(source)
        if source.reads == "yaml":
            return self._first_yaml()
        return self._first_of_text(source) if self.is_text else MISSING

    def _first_object(self, source: SourceMap) -> Any:
        shown = self.document if self.line is MISSING else self.line
        members = shown if isinstance(shown, dict) else {}
        inside = [
            members[name] for name in source.wrapped_in if isinstance(members.get(name), list)
        ]
        shown = inside[0] if inside else shown
        if isinstance(shown, list):
            return shown[0] if shown else MISSING
        return shown

    def _first_yaml(self) -> Any:
        if self.document is not MISSING:
            return self.document
        if not self.is_text or not _YAML_START.match(self.start):
            return MISSING
        try:
            return next((value for _, value in documents_of(self.file)), MISSING)
        except InputError:
            return MISSING

    def _first_of_text(self, source: SourceMap) -> Any:
        names: list[str] = []
        if source.reads == "csv":
            try:
                names = csv_header(self.file.path, source)
            except InputError:
                return MISSING
        elif source.reads == "w3c":
            names = w3c_names(self.file)
        elif source.line is not None:
            return _first_match(self.start, re.compile(source.line))
        return dict.fromkeys(names, "present") if names else MISSING


def sketch_of(file: SourceFile) -> Sketch:
    """What the file shows; InputError where it starts as Parquet and is none."""
    with file.path.open("rb") as stream:
        head = stream.read(_START_BYTES)
    sketch = Sketch(file, start=head.decode("utf-8-sig", errors="replace"))
    if head.startswith(b"PAR1"):
        return replace(sketch, columns=_parquet_columns(file))
    if holds_protobuf(head) and (signal := signal_of_file(file)) is not None:
        return replace(sketch, otlp={signal: []})
    line = next(_first_lines(file), MISSING)
    return replace(sketch, line=line, document=_outline(file))


def _first_match(start: str, pattern: re.Pattern[str]) -> Any:
    """The fields of the first whole line, if every whole line of the start fits."""
    lines = [line for line in start.splitlines() if line.strip() and not line.startswith("#")]
    whole = lines if len(start) < _START_BYTES or len(lines) < 2 else lines[:-1]
    matches = [pattern.fullmatch(line) for line in whole]
    fitting = [match for match in matches if match is not None]
    # A stray line among many does not make another format of it.
    if not fitting or len(fitting) * 2 < len(matches):
        return MISSING
    return {name: part for name, part in fitting[0].groupdict().items() if part is not None}


def _first_lines(file: SourceFile) -> Iterator[dict[str, Any]]:
    for place, line in islice(lines_of(file), _LINES_TRIED):
        piece = json_line(place, line, "utf-8") if isinstance(line, bytes) else line
        if isinstance(piece, Document) and isinstance(piece.value, dict):
            yield piece.value


def _outline(file: SourceFile) -> Any:
    try:
        with open_text(file.path, "utf-8") as stream:
            cursor = JsonCursor(stream, file.path.name)
            if cursor.peek() not in ("{", "["):
                return MISSING
            outline = cursor.outline()
            return MISSING if cursor.peek() else outline
    except (InputError, RecursionError):
        return MISSING


def _parquet_columns(file: SourceFile) -> dict[str, str]:
    try:
        return dict.fromkeys(pq.read_schema(file.path).names, "present")
    except (pa.ArrowException, OSError) as error:
        raise InputError(
            f"`{file.name}` is not a whole Parquet file: {str(error)[:200]}. Fetch it again."
        ) from error
