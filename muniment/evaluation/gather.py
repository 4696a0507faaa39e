"""Fetching from a store what an evaluation reads: no more columns or days than tests need."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import pyarrow as pa

from muniment.catalog.controls import SELECT_KINDS
from muniment.catalog.controls_conditions import EVENT
from muniment.catalog.controls_select import check_select
from muniment.errors import CatalogError
from muniment.evaluation.events_tests import compile_events_test
from muniment.evaluation.facts import FACTS
from muniment.evaluation.inputs import BASE_COLUMNS, Inputs, Setting, plain_times
from muniment.evaluation.sampling import NO_HEADER, SEED_BASIS, checkpoint_basis
from muniment.model import times
from muniment.model.controls import Control, ControlTest
from muniment.model.entries import ENTRY_COLUMNS
from muniment.model.outcomes import TestKind
from muniment.model.records import RECORD_TABLE_BY_NAME
from muniment.store.encoder import ENTRY_SCHEMA
from muniment.store.lives import read_lives

if TYPE_CHECKING:
    from muniment.store.open import Store


WITHOUT_EVENTS_TESTS = frozenset({TestKind.SEQUENCE, TestKind.FACTS})


def gather_inputs(
    store: Store,
    controls: Iterable[Control],
    setting: Setting,
    *,
    kinds: Collection[TestKind] = frozenset({TestKind.EVENTS, *WITHOUT_EVENTS_TESTS}),
) -> Inputs:
    """The inputs that these controls' tests read: nothing learnt after known_at is among them.

    kinds: events are those that tests of these kinds read.
    """
    controls = tuple(controls)
    clock, records = setting.clock, store.records
    events = _events(store, [c for c in controls if any(t.kind in kinds for t in c.tests)],
                     setting, kinds)  # fmt: skip
    wants_lives = TestKind.FACTS in kinds and any(
        "agent_life" in test.facts for each in controls for test in each.tests
    )
    lives = None
    if wants_lives:
        lives = plain_times(read_lives(store.audit, known_at=clock.known_at, before=clock.as_of))
    head, basis = seed_head(store, clock.known_at)
    return Inputs(
        events=plain_times(events),
        history=_Tables(lambda name: records.arrow_history(name, clock.known_at)),
        as_of=_Tables(lambda name: records.arrow_as_of(name, clock.as_of, clock.known_at)),
        lives=lives,
        seed_head=head,
        seed_basis=basis,
    )


class _Tables(Mapping[str, pa.Table]):
    """Record tables by name, each read when it is first asked for."""

    def __init__(self, read: Callable[[str], pa.Table]) -> None:
        self._read = read
        self._held: dict[str, pa.Table] = {}

    def __getitem__(self, name: str) -> pa.Table:
        if name not in RECORD_TABLE_BY_NAME:
            raise KeyError(name)
        if name not in self._held:
            self._held[name] = plain_times(self._read(name))
        return self._held[name]

    def __iter__(self) -> Iterator[str]:
        return iter(RECORD_TABLE_BY_NAME)

    def __len__(self) -> int:
        return len(RECORD_TABLE_BY_NAME)


def _events(
    store: Store, controls: Sequence[Control], setting: Setting, kinds: Collection[TestKind]
) -> pa.Table:
    columns = event_columns(controls, kinds)
    if not controls:
        return ENTRY_SCHEMA.empty_table().select(columns)
    lookback = _longest_lookback(controls, setting)
    return store.audit.events_table(
        columns,
        known_at=setting.clock.known_at,
        start=times.format_time(setting.nanos("period_start") - lookback),
        end=setting.clock.as_of,
    )


def event_columns(
    controls: Iterable[Control], kinds: Collection[TestKind] = frozenset(TestKind)
) -> list[str]:
    """The entry columns that tests of these kinds and the engine read, in the schema's order.

    A test that cannot be compiled asks for nothing: evaluating it reports why.
    """
    wanted = set(BASE_COLUMNS)
    for control in controls:
        for test in control.tests:
            if test.kind not in kinds:
                continue
            try:
                wanted |= _columns_of(control, test)
            except CatalogError:
                continue
    return [column.name for column in ENTRY_COLUMNS if column.name in wanted]


def _columns_of(control: Control, test: ControlTest) -> set[str]:
    if test.kind is TestKind.EVENTS:
        names = compile_events_test(control, test).columns
        return {n.removeprefix(f"{EVENT}.") for n in names if n.startswith(f"{EVENT}.")}
    if test.kind in SELECT_KINDS:
        where = f"control `{control.id}` test `{test.id}`"
        read = set(check_select(test.sql, test.kind, control.parameters, where).entry_columns)
        return read.union(*(FACTS[name].reads for name in test.facts if name in FACTS))
    return set()


def _longest_lookback(controls: Iterable[Control], setting: Setting) -> int:
    found = [0]
    for control in controls:
        for test in control.tests:
            try:
                found.append(setting.duration(test.lookback))
            except CatalogError:
                continue
    return max(found)


def seed_head(store: Store, known_at: str) -> tuple[str, str]:
    """What the samples' seeds begin with, and the sentence that says what that is worth.

    The root of the first checkpoint over every header known at known_at, so that sealing on changes
    nothing; where none covers them, the hash of the last of these headers, or 64 zeros.
    """
    from muniment.integrity.headers import header_hash
    from muniment.store.checkpoint_files import checkpoint_ref, first_checkpoint_over

    segments = store.audit.segments(known_at)
    if not segments:
        return NO_HEADER, SEED_BASIS
    head = checkpoint_ref(store.layout, first_checkpoint_over(store.layout, segments[-1].no))
    if head is None:
        return header_hash(segments[-1].header), SEED_BASIS
    return head.root, checkpoint_basis(head.size, head.anchors)
