"""A person's look into the log: the events of a bounded window, filtered and paged.

Rows are as their sources said them; later annotations are not applied, as on a run's page. Only the
columns asked for are read, and only from segments whose event times reach into the window.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from muniment.errors import UsageError
from muniment.store.audit import AuditReader
from muniment.store.encoder import entry_rows
from muniment.store.segment_files import SegmentInfo, run_query, select_entries, source_of

MOST_ROWS = 500
_SEARCHED = ("agent_id", "agent_name", "operation_name", "target_name", "target_ref", "trace_id",
             "event_id")  # fmt: skip
_FILTERS = ("agent_id", "action_type", "outcome", "policy_result", "source_id", "target_name",
            "decision_type", "autonomy_tier", "executed")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Window:
    """Which events: [start, end) by event time, taken in by `known_at`, and filters by column.

    where: column to the value that it must have; an empty text means the column is NULL.
    text: found anywhere in names, targets or ids, case aside.
    """

    start: str
    end: str
    known_at: str
    where: tuple[tuple[str, str], ...] = ()
    text: str = ""


def explore(
    reader: AuditReader, window: Window, columns: Sequence[str], *, limit: int, offset: int = 0
) -> tuple[list[dict[str, Any]], int]:
    """The window's rows, newest first, from `offset` on, and how many there are in all.

    Raises UsageError for a column that is no filter, StoreError for an unknown column.
    """
    condition, values = _condition(window)
    names = list(dict.fromkeys(("event_time", "event_id", *columns)))
    order = f" order by event_time desc, event_id limit {min(limit, MOST_ROWS) + offset}"
    parts, total = [], 0
    for source, tail in _sources(reader, window):
        parts.append(select_entries(source, names, condition + order, values, tail))
        counted = run_query(f"select count(*) from {source} where {condition}", values, tail)
        total += int(counted.column(0)[0].as_py())
    if not parts:
        return [], 0
    found = pa.concat_tables(parts).sort_by(
        [("event_time", "descending"), ("event_id", "ascending")]
    )
    return entry_rows(found.slice(offset, min(limit, MOST_ROWS))), total


def tally(
    reader: AuditReader, window: Window, columns: Sequence[str]
) -> list[tuple[tuple[Any, ...], int]]:
    """How many events of the window have each combination of values of some columns."""
    condition, values = _condition(window)
    _known(columns)
    named = ", ".join(columns)
    counts: dict[tuple[Any, ...], int] = {}
    for source, tail in _sources(reader, window):
        query = f"select {named}, count(*) as n from {source} where {condition} group by all"
        for row in run_query(query, values, tail).to_pylist():
            key = tuple(row[name] for name in columns)
            counts[key] = counts.get(key, 0) + row["n"]
    return sorted(counts.items(), key=lambda pair: (-pair[1], str(pair[0])))


def uses(reader: AuditReader, window: Window) -> dict[str, tuple[int, str]]:
    """What was used: target name to (times that it took effect, fixed time of the last)."""
    condition, values = _condition(window)
    taken = f"{condition} and target_name is not null and executed is distinct from false " \
            "and outcome is distinct from 'denied'"  # fmt: skip
    found: dict[str, tuple[int, str]] = {}
    for source, tail in _sources(reader, window):
        query = (
            "select target_name, count(*) as n, strftime(max(event_time), '%Y-%m-%dT%H:%M:%SZ') "
            f"as last from {source} where {taken} group by all"
        )
        for row in run_query(query, values, tail).to_pylist():
            times, last = found.get(row["target_name"], (0, ""))
            found[row["target_name"]] = (times + row["n"], max(last, row["last"] or ""))
    return found


def _known(columns: Sequence[str]) -> None:
    wrong = [name for name in columns if name not in _FILTERS]
    if wrong:
        raise UsageError(
            f"`{wrong[0][:40]}` is no filter of the log. Use one of: {', '.join(_FILTERS)}."
        )


def _condition(window: Window) -> tuple[str, list[Any]]:
    _known([name for name, _ in window.where])
    parts = [
        "entry_kind = 'event'",
        "event_time >= ?::timestamp_ns",
        "event_time < ?::timestamp_ns",
        "ingested_at <= ?::timestamp_ns",
    ]
    values: list[Any] = [window.start[:-1], window.end[:-1], window.known_at[:-1]]
    for name, value in window.where:
        parts.append(f"{name} = ?" if value else f"{name} is null")
        values += [value] if value else []
    if window.text:
        found = " or ".join(f"contains(lower({name}), lower(?))" for name in _SEARCHED)
        parts.append(f"({found})")
        values += [window.text] * len(_SEARCHED)
    return " and ".join(parts), values


def _sources(reader: AuditReader, window: Window) -> Iterator[tuple[str, pa.Table | None]]:
    view = reader.view()
    fit = [segment for segment in view.segments if _reaches(segment, window)]
    if fit:
        yield source_of(fit), None
    if view.tail.num_rows:
        yield "tail", view.tail


def _reaches(segment: SegmentInfo, window: Window) -> bool:
    header = segment.header
    first, last = header.get("event_time_from"), header.get("event_time_to")
    if not first or not last:
        return False  # no event in it has a time, so none lies in a window
    return bool(first < window.end and last >= window.start
                and header["ingested_from"] <= window.known_at)  # fmt: skip
