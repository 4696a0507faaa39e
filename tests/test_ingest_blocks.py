"""Mapping by column equals mapping by row, whatever the map says and whatever the rows hold."""

from __future__ import annotations

import json
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from muniment.ingest.batch_mapping import map_batch
from muniment.ingest.blocks import Batch, batches_of
from muniment.ingest.mapping import MappedRow
from muniment.ingest.row_mapping import groups_of, mapped_rows
from muniment.ingest.rows import Document, Unreadable
from muniment.model.sources import SourceMap
from muniment.store.encoder import entry_rows

AT = "2026-11-20T12:00:00.000000000Z"
TEXTS = (
    "", "-", "n/a", "[REDACTED]", "***", "x", "read", "write", "EUR", "a|b", "a| |b ", "|", " x ",
    "nul\x00", "half\ud800", "é漢😀", 'say "no"\\', "line\nfeed", '{"k": [1.50, "x"]}', "{bad",
    "0", "1", "-1", "+5", "007", "1.5", ".5", "5.", "-0.00", "1e3", "1e-12", "0.1234567891",
    "9223372036854775807", "9223372036854775808", "99999999999999999999.5", "1_000", "１２",
    "true", "False", "YES", "no ", "success", "allow", "stated",
    "2026-11-20T18:04:00Z", "2026-11-20 18:04:00.123456789+05:30",
    "2026-11-20T18:04:00.1234567891Z",
    "2026-11-20T18:04:00", "2026-03-29T02:30:00", "2026-10-25T02:30:00", "2026-10-25T02:30:00Z",
    "2026-02-30T00:00:00Z", "2026-11-20", "2026-11-20T24:00:00Z", "2026-11-20T18:04:60Z",
    "1600-01-01T00:00:00Z", "2300-01-01T00:00:00Z", "2026-11-20T18:04Z", "20/11/2026 18:04",
    "1763661840", "1763661840123", "1763661840.5", "0x10", "2026-11-20T18:04:00+24:00",
)  # fmt: skip
NUMBERS = (
    0, 1, -1, 5, 1763661840, 1763661840123456789, 2**63 - 1, 2**63, -(2**63), 10**30,
    Decimal("1.5"), Decimal("0.1"), Decimal("-0.0"), Decimal("1E+2"), Decimal("1E-12"),
    Decimal("1E+70"), Decimal("12345678901234567.5"), Decimal("0.1234567891"), Decimal("5.000"),
)  # fmt: skip
scalars = st.one_of(
    st.sampled_from(TEXTS), st.sampled_from(NUMBERS), st.booleans(), st.none(), st.text(max_size=6)
)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from(["k", "x.y", "seconds", "nanos"]), inner, max_size=3),
    ),
    max_leaves=5,
)
KEYS = ("a", "b", "c.d", "c", "agent_id", "event_time", "amount", "time_basis", "id")
rows = st.dictionaries(st.sampled_from(KEYS), values, max_size=6)
PATHS = ("a", "b", "c.d", "c.k", "c[0]", "c.x.y", "$.a", "^.a", "agent_id", "id", "@import_time")
paths = st.sampled_from(PATHS)
COLUMNS = (
    "agent_id", "action_type", "target_name", "outcome", "event_time", "end_time", "time_basis",
    "amount", "cost_usd", "input_tokens", "executed", "context_refs", "input_sanitised",
)  # fmt: skip
ORIGINS = st.one_of(
    st.fixed_dictionaries({"path": paths}),
    st.fixed_dictionaries({"path": paths}),
    st.fixed_dictionaries({"paths": st.lists(paths, min_size=1, max_size=3)}),
    st.fixed_dictionaries(
        {"all_of": st.lists(paths, min_size=1, max_size=3), "join": st.just("/")}
    ),
    st.fixed_dictionaries({"sum_of": st.lists(paths, min_size=1, max_size=2)}),
    st.fixed_dictionaries({"const": st.sampled_from(["x", "read", True, 5, ["p", "q"], "1.5"])}),
)
READING = {
        "json_text": st.just(True),
        "extract": st.just("([a-z0-9]+)"),
        "split": st.just("|"),
        "each": st.just("k"),
        "join": st.just("+"),
        "values": st.just({"x": "read", "read": "write", "true": True, "1": 7, "0": ""}),
        "default": st.sampled_from(["other", None, 3, True]),
        "time": st.sampled_from(["iso", "epoch_s", "epoch_ms", "seconds_nanos", ["epoch_ns", "iso"],
                                 "%d/%m/%Y %H:%M"]),
        "zone": st.sampled_from(["UTC", "Europe/Berlin"]),
        "unit": st.sampled_from(["micros_to_units", "cents_to_units"]),
        "round": st.sampled_from([0, 2, 9]),
        "canonical_json": st.just(True),
        "sanitise": st.just(True),
        "digest": st.just(True),
        "keep": st.just(12),
        "lower": st.just(True),
        "prefix": st.just("p-"),
        "absent": st.sampled_from(["read", 0, False]),
        "scalar": st.just(True),
        "nulls": st.just(["x", "0"]),
        "marks": st.just(["write"]),
        "masked_by": st.just(["b"]),
        "masked_if": st.just("e.d"),
}  # fmt: skip
readings = st.sets(st.sampled_from(sorted(READING)), max_size=3).flatmap(
    lambda names: st.fixed_dictionaries({name: READING[name] for name in sorted(names)})
)
plain_fields = st.fixed_dictionaries({"path": paths})
fields = st.one_of(plain_fields, st.builds(lambda origin, read: read | origin, ORIGINS, readings))
conditions = st.one_of(
    st.fixed_dictionaries({"path": paths, "absent": st.booleans()}),
    st.fixed_dictionaries(
        {"path": paths, "in": st.just(["x", "", "1", "true", "1.5"]), "absent": st.booleans()}
    ),
)
row_maps = st.fixed_dictionaries(
    {"record": st.sampled_from(["event", "event", "event", "skip"])},
    optional={
        "columns": st.dictionaries(st.sampled_from(COLUMNS), fields, max_size=5),
        "own_names": st.sampled_from(["", "c."]),
        "where": st.lists(conditions, max_size=2),
        "natural_key": st.lists(paths, max_size=2),
        "kind": st.sampled_from(["", 'a "kind"']),
        "require": st.just([{"path": "b", "matches": "[a-z]*", "says": "b is a word"}]),
    },
)
source_maps = st.fixed_dictionaries(
    {"maps": st.lists(row_maps, min_size=1, max_size=3)},
    optional={
        "zone": st.sampled_from(["UTC", "Europe/Berlin"]),
        "split": st.just("|"),
        "redaction_marks": st.just(["[REDACTED]", "***"]),
        "redaction_patterns": st.just(["<.*>|read"]),
        "null_marks": st.just(["-", "n/a", "0"]),
    },
)


def source_of(content: dict[str, Any]) -> SourceMap:
    for row_map in content["maps"]:  # a catalog refuses these
        for name in {"event_time", "end_time"} & row_map.get("columns", {}).keys():
            row_map["columns"][name].pop("absent", None)
    whole = {"id": "random", "title": "R", "reads": "jsonl", "source_class": "gateway", **content}
    try:
        return SourceMap.model_validate(whole)
    except ValidationError:
        assume(False)
        raise


def said(row: MappedRow) -> dict[str, Any]:
    listed = {"redacted_fields": sorted(row.redacted), "empty_fields": sorted(row.empty)}
    return row.values | {name: names for name, names in listed.items() if names}


def by_row(source: SourceMap, pieces: Iterable[Document | Unreadable]) -> tuple[list[Any], ...]:
    events, refused = [], []
    for place, found in mapped_rows(groups_of(source, AT), pieces):
        if isinstance(found, Unreadable):
            refused.append((place, found.kind, found.reason, found.excerpt))
        else:
            key = None if found.key is None else list(found.key)
            events.append((place, key, said(found)))
    return events, refused


def by_block(batches: Iterable[Batch]) -> tuple[list[Any], ...]:
    events: list[Any] = []
    refused: list[Any] = []
    for batch in batches:
        mapped = map_batch(batch)
        for _, one in mapped.others:
            assert isinstance(one, Unreadable)
            refused.append((one.place, one.kind, one.reason, one.excerpt))
        if mapped.events is not None:
            keys = [key and json.loads(key) for key in mapped.events.keys.to_pylist()]
            found = [
                {name: value for name, value in row.items() if value is not None}
                for row in entry_rows(mapped.events.table)
            ]
            events += zip(mapped.events.places.tolist(), keys, found, strict=True)
    return events, refused


def compare(content: dict[str, Any], taken: list[Any], most: int) -> None:
    source = source_of(content)
    pieces = [Document(place, value, value) for place, value in enumerate(taken, start=1)]
    expected = by_row(source, pieces)
    assert by_block(batches_of(groups_of(source, AT), pieces, most)) == expected


QUIET = {"deadline": None, "suppress_health_check": list(HealthCheck)}


@settings(max_examples=120, derandomize=True, **QUIET)
@given(source_maps, st.lists(st.one_of(rows, values), max_size=8), st.integers(1, 9))
def test_blocks_of_any_rows_give_what_the_rows_give(
    content: dict[str, Any], taken: list[Any], most: int
) -> None:
    compare(content, taken, most)


@pytest.mark.soak
@settings(max_examples=8_000, **QUIET)
@given(source_maps, st.lists(st.one_of(rows, values), max_size=12), st.integers(1, 13))
def test_blocks_of_very_many_random_rows_give_what_the_rows_give(
    content: dict[str, Any], taken: list[Any], most: int
) -> None:
    compare(content, taken, most)
