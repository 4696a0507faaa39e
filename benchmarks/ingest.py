"""Measures imports: events per second into sealed segments, and the memory they take.

    python benchmarks/ingest.py [events] [reader ...]

Writes its own files, the same events in each format, and prints one table: per reader and size the
bare parse of the file (by the quickest parser at hand, keeping nothing), the whole import
(read, map, identify, write ahead, seal), and the ratio of the two. Each is done by a process of its
own, so that its peak memory is its own. Sizes: a tenth of `events`, and `events` (1,000,000).
"""

from __future__ import annotations

import csv
import json
import os
import platform
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from importlib.metadata import version
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from muniment.catalog.sources import load_source_maps
from muniment.ingest.pipeline import ingest_file
from muniment.model.sources import SourceMap
from muniment.sealing.verify import verify_store
from muniment.store.open import create_store

EVENTS = 1_000_000
SEED = 20261120
SPANS_IN_LINE = 50
ROWS_AT_ONCE = 20_000
START = datetime(2026, 11, 20, tzinfo=UTC)
OPERATIONS = ("execute_tool", "chat", "invoke_agent", "retrieval")
ACTIONS = {
    "execute_tool": "write",
    "chat": "model_call",
    "invoke_agent": "run",
    "retrieval": "read",
}
TOOLS = ("crm.update", "claims.search", "mail.send", "ledger.post", "large-2", "policy.lookup")
DECIMALS = pa.decimal128(18, 6)
SCHEMA = pa.schema(
    {
        "id": pa.string(), "source_seq": pa.int64(), "event_time": pa.timestamp("us", "UTC"),
        "end_time": pa.timestamp("us", "UTC"), "trace_id": pa.string(), "span_id": pa.string(),
        "parent_span_id": pa.string(), "agent_id": pa.string(), "agent_name": pa.string(),
        "agent_version": pa.string(), "on_behalf_of": pa.string(), "operation_name": pa.string(),
        "action_type": pa.string(), "target_type": pa.string(), "target_name": pa.string(),
        "target_system": pa.string(), "input_sanitised": pa.string(), "input_sha256": pa.string(),
        "context_refs": pa.list_(pa.string()), "data_classification": pa.string(),
        "policy_checked": pa.bool_(), "policy_result": pa.string(), "policy_id": pa.string(),
        "autonomy_tier": pa.string(), "approval_id": pa.string(), "amount": DECIMALS,
        "currency": pa.string(), "executed": pa.bool_(), "outcome": pa.string(),
        "error_type": pa.string(), "model": pa.string(), "provider": pa.string(),
        "input_tokens": pa.int64(), "output_tokens": pa.int64(), "cost_usd": DECIMALS,
        "user_ref": pa.string(), "team_id": pa.string(),
    }
)  # fmt: skip


def events(count: int) -> Iterator[dict[str, Any]]:
    """Events as a gateway logs them: 37 fields, of which some four are not there."""
    dice = random.Random(SEED)
    for number in range(count):
        operation = OPERATIONS[dice.randrange(4)]
        began = START + timedelta(microseconds=number * 40_123)
        agent, failed = dice.randrange(80), dice.random() < 0.04
        event = {
            "id": f"evt-{number:010d}",
            "source_seq": number,
            "event_time": began,
            "end_time": began + timedelta(microseconds=dice.randrange(3_000_000)),
            "trace_id": f"{dice.getrandbits(128):032x}",
            "span_id": f"{dice.getrandbits(64):016x}",
            "parent_span_id": f"{dice.getrandbits(64):016x}" if dice.random() < 0.7 else None,
            "agent_id": f"agent-{agent:03d}",
            "agent_name": f"Claims triage {agent}",
            "agent_version": f"2.{agent % 7}.1",
            "on_behalf_of": f"person-{dice.randrange(4_000)}",
            "operation_name": operation,
            "action_type": ACTIONS[operation],
            "target_type": "tool",
            "target_name": TOOLS[dice.randrange(6)],
            "target_system": "crm.example.org",
            "input_sanitised": f'{{"claim":"C-{dice.randrange(10**6)}","note":"{"näh " * 20}"}}',
            "input_sha256": f"{dice.getrandbits(256):064x}",
            "context_refs": [f"policy-{dice.randrange(40)}", f"claim-{number}"],
            "data_classification": "internal",
            "policy_checked": True,
            "policy_result": "deny" if failed else "allow",
            "policy_id": f"P-{dice.randrange(12)}",
            "autonomy_tier": "supervised",
            "approval_id": f"A-{number}" if dice.random() < 0.1 else None,
            "amount": Decimal(dice.randrange(10**6)).scaleb(-2) if dice.random() < 0.5 else None,
            "currency": "EUR",
            "executed": not failed,
            "outcome": "denied" if failed else "success",
            "error_type": "policy_denied" if failed else None,
            "model": "large-2",
            "provider": "anthropic",
            "input_tokens": dice.randrange(9_000),
            "output_tokens": dice.randrange(900),
            "cost_usd": Decimal(dice.randrange(10**5)).scaleb(-6),
            "user_ref": f"user-{dice.randrange(900)}",
            "team_id": f"team-{agent % 9}",
        }
        yield {name: value for name, value in event.items() if value is not None}


# Files


def plain(value: Any) -> Any:
    """A value as JSON and CSV write it."""
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    return float(value) if isinstance(value, Decimal) else value


def write_jsonl(path: Path, count: int) -> None:
    with path.open("wb") as stream:
        for event in events(count):
            stream.write(orjson.dumps({name: plain(item) for name, item in event.items()}) + b"\n")


def write_csv(path: Path, count: int) -> None:
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, SCHEMA.names)
        writer.writeheader()
        for event in events(count):
            cells = {name: plain(item) for name, item in event.items()}
            cells |= {name: str(cells[name]).lower() for name in ("policy_checked", "executed")}
            writer.writerow(cells | {"context_refs": "|".join(event["context_refs"])})


def write_parquet(path: Path, count: int) -> None:
    with pq.ParquetWriter(path, SCHEMA, compression="zstd") as writer:
        waiting: list[dict[str, Any]] = []
        for event in events(count):
            waiting.append(event)
            if len(waiting) == ROWS_AT_ONCE:
                writer.write_table(pa.Table.from_pylist(waiting, SCHEMA))
                waiting.clear()
        if waiting:
            writer.write_table(pa.Table.from_pylist(waiting, SCHEMA))


def _attribute(key: str, value: Any) -> dict[str, Any]:
    kind = "intValue" if isinstance(value, int) else "stringValue"
    return {"key": key, "value": {kind: str(value)}}


def span_of(event: dict[str, Any]) -> dict[str, Any]:
    """An event as an OTLP span; one in four names its agent, the others inherit it."""
    named = {
        "gen_ai.operation.name": event["operation_name"],
        "gen_ai.tool.name": event["target_name"],
        "gen_ai.tool.call.arguments": event["input_sanitised"],
        "gen_ai.conversation.id": event["trace_id"],
        "gen_ai.request.model": event["model"],
        "gen_ai.provider.name": event["provider"],
        "gen_ai.usage.input_tokens": event["input_tokens"],
        "gen_ai.usage.output_tokens": event["output_tokens"],
        "server.address": event["target_system"],
        "user.id": event["user_ref"],
        "muniment.approval_id": event.get("approval_id", "none"),
    }
    if event["operation_name"] == "invoke_agent":
        named |= {"gen_ai.agent.id": event["agent_id"], "gen_ai.agent.name": event["agent_name"]}
    began, ended = (int(event[n].timestamp() * 10**6) * 1_000 for n in ("event_time", "end_time"))
    return {
        "traceId": event["trace_id"],
        "spanId": event["span_id"],
        "name": event["operation_name"],
        "kind": 3,
        "startTimeUnixNano": str(began),
        "endTimeUnixNano": str(ended),
        "attributes": [_attribute(key, value) for key, value in named.items()],
        "status": {"code": 1},
    }


def write_otlp(path: Path, count: int) -> None:
    about = {"attributes": [_attribute("service.name", "claims"), _attribute("team.id", "t1")]}
    with path.open("wb") as stream:
        spans: list[dict[str, Any]] = []
        for number, event in enumerate(events(count), start=1):
            if spans:  # one trace and one parent for the spans of a line
                root = spans[0]
                event |= {"trace_id": root["traceId"]}
            spans.append(span_of(event))
            if len(spans) > 1:
                spans[-1]["parentSpanId"] = spans[0]["spanId"]
            if len(spans) == SPANS_IN_LINE or number == count:
                scope = {"scope": {"name": "bench"}, "spans": spans}
                line = {"resourceSpans": [{"resource": about, "scopeSpans": [scope]}]}
                stream.write(orjson.dumps(line) + b"\n")
                spans = []


# Bare parses


def parse_jsonl(path: Path) -> None:
    with path.open("rb") as stream:
        for line in stream:
            orjson.loads(line)


def parse_csv(path: Path) -> None:
    with pa_csv.open_csv(path) as reader:
        for _ in reader:
            pass


def parse_parquet(path: Path) -> None:
    with pq.ParquetFile(path) as parquet:
        for _ in parquet.iter_batches():
            pass


@dataclass(frozen=True)
class Reader:
    """A format: the map that reads it, how its file is written, and how it is parsed barely."""

    map_id: str
    write: Callable[[Path, int], None]
    parse: Callable[[Path], None]
    parser: str


READERS = {
    "parquet": Reader("parquet", write_parquet, parse_parquet, "pyarrow"),
    "csv": Reader("csv", write_csv, parse_csv, "pyarrow"),
    "jsonl": Reader("gateway_jsonl", write_jsonl, parse_jsonl, "orjson"),
    "otlp": Reader("otlp_genai", write_otlp, parse_jsonl, "orjson"),
}


def source_map_of(reader: Reader) -> SourceMap:
    """The shipped map; for tables in our own names, one of three lines."""
    if reader.map_id not in ("csv", "parquet"):
        return load_source_maps()[reader.map_id]
    row_map = {"record": "event", "own_names": "", "natural_key": ["id"]}
    return SourceMap.model_validate(
        {"id": "bench", "title": "Bench", "reads": reader.map_id, "source_class": "gateway",
         "split": "|", "redaction_marks": ["[REDACTED]"], "maps": [row_map]}
    )  # fmt: skip


# Measuring


def one_parse(reader: Reader, path: Path) -> dict[str, Any]:
    """Seconds of the bare parse."""
    began = time.perf_counter()
    reader.parse(path)
    return {"seconds": time.perf_counter() - began}


def one_import(reader: Reader, path: Path, folder: Path) -> dict[str, Any]:
    """Seconds, processor seconds and counts of one import into a fresh store, and its check."""
    with create_store(
        folder / f"store-{path.name}-{os.getpid()}",
        organisation="Bench",
        time_zone="UTC",
        recorded_by="bench",
    ) as store:
        source = source_map_of(reader)
        began, worked = time.perf_counter(), time.process_time()
        batch = ingest_file(store, path, source_map=source, source_id="bench", recorded_by="bench")
        seconds, busy = time.perf_counter() - began, time.process_time() - worked
        peak = _peak()
        began = time.perf_counter()
        report = verify_store(store, deep=True)
        return {"seconds": seconds, "busy": busy, "peak": peak, "imported": batch.imported,
                "verified": report.ok, "verify_seconds": time.perf_counter() - began}  # fmt: skip


def _peak() -> int:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def _child(*arguments: str) -> dict[str, Any]:
    command = [sys.executable, __file__, "--child", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def measure(name: str, count: int, folder: Path) -> None:
    """Print the line of one reader and size."""
    path = folder / f"{name}-{count}"
    READERS[name].write(path, count)
    parse = _child("parse", name, str(path))
    done = _child("import", name, str(path), str(folder))
    if done["imported"] != count or not done["verified"]:
        raise SystemExit(f"{name}: imported {done['imported']:,} of {count:,}; {done}")
    bare, whole = count / parse["seconds"], count / done["seconds"]
    print(
        f"{name:8}{count:>10,}{path.stat().st_size / count:>8.0f}{bare:>13,.0f}{whole:>12,.0f}"
        f"{bare / whole:>7.1f}{done['busy'] / done['seconds']:>7.2f}{done['peak'] / 2**20:>8.0f}"
        f"{count / done['verify_seconds']:>12,.0f}",
        flush=True,
    )
    path.unlink()


def main() -> None:
    """Print the table; `--child` does one measurement for it."""
    if sys.argv[1:2] == ["--child"]:
        what, name, path, *rest = sys.argv[2:]
        reader = READERS[name]
        done = (
            one_parse(reader, Path(path))
            if what == "parse"
            else one_import(reader, Path(path), Path(rest[0]))
        )
        print(json.dumps(done))
        return
    numbers = [int(word) for word in sys.argv[1:] if word.isdigit()]
    names = [word for word in sys.argv[1:] if word in READERS] or list(READERS)
    count = numbers[0] if numbers else EVENTS
    packages = ", ".join(f"{each} {version(each)}" for each in ("pyarrow", "orjson", "duckdb"))
    print(f"{_processor()}, {os.cpu_count()} processors")
    print(f"Python {platform.python_version()}, {packages}")
    print(
        f"{'reader':8}{'events':>10}{'bytes':>8}{'bare parse/s':>13}{'ingest/s':>12}{'ratio':>7}"
        f"{'cores':>7}{'MiB':>8}{'verified/s':>12}"
    )
    for name in names:
        for size in (count // 10, count):
            with tempfile.TemporaryDirectory() as folder:
                measure(name, size, Path(folder))


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.partition(": ")[2] for line in lines if line.startswith("model name")), "?")


if __name__ == "__main__":
    main()
