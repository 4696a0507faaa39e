"""Files as they come: encodings, delimiters, broken lines, cut-off documents, arrays, Parquet."""

from __future__ import annotations

import io
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from muniment.errors import InputError
from muniment.ingest import json_text
from muniment.ingest.json_text import JsonCursor
from muniment.ingest.readers import unprotected
from muniment.model.sources import SourceMap
from tests.builders.sources import IMPORT_TIME, mapped, source_map


def people(tmp_path: Path, **content: Any) -> SourceMap:
    return source_map(tmp_path, "csv", record="person", valid_from="@import_time", own_names="",
                      **content)  # fmt: skip


def written(tmp_path: Path, content: bytes | str, name: str = "people.csv") -> Path:
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_ingest_csv_byte_order_mark_quotes_and_newlines_are_read(tmp_path: Path) -> None:
    path = written(
        tmp_path, b'\xef\xbb\xbfperson_id,name,kind\r\nbo,"Bo ""B""\nOlsen",human\r\n\r\nal,Al,\r\n'
    )
    taken, refused = mapped(path, people(tmp_path))
    assert refused == []
    assert [row.values for row in taken] == [
        {"person_id": "bo", "name": 'Bo "B"\nOlsen', "kind": "human"},
        {"person_id": "al", "name": "Al"},
    ]
    assert taken[1].empty == ["kind"]
    assert taken[1].not_carried == ["active", "team_id", "left_at"]
    assert taken[1].valid_from == IMPORT_TIME
    assert taken[1].at_import


def test_ingest_csv_delimiter_and_encoding_are_the_maps(tmp_path: Path) -> None:
    path = written(tmp_path, "person_id;name\nbo;Bjørn\n".encode("cp1252"))
    chosen = people(tmp_path, delimiter=";", encoding="cp1252")
    assert mapped(path, chosen)[0][0].values["name"] == "Bjørn"
    with pytest.raises(InputError, match=r"not utf-8 text.*Nothing was imported"):
        mapped(path, people(tmp_path, delimiter=";"))


def test_ingest_csv_in_utf_16_is_one_error_with_its_remedy(tmp_path: Path) -> None:
    path = written(tmp_path, "person_id\nbo\n".encode("utf-16"))
    with pytest.raises(InputError, match="encoding: utf-16"):
        mapped(path, people(tmp_path))
    assert mapped(path, people(tmp_path, encoding="utf-16"))[0][0].values == {"person_id": "bo"}


@pytest.mark.parametrize(
    ("content", "word"),
    [("person_id,name\nbo,\"never closed\nal,Al\n", "never closed"),
     ("person_id,person_id\nbo,bo\n", "stands twice"), ("\n\n", "no header")],
)  # fmt: skip
def test_ingest_csv_broken_as_a_whole_is_one_error(tmp_path: Path, content: str, word: str) -> None:
    with pytest.raises(InputError, match=word):
        mapped(written(tmp_path, content), people(tmp_path))


def test_ingest_csv_row_with_wrong_number_of_cells_is_refused_alone(tmp_path: Path) -> None:
    path = written(tmp_path, "person_id,name\nbo,Bo\nal\nca,Ca,extra\ndo,Do\n")
    taken, refused = mapped(path, people(tmp_path))
    assert [row.values["person_id"] for row in taken] == ["bo", "do"]
    assert [(one.place, one.reason) for one in refused] == [
        (3, "the row has 1 cells, the header 2"), (4, "the row has 3 cells, the header 2"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("cell", "expected"),
    [("'=1+1", "=1+1"), ("'-5", "-5"), ("'@x", "@x"), ("'\tx", "\tx"), ("'+x", "+x"),
     ("'quoted'", "'quoted'"), ("''=1", "''=1"), ("'", "'"), ("=1", "=1"), ("", "")],
)  # fmt: skip
def test_ingest_csv_only_our_own_prefix_is_undone(cell: str, expected: str) -> None:
    assert unprotected(cell) == expected


def lines(tmp_path: Path, *raw: bytes) -> Path:
    return written(tmp_path, b"\n".join(raw), "rows.jsonl")


def test_ingest_jsonl_broken_lines_are_refused_with_their_number(tmp_path: Path) -> None:
    path = lines(
        tmp_path, b'\xef\xbb\xbf{"a": 1}', b"", b'{"a": ', b"[1", b"42", b'{"a": 1, "a": 2}',
        b'{"a": NaN}', b'{"a": "\xff"}', b"[" * 100_000, b'{"a": 2}', b'{"a": "cut',
    )  # fmt: skip
    taken, refused = mapped(path, source_map(tmp_path, columns={"agent_id": "a"}))
    assert [row.values["agent_id"] for row in taken] == ["1", "2"]
    assert [one.place for one in refused] == [3, 4, 5, 6, 7, 8, 9, 11]
    assert "stands twice" in refused[3].reason
    assert all(len(one.excerpt) <= 900 and one.excerpt.isascii() for one in refused)


def test_ingest_jsonl_endless_line_is_passed_over(tmp_path: Path) -> None:
    path = lines(tmp_path, b'{"a": 1}', b'{"a": "' + b"x" * (17 << 20) + b'"}', b'{"a": 2}')
    taken, (refused,) = mapped(path, source_map(tmp_path, columns={"agent_id": "a"}))
    assert [row.values["agent_id"] for row in taken] == ["1", "2"]
    assert (refused.place, refused.kind) == (2, "line too long")


def test_ingest_row_with_nothing_mapped_is_refused(tmp_path: Path) -> None:
    chosen = source_map(tmp_path, columns={"agent_id": "a", "agent_name": {"const": "x"}})
    assert "no field" in mapped(lines(tmp_path, b'{"b": 1}'), chosen)[1][0].reason


def test_ingest_row_that_no_map_takes_is_refused_and_skip_is_silent(tmp_path: Path) -> None:
    maps = [
        {"record": "event", "where": [{"path": "t", "in": ["a"]}], "columns": {"agent_id": "id"}},
        {"record": "skip", "where": [{"path": "t", "in": ["b"]}]},
    ]
    path = lines(tmp_path, *(b'{"id": 1, "t": "%s"}' % t for t in (b"a", b"b", b"c")))
    taken, (refused,) = mapped(path, source_map(tmp_path, maps=maps))
    assert len(taken) == 1
    assert (refused.place, refused.kind) == (3, "no map takes the row")


ARRAY = {"meta": {"who": "w"}, "skip": [[1, {"a": [2]}]], "list": [{"v": 1}, {"v": 2.50}, {"v": 3}]}


@pytest.fixture(params=[1, 7, 1 << 16])
def chunk(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(json_text, "_CHUNK", request.param)
    return int(request.param)


def test_ingest_json_array_streams_with_the_document_around_it(tmp_path: Path, chunk: int) -> None:
    chosen = source_map(tmp_path, "json", rows="$.list[*]",
                        columns={"agent_id": "$.meta.who", "target_ref": "v"})  # fmt: skip
    # The part that rows refer to may stand after them.
    late = {"list": ARRAY["list"], "skip": ARRAY["skip"], "meta": ARRAY["meta"]}
    for document in (ARRAY, late):
        taken, refused = mapped(written(tmp_path, json.dumps(document), "d.json"), chosen)
        assert refused == []
        assert [row.values["target_ref"] for row in taken] == ["1", "2.5", "3"]
        assert {row.values["agent_id"] for row in taken} == {"w"}


@pytest.mark.parametrize(
    "text", ["[]", "[1, 2.5e-7, -3, 12345678901234567890]", '["a\\"]", {"x": [null, true]}, ""]']
)
def test_ingest_json_cursor_equals_a_plain_reader(text: str, chunk: int) -> None:
    found = list(JsonCursor(io.StringIO(text), "f").elements((), {}))
    assert found == json.loads(text, parse_float=Decimal)
    assert JsonCursor(io.StringIO(text), "f").whole() == json.loads(text, parse_float=Decimal)


def test_ingest_json_cut_off_anywhere_is_one_error_and_no_row(tmp_path: Path) -> None:
    chosen = source_map(tmp_path, "json", rows="$.list[*]", columns={"target_ref": "v"})
    text = json.dumps(ARRAY)
    for end in range(1, len(text)):
        with pytest.raises(InputError, match=r"`d.json` line 1 .*Nothing was imported"):
            mapped(written(tmp_path, text[:end], "d.json"), chosen)


@pytest.mark.parametrize(
    "text",
    ['{"list": [1]} x', '{"list": [1], "list": [2]}', '{"list": [{"a": 1, "a": 2}]}', "[[[[[" * 999,
     '{"list": [NaN]}', '{"other": []}', '{"list": 1,}', "{,}", "null"],
)  # fmt: skip
def test_ingest_json_that_is_not_exact_is_one_error(tmp_path: Path, text: str) -> None:
    chosen = source_map(tmp_path, "json", rows="$.list[*]", columns={"target_ref": "v"})
    with pytest.raises(InputError, match=r"d\.json"):
        mapped(written(tmp_path, text, "d.json"), chosen)


def test_ingest_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    chosen = source_map(tmp_path, columns={"agent_id": "a"})
    for path, word in [(tmp_path, "is a folder"), (tmp_path / "none", "cannot be read"),
                       (written(tmp_path, b""), "is empty")]:  # fmt: skip
        with pytest.raises(InputError, match=word):
            mapped(path, chosen)


def test_ingest_parquet_keeps_nanoseconds_decimals_and_lists(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    table = pa.table({
        "at": pa.array([1_763_661_840_123_456_789], pa.timestamp("ns", "UTC")),
        "amount": pa.array([Decimal("12.340000001")], pa.decimal128(20, 9)),
        "score": pa.array([0.1]),
        "refs": pa.array([["a", "b"]]),
        "who": pa.array([None], pa.string()),
    })  # fmt: skip
    pq.write_table(table, path)
    columns = {"event_time": "at", "amount": "amount", "confidence": "score",
               "context_refs": "refs", "agent_id": "who"}  # fmt: skip
    (row,), refused = mapped(path, source_map(tmp_path, "parquet", columns=columns))
    assert refused == []
    assert row.values == {
        "event_time": "2025-11-20T18:04:00.123456789Z", "time_basis": "stated",
        "amount": "12.340000001", "confidence": "0.100000000", "context_refs": ["a", "b"],
    }  # fmt: skip
    assert row.empty == ["agent_id"]


def test_ingest_parquet_naive_time_needs_a_declared_zone(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    pq.write_table(pa.table({"at": pa.array([10**18], pa.timestamp("ns"))}), path)
    bare = source_map(tmp_path, "parquet", columns={"event_time": "at"})
    assert "no time zone" in mapped(path, bare)[1][0].reason
    declared = source_map(
        tmp_path, "parquet", columns={"event_time": {"path": "at", "zone": "UTC"}}
    )
    assert mapped(path, declared)[0][0].values["time_basis"] == "declared"


def test_ingest_parquet_cut_off_is_one_error(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    pq.write_table(pa.table({"a": [1]}), path)
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(InputError, match="not a whole Parquet file"):
        mapped(path, source_map(tmp_path, "parquet", columns={"agent_id": "a"}))


def test_ingest_csv_with_none_of_the_maps_columns_is_one_early_error(tmp_path: Path) -> None:
    chosen = people(tmp_path)
    path = written(tmp_path, "invoice;amount\n1;2\n")
    with pytest.raises(InputError, match=r"none of the columns.*`invoice;amount`.*`person_id`"):
        mapped(path, chosen)
    # One column is enough to begin with; what is missing is said row by row.
    taken, refused = mapped(written(tmp_path, "invoice,name\n1,Bo\n"), chosen)
    assert (taken, [one.kind for one in refused]) == ([], ["person_id: required"])


def test_ingest_parquet_with_none_of_the_maps_columns_is_one_early_error(tmp_path: Path) -> None:
    path = tmp_path / "p.parquet"
    pq.write_table(pa.table({"invoice": [1], "nested": [{"who": "bo"}]}), path)
    wrong = source_map(tmp_path, "parquet", columns={"agent_id": "agent"})
    with pytest.raises(InputError, match="none of the columns"):
        mapped(path, wrong)
    inside = source_map(tmp_path, "parquet", columns={"agent_id": "nested.who"})
    assert [row.values for row in mapped(path, inside)[0]] == [{"agent_id": "bo"}]
