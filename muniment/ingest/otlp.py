"""OTLP traces, logs and metrics: the file exporter's files, or one export request as a document.

Ids are hexadecimal in OTLP/JSON, and not base64 as in protobuf's own JSON; they are lower-cased.
Spans come in any order, children before parents and over many lines. Tool spans carry no agent, so
the agent of the nearest ancestor that names one is offered as `inherited`. For that the file is
read twice: first into an index of spans that spills to disk, then to give the spans.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

from muniment.ingest.files import SourceFile
from muniment.ingest.otlp_proto import Resource
from muniment.ingest.otlp_resources import resources_of
from muniment.ingest.otlp_signals import logs_of, points_of
from muniment.ingest.otlp_values import (
    attributes_of,
    list_of,
    members,
    object_of,
    without_zeros,
)
from muniment.ingest.rows import Document, Unreadable, excerpt_of

_TRACE_ID = re.compile(r"[0-9a-fA-F]{32}\Z")
_SPAN_ID = re.compile(r"[0-9a-fA-F]{16}\Z")
_SURROGATE = re.compile("[\ud800-\udfff]")
_AGENT = "gen_ai.agent.id"
_AGENT_NAME = "gen_ai.agent.name"
_AGENT_VERSION = "gen_ai.agent.version"
_OPERATION = "gen_ai.operation.name"
_NAMING = (_AGENT, _AGENT_NAME, _AGENT_VERSION, _OPERATION)
_SPANS = "resourceSpans"
Piece = Document | Unreadable


def read_otlp(file: SourceFile) -> Iterator[Piece]:
    """One document per span (`span`, `attributes`, `resource`, `scope`, `inherited`), per log
    record (`log`, `event`, `body` …) and per data point (`metric`, `point`, `value` …).

    Raises InputError where the file is one document that is broken.
    """
    with closing(sqlite3.connect("")) as index:  # a private file that is deleted at close
        index.execute(
            "create table span (trace text, id text, parent text, agent text, name text,"
            " version text, primary key (trace, id)) without rowid"
        )
        index.executemany(
            "insert or replace into span values (?, ?, ?, ?, ?, ?)",
            (row for piece in resources_of(file, (_SPANS,)) for row in _named_spans(piece)),
        )
        for piece in resources_of(file):
            if isinstance(piece, Unreadable):
                yield piece
                continue
            place, signal, resource, size = piece
            found = list(_PIECES[signal](place, resource))
            for each in found:
                if isinstance(each, Document):
                    each.size = size // len(found)
                    if signal == _SPANS:
                        _inherit(index, each.value)
            yield from found


def _spans_of(place: int, resource: Any) -> Iterator[Piece]:
    about = attributes_of(object_of(resource, "resource").get("attributes"))
    for scope in members(place, resource, "scopeSpans"):
        if isinstance(scope, Unreadable):
            yield scope
            continue
        named = object_of(scope, "scope")
        for span in members(place, scope, "spans"):
            yield _checked(place, {"span": span, "resource": about, "scope": named})


def _checked(place: int, found: dict[str, Any]) -> Piece:
    """The span with its ids in lower case and its attributes flat, or why it is none."""
    span = found["span"]
    if isinstance(span, Unreadable):
        return span
    if not isinstance(span, dict):
        return Unreadable(place, "not a span", "a span is no object", excerpt_of(span))
    ids = _ids_of(span)
    if ids is None:
        said = " ".join(str(span.get(name)) for name in ("traceId", "spanId", "parentSpanId"))
        return Unreadable(
            place,
            "bad span id",
            "the ids are not hexadecimal (32 and 16 digits), as OTLP/JSON writes them",
            excerpt_of(said),
        )
    trace, own, parent = ids
    value = {
        **found,
        "attributes": attributes_of(span.get("attributes")),
        "span": {
            **without_zeros(span),
            "traceId": trace,
            "spanId": own,
            **({"parentSpanId": parent} if parent else {}),
        },
    }
    if not parent:
        value["span"].pop("parentSpanId", None)
    return Document(place, value, value)


def _ids_of(span: dict[str, Any]) -> tuple[str, str, str | None] | None:
    """The ids of trace, span and parent in lower case; None where one is not as OTLP writes it."""
    trace, own = span.get("traceId"), span.get("spanId")
    parent = span.get("parentSpanId") or None
    whole = _is_hex(_TRACE_ID, trace) and _is_hex(_SPAN_ID, own)
    if not whole or not (parent is None or _is_hex(_SPAN_ID, parent)):
        return None
    return str(trace).lower(), str(own).lower(), str(parent).lower() if parent else None


def _named_spans(piece: Resource | Unreadable) -> Iterator[tuple[str | None, ...]]:
    """Of each span of a resource its trace, id and parent, and the agent that it names."""
    for scope in () if isinstance(piece, Unreadable) else members(0, piece[2], "scopeSpans"):
        for span in () if isinstance(scope, Unreadable) else members(0, scope, "spans"):
            ids = _ids_of(span) if isinstance(span, dict) else None
            if ids is not None:
                yield (*ids, *_agent_of(span))


def _agent_of(span: dict[str, Any]) -> tuple[str | None, ...]:
    """The id, name and version of the agent that a span invokes."""
    items = list_of(span.get("attributes"))
    named = attributes_of([
        item for item in items if isinstance(item, dict) and item.get("key") in _NAMING
    ])  # fmt: skip
    if named.get(_OPERATION) not in ("invoke_agent", None):
        return None, None, None
    return tuple(_text(named.get(name)) for name in (_AGENT, _AGENT_NAME, _AGENT_VERSION))


def _inherit(index: sqlite3.Connection, value: dict[str, Any]) -> None:
    """Offer the agent of the nearest ancestor that names one, to a span that names none."""
    attributes, span = value["attributes"], value["span"]
    if attributes.get(_AGENT) or attributes.get(_AGENT_NAME):
        return
    trace, passed = span["traceId"], dict[str, None]()
    parent = span.get("parentSpanId")
    found: tuple[Any, ...] | None = None
    while parent is not None and parent not in passed:
        found = index.execute(
            "select parent, agent, name, version from span where trace = ? and id = ?",
            (trace, parent),
        ).fetchone()
        if found is None or found[1] or found[2]:
            break
        passed[parent] = None
        parent = found[0]
    named = parent if found is not None and (found[1] or found[2]) else None
    # Later spans below the same ancestors jump straight to the one that names the agent.
    if len(passed) > 1:
        index.executemany(
            "update span set parent = ? where trace = ? and id = ?",
            [(named, trace, each) for each in passed],
        )
    if found is not None and named is not None:
        names = ("agent_id", "agent_name", "agent_version")
        value["inherited"] = {"span_id": named, **dict(zip(names, found[1:], strict=True))}


def _is_hex(pattern: re.Pattern[str], value: Any) -> bool:
    return isinstance(value, str) and pattern.match(value) is not None and value.strip("0") != ""


def _text(value: Any) -> str | None:
    usable = isinstance(value, str) and value and "\x00" not in value
    return value if usable and not _SURROGATE.search(value) else None


_PIECES: dict[str, Callable[[int, Any], Iterator[Piece]]] = {
    _SPANS: _spans_of,
    "resourceLogs": logs_of,
    "resourceMetrics": points_of,
}
