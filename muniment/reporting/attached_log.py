"""The log's files in a pack: what verify.py reads from the rows up to the signed head."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files

from muniment.evidence.pack_log import LogEvidence
from muniment.integrity.canonical import canonical_json
from muniment.integrity.headers import header_bytes

VERIFIER = "verify.py"


def log_files(log: LogEvidence) -> Iterator[tuple[str, bytes, str]]:
    """Name, content and description of each file; the same in every report."""
    headers = b"".join(header_bytes(header) + b"\n" for header in log.headers)
    yield "headers.jsonl", headers, "the headers of all segments under the checkpoint"
    if log.checkpoint:
        yield "checkpoint.note", log.checkpoint.encode(), "the signed head of the log (C2SP)"
        keys = "".join(canonical_json({"note": note}) + "\n" for note in log.keys)
        yield "keys.jsonl", keys.encode(), "the log's signing keys, each introduced by a note"
    entries = b"".join(proof.content + b"\n" for proof in log.entries)
    yield "entries.jsonl", entries, "the log's entries that prove the items named"
    proofs = (
        {
            "event_id": proof.event_id,
            "segment": proof.segment_no,
            "leaf_index": proof.leaf_index,
            "path": [step.hex() for step in proof.path],
        }
        for proof in log.entries
    )
    lines = "".join(canonical_json(proof) + "\n" for proof in proofs)
    yield "proofs.jsonl", lines.encode(), "the inclusion proof of each line of entries.jsonl"
    if log.unproven:
        rows = ({"evidence_ref": ref, "reason": why} for ref, why in log.unproven)
        lines = "".join(canonical_json(row) + "\n" for row in rows)
        yield "unproven.jsonl", lines.encode(), "items named without proof, and why"
    yield VERIFIER, verifier(), "verifies this pack with nothing but Python"


def verifier() -> bytes:
    """The program that every pack carries."""
    return files("muniment.evidence").joinpath(VERIFIER).read_bytes()
