"""Builders of test data, one module per part."""
