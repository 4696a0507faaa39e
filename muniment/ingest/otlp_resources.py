"""The resources of an OTLP file, whatever its form: JSON Lines, one JSON document, or protobuf."""

from __future__ import annotations

from collections.abc import Iterator

from muniment.errors import InputError
from muniment.ingest.files import SourceFile, open_text
from muniment.ingest.json_text import JsonCursor, parse_json_line
from muniment.ingest.otlp_proto import Resource, holds_protobuf, proto_resources
from muniment.ingest.readers import exhaust, lines_of
from muniment.ingest.rows import Unreadable, excerpt_of

SIGNALS = ("resourceSpans", "resourceLogs", "resourceMetrics")


def resources_of(
    file: SourceFile, wanted: tuple[str, ...] = SIGNALS
) -> Iterator[Resource | Unreadable]:
    """Each resource: its line (or number), its signal, its content as OTLP/JSON has it, and its
    length as text (0: not known).

    wanted: signals to give; others are passed over, parsed no further than needed.
    Raises InputError where a document is broken, or holds no telemetry.
    """
    with file.path.open("rb") as stream:
        head = stream.read(8)
    if holds_protobuf(head):
        yield from (piece for piece in proto_resources(file) if _is_wanted(piece, wanted))
    elif _is_lines(file):
        yield from _of_lines(file, wanted)
    else:
        yield from _of_document(file, wanted)


def _is_wanted(piece: Resource | Unreadable, wanted: tuple[str, ...]) -> bool:
    return isinstance(piece, Unreadable) or piece[1] in wanted


def _is_lines(file: SourceFile) -> bool:
    """Whether the first line is a document by itself; else the file is one, written over lines."""
    for _, line in lines_of(file):
        if isinstance(line, Unreadable):
            return True
        start = line.lstrip()
        return start.startswith(b"{") and start.rstrip() != b"{" and b"resource" in start
    return True


def _of_document(file: SourceFile, wanted: tuple[str, ...]) -> Iterator[Resource]:
    there = []
    for signal in SIGNALS:  # to its end before anything is given
        with open_text(file.path, "utf-8") as stream:
            if exhaust(JsonCursor(stream, file.path.name).elements((signal,), {})):
                there.append(signal)
    if not there:
        raise InputError(
            f"`{file.path.name}` holds no OTLP: none of {', '.join(f'`{s}`' for s in SIGNALS)} is "
            "an array in it. Choose the source map of its format. Nothing was imported."
        )
    place = 0
    for signal in there:
        with open_text(file.path, "utf-8") as stream:
            for resource in JsonCursor(stream, file.path.name).elements((signal,), {}):
                place += 1
                if signal in wanted:
                    yield place, signal, resource, 0


def _of_lines(file: SourceFile, wanted: tuple[str, ...]) -> Iterator[Resource | Unreadable]:
    marks = [signal.encode() for signal in wanted]
    every = wanted == SIGNALS
    for place, line in lines_of(file):
        if isinstance(line, Unreadable):
            yield line
        elif every or any(mark in line for mark in marks):
            yield from _of_line(place, line, wanted)


def _of_line(place: int, line: bytes, wanted: tuple[str, ...]) -> Iterator[Resource | Unreadable]:
    try:
        value = parse_json_line(line)
    except (ValueError, RecursionError) as error:
        yield Unreadable(
            place, "not JSON", f"the line is not exact JSON: {str(error)[:200]}", excerpt_of(line)
        )
        return
    members = value if isinstance(value, dict) else {}
    there = [signal for signal in SIGNALS if isinstance(members.get(signal), list)]
    if not there:
        reason = "the line holds no `resourceSpans`, `resourceLogs` or `resourceMetrics`"
        yield Unreadable(place, "no telemetry", reason, excerpt_of(line))
    count = sum(len(members[signal]) for signal in there)
    for signal in there:
        if signal in wanted:
            for resource in members[signal]:
                yield place, signal, resource, len(line) // count
