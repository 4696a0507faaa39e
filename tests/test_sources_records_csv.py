"""Every record table that people may import has a CSV map that recognises and fills it."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest

from muniment.catalog.sources import load_source_maps
from muniment.ingest.pipeline import ingest_file
from muniment.ingest.recognise import recognise
from muniment.model.columns import Column, ColumnKind
from muniment.model.records import IMPORTABLE_TABLES
from muniment.store.open import Store

MAPS = load_source_maps()
LATE = "2200-01-01T00:00:00.000000000Z"
_OTHER_NAMES = {
    "agent": "registry_csv", "permission_set": "permissions_csv", "person": "people_csv",
    "approval": "approvals_csv", "budget": "budgets_csv",
}  # fmt: skip
MAP_OF = {name: _OTHER_NAMES.get(name, f"{name}_csv") for name in IMPORTABLE_TABLES}


def cell(column: Column) -> str:
    if column.choices:
        return column.choices[-1]
    return {
        ColumnKind.TIME: "2026-03-01T10:00:00+01:00", ColumnKind.INTEGER: "7",
        ColumnKind.DECIMAL: "1.5", ColumnKind.BOOLEAN: "true", ColumnKind.TEXT_LIST: "one|two",
    }.get(column.kind, f"a {column.name}")  # fmt: skip


def expected(column: Column) -> Any:
    return {
        ColumnKind.TIME: "2026-03-01T09:00:00.000000000Z", ColumnKind.INTEGER: 7,
        ColumnKind.DECIMAL: "1.500000000", ColumnKind.BOOLEAN: True,
        ColumnKind.TEXT_LIST: ["one", "two"],
    }.get(column.kind, cell(column))  # fmt: skip


def write(folder: Path, name: str, columns: tuple[Column, ...]) -> Path:
    path = folder / f"{name}.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(column.name for column in columns)
        writer.writerow(cell(column) for column in columns)
    return path


@pytest.mark.parametrize("name", IMPORTABLE_TABLES)
def test_full_file_of_a_table_is_recognised_as_its_own(tmp_path: Path, name: str) -> None:
    path = write(tmp_path, name, IMPORTABLE_TABLES[name].columns)
    assert recognise(path, MAPS).id == MAP_OF[name]


def test_every_column_of_every_table_arrives_as_it_was_written(
    tmp_path: Path, sqlite_store: Store
) -> None:
    for name, table in IMPORTABLE_TABLES.items():
        path = write(tmp_path, name, table.columns)
        ingest_file(
            sqlite_store, path, source_map=MAPS[MAP_OF[name]], source_id="register",
            recorded_by="clerk@example.org", seal=False,
        )  # fmt: skip
        rows = sqlite_store.records.all_rows(name)
        assert len(rows) == 1, name
        assert {c.name: rows[0][c.name] for c in table.columns} == {
            c.name: expected(c) for c in table.columns
        }
        assert not rows[0]["not_carried_fields"], name
