"""Dataclasses as canonical JSON values and back, so that a stored result is the result."""

from __future__ import annotations

import types
import typing
from dataclasses import fields, is_dataclass
from enum import Enum
from functools import cache
from typing import Any, TypeVar

T = TypeVar("T")


def to_json_value(value: Any) -> Any:
    """The value as str, int, bool, list and dict only; floats become their shortest exact text.

    Fields that hold None are left out, so a field added later changes no digest of older documents.
    """
    if is_dataclass(value) and not isinstance(value, type):
        named = ((f.name, getattr(value, f.name)) for f in fields(value))
        return {name: to_json_value(held) for name, held in named if held is not None}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, dict):
        return {str(k): to_json_value(v) for k, v in value.items() if v is not None}
    if isinstance(value, (list, tuple)):
        return [to_json_value(element) for element in value]
    return value


def from_json_value(kind: type[T], value: dict[str, Any]) -> T:
    """The dataclass `kind` that `to_json_value` wrote; raises ValueError where it does not fit.

    Unknown keys are refused: they mean that a newer version wrote the document.
    """
    result: T = _decode(kind, value)
    return result


@cache
def _hints(kind: type) -> dict[str, Any]:
    return typing.get_type_hints(kind)


def _decode(kind: Any, value: Any) -> Any:
    if kind is Any:
        return value
    origin = typing.get_origin(kind)
    if origin is not None:
        return _decode_generic(origin, kind, value)
    if is_dataclass(kind):
        return _decode_dataclass(typing.cast(type, kind), value)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return kind(value)
    if kind is float:
        return float(_need(str, value))
    return _need(kind, value)


def _decode_generic(origin: Any, kind: Any, value: Any) -> Any:
    if origin is tuple:
        return _decode_tuple(typing.get_args(kind), value)
    if origin is dict:
        return {k: _decode(typing.get_args(kind)[1], v) for k, v in _need(dict, value).items()}
    return _decode_optional(kind, value)


def _decode_optional(kind: Any, value: Any) -> Any:
    if value is None:
        return None
    (inner,) = (a for a in typing.get_args(kind) if a is not types.NoneType)
    return _decode(inner, value)


def _decode_tuple(inner: tuple[Any, ...], value: Any) -> Any:
    elements = _need(list, value)
    if len(inner) == 2 and inner[1] is Ellipsis:
        return tuple(_decode(inner[0], element) for element in elements)
    if len(inner) != len(elements):
        raise ValueError(f"a list of {len(inner)} was expected, {len(elements)} were found")
    return tuple(_decode(kind, element) for kind, element in zip(inner, elements, strict=True))


def _decode_dataclass(kind: Any, value: Any) -> Any:
    given = _need(dict, value)
    hints = _hints(kind)
    unknown = sorted(set(given) - {f.name for f in fields(kind)})
    if unknown:
        raise ValueError(f"{kind.__name__} has no field `{unknown[0]}`")
    held = {name: _decode(hints[name], given[name]) for name in given}
    for f in fields(kind):
        # None is not written, so an absent field that may be None was None.
        if f.name not in held and types.NoneType in typing.get_args(hints[f.name]):
            held[f.name] = None
    try:
        return kind(**held)
    except TypeError as error:
        raise ValueError(f"{kind.__name__}: {error}") from error


def _need(kind: Any, value: Any) -> Any:
    # bool is an int to Python, but not to evidence.
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise ValueError(f"{kind.__name__} was expected, `{str(value)[:60]}` was found")
    return value
