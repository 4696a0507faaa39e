"""Hostile and huge input: no crash, counts that add up, bounded memory."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from muniment.catalog.sources import load_source_maps
from muniment.errors import MunimentError
from muniment.ingest.mapping import MappedRow
from muniment.ingest.pipeline import ingest_file, map_file, recognise
from muniment.ingest.rows import Unreadable
from muniment.store.open import Store
from tests.builders.sources import json_lines, source_map, span, traces

MAPS = load_source_maps()
CARD = {"name": "n", "version": "1", "capabilities": {}, "skills": [{"id": "s"}], "url": "u"}
CALL = {"id": "c", "name": "pay", "arguments": {"a": 1.5}, "requestor": "assistant"}
TURN = {
    "role": "assistant",
    "tool_calls": [CALL],
    "timestamp": "2025-08-10T02:44:06",
    "turn_idx": 1,
}
SIMULATION = {
    "info": {"agent_info": {"llm": "m"}, "environment_info": {"domain_name": "d"}},
    "simulations": [{"id": "s", "messages": [TURN, {"role": "tool", "id": "c", "error": False}]}],
}
TRAIL = [
    {"agent_id": "a", "event_type": "ALLOWED", "decision": "allowed", "timestamp": "2026-01-01"}
]
SEEDS = {
    "gateway_jsonl": json.dumps({"event_time": "2026-11-20T18:04:00Z", "amount": 1.5}) + "\n",
    "registry_csv": 'agent_id,name,kind\na,A,agent\n"b",B,agent\n',
    "a2a_agent_card": json.dumps(CARD),
    "tau2_simulations": json.dumps(SIMULATION),
    "agt_trading_audit": json.dumps(TRAIL, indent=1),
    "otlp_genai": json.dumps(traces(span("1" * 16), span("2" * 16, "1" * 16))) + "\n",
}
NASTY = st.sampled_from([
    b"", b"\x00", b"\xff\xfe", b"\xef\xbb\xbf", b'"', b"{", b"}", b"]", b",", b"\n", b"\r", b"'=",
    b"null", b"1e999", b"NaN", b"-", b"\\ud800", b"\\u0000", b"[" * 2_000, b'{"a":' * 500,
    b"9" * 5_000,
])  # fmt: skip
CUTS = st.lists(st.tuples(st.integers(0, 400), st.integers(0, 30), NASTY), min_size=1, max_size=4)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(name=st.sampled_from(sorted(SEEDS)), cuts=CUTS)
def test_ingest_mutated_file_gives_rows_refusals_or_one_error(
    name: str, cuts: list[tuple[int, int, bytes]]
) -> None:
    content = SEEDS[name].encode()
    for start, length, nasty in cuts:
        at = start % (len(content) + 1)
        content = content[:at] + nasty + content[at + length :]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "f"
        path.write_bytes(content)
        try:
            for place, row in map_file(path, source_map=MAPS[name]):
                assert place >= 1
                assert isinstance(row, (MappedRow, Unreadable))
        except MunimentError as error:
            assert "`" in str(error)
        try:
            recognise(path, MAPS)
        except MunimentError as error:
            assert "`" in str(error)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)
FIELDS = st.sampled_from(
    [
        "id",
        "event_time",
        "amount",
        "executed",
        "context_refs",
        "input_tokens",
        "outcome",
        "agent_id",
    ]
)


@settings(max_examples=25, deadline=None,
          suppress_health_check=list(HealthCheck))  # fmt: skip
@given(rows=st.lists(st.dictionaries(FIELDS, JSON, max_size=6), min_size=1, max_size=8))
def test_ingest_any_json_values_are_counted_once_each(
    sqlite_store: Store, rows: list[dict[str, object]]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = json_lines(Path(folder) / "f", *rows)
        batch = ingest_file(sqlite_store, path, source_map=MAPS["gateway_jsonl"], source_id="s",
                            recorded_by="r", seal=False)  # fmt: skip
    assert batch.read == len(rows)
    assert batch.read == batch.imported + batch.rejected + batch.duplicate + batch.superseding


def test_ingest_row_of_many_megabytes_is_refused_with_the_limit(tmp_path: Path) -> None:
    chosen = source_map(tmp_path, columns={"agent_id": "a"})
    path = json_lines(tmp_path / "f", {"a": "x" * 10_000_000}, {"a": "fine"})
    rows = [row for _, row in map_file(path, source_map=chosen)]
    assert isinstance(rows[0], Unreadable)
    assert "10,000,000 bytes; the limit is 1,048,576" in rows[0].reason
    assert len(rows[0].excerpt) <= 200
    assert isinstance(rows[1], MappedRow)


def _peak_of_reading(path: Path, name: str) -> tuple[int, int]:
    tracemalloc.start()
    try:
        count = sum(1 for _ in map_file(path, source_map=MAPS[name]))
        return count, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def _huge(tmp_path: Path, kind: str, count: int) -> Path:
    path = tmp_path / "huge"
    with path.open("w") as stream:
        if kind == "agt_trading_audit":
            stream.write("[" + ",".join(json.dumps(TRAIL[0]) for _ in range(count)) + "]")
        elif kind == "otlp_genai":
            for number in range(count):
                one = span(f"{number + 1:016x}", f"{number:016x}" if number % 100 else None)
                stream.write(json.dumps(traces(one)) + "\n")
        else:
            for number in range(count):
                stream.write(json.dumps({"id": number, "agent_id": "bot", "amount": 1}) + "\n")
    return path


@pytest.mark.parametrize("kind", ["gateway_jsonl", "agt_trading_audit", "otlp_genai"])
def test_ingest_reading_holds_little_of_a_large_file(tmp_path: Path, kind: str) -> None:
    count, peak = _peak_of_reading(_huge(tmp_path, kind, 2_000), kind)
    assert count == 2_000
    assert peak < 3_000_000


@pytest.mark.soak
@pytest.mark.parametrize("kind", ["gateway_jsonl", "agt_trading_audit", "otlp_genai"])
def test_ingest_reading_memory_does_not_grow_with_the_file(tmp_path: Path, kind: str) -> None:
    count, peak = _peak_of_reading(_huge(tmp_path, kind, 60_000), kind)
    assert count == 60_000
    # About 2 MB from 10,000 rows on.
    assert peak < 4_000_000


IMPORT_ALONE = """
import resource, sys
from pathlib import Path
from muniment.catalog.sources import load_source_maps
from muniment.ingest.pipeline import ingest_file
from muniment.store.open import open_store
with open_store(Path(sys.argv[1])) as store:
    batch = ingest_file(store, Path(sys.argv[2]), source_map=load_source_maps()["gateway_jsonl"],
                        source_id="s", recorded_by="r")
print(batch.imported, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


@pytest.mark.soak
def test_ingest_importing_several_segments_stays_below_a_fixed_memory(
    sqlite_store: Store, tmp_path: Path
) -> None:
    path = _huge(tmp_path, "gateway_jsonl", 250_000)
    command = [sys.executable, "-c", IMPORT_ALONE, str(sqlite_store.layout.root), str(path)]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    imported, mebibytes = map(int, said.split())
    assert imported == 250_000
    # One segment's worth of entries is in memory while it is sealed.
    assert mebibytes < 600
