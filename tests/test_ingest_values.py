"""One value of a source to one value of a column: exact, or refused with the reason."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from muniment.ingest.canonical_text import canonical_text, digest_of, sanitise
from tests.builders.sources import mapped, source_map


def read_raw(tmp_path: Path, text: str, column: str, field: Any, **top: Any) -> Any:
    """The value that a line's field `v` gives, or the reason of the refusal."""
    chosen = source_map(tmp_path, columns={column: field, "agent_name": "other"}, **top)
    path = tmp_path / "rows.jsonl"
    path.write_text(f'{{"v": {text}, "other": 1}}\n', encoding="utf-8")
    taken, refused = mapped(path, chosen)
    if refused:
        return refused[0].reason
    row = taken[0]
    marks = {"empty": column in row.empty, "redacted": column in row.redacted}
    state = [name for name, set_ in marks.items() if set_]
    return state[0] if state else row.values.get(column, "not carried")


def read(tmp_path: Path, value: Any, column: str, field: Any, **top: Any) -> Any:
    return read_raw(tmp_path, json.dumps(value), column, field, **top)


@pytest.mark.parametrize(
    ("value", "field", "expected"),
    [
        ("2026-11-20T18:04:00Z", "v", "2026-11-20T18:04:00.000000000Z"),
        ("2026-11-20T18:04:00+02:00", "v", "2026-11-20T16:04:00.000000000Z"),
        ("2026-11-20T18:04:00", {"path": "v", "zone": "Europe/Copenhagen"},
         "2026-11-20T17:04:00.000000000Z"),
        ("2026-11-20T18:04:00Z", {"path": "v", "zone": "Europe/Copenhagen"},
         "2026-11-20T18:04:00.000000000Z"),
        (1763661840, {"path": "v", "time": "epoch_s"}, "2025-11-20T18:04:00.000000000Z"),
        ("1763661840123", {"path": "v", "time": "epoch_ms"}, "2025-11-20T18:04:00.123000000Z"),
        ("1763661840123456789", {"path": "v", "time": "epoch_ns"},
         "2025-11-20T18:04:00.123456789Z"),
    ],
)  # fmt: skip
def test_ingest_time_is_read_as_its_map_declares(
    tmp_path: Path, value: Any, field: Any, expected: str
) -> None:
    assert read(tmp_path, value, "event_time", field) == expected


@pytest.mark.parametrize(
    ("value", "field", "word"),
    [
        ("2026-11-20T18:04:00", "v", "states no time zone"),
        ("2026-10-25T02:30:00", {"path": "v", "zone": "Europe/Copenhagen"}, "twice or never"),
        ("2026-03-29T02:30:00", {"path": "v", "zone": "Europe/Copenhagen"}, "twice or never"),
        ("20/11/2026", "v", "not an ISO 8601 time"),
        (1763661840, "v", "not an ISO 8601 time"),
        ("2026-02-30T00:00:00Z", "v", "day"),
        ("9999-01-01T00:00:00Z", "v", "1679 to 2261"),
        (10**30, {"path": "v", "time": "epoch_ns"}, "1679 to 2261"),
        ("2026-11-20T18:04:00.0000000001Z", "v", "finer than a nanosecond"),
    ],
)  # fmt: skip
def test_ingest_time_that_cannot_be_known_is_refused(
    tmp_path: Path, value: Any, field: Any, word: str
) -> None:
    assert word in read(tmp_path, value, "event_time", field)


def test_ingest_declared_zone_is_marked_declared(tmp_path: Path) -> None:
    chosen = source_map(tmp_path, zone="UTC", columns={"event_time": "at", "agent_id": "who"})
    path = tmp_path / "r.jsonl"
    path.write_text('{"at": "2026-01-01T00:00:00", "who": "a"}\n'
                    '{"at": "2026-01-01T00:00:00Z", "who": "a"}\n')  # fmt: skip
    taken, _ = mapped(path, chosen)
    assert [row.values["time_basis"] for row in taken] == ["declared", "stated"]


@pytest.mark.parametrize(
    ("text", "field", "expected"),
    [
        ("0.1", "v", "0.100000000"), ('"1e3"', "v", "1000.000000000"), ("-0.0", "v", "0.000000000"),
        ("12345678901234567890.0", "v", "`amount` has too many digits"),
        ("0.1000000001", {"path": "v", "round": 9}, "0.100000000"),
        ("0.1000000001", "v", "more than nine decimals"),
        ("0.25", {"path": "v", "round": 1}, "0.200000000"),
        ("0.35", {"path": "v", "round": 1}, "0.400000000"),
        ("1234567", {"path": "v", "unit": "micros_to_units"}, "1.234567000"),
        ("1999", {"path": "v", "unit": "cents_to_units"}, "19.990000000"),
        ('"1,000.00"', "v", "not a plain number"), ('"1.000,00"', "v", "not a plain number"),
        ("true", "v", "not a plain number"), ("1e999999", "v", "out of range"),
        ("0.008172500000000001", {"path": "v", "round": 9}, "0.008172500"),
    ],
)  # fmt: skip
def test_ingest_decimal_is_exact_or_refused(
    tmp_path: Path, text: str, field: Any, expected: str
) -> None:
    assert expected in read_raw(tmp_path, text, "amount", field)


@pytest.mark.parametrize(
    ("value", "expected"),
    [(7, 7), ("7", 7), (7.0, 7), (7.5, "whole number"), (2**63, "64 bits"), ("x", "plain number")],
)
def test_ingest_integer_is_whole_or_refused(tmp_path: Path, value: Any, expected: Any) -> None:
    found = read(tmp_path, value, "input_tokens", "v")
    assert found == expected if isinstance(expected, int) else expected in found


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (True, True),
        ("FALSE", False),
        ("yes", True),
        (0, False),
        ("maybe", "neither true nor false"),
    ],
)
def test_ingest_boolean_is_read_or_refused(tmp_path: Path, value: Any, expected: Any) -> None:
    found = read(tmp_path, value, "executed", "v")
    assert found is expected if isinstance(expected, bool) else expected in found


@pytest.mark.parametrize(
    ("value", "expected"),
    [(None, "empty"), ("", "empty"), ("-", "empty"), ("***", "redacted"), ("a", "a")],
)
def test_ingest_empty_and_masked_values_are_told_apart(
    tmp_path: Path, value: Any, expected: str
) -> None:
    marks = {"null_marks": ["-"], "redaction_marks": ["***"]}
    assert read(tmp_path, value, "approval_id", "v", **marks) == expected
    assert read(tmp_path, value, "approval_id", "absent", **marks) == "not carried"


def test_ingest_first_path_with_a_value_is_taken(tmp_path: Path) -> None:
    assert read(tmp_path, None, "approval_id", {"paths": ["gone", "v", "other"]}) == "1"
    assert read(tmp_path, None, "approval_id", {"paths": ["gone", "v"]}) == "empty"


@pytest.mark.parametrize(
    ("text", "word"),
    [('"\\ud800"', "half a character"), ('"a\\u0000b"', "NUL"),
     (f'"{"x" * 1_100_000}"', "limit"),
     ("{}", "an object"), ("[[1]]", "not a text")],
)  # fmt: skip
def test_ingest_text_that_cannot_be_stored_is_refused(tmp_path: Path, text: str, word: str) -> None:
    column = "context_refs" if text.startswith("[") else "target_ref"
    assert word in read_raw(tmp_path, text, column, "v")


def test_ingest_long_text_can_be_kept_as_its_digest(tmp_path: Path) -> None:
    text = "x" * 3_000_000
    field = {"path": "v", "digest": True}
    assert read(tmp_path, text, "input_sha256", field) == digest_of(text)
    assert read(tmp_path, text, "input_sha256", {**field, "keep": 12}) == digest_of(text)[:12]


@pytest.mark.parametrize(
    ("value", "column", "field", "expected"),
    [
        ("ok", "outcome", {"path": "v", "values": {"ok": "success"}}, "success"),
        ("odd", "outcome", {"path": "v", "values": {"ok": "success"}}, "does not translate"),
        ("odd", "outcome", {"path": "v", "values": {}, "default": "unknown"}, "unknown"),
        (False, "executed", {"path": "v", "values": {"false": True}}, True),
        ("great", "outcome", "v", "not one of"),
        ("a|b | ", "context_refs", {"path": "v", "split": "|"}, ["a", "b"]),
        ([{"id": 1}, {"id": 2}, {}], "context_refs", {"path": "v", "each": "id"}, ["1", "2"]),
        (["a", "b"], "target_ref", {"path": "v", "join": "+"}, "a+b"),
        ('{"b": 1, "a": 2.50}', "target_ref",
         {"path": "v", "json_text": True, "canonical_json": True}, '{"a":2.5,"b":1}'),
        ("{", "target_ref", {"path": "v", "json_text": True}, "not exact JSON"),
        ("AbC", "trace_id", {"path": "v", "lower": True, "prefix": "t-"}, "t-abc"),
        ("x", "target_ref", {"all_of": ["v", "none", "other"], "join": "/"}, "x//1"),
    ],
)  # fmt: skip
def test_ingest_field_is_shaped_as_its_map_says(
    tmp_path: Path, value: Any, column: str, field: Any, expected: Any
) -> None:
    found = read(tmp_path, value, column, field)
    assert found == expected or (isinstance(found, str) and expected in found)


def test_ingest_own_name_stands_before_the_listed_column(tmp_path: Path) -> None:
    chosen = source_map(
        tmp_path, own_names="m.", columns={"outcome": {"path": "s", "values": {"0": "failure"}}}
    )
    path = tmp_path / "r.jsonl"
    path.write_text('{"m": {"outcome": "partial"}, "s": 0}\n{"m": {"agent_id": "a"}, "s": 0}\n')
    taken, _ = mapped(path, chosen)
    assert [row.values["outcome"] for row in taken] == ["partial", "failure"]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"b": [True, None], "a": "é\n"}, '{"a":"é\\n","b":[true,null]}'),
        ({"\U0001f600": 1, "\ufb33": 2}, '{"\U0001f600":1,"\ufb33":2}'),
        (Decimal("1.0"), "1"), (Decimal("1E+2"), "100"), (Decimal("0.1"), "0.1"),
        (Decimal("1E-7"), "1e-7"), (Decimal("1.5E+22"), "1.5e+22"),
        (Decimal("0.1000000000000000055511151231257827"), "0.1000000000000000055511151231257827"),
    ],
)  # fmt: skip
def test_ingest_canonical_text_follows_rfc_8785(value: Any, expected: str) -> None:
    assert canonical_text(value) == expected


def test_ingest_sanitised_text_holds_no_secret_or_person() -> None:
    text = (
        "mail bo@example.org call +45 12 34 56 78, key sk-abcdefghijklmnop1234, "
        'Bearer abc.def-123456, {"api_key": "hunter22", "order": "A-1042", "n": 20261120}'
    )
    assert sanitise(text) == (
        "mail [e-mail] call [number], key [secret], "
        'Bearer [secret], {"api_key": "[secret]", "order": "A-1042", "n": 20261120}'
    )
