"""Stops with one clear sentence where Python is older than the project needs."""

import sys

if sys.version_info < (3, 11):  # noqa: UP036 - this is the check itself
    found = ".".join(map(str, sys.version_info[:3]))
    sys.exit("Muniment needs Python 3.11 or newer; this is " + found + ". Set PYTHON=python3.11.")
