"""What a source map can say of a value beyond its place: odd times, sums, masks, JSON in texts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from muniment.errors import CatalogError
from muniment.model.paths import MISSING, Row, parse_path
from tests.builders.sources import json_lines, mapped, source_map, value_of

ZSCALER = "%a %b %d %H:%M:%S %Y"


@pytest.mark.parametrize(
    ("value", "time", "expected"),
    [
        ("Fri Dec 31 07:07:07 2021", ZSCALER, "2021-12-31T07:07:07.000000000Z"),
        ("10/24/2023 7:07:31", ["iso", "%m/%d/%Y %H:%M:%S"], "2023-10-24T07:07:31.000000000Z"),
        ("2015-07-06 18:56:04", ["iso", "%m/%d/%Y %H:%M:%S"], "2015-07-06T18:56:04.000000000Z"),
        ("20/Nov/2026:18:04:00 +0200", "%d/%b/%Y:%H:%M:%S %z", "2026-11-20T16:04:00.000000000Z"),
        ("1773416922.391", "epoch_s", "2026-03-13T15:48:42.391000000Z"),
        ({"seconds": 1679565894, "nanos": 5}, "seconds_nanos", "2023-03-23T10:04:54.000000005Z"),
        ({"seconds": "1679565894"}, "seconds_nanos", "2023-03-23T10:04:54.000000000Z"),
    ],
)  # fmt: skip
def test_language_odd_time_is_read_as_declared(
    tmp_path: Path, value: Any, time: Any, expected: str
) -> None:
    field = {"path": "v", "time": time, "zone": "UTC"}
    assert value_of(tmp_path, {"v": value}, "event_time", field) == expected


@pytest.mark.parametrize(
    ("value", "time", "word"),
    [
        ("31/12/2021", ZSCALER, "not a time written as"),
        ("2023-13-01", ["%m/%d/%Y", "iso"], "not a time written as"),
        ({"nanos": 5}, "seconds_nanos", "no object of seconds"),
        ({"seconds": 5, "nanos": 10**9}, "seconds_nanos", "no part of a second"),
        ("Fri Dec 31 07:07:07 2021", ZSCALER, "no time zone"),
    ],
)
def test_language_time_that_is_not_as_declared_is_refused(
    tmp_path: Path, value: Any, time: Any, word: str
) -> None:
    zone = {} if "zone" in word else {"zone": "UTC"}
    assert word in value_of(
        tmp_path, {"v": value}, "event_time", {"path": "v", "time": time, **zone}
    )


def test_language_local_time_of_a_pattern_that_occurs_twice_is_refused(tmp_path: Path) -> None:
    field = {"path": "v", "time": "%d.%m.%Y %H:%M", "zone": "Europe/Berlin"}
    assert "twice or never" in value_of(tmp_path, {"v": "25.10.2026 02:30"}, "event_time", field)


TOKENS = {"sum_of": ["input", "read", "created"]}


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({"input": 3, "read": 900, "created": 50}, 953),
        ({"input": 3, "read": None}, 3),
        ({"read": 900, "created": 50}, "not carried"),
        ({"input": None, "read": 900}, "empty"),
        ({"input": "***", "read": 900}, "redacted"),
        ({"input": "many"}, "`input_tokens` is `many`, not a plain number"),
    ],
)
def test_language_sum_adds_what_is_there_and_needs_its_first_part(
    tmp_path: Path, row: dict[str, Any], expected: Any
) -> None:
    assert value_of(tmp_path, row, "input_tokens", TOKENS, redaction_marks=["***"]) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [("allow", "allow"), ("puzzling", "empty"), (["a"], "empty")],
)
def test_language_null_default_leaves_a_word_unknown_empty(
    tmp_path: Path, value: Any, expected: str
) -> None:
    field = {"path": "v", "values": {"allow": "allow"}, "default": None}
    assert value_of(tmp_path, {"v": value}, "policy_result", field) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [("TCP_MISS/404", "404"), ("TCP_MISS/-", "empty"), ("none", "empty")],
)
def test_language_extract_keeps_its_group_or_nothing(
    tmp_path: Path, value: str, expected: str
) -> None:
    field = {"path": "v", "extract": "/(.+)$"}
    assert value_of(tmp_path, {"v": value}, "error_type", field, null_marks=["-"]) == expected


def test_language_extract_refuses_a_text_that_is_too_long(tmp_path: Path) -> None:
    field = {"path": "v", "extract": "(a+)+$"}
    assert "too long" in value_of(tmp_path, {"v": "a" * 9_000 + "!"}, "error_type", field)


@pytest.mark.parametrize(
    ("value", "expected"),
    [("****1234", "redacted"), ("a****1234", "a****1234"), ("1234", "1234")],
)
def test_language_redaction_pattern_must_match_the_whole_text(
    tmp_path: Path, value: str, expected: str
) -> None:
    top = {"redaction_patterns": [r"\*{4}\d*"]}
    assert value_of(tmp_path, {"v": value}, "user_ref", "v", **top) == expected


@pytest.mark.parametrize(
    ("row", "values", "redacted"),
    [
        ({"input": {"a": 1}, "erased": ["/input/b"]}, '{"a":1}', True),
        ({"erased": ["/input"]}, None, True),
        ({"input": {"a": 1}, "erased": []}, '{"a":1}', False),
        ({"input": {"a": 1}}, '{"a":1}', False),
    ],
)
def test_language_masked_by_tells_hidden_from_absent(
    tmp_path: Path, row: dict[str, Any], values: str | None, redacted: bool
) -> None:
    field = {"path": "input", "canonical_json": True, "masked_by": "erased"}
    chosen = source_map(tmp_path, columns={"input_sanitised": field, "agent_name": "n"})
    (taken,), _ = mapped(json_lines(tmp_path / "f", {"n": "x", **row}), chosen)
    assert taken.values.get("input_sanitised") == values
    assert ("input_sanitised" in taken.redacted) is redacted


NEEDS = [
    {"path": "skills[*]", "has": ["name"], "says": "each skill must have a name"},
    {"path": "cid", "matches": "b[a-z2-7]{8,}", "says": "a CID must be base32"},
]


@pytest.mark.parametrize(
    ("row", "word"),
    [
        ({"skills": [{"name": "s"}], "cid": "babcdefgh"}, None),
        ({}, None),
        ({"skills": [{"name": "s"}, {"id": 1}]}, "each skill must have a name"),
        ({"cid": "kkj"}, "a CID must be base32, but at `cid` one is `kkj`"),
    ],
)
def test_language_row_that_breaks_a_requirement_is_refused_in_words(
    tmp_path: Path, row: dict[str, Any], word: str | None
) -> None:
    chosen = source_map(tmp_path, columns={"agent_name": "n"}, require=NEEDS)
    taken, refused = mapped(json_lines(tmp_path / "f", {"n": "x", **row}), chosen)
    assert len(taken) == (word is None)
    assert all(word is not None and word in one.reason for one in refused)


def test_language_json_text_is_opened_and_what_is_none_stays(tmp_path: Path) -> None:
    chosen = source_map(
        tmp_path, json_texts=["meta"], columns={"team_id": "meta.team", "agent_name": "n"}
    )
    rows = [{"n": 1, "meta": json.dumps({"team": "red"})}, {"n": 2, "meta": '{"team": "re'},
            {"n": 3, "meta": {"team": "blue"}}, {"n": 4, "meta": None}]  # fmt: skip
    taken, refused = mapped(json_lines(tmp_path / "f", *rows), chosen)
    assert [row.values.get("team_id") for row in taken] == ["red", None, "blue", None]
    assert refused == []


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ('["$schema"]', "s"), ('a["b.c"].d', 1), ("bundles[*].revision", ["r1", "r2"]),
        ("@timestamp", "t"), ('["@timestamp"]', "t"), ('a["none"]', MISSING),
    ],
)  # fmt: skip
def test_language_path_reaches_odd_keys_and_values_of_objects(path: str, expected: Any) -> None:
    document = {
        "$schema": "s", "@timestamp": "t", "a": {"b.c": {"d": 1}},
        "bundles": {"x": {"revision": "r1"}, "y": {"revision": "r2"}},
    }  # fmt: skip
    assert parse_path(path).find(Row(document, None, document)) == expected


@pytest.mark.parametrize(
    ("field", "word"),
    [
        ({"path": "v", "time": "%H:%M"}, "year, month and day"),
        ({"path": "v", "time": "yesterday"}, "epoch_ms"),
        ({"path": "v", "extract": "abc"}, "no group"),
        ({"path": "v", "extract": "(a"}, "no regular expression"),
        ({"sum_of": ["a", "b"], "path": "c"}, "exactly one"),
    ],
)
def test_language_wrong_field_is_refused_with_the_remedy(
    tmp_path: Path, field: Any, word: str
) -> None:
    with pytest.raises(CatalogError, match=word):
        source_map(tmp_path, columns={"event_time": field})


def test_language_line_needs_its_expression_and_groups(tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match="go together"):
        source_map(tmp_path, reads="lines", columns={"agent_name": "a"})
    with pytest.raises(CatalogError, match="named group"):
        source_map(tmp_path, reads="lines", line="(a)", columns={"agent_name": "a"})


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({"v": "AccessDenied"}, "denied"), ({"v": "Throttled"}, "failure"),
        ({"v": ""}, "empty"), ({}, "success"),
    ],
)  # fmt: skip
def test_language_absent_says_what_leaving_out_means(
    tmp_path: Path, row: dict[str, Any], expected: str
) -> None:
    field = {"path": "v", "values": {"AccessDenied": "denied"}, "default": "failure",
             "absent": "success"}  # fmt: skip
    assert value_of(tmp_path, row, "outcome", field) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({}, "empty"), ("{}", "empty"), ({"a": 1}, '{"a":1}'),
        ({"a": "… litellm_truncated 9 chars"}, "redacted"),
    ],
)  # fmt: skip
def test_language_empty_and_cut_content_is_told_from_content(
    tmp_path: Path, value: Any, expected: str
) -> None:
    field = {"path": "v", "canonical_json": True, "nulls": ["{}"], "masked_if": "litellm_truncated"}
    assert value_of(tmp_path, {"v": value}, "input_sanitised", field) == expected


def test_language_scalar_looks_past_an_object(tmp_path: Path) -> None:
    field = {"paths": ["v", "v.id"], "scalar": True}
    assert value_of(tmp_path, {"v": {"id": "a"}}, "user_ref", field) == "a"
    assert value_of(tmp_path, {"v": "b"}, "user_ref", field) == "b"


def test_language_row_of_two_sets_gives_two_records(tmp_path: Path) -> None:
    maps = [
        {"record": "event", "columns": {"agent_name": "who"}},
        {"record": "person", "set": "people", "valid_from": "@import_time",
         "columns": {"person_id": "who"}},
    ]  # fmt: skip
    chosen = source_map(tmp_path, maps=maps)
    taken, refused = mapped(json_lines(tmp_path / "f", {"who": "ada"}), chosen)
    assert [row.record for row in taken] == ["event", "person"]
    assert refused == []


def test_language_shared_columns_yield_to_a_row_maps_own(tmp_path: Path) -> None:
    maps = [
        {"record": "event", "where": [{"path": "k", "in": ["a"]}], "columns": {"team_id": "t"}},
        {"record": "event", "columns": {"agent_name": "other"}},
    ]
    shared = {"agent_name": "who", "team_id": {"const": "all"}}
    chosen = source_map(tmp_path, maps=maps, shared=shared)
    rows = [{"k": "a", "who": "ada", "t": "red"}, {"k": "b", "who": "bob", "other": "x"}]
    taken, _ = mapped(json_lines(tmp_path / "f", *rows), chosen)
    assert [(r.values["agent_name"], r.values["team_id"]) for r in taken] == [
        ("ada", "red"),
        ("x", "all"),
    ]
