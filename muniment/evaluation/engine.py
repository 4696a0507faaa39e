"""The engine: every test of every control, over one set of inputs, into results.

`evaluate_controls` reads a store; `evaluate_inputs` is the same without one, and is what the
controls' own test cases run through. A test that fails to run is `error` and stops no other.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from muniment.errors import MunimentError
from muniment.evaluation.attested_tests import evaluate_attestation
from muniment.evaluation.conclude import (
    Grant,
    apply_grants,
    conclude_control,
    test_state,
    usable_grants,
)
from muniment.evaluation.events_results import (
    EventsResults,
    InMemory,
    OverUnits,
    bound_of,
    compilable,
)
from muniment.evaluation.events_tests import Count, compile_events_test, scan_sql
from muniment.evaluation.gather import gather_inputs
from muniment.evaluation.inputs import Inputs, Setting
from muniment.evaluation.items import Collected, Source, Tally, collect_items
from muniment.evaluation.relations import plain_rows
from muniment.evaluation.sampling import HEADERS_BASIS, SEED_BASIS, sample_seed
from muniment.evaluation.sandbox import Limits
from muniment.evaluation.select_results import InProcess, OverStore, SelectResults, SelectWork
from muniment.evaluation.select_tests import count_attributes, count_rows
from muniment.evaluation.unit_log import log_parts
from muniment.evaluation.unit_results import LogParts, Question, UnitResults, UnitRun
from muniment.evaluation.unit_source import EventSource
from muniment.model.controls import Control, ControlTest, Parameter
from muniment.model.outcomes import Outcome, State, TestKind
from muniment.model.results import AttributeResult, Clock, ControlResult, TestResult
from muniment.store.partial_files import PartialFiles

if TYPE_CHECKING:
    from muniment.store.open import Store

Progress = Callable[[str, int, int], None]


def evaluate_controls(
    store: Store,
    controls: Mapping[str, Control],
    parameters: Mapping[str, Parameter],
    clock: Clock,
    *,
    time_zone: str,
    progress: Progress | None = None,
    limits: Limits | None = None,
    unsigned_head: str | None = None,
    watch: Callable[[UnitResults, SelectWork], None] | None = None,
) -> tuple[ControlResult, ...]:
    """The result of each control over a store, in the order given.

    clock: what is judged and what may be known. time_zone: IANA name that decides what a day is.
    limits: of the process in which SELECT tests run. unsigned_head: the header's hash that draws
    the samples instead of the first checkpoint over what was known. watch: told at the end what
    was computed and what was known.
    Raises StoreError when the store cannot be read; a test that fails is `error` in its result.
    """
    setting = Setting(clock, time_zone, parameters)
    inputs = gather_inputs(store, controls.values(), setting, kinds=())
    if unsigned_head is not None:
        inputs = replace(inputs, seed_head=unsigned_head, seed_basis=SEED_BASIS)
    parts = log_parts(store, clock.known_at)
    every = tuple(controls.values())
    selects = OverStore(store.layout, parts, inputs, setting, every, limits=limits or Limits())
    try:
        units = evaluate_units(store, inputs, every, setting, progress, parts=parts)
        events = OverUnits(units, inputs, setting)
        results = evaluate_inputs(
            inputs, controls, setting, progress, events=events, selects=selects
        )
    finally:
        selects.close()
    if watch is not None:
        watch(units, selects.work)
    return results


def evaluate_units(
    store: Store,
    inputs: Inputs,
    controls: Sequence[Control],
    setting: Setting,
    progress: Progress | None = None,
    *,
    parts: LogParts | None = None,
) -> UnitResults:
    """What the events tests of these controls gave over a store's units, and what was computed.

    inputs: their record rows; the events are read from the log, or from its parts where these are
    given. progress: as of `evaluate_inputs`,
    with `events` instead of a control's id, and units.
    """
    tests = compilable(controls)
    source = EventSource(store.layout, setting, inputs.history["approval"].num_rows > 0)
    try:
        question = Question(tests, bound_of(tests, setting), inputs.history)
        files = PartialFiles(store.layout.partials)
        found = parts or log_parts(store, setting.clock.known_at)
        run = UnitRun(source, found, question, files)
        return run.results((lambda done, of: progress("events", done, of)) if progress else None)
    finally:
        source.close()


def evaluate_inputs(
    inputs: Inputs,
    controls: Mapping[str, Control],
    setting: Setting,
    progress: Progress | None = None,
    *,
    confined: Limits | None = None,
    events: EventsResults | None = None,
    selects: SelectResults | None = None,
) -> tuple[ControlResult, ...]:
    """The result of each control, in the order given.

    confined: run SELECT tests in a process that the system holds to these limits; None runs them
    in this one. events, selects: where results come from, instead of these inputs. progress: called
    with a control's id, how many are done, and how many there are.
    """
    every = tuple(controls.values())
    run = _Run(
        inputs,
        setting,
        events or InMemory(inputs, setting, every),
        selects or InProcess(inputs, setting, every, confined),
    )
    try:
        results = []
        for done, control in enumerate(controls.values()):
            if progress:
                progress(control.id, done, len(controls))
            tests = [run.evaluate(control, test) for test in control.tests]
            results.append(conclude_control(control, tests))
        return tuple(results)
    finally:
        run.close()


@dataclass(frozen=True, slots=True)
class _Counts:
    """What was counted before any grant."""

    by_day: dict[str, Count]
    by_agent: dict[str, Count]
    pending: int
    attributes: dict[str, dict[str, Count]]

    def total(self) -> Count:
        return _sum(self.by_day)


def _sum(by_day: Mapping[str, Count]) -> Count:
    days = by_day.values()
    return Count(
        sum(day.population for day in days),
        sum(day.exceptions for day in days),
        sum(day.undetermined for day in days),
    )


class _Run:
    """One evaluation."""

    def __init__(
        self, inputs: Inputs, setting: Setting, events: EventsResults, selects: SelectResults
    ) -> None:
        self._events_results = events
        self._selects = selects
        self._inputs = inputs
        self._setting = setting
        grants = plain_rows(inputs.as_of["exception_grant"])
        self._grants: list[Grant] = usable_grants(grants, setting.clock.as_of)

    def close(self) -> None:
        self._events_results.close()
        self._selects.close()

    def evaluate(self, control: Control, test: ControlTest) -> TestResult:
        """The test's result; whatever goes wrong in it becomes the state `error`."""
        digest = test_digest(test)
        try:
            values = self._setting.values(control.parameters)
            if test.kind is TestKind.ATTESTED:
                rows = plain_rows(self._inputs.as_of["attestation"])
                result = evaluate_attestation(control, test, rows, self._setting)
            elif test.kind is TestKind.EVENTS:
                result = self._events(control, test)
            else:
                result = self._select(control, test)
            return replace(result, parameters=values, test_digest=digest)
        except MunimentError as error:
            return TestResult(
                control_id=control.id,
                test_id=test.id,
                kind=test.kind,
                state=State.ERROR,
                state_reason="The test could not be run.",
                compiled_sql=test.sql,
                test_digest=digest,
                error=str(error),
            )

    def _events(self, control: Control, test: ControlTest) -> TestResult:
        compiled = compile_events_test(control, test)
        drawn = self._events_results.of(compiled, control)
        attributes = drawn.counts.attributes if test.attributes else {}
        counts = _Counts(drawn.counts.by_day, drawn.counts.by_agent, 0, attributes)
        result = self._result(control.id, test, counts, drawn.found)
        basis = self._inputs.seed_basis if drawn.seed else HEADERS_BASIS
        return replace(
            result,
            compiled_sql=scan_sql([compiled]),
            sample_seed=drawn.seed,
            sample_seed_basis=basis,
        )

    def _select(self, control: Control, test: ControlTest) -> TestResult:
        sandbox, name = self._selects.of(control, test)
        by_day, by_agent, pending = count_rows(sandbox, name)
        source = Source(control.id, test.id, name, {})
        attributes = count_attributes(sandbox, name, test)
        counts = _Counts(by_day, by_agent, pending, attributes)
        total = counts.total()
        seed = sample_seed(self._inputs.seed_head, control.id, test.id, self._setting.clock)
        tally = Tally(total.population, total.exceptions + pending, total.undetermined)
        found = collect_items(sandbox, source, tally, seed)
        result = self._result(control.id, test, counts, found)
        return replace(
            result,
            compiled_sql=test.sql,
            sample_seed=seed,
            sample_seed_basis=self._inputs.seed_basis,
        )

    def _result(
        self, control_id: str, test: ControlTest, counts: _Counts, found: Collected
    ) -> TestResult:
        total = counts.total()
        items = apply_grants(found.items, self._grants)
        excepted = [item for item in items if item.outcome is Outcome.EXCEPTED]
        state, reason = test_state(
            population=total.population,
            exceptions=total.exceptions - len(excepted),
            undetermined=total.undetermined,
            pending=counts.pending,
            excepted=len(excepted),
            missing=found.missing_fields,
        )
        return TestResult(
            control_id=control_id,
            test_id=test.id,
            kind=test.kind,
            state=state,
            state_reason=reason,
            population=total.population,
            exceptions=total.exceptions - len(excepted),
            undetermined=total.undetermined,
            pending=counts.pending,
            excepted=len(excepted),
            missing_fields=found.missing_fields,
            attributes=_attributes(test, counts, [i.attributes for i in excepted]),
            items=items,
            items_cut=found.items_cut,
            sample=apply_grants(found.sample, self._grants),
            population_ids=found.population_ids,
            completeness=self._completeness(test),
            by_day=_without(counts.by_day, [found.days[i.item_id] for i in excepted]),
            by_agent=_without(counts.by_agent, [i.agent_id for i in excepted if i.agent_id]),
        )

    def _completeness(self, test: ControlTest) -> str:
        if not test.independent_sources:
            return ""
        classes = self._events_results.source_classes()
        named = f"{len(classes)} kind{'' if len(classes) == 1 else 's'} of source"
        if classes:
            named += f" ({', '.join(classes)})"
        if len(classes) >= test.independent_sources:
            return f"established: {named} compared"
        return f"not established: {named}, {test.independent_sources} needed"


def _attributes(
    test: ControlTest, counts: _Counts, excepted: Sequence[Sequence[str]]
) -> tuple[AttributeResult, ...]:
    results = []
    for attribute in test.attributes:
        total = _sum(counts.attributes.get(attribute.letter, {}))
        tolerated = sum(attribute.letter in letters for letters in excepted)
        results.append(
            AttributeResult(
                attribute.letter, attribute.title, total.population,
                total.exceptions - tolerated, total.undetermined,
            )
        )  # fmt: skip
    return tuple(results)


def _without(
    counts: Mapping[str, Count], tolerated: Sequence[str]
) -> dict[str, tuple[int, int, int]]:
    """Counts by day or agent, less one exception for each tolerated item's own."""
    less = Counter(tolerated)
    return {
        key: (count.population, count.exceptions - less[key], count.undetermined)
        for key, count in sorted(counts.items())
    }


def test_digest(test: ControlTest) -> str:
    """SHA-256 over what the test does: everything in it but its cases."""
    content = test.model_dump(mode="json", exclude={"cases", "file"})
    text = json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
