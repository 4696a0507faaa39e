"""What the demo knows about itself: seeded exceptions, and cases that only look like one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from muniment.demo.runs import Event
from muniment.model.outcomes import Outcome


@dataclass(frozen=True, slots=True)
class Expectation:
    """One seeded item: its control, what it is, how it should come out, and why.

    item: an event (its id needs its source map), or the id of a trace, agent, identity or record.
    """

    control_id: str
    item: Event | str
    outcome: Outcome
    why: str


@dataclass(frozen=True, slots=True)
class Truth:
    """A seeded item by its final id."""

    item_id: str
    outcome: Outcome
    why: str


@dataclass(frozen=True, slots=True)
class DemoTruth:
    """What an assessment of the demo must find, and nothing else.

    exceptions: control → item_id → why; every item that must be an exception, and no other may be.
    near_misses: control → seeded items beside them; each says how it comes out instead.
    as_of, period_start: the clock that this truth is for, as fixed time strings; the period ends at
    as_of. counts: rows by source file. files: source file names in the order of loading.
    """

    as_of: str
    period_start: str
    time_zone: str
    organisation: str
    exceptions: Mapping[str, Mapping[str, str]]
    near_misses: Mapping[str, tuple[Truth, ...]]
    counts: Mapping[str, int] = field(default_factory=dict)
    files: tuple[str, ...] = ()
