"""Whole pieces of work: run an assessment, build a report."""
