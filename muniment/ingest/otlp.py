"""OTLP traces, logs and metrics: the file exporter's files, or one export request as a document.

Ids are hexadecimal in OTLP/JSON, and not base64 as in protobuf's own JSON; they are lower-cased.
Spans come in any order, children before parents and over many lines. Tool spans carry no agent, so
the agent of the nearest ancestor that names one is offered as `inherited`. For that the file is
read twice: first into an index of spans that spills to disk, then to give the spans.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from typing import Any

from muniment.ingest.files import SourceFile
from muniment.ingest.otlp_resources import resources_of
from muniment.ingest.otlp_signals import logs_of, points_of
from muniment.ingest.otlp_values import (
    attributes_of,
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
        for piece in resources_of(file, (_SPANS,)):
            for span in () if isinstance(piece, Unreadable) else _spans_of(piece[0], piece[2]):
                if isinstance(span, Document):
                    _remember(index, span.value)
        for piece in resources_of(file):
            if isinstance(piece, Unreadable):
                yield piece
                continue
            place, signal, resource = piece
            if signal == _SPANS:
                for span in _spans_of(place, resource):
                    if isinstance(span, Document):
                        _inherit(index, span.value)
                    yield span
            else:
                yield from (logs_of if signal == "resourceLogs" else points_of)(place, resource)


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
    trace, own = span.get("traceId"), span.get("spanId")
    parent = span.get("parentSpanId") or None
    whole = _is_hex(_TRACE_ID, trace) and _is_hex(_SPAN_ID, own)
    if not whole or not (parent is None or _is_hex(_SPAN_ID, parent)):
        return Unreadable(
            place,
            "bad span id",
            "the ids are not hexadecimal (32 and 16 digits), as OTLP/JSON writes them",
            excerpt_of(f"{trace} {own} {parent}"),
        )
    value = {
        **found,
        "attributes": attributes_of(span.get("attributes")),
        "span": {
            **without_zeros(span),
            "traceId": str(trace).lower(),
            "spanId": str(own).lower(),
            **({"parentSpanId": str(parent).lower()} if parent else {}),
        },
    }
    if not parent:
        value["span"].pop("parentSpanId", None)
    return Document(place, value, value)


def _remember(index: sqlite3.Connection, value: dict[str, Any]) -> None:
    span, attributes = value["span"], value["attributes"]
    agent, name = _text(attributes.get(_AGENT)), _text(attributes.get(_AGENT_NAME))
    version = _text(attributes.get("gen_ai.agent.version"))
    invoked = attributes.get("gen_ai.operation.name") in ("invoke_agent", None)
    if not invoked:
        agent = name = version = None
    index.execute(
        "insert or replace into span values (?, ?, ?, ?, ?, ?)",
        (span["traceId"], span["spanId"], span.get("parentSpanId"), agent, name, version),
    )


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
