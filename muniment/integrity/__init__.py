"""Pure functions over bytes: canonical form, Merkle trees (RFC 6962), segment headers."""
