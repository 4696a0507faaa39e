"""A seeded organisation with known exceptions and near-misses."""
