"""Muniment turns what AI agents are and did into evidence that an outsider can verify."""

__version__ = "0.1.0"
