"""Canonical bytes: the one way to write an entry, so that equal evidence has equal hashes.

RFC 8785 (JSON Canonicalization Scheme), restricted to objects, arrays, strings, integers
(written in full, where JCS would pass them through a double) and booleans. Floats are refused:
decimals and times are fixed strings.
Keys whose value is None are left out, so that a column added later changes no old hash.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from muniment.model.entries import ENTRY_COLUMNS

# RFC 8785 section 3.2.2.2: two-character escapes where JSON has them, else \u00xx in lower case.
_ESCAPES = {
    "\b": "\\b", "\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r", '"': '\\"', "\\": "\\\\",
}  # fmt: skip
_MUST_ESCAPE = re.compile(r'[\x00-\x1f"\\]')
_ENTRY_NAMES = tuple(sorted(column.name for column in ENTRY_COLUMNS))


def canonical_json(value: Any) -> str:
    """The canonical JSON text of a value.

    Raises TypeError for a float or any other type that has no canonical form here, and ValueError
    for a text with a lone surrogate, which has no UTF-8 bytes.
    """
    # bool before int: True is an int in Python.
    if value is True:
        return "true"
    if value is False:
        return "false"
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, int):
        return str(value)
    if isinstance(value, Mapping):
        pairs = ((key, inner) for key, inner in value.items() if inner is not None)
        return "{" + ",".join(f"{_text(k)}:{canonical_json(v)}" for k, v in _sorted(pairs)) + "}"
    if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray):
        return "[" + ",".join(canonical_json(inner) for inner in value) + "]"
    raise TypeError(f"`{type(value).__name__}` has no canonical form; give text, integer or truth")


def entry_bytes(row: Mapping[str, Any]) -> bytes:
    """The canonical bytes of one log entry: every column that is not NULL, salt included.

    row: column name to value as everywhere outside Arrow: times and decimals as fixed strings.
    Columns that the schema does not know are refused with KeyError, since they would not be sealed.
    """
    unknown = row.keys() - set(_ENTRY_NAMES)
    if unknown:
        raise KeyError(f"the log has no column `{min(unknown)}`")
    return canonical_json({name: row.get(name) for name in _ENTRY_NAMES}).encode("utf-8")


def _sorted(pairs: Any) -> list[tuple[str, Any]]:
    # RFC 8785 section 3.2.3: by UTF-16 code units, which differs from code points above U+FFFF.
    return sorted(pairs, key=_sort_key)


def _sort_key(pair: tuple[Any, Any]) -> bytes:
    if not isinstance(pair[0], str):
        raise TypeError(f"an object's key must be text, not `{type(pair[0]).__name__}`")
    return pair[0].encode("utf-16-be", "surrogatepass")


def _text(value: str) -> str:
    value.encode("utf-8")  # a lone surrogate stops here
    return '"' + _MUST_ESCAPE.sub(_escape, value) + '"'


def _escape(match: re.Match[str]) -> str:
    character = match.group()
    return _ESCAPES.get(character) or f"\\u{ord(character):04x}"
