"""What a record value may be, its one stored form, and its Arrow type."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from muniment.errors import InputError
from muniment.model.records import RECORD_TABLES, RecordTable
from muniment.store.open import Store
from muniment.store.records_values import checked_values, record_table
from tests.builders.records import FEBRUARY, JANUARY, agent, approval, permission_set, put

BUDGET = {"budget_id": "B", "owner_kind": "team", "owner_ref": "t"}


def stored(table: str, column: str, value: object, /, **others: Any) -> object:
    return checked_values(record_table(table), {**others, column: value})[column]


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("2026-11-20T18:04:00.000000000Z", "2026-11-20T18:04:00.000000000Z"),
        ("2026-11-20T19:04:00.5+01:00", "2026-11-20T18:04:00.500000000Z"),
        ("2026-11-20 18:04Z", "2026-11-20T18:04:00.000000000Z"),
    ],
)
def test_time_in_any_spelling_is_kept_as_the_fixed_string(given: str, kept: str) -> None:
    assert stored("approval", "decided_at", given, approval_id="A") == kept


@pytest.mark.parametrize(
    "given",
    [
        "2026-11-20T18:04:00",
        "2026-02-30T00:00:00.000000000Z",
        "2026-01-01T24:00:00.000000000Z",
        "1600-01-01T00:00:00.000000000Z",
        "yesterday",
        1_700_000_000,
        "٢٠٢٦-01-01T00:00:00.000000000Z",
    ],
)
def test_time_that_is_none_is_refused_with_its_column(given: object) -> None:
    with pytest.raises(InputError, match="`approval`, column `decided_at`"):
        stored("approval", "decided_at", given, approval_id="A")


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("12.5", "12.500000000"),
        (3, "3.000000000"),
        (Decimal("-0.000000001"), "-0.000000001"),
        ("-0", "0.000000000"),
        ("9999999999999999999.999999999", "9999999999999999999.999999999"),
        ("1e3", "1000.000000000"),
    ],
)
def test_decimal_is_kept_with_nine_places(given: object, kept: str) -> None:
    assert stored("budget", "limit_usd", given, **BUDGET) == kept


@pytest.mark.parametrize(
    "given", [0.1, "0.0000000001", "10000000000000000000", "NaN", "Infinity", "ten", True, "", []]
)
def test_decimal_that_cannot_be_kept_exactly_is_refused(given: object) -> None:
    with pytest.raises(InputError, match=r"`budget`, column `limit_usd`.*nothing is rounded"):
        stored("budget", "limit_usd", given, **BUDGET)


@pytest.mark.parametrize(
    ("name", "given", "reason"),
    [
        ("name", None, "a value is required"),
        ("name", 5, "is not a text"),
        ("name", "a\x00b", "holds a NUL"),
        ("name", "a\ud800b", "half a character"),
        ("eu_in_scope", 1, "is not boolean"),
        ("eu_in_scope", "true", "is not boolean"),
        ("skills", "write", "is not a list of texts"),
        ("skills", ["write", 1], "is not a text"),
        ("lifecycle_status", "alive", "is not one of: draft"),
    ],
)
def test_value_that_the_column_cannot_hold_is_refused(
    name: str, given: object, reason: str
) -> None:
    with pytest.raises(InputError, match=f"`agent`, column `{name}`: .*{reason}"):
        stored("agent", name, given, agent_id="a", name="a")


def test_column_that_the_table_lacks_is_refused_with_the_known_ones() -> None:
    with pytest.raises(InputError, match=r"`agent` has no column `owner`.*owner_ref"):
        checked_values(record_table("agent"), agent(owner="ana"))


def test_unknown_name_among_not_carried_is_refused(store: Store) -> None:
    with pytest.raises(InputError, match="no column `owner` to be not carried"):
        put(store, "agent", agent(), not_carried=["owner"])


@pytest.mark.parametrize("table", RECORD_TABLES, ids=lambda table: table.name)
def test_arrow_table_without_rows_has_all_typed_columns(
    sqlite_store: Store, table: RecordTable
) -> None:
    found = sqlite_store.records.arrow_as_of(table.name, JANUARY, JANUARY)
    assert found.column_names == [column.name for column in table.all_columns]
    assert found.num_rows == 0
    assert found.schema.field("valid_from").type == pa.timestamp("ns")
    assert found.schema.field("not_carried_fields").type == pa.list_(pa.string())


def test_arrow_keeps_nanoseconds_places_lists_and_nulls(store: Store) -> None:
    at = "2026-01-01T00:00:00.123456789Z"
    put(store, "approval", approval(decided_at=at))
    put(store, "approval", approval("A-2"))
    put(store, "permission_set", permission_set(tools=["a", "b"], scopes=[]))
    _, known = put(store, "budget", {**BUDGET, "limit_usd": "12.5"})
    approvals = store.records.arrow_as_of("approval", FEBRUARY, known)
    decided = approvals.column("decided_at").cast(pa.int64()).to_pylist()
    assert decided == [1_767_225_600_123_456_789, None]
    sets = store.records.arrow_history("permission_set", known).to_pylist()
    assert (sets[0]["tools"], sets[0]["scopes"], sets[0]["models"]) == (["a", "b"], [], None)
    budget = store.records.arrow_history("budget", known)
    assert budget.schema.field("limit_usd").type == pa.decimal128(28, 9)
    assert budget.to_pylist()[0]["limit_usd"] == Decimal("12.5")


def test_arrow_and_rows_agree(store: Store) -> None:
    for number in range(5):
        _, known = put(store, "agent", agent(f"bot-{number}", eu_in_scope=number % 2 == 0))
    rows = store.records.rows_as_of("agent", FEBRUARY, known)
    table = store.records.arrow_as_of("agent", FEBRUARY, known)
    assert table.column("agent_id").to_pylist() == [row["agent_id"] for row in rows]
    assert table.column("eu_in_scope").to_pylist() == [True, False, True, False, True]
