"""Attesting a control: a person's word, a file that backs it, and a date until which it holds."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from muniment.errors import InputError, UsageError
from muniment.model import times
from muniment.model.controls import Control
from muniment.model.entries import OWN_SOURCE_ID
from muniment.model.outcomes import TestKind
from muniment.store.open import Store

MAX_EVIDENCE_BYTES = 256 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Attestation:
    """What was recorded: the attestation's id and the digest of its evidence file."""

    attestation_id: str
    control_id: str
    attested_by: str
    attested_at: str
    evidence_sha256: str


def attest(
    store: Store,
    controls: Mapping[str, Control],
    *,
    control_id: str,
    statement: str,
    evidence_path: Path,
    by: str,
    at: str | None = None,
    period_end: str | None = None,
) -> Attestation:
    """Record that `by` attests `control_id`, with a copy of the evidence file kept by its digest.

    at, period_end: fixed time strings; `at` is now unless given. Raises UsageError when the control
    is unknown or takes no attestation, InputError when the file cannot be read.
    """
    _require_attestable(controls, control_id)
    if not statement.strip():
        raise UsageError(f"control `{control_id}`: the statement is empty. Say what is attested.")
    digest = _keep_evidence(store.layout.evidence_files, evidence_path)
    attested_at = at or times.now()
    attestation_id = attestation_key(control_id, by, attested_at, digest)
    values = {
        "attestation_id": attestation_id,
        "control_id": control_id,
        "statement": statement.strip(),
        "attested_by": by,
        "attested_at": attested_at,
        "period_start": attested_at,
        "period_end": period_end,
        "evidence_name": evidence_path.name,
        "evidence_sha256": digest,
    }
    with store.records.writing() as writer:
        writer.put(
            "attestation", values, valid_from=attested_at, recorded_by=by, source_id=OWN_SOURCE_ID
        )
    return Attestation(attestation_id, control_id, by, attested_at, digest)


def attestation_key(control_id: str, by: str, attested_at: str, evidence_sha256: str) -> str:
    """The id of an attestation: the same word of one person with the same file has the same."""
    seed = f"{control_id}|{by}|{attested_at}|{evidence_sha256}"
    return "ATT-" + hashlib.sha256(seed.encode()).hexdigest()[:12]


def _require_attestable(controls: Mapping[str, Control], control_id: str) -> None:
    control = controls.get(control_id)
    attestable = sorted(
        c.id for c in controls.values() if any(t.kind is TestKind.ATTESTED for t in c.tests)
    )
    if control is None or control_id not in attestable:
        why = "is not in the library" if control is None else "is tested from data, not attested"
        raise UsageError(
            f"control `{control_id}` {why}. Controls that take an attestation: "
            f"{', '.join(attestable) or 'none'}."
        )


def _keep_evidence(folder: Path, path: Path) -> str:
    """Copy the file to `folder/<sha256>` in one step and return the digest."""
    if not path.is_file():
        kind = "is a folder" if path.is_dir() else "does not exist"
        raise InputError(f"evidence file `{path}` {kind}. Give the path of one file.")
    if path.stat().st_size > MAX_EVIDENCE_BYTES:
        raise InputError(
            f"evidence file `{path}` is larger than {MAX_EVIDENCE_BYTES // 2**20} MiB. "
            "Attest a smaller file, or an index of the large one."
        )
    if path.stat().st_size == 0:
        raise InputError(
            f"evidence file `{path}` is empty. Give the file that backs the statement."
        )
    folder.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=folder, prefix=".incoming-")
    try:
        with os.fdopen(handle, "wb") as target, path.open("rb") as source:
            shutil.copyfileobj(source, target)
            target.flush()
            os.fsync(target.fileno())
        with Path(name).open("rb") as copy:
            digest = hashlib.file_digest(copy, "sha256").hexdigest()
        Path(name).replace(folder / digest)
    except OSError as error:
        raise InputError(
            f"evidence file `{path}` could not be copied into `{folder}`: {error.strerror}. "
            "Free space or fix permissions, then attest again."
        ) from error
    finally:
        Path(name).unlink(missing_ok=True)
    return digest
