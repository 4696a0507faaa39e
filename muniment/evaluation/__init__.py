"""Runs control tests over whole populations."""
