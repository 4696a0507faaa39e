"""Measures what sealing costs: leaf hashes, a sealed segment, a deep verification.

    python benchmarks/encode.py [rows]

Prints one table, with the plain reference encoder as the unit.
"""

from __future__ import annotations

import random
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa

from muniment.integrity.canonical import entry_bytes
from muniment.integrity.merkle import leaf_hash, merkle_root
from muniment.sealing.log import AuditLog
from muniment.sealing.verify import verify_store
from muniment.store.encoder import content_digests, entry_rows, entry_table, leaf_hashes
from muniment.store.open import Store, create_store

ROWS = 100_000
INTAKE = "2026-11-20T09:00:00.000000000Z"


def row(dice: random.Random, number: int) -> dict[str, Any]:
    """An event as an agent gateway writes it: some thirty columns, two texts that need escapes."""
    return {
        "entry_kind": "event", "event_id": f"{dice.getrandbits(128):032x}", "ingested_at": INTAKE,
        "source_id": "gateway", "source_format": "bench", "source_class": "gateway",
        "source_row": number, "import_batch_id": "bench", "schema_version": "1",
        "salt": f"{dice.getrandbits(128):032x}", "source_seq": number, "event_time": INTAKE,
        "time_basis": "stated", "trace_id": f"{dice.getrandbits(128):032x}",
        "span_id": f"{dice.getrandbits(64):016x}", "agent_id": f"agent-{dice.randrange(50)}",
        "agent_name": "Claims triage", "operation_name": "execute_tool", "action_type": "write",
        "target_name": "crm.update", "input_sanitised": '{"claim":"' + "x" * 120 + '"}',
        "input_sha256": f"{dice.getrandbits(256):064x}", "context_refs": ["policy", "claim\n7"],
        "policy_checked": True, "policy_result": "allow", "amount": f"{number}.500000000",
        "currency": "EUR", "executed": True, "outcome": "success", "model": "large-2",
        "input_tokens": dice.randrange(9_000), "output_tokens": dice.randrange(900),
        "cost_usd": "0.012000000",
    }  # fmt: skip


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds of one run, and what it gave."""
    start = time.perf_counter()
    result = work()
    return time.perf_counter() - start, result


def seal_all(store: Store, table: pa.Table) -> None:
    log = AuditLog(store)
    for start in range(0, table.num_rows, 5_000):
        with log.exclusive():
            log.append(log.classify(table.slice(start, 5_000)).new)
    log.seal()


def measure(count: int) -> list[tuple[str, float]]:
    """(what, seconds) for `count` rows each; the reference first."""
    dice = random.Random(20261120)
    table = entry_table([row(dice, number) for number in range(count)])
    rows = entry_rows(table)
    plain, expected = timed(lambda: [leaf_hash(entry_bytes(each)) for each in rows])
    fast, leaves = timed(lambda: leaf_hashes(table))
    if leaves != expected:
        raise SystemExit("the two encoders differ")
    results = [("leaf hashes, plain reference", plain), ("leaf hashes, vectorised", fast)]
    results.append(("content digests, vectorised", timed(lambda: content_digests(table))[0]))
    results.append(("Merkle root over leaf hashes", timed(lambda: merkle_root(leaves))[0]))
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "store"
        with create_store(
            place, organisation="Bench", time_zone="UTC", recorded_by="bench"
        ) as store:
            results.append(("classify, append, seal", timed(lambda: seal_all(store, table))[0]))
            seconds, report = timed(lambda: verify_store(store, deep=False))
            results.append(("verify, quick", seconds))
            seconds, report = timed(lambda: verify_store(store, deep=True))
            results.append(("verify, deep", seconds))
            if not report.ok:
                raise SystemExit("the sealed store does not verify")
    return results


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else ROWS
    results = measure(count)
    unit = results[0][1]
    print(f"{count:,} rows of 33 columns")
    print(f"{'':32}{'seconds':>9}{'rows/s':>12}{'ratio':>8}")
    for what, seconds in results:
        print(f"{what:32}{seconds:9.2f}{count / seconds:12,.0f}{unit / seconds:8.1f}")


if __name__ == "__main__":
    main()
