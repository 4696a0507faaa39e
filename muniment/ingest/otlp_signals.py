"""OTLP logs and metrics as documents: one per log record, one per data point."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from muniment.ingest.otlp_values import (
    any_value,
    attributes_of,
    member_of,
    members,
    object_of,
    without_zeros,
)
from muniment.ingest.rows import Document, Unreadable, excerpt_of

Piece = Document | Unreadable
_ID = re.compile(r"[0-9a-fA-F]*[1-9a-fA-F][0-9a-fA-F]*\Z")
_EVENT_NAME = re.compile(r"[\w.-]{1,120}\Z")
_KINDS = ("gauge", "sum", "histogram", "exponentialHistogram", "summary")


def logs_of(place: int, resource: Any) -> Iterator[Piece]:
    """Each log record, as `log`, `event` (its name), `body`, `attributes`, `resource`, `scope`."""
    about = attributes_of(object_of(resource, "resource").get("attributes"))
    for scope in members(place, resource, "scopeLogs"):
        if isinstance(scope, Unreadable):
            yield scope
            continue
        named = object_of(scope, "scope")
        for log in members(place, scope, "logRecords"):
            yield _log(place, log, {"resource": about, "scope": named})


def points_of(place: int, resource: Any) -> Iterator[Piece]:
    """Each data point, as `metric`, `point`, `value`, `attributes`, `resource`, `scope`."""
    about = attributes_of(object_of(resource, "resource").get("attributes"))
    for scope in members(place, resource, "scopeMetrics"):
        if isinstance(scope, Unreadable):
            yield scope
            continue
        named = object_of(scope, "scope")
        for metric in members(place, scope, "metrics"):
            yield from _points(place, metric, {"resource": about, "scope": named})


def _log(place: int, log: Any, shared: dict[str, Any]) -> Piece:
    if isinstance(log, Unreadable):
        return log
    if not isinstance(log, dict):
        return Unreadable(place, "not a log record", "a log record is no object", excerpt_of(log))
    attributes, body = attributes_of(log.get("attributes")), any_value(log.get("body"))
    ids = {name: log[name] for name in ("traceId", "spanId") if log.get(name)}
    wrong = [name for name, value in ids.items() if not _is_id(name, value)]
    if wrong:
        reason = f"`{wrong[0]}` is not hexadecimal, as OTLP/JSON writes it"
        return Unreadable(place, "bad span id", reason, excerpt_of(ids[wrong[0]]))
    content = {key: value for key, value in log.items() if key not in ("attributes", "body")}
    value = {
        **shared,
        "log": without_zeros({**content, **{name: text.lower() for name, text in ids.items()}}),
        "event": _event_name(log.get("eventName"), attributes.get("event.name"), body),
        "attributes": attributes,
        **({} if body is None else {"body": body}),
    }
    return Document(place, value, value)


def _is_id(name: str, value: Any) -> bool:
    digits = 32 if name == "traceId" else 16
    zero = isinstance(value, str) and value.strip("0") == ""
    return zero or (isinstance(value, str) and len(value) == digits and bool(_ID.match(value)))


def _event_name(*places: Any) -> str | None:
    """Producers name an event in three places; one may lack the prefix that another has."""
    names = [text for text in places if isinstance(text, str) and _EVENT_NAME.match(text)]
    return next((n for n in names if n.endswith(f".{names[0]}")), names[0]) if names else None


def _points(place: int, metric: Any, shared: dict[str, Any]) -> Iterator[Piece]:
    if isinstance(metric, Unreadable):
        yield metric
        return
    kinds = [kind for kind in _KINDS if isinstance(member_of(metric, kind), dict)]
    if not kinds or not isinstance(metric.get("name"), str):
        reason = "a metric has no name, or no data of a kind that OTLP knows"
        yield Unreadable(place, "not a metric", reason, excerpt_of(metric))
        return
    data = metric[kinds[0]]
    about = {
        "name": metric["name"],
        "unit": metric.get("unit"),
        "kind": kinds[0],
        "temporality": data.get("aggregationTemporality"),
    }
    for point in members(place, data, "dataPoints"):
        if isinstance(point, Unreadable):
            yield point
            continue
        if not isinstance(point, dict):
            yield Unreadable(place, "not a point", "a data point is no object", excerpt_of(point))
            continue
        unset = {n for n in ("timeUnixNano", "startTimeUnixNano") if point.get(n) in (0, "0")}
        content = {key: each for key, each in point.items() if key not in {"attributes", *unset}}
        value = {
            **shared,
            "metric": without_zeros(about),
            "point": content,
            "attributes": attributes_of(point.get("attributes")),
        }
        number = next((point[k] for k in ("asInt", "asDouble", "sum") if k in point), None)
        yield Document(place, {**value, "value": number}, {**value, "value": number})
