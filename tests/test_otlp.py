"""OTLP/JSON traces: ids, order, inheritance of the agent, old and new attribute names."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from muniment.catalog.sources import load_source_maps
from muniment.errors import InputError
from muniment.ingest.mapping import MappedRow
from muniment.ingest.pipeline import recognise
from muniment.model.columns import Column, ColumnKind
from muniment.model.entries import ENTRY_COLUMN_BY_NAME, MAPPABLE_NAMES
from tests.builders.sources import json_lines, mapped, span, traces

OTLP = load_source_maps()["otlp_genai"]
ROOT, CHILD, LEAF = "00000000000000A1", "00000000000000B2", "00000000000000C3"


def by_span(path: Path) -> dict[str, dict[str, Any]]:
    taken, refused = mapped(path, OTLP)
    assert refused == []
    return {row.values["span_id"]: row.values for row in taken}


def invoked(agent: str, span_id: str = ROOT, parent: str | None = None) -> dict[str, Any]:
    return span(span_id, parent, gen_ai__operation__name="invoke_agent", gen_ai__agent__id=agent)


def test_otlp_tool_span_before_its_parent_inherits_the_agent_over_lines(tmp_path: Path) -> None:
    tool = span(LEAF, CHILD, gen_ai__operation__name="execute_tool", gen_ai__tool__name="pay")
    chain = span(CHILD, ROOT)
    rows = by_span(
        json_lines(tmp_path / "t.jsonl", traces(tool), traces(chain), traces(invoked("billing")))
    )
    leaf = rows[LEAF.lower()]
    assert (leaf["agent_id"], leaf["agent_inherited_from_span"]) == ("billing", ROOT.lower())
    assert (leaf["target_name"], leaf["parent_span_id"]) == ("pay", CHILD.lower())
    assert "agent_inherited_from_span" not in rows[ROOT.lower()]


def test_otlp_parent_written_in_other_case_is_the_same_span(tmp_path: Path) -> None:
    rows = by_span(
        json_lines(tmp_path / "t.jsonl", traces(invoked("billing", ROOT.lower()), span(LEAF, ROOT)))
    )
    assert rows[LEAF.lower()]["agent_id"] == "billing"


def test_otlp_nearest_agent_wins_over_a_farther_one(tmp_path: Path) -> None:
    rows = by_span(
        json_lines(
            tmp_path / "t.jsonl",
            traces(invoked("outer"), invoked("inner", CHILD, ROOT), span(LEAF, CHILD)),
        )
    )
    assert rows[LEAF.lower()]["agent_id"] == "inner"


def test_otlp_span_with_its_own_agent_inherits_nothing(tmp_path: Path) -> None:
    own = span(LEAF, ROOT, gen_ai__agent__name="Own")
    row = by_span(json_lines(tmp_path / "t.jsonl", traces(invoked("outer"), own)))[LEAF.lower()]
    assert row["agent_name"] == "Own"
    assert "agent_id" not in row
    assert "agent_inherited_from_span" not in row


def test_otlp_agent_of_another_trace_is_not_inherited(tmp_path: Path) -> None:
    stranger = invoked("stranger") | {"traceId": "A" * 32}
    row = by_span(json_lines(tmp_path / "t.jsonl", traces(stranger, span(LEAF, ROOT))))
    assert "agent_id" not in row[LEAF.lower()]


def test_otlp_circle_of_parents_ends(tmp_path: Path) -> None:
    rows = by_span(json_lines(tmp_path / "t.jsonl", traces(span(ROOT, CHILD), span(CHILD, ROOT))))
    assert len(rows) == 2


def test_otlp_one_document_over_many_lines_equals_its_lines(tmp_path: Path) -> None:
    pretty = tmp_path / "t.json"
    document = traces(span(LEAF, ROOT), invoked("billing"))
    pretty.write_text(json.dumps(document, indent=2))
    assert by_span(pretty) == by_span(json_lines(tmp_path / "t.jsonl", document))
    assert recognise(pretty, {"otlp_genai": OTLP}).id == "otlp_genai"


def test_otlp_old_and_new_names_give_the_same_columns(tmp_path: Path) -> None:
    old = span(ROOT, gen_ai__system="acme", gen_ai__usage__prompt_tokens="7",
               gen_ai__usage__completion_tokens="3", gen_ai__request__model="m")  # fmt: skip
    new = span(CHILD, gen_ai__provider__name="acme", gen_ai__usage__input_tokens="7",
               gen_ai__usage__output_tokens="3", gen_ai__response__model="m")  # fmt: skip
    rows = by_span(json_lines(tmp_path / "t.jsonl", traces(old, new)))
    names = ("provider", "input_tokens", "output_tokens", "model")
    expected = ["acme", 7, 3, "m"]
    assert [rows[ROOT.lower()][n] for n in names] == expected
    assert [rows[CHILD.lower()][n] for n in names] == expected


def test_otlp_nanoseconds_are_kept_exactly(tmp_path: Path) -> None:
    row = by_span(json_lines(tmp_path / "t.jsonl", traces(span(ROOT))))[ROOT.lower()]
    assert row["event_time"] == "2018-12-13T14:51:00.000000001Z"
    assert row["time_basis"] == "stated"


def test_otlp_own_attribute_comes_before_the_convention(tmp_path: Path) -> None:
    own = span(ROOT, muniment__approval_id="A-7", muniment__amount="12.50",
               muniment__action_type="write", gen_ai__operation__name="chat")  # fmt: skip
    row = by_span(json_lines(tmp_path / "t.jsonl", traces(own)))[ROOT.lower()]
    assert (row["approval_id"], row["amount"]) == ("A-7", "12.500000000")
    assert row["action_type"] == "write"


def test_otlp_typed_attributes_are_read_by_their_type(tmp_path: Path) -> None:
    one = span(ROOT)
    one["attributes"] = [
        {"key": "muniment.context_refs", "value": {"arrayValue": {"values": [
            {"stringValue": "a"}, {"stringValue": "b"}]}}},
        {"key": "muniment.records_affected", "value": {"intValue": "41"}},
        {"key": "muniment.legal_hold", "value": {"boolValue": False}},
        {"key": "muniment.confidence", "value": {"doubleValue": 0.25}},
    ]  # fmt: skip
    row = by_span(json_lines(tmp_path / "t.jsonl", traces(one)))[ROOT.lower()]
    assert row["context_refs"] == ["a", "b"]
    assert row["records_affected"] == 41
    assert row["legal_hold"] is False
    assert row["confidence"] == "0.250000000"


@pytest.mark.parametrize(
    "ids",
    [{"traceId": "W47/95gDgQPSabYzgT/GDA=="}, {"spanId": "7uGbfsPBsXQ="}, {"traceId": "0" * 32},
     {"parentSpanId": "xyz"}, {"spanId": 7}],
)  # fmt: skip
def test_otlp_ids_that_are_not_hex_are_refused_alone(tmp_path: Path, ids: dict[str, Any]) -> None:
    path = json_lines(tmp_path / "t.jsonl", traces(span(ROOT) | ids, span(CHILD)))
    taken, (refused,) = mapped(path, OTLP)
    assert [row.values["span_id"] for row in taken] == [CHILD.lower()]
    assert "hexadecimal" in refused.reason


def test_otlp_broken_line_is_refused_and_the_rest_is_taken(tmp_path: Path) -> None:
    path = json_lines(tmp_path / "t.jsonl", traces(span(ROOT)))
    with path.open("a") as stream:
        stream.write('{"resourceSpans": [{"scopeSp\n')
        stream.write(json.dumps(traces(span(CHILD))) + "\n")
    taken, (refused,) = mapped(path, OTLP)
    assert len(taken) == 2
    assert (refused.place, refused.kind) == (2, "not JSON")


def test_otlp_cut_off_document_is_one_error(tmp_path: Path) -> None:
    path = tmp_path / "t.json"
    path.write_text(json.dumps(traces(span(ROOT), span(CHILD)), indent=1)[:-20])
    with pytest.raises(InputError, match=r"line .* Nothing was imported"):
        mapped(path, OTLP)


def test_otlp_event_is_known_by_trace_and_span(tmp_path: Path) -> None:
    taken, _ = mapped(json_lines(tmp_path / "t.jsonl", traces(span(ROOT))), OTLP)
    assert isinstance(taken[0], MappedRow)
    assert taken[0].key == ("", "5b8efff798038103d269b633813fc60c", ROOT.lower())


def test_otlp_long_chain_inherits_in_either_order(tmp_path: Path) -> None:
    ids = [f"{number:016x}" for number in range(1, 60)]
    chain = [span(own, parent) for parent, own in pairwise(ids)]
    chain.insert(0, invoked("top", ids[0]))
    for number, ordered in enumerate((chain, chain[::-1], chain[::2] + chain[1::2])):
        rows = by_span(json_lines(tmp_path / f"{number}", *(traces(one) for one in ordered)))
        assert {row["agent_id"] for row in rows.values()} == {"top"}
        assert sum(row.get("agent_inherited_from_span") == ids[0] for row in rows.values()) == 58


def own_value(column: Column) -> tuple[dict[str, Any], Any]:
    """An attribute's typed value for a column, and what the column must hold."""
    if column.choices:
        return {"stringValue": column.choices[-1]}, column.choices[-1]
    texts = [{"stringValue": "a"}, {"stringValue": "b"}]
    return {
        ColumnKind.TEXT: ({"stringValue": f"own {column.name}"}, f"own {column.name}"),
        ColumnKind.INTEGER: ({"intValue": "41"}, 41),
        ColumnKind.BOOLEAN: ({"boolValue": False}, False),
        ColumnKind.DECIMAL: ({"stringValue": "0.5"}, "0.500000000"),
        ColumnKind.TIME: (
            {"stringValue": "2026-11-20T18:04:00Z"},
            "2026-11-20T18:04:00.000000000Z",
        ),
        ColumnKind.TEXT_LIST: ({"arrayValue": {"values": texts}}, ["a", "b"]),
    }[column.kind]


@pytest.mark.parametrize("name", sorted(MAPPABLE_NAMES))
def test_otlp_every_column_is_taken_from_its_own_attribute_before_all_others(
    tmp_path: Path, name: str
) -> None:
    attribute, expected = own_value(ENTRY_COLUMN_BY_NAME[name])
    one = span(ROOT, CHILD, gen_ai__operation__name="execute_tool", gen_ai__tool__name="pay",
               gen_ai__tool__call__arguments='{"a": 1}', gen_ai__system_instructions="be brief",
               gen_ai__agent__id="bot", gen_ai__request__model="m")  # fmt: skip
    one["attributes"].append({"key": f"muniment.{name}", "value": attribute})
    (row,), refused = mapped(json_lines(tmp_path / "t.jsonl", traces(one)), OTLP)
    assert (row.values[name], refused) == (expected, [])


@pytest.mark.parametrize("word", ["workflow", "policy", "person"])
def test_otlp_own_word_for_what_is_acted_on_survives(tmp_path: Path, word: str) -> None:
    one = span(ROOT, muniment__target_type=word, gen_ai__operation__name="policy.check")
    assert (
        by_span(json_lines(tmp_path / "t.jsonl", traces(one)))[ROOT.lower()]["target_type"] == word
    )
