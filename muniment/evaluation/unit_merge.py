"""Merging partials: counts are added, lists joined, and of samples the lowest ranks kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import duckdb
import pyarrow as pa

from muniment.evaluation.days import day_text
from muniment.evaluation.events_tests import Count, ScanResult
from muniment.evaluation.items import UNDETERMINED_LISTED, Collected, missing_fields, shown_text
from muniment.evaluation.sampling import SAMPLE_SIZE
from muniment.evaluation.unit_scan import BatchRows
from muniment.model import times
from muniment.model.outcomes import Outcome
from muniment.model.results import TestedItem
from muniment.store.partial_files import Folder

_Three = list[int]


@dataclass(slots=True)
class TestSum:
    """What all partials of one test say together."""

    __test__ = False
    by_day: dict[int, _Three] = field(default_factory=dict)
    by_agent: dict[str, _Three] = field(default_factory=dict)
    attributes: dict[str, _Three] = field(default_factory=dict)
    items: dict[str, dict[str, Any]] = field(default_factory=dict)
    drawn: dict[str, tuple[str, dict[str, Any]]] = field(default_factory=dict)
    gaps: list[tuple[str, int, list[str]]] = field(default_factory=list)

    def counts(self) -> ScanResult:
        """Counts as the scan of all events at once gives them."""
        days = {day_text(day): Count(*three) for day, three in sorted(self.by_day.items())}
        agents = {name: Count(*three) for name, three in sorted(self.by_agent.items())}
        letters = {name: {"": Count(*three)} for name, three in sorted(self.attributes.items())}
        return ScanResult(days, agents, letters)

    def collected(self, control_id: str, test_id: str) -> Collected:
        """Listed items in order of time, the sample in order of rank, and missing fields."""
        rows = list(self.items.values())
        open_ = [row for row in rows if row["outcome"] == Outcome.UNDETERMINED]
        # As a database orders them: items without a time come last.
        open_.sort(key=lambda row: (row["observed"] is None, row["observed"] or 0, row["item_id"]))
        kept = [row for row in rows if row["outcome"] != Outcome.UNDETERMINED]
        kept += open_[:UNDETERMINED_LISTED]
        items = [_item(control_id, test_id, row) for row in kept]
        items.sort(key=lambda item: (item.observed_at or "", item.item_id))
        lowest = sorted((rank, name) for name, (rank, _) in self.drawn.items())[:SAMPLE_SIZE]
        sample = [_item(control_id, test_id, self.drawn[name][1]) for _, name in lowest]
        undetermined = sum(three[2] for three in self.by_day.values())
        days = {row["item_id"]: day_text(row["local_day"]) for row in kept}
        return Collected(
            tuple(items),
            max(0, undetermined - UNDETERMINED_LISTED),
            missing_fields(self.gaps),
            tuple(sample),
            days,
        )


def _item(control_id: str, test_id: str, row: Mapping[str, Any]) -> TestedItem:
    return TestedItem(
        control_id=control_id,
        test_id=test_id,
        item_id=row["item_id"],
        outcome=Outcome(row["outcome"]),
        reason=shown_text(str(row["reason"] if row["reason"] is not None else "no reason given")),
        observed_at=None if row["observed"] is None else times.format_time(row["observed"]),
        evidence_ref=f"event/{row['item_id']}",
        agent_id=row["agent_id"],
        attributes=tuple(row["attributes"] or ()),
        missing=tuple(row["missing"] or ()),
    )


class Merged:
    """Sums of some tests, to which partials are added."""

    def __init__(self, tests: Sequence[str]) -> None:
        self._sums = {name: TestSum() for name in tests}

    def sums(self) -> dict[str, TestSum]:
        """By a test's key."""
        return self._sums

    def add_folder(self, folder: Folder, places: Sequence[tuple[int, str]]) -> None:
        """Add the partials at some places of a folder, each of the test named."""
        tests = list(dict.fromkeys(name for _, name in places))
        numbers = {name: number for number, name in enumerate(tests)}
        used = pa.table(
            {
                "ref": pa.array([place for place, _ in places], pa.int32()),
                "test": pa.array([numbers[name] for _, name in places], pa.int32()),
            }
        )
        with duckdb.connect(config={"memory_limit": "512MB", "threads": 2}) as connection:
            connection.register("used", used)
            for grain, add in (("counts", self._counts), ("items", self._items),
                               ("gaps", self._gaps)):  # fmt: skip
                path = folder.file(grain)
                if path is not None:
                    name = str(path).replace("'", "''")
                    relation = f"(select u.test, r.* from read_parquet('{name}') r join used u"
                    add(connection, f"{relation} on u.ref = r.ref)", tests)

    def add_rows(self, tests: Sequence[str], rows: BatchRows) -> None:
        """Add what a batch gave, without keeping it."""
        with duckdb.connect(config={"threads": 2}) as connection:
            for grain, add in (("counts", self._counts), ("items", self._items),
                               ("gaps", self._gaps)):  # fmt: skip
                table = rows.tables()[grain]
                connection.register("batch", table)
                add(connection, "batch", tests)

    def _counts(self, connection: Any, relation: str, tests: Sequence[str]) -> None:
        three = "cast(sum(population) as bigint), cast(sum(exceptions) as bigint)"
        three += ", cast(sum(undetermined) as bigint)"
        rows = connection.execute(
            f"select test, letter, day, agent_id, grouping(agent_id), {three} from {relation}"
            " group by grouping sets ((test, letter, day), (test, letter, agent_id))"
        ).fetchall()
        for test, letter, day, agent, by_day, *counts in rows:
            held = self._sums[tests[test]]
            if letter:
                if by_day:
                    _add(held.attributes, letter, counts)
            elif by_day:
                _add(held.by_day, day, counts)
            elif agent is not None:
                _add(held.by_agent, agent, counts)

    def _items(self, connection: Any, relation: str, tests: Sequence[str]) -> None:
        for row in connection.execute(f"select * from {relation}").to_arrow_table().to_pylist():
            held = self._sums[tests[row["test"]]]
            if row["listed"]:
                held.items[row["item_id"]] = row
            if row["rank"] is not None:
                held.drawn[row["item_id"]] = (row["rank"], row)

    def _gaps(self, connection: Any, relation: str, tests: Sequence[str]) -> None:
        rows = connection.execute(f"select test, entry, items, sources from {relation}").fetchall()
        for test, entry, items, sources in rows:
            self._sums[tests[test]].gaps.append((entry, items, sources or []))


def _add(sums: dict[Any, _Three], name: Any, counts: Sequence[int]) -> None:
    held = sums.setdefault(name, [0, 0, 0])
    for place, count in enumerate(counts):
        held[place] += count
