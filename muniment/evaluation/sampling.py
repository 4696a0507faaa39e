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


def sample_seed(header_hash: str, control_id: str, test_id: str, clock: Clock) -> str:
    """The seed, 64 lower-case hex digits; the parts are joined by `|` as UTF-8."""
    period = f"{clock.period_start}/{clock.period_end}"
    return hashlib.sha256(f"{header_hash}|{control_id}|{test_id}|{period}".encode()).hexdigest()


def sample_rank(seed: str, item_id: str) -> str:
    """The rank of an item: items with the lowest hex digests are drawn."""
    return hashlib.sha256(f"{seed}{item_id}".encode()).hexdigest()
