"""Facts of a law as data: whom it binds, from which day, what a breach costs, what sources confuse.

Every day is an ISO date as text.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from muniment.model.controls import Strict


class ClassDates(Strict):
    """Other days of application than the unit's own, for some of its risk classes."""

    classes: tuple[str, ...]
    applies_from: str
    applies_from_before_amendment: str | None = None


class Transition(Strict):
    """A later day for systems that were on the market before another day."""

    placed_before: str
    applies_from: str
    source: str


class Condition(Strict):
    """A column of the agent table that decides `only_where`.

    values: texts of which it must be one, or a part of one (`1(a)` is a part of `1`); empty means
    a boolean column that must be true.
    """

    column: str
    values: tuple[str, ...] = ()


class Amendment(Strict):
    """What an amending act changed in a unit; verified: read in the official text."""

    by: str
    what: str
    verified: bool = True


class Applicability(Strict):
    """Which columns of the agent table decide whether the framework binds for an agent.

    scope: a boolean column; roles: one or several role ids, separated by commas; classes: one class
    id; special_roles: the parameter that names the organisation's refined roles. A framework
    without `applicability` applies to every agent.
    """

    scope: str | None = None
    roles: str | None = None
    classes: str | None = None
    special_roles: str | None = None


class Role(Strict):
    """A role in which an organisation is bound; refines: the wider role that registries record."""

    id: str = Field(pattern=r"^[a-z0-9_]+$")
    title: str
    refines: str | None = None


class RiskClass(Strict):
    """A class of systems that decides which units apply."""

    id: str = Field(pattern=r"^[a-z0-9_]+$")
    title: str


class LegalDate(Strict):
    """One dated event: what happened or begins that day, for which units.

    ours: the day is our reading of the law, not its letter.
    """

    date: str
    kind: Literal["history", "applies", "transition", "deadline"]
    event: str
    units: tuple[str, ...] = ()
    ours: bool = False
    source: str


class Penalty(Strict):
    """The highest fine for breach of some units; EUR, and percent of worldwide yearly turnover."""

    id: str
    breach: str
    units: tuple[str, ...]
    max_eur: int
    max_percent: float | None = None
    rule: str
    applies_from: str
    source: str


class SourceConflict(Strict):
    """Where sources disagree: what some say, what this catalogue holds, and on which ground."""

    topic: str
    said: str
    held: str
