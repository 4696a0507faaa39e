"""OTLP's typed values as plain ones, and the parts of its documents that may be missing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from muniment.ingest.rows import Unreadable, excerpt_of

_INTEGER = re.compile(r"-?\d{1,19}\Z")
_MAX_DEPTH = 32


def attributes_of(items: Any) -> dict[str, Any]:
    """OTLP's list of key and typed value as one object; the last of two equal keys counts."""
    found: dict[str, Any] = {}
    for item in list_of(items):
        if isinstance(item, dict):
            value = item.get("value")
            # Most are texts, and tell so at once.
            text = value.get("stringValue", value) if isinstance(value, dict) else value
            is_text = type(text) is str and isinstance(value, dict) and len(value) == 1
            found[str(item.get("key"))] = text if is_text else any_value(value)
    return found


def any_value(value: Any, depth: int = 0) -> Any:
    """The plain value of `{"stringValue": …}` and its like."""
    if not isinstance(value, dict) or depth > _MAX_DEPTH:
        return None
    for kind, inner in value.items():
        if kind == "intValue":
            return int(inner) if isinstance(inner, str) and _INTEGER.match(inner) else inner
        if kind == "arrayValue":
            return [any_value(each, depth + 1) for each in list_of(member_of(inner, "values"))]
        if kind == "kvlistValue":
            return {
                str(each.get("key")): any_value(each.get("value"), depth + 1)
                for each in list_of(member_of(inner, "values"))
                if isinstance(each, dict)
            }
        if kind in {"stringValue", "boolValue", "doubleValue", "bytesValue"}:
            return inner
    return None


def without_zeros(item: dict[str, Any]) -> dict[str, Any]:
    """The members that were set: protobuf and some writers state 0 and "" for what was not."""
    return {key: value for key, value in item.items() if value not in (0, "0", "", None)}


def object_of(value: Any, name: str) -> dict[str, Any]:
    """A member that is an object, else an empty one."""
    inner = member_of(value, name)
    return inner if isinstance(inner, dict) else {}


def member_of(value: Any, name: str) -> Any:
    """A member of what may be no object at all."""
    return value.get(name) if isinstance(value, dict) else None


def members(place: int, value: Any, name: str) -> Iterator[Any]:
    """The items of a list inside OTLP; an Unreadable where there should be one and is none."""
    held = value.get(name) if isinstance(value, dict) else value
    if held is None and isinstance(value, dict):
        return
    if isinstance(value, dict) and isinstance(held, list):
        yield from held
    else:
        reason = f"`{name}` is no list" if isinstance(value, dict) else f"`{name}` has no object"
        yield Unreadable(place, "not OTLP", reason, excerpt_of(held))


def list_of(value: Any) -> list[Any]:
    """A list, or an empty one."""
    return value if isinstance(value, list) else []
