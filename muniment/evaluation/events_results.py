"""What events tests gave, wherever their events lie: in memory, as in a case, or in a store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from muniment.errors import EvaluationError, MunimentError
from muniment.evaluation.events_tests import (
    EventsTest,
    ScanResult,
    compile_events_test,
    items_sql,
    run_scan,
)
from muniment.evaluation.inputs import Inputs, Setting
from muniment.evaluation.items import Collected, Source, Tally, collect_items
from muniment.evaluation.relations import scan_relations
from muniment.evaluation.sampling import sample_seed
from muniment.evaluation.sandbox import SqlRunner
from muniment.evaluation.unit_results import UnitResults
from muniment.model.controls import Control, ControlTest
from muniment.model.outcomes import TestKind


@dataclass(frozen=True, slots=True)
class Drawn:
    """Counts, items and sample of one test. seed: empty where each segment's header draws."""

    counts: ScanResult
    found: Collected
    seed: str


class EventsResults(Protocol):
    """Results of events tests, one by one."""

    def of(self, compiled: EventsTest, control: Control) -> Drawn:
        """What a test gave; MunimentError where it could not be run."""

    def source_classes(self) -> list[str]:
        """The kinds of source whose events lie in the period, Muniment's own left out."""

    def close(self) -> None:
        """Free what is held."""


def compilable(controls: Sequence[Control]) -> list[EventsTest]:
    """The events tests that can be compiled; the others are reported when they are evaluated."""
    compiled = []
    for control in controls:
        for test in control.tests:
            if test.kind is TestKind.EVENTS:
                try:
                    compiled.append(compile_events_test(control, test))
                except MunimentError:
                    continue
    return compiled


def bound_of(tests: Sequence[EventsTest], setting: Setting) -> dict[str, Any]:
    """The values that these tests' conditions name; a parameter that is not defined is left out."""
    names = {name for test in tests for name in test.parameters}
    return setting.bound(names & set(setting.parameters))


class InMemory:
    """Results over the events of an evaluation's inputs: one scan, then each test's own looks."""

    def __init__(self, inputs: Inputs, setting: Setting, controls: Sequence[Control]) -> None:
        self._inputs = inputs
        self._setting = setting
        self._controls = controls
        self._opened: SqlRunner | None = None
        self._scanned: dict[str, ScanResult] | None = None

    def close(self) -> None:
        """Free the sandbox."""
        if self._opened is not None:
            self._opened.close()

    def of(self, compiled: EventsTest, control: Control) -> Drawn:
        """What a test gave; EvaluationError where it could not be run."""
        counts = self._scan(compiled)
        test = compiled.test
        bound = self._setting.bound(control.parameters, test)
        source = Source(control.id, test.id, f"({items_sql(compiled)})", bound)
        days = counts.by_day.values()
        tally = Tally(
            sum(day.population for day in days),
            sum(day.exceptions for day in days),
            sum(day.undetermined for day in days),
        )
        seed = sample_seed(self._inputs.seed_head, control.id, test.id, self._setting.clock)
        return Drawn(counts, collect_items(self._sandbox, source, tally, seed), seed)

    def source_classes(self) -> list[str]:
        """The kinds of source whose events lie in the period, Muniment's own left out."""
        rows = self._sandbox.rows(
            "select distinct source_class from event"
            " where source_class is not null and source_class <> 'muniment' order by 1"
        )
        return [str(row[0]) for row in rows]

    @property
    def _sandbox(self) -> SqlRunner:
        if self._opened is None:
            relations = scan_relations(self._inputs, self._setting, self._controls)
            self._opened = relations.sandbox()
        return self._opened

    def _scan(self, compiled: EventsTest) -> ScanResult:
        if self._scanned is None:
            shared = compilable(self._controls)
            try:
                values = bound_of(shared, self._setting)
                results = run_scan(self._sandbox, shared, values) if shared else []
                self._scanned = {t.key: r for t, r in zip(shared, results, strict=True)}
            except MunimentError:
                self._scanned = {}  # one test spoils the scan: each runs alone and fails alone
        known = self._scanned.get(compiled.key)
        if known is not None:
            return known
        return run_scan(self._sandbox, [compiled], bound_of([compiled], self._setting))[0]


class OverUnits:
    """Results over a store's units, computed before or taken from what was known."""

    def __init__(self, results: UnitResults, inputs: Inputs, setting: Setting) -> None:
        self._results = results
        self._inputs = inputs
        self._setting = setting

    def close(self) -> None:
        """Nothing is held."""

    def of(self, compiled: EventsTest, control: Control) -> Drawn:
        """What a test gave; EvaluationError where it could not be run."""
        self._setting.values(control.parameters)
        error: Mapping[str, str] = self._results.errors
        if compiled.key in error:
            raise EvaluationError(error[compiled.key])
        held = self._results.sums[compiled.key]
        test: ControlTest = compiled.test
        seed = sample_seed(self._inputs.seed_head, control.id, test.id, self._setting.clock)
        found = held.collected(control.id, test.id, seed)
        by_seed = bool(found.population_ids) or not found.sample
        return Drawn(held.counts(), found, seed if by_seed else "")

    def source_classes(self) -> list[str]:
        """The kinds of source whose events lie in the period, Muniment's own left out."""
        return [name for name in self._results.source_classes if name != "muniment"]
