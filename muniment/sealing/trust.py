"""What a verifier brings, and what follows from it: is the key the right one, is the head known?

Key, head, data and verifier from one hand prove nothing against that hand. So each of these steps
compares the store with something that the verifier had before, and says plainly what stays open.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from muniment.errors import EvidenceBrokenError, UsageError
from muniment.integrity.checkpoints import (
    Checkpoint,
    header_leaves,
    key_for,
    trusted_numbers,
)
from muniment.integrity.merkle import prefix_roots
from muniment.store.checkpoint_files import log_keys, origin_in, read_checkpoint_file
from muniment.store.layout import StoreLayout
from muniment.store.segment_files import header_numbers, read_segment

UNSIGNED, KEY_NOT_CONFIRMED, UNANCHORED = "UNSIGNED", "KEY NOT CONFIRMED", "UNANCHORED"


@dataclass(frozen=True, slots=True)
class Holdings:
    """What the verifier had before. fingerprint: 64 hex digits of the signing key, or empty.

    heads: (where it was kept, checkpoint) of every earlier head, from a file or an anchor.
    """

    fingerprint: str = ""
    heads: tuple[tuple[str, Checkpoint], ...] = ()


@dataclass(frozen=True, slots=True)
class Finding:
    """One step of trust: what is broken, else what stays open, else what holds."""

    title: str
    detail: str
    open: str = ""
    faults: tuple[str, ...] = ()


def read_fingerprint(text: str) -> str:
    """A fingerprint as people write it, with blanks or colons; UsageError for another text."""
    digits = "".join(text.split()).replace(":", "").lower()
    if len(digits) != 64 or set(digits) - set("0123456789abcdef"):
        raise UsageError(
            f"`{text[:80]}` is no fingerprint. Give the 64 hex digits that the log's owner "
            "published (`muniment keys show`)."
        )
    return digits


def head_faults(layout: StoreLayout, sizes: Sequence[int]) -> Iterator[str]:
    """Checkpoints that no key of the log signed, or that are no beginning of the log."""
    keys, origin = log_keys(layout), origin_in(layout)
    roots = prefix_roots(_leaves(layout), sizes)
    for size in sizes:
        try:
            head = read_checkpoint_file(layout.checkpoint_file(size))
        except EvidenceBrokenError as error:
            yield str(error)
            continue
        key = key_for(keys, size)
        if head.size != size or head.origin != origin:
            yield f"checkpoint {size}: it is of another log or size"
        elif key is None or not head.note.signed_by(key.key):
            yield f"checkpoint {size}: it is not signed by the key that signs heads of this size"
        elif size not in roots:
            yield f"checkpoint {size}: the log has fewer headers, its tail is cut"
        elif roots[size] != head.root:
            yield f"checkpoint {size}: the first {size} headers are not those that were signed"


def trust_findings(
    layout: StoreLayout, sizes: Sequence[int], holdings: Holdings
) -> Iterator[Finding]:
    """The steps on signature, key and head; what cannot be read was named by the steps before."""
    try:
        leaves = _leaves(layout)
    except EvidenceBrokenError as error:
        yield Finding("The head is signed", "", faults=(str(error),))
        return
    yield _signature(sizes, len(leaves))
    yield _key(layout, sizes, holdings)
    yield _anchoring(layout, leaves, holdings)


def _signature(sizes: Sequence[int], headers: int) -> Finding:
    title, signed = "The newest head is signed", max(sizes, default=0)
    if not headers:
        return Finding(title, "nothing is sealed, so nothing is signed", UNSIGNED)
    if signed >= headers:
        return Finding(title, f"a checkpoint covers all {headers:,} headers")
    what = f"headers {signed + 1:,} to {headers:,}" if signed else f"all {headers:,} headers"
    return Finding(title, f"{what} are sealed and not signed; run `muniment seal`", UNSIGNED)


def _key(layout: StoreLayout, sizes: Sequence[int], holdings: Holdings) -> Finding:
    title = "The signing key is the one that you confirmed"
    try:
        keys = log_keys(layout)
    except EvidenceBrokenError as error:
        return Finding(title, "", faults=(str(error),))
    key = key_for(keys, max(sizes, default=0))
    if key is None:
        return Finding(title, "there is no signature to confirm", KEY_NOT_CONFIRMED)
    signer = f"the head is signed by key {key.number}, fingerprint {key.key.fingerprint}"
    if not holdings.fingerprint:
        ask = "compare it with what the owner published elsewhere, then give --key-fingerprint"
        return Finding(title, f"{signer}; {ask}", KEY_NOT_CONFIRMED)
    if key.number not in trusted_numbers(keys, holdings.fingerprint):
        other = "the key that you confirmed neither signed it nor vouches for its key"
        return Finding(title, f"{signer}; {other}", KEY_NOT_CONFIRMED)
    return Finding(title, signer)


def _anchoring(layout: StoreLayout, leaves: list[bytes], holdings: Holdings) -> Finding:
    title = "The log continues every head that you hold"
    origin, held = origin_in(layout), holdings.heads
    if not held:
        ask = "give --since CHECKPOINT or --anchor PLACE"
        return Finding(title, f"you hold no earlier head: {ask}", UNANCHORED)
    roots = prefix_roots(leaves, {head.size for _, head in held})
    faults = tuple(_held_faults(held, origin, roots, len(leaves)))
    if faults:
        return Finding(title, "", faults=faults)
    where, farthest = max(held, key=lambda each: each[1].size)
    reach = farthest.size
    if reach < len(leaves):
        rest = f"headers {reach + 1:,} to {len(leaves):,} rest on the operator's word"
        return Finding(title, f"it does, up to header {reach:,} ({where}); {rest}", UNANCHORED)
    return Finding(title, f"it does: all {len(held):,} heads, up to the last header ({where})")


def _held_faults(
    held: Sequence[tuple[str, Checkpoint]], origin: str, roots: dict[int, bytes], headers: int
) -> Iterator[str]:
    for where, head in held:
        if head.origin != origin:
            yield f"{where} is of the log {head.origin[:80]!a}, this is `{origin}`"
        elif head.size not in roots:
            yield f"{where} has {head.size:,} headers, this log {headers:,}: its tail was cut"
        elif roots[head.size] != head.root:
            yield f"{where}: the first {head.size:,} headers are others now: it was written anew"


def _leaves(layout: StoreLayout) -> list[bytes]:
    return header_leaves(read_segment(layout, n).header for n in header_numbers(layout))
