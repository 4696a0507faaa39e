"""A store of a year for benchmarks: 500 agents, seven kinds of act, approvals, few exceptions."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from muniment.model.times import format_time, to_nanos
from muniment.sealing.segments import write_segment
from muniment.store.encoder import ENTRY_SCHEMA
from muniment.store.open import Store, create_store, open_store
from muniment.store.records_writer import RecordPut
from muniment.store.segment_files import SegmentInfo

AGENTS, DAYS = 500, 365
START = to_nanos("2026-01-01T00:00:00.000000000Z")
DAY = 86_400 * 10**9
ACTIONS = ["read", "write", "destructive", "model_call", "delegate", "message", "policy_check"]
TIERS = ["autonomous", "supervised", "approval_required"]
TOOLS = [f"tool-{n}" for n in range(40)]


def make_store(root: Path, events: int, small: int) -> None:
    """A store of a year; segments of one day each, or `small` segments of equal size."""
    os.fsync = lambda _fd: None  # the disk is not what is measured
    store = create_store(root, organisation="Bench", time_zone="Europe/Berlin", recorded_by="b")
    add_records(store)
    segments = small or DAYS
    previous: SegmentInfo | None = None
    dice = np.random.default_rng(1)
    for n in range(segments):
        day = n * DAYS // segments
        rows = events // segments
        table = day_of_events(dice, day, rows, late=0.05 if small else 0.0)
        previous = write_segment(store.layout, table, previous)
        if n % max(1, segments // 20) == 0:
            print(f"  segment {n:,} of {segments:,}", file=sys.stderr, flush=True)
    store.close()


def add_day(root: Path) -> None:
    """One more day, sealed."""
    os.fsync = lambda _fd: None
    with open_store(root) as store:
        segments = store.audit.segments()
        day = len(segments) if len(segments) < 2 * DAYS else DAYS
        rows = int(segments[-1].header["entry_count"])
        table = day_of_events(np.random.default_rng(day), min(day, 400), rows, late=0.0)
        write_segment(store.layout, table, segments[-1])


def add_records(store: Store) -> None:
    at = format_time(START - 30 * DAY)
    puts: dict[str, list[dict[str, Any]]] = {
        "agent": [
            {"agent_id": f"agent-{n}", "name": f"Agent {n}", "kind": "agent",
             "lifecycle_status": "active", "owner_ref": f"p{n % 50}"}
            for n in range(AGENTS)
        ],
        "permission_set": [
            {"permission_set_id": f"ps-{n}", "agent_id": f"agent-{n}",
             "tools": TOOLS if n % 25 else TOOLS[:39], "scopes": ["a", "b"]}
            for n in range(AGENTS)
        ],
        "approval": [
            {"approval_id": f"ap-{n}", "decision": "approved" if n % 50 else "rejected",
             "decided_by": f"p{n % 50}", "decided_at": format_time(START - (1 + n % 20) * DAY)}
            for n in range(5_000)
        ],
        "person": [
            {"person_id": f"p{n}", "name": f"P {n}", "kind": "human", "active": True}
            for n in range(50)
        ],
    }  # fmt: skip
    for table, rows in puts.items():
        for start in range(0, len(rows), 5_000):
            with store.records.writing() as writer:
                writer.put_many(
                    table, [RecordPut(row, at) for row in rows[start : start + 5_000]],
                    recorded_by="b", source_id="bench",
                )  # fmt: skip


def day_of_events(dice: np.random.Generator, day: int, rows: int, *, late: float) -> pa.Table:
    """Events of one day in order of time; a share of them happened up to 20 days before."""
    at = np.sort(dice.integers(0, DAY, rows)) + START + day * DAY
    ingested = at + 10**9
    if late:
        at = at - (dice.random(rows) < late) * dice.integers(0, 20 * DAY, rows)
    ids = dice.bytes(16 * rows).hex()
    tier = dice.choice(3, rows, p=[0.7, 0.28, 0.02])
    needs = tier == 2
    approvals = dice.integers(0, 5_000, rows)
    outcome = dice.choice(3, rows, p=[0.93, 0.05, 0.02])
    denied = (outcome == 2) ^ (dice.random(rows) < 0.0005)  # a denied act that ran is an exception
    given: dict[str, Any] = {
        "event_id": [ids[32 * n : 32 * n + 32] for n in range(rows)],
        "event_time": pa.array(at, pa.timestamp("ns")),
        "ingested_at": pa.array(ingested, pa.timestamp("ns")),
        "entry_kind": ["event"] * rows, "source_id": ["gateway"] * rows,
        "source_class": ["gateway"] * rows, "source_format": ["bench"] * rows,
        "import_batch_id": ["b"] * rows, "schema_version": ["1"] * rows,
        "salt": [ids[32 * n : 32 * n + 32] for n in range(rows)],
        "source_seq": pa.array(np.arange(rows), pa.int64()),
        "agent_id": picked([f"agent-{n}" for n in range(AGENTS)], dice.integers(0, AGENTS, rows)),
        "action_type": picked(ACTIONS, dice.integers(0, len(ACTIONS), rows)),
        "target_name": picked(TOOLS, dice.integers(0, 40, rows)),
        "autonomy_tier": picked(TIERS, tier),
        "approval_id": pa.array(
            [f"ap-{a}" if n else None for a, n in zip(approvals, needs, strict=True)], pa.string()
        ),
        "executed": pa.array(outcome != 2),
        "outcome": picked(["success", "failure", "denied"], outcome),
        "policy_checked": pa.array(dice.random(rows) < 0.9995),
        "policy_result": picked(["allow", "deny"], denied.astype(int)),
        "retention_class": ["standard"] * rows,
        "trace_id": picked(
            [f"{day:08x}{n:08x}" for n in range(rows // 8 + 1)], np.arange(rows) // 8
        ),
        "span_id": [ids[32 * n : 32 * n + 16] for n in range(rows)],
        "model": picked(["m1", "m2", "m3"], dice.integers(0, 3, rows)),
        "input_tokens": pa.array(dice.integers(10, 5_000, rows), pa.int64()),
        "output_tokens": pa.array(dice.integers(10, 2_000, rows), pa.int64()),
        "records_affected": pa.array(dice.integers(0, 50, rows), pa.int64()),
        "input_sha256": [ids[32 * n : 32 * n + 32] * 2 for n in range(rows)],
        "empty_fields": pa.array([["parent_span_id", "approval_id"], ["parent_span_id"]]).take(
            pa.array(needs.astype(int))
        ).cast(pa.list_(pa.string())),
    }  # fmt: skip
    arrays = []
    for field in ENTRY_SCHEMA:
        value = given.get(field.name)
        if value is None:
            arrays.append(pa.nulls(rows, field.type))
        else:
            array = value if isinstance(value, pa.Array) else pa.array(value)
            arrays.append(array.cast(field.type))
    return pa.Table.from_arrays(arrays, schema=ENTRY_SCHEMA)


def picked(words: list[str], at: Any) -> pa.Array:
    return pa.array(words, pa.string()).take(pa.array(at))
