"""Source maps: what ships, and what is refused with file, line and the nearest valid name."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from muniment.catalog.sources import load_source_map, load_source_maps, mappable_columns
from muniment.errors import CatalogError
from muniment.ingest.recognise import recognise
from muniment.model.paths import MISSING, Row, parse_path, unnest
from muniment.model.sources import (
    FieldMap,
    Recognise,
    Requirement,
    RowMap,
    SourceMap,
    TableMap,
)
from tests.builders.sources import mapped, source_map, write_map
from tests.conftest import PROJECT_ROOT

GOOD = """\
id: test_map
title: Test
reads: jsonl
source_class: gateway
maps:
  - record: event
    columns:
      agent_id: who
      event_time: {path: at, zone: Europe/Copenhagen}
"""


def loaded(tmp_path: Path, text: str) -> Any:
    path = tmp_path / "test_map.yaml"
    path.write_text(text, encoding="utf-8")
    return load_source_map(path)


def test_sources_that_ship_load_under_their_file_names() -> None:
    maps = load_source_maps()
    assert {
        "a2a_agent_card", "agent_events_jsonl", "agt_trading_audit", "approvals_csv",
        "approvals_jsonl", "budgets_csv", "gateway_jsonl", "otlp_genai", "people_csv",
        "permissions_csv", "registry_csv", "tau2_simulations",
    } <= maps.keys()  # fmt: skip
    assert all(len(each.digest) == 64 and each.recognise for each in maps.values())


def test_sources_bare_text_is_a_path(tmp_path: Path) -> None:
    field = loaded(tmp_path, GOOD).maps[0].columns["agent_id"]
    assert (field.path, field.all_paths) == ("who", ("who",))


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("agent_id: who", "agnt_id: who", ["line 8", "no column `agnt_id`", "`agent_id`?"]),
        ("path: at,", "pth: at,", ["line 9", "pth", "Did you mean `path`?"]),
        ("zone: Europe/Copenhagen", "zone: Europe/Kobenhagen", ["line 9", "IANA"]),
        ("source_class: gateway", "source_class: gatway", ["line 4", "`gateway`?"]),
        ("record: event", "record: evnt", ["line 6", "`event`?"]),
        ("record: event", "record: organisation", ["line 6", "record `organisation`"]),
        ("reads: jsonl", "reads: xml", ["line 3", "reads"]),
        ("agent_id: who", "agent_id: {path: who, const: x}", ["line 8", "exactly one"]),
        ("agent_id: who", "agent_id: 'a..b'", ["line 8", "cannot be read"]),
        ("agent_id: who", "outcome: {path: a, values: {ok: sucess}}", ["line 8", "`success`?"]),
        ("agent_id: who", "agent_id: {path: who, zone: UTC}", ["line 8", "no time"]),
        ("agent_id: who", "agent_id: {path: who, round: 2}", ["line 8", "no decimal"]),
        ("agent_id: who", "agent_id: '@import_time'", ["line 8", "is a time"]),
        ("title: Test", "titel: Test", ["titel", "Did you mean `title`?"]),
        ("title: Test", "title: Test\ntitle: Again", ["line 3", "stands twice"]),
        ("title: Test", "title: Test\nencoding: utf-9", ["line 3", "encoding `utf-9`"]),
        ("    columns:", "    rows: items[*]\n    columns:", ["line 7", "with `$`"]),
        ("reads: jsonl", "reads: csv\nrecognise: {hs: [a]}", ["line 4", "`has`?"]),
        ("    columns:", "    where: [{path: a, inn: [b]}]\n    columns:", ["line 7", "`in`?"]),
    ],
)  # fmt: skip
def test_sources_wrong_map_names_line_and_remedy(
    tmp_path: Path, old: str, new: str, words: list[str]
) -> None:
    assert old in GOOD
    with pytest.raises(CatalogError) as caught:
        loaded(tmp_path, GOOD.replace(old, new, 1))
    assert "test_map.yaml" in str(caught.value)
    assert [word for word in words if word not in str(caught.value)] == []


def test_sources_record_map_without_start_or_key_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match="valid_from"):
        source_map(tmp_path, record="person", columns={"person_id": "id"})
    with pytest.raises(CatalogError, match="needs the column `person_id`"):
        source_map(tmp_path, record="person", valid_from="@import_time", columns={"name": "n"})
    with pytest.raises(CatalogError, match="a record's key is `person_id`"):
        source_map(tmp_path, record="person", valid_from="since", natural_key=["id"],
                   columns={"person_id": "id"})  # fmt: skip


def test_sources_csv_map_with_rows_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match="one row at a time"):
        source_map(tmp_path, reads="csv", rows="$.a[*]", columns={"agent_id": "a"})


def test_sources_file_named_unlike_its_id_is_refused(tmp_path: Path) -> None:
    write_map(tmp_path, {"title": "T"}, "right").rename(tmp_path / "wrong.yaml")
    (tmp_path / "wrong.yaml").write_text(GOOD)
    with pytest.raises(CatalogError, match="Name the file `test_map"):
        load_source_maps(tmp_path)


def test_sources_skip_fills_no_columns() -> None:
    assert mappable_columns("skip") == {}
    assert "payload" not in mappable_columns("event")
    assert "owner_ref" in mappable_columns("agent")


DOCUMENT = {
    "a": {"b.c": 1, "b": {"c": 2}, "x.y.z": 3},
    "items": [{"id": "p", "n": [{"v": 1}, {"v": 2}]}, {"id": "q", "n": []}],
    "wanted": "q",
}


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("a.b.c", 2), ("a.x.y.z", 3), ("$.a.x.y.z", 3), ("items[1].id", "q"),
        ("items[9].id", MISSING),
        ("items[id=q].id", "q"), ("items[id=.wanted].id", "q"), ("items[id=none].id", MISSING),
        ("items[*].id", ["p", "q"]), ("a.none", MISSING), ("wanted.deeper", MISSING),
        ("^.a", MISSING), ("$", DOCUMENT),
    ],
)  # fmt: skip
def test_sources_path_finds_its_value(path: str, expected: Any) -> None:
    assert parse_path(path).find(Row(DOCUMENT, None, DOCUMENT)) == expected


def test_sources_caret_climbs_to_the_enclosing_row() -> None:
    top = Row(DOCUMENT, None, DOCUMENT)
    rows = list(unnest(top, parse_path("$.items[*].n[*]").steps))
    assert [row.value["v"] for row in rows] == [1, 2]
    assert [parse_path("^.id").find(row) for row in rows] == ["p", "p"]
    assert parse_path("^^.wanted").find(rows[0]) == "q"
    assert parse_path("^^^.wanted").find(rows[0]) is MISSING


@pytest.mark.parametrize("path", ["", "a..b", "a[", "a[x]", ".a", "a b]", "$$"])
def test_sources_path_that_cannot_be_read_is_refused(path: str) -> None:
    with pytest.raises(ValueError, match="path"):
        parse_path(path)


def test_sources_documents_name_every_map_that_ships() -> None:
    text = (PROJECT_ROOT / "docs" / "sources.md").read_text(encoding="utf-8")
    named = {name for name in load_source_maps() if f"`{name}`" in text}
    # Maps in our own names are told of as `<table>_csv`.
    assert {n for n in load_source_maps() if not n.endswith("_csv")} <= named


def test_sources_documents_name_every_key_of_a_map() -> None:
    text = (PROJECT_ROOT / "docs" / "sources.md").read_text(encoding="utf-8")
    models = (SourceMap, RowMap, FieldMap, Recognise, Requirement, TableMap)
    keys = {name for model in models for name in model.model_fields} - {
        "digest",
        "one_of",
    }  # one_of is written `in`
    assert {key for key in keys if not re.search(rf"\b{key}\b", text)} == set()


def test_nested_log_of_the_documentation_maps_as_it_says(tmp_path: Path) -> None:
    page = (PROJECT_ROOT / "docs" / "sources.md").read_text("utf-8")
    worked = page.partition("### A nested log")[2]
    line = " ".join(worked.split("```json\n")[1].split("```")[0].split())
    (tmp_path / "bot.jsonl").write_text(line + "\n")
    (tmp_path / "bot.yaml").write_text(worked.split("```yaml\n")[1].split("```")[0])
    chosen = load_source_map(tmp_path / "bot.yaml")
    taken, refused = mapped(tmp_path / "bot.jsonl", chosen)
    assert (refused, recognise(tmp_path / "bot.jsonl", {"bot": chosen})) == ([], chosen)
    assert [(row.key, row.values["action_type"], row.values["outcome"]) for row in taken] == [
        (("", "b7", "r1", "1"), "write", "success"),
        (("", "b7", "r1", "2"), "message", "denied"),
        (("", "b7", "r2", "1"), "read", "success"),
    ]
    assert taken[2].values["target_ref"] == "claim/18"
