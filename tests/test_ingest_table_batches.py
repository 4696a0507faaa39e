"""CSV and Parquet by column give what they give by row: cells, places, refusals, errors."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from muniment.errors import InputError
from muniment.ingest import csv_records
from muniment.ingest.documents import read_documents
from muniment.ingest.files import examine
from muniment.ingest.row_mapping import groups_of
from muniment.ingest.table_batches import read_batches
from muniment.model.sources import SourceMap
from tests.test_ingest_blocks import AT, TEXTS, by_block, by_row, source_of

QUIET: Any = {"deadline": None, "suppress_health_check": list(HealthCheck)}
TABLE_MAP: dict[str, Any] = {
    "split": "|",
    "null_marks": ["-"],
    "redaction_marks": ["[REDACTED]"],
    "maps": [
        {"record": "skip", "where": [{"path": "b", "in": ["skip"]}]},
        {
            "record": "event",
            "own_names": "",
            "natural_key": ["id"],
            "columns": {
                "agent_id": "a", "target_name": "b", "amount": {"path": "b", "round": 2},
                "outcome": {"path": "a", "values": {"x": "success", "1": "failure"}},
                "input_sanitised": {"path": "c", "sanitise": True}, "input_tokens": "n",
                "end_time": {"path": "n", "time": "epoch_ms"}, "cost_usd": "n", "executed": "n",
                "context_refs": "c", "input_sha256": {"path": "n", "digest": True},
            },
        },
    ],
}  # fmt: skip


def outcome(work: Callable[[], Any]) -> Any:
    """What it gives, or that the file as a whole is refused and why."""
    try:
        return work()
    except InputError as error:
        return str(error)


def compare(path: Path, source: SourceMap, most: int) -> None:
    file = examine(path)
    expected = outcome(lambda: by_row(source, read_documents(file, source)))
    groups = groups_of(source, AT)
    assert outcome(lambda: by_block(read_batches(file, source, groups, most))) == expected


# CSV

PIECES = (
    ",", ",", ",", "\n", "\n", "\r\n", "a", "b", '"', '""', '"a"', '"a,b"', '"a\nb"', '"é ""x"""',
    "'=1", "'a", "'", " ", "\r", "\x00", "é", "skip", "1.5", "-", "[REDACTED]", "2026-11-20T18:04Z",
    "\ufeff", "a|b|cc", "a|", " x|y", "é|z", "|", "-|a",
)  # fmt: skip
HEADERS = ("a,b,c", "id", "event_time,a", '"a" ,b', "a,a", "", "c,event_time,n\r", "x,y")
csv_texts = st.builds(
    lambda header, pieces: f"{header}\n" + "".join(pieces),
    st.sampled_from(HEADERS),
    st.lists(st.sampled_from(PIECES), max_size=25),
)
regular_rows = st.lists(
    st.lists(st.sampled_from([*PIECES[6:7], "k|l", '"a,b"', '"a\nb"', "", "'=x", "é"]), min_size=2,
             max_size=4).map(",".join),
    max_size=6,
)  # fmt: skip
regular_texts = st.builds(
    lambda rows, end: "\n".join(["a,b,c", *rows]) + end,
    regular_rows,
    st.sampled_from(["", "\n", "\r\n", "\n\n"]),
)


any_csv = given(
    st.one_of(csv_texts, regular_texts), st.integers(1, 4), st.sampled_from([1, 5, 1_000]),
    st.sampled_from(["utf-8", "utf-16", "cp1252"]),
)  # fmt: skip


@settings(max_examples=25, derandomize=True, **QUIET)
@any_csv
def test_csv_by_column_gives_what_it_gives_by_row(
    tmp_path_factory: pytest.TempPathFactory, text: str, most: int, block: int, encoding: str
) -> None:
    compare_csv(tmp_path_factory.getbasetemp() / "random.csv", text, most, block, encoding)


@pytest.mark.soak
@settings(max_examples=10_000, **QUIET)
@any_csv
def test_very_much_random_csv_by_column_gives_what_it_gives_by_row(
    tmp_path_factory: pytest.TempPathFactory, text: str, most: int, block: int, encoding: str
) -> None:
    compare_csv(tmp_path_factory.getbasetemp() / "random.csv", text, most, block, encoding)


def compare_csv(path: Path, text: str, most: int, block: int, encoding: str) -> None:
    path.write_bytes(text.encode(encoding))
    source = source_of({**TABLE_MAP, "reads": "csv", "encoding": encoding})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(csv_records, "_CHARACTERS", block)
        compare(path, source, most)


def test_regular_csv_is_read_by_column(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("muniment.ingest.table_batches.batches_of", None)
    path = tmp_path / "a.csv"
    path.write_text('\ufeffa,b,c\r\n1,"say ""no""\r\n",\r\n\r\nx\r\n', encoding="utf-8")
    columns = {"agent_id": "a", "target_name": "b"}
    source = source_of({"maps": [{"record": "event", "columns": columns}], "reads": "csv"})
    batches = read_batches(examine(path), source, groups_of(source, AT), 10)
    events, refused = by_block(batches)
    assert [(place, row["target_name"]) for place, _, row in events] == [(2, 'say "no"\r\n')]
    assert refused[0][:3] == (5, "wrong number of cells", "the row has 1 cells, the header 3")


@pytest.mark.parametrize("most", [1, 2, 10])
def test_csv_mark_of_byte_order_inside_the_file_is_kept(tmp_path: Path, most: int) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"\xef\xbb\xbfa,b\n1,x\n\xef\xbb\xbf2,y\n\xef\xbb\xbf,z\n")
    columns = {"agent_id": "a", "target_name": "b"}
    source = source_of({"maps": [{"record": "event", "columns": columns}], "reads": "csv"})
    events, _ = by_block(read_batches(examine(path), source, groups_of(source, AT), most))
    assert [row["agent_id"] for _, _, row in events] == ["1", "\ufeff2", "\ufeff"]
    compare(path, source, most)


def test_csv_record_longer_than_any_row_may_be_is_left_to_the_reference(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text('a\n"' + "x" * (17 << 20), encoding="utf-8")
    source = source_of({**TABLE_MAP, "reads": "csv"})
    with pytest.raises(InputError, match="line 2"):
        list(read_batches(examine(path), source, groups_of(source, AT), 10))


# Parquet

INSTANTS = [datetime(2026, 3, 29, 2, 30, tzinfo=UTC), datetime(1850, 1, 1, tzinfo=UTC), None,
            datetime(2026, 11, 20, 18, 4, 5, 123456, tzinfo=UTC)]  # fmt: skip
KINDS: tuple[tuple[pa.DataType, Any], ...] = (
    (
        pa.string(),
        st.sampled_from(
            [*(t for t in TEXTS if t.isprintable()), "nul\x00", "a|b", "|a", "a| b", None]
        ),
    ),
    (pa.large_string(), st.sampled_from(["a", "", None])),
    (pa.dictionary(pa.int8(), pa.string()), st.sampled_from(["x", "skip", "-", None])),
    (pa.int64(), st.sampled_from([0, 1, -(2**63), 2**63 - 1, 1763661840123, None])),
    (pa.uint64(), st.sampled_from([0, 2**64 - 1, None])),
    (pa.int8(), st.sampled_from([1, None])),
    (pa.float64(), st.sampled_from([0.1, 1e-12, 1e22, -0.0, math.nan, math.inf, 5.0, None])),
    (pa.float32(), st.sampled_from([0.1, 1.5, None])),
    (pa.bool_(), st.sampled_from([True, False, None])),
    (pa.timestamp("ns"), st.sampled_from(INSTANTS)),
    (pa.timestamp("us", "UTC"), st.sampled_from([*INSTANTS, datetime(9999, 1, 1, tzinfo=UTC)])),
    (pa.timestamp("ms", "Europe/Berlin"), st.sampled_from(INSTANTS)),
    (pa.timestamp("s", "+05:30"), st.sampled_from(INSTANTS)),
    (pa.date32(), st.sampled_from([None, datetime(2026, 11, 20).date()])),
    (pa.decimal128(20, 4), st.sampled_from([Decimal("1.5"), Decimal("-0.0001"), None])),
    (pa.decimal128(38, 12), st.sampled_from([Decimal("1.123456789012"), Decimal(10) ** 20, None])),
    (pa.binary(), st.sampled_from([b"\xff", b"", None])),
    (pa.list_(pa.string()), st.sampled_from([["a", "b"], [], ["", None], ["a\x00"], None])),
    (pa.list_(pa.int64()), st.sampled_from([[1, 2], None])),
    (pa.list_(pa.struct({"k": pa.string()})), st.sampled_from([[{"k": "v"}], None])),
    (pa.struct({"k": pa.string(), "d": pa.int64()}), st.sampled_from([{"k": "v", "d": 1}, None])),
    (pa.null(), st.none()),
)
columns = st.integers(0, 6).flatmap(
    lambda size: st.dictionaries(
        st.sampled_from(["a", "b", "c", "n", "id", "event_time", "c.d", "amount"]),
        st.sampled_from(KINDS).flatmap(
            lambda kind: st.lists(kind[1], min_size=size, max_size=size).map(
                lambda values: pa.array(values, kind[0])
            )
        ),
        min_size=1,
    )
)


any_table = given(columns, st.integers(1, 4), st.sampled_from([None, "UTC", "Europe/Berlin"]))


@settings(max_examples=25, derandomize=True, **QUIET)
@any_table
def test_parquet_by_column_gives_what_it_gives_by_row(
    tmp_path_factory: pytest.TempPathFactory, held: dict[str, pa.Array], most: int, zone: str | None
) -> None:
    compare_parquet(tmp_path_factory.getbasetemp() / "random.parquet", held, most, zone)


@pytest.mark.soak
@settings(max_examples=10_000, **QUIET)
@any_table
def test_very_much_random_parquet_by_column_gives_what_it_gives_by_row(
    tmp_path_factory: pytest.TempPathFactory, held: dict[str, pa.Array], most: int, zone: str | None
) -> None:
    compare_parquet(tmp_path_factory.getbasetemp() / "random.parquet", held, most, zone)


def compare_parquet(path: Path, held: dict[str, pa.Array], most: int, zone: str | None) -> None:
    pq.write_table(pa.table(held), path)
    compare(path, source_of({**TABLE_MAP, "reads": "parquet", "zone": zone}), most)


def test_parquet_with_a_damaged_page_imports_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    table = pa.table({"a": [f"agent {n * n}" for n in range(5_000)]})
    pq.write_table(table, path, row_group_size=1_000, compression="zstd", use_dictionary=False)
    content = bytearray(path.read_bytes())
    at = pq.ParquetFile(path).metadata.row_group(3).column(0).data_page_offset
    content[at + 40 : at + 60] = bytes(20)
    path.write_bytes(content)
    source = source_of({**TABLE_MAP, "reads": "parquet"})
    batches = read_batches(examine(path), source, groups_of(source, AT), 100)
    with pytest.raises(InputError, match="not a whole Parquet file"):
        next(batches)
