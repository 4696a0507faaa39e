"""OTLP/JSON traces: the file exporter's JSON Lines, or one export request as a document.

Ids are hexadecimal in this format, and not base64 as in protobuf's own JSON; they are lower-cased.
Spans come in any order, children before parents and over many lines. Tool spans carry no agent, so
the agent of the nearest ancestor that names one is offered as `inherited`. For that the file is
read twice: first into an index of spans that spills to disk, then to give the spans.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from muniment.ingest.files import open_text
from muniment.ingest.json_text import JsonCursor, parse_json
from muniment.ingest.rows import Document, Unreadable, excerpt_of

_TRACE_ID = re.compile(r"[0-9a-fA-F]{32}\Z")
_SPAN_ID = re.compile(r"[0-9a-fA-F]{16}\Z")
_INTEGER = re.compile(r"-?\d{1,19}\Z")
_SURROGATE = re.compile("[\ud800-\udfff]")
_AGENT = "gen_ai.agent.id"
_AGENT_NAME = "gen_ai.agent.name"
Lines = Callable[[], Iterable[tuple[int, bytes | Unreadable]]]
Piece = Document | Unreadable


def read_otlp(path: Path, lines: Lines) -> Iterator[Piece]:
    """One document per span: `span`, `attributes`, `resource`, `scope`, `inherited`.

    lines: gives the file's lines, each time it is called. Raises InputError where the file is one
    document that is broken.
    """
    with closing(sqlite3.connect("")) as index:  # a private file that is deleted at close
        index.execute(
            "create table span (trace text, id text, parent text, agent text, name text,"
            " version text, primary key (trace, id)) without rowid"
        )
        for piece in _spans(path, lines):
            if isinstance(piece, Document):
                _remember(index, piece.value)
        for piece in _spans(path, lines):
            if isinstance(piece, Document):
                _inherit(index, piece.value)
            yield piece


def _spans(path: Path, lines: Lines) -> Iterator[Piece]:
    if not _is_lines(lines):
        with open_text(path, "utf-8") as stream:
            elements = JsonCursor(stream, path.name).elements(("resourceSpans",), {})
            for place, value in _numbered(
                span for resource in elements for span in _of_resource(resource)
            ):
                yield _checked(place, value)
        return
    for place, line in lines():
        if isinstance(line, Unreadable):
            yield line
        else:
            yield from _of_line(place, line)


def _numbered(values: Iterable[Any]) -> Iterator[tuple[int, Any]]:
    return enumerate(values, start=1)


def _is_lines(lines: Lines) -> bool:
    """Whether the first line is a document by itself; else the file is one, written over lines."""
    for _, line in lines():
        if isinstance(line, Unreadable):
            return True
        start = line.lstrip()
        return start.startswith(b"{") and start.rstrip() != b"{" and b"resource" in start
    return True


def _of_line(place: int, line: bytes) -> Iterator[Piece]:
    try:
        value = parse_json(line.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        yield Unreadable(
            place, "not JSON", f"the line is not exact JSON: {str(error)[:200]}", excerpt_of(line)
        )
        return
    resources = value.get("resourceSpans") if isinstance(value, dict) else None
    if not isinstance(resources, list):
        yield Unreadable(place, "no traces", "the line holds no `resourceSpans`", excerpt_of(line))
        return
    for resource in resources:
        for span in _of_resource(resource):
            yield _checked(place, span)


def _of_resource(resource: Any) -> Iterator[dict[str, Any]]:
    if not isinstance(resource, dict):
        return
    about = attributes_of(_member(resource, "resource").get("attributes"))
    for scope in _list(resource.get("scopeSpans")):
        named = _member(scope, "scope")
        for span in _list(scope.get("spans") if isinstance(scope, dict) else None):
            yield {"span": span, "resource": about, "scope": named}


def _checked(place: int, found: dict[str, Any]) -> Piece:
    """The span with its ids in lower case and its attributes flat, or why it is none."""
    span = found["span"]
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
            **{key: item for key, item in span.items() if item not in (0, "0", None)},
            "traceId": str(trace).lower(),
            "spanId": str(own).lower(),
            **({"parentSpanId": str(parent).lower()} if parent else {}),
        },
    }
    if not parent:
        value["span"].pop("parentSpanId", None)
    return Document(place, value, value)


def attributes_of(items: Any) -> dict[str, Any]:
    """OTLP's list of key and typed value as one object; the last of two equal keys counts."""
    return {
        str(item.get("key")): _any_value(item.get("value"), 0)
        for item in _list(items)
        if isinstance(item, dict)
    }


def _any_value(value: Any, depth: int) -> Any:
    if not isinstance(value, dict) or depth > 32:
        return None
    for kind, inner in value.items():
        if kind == "intValue":
            return int(inner) if isinstance(inner, str) and _INTEGER.match(inner) else inner
        if kind == "arrayValue":
            return [_any_value(each, depth + 1) for each in _list(_member_of(inner, "values"))]
        if kind == "kvlistValue":
            return {
                str(each.get("key")): _any_value(each.get("value"), depth + 1)
                for each in _list(_member_of(inner, "values"))
                if isinstance(each, dict)
            }
        if kind in {"stringValue", "boolValue", "doubleValue", "bytesValue"}:
            return inner
    return None


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


def _member(value: Any, name: str) -> dict[str, Any]:
    inner = _member_of(value, name)
    return inner if isinstance(inner, dict) else {}


def _member_of(value: Any, name: str) -> Any:
    return value.get(name) if isinstance(value, dict) else None


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
