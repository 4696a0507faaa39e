"""Which map fits a file, told by its fields."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from muniment.catalog.sources import load_source_maps
from muniment.errors import InputError
from muniment.ingest.pipeline import recognise
from tests.builders.sources import json_lines, source_map, span, traces

MAPS = load_source_maps()


@pytest.mark.parametrize(
    ("header", "expected"),
    [("agent_id,name,kind,owner_ref", "registry_csv"), ("person_id,kind,active", "people_csv"),
     ("permission_set_id,agent_id,tools", "permissions_csv"),
     ("approval_id,subject_ref,decision", "approvals_csv"),
     ("budget_id,owner_kind,owner_ref", "budgets_csv")],
)  # fmt: skip
def test_ingest_recognises_registers_by_their_header(
    tmp_path: Path, header: str, expected: str
) -> None:
    path = tmp_path / "any-name.txt"
    path.write_text(header + "\n")
    assert recognise(path, MAPS).id == expected


def test_ingest_recognises_json_by_its_first_rows(tmp_path: Path) -> None:
    approval = {"approval_id": "A", "subject_ref": "e", "decision": "approved"}
    assert recognise(json_lines(tmp_path / "a", approval), MAPS).id == "approvals_jsonl"
    assert recognise(json_lines(tmp_path / "b", traces(span("1" * 16))), MAPS).id == "otlp_genai"
    card = {
        "name": "n",
        "version": "1",
        "capabilities": {},
        "skills": [],
        "supportedInterfaces": [],
    }
    for number, text in enumerate((json.dumps(card), json.dumps(card, indent=2))):
        path = tmp_path / f"card{number}"
        path.write_text(text)
        assert recognise(path, MAPS).id == "a2a_agent_card"


def test_ingest_broken_first_line_does_not_hide_the_format(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_text('{"approval_id": \n{"approval_id": "A", "subject_ref": "e", "decision": "x"}\n')
    assert recognise(path, MAPS).id == "approvals_jsonl"


def test_ingest_parquet_is_recognised_by_its_columns(tmp_path: Path) -> None:
    path = tmp_path / "rows"
    pq.write_table(pa.table({"a": [1], "b": [2]}), path)
    chosen = source_map(
        tmp_path, "parquet", columns={"agent_id": "a"}, recognise={"has": ["a", "b"]}
    )
    assert recognise(path, {"test_map": chosen}) is chosen


def test_ingest_unknown_format_names_the_closest_maps(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("budget_id,owner_kind,limit\n")
    with pytest.raises(InputError, match="Closest: `budgets_csv`"):
        recognise(path, MAPS)
    path.write_text("what is this?")
    with pytest.raises(InputError, match="fits no source map"):
        recognise(path, MAPS)


def test_ingest_two_maps_that_fit_equally_are_both_named(tmp_path: Path) -> None:
    # Who wrote a log decides how far it is believed; its fields cannot tell.
    path = json_lines(tmp_path / "x", {"event_time": "t", "operation_name": "o"})
    with pytest.raises(InputError, match="`agent_events_jsonl`, `gateway_jsonl`"):
        recognise(path, MAPS)


def test_recognise_many_empty_lines_before_no_yaml_takes_no_time(tmp_path: Path) -> None:
    path = tmp_path / "empty_lines.txt"
    path.write_text("\n" * 4_000 + "!")
    began = time.process_time()
    with pytest.raises(InputError):
        recognise(path, load_source_maps())
    assert time.process_time() - began < 20, "forty lines once took hours"
