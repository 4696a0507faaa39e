"""Entries of the log, as small as a test wants them, and as odd as random can make them."""

from __future__ import annotations

import hashlib
import random
from typing import Any

import pyarrow as pa

from muniment.model.columns import ColumnKind
from muniment.model.entries import ENTRY_COLUMNS
from muniment.model.times import format_time
from muniment.sealing.log import AuditLog
from muniment.store.encoder import entry_table

INTAKE = "2026-11-20T09:00:00.000000000Z"
ODD_TEXTS = (
    "", "plain", 'say "no"', "back\\slash", "tab\tline\nfeed\r", "\x00\x01\x1f\x7f", "\x08\x0c",
    "é ß 漢 😀", "\u2028\u2029\ufeff", "\\u0041", "a,b:{}[]", "1.5", "null", " ", "A\u030a",
)  # fmt: skip


def event_id(name: object) -> str:
    """The id that an event of this name has in tests."""
    return hashlib.sha256(f"event {name}".encode()).hexdigest()[:32]


def entry(name: object, **values: Any) -> dict[str, Any]:
    """An event: required columns, and what the test says."""
    return {
        "entry_kind": "event", "event_id": event_id(name), "ingested_at": INTAKE,
        "source_id": "gateway", "source_format": "test", "import_batch_id": "batch-1",
        "schema_version": "1", "salt": hashlib.sha256(str(name).encode()).hexdigest()[:32],
        "event_time": "2026-11-20T08:00:00.000000000Z", "agent_id": f"agent {name}", **values,
    }  # fmt: skip


def entries(*names: object, **values: Any) -> pa.Table:
    """A table of events of these names."""
    return entry_table([entry(name, **values) for name in names])


def table(*rows: dict[str, Any]) -> pa.Table:
    """A table of these rows."""
    return entry_table(rows)


def deliver(log: AuditLog, *rows: dict[str, Any]) -> tuple[int, int, int]:
    """Import rows as ingest does; returns how many were new, duplicate and superseding."""
    with log.exclusive():
        found = log.classify(table(*rows))
        log.append(found.new)
        log.append(log.annotations_for(found.superseding))
    return found.new.num_rows, found.duplicates, len(found.superseding)


def random_row(dice: random.Random) -> dict[str, Any]:
    """A row in which every column may hold anything that its kind allows."""
    row = {c.name: _value(dice, c.kind) for c in ENTRY_COLUMNS if c.required or dice.random() < 0.5}
    return {**row, "entry_kind": "event", "event_id": f"{dice.getrandbits(128):032x}"}


def _value(dice: random.Random, kind: ColumnKind) -> Any:
    if kind is ColumnKind.TEXT:
        return _text(dice)
    if kind is ColumnKind.INTEGER:
        return dice.choice((0, -1, 2**63 - 1, -(2**63), dice.getrandbits(40)))
    if kind is ColumnKind.BOOLEAN:
        return dice.random() < 0.5
    if kind is ColumnKind.DECIMAL:
        units = dice.choice((0, 1, -1, 10**27, dice.getrandbits(60) - 2**59))
        sign = "-" if units < 0 else ""
        return f"{sign}{abs(units) // 10**9}.{abs(units) % 10**9:09d}"
    if kind is ColumnKind.TIME:
        return format_time(dice.choice((0, -1, 9_000_000_000 * 10**9, dice.getrandbits(62))))
    return [_text(dice) for _ in range(dice.randrange(4))]


def _text(dice: random.Random) -> str:
    if dice.random() < 0.5:
        return dice.choice(ODD_TEXTS)
    codes = (dice.choice((dice.randrange(0x80), dice.randrange(0xD7FF))) for _ in range(8))
    return "".join(map(chr, codes))
