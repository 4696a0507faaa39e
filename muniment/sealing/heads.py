"""Signing the head of the log: seal, check that the head grew from the last one, sign, copy.

A head is signed only if every head known before is one of its beginnings: the last checkpoint of
the store, the last one that the key itself signed (kept beside the key), and those at the anchors.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from muniment.errors import EvidenceBrokenError, MunimentError, StoreError
from muniment.integrity.checkpoints import (
    Checkpoint,
    checkpoint_text,
    header_leaves,
    key_for,
    read_checkpoint,
)
from muniment.integrity.headers import FIRST_PREVIOUS, header_hash
from muniment.integrity.merkle import merkle_root
from muniment.integrity.notes import sign_note
from muniment.model.results import LogState
from muniment.model.times import now as time_now
from muniment.sealing.anchors import Anchor, configured_anchors, drop_receipt, last_at
from muniment.sealing.disk import replace_durably, write_temporary
from muniment.sealing.keys import DEVELOPMENT_WARNING, SigningKey, signing_key
from muniment.sealing.log import AuditLog
from muniment.store.audit import AuditReader
from muniment.store.checkpoint_files import (
    latest_checkpoint,
    log_keys,
    read_checkpoint_file,
    receipts,
)
from muniment.store.open import Store


@dataclass(slots=True)
class SealedHead:
    """What a sealing left: the log's state, its checkpoint if any, and what to tell a person."""

    state: LogState
    checkpoint: Checkpoint | None = None
    anchored: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def seal_and_sign(store: Store, anchors: tuple[Anchor, ...] = ()) -> SealedHead:
    """Seal what waits, sign the head if the log has a key, and copy it to the anchors.

    anchors: besides those that anchors.toml of the store names. Without a key the log is sealed and
    stays unsigned. Raises StoreError where the key is lost, wrong or open to others, or an anchor
    cannot be written, and EvidenceBrokenError where the head does not follow from one signed
    before; the log is sealed and intact in each case.
    """
    log = AuditLog(store)
    with log.exclusive():
        state = log.seal()
        key = signing_key(store)
        if key is None:
            unsigned = "the head is not signed: the log has no key. Make one: `muniment keys new`."
            return SealedHead(state, warnings=[unsigned])
        places = (*configured_anchors(store.layout), *anchors)
        done = SealedHead(state, warnings=[DEVELOPMENT_WARNING] if key.development else [])
        done.checkpoint = _sign(store, key, places, done.warnings)
        if done.checkpoint is not None:
            _copy(store, done, places)
        done.state = log.state()
        return done


def sign_if_possible(store: Store) -> SealedHead:
    """As `seal_and_sign`, but a key or anchor that cannot be used becomes a warning.

    For work that must end, such as an assessment; broken evidence is still an error.
    """
    try:
        return seal_and_sign(store)
    except EvidenceBrokenError:
        raise
    except StoreError as error:
        state = AuditLog(store).seal()
        return SealedHead(state, warnings=[f"the head is not signed or not anchored: {error}"])


def _sign(
    store: Store, key: SigningKey, anchors: tuple[Anchor, ...], warnings: list[str]
) -> Checkpoint | None:
    """The checkpoint over every header on disk, new or as it was; None while there is no header."""
    headers = [dict(segment.header) for segment in AuditReader(store.layout).segments()]
    if not headers:
        return None
    _check_chain(headers)
    leaves = header_leaves(headers)
    last = latest_checkpoint(store.layout)
    if last is not None:
        _check_own(store, last)
        _check_grew(leaves, last, "the last checkpoint of the store")
    if key.last_head_file.exists():
        kept = read_checkpoint_file(key.last_head_file)
        _check_grew(leaves, kept, f"the last head that the key signed, `{key.last_head_file}`")
    for anchor in anchors:
        held = None
        with suppress(StoreError):  # one out of reach is told of when the copy is made
            held = last_at(anchor, key.origin)
        if held is not None:
            _check_grew(leaves, held, f"the last copy at `{anchor.place}`")
    if last is not None and last.size == len(leaves):
        return last
    made_at = time_now()
    if last is not None and (last.made_at or "") > made_at:
        warnings.append(
            f"the clock went back: the checkpoint before was made at {last.made_at}, this one at "
            f"{made_at}. Order rests on sizes, not on clocks; set the clock right."
        )
    text = checkpoint_text(key.origin, len(leaves), merkle_root(leaves), made_at)
    note = sign_note(text, (key.origin, key.private))
    _write(store.layout.checkpoint_file(len(leaves)), note, 0o644)
    _write(key.last_head_file, note, 0o600)
    return read_checkpoint(note)


def _check_chain(headers: list[dict[str, object]]) -> None:
    previous = FIRST_PREVIOUS
    for number, header in enumerate(headers, start=1):
        if header["sequence_no"] != number or header["previous_header_hash"] != previous:
            raise EvidenceBrokenError(
                f"header {number} does not follow from the header before it, so the head is not "
                "signed. Run `muniment verify`, then restore the header from a backup."
            )
        previous = header_hash(header)


def _check_own(store: Store, last: Checkpoint) -> None:
    key = key_for(log_keys(store.layout), last.size)
    if key is None or last.origin != key.key.name or not last.note.signed_by(key.key):
        raise EvidenceBrokenError(
            f"the checkpoint over {last.size} headers is not signed by this log's key, so nothing "
            "is signed after it. Restore it from a backup or an anchor."
        )


def _check_grew(leaves: list[bytes], earlier: Checkpoint, where: str) -> None:
    if earlier.size > len(leaves) or merkle_root(leaves[: earlier.size]) != earlier.root:
        has = f"{len(leaves)} headers, the earlier head {earlier.size}"
        raise EvidenceBrokenError(
            f"this log does not continue {where}: it has {has}, and they do not agree. It was cut, "
            "changed or restored from an older copy. Nothing was signed. Run `muniment verify`; "
            "restore the newest copy, or begin anew with `muniment keys rotate`, which verifiers "
            "will see."
        )


def _write(path: Path, note: str, mode: int) -> None:
    try:
        temporary = write_temporary(path, lambda file: file.write(note.encode()))
        temporary.chmod(mode)
        replace_durably(temporary, path)
    except OSError as error:
        raise StoreError(
            f"the checkpoint cannot be written to `{path}`: {error.strerror or error}. The log is "
            "sealed and intact; free space or fix permissions, then seal again."
        ) from error


def _copy(store: Store, done: SealedHead, anchors: tuple[Anchor, ...]) -> None:
    assert done.checkpoint is not None  # noqa: S101
    noted = {(r.kind, r.place, r.checkpoint_size) for r in receipts(store.layout)}
    failed: list[MunimentError] = []
    for anchor in dict.fromkeys(anchors):
        if (anchor.kind, anchor.place, done.checkpoint.size) in noted:
            done.anchored.append(str(anchor))
            continue
        try:
            receipt = anchor.keep(done.checkpoint)
        except StoreError as error:
            failed.append(error)
            continue
        drop_receipt(store.layout, receipt)
        done.anchored.append(str(anchor))
    if failed:
        raise failed[0]
