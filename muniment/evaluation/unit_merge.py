"""Merging partials: counts are added, lists joined, and of samples the lowest ranks kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from muniment.evaluation.days import day_text
from muniment.evaluation.events_tests import Count, ScanResult
from muniment.evaluation.items import (
    POPULATION_LISTED,
    UNDETERMINED_LISTED,
    Collected,
    missing_fields,
    shown_text,
)
from muniment.evaluation.sampling import SAMPLE_SIZE, sample_rank
from muniment.evaluation.unit_scan import BatchRows
from muniment.model import times
from muniment.model.outcomes import Outcome
from muniment.model.results import TestedItem
from muniment.store.partial_files import Folder

_Three = list[int]
_THREE = ("population", "exceptions", "undetermined")
_Add = Callable[[str, Sequence[str]], None]


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
    population: dict[str, dict[str, Any]] = field(default_factory=dict)

    def counts(self) -> ScanResult:
        """Counts as the scan of all events at once gives them."""
        days = {day_text(day): Count(*three) for day, three in sorted(self.by_day.items())}
        agents = {name: Count(*three) for name, three in sorted(self.by_agent.items())}
        letters = {name: {"": Count(*three)} for name, three in sorted(self.attributes.items())}
        return ScanResult(days, agents, letters)

    @property
    def total(self) -> int:
        """Items in all."""
        return sum(three[0] for three in self.by_day.values())

    def collected(self, control_id: str, test_id: str, seed: str) -> Collected:
        """Listed items in order of time, the sample in order of rank, and missing fields.

        A population that is known item by item is drawn by the seed, else each segment's header
        draws (docs/sampling.md).
        """
        rows = list(self.items.values())
        open_ = [row for row in rows if row["outcome"] == Outcome.UNDETERMINED]
        # As a database orders them: items without a time come last.
        open_.sort(key=lambda row: (row["observed"] is None, row["observed"] or 0, row["item_id"]))
        kept = [row for row in rows if row["outcome"] != Outcome.UNDETERMINED]
        kept += open_[:UNDETERMINED_LISTED]
        items = [_item(control_id, test_id, row) for row in kept]
        items.sort(key=lambda item: (item.observed_at or "", item.item_id))
        if self.population:
            ranks = {name: sample_rank(seed, name) for name in self.population}
            drawn = self.population
        else:
            ranks = {name: rank for name, (rank, _) in self.drawn.items()}
            drawn = {name: row for name, (_, row) in self.drawn.items()}
        lowest = sorted(ranks, key=lambda name: (ranks[name], name))[:SAMPLE_SIZE]
        sample = [_item(control_id, test_id, drawn[name]) for name in lowest]
        undetermined = sum(three[2] for three in self.by_day.values())
        days = {row["item_id"]: day_text(row["local_day"]) for row in kept}
        return Collected(
            tuple(items),
            max(0, undetermined - UNDETERMINED_LISTED),
            missing_fields(self.gaps),
            tuple(sample),
            days,
            tuple(sorted(self.population)),
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

    def __init__(self, tests: Sequence[str], connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection
        self._sums = {name: TestSum() for name in tests}
        self._populated: dict[str, list[tuple[Folder, dict[int, str]]]] = {}

    def sums(self) -> dict[str, TestSum]:
        """By a test's key."""
        return self._sums

    def is_small(self, test: str) -> bool:
        """Whether the test's whole population is listed item by item."""
        return 0 < self._sums[test].total <= POPULATION_LISTED

    def populated(self, test: str) -> set[str]:
        """The keys of the partials of a test that hold any item."""
        found: set[str] = set()
        for folder, keys in self._populated.get(test, []):
            path = folder.file("counts")
            if path is not None:
                refs = set(pq.read_table(path, columns=["ref"]).column(0).unique().to_pylist())
                found |= {key for place, key in keys.items() if place in refs}
        return found

    def add_folder(self, folder: Folder, places: Sequence[tuple[int, str]]) -> None:
        """Add the partials at some places of a folder, each of the test named."""
        for place, test in places:
            held = self._populated.setdefault(test, [])
            if not held or held[-1][0] is not folder:
                held.append((folder, {}))
            held[-1][1][place] = folder.keys[place]
        grains = {"counts": self._counts, "items": self._items, "gaps": self._gaps}
        self._read(folder, places, grains)

    def add_population(self, folder: Folder, places: Sequence[tuple[int, str]]) -> None:
        """Add whole populations, item by item."""
        self._read(folder, places, {"items": self._whole})

    def add_rows(self, tests: Sequence[str], rows: BatchRows, *, population: bool = False) -> None:
        """Add what a batch gave, without keeping it."""
        grains = {"counts": self._counts, "items": self._items, "gaps": self._gaps}
        if population:
            grains = {"items": self._whole}
        for grain, add in grains.items():
            self._connection.register("batch", rows.tables()[grain])
            add("batch", tests)

    def _read(
        self, folder: Folder, places: Sequence[tuple[int, str]], grains: Mapping[str, _Add]
    ) -> None:
        tests = list(dict.fromkeys(name for _, name in places))
        numbers = {name: number for number, name in enumerate(tests)}
        used = pa.table(
            {
                "ref": pa.array([place for place, _ in places], pa.int32()),
                "test": pa.array([numbers[name] for _, name in places], pa.int32()),
            }
        )
        self._connection.register("used", used)
        for grain, add in grains.items():
            path = folder.file(grain)
            if path is not None:
                name = str(path).replace("'", "''")
                relation = f"(select u.test, r.* from read_parquet('{name}') r join used u"
                add(f"{relation} on u.ref = r.ref)", tests)

    def _counts(self, relation: str, tests: Sequence[str]) -> None:
        sums = ", ".join(f"cast(sum({n}) as bigint)" for n in _THREE)
        rows = self._connection.execute(
            f"select test, letter, day, agent_id, {sums} from {relation} group by all"
        ).fetchall()
        for test, letter, day, agent, *counts in rows:
            held = self._sums[tests[test]]
            if letter:
                _add(held.attributes, letter, counts)
            elif day is not None:
                _add(held.by_day, day, counts)
            else:
                _add(held.by_agent, agent, counts)

    def _items(self, relation: str, tests: Sequence[str]) -> None:
        # Of what lies in many units no more is taken than a result can hold.
        query = (
            "select * from (select *, row_number() over (partition by test order by rank, item_id)"
            f" <= {SAMPLE_SIZE} as low, row_number() over (partition by test, listed, outcome"
            f" order by observed, item_id) <= {UNDETERMINED_LISTED} as early from {relation})"
            " where low and rank is not null"
            f" or listed and (early or outcome <> '{Outcome.UNDETERMINED}')"
        )
        for row in self._connection.sql(query).to_arrow_table().to_pylist():
            held = self._sums[tests[row["test"]]]
            if row["listed"]:
                held.items[row["item_id"]] = row
            if row["rank"] is not None:
                held.drawn[row["item_id"]] = (row["rank"], row)

    def _whole(self, relation: str, tests: Sequence[str]) -> None:
        for row in self._connection.sql(f"select * from {relation}").to_arrow_table().to_pylist():
            self._sums[tests[row["test"]]].population[row["item_id"]] = row

    def _gaps(self, relation: str, tests: Sequence[str]) -> None:
        rows = self._connection.execute(
            f"select test, entry, items, sources from {relation}"
        ).fetchall()
        for test, entry, items, sources in rows:
            self._sums[tests[test]].gaps.append((entry, items, sources or []))


def _add(sums: dict[Any, _Three], name: Any, counts: Sequence[int]) -> None:
    held = sums.setdefault(name, [0, 0, 0])
    for place, count in enumerate(counts):
        held[place] += count
