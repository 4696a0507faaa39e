"""The words for how an item, a control and a requirement stand, and how they relate."""

from __future__ import annotations

from enum import StrEnum


class TestKind(StrEnum):
    """How a control test is written and what it runs over."""

    __test__ = False  # not a pytest class, though its name starts like one
    EVENTS = "events"
    SEQUENCE = "sequence"
    REGISTRY = "registry"
    FACTS = "facts"
    ATTESTED = "attested"


class Outcome(StrEnum):
    """How one tested item came out."""

    PASS = "pass"
    EXCEPTION = "exception"
    UNDETERMINED = "undetermined"
    PENDING = "pending"
    EXCEPTED = "excepted"  # an exception that an approved, unexpired grant tolerates


class State(StrEnum):
    """How a control (or one test, or one attribute) stands."""

    PASS = "pass"
    FAIL = "fail"
    UNDETERMINED = "undetermined"
    PENDING = "pending"
    ERROR = "error"
    NOT_TESTED = "not_tested"
    NOT_APPLICABLE = "not_applicable"
    EXCEPTED = "excepted"
    ATTESTED = "attested"
    STALE = "stale"


class RequirementState(StrEnum):
    """How a requirement stands."""

    EVIDENCED = "evidenced"
    PARTLY = "partly_evidenced"
    EXCEPTIONS = "exceptions_noted"
    NOT_TESTED = "not_tested"
    MANUAL = "manual_evidence_needed"
    NOT_APPLICABLE = "not_applicable"
    NOT_YET = "not_yet_in_application"


class Applies(StrEnum):
    """Whether a requirement applies to one agent on one day."""

    YES = "applies"
    NO = "does_not_apply"
    NOT_YET = "not_yet"
    UNDETERMINED = "undetermined"  # a fact that decides it is not recorded


class Relation(StrEnum):
    """The control relative to the requirement."""

    EQUAL = "equal"
    SUBSET = "subset"
    SUPERSET = "superset"
    INTERSECTS = "intersects"
    SUPPORTS = "supports"


class Strength(StrEnum):
    """How directly the control's evidence speaks to the requirement."""

    DIRECT = "direct"
    PARTIAL = "partial"
    SUPPORTING = "supporting"
