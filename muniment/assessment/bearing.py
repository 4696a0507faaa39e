"""How one mapped control, or one attribute of it, bears on a requirement."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from muniment.model.frameworks import ControlMapping
from muniment.model.outcomes import State
from muniment.model.results import AttributeResult, ControlResult, TestResult

# Worst first: what an attribute that stands in several tests takes from them.
WORST_FIRST = (
    State.FAIL, State.ERROR, State.UNDETERMINED, State.PENDING, State.STALE, State.EXCEPTED,
    State.NOT_TESTED, State.PASS, State.ATTESTED, State.NOT_APPLICABLE,
)  # fmt: skip
POSITIVE = frozenset({State.PASS, State.ATTESTED})
UNHEARD = frozenset({State.ERROR, State.NOT_TESTED})
_WHOLE_TEST = UNHEARD | {State.NOT_APPLICABLE, State.STALE, State.ATTESTED}
# What a test writes when nothing beside its only source vouches for the population.
_NOT_COMPLETE = "not established"


@dataclass(frozen=True, slots=True)
class Bearing:
    """A mapping with the state and counts of the control, or of the one attribute that is mapped.

    complete: no test behind it says that its population's completeness is not established.
    """

    mapping: ControlMapping
    state: State
    population: int = 0
    exceptions: int = 0
    undetermined: int = 0
    complete: bool = True
    reason: str = ""

    @property
    def positive(self) -> bool:
        """The control passed or is freshly attested."""
        return self.state in POSITIVE


def bearing_of(mapping: ControlMapping, results: Mapping[str, ControlResult]) -> Bearing:
    """The bearing of one mapping; a control without result is not tested.

    An attribute counts by its own figures alone, so that the exceptions of another attribute of the
    same control do not reach a requirement that has nothing to do with them.
    """
    result = results.get(mapping.control_id)
    if result is None:
        return Bearing(mapping, State.NOT_TESTED)
    return _attribute(mapping, result) if mapping.letter else _whole(mapping, result)


def control_state(result: ControlResult) -> State:
    """The control's state; an exception found stays one where another test could not be run."""
    failed = any(test.state is State.FAIL for test in result.tests)
    return State.FAIL if failed else result.state


def _whole(mapping: ControlMapping, result: ControlResult) -> Bearing:
    return Bearing(
        mapping,
        control_state(result),
        result.population,
        result.exceptions,
        result.undetermined,
        all(_complete(test) for test in result.tests),
        result.state_reason,
    )


def _attribute(mapping: ControlMapping, result: ControlResult) -> Bearing:
    parts = [
        (test, attribute)
        for test in result.tests
        for attribute in test.attributes
        if attribute.letter == mapping.letter
    ]
    if not parts:
        # A test that did not run reports no attributes; another state says nothing about this one.
        silent = UNHEARD | {State.NOT_APPLICABLE}
        state = result.state if result.state in silent else State.NOT_TESTED
        return Bearing(mapping, state, reason=result.state_reason)
    states = {_attribute_state(test, attribute) for test, attribute in parts}
    return Bearing(
        mapping,
        next(state for state in WORST_FIRST if state in states),
        sum(attribute.population for _, attribute in parts),
        sum(attribute.exceptions for _, attribute in parts),
        sum(attribute.undetermined for _, attribute in parts),
        all(_complete(test) for test, _ in parts),
        result.state_reason,
    )


def _attribute_state(test: TestResult, attribute: AttributeResult) -> State:
    if test.state in _WHOLE_TEST:
        return test.state
    if attribute.exceptions:
        # A test counts as excepted only when every exception in it is tolerated.
        return State.EXCEPTED if test.state is State.EXCEPTED else State.FAIL
    if attribute.population == 0:
        return State.NOT_TESTED
    if test.state is State.PASS:  # undetermined items, if any, lie within the stated tolerance
        return State.PASS
    # Pending and tolerated items are counted by test, not by attribute: they might be this one's.
    doubts = (
        (attribute.undetermined, State.UNDETERMINED),
        (test.pending, State.PENDING),
        (test.excepted, State.EXCEPTED),
    )
    return next((state for count, state in doubts if count), State.PASS)


def _complete(test: TestResult) -> bool:
    return _NOT_COMPLETE not in test.completeness.lower()
