"""A sealed store to attack, and the hands that attack it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from muniment.sealing.log import AuditLog
from muniment.sealing.verify import verify_store
from muniment.store.audit import AuditReader
from muniment.store.open import Store
from tests.builders.entries import INTAKE, entry, table

CHAIN, FILES, STRAYS, WAITING, HEADS, LEAVES, ROWS, IMPORTS, DOCUMENTS = range(1, 10)


def fill(store: Store) -> Store:
    """Four segments: the founding, ten events, ten more, and a person."""
    log = AuditLog(store)
    log.seal()
    for start in (0, 10):
        log.append(table(*(entry(n, amount=f"{n}.000000000") for n in range(start, start + 10))))
        log.seal()
    person(store, "p1", "Ada")
    log.seal()
    return store


def person(store: Store, person_id: str, name: str) -> None:
    with store.records.writing() as writer:
        writer.put(
            "person", {"person_id": person_id, "name": name}, valid_from=INTAKE,
            recorded_by="clerk@example.org", source_id="hr",
        )  # fmt: skip


def broken(store: Store, *, deep: bool = True) -> dict[int, str]:
    report = verify_store(store, deep=deep)
    assert report.exit_code == (0 if report.ok else 4)
    return {step.number: step.detail for step in report.steps if not step.ok}


def sql(store: Store, statement: str, *values: Any) -> None:
    with sqlite3.connect(store.layout.records_file) as connection:
        assert connection.execute(statement, values).rowcount == 1
    connection.close()


def segment(store: Store, number: int) -> Path:
    return AuditReader(store.layout).segment(number).path


def flip(path: Path, at: int) -> None:
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    path.write_bytes(content)


def rewrite(path: Path, change: Callable[[pa.Table], pa.Table]) -> None:
    pq.write_table(change(pq.read_table(path, partitioning=None)), path, compression="zstd")


def edited(held: pa.Table) -> pa.Table:
    agents = held.column("agent_id").to_pylist()
    agents[3] = "somebody else"
    at = held.column_names.index("agent_id")
    return held.set_column(at, held.schema.field(at), pa.array(agents, pa.string()))
