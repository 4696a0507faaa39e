"""What SELECT tests read of a log: a window's events out of units and tail, annotations applied.

Only the columns that a SELECT names are read, and only the events that it can use: the parts of its
WHERE that are about the event alone are parsed and looked at here, where reading is cheap.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from muniment.catalog.controls_partition import EventsRead
from muniment.evaluation.fact_units import table_digest
from muniment.evaluation.inputs import BASE_COLUMNS
from muniment.evaluation.unit_keys import Cut, changes_digest, cut_of, digest_of
from muniment.evaluation.unit_results import LogParts
from muniment.evaluation.unit_source import EventSource
from muniment.model.columns import ColumnKind
from muniment.model.entries import ENTRY_COLUMN_BY_NAME
from muniment.store.read_copies import ensure_copies

TAIL = -1  # the place of what lies in no segment, beside those of the cuts


@dataclass(frozen=True, slots=True)
class LogSlice:
    """The events that one test can use: a window over units, columns, and a condition."""

    source: EventSource
    parts: LogParts
    window: tuple[int, int]
    columns: tuple[str, ...]
    read: EventsRead
    bound: Mapping[str, Any]
    cuts: tuple[Cut, ...]

    @classmethod
    def of(
        cls,
        source: EventSource,
        parts: LogParts,
        window: tuple[int, int],
        named: Collection[str],
        *,
        read: EventsRead,
        bound: Mapping[str, Any],
    ) -> LogSlice:
        """named: the log's columns that the SELECT names."""
        columns = tuple(sorted({*named, *BASE_COLUMNS}))
        found = (
            cut_of(unit, source.setting, parts.changes.get(unit.digest, {}), window)
            for unit in parts.units
        )
        cuts = tuple(cut for cut in found if cut is not None)
        return cls(source, parts, window, columns, read, bound, cuts)

    def account(self, cut: Cut) -> list[str]:
        """Everything that a unit's part of the slice depends on, the condition left out."""
        said = changes_digest(cut.changes, self.columns)
        return [cut.unit.digest, cut.window, cut.known, said]

    def tail_account(self) -> list[str]:
        """The same of what lies in no segment."""
        if not self.parts.tail.num_rows:
            return []
        return [
            table_digest(self.parts.tail.select(list(self.columns))),
            changes_digest(self.parts.tail_changes, self.columns),
        ]

    def digest(self) -> str:
        """Everything that the whole slice depends on."""
        return digest_of(
            [list(self.window), self.columns, self.read.condition,
             [self.account(cut) for cut in self.cuts], self.tail_account()]
        )  # fmt: skip

    def open(self, cuts: Sequence[Cut]) -> None:
        """Have the events of these cuts, or of the tail where there are none, as `event`."""
        start, end = self.window
        columns = self.columns
        if cuts:
            ensure_copies(self.source.layout, [cut.unit for cut in cuts])
            changes = {event: said for cut in cuts for event, said in cut.changes.items()}
            units = [cut.unit for cut in cuts]
            self.source.open(units, columns, changes, start=start, end=end)
        else:
            self.source.open_table(
                self.parts.tail, columns, self.parts.tail_changes, start=start, end=end
            )

    def events(
        self, cuts: Sequence[Cut], *, tail: bool = True, only: tuple[str, pa.Table] | None = None
    ) -> pa.Table:
        """The events of cuts and tail. only: a column, and a table whose `value` it must be in."""
        where = self.read.condition
        if only is not None:
            self.source.connection.register("wanted", only[1])
            where += f" and {only[0]} in (select value from wanted)"
        query = f"select {', '.join(self.columns)} from event where {where}"
        found = []
        for group in [*([cuts] if cuts else []), *([()] if tail or not cuts else [])]:
            self.open(group)
            found.append(self.source.fetch(query, self.bound))
        return pa.concat_tables(found)

    def instants(self) -> str:
        """SQL of a list of every instant of an event that the SELECT may look at."""
        names = [
            name
            for name in self.columns
            if ENTRY_COLUMN_BY_NAME[name].kind is ColumnKind.TIME
            and name not in ("event_time", "ingested_at")
        ]
        return ", ".join(["coalesce(event_time, ingested_at)", *names])
