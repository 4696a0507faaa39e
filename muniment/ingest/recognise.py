"""Which source map fits a file: told by the fields of its first row, never by its name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from muniment.errors import InputError
from muniment.ingest.files import SourceFile, examine, open_text
from muniment.ingest.json_text import JsonCursor
from muniment.ingest.readers import csv_header, json_line, lines_of
from muniment.ingest.rows import Document
from muniment.model.paths import MISSING, Row, parse_path
from muniment.model.sources import Recognise, SourceMap

_LINES_TRIED = 20
_CLOSEST = 3


def recognise(path: Path, maps: Mapping[str, SourceMap]) -> SourceMap:
    """The map whose `recognise` rules the file satisfies; of several, the one with most `has`.

    Raises InputError, naming the closest maps, where none fits or two fit equally well.
    """
    file = examine(Path(path))
    sketches = dict(_sketches(file))
    ranked = sorted(
        (
            (_score(rules, sketches, source), source)
            for source in maps.values()
            if (rules := source.recognise) is not None
        ),
        key=lambda pair: (-pair[0][0], -pair[0][1], pair[1].id),
    )
    fitting = [(score, source) for score, source in ranked if score[0] == 1.0]
    if not fitting:
        close = [source.id for score, source in ranked[:_CLOSEST] if score[0] > 0]
        near = f" Closest: {', '.join(f'`{name}`' for name in close)}." if close else ""
        raise InputError(
            f"`{file.path.name}` fits no source map.{near} Name one with `--map`, or write one "
            "(docs/sources.md)."
        )
    best = [source for score, source in fitting if score == fitting[0][0]]
    if len(best) > 1:
        names = ", ".join(f"`{source.id}`" for source in best)
        raise InputError(
            f"`{file.path.name}` fits several source maps: {names}. Name one with `--map`."
        )
    return best[0]


def _sketches(file: SourceFile) -> Iterator[tuple[str, Any]]:
    """What the file shows to each kind of reader that could read it at all."""
    with file.path.open("rb") as stream:
        start = stream.read(4)
    if start == b"PAR1":
        yield "parquet", _parquet_columns(file)
        return
    line = next(_first_lines(file), None)
    if line is not None:
        yield "jsonl", line
        yield "otlp_json", line
    outline = _outline(file.path)
    if outline is not MISSING:
        yield "json", outline
        if line is None:
            yield "otlp_json", outline
    if line is None and outline is MISSING:
        yield "csv", file.path


def _first_lines(file: SourceFile) -> Iterator[dict[str, Any]]:
    for place, line in islice(lines_of(file), _LINES_TRIED):
        piece = json_line(place, line, "utf-8") if isinstance(line, bytes) else line
        if isinstance(piece, Document) and isinstance(piece.value, dict):
            yield piece.value


def _outline(path: Path) -> Any:
    try:
        with open_text(path, "utf-8") as stream:
            cursor = JsonCursor(stream, path.name)
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
            f"`{file.path.name}` is not a whole Parquet file: {str(error)[:200]}. Fetch it again."
        ) from error


def _csv_columns(path: Path, source: SourceMap) -> dict[str, str]:
    try:
        return dict.fromkeys(csv_header(path, source), "present")
    except InputError:
        return {}


def _score(rules: Recognise, sketches: Mapping[str, Any], source: SourceMap) -> tuple[float, int]:
    """How well a map fits: the share of its rules that hold, and how many paths it names."""
    if source.reads not in sketches:
        return 0.0, 0
    sketch = sketches[source.reads]
    if isinstance(sketch, Path):
        sketch = _csv_columns(sketch, source)
    return _share(rules, sketch), len(rules.has)


def _share(rules: Recognise, sketch: Any) -> float:
    row = Row(sketch, None, sketch)

    def present(path: str) -> bool:
        return parse_path(path).find(row) is not MISSING

    checks = [present(path) for path in rules.has]
    checks += [not present(path) for path in rules.lacks]
    if rules.any_of:
        checks.append(any(present(path) for path in rules.any_of))
    return sum(checks) / len(checks) if checks else 0.0
