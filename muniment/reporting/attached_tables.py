"""Named items as tables for people and programs: CSV (formulas disarmed) and Parquet.

Both are conveniences; the proof is the canonical JSON Lines of the same rows.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

COLUMNS = (
    "control_id", "test_id", "listed_as", "item_id", "outcome", "reason", "observed_at", "agent_id",
    "attributes", "missing", "evidence_ref", "link",
)  # fmt: skip
# A spreadsheet runs a cell that begins with one of these; a leading apostrophe makes it text.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "'")


def table_files(items: bytes) -> Iterator[tuple[str, bytes, str]]:
    """items.csv and items.parquet, from the lines of items.jsonl."""
    rows = [_flat(json.loads(line)) for line in items.splitlines()]
    yield "items.csv", csv_bytes(COLUMNS, rows), "items.jsonl as a table; formulas are disarmed"
    yield "items.parquet", _parquet(rows), "items.jsonl as a table"


def csv_bytes(columns: Sequence[str], rows: Sequence[dict[str, Any]]) -> bytes:
    """CSV in UTF-8 with a byte order mark, so that spreadsheets read names right."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow([disarmed(str(row.get(name) or "")) for name in columns])
    return b"\xef\xbb\xbf" + out.getvalue().encode()


def disarmed(text: str) -> str:
    """The text with an apostrophe before what a spreadsheet would take for a formula."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def _flat(row: dict[str, Any]) -> dict[str, Any]:
    lists = {name: "; ".join(row.get(name) or ()) for name in ("attributes", "missing")}
    return {**row, **lists}


def _parquet(rows: Sequence[dict[str, Any]]) -> bytes:
    arrays = [pa.array([row.get(name) for row in rows], pa.string()) for name in COLUMNS]
    out = io.BytesIO()
    pq.write_table(pa.table(arrays, names=list(COLUMNS)), out, compression="zstd", version="2.6")
    return out.getvalue()
