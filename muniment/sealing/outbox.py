"""Record changes as entries of the log: what the outbox holds, in the log's schema."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence

import pyarrow as pa

from muniment.integrity.canonical import canonical_json
from muniment.model.entries import OWN_SOURCE_ID, SCHEMA_VERSION, EntryKind
from muniment.model.times import now
from muniment.store.encoder import entry_table
from muniment.store.records_outbox import OutboxRow

MAX_OUTBOX = 20_000


def event_id_of(row: OutboxRow) -> str:
    """The id of a change's entry: always the same, so that a crash cannot double it."""
    identity = ["record", row.seq, row.created_at, row.payload]
    return hashlib.sha256(canonical_json(identity).encode()).hexdigest()[:32]


def record_table(rows: Sequence[OutboxRow]) -> pa.Table:
    """The entries of some changes, in the order of the outbox."""
    taken_in = now()
    return entry_table(
        [
            {
                "entry_kind": EntryKind.RECORD.value,
                "event_id": event_id_of(row),
                "ingested_at": taken_in,
                "source_id": OWN_SOURCE_ID,
                "source_format": "outbox",
                "source_class": "muniment",
                "source_seq": row.seq,
                "import_batch_id": "outbox",
                "schema_version": SCHEMA_VERSION,
                "salt": secrets.token_hex(16),
                "event_time": row.created_at,
                "operation_name": f"record.{row.op}",
                "target_type": row.subject,
                "target_ref": row.target_ref,
                "user_ref": row.recorded_by,
                "payload": row.payload,
            }
            for row in rows
        ]
    )
