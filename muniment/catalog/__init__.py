"""Reads mappings/ into the model and refuses what is wrong, with file and line."""
