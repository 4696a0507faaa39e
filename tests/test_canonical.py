"""Canonical bytes: RFC 8785, and the vectorised encoder against the plain reference."""

from __future__ import annotations

import json
import os
import random
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from muniment.integrity.canonical import canonical_json, entry_bytes
from muniment.integrity.merkle import leaf_hash
from muniment.model.columns import ColumnKind
from muniment.model.entries import ENTRY_COLUMNS, ENVELOPE_COLUMNS
from muniment.model.times import MAX_NANOS, MIN_NANOS, format_time
from muniment.store.encoder import (
    ENTRY_SCHEMA,
    canonical_texts,
    content_digests,
    entry_rows,
    entry_table,
    leaf_hashes,
)
from tests.builders.entries import entry, random_row, table
from tests.conftest import PROJECT_ROOT

VECTORS = Path(os.environ.get("MUNIMENT_VECTORS", PROJECT_ROOT.parent / "shared" / "vectors"))


@pytest.fixture(scope="module")
def jcs_vectors() -> dict[str, str]:
    path = VECTORS / "jcs_rfc8785_vectors.json"
    if not path.is_file():
        pytest.skip(f"no RFC 8785 vectors at {path}: set MUNIMENT_VECTORS to their folder")
    found: dict[str, str] = json.loads(path.read_text("utf-8"))
    return found


# `arrays` and `values` hold a null inside an array or floats, which evidence never does;
# `structures` writes an integer as 56.0.
@pytest.mark.samples
@pytest.mark.parametrize("name", ["french", "structures", "unicode", "weird"])
def test_canonical_json_of_a_published_vector_is_its_published_bytes(
    jcs_vectors: dict[str, str], name: str
) -> None:
    def whole(text: str) -> int:
        assert float(text).is_integer()
        return int(float(text))

    given_value = json.loads(jcs_vectors[f"testdata/input/{name}.json"], parse_float=whole)
    expected = bytes.fromhex(jcs_vectors[f"testdata/outhex/{name}.txt"])
    assert canonical_json(given_value).encode() == expected


@pytest.mark.samples
def test_canonical_json_of_the_vector_with_floats_refuses_them_and_writes_the_text(
    jcs_vectors: dict[str, str],
) -> None:
    value = json.loads(jcs_vectors["testdata/input/values.json"])
    with pytest.raises(TypeError, match="`float` has no canonical form"):
        canonical_json(value["numbers"])
    published = jcs_vectors["testdata/output/values.json"]
    assert f'"string":{canonical_json(value["string"])}' in published


@pytest.mark.parametrize("value", [1.0, {"a": [0.5]}, float("nan"), b"x", object(), [None], {1: 2}])
def test_canonical_json_of_what_has_no_form_is_refused(value: Any) -> None:
    with pytest.raises(TypeError):
        canonical_json(value)


def test_canonical_json_of_half_a_surrogate_is_refused() -> None:
    with pytest.raises(ValueError, match="surrogates not allowed"):
        canonical_json("\ud83d")


def test_canonical_json_sorts_keys_by_utf16_and_leaves_out_none() -> None:
    assert canonical_json({"\U0001f602": 1, "\ufb33": 2, "b": None, "a": True}) == (
        '{"a":true,"\U0001f602":1,"\ufb33":2}'
    )


def test_canonical_json_of_control_characters_uses_lower_case_hex() -> None:
    assert canonical_json('\x00\x1f\x08\t\n\x0c\r"\\\x7f/') == (
        '"\\u0000\\u001f\\b\\t\\n\\f\\r\\"\\\\\x7f/"'
    )


def test_canonical_json_of_a_large_integer_is_written_in_full() -> None:
    assert canonical_json(2**63 - 1) == "9223372036854775807"


def test_entry_bytes_of_an_unknown_column_is_refused() -> None:
    with pytest.raises(KeyError, match="the log has no column `surprise`"):
        entry_bytes({**entry("a"), "surprise": "x"})


def test_entry_bytes_with_a_column_left_null_are_those_without_it() -> None:
    assert entry_bytes({**entry("a"), "model": None}) == entry_bytes(entry("a"))


def test_entry_rows_of_small_decimals_have_nine_places() -> None:
    amounts = ["0.000000000", "0.000000001", "-0.000000001", "12.500000000"]
    rows = entry_rows(table(*(entry(i, amount=amount) for i, amount in enumerate(amounts))))
    assert [row["amount"] for row in rows] == amounts


def _texts() -> st.SearchStrategy[str]:
    return st.text(st.characters(exclude_categories=["Cs"]), max_size=12)


def _values(kind: ColumnKind) -> st.SearchStrategy[Any]:
    decimals = st.decimals(-(10**18), 10**18, places=9, allow_nan=False)
    return {
        ColumnKind.TEXT: _texts(),
        ColumnKind.INTEGER: st.integers(-(2**63), 2**63 - 1),
        ColumnKind.BOOLEAN: st.booleans(),
        # Minus nought is no other value than nought.
        ColumnKind.DECIMAL: decimals.map(lambda d: format(d + 0 if d else abs(d), ".9f")),
        ColumnKind.TIME: st.integers(MIN_NANOS, MAX_NANOS).map(format_time),
        ColumnKind.TEXT_LIST: st.lists(_texts(), max_size=3),
    }[kind]


_ROWS = st.fixed_dictionaries(
    {c.name: _values(c.kind) for c in ENTRY_COLUMNS if c.required},
    optional={c.name: st.none() | _values(c.kind) for c in ENTRY_COLUMNS if not c.required},
)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(_ROWS, min_size=1, max_size=4))
def test_vectorised_bytes_of_any_rows_equal_the_reference(rows: list[dict[str, Any]]) -> None:
    assert canonical_texts(entry_table(rows)).to_pylist() == [
        entry_bytes(row).decode() for row in rows
    ]


def _compare(count: int, seed: int) -> None:
    dice = random.Random(seed)
    for start in range(0, count, 3_000):
        rows = [random_row(dice) for _ in range(min(3_000, count - start))]
        assert leaf_hashes(entry_table(rows)) == [leaf_hash(entry_bytes(row)) for row in rows]


def test_vectorised_leaves_of_3000_random_rows_equal_the_reference() -> None:
    _compare(3_000, 20261120)


@pytest.mark.soak
@pytest.mark.parametrize("tenth", range(10))
def test_vectorised_leaves_of_a_million_random_rows_equal_the_reference(tenth: int) -> None:
    _compare(100_000, 20261121 + tenth)


def test_vectorised_bytes_after_parquet_and_slicing_are_the_same(tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    dice = random.Random(5)
    rows = [random_row(dice) for _ in range(50)]
    pq.write_table(entry_table(rows), tmp_path / "rows.parquet")
    again = pq.read_table(tmp_path / "rows.parquet").cast(ENTRY_SCHEMA)
    expected = [entry_bytes(row).decode() for row in rows[7:31]]
    assert canonical_texts(again.slice(7, 24)).to_pylist() == expected
    assert [entry_bytes(row).decode() for row in entry_rows(again.slice(7, 24))] == expected


def test_vectorised_bytes_of_a_list_with_null_are_refused() -> None:
    with pytest.raises(ValueError, match="holds a NULL"):
        canonical_texts(table(entry("a", context_refs=["x", None])))


def test_vectorised_bytes_of_no_rows_are_none() -> None:
    assert leaf_hashes(ENTRY_SCHEMA.empty_table()) == []


def test_content_digests_with_another_envelope_are_equal() -> None:
    other = {
        "event_id": "f" * 32, "ingested_at": "2026-12-01T00:00:00.000000000Z",
        "source_id": "other", "source_format": "csv", "source_class": "gateway", "source_row": 9,
        "import_batch_id": "b9", "schema_version": "2", "salt": "9" * 32,
    }  # fmt: skip
    # Every column of the envelope but the kind, so that one added later is noticed here.
    assert other.keys() == {c.name for c in ENVELOPE_COLUMNS} - {"entry_kind"}
    first, second = content_digests(table(entry("a"), {**entry("a"), **other}))
    assert first == second


@pytest.mark.parametrize("change", [{"agent_id": "b"}, {"model": ""}, {"empty_fields": ["model"]}])
def test_content_digests_with_another_content_differ(change: dict[str, Any]) -> None:
    first, second = content_digests(table(entry("a"), {**entry("a"), **change}))
    assert first != second


def test_leaf_hashes_of_a_chunked_table_keep_the_row_order() -> None:
    rows = [entry(i) for i in range(5)]
    chunked = pa.concat_tables([table(*rows[:2]), table(*rows[2:])])
    assert leaf_hashes(chunked) == [leaf_hash(entry_bytes(row)) for row in rows]
