"""The registers beside the logs: rows by table and key, each with its history."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

from muniment.demo.runs import EMPTY, Value
from muniment.model.records import RECORD_TABLE_BY_NAME

Row: TypeAlias = dict[str, Value]
VALID_FROM = "valid_from"


class Registers:
    """Rows of the record tables. A row holds from its `valid_from` until the next of its key.

    Every row states every column of its table; EMPTY says that the register has nothing there.
    """

    def __init__(self) -> None:
        self._tables: dict[str, dict[str, list[Row]]] = {}

    def put(self, table: str, since: int, **values: Value | None) -> Row:
        """Add a row; columns not named are empty. KeyError for a column that the table lacks."""
        known = RECORD_TABLE_BY_NAME[table]
        row: Row = dict.fromkeys((VALID_FROM, *(c.name for c in known.columns)), EMPTY)
        row[VALID_FROM] = since
        for name, value in values.items():
            if name not in row:
                raise KeyError(f"{table}.{name}")
            row[name] = EMPTY if value is None else value
        self._tables.setdefault(table, {}).setdefault(str(row[known.key]), []).append(row)
        return row

    def edit(self, table: str, key: str, **values: Value) -> Row:
        """Change every row of a key, as if it had never been otherwise. Gives the last."""
        rows = self._tables[table][key]
        for row in rows:
            row.update(values)
        return rows[-1]

    def change(self, table: str, key: str, since: int, **values: Value) -> Row:
        """A later row of a key, like its last but for `values`."""
        rows = self._tables[table][key]
        rows.append(rows[-1] | {VALID_FROM: since} | values)
        return rows[-1]

    def drop(self, table: str, key: str) -> None:
        """Forget a key."""
        del self._tables[table][key]

    def last(self, table: str, key: str) -> Row:
        """The latest row of a key."""
        return self._tables[table][key][-1]

    def rows(self, table: str, key: str) -> list[Row]:
        """Every row of a key."""
        return self._tables[table][key]

    def keys(self, table: str, **values: Value) -> list[str]:
        """Keys whose latest row has these values."""
        found = self._tables.get(table, {})
        return [
            key for key, rows in found.items()
            if all(rows[-1][name] == value for name, value in values.items())
        ]  # fmt: skip

    def tables(self) -> Iterator[tuple[str, list[Row]]]:
        """Each table with its rows, by key and then in time order."""
        for table, keys in self._tables.items():
            yield table, [row for rows in keys.values() for row in _history(rows)]


def _history(rows: list[Row]) -> list[Row]:
    """The rows of a key in time order, of one instant the last, without those that say no more."""
    by_instant = {_since(row): row for row in rows}
    found: list[Row] = []
    for since in sorted(by_instant):
        row = by_instant[since]
        if not found or found[-1] | {VALID_FROM: since} != row:
            found.append(row)
    return found


def _since(row: Row) -> int:
    return int(row[VALID_FROM])  # type: ignore[arg-type]
