"""OTLP as protobuf: the collector's file exporter, or one export request, in the form of OTLP/JSON.

The file exporter writes before each message its length in four bytes, big end first; an export
request saved to a file is one bare message. Its traces, logs and metrics look alike at the top, so
the signal is told by what lies three levels down. OTLP/JSON itself is never read this way: its ids
are hexadecimal, and protobuf's own JSON reader takes them for base64.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any, BinaryIO

import pyarrow as pa
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import DecodeError
from opentelemetry.proto.common.v1.common_pb2 import AnyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, ResourceLogs
from opentelemetry.proto.metrics.v1.metrics_pb2 import ResourceMetrics
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, Span

from muniment.errors import InputError
from muniment.ingest.compressed import ZSTD
from muniment.ingest.files import SourceFile
from muniment.ingest.rows import Unreadable

MAX_MESSAGE = 64 << 20
_VARINT, _FIXED64, _LENGTH, _FIXED32 = 0, 1, 2, 5
_BARE = b"\x0a"  # field 1, a message: so begins an export request
Field = tuple[int, int, bytes]
Resource = tuple[int, str, Any, int]
# As text, and so in memory, OTLP is about so many times as long.
_AS_TEXT = 4


class _BrokenError(ValueError):
    """Bytes that are no protobuf."""


def holds_protobuf(head: bytes) -> bool:
    """Whether a file that begins so can be OTLP as protobuf at all."""
    start = head[4:] if head[:1] in (b"\x00", b"\x01") else head
    return start[:1] == _BARE or (head[:1] == b"\x00" and start.startswith(ZSTD))


def signal_of_file(file: SourceFile) -> str | None:
    """`resourceSpans`, `resourceLogs` or `resourceMetrics` for OTLP as protobuf, else None."""
    try:
        for piece in proto_resources(file):
            return None if isinstance(piece, Unreadable) else piece[1]
    except InputError:
        pass
    return None


def proto_resources(file: SourceFile) -> Iterator[Resource | Unreadable]:
    """Each resource: the number of its message, its signal, its content as OTLP/JSON, its length.

    A message that is broken is refused alone; a bare request is taken or refused as a whole.
    """
    with file.path.open("rb") as stream:
        if stream.read(1) == _BARE:
            yield from _bare(stream, file)
        else:
            yield from _framed(stream, file)


def _framed(stream: BinaryIO, file: SourceFile) -> Iterator[Resource | Unreadable]:
    stream.seek(0)
    place, at = 0, 0
    while at < file.size:
        place += 1
        length = int.from_bytes(stream.read(4), "big")
        at += 4 + length
        if length > MAX_MESSAGE or at > file.size:
            left = file.size - at + length
            reason = f"message {place} is cut off or no OTLP; {max(left, 0):,} bytes are unread"
            yield Unreadable(place, "message cut off", reason, "")
            return
        yield from _of_message(place, stream.read(length))


def _of_message(place: int, data: bytes) -> Iterator[Resource | Unreadable]:
    try:
        plain = _inflated(data) if data.startswith(ZSTD) else data
        found = [(resource_of(content), len(content)) for number, kind, content in fields(plain)
                 if number == 1 and kind == _LENGTH]  # fmt: skip
    except (ValueError, DecodeError, OSError, pa.ArrowException) as error:
        reason = f"message {place} is not OTLP: {str(error)[:120]}"
        yield Unreadable(place, "not OTLP", reason, "")
        return
    for (signal, resource), length in found:
        yield place, signal, resource, length * _AS_TEXT


def _inflated(data: bytes) -> bytes:
    with pa.CompressedInputStream(pa.BufferReader(data), "zstd") as stream:
        plain = bytes(stream.read(MAX_MESSAGE + 1))
    if len(plain) > MAX_MESSAGE:
        raise _BrokenError("it unpacks to more than 64 MiB")
    return plain


def _bare(stream: BinaryIO, file: SourceFile) -> Iterator[Resource]:
    """The resources of one request, each held alone; read to its end before the first is given."""
    for give in (False, True):
        stream.seek(0)
        try:
            for place, content in enumerate(_resources_in(stream, file.size), start=1):
                found = resource_of(content)
                if give:
                    yield (place, *found, len(content) * _AS_TEXT)
        except (ValueError, DecodeError) as error:
            raise InputError(
                f"`{file.path.name}` is not whole OTLP as protobuf: {str(error)[:120]}. "
                "Fetch it again. Nothing was imported."
            ) from error


def _resources_in(stream: BinaryIO, size: int) -> Iterator[bytes]:
    while stream.tell() < size:
        tag = _varint_from(stream)
        if tag != _BARE[0]:
            raise _BrokenError(f"an unknown field {tag >> 3} stands beside the resources")
        length = _varint_from(stream)
        if length > MAX_MESSAGE or stream.tell() + length > size:
            raise _BrokenError("it ends in the middle of a resource")
        yield stream.read(length)


def _varint_from(stream: BinaryIO) -> int:
    value = 0
    for shift in range(0, 70, 7):
        byte = stream.read(1)
        if not byte:
            raise _BrokenError("it ends in the middle of a number")
        value |= (byte[0] & 0x7F) << shift
        if byte[0] < 0x80:
            return value
    raise _BrokenError("a number has more than ten bytes")


def fields(data: bytes) -> Iterator[Field]:
    """The fields of a message: number, wire type, and the content where it has a length."""
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        content = b""
        kind = tag & 7
        if kind == _VARINT:
            _, at = _varint(data, at)
        elif kind in (_FIXED64, _FIXED32):
            at += 8 if kind == _FIXED64 else 4
        elif kind == _LENGTH:
            length, at = _varint(data, at)
            content = data[at : at + length]
            at += length
        else:
            raise _BrokenError(f"it has a field of wire type {kind}")
        if at > len(data):
            raise _BrokenError("a field ends behind its message")
        yield tag >> 3, kind, content


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(data):
            raise _BrokenError("it ends in the middle of a number")
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise _BrokenError("a number has more than ten bytes")


def resource_of(data: bytes) -> tuple[str, dict[str, Any]]:
    """The signal of a resource's message, and the resource as OTLP/JSON has it."""
    signal = _signal(data)
    if signal == "resourceSpans":
        spans = ResourceSpans.FromString(data)
        scopes = [{"scope": _scope(s.scope), "spans": list(map(_span, s.spans))}
                  for s in spans.scope_spans]  # fmt: skip
        return signal, {"resource": _attributes_in(spans.resource), "scopeSpans": scopes}
    if signal == "resourceLogs":
        logs = ResourceLogs.FromString(data)
        scopes = [{"scope": _scope(s.scope), "logRecords": list(map(_log, s.log_records))}
                  for s in logs.scope_logs]  # fmt: skip
        return signal, {"resource": _attributes_in(logs.resource), "scopeLogs": scopes}
    metrics = MessageToDict(ResourceMetrics.FromString(data), use_integers_for_enums=True)
    return signal, _exact(metrics)


def _signal(data: bytes) -> str:
    """Told by the innermost fields: ids of 16 and 8 bytes, times as fixed64, or a metric's name."""
    for number, kind, scope in fields(data):
        if number != 2 or kind != _LENGTH:
            continue
        for inner, inner_kind, item in fields(scope):
            if inner == 2 and inner_kind == _LENGTH:
                return _signal_of_item({(n, k): c for n, k, c in fields(item)})
    raise _BrokenError("it holds no span, log record or metric")


def _signal_of_item(item: dict[tuple[int, int], bytes]) -> str:
    ids = len(item.get((1, _LENGTH), b"")), len(item.get((2, _LENGTH), b""))
    if ids == (16, 8) and not item.keys() & {(n, _LENGTH) for n in (7, 10)}:
        return "resourceSpans"
    if item.keys() & {(1, _FIXED64), (11, _FIXED64), (2, _VARINT)}:
        return "resourceLogs"
    if (1, _LENGTH) in item and item.keys() & {(n, _LENGTH) for n in (5, 7, 9, 10, 11)}:
        return "resourceMetrics"
    if {(1, _LENGTH), (2, _LENGTH)} <= item.keys() or (7, _FIXED64) in item:
        return "resourceSpans"  # its ids are wrong, and each such span is refused by them
    raise _BrokenError("it holds no span, log record or metric")


def _attributes_in(message: Any) -> dict[str, Any]:
    return {"attributes": _key_values(message.attributes)}


def _scope(scope: Any) -> dict[str, Any]:
    return {"name": scope.name, "version": scope.version, **_attributes_in(scope)}


def _key_values(items: Any) -> list[dict[str, Any]]:
    return [{"key": item.key, "value": _any(item.value)} for item in items]


def _any(value: AnyValue) -> dict[str, Any]:
    kind = value.WhichOneof("value")
    if kind not in _KINDS:
        return {}
    name, read = _KINDS[kind]
    return {name: read(getattr(value, kind))}


def _span(span: Span) -> dict[str, Any]:
    return {
        "traceId": span.trace_id.hex(),
        "spanId": span.span_id.hex(),
        "parentSpanId": span.parent_span_id.hex(),
        "name": span.name,
        "kind": span.kind,
        "startTimeUnixNano": span.start_time_unix_nano,
        "endTimeUnixNano": span.end_time_unix_nano,
        **_attributes_in(span),
        **({"status": _status(span)} if span.HasField("status") else {}),
        "events": [
            {"timeUnixNano": each.time_unix_nano, "name": each.name, **_attributes_in(each)}
            for each in span.events
        ],
        "links": [
            {"traceId": each.trace_id.hex(), "spanId": each.span_id.hex(), **_attributes_in(each)}
            for each in span.links
        ],
    }


def _status(span: Span) -> dict[str, Any]:
    return {"code": span.status.code, "message": span.status.message}


def _log(log: LogRecord) -> dict[str, Any]:
    return {
        "timeUnixNano": log.time_unix_nano,
        "observedTimeUnixNano": log.observed_time_unix_nano,
        "severityNumber": log.severity_number,
        "severityText": log.severity_text,
        "body": _any(log.body),
        **_attributes_in(log),
        "traceId": log.trace_id.hex(),
        "spanId": log.span_id.hex(),
        "eventName": log.event_name,
    }


def _exact(value: Any) -> Any:
    """Binary fractions as their shortest decimal, which is what OTLP/JSON would have written."""
    if isinstance(value, dict):
        return {key: _exact(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_exact(item) for item in value]
    if isinstance(value, float):
        return Decimal(repr(value)) if math.isfinite(value) else str(value)
    return value


_KINDS: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "string_value": ("stringValue", str),
    "int_value": ("intValue", int),
    "bool_value": ("boolValue", bool),
    "double_value": ("doubleValue", _exact),
    "bytes_value": ("bytesValue", lambda value: base64.b64encode(value).decode()),
    "array_value": ("arrayValue", lambda value: {"values": list(map(_any, value.values))}),
    "kvlist_value": ("kvlistValue", lambda value: {"values": _key_values(value.values)}),
}
