"""Looking at an unknown file for a first map: which reader takes it, and the fields of its rows."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import pyarrow.parquet as pq

from muniment.catalog.not_sources import load_not_sources
from muniment.errors import InputError
from muniment.ingest.files import SourceFile
from muniment.ingest.log_lines import fields_of, read_w3c, w3c_names
from muniment.ingest.objects import read_objects
from muniment.ingest.otlp_resources import SIGNALS
from muniment.ingest.readers import plain, read_csv, unprotected
from muniment.ingest.rows import Document
from muniment.ingest.scaffold_times import spelling_of
from muniment.ingest.sketch import Sketch, sketch_of
from muniment.ingest.yaml_text import documents_of
from muniment.model.paths import MISSING
from muniment.model.sources import RowMap, SourceMap

ROWS_TAKEN = 300
Chain = tuple[str, ...]  # paths of lists, each inside the items of the one before
_DEPTH = 5
_DELIMITERS = (",", ";", "\t", "|")
_PLAIN_KEY = re.compile(r'[^.\[\]$^"@\s][^\[\]$^"]*\Z')


@dataclass(slots=True)
class Shape:
    """How a file is read, and what its rows hold.

    head: further keys of the map. rows: the path of the rows, where they lie inside. fields: each
    path with its values; objects: each path to an object; lists: paths of lists of objects that
    the map does not follow.
    """

    reads: str
    head: dict[str, Any] = field(default_factory=dict)
    rows: str = "$"
    fields: dict[str, list[Any]] = field(default_factory=dict)
    objects: dict[str, list[Any]] = field(default_factory=dict)
    lists: list[str] = field(default_factory=list)
    count: int = 0


def shape_of(file: SourceFile) -> Shape:
    """The shape of a file. Raises InputError where it is no data, or no reader takes it."""
    sketch = sketch_of(file)
    for kind in load_not_sources():
        is_json = sketch.document is not MISSING and kind.is_document(sketch.document)
        if is_json or (sketch.is_text and kind.is_text(sketch.start)):
            raise InputError(f"`{file.name}` is a {kind.title}, not data: {kind.says}.")
    first = sketch.document if sketch.line is MISSING else sketch.line
    if sketch.otlp is not MISSING or (isinstance(first, dict) and first.keys() & set(SIGNALS)):
        raise InputError(f"`{file.name}` is OTLP, which the shipped maps read already.")
    if sketch.columns is not MISSING:
        batch = next(pq.ParquetFile(file.path).iter_batches(batch_size=ROWS_TAKEN), None)
        return _filled(Shape("parquet"), [plain(row) for row in batch.to_pylist()] if batch else [])
    if not sketch.is_text:
        return _of_json(file, sketch)
    return _of_text(file, sketch)


def _of_json(file: SourceFile, sketch: Sketch) -> Shape:
    samples = [p.value for p in islice(read_objects(file, _any_map("objects")), ROWS_TAKEN)
               if isinstance(p, Document)]  # fmt: skip
    if not samples:
        raise InputError(f"`{file.name}` holds no JSON object. A map needs fields to read.")
    inner = _list_inside(samples)
    if inner is None:
        return _filled(Shape("objects"), samples)
    alone = sketch.line is MISSING or len(samples) == 1
    if alone and sketch.document is not MISSING and isinstance(sketch.document, dict):
        return _nested(Shape("json"), samples, inner)
    return _nested(Shape("objects"), samples, inner)


def _of_text(file: SourceFile, sketch: Sketch) -> Shape:
    if w3c_names(file):
        pieces = islice(read_w3c(file, _any_map("w3c")), ROWS_TAKEN)
        return _filled(Shape("w3c"), [p.value for p in pieces if isinstance(p, Document)])
    lines = [line for line in sketch.start.splitlines() if line.strip()]
    delimiter = _delimiter_of(lines)
    if delimiter is not None:
        shape = Shape("csv", {"delimiter": delimiter} if delimiter != "," else {})
        header = [name.strip() for name in lines[0].split(delimiter)]
        chosen = _any_map("csv", delimiter, header[0].strip('"'))
        rows = islice(read_csv(file, chosen), ROWS_TAKEN)
        return _filled(shape, [p.value for p in rows if isinstance(p, Document)])
    if re.match(r"(?:---|[\w.\"'/-]+:(?:\s|\Z))", lines[0] if lines else ""):
        samples = [value for _, value in islice(documents_of(file), ROWS_TAKEN)]
        inner = _list_inside([each for each in samples if isinstance(each, dict)])
        shape = Shape("yaml")
        return _nested(shape, samples, inner) if inner else _filled(shape, samples)
    return _of_log(lines)


def _of_log(lines: list[str]) -> Shape:
    """Lines of blank-separated parts; as many as the shortest of the first lines has."""
    parts = [fields_of(line) for line in lines[:-1] or lines if not line.startswith("#")]
    width = min(map(len, parts), default=0)
    if width < 2:
        raise InputError("The lines are not made of parts between blanks; write a map by hand.")
    one = r'(?:"[^"]*"|[^\s"]\S*)'  # told apart by its first character: no line takes long
    groups = [rf"(?P<f{number}>{one})" for number in range(1, width + 1)]
    shape = Shape("lines", {"line": r"\s*" + r"\s+".join(groups) + r"(?:\s+.*)?"})
    return _filled(
        shape, [{f"f{n}": each[n - 1] for n in range(1, width + 1)} for each in parts[:ROWS_TAKEN]]
    )


def _any_map(reads: str, delimiter: str = ",", column: str = "x") -> SourceMap:
    """A map that is only read by: its columns do not matter."""
    row_map = RowMap.model_validate({"record": "event", "columns": {"agent_name": column}})
    return SourceMap.model_validate({
        "id": "scaffold", "title": "", "reads": reads, "source_class": "agent",
        "delimiter": delimiter, "maps": (row_map,), "line": None,
    })  # fmt: skip


def _delimiter_of(lines: list[str]) -> str | None:
    """The delimiter that stands equally often in the header and in the lines after it."""
    if len(lines) < 2:
        return None
    best = max(_DELIMITERS, key=lines[0].count)
    expected = lines[0].count(best)
    following = [line.count(best) for line in lines[1:6]]
    return best if expected and min(following) >= expected else None


def _list_inside(samples: list[Any]) -> Chain | None:
    """The lists, one inside the other, down to objects that carry times of their own.

    The shallowest such list; where the document holds nothing else, the longest.
    """
    chains = sorted(_chains(samples[:20]), key=lambda pair: len(pair[0]))
    for chain, items in chains:
        times = [value for item in items[:50] for _, value in _leaves(item) if spelling_of([value])]
        if times and len(times) * 2 >= len(items[:50]):
            return chain
    alone = not any(True for sample in samples[:20] for _ in _leaves(sample))
    return max(chains, key=lambda pair: len(pair[1]))[0] if alone and chains else None


def _chains(samples: list[Any], depth: int = 3) -> Iterator[tuple[Chain, list[dict[str, Any]]]]:
    for path, items in _lists_of(samples) if depth else ():
        yield (path,), items
        for inner, below in _chains(items[:50], depth - 1):
            yield (path, *inner), below


def _lists_of(samples: list[Any]) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for sample in samples:
        for path, value in _branches(sample, "", 3):
            items = [item for item in value if isinstance(item, dict)]
            if items and len(items) == len(value):
                found.setdefault(path, []).extend(items)
    yield from found.items()


def _branches(value: Any, at: str, depth: int) -> Iterator[tuple[str, list[Any]]]:
    if isinstance(value, dict) and depth:
        for key, inner in _nameable(value):
            path = joined(at, str(key))
            if isinstance(inner, list):
                yield path, inner
            else:
                yield from _branches(inner, path, depth - 1)


def _nested(shape: Shape, samples: list[Any], chain: Chain) -> Shape:
    """The fields of the innermost items, and of what encloses them under `^.`, `^^.` … and `$.`."""
    levels = [samples]
    for path in chain:
        levels.append([item for name, found in _lists_of(levels[-1]) if name == path
                       for item in found])  # fmt: skip
    shape.rows = "$." + "".join(f"{path}[*]." for path in chain).removesuffix(".")
    _filled(shape, levels[-1][:ROWS_TAKEN])
    for up, level in enumerate(reversed(levels[:-1]), start=1):
        climb = "$." if up == len(chain) else "^" * up + "."
        around = _looked(Shape(shape.reads), level[:ROWS_TAKEN])
        shape.fields |= {climb + path: values for path, values in around.fields.items()}
        shape.lists += [climb + path for path in around.lists if path not in chain]
    return shape


def _filled(shape: Shape, samples: list[Any]) -> Shape:
    if not _looked(shape, samples).fields:
        raise InputError("The file has no row to look at. Name a file that holds some.")
    return shape


def _looked(shape: Shape, samples: list[Any]) -> Shape:
    for sample in samples:
        shape.count += 1
        for path, value in _leaves(sample):
            shape.fields.setdefault(path, []).append(value)
        for path, value in _objects(sample):
            shape.objects.setdefault(path, []).append(value)
        for path, found in _branches(sample, "", _DEPTH):
            if any(isinstance(item, dict) for item in found) and path not in shape.lists:
                shape.lists.append(path)
    return shape


def _leaves(value: Any, at: str = "", depth: int = _DEPTH) -> Iterator[tuple[str, Any]]:
    """Each path to a plain value or a list of plain values; JSON texts are looked into as well."""
    if isinstance(value, dict) and set(value) >= {"seconds"} and set(value) <= {"seconds", "nanos"}:
        yield at, value
    elif isinstance(value, dict):
        for key, inner in _nameable(value) if depth else ():
            yield from _leaves(inner, joined(at, str(key)), depth - 1)
    elif at and not (isinstance(value, list) and any(isinstance(item, dict) for item in value)):
        yield at, unprotected(value) if isinstance(value, str) else value


def _objects(value: Any, at: str = "", depth: int = _DEPTH) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict) and depth:
        if at and value:
            yield at, value
        for key, inner in _nameable(value):
            yield from _objects(inner, joined(at, str(key)), depth - 1)


def _nameable(value: dict[str, Any]) -> list[tuple[str, Any]]:
    """The members that a path can name: no path holds a quote or a line break."""
    return [(key, inner) for key, inner in value.items() if key and not re.search(r'["\n\r]', key)]


def joined(at: str, key: str) -> str:
    """The path one key further; a key with odd characters is quoted."""
    step = key if _PLAIN_KEY.match(key) else f'["{key}"]'
    return f"{at}.{step}" if at else step
