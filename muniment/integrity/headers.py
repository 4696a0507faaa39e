"""Segment headers: what each says of its segment, and the chain that they form."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Any

from muniment.integrity.canonical import canonical_json

FIRST_PREVIOUS = "0" * 64
HEADER_FIELDS = frozenset({
    "sequence_no", "schema_version", "software_version", "previous_header_hash", "entry_count",
    "event_count", "ingest_day", "ingested_from", "ingested_to", "event_time_from",
    "event_time_to", "sources", "merkle_root", "file_sha256", "file_bytes", "file_name",
})  # fmt: skip
_OPTIONAL = frozenset({"event_time_from", "event_time_to"})
_NUMBERS = frozenset({"sequence_no", "entry_count", "event_count", "file_bytes"})
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}\Z")


def header_bytes(header: Mapping[str, Any]) -> bytes:
    """The canonical bytes of a header, as they stand in its file."""
    return canonical_json(header).encode("utf-8")


def header_hash(header: Mapping[str, Any]) -> str:
    """SHA-256 of the header's canonical bytes, in hex; the next header names it."""
    return hashlib.sha256(header_bytes(header)).hexdigest()


def shape_fault(content: Any) -> str | None:
    """Why some JSON cannot be read as a header at all; None where it can."""
    if not isinstance(content, dict):
        return "it is not an object"
    for name in sorted(HEADER_FIELDS):
        value = content.get(name)
        if value is None and name in _OPTIONAL:
            continue
        kind = int if name in _NUMBERS else dict if name == "sources" else str
        if type(value) is not kind:
            return f"`{name}` is missing or of another kind"
    if not _DAY.match(content["ingest_day"]):
        return "`ingest_day` is not a day"
    try:
        header_bytes(content)
    except (TypeError, ValueError, RecursionError):
        return "it has no canonical form"
    return None


def header_faults(
    header: Mapping[str, Any], number: int, previous: str, stored: bytes
) -> list[str]:
    """What is wrong with a header at its place in the chain; empty when nothing is.

    previous: hash of the header before it. stored: the bytes of its file, which must be the
    canonical ones, so that no second text means the same header.
    """
    faults = []
    missing = sorted(HEADER_FIELDS - _OPTIONAL - header.keys())
    unknown = sorted(header.keys() - HEADER_FIELDS)
    if missing or unknown:
        faults.append(f"field `{(missing or unknown)[0]}` is {'missing' if missing else 'unknown'}")
    if header.get("sequence_no") != number:
        faults.append(f"it says it is number {header.get('sequence_no')}")
    if header.get("previous_header_hash") != previous:
        faults.append("it does not follow from the header before it")
    if header_bytes(header) != stored:
        faults.append("its file is not written canonically")
    return faults
