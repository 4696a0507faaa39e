"""The sample: which items an auditor re-performs by hand. Method and vector: docs/sampling.md."""

from __future__ import annotations

import hashlib

from muniment.model.results import Clock

SAMPLE_SIZE = 25
NO_HEADER = "0" * 64
SEED_BASIS = (
    "SHA-256 over the last header's hash, control, test and period. The header is unsigned and "
    "under the operator's control, so the operator could have influenced the draw."
)

HEADERS_BASIS = (
    "Of each event, SHA-256 over the hash of its segment's header and its id; the lowest are drawn "
    "(docs/sampling.md). A header is fixed when its segment is sealed. A draw with a nonce of the "
    "auditor's own (`muniment sample --nonce`) depends on the operator in nothing."
)


def checkpoint_basis(size: int, anchors: tuple[str, ...] = ()) -> str:
    """The sentence on a seed that begins with the root of a checkpoint over `size` headers."""
    basis = f"SHA-256 over the root of the checkpoint over {size} headers, control, test and period"
    if anchors:
        named = ", ".join(text if len(text) <= 24 else f"{text[:24]}…" for text in anchors)
        return (
            f"{basis}. The checkpoint was anchored before the draw ({named}): sealing "
            "again for a convenient draw would leave one more head there. A draw with a nonce of "
            "the auditor's own (`muniment sample --nonce`) depends on the operator in nothing."
        )
    return (
        f"{basis}. The checkpoint is signed by the operator and not anchored, so the operator "
        "could have influenced the draw. A draw with a nonce of the auditor's own "
        "(`muniment sample --nonce`) could not be."
    )


def sample_seed(head: str, control_id: str, test_id: str, clock: Clock, *, nonce: str = "") -> str:
    """The seed, 64 lower-case hex digits; the parts are joined by `|` as UTF-8.

    head: the checkpoint's root, or where there is none the last header's hash, as 64 hex digits.
    nonce: an auditor's own; it stands after the head as `nonce:…`.
    """
    drawn = f"{head}|nonce:{nonce}" if nonce else head
    period = f"{clock.period_start}/{clock.period_end}"
    return hashlib.sha256(f"{drawn}|{control_id}|{test_id}|{period}".encode()).hexdigest()


def sample_rank(seed: str, item_id: str) -> str:
    """The rank of an item: items with the lowest hex digests are drawn."""
    return hashlib.sha256(f"{seed}{item_id}".encode()).hexdigest()
