"""What each test makes of each event of a batch, from booleans, and how often, by unit.

DuckDB answers every distinct condition once for each event; what follows from the answers is
looked up in small tables and counted here. An aggregate with three counts for each of a hundred
codes costs DuckDB ten times as much. `events_tests.scan_sql` says the same in SQL.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from muniment.evaluation.events_tests import (
    EXCEPTION,
    PASS,
    UNDETERMINED,
    EventsTest,
    TestBooleans,
    scan_columns,
)

OUTSIDE = 3
Array = np.ndarray[Any, Any]
_FALSE, _TRUE, _NULL = 0, 1, 2


def _code(population: int, own: int, exception: int) -> int:
    if _FALSE in (population, own):
        return OUTSIDE
    if _NULL in (population, own, exception):
        return UNDETERMINED
    return EXCEPTION if exception == _TRUE else PASS


# By 9 x population + 3 x own + exception.
_CODES = bytes(_code(n // 9, n // 3 % 3, n % 3) for n in range(27)).ljust(256, b"\0")


@dataclass(slots=True)
class Codes:
    """The codes of every test over the events of a batch, row by row as they were read."""

    booleans: list[Array]
    tests: Sequence[TestBooleans]

    @classmethod
    def of(cls, table: pa.Table, first: int, tests: Sequence[TestBooleans]) -> Codes:
        """From a table whose columns are booleans from `first` on."""
        columns = (table.column(n) for n in range(first, table.num_columns))
        return cls([_answers(column) for column in columns], tests)

    def part(self, number: int, part: int) -> Array:
        """The codes of one part of a test."""
        population = self.tests[number].population
        own, exception = self.tests[number].parts[part]
        at = self.booleans[population] * np.uint8(9)
        at += self.booleans[own] * np.uint8(3)
        at += self.booleans[exception]
        return np.frombuffer(at.tobytes().translate(_CODES), np.uint8)

    def item(self, number: int, parts: Sequence[Array]) -> Array:
        """The codes of a test's items, from those of its parts."""
        population = self.booleans[self.tests[number].population]
        failed = np.zeros(len(population), np.bool_)
        open_ = population == _NULL
        for codes in parts:
            failed |= codes == EXCEPTION
            open_ |= codes == UNDETERMINED
        item: Array = open_ * np.uint8(UNDETERMINED)
        item[failed] = EXCEPTION
        item[population == _FALSE] = OUTSIDE
        return item


def _answers(column: pa.ChunkedArray) -> Array:
    """One byte for each row: false, true or NULL."""
    if pa.types.is_null(column.type):
        return np.full(len(column), _NULL, np.uint8)
    numbers = column.cast(pa.uint8())
    return np.asarray(pc.fill_null(numbers, _NULL).to_numpy())


@dataclass(slots=True)
class Groups:
    """Rows by a key: the place of each row's group, and of each group its unit and its key."""

    of_row: Array
    units: Array
    keys: pa.Array

    @classmethod
    def of(cls, unit_at: Array, keys: pa.Array) -> Groups:
        """Groups of a unit and a key; rows whose key is NULL are in the last, which has none."""
        encoded = keys.dictionary_encode()
        known = len(encoded.dictionary)
        index = pc.fill_null(encoded.indices, known).to_numpy(zero_copy_only=False)
        joint = unit_at * (known + 1) + index
        held, of_row = _dense(joint, (int(unit_at.max(initial=0)) + 1) * (known + 1))
        with_null = pa.concat_arrays([encoded.dictionary, pa.nulls(1, keys.type)])
        return cls(of_row, held // (known + 1), with_null.take(pa.array(held % (known + 1))))

    def counts(self, rows: Array) -> Array:
        """How many of some rows each group has."""
        return np.bincount(self.of_row[rows], minlength=len(self.units))


def _dense(joint: Array, end: int) -> tuple[Array, Array]:
    """The distinct numbers below `end`, and by row the place of its number among them."""
    if end > 50_000_000:
        return np.unique(joint, return_inverse=True)
    seen = np.zeros(end, np.bool_)
    seen[joint] = True
    return np.flatnonzero(seen), (np.cumsum(seen) - 1)[joint]


@dataclass(frozen=True, slots=True)
class ItemRows:
    """Of one test, the rows with an exception, and the undetermined; all that are items."""

    population: Array
    exceptions: Array
    undetermined: Array


@dataclass(slots=True)
class BatchCounts:
    """The counts of a batch as rows by test and unit: by day, by agent, and by attribute."""

    unit_at: Array
    by_day: Groups
    by_agent: Groups
    unit_count: int
    tables: list[pa.Table] = field(default_factory=list)

    @classmethod
    def of(cls, table: pa.Table, unit_count: int) -> BatchCounts:
        """For rows with unit_at, local_day and agent_id."""
        at = table.column("unit_at").to_numpy().astype(np.int64)
        days = table.column("local_day").cast(pa.int32()).combine_chunks()
        agents = table.column("agent_id").combine_chunks()
        return cls(at, Groups.of(at, days), Groups.of(at, agents), unit_count)

    def add(self, tests: Sequence[EventsTest], codes: Codes) -> list[ItemRows]:
        """Count every test; of each, the rows of its items."""
        found: list[ItemRows] = []
        parts: list[Array] = []
        for number, letter in scan_columns(tests):
            if letter:
                parts.append(codes.part(number, len(parts)))
                self._add(number, letter, _rows(parts[-1]))
                continue
            item = codes.item(number, parts) if parts else codes.part(number, 0)
            found.append(_rows(item))
            self._add(number, "", found[-1])
            parts = []
        return found

    def _add(self, number: int, letter: str, rows: ItemRows) -> None:
        if not len(rows.population):
            return
        three = (rows.population, rows.exceptions, rows.undetermined)
        if letter:
            counts = [np.bincount(self.unit_at[each], minlength=self.unit_count) for each in three]
            keys = Groups(np.zeros(0), np.arange(self.unit_count), pa.nulls(self.unit_count))
            self._keep(number, letter, keys, counts)
            return
        for name, groups in (("day", self.by_day), ("agent_id", self.by_agent)):
            self._keep(number, "", groups, [groups.counts(each) for each in three], name)

    def _keep(
        self, number: int, letter: str, groups: Groups, counts: Sequence[Array], name: str = ""
    ) -> None:
        wanted = counts[0] > 0
        if name:
            wanted &= ~np.asarray(groups.keys.is_null().to_numpy(zero_copy_only=False))
        held = np.flatnonzero(wanted)
        keys = groups.keys.take(pa.array(held))
        nothing = pa.nulls(len(held))
        self.tables.append(
            pa.table(
                {
                    "test": pa.array(np.full(len(held), number), pa.int32()),
                    "unit_at": pa.array(groups.units[held], pa.int32()),
                    "letter": pa.array([letter] * len(held), pa.string()),
                    "day": keys if name == "day" else nothing.cast(pa.int32()),
                    "agent_id": keys if name == "agent_id" else nothing.cast(pa.string()),
                    **{
                        each: pa.array(values[held], pa.int64())
                        for each, values in zip(_THREE, counts, strict=True)
                    },
                }
            )
        )


_THREE = ("population", "exceptions", "undetermined")


def _rows(codes: Array) -> ItemRows:
    return ItemRows(
        np.flatnonzero(codes != OUTSIDE),
        np.flatnonzero(codes == EXCEPTION),
        np.flatnonzero(codes == UNDETERMINED),
    )
