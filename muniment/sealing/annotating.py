"""The entry that says what a later delivery of an event says instead."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from typing import Any

from muniment.integrity.canonical import canonical_json
from muniment.model.entries import SCHEMA_VERSION, EntryKind
from muniment.store.annotations import differing

_FROM_NEW = ("ingested_at", "source_id", "source_format", "source_class", "source_row",
             "import_batch_id")  # fmt: skip


def annotation_entry(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """An annotation of `old` with every content column in which `new` differs.

    Its payload: {"fields": new values, "cleared": columns withdrawn, "observed_at": intake time}.
    """
    changes = differing(old, new)
    payload: dict[str, Any] = {
        "fields": {name: value for name, value in changes.items() if value is not None},
        "observed_at": new["ingested_at"],
    }
    cleared = sorted(name for name, value in changes.items() if value is None)
    if cleared:
        payload["cleared"] = cleared
    salt = secrets.token_hex(16)
    # With the salt: one import may say a thing, take it back, and say it again.
    identity = ["annotation", old["event_id"], new["import_batch_id"], payload, salt]
    return {
        **{name: new.get(name) for name in _FROM_NEW},
        "entry_kind": EntryKind.ANNOTATION.value,
        "event_id": hashlib.sha256(canonical_json(identity).encode()).hexdigest()[:32],
        "schema_version": SCHEMA_VERSION,
        "salt": salt,
        "event_time": new["ingested_at"],
        "operation_name": "annotate",
        "target_type": "event",
        "target_ref": old["event_id"],
        "payload": canonical_json(payload),
    }
