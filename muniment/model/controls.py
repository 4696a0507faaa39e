"""A control as data: what is tested, how, with which parameters, and its own test cases."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from muniment.model.outcomes import TestKind


class Strict(BaseModel):
    """Base of everything read from YAML: unknown keys are errors, values are frozen."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Attribute(Strict):
    """A named part of a test: letter, words, and the boolean SQL that is true for an exception.

    Of a SELECT test it has no SQL: the test's own `attributes` column tells how each part came out.
    """

    letter: str = Field(pattern=r"^[A-Z]$")
    title: str
    exception: str | None = None
    population: str | None = None
    needs: tuple[str, ...] = ()


class TestCase(Strict):
    """Given rows and the outcome expected of them; `given` maps a relation's name to its rows.

    For an events test the relation `events` holds the entry; `agent`, `permission_set` and
    `approval` hold record rows. expect maps item_id (event_id) to outcome; an empty `expect` with
    `population: 0` is an empty population. reasons maps item_id to a text that the reason contains.
    """

    __test__ = False
    name: str
    given: dict[str, list[dict[str, Any]]] = {}
    parameters: dict[str, Any] = {}
    clock: dict[str, str] = {}
    expect: dict[str, str] = {}
    reasons: dict[str, str] = {}
    missing: dict[str, list[str]] = {}
    population: int | None = None


class ControlTest(Strict):
    """One test of a control.

    events: `population`, `exception` (or attributes), `reason` are SQL over one event and `joins`.
    sequence/registry/facts: `<stem>.<id>.sql` (or `<stem>.sql` where the control has one test)
    returns item_id, outcome, reason, observed_at, evidence_ref and may return agent_id, source_id,
    missing and attributes.
    attested: `fresh_days`, `attested_by`, `evidence` say who attests, with what, for how long.
    """

    __test__ = False
    id: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    kind: TestKind
    title: str
    needs: tuple[str, ...] = ()
    must_carry: tuple[str, ...] = ()  # needed columns whose absence is itself the exception
    joins: tuple[str, ...] = ()
    population: str | None = None
    exception: str | None = None
    attributes: tuple[Attribute, ...] = ()
    reason: str | None = None
    partition: tuple[str, ...] = ()
    order: str | None = None
    lookback: str | None = None
    settles_after: str | None = None
    facts: tuple[str, ...] = ()
    independent_sources: int = 0
    fresh_days: str | None = None
    attested_by: str | None = None
    evidence: str | None = None
    cases: tuple[TestCase, ...] = ()
    sql: str = ""  # text of the .sql file, filled by the catalog
    file: str = ""  # where that file lies, as errors name it, filled by the catalog


class Control(Strict):
    """A control: what must hold, why it matters, how it is tested, and what that does not prove."""

    id: str = Field(pattern=r"^[A-Z]{3}-\d\d$")
    title: str
    objective: str
    statement: str
    risk: str
    nature: Literal["preventive", "detective", "corrective"]
    automation: Literal["automated", "manual", "hybrid"] = "automated"
    key: bool = False
    owner_role: str
    frequency: str
    severity: Literal["critical", "high", "medium", "low"]
    parameters: tuple[str, ...] = ()
    tests: tuple[ControlTest, ...]
    remedy: str
    does_not_prove: str
    design_basis: str = ""
    digest: str = ""  # over the YAML and its SQL, filled by the catalog
    folder: str = ""  # domain folder, filled by the catalog


class Parameter(Strict):
    """A limit with its default, unit and reason; an organisation overrides it in one file."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    value: int | str | bool
    unit: str
    reason: str
