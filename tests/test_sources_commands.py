"""`muniment sources`: the maps there are, what one makes of a file, and a first map for it."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from muniment.catalog.controls import load_controls
from muniment.catalog.needs import needs_of, starved
from muniment.catalog.source_columns import event_columns_page
from muniment.catalog.sources import load_source_map, load_source_maps
from muniment.cli.main import run
from muniment.errors import InputError
from muniment.ingest.pipeline import recognise
from muniment.ingest.scaffold import scaffold
from muniment.ingest.scaffold_times import spelling_of
from muniment.model.entries import MAPPABLE_NAMES, OUTCOMES
from muniment.model.records import IMPORTABLE_TABLES
from muniment.store.open import Store
from tests.builders.sources import json_lines, mapped

EVENT = {
    "id": "1", "event_time": "2026-11-20T18:04:00Z", "agent_id": "a1", "operation_name": "pay",
    "user_ref": "[REDACTED]", "input_sanitised": "\x1b[31mred\nline", "team_id": "",
}  # fmt: skip


def command(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = run(["sources", *arguments])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_page_of_event_columns_says_what_the_model_says() -> None:
    page = (Path(__file__).parent.parent / "docs" / "event_columns.md").read_text("utf-8")
    assert page == event_columns_page(), "run: muniment sources columns --page"
    outcome = next(line for line in page.splitlines() if line.startswith("| `outcome` "))
    assert all(f"`{word}`" in outcome for word in OUTCOMES)
    assert all(f"| `{name}` |" in page for name in MAPPABLE_NAMES)


def test_sources_columns_lists_those_of_a_record_table(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = command(capsys, "columns", "approval", "--json")
    columns = {each["column"]: each for each in json.loads(out)["columns"]}
    assert code == 0
    assert columns.keys() == {c.name for c in IMPORTABLE_TABLES["approval"].columns}
    code, _, said = command(capsys, "columns", "approvall")
    assert code == 3
    assert "approval" in said


def test_sources_columns_page_is_the_page(capsys: pytest.CaptureFixture[str]) -> None:
    assert command(capsys, "columns", "--page") == (0, event_columns_page(), "")


def test_scaffold_says_how_to_make_rows_of_a_list_inside_a_row(tmp_path: Path) -> None:
    steps = [{"n": 1, "tool": "crm.update"}]
    events = [{"id": f"e{n}", "ts": "2026-11-20T10:00:00Z", "steps": steps} for n in range(2)]
    made = scaffold(json_lines(tmp_path / "a.jsonl", {"meta": {"env": "x"}, "events": events}))
    assert "rows: $.events[*].steps[*]` makes rows of them, and ^ reaches" in made.text


def test_sources_list_names_every_map(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = command(capsys, "list", "--json")
    maps = {each["id"]: each for each in json.loads(out)["maps"]}
    assert (code, maps.keys()) == (0, load_source_maps().keys())
    assert maps["otlp_genai"]["gives"] == ["event"]
    assert maps["mcp_server_json"]["gives"] == ["agent", "agent_dependency"]


def test_sources_try_shows_rows_with_their_escapes_made_visible(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = json_lines(tmp_path / "f", EVENT, {"event_time": "never", "agent_id": "a"})
    code, out, _ = command(capsys, "try", str(path), "--map", "gateway_jsonl")
    assert code == 0
    assert "\x1b" not in out
    assert "\\x1b[31mred\\nline" in out
    assert "Of all 2 rows, 1 are taken, 1 refused." in out
    assert "refused, row 2: `event_time`" in out
    assert "Masked in every row: user_ref." in out


def test_sources_try_names_the_controls_that_lack_a_column(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = json_lines(tmp_path / "f", EVENT)
    _, out, _ = command(capsys, "try", str(path), "--map", "gateway_jsonl", "--json")
    kind = json.loads(out)["kinds"]["event"]
    assert "IDN-01" in kind["controls_fed"]
    assert {"executed", "autonomy_tier"} <= set(kind["controls_starved"]["OVR-03"])
    assert kind["empty"] == {"team_id": 1}
    assert kind["masked"] == {"user_ref": 1}
    looking = {c.id for c in load_controls().values() if any(r == "event" for r, _ in needs_of(c))}
    assert looking == {*kind["controls_fed"], *kind["controls_starved"]}


def test_sources_try_of_a_register_speaks_of_its_table(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "r.csv"
    path.write_text("agent_id,name,kind,lifecycle_status\na,A,agent,active\n")
    _, out, _ = command(capsys, "try", str(path), "--json")
    starving = json.loads(out)["kinds"]["agent"]["controls_starved"]
    assert "owner_ref" in starving["OWN-01"]
    path.write_text("agent_id,name,kind,lifecycle_status,owner_ref\na,A,agent,active,\n")
    _, out, _ = command(capsys, "try", str(path), "--json")
    assert "OWN-01" in json.loads(out)["kinds"]["agent"]["controls_fed"]


def test_starved_control_is_fed_by_an_empty_column_and_not_by_none() -> None:
    controls = load_controls()
    idn = [controls["IDN-01"]]
    assert starved(idn, "event", {"agent_id": True}) == (idn, [])
    assert starved(idn, "event", {}) == ([], [(controls["IDN-01"], ["agent_id"])])


def test_sources_try_writes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = json_lines(tmp_path / "f", EVENT)
    before = sorted(tmp_path.rglob("*"))
    command(capsys, "try", str(path), "--map", "gateway_jsonl")
    assert sorted(tmp_path.rglob("*")) == before


def test_sources_try_looks_at_no_more_rows_than_asked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = json_lines(tmp_path / "f", *[EVENT | {"id": n} for n in range(9)])
    _, out, _ = command(capsys, "try", str(path), "--map", "gateway_jsonl", "--limit", "4")
    assert "Of the first 4 rows" in out
    _, out, _ = command(capsys, "try", str(path), "--map", "gateway_jsonl", "--limit", "9")
    assert "Of all 9 rows" in out


ROWS = [
    {"seqno": n, "clock": f"20.11.2026 18:04:0{n}", "agent": {"id": "bot"}, "verb": verb,
     "result": result, "user": "ad***", "cost": 0.1234567890123, "note": "-"}
    for n, (verb, result) in enumerate([("read_file", "ok"), ("delete_file", "blocked")], start=1)
]  # fmt: skip


def guessed(tmp_path: Path, path: Path, **options: Any) -> tuple[Any, list[Any], str]:
    """The scaffold's map, the rows it takes of the same file, and its text."""
    made = scaffold(path, **options)
    target = tmp_path / "maps" / f"{made.map_id}.yaml"
    target.parent.mkdir(exist_ok=True)
    target.write_text(made.text)
    source = load_source_map(target)
    taken, refused = mapped(path, source)
    assert refused == []
    assert recognise(path, {source.id: source}) == source
    return source, [row.values for row in taken], made.text


def test_scaffold_of_json_lines_guesses_what_it_can(tmp_path: Path) -> None:
    _, rows, text = guessed(tmp_path, json_lines(tmp_path / "log.jsonl", *ROWS))
    assert [row["event_time"] for row in rows] == [
        "2026-11-20T18:04:01.000000000Z", "2026-11-20T18:04:02.000000000Z",
    ]  # fmt: skip
    assert {row["agent_id"] for row in rows} == {"bot"}
    assert [row["action_type"] for row in rows] == ["read", "destructive"]
    assert [(row["outcome"], row["executed"]) for row in rows] == [
        ("success", True), ("denied", False),
    ]  # fmt: skip
    assert all("user_ref" not in row for row in rows)  # masked in part
    assert "TODO these times state no zone; UTC is a guess" in text
    assert 'null_marks: ["-"]' in text
    assert rows[0]["cost_usd"] == "0.123456789"


NESTED = {"session": {"ref": "s"}, "steps": [{"at": "2026-11-20T18:04:00Z", "tool": "pay"}] * 2}


@pytest.mark.parametrize("indent", [None, 1])
def test_scaffold_of_nested_arrays_makes_each_element_a_row(
    tmp_path: Path, indent: int | None
) -> None:
    path = tmp_path / "runs.json"
    path.write_text(json.dumps(NESTED, indent=indent))
    source, rows, _ = guessed(tmp_path, path)
    assert source.maps[0].rows == "$.steps[*]"
    assert [(row["target_name"], row["conversation_id"]) for row in rows] == [("pay", "s")] * 2


def test_scaffold_of_lines_with_arrays_climbs_to_the_line(tmp_path: Path) -> None:
    source, rows, text = guessed(tmp_path, json_lines(tmp_path / "runs.jsonl", NESTED, NESTED))
    assert (source.reads, len(rows)) == ("objects", 4)
    assert '"$.session.ref"' in text


def test_scaffold_of_arrays_in_arrays_climbs_level_by_level(tmp_path: Path) -> None:
    act = {"stamp": "20261120T180411+0100", "what": "LOOKUP"}
    relay = {
        "relay": "north",
        "shifts": [{"shift": "early", "bots": [{"agent": "a7", "acts": [act]}]}],
    }
    path = tmp_path / "relay.json"
    path.write_text(json.dumps(relay, indent=1))
    source, rows, text = guessed(tmp_path, path)
    assert source.maps[0].rows == "$.shifts[*].bots[*].acts[*]"
    assert rows[0]["event_time"] == "2026-11-20T17:04:11.000000000Z"
    assert rows[0]["agent_id"] == "a7"
    assert "#   ^^.shift: early" in text


def test_scaffold_of_csv_finds_delimiter_and_key(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    with path.open("w", newline="") as stream:
        writer = csv.writer(stream, delimiter=";")
        writer.writerows([["event_id", "timestamp", "bot"], ["e1", "1763661840123", "a"],
                          ["e2", "1763661840124", "b"]])  # fmt: skip
    source, rows, _ = guessed(tmp_path, path)
    assert (source.delimiter, source.maps[0].natural_key) == (";", ("event_id",))
    assert rows[0]["event_time"] == "2025-11-20T18:04:00.123000000Z"


def test_scaffold_of_parquet_yaml_and_lines_runs(tmp_path: Path) -> None:
    pq.write_table(
        pa.table({"ts": ["2026-11-20 10:00:00"], "model": ["m"]}), tmp_path / "p.parquet"
    )
    assert guessed(tmp_path, tmp_path / "p.parquet")[1][0]["model"] == "m"
    (tmp_path / "y.yaml").write_text("kind: X\nitems:\n- {when: 2026-11-20T10:00:00Z, tool: t}\n")
    assert guessed(tmp_path, tmp_path / "y.yaml")[1][0]["target_name"] == "t"
    (tmp_path / "l.log").write_text(
        '1763661840.5 ada "GET /x" 200\n1763661841.5 bob "GET /y" 200\n'
    )
    rows = guessed(tmp_path, tmp_path / "l.log")[1]
    assert rows[1]["event_time"] == "2025-11-20T18:04:01.500000000Z"


def test_scaffold_of_a_register_fills_records(tmp_path: Path) -> None:
    path = json_lines(tmp_path / "r.jsonl", {"agent_id": "a", "name": "A", "ownerref": "ada"})
    source, rows, _ = guessed(tmp_path, path, record="agent")
    assert source.maps[0].record == "agent"
    assert rows[0]["owner_ref"] == "ada"


def test_scaffold_says_where_nothing_told_anything(tmp_path: Path) -> None:
    _, rows, text = guessed(tmp_path, json_lines(tmp_path / "x.jsonl", {"q": "w"}, {"q": "e"}))
    assert len(rows) == 2
    assert "TODO" in text


def test_scaffold_of_what_is_no_data_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.md").write_text("# Title\n\nText.\n")
    with pytest.raises(InputError, match="Markdown document, not data"):
        scaffold(tmp_path / "x.md")


def test_scaffold_command_overwrites_no_map(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, out = json_lines(tmp_path / "x.jsonl", *ROWS), tmp_path / "mine.yaml"
    code, said, _ = command(capsys, "scaffold", str(path), "--out", str(out))
    assert (code, "muniment sources try" in said) == (0, True)
    assert yaml.safe_load(out.read_text())["id"] == "mine"
    assert command(capsys, "scaffold", str(path), "--out", str(out))[0] == 3


def test_scaffold_hostile_names_stay_in_their_comments(tmp_path: Path) -> None:
    row = {"x\nrecord: evil": 1, 'a"b': "\x1b]0;x\x07", "t": "2026-11-20T10:00:00Z", "[k]": "${x}"}
    source, rows, _ = guessed(tmp_path, json_lines(tmp_path / "x.jsonl", row, row))
    assert source.maps[0].record == "event"
    assert len(rows) == 2


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["2026-11-20T10:00:00Z"], ("iso", True)), (["2026-11-20 10:00"], ("iso", False)),
        ([1763661840], ("epoch_s", True)), (["1763661840123456789"], ("epoch_ns", True)),
        (["Fri Dec 31 07:07:07 2021"], ("%a %b %d %H:%M:%S %Y", False)),
        ([{"seconds": 5}], ("seconds_nanos", True)), ([12], None), (["x"], None), ([], None),
        (["20261120180400"], ("%Y%m%d%H%M%S", False)),
    ],
)  # fmt: skip
def test_scaffold_tells_times_by_their_values(values: list[Any], expected: Any) -> None:
    assert spelling_of(values) == expected


SLIP: dict[str, Any] = {
    "id": "slip", "title": "t", "reads": "jsonl", "source_class": "agent",
    "maps": [{"record": "event", "natural_key": ["id"],
              "columns": {"event_time": "begun", "agent_id": "agent"}}],
}  # fmt: skip


@pytest.fixture
def slip(tmp_path: Path) -> Path:
    """A map whose path `begun` stands for the file's `began`."""
    map_file = tmp_path / "slip.yaml"
    map_file.write_text(yaml.safe_dump(SLIP))
    (tmp_path / "log.jsonl").write_text('{"id": "1", "agent": "a1", "began": "2026-11-20"}\n')
    return map_file


def test_try_names_paths_of_the_map_that_no_row_has(
    slip: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, said, _ = command(capsys, "try", str(slip.parent / "log.jsonl"), "--map", str(slip))
    assert code == 0
    assert "The map names these, and no row has them: event_time (begun)." in said


def test_ingest_doubts_events_without_time_rows_without_day_and_files_without_rows(
    slip: Path, sqlite_store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    root = str(sqlite_store.layout.root)

    def doubts(file: str, given: str) -> str:
        path = str(slip.parent / file)
        assert run(["ingest", path, "--map", given, "--source", "s", "--store", root]) == 0
        return capsys.readouterr().err

    assert "no event carried a time" in doubts("log.jsonl", str(slip))
    astray = slip.with_name("astray.yaml")
    astray.write_text(yaml.safe_dump(SLIP | {"maps": [{**SLIP["maps"][0], "rows": "$.steps[*]"}]}))
    assert "no row was found" in doubts("log.jsonl", str(astray))
    (slip.parent / "agents.csv").write_text("agent_id,name,valid_from\na1,One,2026-01-01T00:00Z\n")
    assert doubts("agents.csv", "registry_csv") == ""
    (slip.parent / "agents.csv").write_text("agent_id,name\na2,Two\n")
    assert "1 of the rows state no day" in doubts("agents.csv", "registry_csv")
