"""Follows a number down to its sealed leaf, and writes the rows that a pack names."""
