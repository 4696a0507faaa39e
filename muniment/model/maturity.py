"""Maturity as data: stages, and the criteria that a domain has to meet to hold each."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from pydantic import Field

from muniment.model.controls import Strict

LOWEST = 1


class Wanted(StrEnum):
    """What a criterion asks of a control."""

    TESTED = "tested"
    HOLDS = "holds"
    SUSTAINED = "sustained"


class Stage(Strict):
    """One stage: its number from 1 upwards, name, meaning, and the share of organisations there."""

    stage: int = Field(ge=LOWEST)
    name: str
    meaning: str
    share_percent: int = Field(ge=0, le=100)


class Criterion(Strict):
    """One criterion: what is wanted of which control, and why this stage needs it."""

    control: str = Field(pattern=r"^[A-Z]{3}-\d\d$")
    wants: Wanted
    why: str


class DomainMaturity(Strict):
    """The criteria of one domain by stage; stage 1 has none, since everyone starts there."""

    id: str = Field(pattern=r"^[A-Z]{3}$")
    name: str
    criteria: dict[int, tuple[Criterion, ...]]


class MaturityModel(Strict):
    """The whole model: stages in order, then domains. `months` is what `sustained` asks for."""

    id: str
    edition: str
    source: str
    reference: str
    months: int = Field(ge=1)
    stages: tuple[Stage, ...]
    domains: tuple[DomainMaturity, ...]
    digest: str = ""  # filled by the catalog

    def stage(self, number: int) -> Stage:
        """A stage by its number."""
        return self.stages[number - LOWEST]


@dataclass(frozen=True, slots=True)
class Met:
    """One criterion as judged: met or not, why it is asked, and what was found."""

    control: str
    wants: Wanted
    met: bool
    why: str
    because: str


@dataclass(frozen=True, slots=True)
class Standing:
    """The stage of a domain, an agent or the organisation.

    subject: the domain's id, the agent's id, or `organisation`. next_stage is None at the last one.
    criteria: every criterion judged, by the stage that it belongs to. missing: the unmet criteria
    of the next stage and of those below it, which is what keeps the subject where it is.
    """

    subject: str
    name: str
    stage: int
    next_stage: int | None
    criteria: dict[int, tuple[Met, ...]]

    @property
    def missing(self) -> tuple[Met, ...]:
        """Unmet criteria up to the next stage."""
        reach = self.next_stage or self.stage
        return tuple(
            one for stage, judged in self.criteria.items() if stage <= reach
            for one in judged if not one.met
        )  # fmt: skip
