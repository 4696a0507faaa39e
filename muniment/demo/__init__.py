"""A seeded organisation with known exceptions and near-misses."""

DEFAULT_EVENTS = 300_000
MIN_EVENTS = 10_000
