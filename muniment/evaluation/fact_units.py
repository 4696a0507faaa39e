"""Facts over the units of a log: what is known of a unit is taken, the rest computed and kept.

A fact joins no record, so its rows over a unit rest on the unit, on how the window and the two
clocks cut it, and on annotations of its events in columns that the fact reads. The fact of a log
is the merge of its units' rows and of what lies in no segment yet.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field

import pyarrow as pa

from muniment.evaluation.facts import (
    ALWAYS_READ,
    fact_columns,
    fact_sql,
    known_event_sql,
    merge_sql,
)
from muniment.evaluation.unit_keys import ENGINE, Cut, changes_digest, cut_of, digest_of
from muniment.evaluation.unit_results import LogParts, batches_of
from muniment.evaluation.unit_source import Changes, EventSource
from muniment.model.times import MIN_NANOS
from muniment.store.partial_files import PartialFiles

_DAY = "cast(date '1970-01-01' + cast(local_day as integer) as varchar)"
LIFE = "agent_life"


@dataclass(slots=True)
class FactUnits:
    """The facts of one evaluation.

    start: nanosecond from which on facts look back; `agent_life` looks at the whole log, as it
    came. computed: the fact and the unit's digest of what was not known.
    """

    source: EventSource
    parts: LogParts
    files: PartialFiles
    start: int
    computed: list[tuple[str, str]] = field(default_factory=list)
    _keys: dict[str, dict[str, Cut]] = field(default_factory=dict)

    def key(self, name: str) -> str:
        """A digest over everything that the fact depends on."""
        tail = table_digest(self.parts.tail) if self.parts.tail.num_rows else ""
        said = changes_digest(self._tail_changes(name), self._columns(name))
        return digest_of([fact_sql(name), self._window(name), self._period(), tail, said,
                          sorted(self._unit_keys(name))])  # fmt: skip

    def table(self, name: str) -> pa.Table:
        """The fact over the log; what is not known of it is computed and kept."""
        keys = self._unit_keys(name)
        lacking = [key for key in keys if key not in self.files]
        for places in batches_of(range(len(lacking)), [keys[key] for key in lacking]):
            self._compute(name, {lacking[at]: keys[lacking[at]] for at in places})
        return self._merged(name, list(keys))

    def used_keys(self) -> set[str]:
        """The keys of everything that was asked for."""
        return {key for held in self._keys.values() for key in held}

    # Keys

    def _window(self, name: str) -> tuple[int, int]:
        if name == LIFE:
            return MIN_NANOS, self.source.setting.nanos("as_of")
        return self.start, self.source.setting.nanos("period_end")

    def _period(self) -> int:
        return self.source.setting.nanos("period_start")

    def _columns(self, name: str) -> tuple[str, ...]:
        return tuple(sorted({*ALWAYS_READ, *fact_columns(name)}))

    def _tail_changes(self, name: str) -> Changes:
        return {} if name == LIFE else self.parts.tail_changes

    def _unit_keys(self, name: str) -> dict[str, Cut]:
        """By key, each unit of which the fact has anything to say."""
        if name not in self._keys:
            setting, window = self.source.setting, self._window(name)
            text = [ENGINE, fact_sql(name), setting.time_zone]
            found = {}
            for unit in self.parts.units:
                said = {} if name == LIFE else self.parts.changes.get(unit.digest, {})
                cut = cut_of(unit, setting, said, window)
                if cut is not None:
                    seen = [cut.unit.digest, cut.window, cut.known, self._place(name, cut)]
                    said_of_it = changes_digest(said, self._columns(name))
                    found[digest_of([*text, *seen, said_of_it])] = cut
            self._keys[name] = found
        return self._keys[name]

    def _place(self, name: str, cut: Cut) -> str:
        """Where a unit stands to the period's start, which `in_period` tells."""
        if name in (LIFE, "source_run"):
            return ""
        start = self._period()
        moved = any("event_time" in each for each in cut.changes.values())
        if moved or cut.unit.happened[0] < start <= cut.unit.happened[1]:
            return str(start)
        return "in" if cut.unit.happened[0] >= start else "before"

    # Rows

    def _compute(self, name: str, keys: dict[str, Cut]) -> None:
        cuts = list(keys.values())
        changes = {event: said for cut in cuts for event, said in cut.changes.items()}
        start, end = self._window(name)
        units = [cut.unit for cut in cuts]
        self.source.open(units, self._columns(name), changes, start=start, end=end)
        rows = self._rows(name, "unit_at")
        refs = rows.column("unit_at").cast(pa.int32())
        table = rows.drop_columns(["unit_at"]).append_column("ref", refs)
        self.files.add(list(keys), [unit.digest for unit in units], {"fact": table})
        self.computed += [(name, unit.digest) for unit in units]

    def _rows(self, name: str, by: str) -> pa.Table:
        """What the fact says of the events that the source holds open."""
        setting, connection = self.source.setting, self.source.connection
        connection.execute(
            "create or replace temporary table clock as select"
            f" make_timestamp_ns({self._period()}) as period_start,"
            f" make_timestamp_ns({setting.nanos('period_end')}) as period_end"
        )
        connection.execute(known_event_sql(f"(select * replace ({_DAY} as local_day) from event)"))
        return self.source.fetch(fact_sql(name, by, "event"))

    def _merged(self, name: str, keys: Sequence[str]) -> pa.Table:
        connection = self.source.connection
        start, end = self._window(name)
        self.source.open_table(
            self.parts.tail, self._columns(name), self._tail_changes(name), start=start, end=end
        )
        connection.register("fact_tail", self._rows(name, "unit_at").drop_columns(["unit_at"]))
        parts = ["select * from fact_tail"]
        for number, (folder, places) in enumerate(self.files.found(keys)):
            path = folder.file("fact")
            if path is None:
                continue
            text = str(path).replace("'", "''")
            part = f"select * exclude (ref) from read_parquet('{text}')"
            if len(places) < len(folder.keys):
                refs = pa.table({"ref": pa.array([place for place, _ in places], pa.int32())})
                connection.register(f"fact_used_{number}", refs)
                part += f" where ref in (select ref from fact_used_{number})"
            parts.append(part)
        return self.source.fetch(merge_sql(name, f"({' union all by name '.join(parts)})"))


def table_digest(table: pa.Table) -> str:
    """A digest of a table's content, in the order of its rows."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table.combine_chunks())
    return hashlib.sha256(sink.getvalue()).hexdigest()
