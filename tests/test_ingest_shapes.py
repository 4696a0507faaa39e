"""Files in many shapes: compressed, one object or many, text lines, YAML documents."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from muniment.errors import InputError
from muniment.ingest import compressed
from muniment.ingest.compressed import unpacked
from muniment.ingest.files import examine
from muniment.ingest.pipeline import ingest_file
from muniment.store.open import Store
from tests.builders.sources import json_lines, mapped, source_map

ROWS = [{"who": f"agent-{number}"} for number in range(3)]


def names(path: Path, chosen: Any) -> list[str]:
    taken, refused = mapped(path, chosen)
    assert refused == []
    return [row.values["agent_name"] for row in taken]


EXPECTED = ["agent-0", "agent-1", "agent-2"]


@pytest.mark.parametrize(
    "text",
    [
        "".join(json.dumps(row) + "\n" for row in ROWS),
        json.dumps(ROWS),
        json.dumps(ROWS, indent=2),
        json.dumps({"count": 3, "result": ROWS}),
        json.dumps({"count": 3, "result": ROWS}, indent=1),
        "".join(json.dumps({"result": [row]}) + "\n" for row in ROWS),
    ],
)
def test_objects_are_the_same_in_every_shape(tmp_path: Path, text: str) -> None:
    (tmp_path / "f").write_text(text)
    chosen = source_map(tmp_path, reads="objects", wrapped_in=["result"],
                        columns={"agent_name": "who"})  # fmt: skip
    assert names(tmp_path / "f", chosen) == EXPECTED


@pytest.mark.parametrize("indent", [None, 1])
def test_objects_single_object_is_one_row(tmp_path: Path, indent: int | None) -> None:
    (tmp_path / "f").write_text(json.dumps(ROWS[1], indent=indent))
    chosen = source_map(tmp_path, reads="objects", columns={"agent_name": "who"})
    assert names(tmp_path / "f", chosen) == ["agent-1"]


def test_objects_element_that_is_none_is_refused_alone(tmp_path: Path) -> None:
    (tmp_path / "f").write_text(json.dumps([ROWS[0], 7, ROWS[2]]))
    chosen = source_map(tmp_path, reads="objects", columns={"agent_name": "who"})
    taken, (refused,) = mapped(tmp_path / "f", chosen)
    assert (len(taken), refused.place, refused.kind) == (2, 2, "not an object")


def test_objects_cut_off_array_is_one_error(tmp_path: Path) -> None:
    (tmp_path / "f").write_text(json.dumps(ROWS)[:-9])
    chosen = source_map(tmp_path, reads="objects", columns={"agent_name": "who"})
    with pytest.raises(InputError, match="Nothing was imported"):
        mapped(tmp_path / "f", chosen)


def test_json_map_of_several_arrays_takes_those_that_are_there(tmp_path: Path) -> None:
    row_map = {"record": "event", "columns": {"agent_name": "who"}}
    maps = [{**row_map, "rows": "$.agents[*]"}, {**row_map, "rows": "$.tools[*]"}]
    chosen = source_map(tmp_path, reads="json", maps=maps)
    (tmp_path / "f").write_text(json.dumps({"agents": ROWS}))
    assert names(tmp_path / "f", chosen) == EXPECTED
    (tmp_path / "g").write_text(json.dumps({"other": ROWS}))
    with pytest.raises(InputError, match=r"no array .*agents"):
        mapped(tmp_path / "g", chosen)


def test_json_map_of_whole_and_parts_takes_values_of_objects(tmp_path: Path) -> None:
    maps = [
        {"record": "event", "columns": {"agent_name": "name"}},
        {"record": "event", "rows": '$.["$parts"][*]', "columns": {"agent_name": "who"}},
    ]
    chosen = source_map(tmp_path, reads="json", maps=maps)
    (tmp_path / "f").write_text(json.dumps({"name": "top", "$parts": {"x": ROWS[0], "y": ROWS[1]}}))
    assert names(tmp_path / "f", chosen) == ["top", "agent-0", "agent-1"]


@pytest.mark.parametrize("members", [1, 3])
def test_gzip_file_is_read_as_its_plain_bytes(tmp_path: Path, members: int) -> None:
    lines = [(json.dumps(row) + "\n").encode() for row in ROWS]
    parts = [b"".join(lines)] if members == 1 else lines
    path = tmp_path / "rows.jsonl.gz"
    path.write_bytes(b"".join(map(gzip.compress, parts)))
    assert names(path, source_map(tmp_path, columns={"agent_name": "who"})) == EXPECTED


def test_zstd_file_is_read_as_its_plain_bytes(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl.zst"
    plain = json_lines(tmp_path / "plain", *ROWS).read_bytes()
    with pa.CompressedOutputStream(str(path), "zstd") as stream:
        stream.write(plain)
    assert names(path, source_map(tmp_path, columns={"agent_name": "who"})) == EXPECTED


def test_gzip_import_keeps_the_digest_and_name_of_what_was_delivered(
    sqlite_store: Store, tmp_path: Path
) -> None:
    path = tmp_path / "rows.jsonl.gz"
    path.write_bytes(gzip.compress(json_lines(tmp_path / "plain", *ROWS).read_bytes()))
    chosen = source_map(tmp_path, columns={"agent_name": "who"})
    ingest_file(sqlite_store, path, source_map=chosen, source_id="s", recorded_by="r")
    (batch,) = sqlite_store.records.batches()
    plain = examine(tmp_path / "plain")
    assert batch["source_uri"] == "rows.jsonl.gz"
    assert batch["content_sha256"] not in (None, plain.sha256)


def test_gzip_bomb_is_refused_at_the_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compressed, "FREE_BYTES", 1 << 20)
    path = tmp_path / "bomb.gz"
    path.write_bytes(gzip.compress(b"\0" * (8 << 20)))
    with pytest.raises(InputError, match="decompression bomb"):
        unpacked(path)


@pytest.mark.parametrize("harm", [slice(None, -9), slice(None, 12), slice(None, 3)])
def test_gzip_cut_off_is_one_error(tmp_path: Path, harm: slice) -> None:
    path = tmp_path / "f.gz"
    path.write_bytes(gzip.compress(b'{"who": "a"}\n' * 100)[harm])
    with pytest.raises(InputError, match="not a whole compressed file"):
        examine(path)


def test_gzip_unpacked_bytes_go_with_their_holder(tmp_path: Path) -> None:
    path = tmp_path / "f.gz"
    path.write_bytes(gzip.compress(b"{}"))
    held = unpacked(path)
    assert held is not None
    plain = held.path
    assert plain.read_bytes() == b"{}"
    del held
    assert not plain.parent.exists()


LINE = r'(?P<at>\S+) (?P<who>\S+) "(?P<url>[^"]*)"'


def test_lines_fit_the_expression_or_are_refused_alone(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_text('# a note\n1 ada "u"\n\nstray\n2 bob "v"\r\n')
    chosen = source_map(tmp_path, reads="lines", line=LINE, columns={"agent_name": "who"})
    taken, (refused,) = mapped(path, chosen)
    assert [row.values["agent_name"] for row in taken] == ["ada", "bob"]
    assert (refused.place, refused.kind) == (4, "line not as expected")


def test_lines_group_that_took_no_part_is_not_carried(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_text("ada\nbob red\n")
    chosen = source_map(tmp_path, reads="lines", line=r"(?P<who>\S+)(?: (?P<team>\S+))?",
                        columns={"agent_name": "who", "team_id": "team"})  # fmt: skip
    taken, _ = mapped(path, chosen)
    assert [row.values.get("team_id") for row in taken] == [None, "red"]


W3C = '''\
#Version: 1.0
#Fields: time cs-username cs-uri x-app
1 ada "/a b" -
2 "bo ""b""" /c chat
3 short
#Fields: cs-username time
eve 4
'''


def test_w3c_log_names_its_fields_and_may_rename_them(tmp_path: Path) -> None:
    (tmp_path / "f").write_text(W3C)
    chosen = source_map(tmp_path, reads="w3c", null_marks=["-"],
                        columns={"user_ref": "cs-username", "target_ref": "cs-uri",
                                 "feature": "x-app"})  # fmt: skip
    taken, (refused,) = mapped(tmp_path / "f", chosen)
    assert [row.values["user_ref"] for row in taken] == ["ada", 'bo "b"', "eve"]
    assert taken[0].values["target_ref"] == "/a b"
    assert "feature" in taken[0].empty
    assert "target_ref" not in taken[2].empty
    assert refused.place == 5


YAML = """\
# two reports
name: one
items:
- {who: agent-0, level: 1.50, on: on, at: 2026-11-20T18:04:00Z}
---
name: two
items: [{who: agent-1}, {who: agent-2}]
"""


def test_yaml_documents_give_rows_with_exact_values(tmp_path: Path) -> None:
    (tmp_path / "f.yaml").write_text(YAML)
    columns = {"agent_name": "who", "confidence": "level", "feature": "on", "event_time": "at",
               "workflow_name": "$.name"}  # fmt: skip
    chosen = source_map(tmp_path, reads="yaml", rows="$.items[*]", columns=columns)
    taken, refused = mapped(tmp_path / "f.yaml", chosen)
    assert refused == []
    assert taken[0].values == {
        "agent_name": "agent-0", "confidence": "1.500000000", "feature": "on",
        "event_time": "2026-11-20T18:04:00.000000000Z", "time_basis": "stated",
        "workflow_name": "one",
    }  # fmt: skip
    assert [row.values["workflow_name"] for row in taken] == ["one", "two", "two"]


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("a: 1\na: 2\n", "twice"),
        ("a: !!python/object:os.system {}\n", "tag"),
        ("a: [1\n", "line 2 is not valid YAML"),
        ("a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b,*b,*b,*b]\n" + "".join(
            f"d{n}: &d{n} [{','.join([f'*d{n - 1}' if n else '*c'] * 9)}]\n" for n in range(8)),
         "repeats too much"),
        ("[" * 200, "YAML|deep"),
        ("x: " + "[" * 50_000 + "]" * 50_000, "too deep"),
        ("? {a: 1}\n: 2\n", "no text"),
    ],
)  # fmt: skip
def test_yaml_that_is_not_plain_is_one_error(tmp_path: Path, text: str, word: str) -> None:
    (tmp_path / "f.yaml").write_text(text)
    chosen = source_map(tmp_path, reads="yaml", columns={"agent_name": "a"})
    with pytest.raises(InputError, match=word):
        mapped(tmp_path / "f.yaml", chosen)
