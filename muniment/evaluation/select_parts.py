"""A sequence test in parts: which partitions lie in which unit, and whose items stay what they are.

A partition that lies in one unit alone, inside the period and before anything unsettled, belongs to
that unit's *piece*, which only a change of the unit can touch. All other partitions are the *rest*.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from muniment.evaluation.select_log import TAIL, LogSlice
from muniment.evaluation.unit_keys import ENGINE, changes_digest, digest_of
from muniment.evaluation.unit_results import batches_of
from muniment.store.partial_files import PartialFiles

_SCHEMA = pa.schema(
    [("value", pa.string()), ("first", pa.timestamp("ns")), ("last", pa.timestamp("ns")),
     ("place", pa.int64())]
)  # fmt: skip
REST = "rest"


@dataclass(slots=True)
class Pieces:
    """The pieces of one test over one slice of the log.

    keys: by piece, a unit's digest or `rest`, the key of its items.
    """

    slice: LogSlice
    files: PartialFiles
    content: list[Any]
    clocks: Mapping[str, int]
    keys: dict[str, str] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)
    _settled: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        """content: what the test does, and the records it reads. clocks: nanoseconds by name."""
        self._lay_out()
        units = self._connection.execute(
            "select place, first > make_timestamp_ns($period_start)"
            " and last < make_timestamp_ns($before) as settled, across from ("
            " select place, min(first) filter (where not shared) as first,"
            " max(last) filter (where not shared) as last,"
            " sha256(coalesce(string_agg(value, chr(10) order by value) filter (where shared), ''))"
            " as across from lies group by place) where place >= 0 order by place",
            {
                "period_start": self.clocks["period_start"],
                "before": min(self.clocks["period_end"], self.clocks["settled_before"]),
            },
        ).fetchall()
        for place, settled, across in units:
            if settled:
                cut = self.slice.cuts[place]
                self._settled.append(place)
                account = [*self.content, self.slice.account(cut), across]
                self.keys[cut.unit.digest] = digest_of(account)
        clocks = sorted(self.clocks.items())
        self.keys[REST] = digest_of([*self.content, REST, clocks, self.slice.digest()])

    @property
    def _connection(self) -> Any:
        return self.slice.source.connection

    def events(self, lacking: Sequence[str]) -> tuple[pa.Table, dict[str, str]]:
        """The events of the pieces named, and by partition the piece that it belongs to."""
        self._lay_out()
        wanted = {
            place: digest
            for place in self._settled
            if (digest := self.slice.cuts[place].unit.digest) in lacking
        }
        self._connection.register(
            "settled", pa.table({"place": pa.array(self._settled, pa.int64())})
        )
        rest = "shared or place not in (select place from settled)"
        self._connection.register("asked", pa.table({"place": pa.array(list(wanted), pa.int64())}))
        own = "not shared and place in (select place from asked)"
        chosen = f"({own})" + (f" or {rest}" if REST in lacking else "")
        rows = self._connection.sql(
            f"select value, place, {rest} as in_rest from lies where {chosen}"
        ).to_arrow_table()
        values, places = rows.column("value"), rows.column("place")
        owner = {
            value: REST if in_rest else wanted[place]
            for value, place, in_rest in zip(
                values.to_pylist(), places.to_pylist(), rows.column("in_rest").to_pylist(),
                strict=True,
            )
        }  # fmt: skip
        at = sorted(set(places.to_pylist()) - {TAIL})
        only = (self._column, pa.table({"value": pa.array(list(owner), pa.string())}))
        tail = TAIL in places.to_pylist()
        return self.slice.events([self.slice.cuts[n] for n in at], tail=tail, only=only), owner

    # Which partitions lie where

    @property
    def _column(self) -> str:
        return self.slice.read.partition

    def _lay_out(self) -> None:
        """Make `lies`: partition, first and last instant, unit, and whether others share it."""
        self._connection.register("lies_in", pa.concat_tables([self._tail(), *self._units()]))
        self._connection.execute(
            "create or replace temporary table lies as select *,"
            " count(*) over (partition by value) > 1 or place < 0 as shared from lies_in"
        )

    def _units(self) -> list[pa.Table]:
        bound = {name: str(getattr(v, "object", v)) for name, v in self.slice.bound.items()
                 if name in self.slice.read.parameters}  # fmt: skip
        text = [ENGINE, "partitions", self._column, self.slice.instants(),
                self.slice.read.condition, bound]  # fmt: skip
        keys = {}
        for at, cut in enumerate(self.slice.cuts):
            said = changes_digest(cut.changes, self.slice.columns)
            keys[digest_of([*text, cut.unit.digest, cut.window, cut.known, said])] = at
        self.used = set(keys)
        lacking = [at for key, at in keys.items() if key not in self.files]
        by_place = {at: key for key, at in keys.items()}
        for places in batches_of(lacking, self.slice.cuts):
            self.slice.open([self.slice.cuts[at] for at in places])
            refs = self._rows().rename_columns(["value", "first", "last", "ref"])
            units = [self.slice.cuts[at].unit.digest for at in places]
            self.files.add([by_place[at] for at in places], units, {"partitions": refs})
        found = []
        for folder, held in self.files.found(keys):
            path = folder.file("partitions")
            if path is not None:
                found.append(_placed(pq.read_table(path), {ref: keys[key] for ref, key in held}))
        return found

    def _tail(self) -> pa.Table:
        if not self.slice.parts.tail.num_rows:
            return _SCHEMA.empty_table()
        self.slice.open(())
        rows = self._rows()
        places = pa.array([TAIL] * rows.num_rows, pa.int64())
        return rows.drop_columns(["place"]).append_column("place", places).cast(_SCHEMA)

    def _rows(self) -> pa.Table:
        instants = self.slice.instants()
        return self.slice.source.fetch(
            f"select {self._column} as value, min(least({instants})) as first,"
            f" max(greatest({instants})) as last, cast(unit_at as int) as place from event"
            f" where {self.slice.read.condition} group by all",
            self.slice.bound,
        )


def _placed(table: pa.Table, places: Mapping[int, int]) -> pa.Table:
    refs = table.column("ref").to_numpy()
    most = int(refs.max()) + 1 if len(refs) else 0
    where = [places.get(ref, TAIL - 1) for ref in range(most)]
    placed = pa.array(where, pa.int64()).take(table.column("ref").combine_chunks())
    found = table.drop_columns(["ref"]).append_column("place", placed).cast(_SCHEMA)
    return found.filter(pc.greater_equal(found.column("place"), TAIL))
