"""Mutated files of every reader: no crash, no hang, and no row lost in silence.

Each reader's pieces are counted against a count of the same bytes taken another way, and what an
import would take by blocks and columns against what the reference takes row by row. Some of the
files are imported whole, so that the counts of the import itself are checked.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from muniment.catalog.sources import load_source_maps
from muniment.errors import MunimentError
from muniment.ingest.documents import read_documents
from muniment.ingest.files import examine
from muniment.ingest.json_text import parse_json
from muniment.ingest.mapping import Mapper
from muniment.ingest.pipeline import ingest_file
from muniment.ingest.recognise import recognise_file
from muniment.ingest.row_mapping import groups_of
from muniment.ingest.table_batches import read_batches
from muniment.model.sources import RowMap, SourceMap
from muniment.sealing.log import AuditLog
from muniment.store.open import Store
from tests.builders.sources import IMPORT_TIME, span, traces
from tests.test_ingest_blocks import by_block, by_row
from tests.test_otlp_forms import as_proto, framed, log, logs

CPU_SECONDS = 8.0
MOST = 2  # rows in a batch: most files take several
MAPS = load_source_maps()
Count = Callable[[bytes], int | None]
ROWS: list[dict[str, Any]] = [
    {"at": "2026-11-20T10:00:00Z", "who": "ada", "n": 1.5, "tags": ["a", "b"]},
    {"at": "never", "who": "bob", "n": 2, "tags": []},
    {"who": None, "n": -3, "deep": {"x": {"y": [1, {"z": "é"}]}}},
]
COLUMNS = {"agent_name": {"paths": ["who", "a", "f1", "name"]}, "event_time": "at",
           "confidence": "n", "context_refs": "tags"}  # fmt: skip


def reading(reads: str, rows: str = "$", **more: Any) -> SourceMap:
    row_map = RowMap.model_validate({"record": "event", "rows": rows, "columns": COLUMNS})
    return SourceMap.model_validate(
        {"id": "m", "title": "", "reads": reads, "source_class": "agent", "maps": (row_map,)} | more
    )


def plain_lines(content: bytes) -> list[bytes]:
    return [line for line in content.split(b"\n") if line.strip()]


def of_jsonl(content: bytes) -> int:
    return len(plain_lines(content.removeprefix(b"\xef\xbb\xbf")))


def of_log(content: bytes) -> int:
    count = 0
    for line in plain_lines(content.removeprefix(b"\xef\xbb\xbf")):
        try:
            count += not line.decode().startswith("#")
        except UnicodeDecodeError:
            count += 1
    return count


def of_csv(content: bytes) -> int:
    rows = csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""), strict=True)
    return sum(1 for row in rows if row) - 1


def of_json(content: bytes) -> int:
    return len(json.loads(content.decode("utf-8-sig"))["items"])


def of_objects(content: bytes) -> int:
    text = content.removeprefix(b"\xef\xbb\xbf")
    first = next(iter(plain_lines(text)), b"")
    if first.lstrip().startswith(b"{") and strictly(first) is not None:
        found = [strictly(line) for line in plain_lines(text)]
        return sum(wrapped(each) if isinstance(each, dict) else 1 for each in found)
    whole = json.loads(text)
    return wrapped(whole) if isinstance(whole, dict) else len(whole)


def strictly(line: bytes) -> Any:
    try:
        return parse_json(line.decode())
    except (ValueError, RecursionError):
        return None


def wrapped(value: dict[str, Any]) -> int:
    return len(value["items"]) if isinstance(value.get("items"), list) else 1


def of_otlp(content: bytes) -> int:
    """Spans, log records and whatever stands in their place, and lines that hold none of them."""
    return sum(map(_of_otlp_line, plain_lines(content.removeprefix(b"\xef\xbb\xbf"))))


def _of_otlp_line(line: bytes) -> int:
    value = strictly(line)
    names = (("resourceSpans", "scopeSpans", "spans"), ("resourceLogs", "scopeLogs", "logRecords"))
    lists = [n for n in ("resourceSpans", "resourceLogs", "resourceMetrics")
             if isinstance(value, dict) and isinstance(value.get(n), list)]  # fmt: skip
    if not lists:
        return 1
    return sum(_inside([value], path) for path in names if path[0] in lists)


def _inside(holders: list[Any], path: tuple[str, ...]) -> int:
    if not path:
        return len(holders)
    count, below = 0, []
    for holder in holders:
        held = holder.get(path[0]) if isinstance(holder, dict) else holder
        if isinstance(holder, dict) and (held is None or isinstance(held, list)):
            below += held or []
        else:
            count += 1
    return count + _inside(below, path[1:])


def of_request(content: bytes) -> int | None:
    """Spans of a bare request; None where the bytes begin as something else does."""
    if not content.startswith(b"\x0a"):
        return None
    request = ExportTraceServiceRequest.FromString(content)
    return sum(len(s.spans) for r in request.resource_spans for s in r.scope_spans)


def of_yaml(content: bytes) -> int | None:
    """Documents that hold something; None where the two parsers of YAML disagree on a character."""
    try:
        nodes = list(yaml.compose_all(content.decode("utf-8-sig"), Loader=yaml.SafeLoader))
    except yaml.YAMLError:
        return None
    return sum(node is not None and not _is_null(node) for node in nodes)


def _is_null(node: yaml.Node) -> bool:
    plain = isinstance(node, yaml.ScalarNode) and node.style is None
    return plain and node.value.lower() in ("", "~", "null")


def of_parquet(content: bytes) -> int:
    return int(pq.read_table(io.BytesIO(content)).num_rows)


def of_gzip(content: bytes) -> int:
    packed = content.startswith(b"\x1f\x8b")
    return of_jsonl(gzip.decompress(content) if packed else content)


def parquet_bytes() -> bytes:
    stream = io.BytesIO()
    pq.write_table(pa.table({"who": ["ada", "bob"] * 20, "n": [1.5, 2.0] * 20}), stream)
    return stream.getvalue()


JSON_LINES = "".join(json.dumps(row) + "\n" for row in ROWS).encode()
SPANS = (traces(span("1" * 16), span("2" * 16, "1" * 16)), traces(span("3" * 16, "2" * 16)))
READERS: dict[str, tuple[SourceMap, bytes, Count]] = {
    "jsonl": (reading("jsonl"), JSON_LINES, of_jsonl),
    "json": (reading("json", "$.items[*]"), json.dumps({"a": 1, "items": ROWS}).encode(), of_json),
    "objects array": (reading("objects"), json.dumps(ROWS, indent=1).encode(), of_objects),
    "objects lines": (reading("objects", wrapped_in=("items",)),
                      JSON_LINES + json.dumps({"items": ROWS}).encode(), of_objects),
    "csv": (reading("csv"), b'who,at,n\nada,2026-11-20,1\n"b""o",x,\n"c,d","e\nf",3\n', of_csv),
    "lines": (reading("lines", line=r"(?P<who>\S+) (?P<n>\d+)(?: \"(?P<at>[^\"]*)\")?"),
              b'ada 1 "x y"\n# note\nbob 2\n', of_log),
    "w3c": (reading("w3c"), b'#Fields: who n at\nada 1 "x y"\nbob 2 -\n', of_log),
    "yaml": (reading("yaml"), b"who: ada\nn: 1.5\n---\nwho: &a bob\ntags: [*a, 'b']\n", of_yaml),
    "otlp lines": (MAPS["otlp_genai"], "".join(json.dumps(s) + "\n" for s in SPANS).encode(),
                   of_otlp),
    "otlp logs": (MAPS["otlp_logs"], json.dumps(logs(log("a", n=1), log(body="b"))).encode(),
                  of_otlp),
    "otlp framed": (MAPS["otlp_genai"], framed(*map(as_proto, SPANS)), lambda _: None),
    "otlp request": (MAPS["otlp_genai"], b"".join(map(as_proto, SPANS)), of_request),
    "parquet": (reading("parquet"), parquet_bytes(), of_parquet),
    "gzip": (reading("jsonl"), gzip.compress(JSON_LINES), of_gzip),
}  # fmt: skip
NASTY = st.sampled_from([
    b"", b"\x00", b"\xff", b"\xef\xbb\xbf", b'"', b"{", b"}", b"[", b"]", b",", b"\n", b"\r", b"#",
    b"null", b"1e999", b"NaN", b"-", b"\\ud800", b": ", b"---\n", b"&a", b"*a", b"!!x", b"'", b" ",
    b"[" * 500, b'{"a":' * 300, b"9" * 400, b"\x0a\x80\x80\x01", b"items", b"resourceSpans",
]) | st.binary(max_size=4)  # fmt: skip
CUTS = st.lists(st.tuples(st.integers(0, 5_000), st.integers(0, 30), NASTY), min_size=1, max_size=4)


def mutated(content: bytes, cuts: list[tuple[int, int, bytes]]) -> bytes:
    for start, length, nasty in cuts:
        at = start % (len(content) + 1)
        content = content[:at] + nasty + content[at + length :]
    return content


def check(reader: str, content: bytes, path: Path) -> bool:
    """Whether the file was read; else it was refused as a whole."""
    source, _, count = READERS[reader]
    path.write_bytes(content)
    started = time.process_time()
    try:
        file = examine(path)
        pieces = list(read_documents(file, source))
    except MunimentError as error:
        assert "`" in str(error)
        with pytest.raises(MunimentError):
            list(read_batches(examine(path), source, groups_of(source, IMPORT_TIME), MOST))
        return False
    expected = count(content)
    assert expected is None or len(pieces) == expected
    by_rows = by_row(source, pieces)
    assert all(place >= 1 for found in by_rows for place, *_ in found)
    assert by_block(read_batches(file, source, groups_of(source, IMPORT_TIME), MOST)) == by_rows
    try:
        recognise_file(file, MAPS)
    except MunimentError as error:
        assert "`" in str(error)
    assert time.process_time() - started < CPU_SECONDS
    return True


def sealed_events(store: Store) -> int:
    return AuditLog(store).state().sealed_events


def check_import(reader: str, store: Store, content: bytes, path: Path) -> bool:
    """What the import says of itself, against what the file holds and what the log took."""
    source = READERS[reader][0]
    path.write_bytes(content)
    before = sealed_events(store)
    try:
        batch = ingest_file(store, path, source_map=source, source_id=reader, recorded_by="t")
    except MunimentError as error:
        assert "`" in str(error)
        batch = None
    if batch is None:
        assert sealed_events(store) == before
        return False
    pieces = read_documents(examine(path), source)
    read = sum(map(len, by_row(source, pieces)))
    assert batch.read == read
    assert batch.read == batch.imported + batch.rejected + batch.duplicate + batch.superseding
    assert sealed_events(store) == before + batch.imported
    refused = Path(batch.rejects_file).read_bytes().count(b"\n") if batch.rejects_file else 0
    assert refused == batch.rejected
    return True


def mutate(reader: str, examples: int, each: Callable[[bytes, Path], bool]) -> None:
    seed, tried = READERS[reader][1], Counter[bool]()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "f"

        @settings(max_examples=examples, deadline=None, database=None,
                  suppress_health_check=list(HealthCheck))  # fmt: skip
        @given(cuts=CUTS)
        def once(cuts: list[tuple[int, int, bytes]]) -> None:
            tried[each(mutated(seed, cuts), path)] += 1

        once()
    assert tried.total() >= examples
    print(f"{reader}: {tried[True]:,} mutated files read, {tried[False]:,} refused as a whole")


@pytest.mark.parametrize("reader", READERS)
def test_mutated_file_loses_no_row_in_silence(reader: str) -> None:
    mutate(reader, 30, partial(check, reader))


@pytest.mark.soak
@pytest.mark.parametrize("reader", READERS)
def test_mutated_files_by_the_thousand_lose_no_row_in_silence(reader: str) -> None:
    mutate(reader, 5_000, partial(check, reader))


@pytest.mark.parametrize("reader", ["csv", "jsonl", "otlp lines", "parquet"])
def test_import_of_a_mutated_file_counts_each_row_once(reader: str, sqlite_store: Store) -> None:
    mutate(reader, 2, partial(check_import, reader, sqlite_store))


@pytest.mark.soak
@pytest.mark.parametrize("reader", READERS)
def test_imports_of_many_mutated_files_count_each_row_once(
    reader: str, sqlite_store: Store
) -> None:
    mutate(reader, 250, partial(check_import, reader, sqlite_store))


@pytest.mark.parametrize("reader", READERS)
def test_seed_of_each_reader_gives_all_its_rows(reader: str, tmp_path: Path) -> None:
    source, seed, count = READERS[reader]
    (tmp_path / "f").write_bytes(seed)
    pieces = list(read_documents(examine(tmp_path / "f"), source))
    assert len(pieces) == (count(seed) or 3)
    assert isinstance(groups_of(source, IMPORT_TIME)[0].mappers[0], Mapper)
