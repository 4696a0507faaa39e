"""Reading what is signed: checkpoints, the notes of the keys, receipts of anchors. Not verified."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

from muniment.errors import EvidenceBrokenError
from muniment.integrity.checkpoints import (
    Checkpoint,
    KeyNote,
    origin_of,
    read_checkpoint,
    read_keys,
)
from muniment.model.results import CheckpointRef
from muniment.store.config import read_config
from muniment.store.layout import StoreLayout

_NOTE_NAME = re.compile(r"(\d{10})\.note\Z")
MAX_NOTE_BYTES = 16_384
MAX_RECEIPT_BYTES = 65_536


@dataclass(frozen=True, slots=True)
class Receipt:
    """What the operator noted of one copy of a checkpoint elsewhere; the copy is the proof.

    stamp: of a time stamp, the authority's answer in base64; it is the proof itself.
    """

    kind: str
    place: str
    checkpoint_size: int
    token: str
    anchored_at: str
    stamp: str = ""


def origin_in(layout: StoreLayout) -> str:
    """The name of this store's log."""
    return origin_of(read_config(layout.config_file).store_id)


def checkpoint_sizes(layout: StoreLayout) -> list[int]:
    """The sizes of the heads that were signed, ascending."""
    return _numbers(layout.checkpoints)


def read_checkpoint_file(path: Path) -> Checkpoint:
    """The checkpoint in a file; EvidenceBrokenError, naming the file, where it is none."""
    try:
        return read_checkpoint(_text(path))
    except (OSError, ValueError) as error:
        raise EvidenceBrokenError(
            f"checkpoint `{path}` cannot be read: {error}. Restore it from a backup or an anchor."
        ) from error


def latest_checkpoint(layout: StoreLayout, most: int | None = None) -> Checkpoint | None:
    """The checkpoint of the largest size, or of the largest up to `most` headers; None if none."""
    sizes = [size for size in checkpoint_sizes(layout) if most is None or size <= most]
    return read_checkpoint_file(layout.checkpoint_file(sizes[-1])) if sizes else None


def first_checkpoint_over(layout: StoreLayout, size: int) -> Checkpoint | None:
    """The earliest checkpoint that covers the first `size` headers; None where none does yet."""
    sizes = [held for held in checkpoint_sizes(layout) if held >= size]
    return read_checkpoint_file(layout.checkpoint_file(sizes[0])) if sizes else None


def key_contents(layout: StoreLayout) -> list[str]:
    """The texts of the keys' notes, in order; EvidenceBrokenError where a number is missing."""
    numbers = _numbers(layout.key_notes)
    if numbers != list(range(1, len(numbers) + 1)):
        raise EvidenceBrokenError(
            f"the notes of the signing keys in `{layout.key_notes}` have a gap. Restore them from "
            "a backup."
        )
    try:
        return [_text(layout.key_note(number)) for number in numbers]
    except (OSError, ValueError) as error:
        raise EvidenceBrokenError(f"a signing key's note cannot be read: {error}.") from error


def log_keys(layout: StoreLayout) -> tuple[KeyNote, ...]:
    """The keys of this log with their signatures checked; EvidenceBrokenError where one is bad."""
    try:
        return read_keys(key_contents(layout), origin_in(layout))
    except ValueError as error:
        raise EvidenceBrokenError(
            f"{error} (in `{layout.key_notes}`). Restore the notes from a backup."
        ) from error


def receipts(layout: StoreLayout) -> list[Receipt]:
    """What was noted of copies elsewhere, by size and place; one that cannot be read is none."""
    found = []
    for path in sorted(layout.anchors.glob("*.json")):
        try:
            receipt = Receipt(**json.loads(_text(path, MAX_RECEIPT_BYTES)))
        except (OSError, ValueError, TypeError, RecursionError):
            continue
        texts = (receipt.kind, receipt.place, receipt.token, receipt.anchored_at, receipt.stamp)
        if type(receipt.checkpoint_size) is int and all(isinstance(each, str) for each in texts):
            found.append(receipt)
    return found


def checkpoint_ref(layout: StoreLayout, checkpoint: Checkpoint | None) -> CheckpointRef | None:
    """What pages and papers print of a checkpoint, with the copies noted of it or of later ones."""
    if checkpoint is None:
        return None
    # By the id alone: the key's note may be damaged, which only verification judges.
    ids = {key_id.hex() for _, key_id, _ in checkpoint.note.signatures}
    try:
        signer = [key.key.fingerprint for key in log_keys(layout) if key.key.key_id.hex() in ids]
    except EvidenceBrokenError:
        signer = []
    anchored = sorted(
        {f"{r.kind}: {r.token}" for r in receipts(layout) if r.checkpoint_size == checkpoint.size}
    )
    return CheckpointRef(
        origin=checkpoint.origin,
        size=checkpoint.size,
        root=checkpoint.root.hex(),
        made_at=checkpoint.made_at or "",
        key_fingerprint=signer[-1] if signer else "",
        anchors=tuple(anchored),
    )


def _numbers(folder: Path) -> list[int]:
    names = (_NOTE_NAME.match(path.name) for path in folder.glob("*.note"))
    return sorted(int(name.group(1)) for name in names if name)


def _text(path: Path, most: int = MAX_NOTE_BYTES) -> str:
    if not path.is_file():
        raise ValueError("it is no plain file")
    if path.stat().st_size > most:
        raise ValueError(f"it is larger than {most:,} bytes")
    return path.read_text("utf-8")
