"""What an evaluation reads: Arrow tables of events and record rows, from a store or from a case."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import duckdb
import pyarrow as pa

from muniment.catalog.controls import DURATION
from muniment.errors import CatalogError, EvaluationError
from muniment.evaluation.sampling import NO_HEADER, SEED_BASIS
from muniment.model import times
from muniment.model.columns import DECIMAL_PLACES, DECIMAL_PRECISION, Column, ColumnKind
from muniment.model.controls import ControlTest, Parameter
from muniment.model.results import Clock

# Columns that the engine itself reads, whatever the controls ask for.
BASE_COLUMNS = (
    "event_id", "event_time", "ingested_at", "source_id", "source_class", "source_seq", "agent_id",
    "approval_id", "executed", "outcome", "redacted_fields", "empty_fields",
)  # fmt: skip
_UNITS = {"seconds": 1, "minutes": 60, "hours": 3_600, "days": 86_400}
_ARROW: dict[ColumnKind, pa.DataType] = {
    ColumnKind.TEXT: pa.string(),
    ColumnKind.INTEGER: pa.int64(),
    ColumnKind.BOOLEAN: pa.bool_(),
    ColumnKind.DECIMAL: pa.decimal128(DECIMAL_PRECISION, DECIMAL_PLACES),
    ColumnKind.TIME: pa.timestamp("ns"),
    ColumnKind.TEXT_LIST: pa.list_(pa.string()),
}


@dataclass(frozen=True, slots=True)
class Inputs:
    """Everything that one evaluation reads; two equal Inputs give equal results.

    events: entries of kind event from the longest lookback up to as_of. history: record rows known
    at known_at with their validity. as_of: those of them valid at as_of. lives: of all agents over
    the whole log; None for those in `events`. seed_head: what the
    samples' seeds begin with, a checkpoint's root or the last header's hash; seed_basis says which.
    """

    events: pa.Table
    history: Mapping[str, pa.Table]
    as_of: Mapping[str, pa.Table]
    lives: pa.Table | None = None
    seed_head: str = NO_HEADER
    seed_basis: str = SEED_BASIS


@dataclass(frozen=True, slots=True)
class Setting:
    """The clocks, the organisation's time zone and the parameters of an evaluation."""

    clock: Clock
    time_zone: str
    parameters: Mapping[str, Parameter]

    def __post_init__(self) -> None:
        try:
            ZoneInfo(self.time_zone)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise EvaluationError(f"`{self.time_zone[:60]}` is not an IANA time zone.") from error

    def nanos(self, name: str) -> int:
        """One of the clock's instants as nanoseconds."""
        return times.to_nanos(str(getattr(self.clock, name)))

    def duration(self, text: str | None) -> int:
        """Nanoseconds of `31 days` or of the parameter named; 0 for None."""
        if text is None:
            return 0
        match = DURATION.match(text)
        if match:
            return int(match.group(1)) * _UNITS[match.group(2)] * times.NANOS
        parameter = self.parameters.get(text)
        if parameter is None or parameter.unit not in _UNITS or type(parameter.value) is not int:
            raise CatalogError(f"`{text}` is no parameter with a unit of {', '.join(_UNITS)}.")
        return parameter.value * _UNITS[parameter.unit] * times.NANOS

    def values(self, names: Iterable[str]) -> dict[str, Any]:
        """The parameters' values by name; CatalogError for one that is not defined."""
        names = tuple(names)
        unknown = [name for name in names if name not in self.parameters]
        if unknown:
            raise CatalogError(
                f"parameter `{unknown[0]}` is not defined. Add it to mappings/parameters.yaml."
            )
        return {name: self.parameters[name].value for name in names}

    def bound(self, names: Iterable[str], test: ControlTest | None = None) -> dict[str, Any]:
        """Values to bind: the clock's instants as TIMESTAMP_NS, the time zone, the parameters."""
        settled = self.nanos("as_of") - self.duration(test.settles_after if test else None)
        instants = {
            "period_start": self.nanos("period_start"),
            "period_end": self.nanos("period_end"),
            "as_of": self.nanos("as_of"),
            "settled_before": settled,
        }
        bound: dict[str, Any] = {name: instant(nanos) for name, nanos in instants.items()}
        return {**bound, "time_zone": self.time_zone, **self.values(names)}


def instant(nanos: int) -> duckdb.Value:
    """An instant as a bound TIMESTAMP_NS value; Python's own datetime stops at microseconds."""
    text = times.format_time(nanos)[:-1].replace("T", " ")
    return duckdb.Value(text, duckdb.sqltypes.TIMESTAMP_NS)


def typed_table(columns: Sequence[Column], rows: Sequence[Mapping[str, Any]]) -> pa.Table:
    """An Arrow table of exactly these columns; what a row does not hold is NULL."""
    known = {column.name for column in columns}
    for row in rows:
        unknown = row.keys() - known
        if unknown:
            raise CatalogError(f"a given row has the column `{min(unknown)}`, which is not known.")
    return pa.table(
        {
            column.name: pa.array(
                [_value(column.kind, row.get(column.name)) for row in rows], _ARROW[column.kind]
            )
            for column in columns
        }
    )


def _value(kind: ColumnKind, value: Any) -> Any:
    if value is None:
        return None
    if kind is ColumnKind.TIME:
        return times.to_nanos(times.normal_time(str(value)))
    return Decimal(str(value)) if kind is ColumnKind.DECIMAL else value


def plain_times(table: pa.Table) -> pa.Table:
    """The table with every timestamp in nanoseconds and without a zone, as tests expect them."""
    for number, field in enumerate(table.schema):
        if pa.types.is_timestamp(field.type) and field.type != pa.timestamp("ns"):
            column = table.column(number).cast(pa.timestamp("ns", field.type.tz))
            table = table.set_column(number, field.name, column.cast(pa.timestamp("ns")))
    return table
