"""The events of some units as relations of a DuckDB connection, annotations applied.

Segments are read natively, which SELECT tests may never do: what runs here are conditions that
were parsed, and statements of our own.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from muniment.errors import EvidenceBrokenError
from muniment.evaluation.days import day_number_sql
from muniment.evaluation.inputs import Setting
from muniment.evaluation.sampling import NO_HEADER
from muniment.integrity.headers import header_hash
from muniment.model.columns import ColumnKind
from muniment.model.entries import ENTRY_COLUMN_BY_NAME
from muniment.model.times import to_nanos
from muniment.store.encoder import ENTRY_SCHEMA
from muniment.store.layout import StoreLayout
from muniment.store.units import Unit

MEMORY_MB = 1_024
THREADS = 2
# Of an event: which unit of the batch, which segment of a copy, and which row of the file.
PLACE = ("unit_at", "segment_no", "row_no")
_AT = "coalesce(event_time, ingested_at)"
Changes = Mapping[str, Mapping[str, Any]]


@dataclass(slots=True)
class EventSource:
    """A connection, and what must be known to read units through it.

    few: joins whose things have few pieces each.
    """

    layout: StoreLayout
    setting: Setting
    approval_ever: bool
    few: frozenset[str] = frozenset()
    connection: duckdb.DuckDBPyConnection = field(init=False)

    def __post_init__(self) -> None:
        self.layout.cache.mkdir(parents=True, exist_ok=True)  # DuckDB makes only the folder itself
        self.connection = duckdb.connect(
            config={
                "memory_limit": f"{MEMORY_MB}MB",
                "threads": THREADS,
                "preserve_insertion_order": False,
                "temp_directory": str(self.layout.cache / "spill"),
            }
        )
        self.connection.execute("set TimeZone = 'UTC'")
        empty = ENTRY_SCHEMA.empty_table().append_column("segment_no", pa.array([], pa.int64()))
        self.connection.register("no_entries", empty)

    def close(self) -> None:
        """Free everything."""
        self.connection.close()

    def open(
        self,
        units: Sequence[Unit],
        columns: Collection[str],
        changes: Changes | None = None,
        *,
        start: int | None = None,
        end: int | None = None,
    ) -> None:
        """Make `event` the events of these units within the window, with their local day.

        columns: of the log, that are read. changes: by event id, columns with the values that
        annotations gave them. start, end: nanoseconds of the window; the period's unless given.
        """
        paths = ", ".join("'" + str(u.path(self.layout)).replace("'", "''") + "'" for u in units)
        read = f"read_parquet([{paths}], hive_partitioning = false, union_by_name = true"
        read += ", file_row_number = true)"
        relation = (
            f"(select *, file_index as unit_at, file_row_number as row_no from {read}"
            " union all by name select *, cast(null as ubigint) as unit_at,"
            " cast(null as bigint) as row_no from no_entries)"
        )
        known_at = self.setting.nanos("known_at")
        late = any(unit.ingested[1] > known_at for unit in units)
        self._view(relation, columns, changes or {}, (start, end), late=late, units=units)

    def open_table(
        self,
        table: pa.Table,
        columns: Collection[str],
        changes: Changes,
        *,
        start: int | None = None,
        end: int | None = None,
    ) -> None:
        """The same for entries that are in no segment."""
        place = pa.array([0] * table.num_rows, pa.uint64())
        numbers = pa.nulls(table.num_rows, pa.int64())
        entries = table.append_column("unit_at", place).append_column("segment_no", numbers)
        entries = entries.append_column("row_no", pa.array(range(table.num_rows), pa.int64()))
        self.connection.register("tail_entries", entries)
        self._view("tail_entries", columns, changes, (start, end), late=True, tail=table)

    def _view(
        self,
        relation: str,
        columns: Collection[str],
        changes: Changes,
        asked: tuple[int | None, int | None],
        *,
        late: bool,
        units: Sequence[Unit] = (),
        tail: pa.Table | None = None,
    ) -> None:
        names = [name for name in ENTRY_COLUMN_BY_NAME if name in {*columns, *_ALWAYS}]
        where = ["entry_kind = 'event'"]
        if late:
            where.append(f"ingested_at <= {_instant(self.setting.nanos('known_at'))}")
        base = f"select {', '.join((*names, *PLACE))} from {relation} where {' and '.join(where)}"
        if changes:
            base = self._changed(base, names, changes)
        first, last = self._window(*asked)
        outside = changes or not units or any(
            u.happened[0] < first or u.happened[1] >= last for u in units
        )  # fmt: skip
        window = f"{_AT} >= {_instant(first)} and {_AT} < {_instant(last)}" if outside else "true"
        day = day_number_sql(_AT, self.setting.time_zone, *self._span(units, changes, tail))
        ever = str(self.approval_ever).lower()
        self.connection.execute(f"create or replace view events as {base}")
        self.connection.execute(
            "create or replace view event as select *,"
            f" {day} as local_day, {ever} as approval_ever from events where {window}"
        )

    def _changed(self, base: str, names: Sequence[str], changes: Changes) -> str:
        """The events with the values that annotations gave them."""
        touched = sorted({name for each in changes.values() for name in each} & set(names))
        table = changes_table(changes, touched)
        self.connection.register("changes", table)
        chosen = ", ".join(
            f"case when c.has_{name} then c.{name} else e.{name} end as {name}"
            if name in touched
            else f"e.{name}"
            for name in names
        )
        place = ", ".join(f"e.{name}" for name in PLACE)
        return (
            f"select {chosen}, {place} from ({base}) e left join changes c"
            " on c.changed_event = e.event_id"
        )

    def _window(self, start: int | None, end: int | None) -> tuple[int, int]:
        first = self.setting.nanos("period_start") if start is None else start
        return first, self.setting.nanos("period_end") if end is None else end

    def _span(
        self, units: Sequence[Unit], changes: Changes, tail: pa.Table | None
    ) -> tuple[int, int]:
        """The first and last instant that any event may have, in nanoseconds."""
        instants = [each for unit in units for each in unit.happened]
        instants += [
            to_nanos(each["event_time"]) for each in changes.values() if each.get("event_time")
        ]
        if tail is not None:
            for name in ("event_time", "ingested_at"):
                bounds = pc.min_max(tail.column(name).cast(pa.int64())).as_py()
                instants += [value for value in bounds.values() if value is not None]
        return min(instants, default=0), max(instants, default=0)

    def heads(self, units: Sequence[Unit]) -> None:
        """Make `heads`: by unit and segment of a copy, the hash of the header that draws.

        Entries in no segment are drawn by 64 zeros.
        """
        rows = [
            (at, segment.no if unit.is_copy else None, header_hash(segment.header))
            for at, unit in enumerate(units)
            for segment in unit.segments
        ] or [(0, None, NO_HEADER)]
        columns = list(zip(*rows, strict=True))
        table = pa.table(
            {
                "unit_at": pa.array(columns[0], pa.uint64()),
                "segment_no": pa.array(columns[1], pa.int64()),
                "header_hash": pa.array(columns[2], pa.string()),
            }
        )
        self.connection.register("heads", table)

    def fetch(self, sql: str, bound: Mapping[str, Any] | None = None) -> pa.Table:
        """What a statement gives; EvidenceBrokenError where a segment cannot be read."""
        try:
            named = self.connection.extract_statements(sql)[0].named_parameters
            values = {name: (bound or {})[name] for name in named}
            return self.connection.sql(sql, params=values).to_arrow_table()
        except (duckdb.IOException, duckdb.InvalidInputException) as error:
            raise EvidenceBrokenError(
                f"a segment of the log cannot be read: {str(error).splitlines()[0][:200]}. "
                "Run `muniment status --verify` to find it, then restore it from a backup."
            ) from error


_ALWAYS = (
    "event_id", "event_time", "ingested_at", "source_id", "source_class", "agent_id",
    "redacted_fields", "empty_fields",
)  # fmt: skip


def changes_table(changes: Changes, columns: Sequence[str]) -> pa.Table:
    """Changed values as a table: the event, and by column whether it changed, and to what."""
    arrays: dict[str, pa.Array] = {"changed_event": pa.array(list(changes), pa.string())}
    for name in columns:
        kind = ENTRY_COLUMN_BY_NAME[name].kind
        held = [each.get(name) for each in changes.values()]
        values = [_plain(kind, value) for value in held]
        arrays[f"has_{name}"] = pa.array([name in each for each in changes.values()], pa.bool_())
        arrays[name] = pa.array(values, ENTRY_SCHEMA.field(name).type)
    return pa.table(arrays)


def _plain(kind: ColumnKind, value: Any) -> Any:
    if value is None:
        return None
    if kind is ColumnKind.TIME:
        return to_nanos(value)
    return Decimal(value) if kind is ColumnKind.DECIMAL else value


def _instant(nanos: int) -> str:
    return f"make_timestamp_ns({nanos})"
