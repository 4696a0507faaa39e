"""Source files and maps for tests: name only what the test is about."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from muniment.catalog.sources import load_source_map, load_source_maps
from muniment.ingest.mapping import MappedRow
from muniment.ingest.pipeline import map_file, recognise
from muniment.ingest.rows import Unreadable
from muniment.model.entries import CONTENT_COLUMNS
from muniment.model.sources import SourceMap
from muniment.model.times import now
from muniment.store.open import Store

IMPORT_TIME = "2026-11-20T12:00:00.000000000Z"
EVENT_NAMES = ["event_id", *(column.name for column in CONTENT_COLUMNS)]


def write_map(folder: Path, content: dict[str, Any], name: str = "test_map") -> Path:
    path = folder / f"{name}.yaml"
    path.write_text(yaml.safe_dump({"id": name, **content}, sort_keys=False), encoding="utf-8")
    return path


def source_map(folder: Path, reads: str = "jsonl", **content: Any) -> SourceMap:
    """A checked map; `columns` (and other keys of one row map) may stand at the top."""
    parts = ("record", "kind", "rows", "where", "require", "natural_key", "valid_from",
             "own_names", "columns")  # fmt: skip
    row_map = {"record": "event", **{key: content.pop(key) for key in parts if key in content}}
    whole = {"title": "Test", "reads": reads, "source_class": "gateway", "maps": [row_map]}
    return load_source_map(write_map(folder, whole | content))


def json_lines(path: Path, *rows: Any) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def mapped(path: Path, chosen: SourceMap) -> tuple[list[MappedRow], list[Unreadable]]:
    """What an import would take, and what it would refuse."""
    found = [row for _, row in map_file(path, source_map=chosen, import_time=IMPORT_TIME)]
    taken = [row for row in found if isinstance(row, MappedRow)]
    return taken, [row for row in found if isinstance(row, Unreadable)]


def events_of(store: Store) -> list[dict[str, Any]]:
    """All events of the log, in no particular order, without empty columns."""
    rows = store.audit.events_table(EVENT_NAMES, known_at=now()).to_pylist()
    return [{key: value for key, value in row.items() if value is not None} for row in rows]


def span(span_id: str, parent: str | None = None, /, **attributes: Any) -> dict[str, Any]:
    """An OTLP span; `gen_ai__agent__id="x"` is the attribute `gen_ai.agent.id`."""
    made = {
        "traceId": "5B8EFFF798038103D269B633813FC60C",
        "spanId": span_id,
        "name": "step",
        "startTimeUnixNano": "1544712660000000001",
        "endTimeUnixNano": "1544712661000000002",
        "attributes": [
            {"key": key.replace("__", "."), "value": {"stringValue": value}}
            for key, value in attributes.items()
        ],
    }
    return made | ({"parentSpanId": parent} if parent else {})


def traces(*spans: dict[str, Any]) -> dict[str, Any]:
    return {"resourceSpans": [{"scopeSpans": [{"spans": list(spans)}]}]}


def value_of(tmp_path: Path, row: dict[str, Any], column: str, field: Any, **top: Any) -> Any:
    """The value that a map's field gives of a row, its state, or the reason of the refusal."""
    chosen = source_map(tmp_path, columns={column: field, "agent_name": "other"}, **top)
    taken, refused = mapped(json_lines(tmp_path / "rows.jsonl", {"other": "x", **row}), chosen)
    if refused:
        return refused[0].reason
    states = {"empty": taken[0].empty, "redacted": taken[0].redacted}
    state = [name for name, columns in states.items() if column in columns]
    return taken[0].values.get(column, state[0] if state else "not carried")


@cache
def _maps_that_ship() -> dict[str, SourceMap]:
    return load_source_maps()


def recognised(tmp_path: Path, name: str, content: Any) -> tuple[list[MappedRow], list[Unreadable]]:
    """What the map `name`, which must be the one recognised, takes of a JSON document or text."""
    text = content if isinstance(content, str) else json.dumps(content)
    path = tmp_path / "delivered"
    path.write_text(text, encoding="utf-8")
    chosen = recognise(path, _maps_that_ship())
    assert chosen.id == name
    return mapped(path, chosen)


def only_row(tmp_path: Path, name: str, content: Any) -> MappedRow:
    """The one row that such a document gives."""
    (row,), refused = recognised(tmp_path, name, content)
    assert refused == []
    return row
