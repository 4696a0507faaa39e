"""What an assessment gives: tested items, results by control, states by requirement."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from muniment.model.outcomes import Applies, Outcome, RequirementState, State, TestKind


@dataclass(frozen=True, slots=True)
class Clock:
    """The two clocks and the period of an evaluation, as fixed time strings (UTC).

    as_of: the instant in the world that is judged; known_at: what Muniment knew then is used, and
    nothing that it learnt later. The period is [period_start, period_end); period_end <= as_of.
    """

    period_start: str
    period_end: str
    as_of: str
    known_at: str


@dataclass(frozen=True, slots=True)
class TestedItem:
    """One item of a population and how it came out.

    evidence_ref: `event/<event_id>` or `record/<table>/<row_id>`, resolvable to a sealed leaf.
    attributes: letters of the attributes that failed (or are undetermined). missing: for an
    undetermined item, what kept the test from concluding, e.g. `approval_id: not carried`.
    """

    __test__ = False
    control_id: str
    test_id: str
    item_id: str
    outcome: Outcome
    reason: str
    observed_at: str | None
    evidence_ref: str
    agent_id: str | None = None
    attributes: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class MissingField:
    """How many undetermined items lack this column, by why it is not there."""

    name: str
    not_carried: int
    redacted: int
    sources: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AttributeResult:
    """One named attribute of a test: letter, words, and its own counts."""

    letter: str
    title: str
    population: int
    exceptions: int
    undetermined: int


@dataclass(frozen=True, slots=True)
class TestResult:
    """One control test over its whole population.

    population counts items that were concluded plus those undetermined or pending. `items` lists
    every exception and every pending item, and undetermined ones up to a stated limit (`items_cut`
    says how many more there are). `state_reason` is one sentence for a person. by_day, by_agent:
    population, exceptions and undetermined by local day, and by the agent that an item names.
    """

    __test__ = False
    control_id: str
    test_id: str
    kind: TestKind
    state: State
    state_reason: str
    population: int = 0
    exceptions: int = 0
    undetermined: int = 0
    pending: int = 0
    excepted: int = 0
    missing_fields: tuple[MissingField, ...] = ()
    attributes: tuple[AttributeResult, ...] = ()
    items: tuple[TestedItem, ...] = ()
    items_cut: int = 0
    sample: tuple[TestedItem, ...] = ()
    population_ids: tuple[str, ...] = ()
    sample_seed: str = ""
    sample_seed_basis: str = ""
    completeness: str = ""
    compiled_sql: str = ""
    parameters: dict[str, Any] = field(default_factory=dict)
    test_digest: str = ""
    error: str = ""
    by_day: dict[str, tuple[int, int, int]] = field(default_factory=dict)
    by_agent: dict[str, tuple[int, int, int]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ControlResult:
    """A control's tests taken together; the worst bearing test decides the state."""

    control_id: str
    state: State
    state_reason: str
    control_digest: str
    tests: tuple[TestResult, ...]

    @property
    def population(self) -> int:
        """Items of all tests."""
        return sum(test.population for test in self.tests)

    @property
    def exceptions(self) -> int:
        """Exceptions of all tests."""
        return sum(test.exceptions for test in self.tests)

    @property
    def undetermined(self) -> int:
        """Undetermined items of all tests."""
        return sum(test.undetermined for test in self.tests)


@dataclass(frozen=True, slots=True)
class ApplicabilityReason:
    """For how many agents a requirement applies, or not, for the same reason."""

    verdict: Applies
    reason: str
    agents: int


@dataclass(frozen=True, slots=True)
class RequirementApplicability:
    """For how many of the agents in scope of the assessment a requirement applies, and why.

    The four counts add up to `agents`. first_day: the first day from which it applies, or will
    apply, for any of them that it concerns; None where it concerns none, or has no day.
    reasons: by verdict, the most frequent first.
    """

    agents: int
    applies: int
    does_not_apply: int
    not_yet: int
    undetermined: int
    first_day: str | None
    reasons: tuple[ApplicabilityReason, ...]

    def why(self, verdict: Applies, most: int = 2) -> str:
        """The most frequent reasons of a verdict as one phrase with counts."""
        found = [r for r in self.reasons if r.verdict is verdict]
        said = "; ".join(f"{r.agents:,} {r.reason}" for r in found[:most])
        rest = sum(r.agents for r in found[most:])
        return f"{said}; {rest:,} for other reasons" if rest else said


@dataclass(frozen=True, slots=True)
class ScopeDecision:
    """The organisation's own word that a requirement is in its scope or out of it, and why."""

    applicable: bool
    justification: str
    decided_by: str | None
    decided_at: str | None
    evidence_ref: str


@dataclass(frozen=True, slots=True)
class RequirementResult:
    """A requirement's state, why, the controls that bear on it, and for how many agents.

    attested: it is evidenced, wholly or in part, by a person's word. decision: the organisation's
    statement of applicability, where it made one.
    """

    framework_id: str
    requirement_id: str
    state: RequirementState
    state_reason: str
    applies_from: str | None
    readiness: RequirementState | None
    controls: tuple[str, ...]
    exceptions: int
    applicability: RequirementApplicability | None = None
    decision: ScopeDecision | None = None
    attested: bool = False


@dataclass(frozen=True, slots=True)
class FrameworkScore:
    """The interval [proved, proved + open] of a framework with every denominator.

    lower = E/A and upper = (E+P+N+M)/A; both None when nothing applies, which is not 0. attested:
    how many of the evidenced rest, wholly or in part, on a person's word.
    """

    framework_id: str
    applicable: int
    tested: int
    evidenced: int
    partly: int
    exceptions: int
    not_tested: int
    manual: int
    not_applicable: int
    not_yet: int
    lower: float | None
    upper: float | None
    formula_version: str
    attested: int = 0


@dataclass(frozen=True, slots=True)
class CheckpointRef:
    """A signed head of the log, as it is printed; `root` and `key_fingerprint` are 64 hex digits.

    size: headers covered. anchors: `kind: token` of each copy that was noted elsewhere at the time.
    """

    origin: str
    size: int
    root: str
    made_at: str
    key_fingerprint: str
    anchors: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LogState:
    """How the audit log stands: what is sealed, what is not, the last header and signed head.

    signed: the checkpoint covers every segment; where it covers fewer, the rest is unsigned.
    """

    segments: int
    sealed_entries: int
    sealed_events: int
    unsealed_entries: int
    last_header_hash: str
    sealed_to: str | None
    signed: bool = False
    checkpoint: CheckpointRef | None = None


@dataclass(frozen=True, slots=True)
class Assessment:
    """One run over all controls: what was judged, with what, and how it came out."""

    assessment_id: str
    started_at: str
    finished_at: str
    clock: Clock
    organisation: str
    time_zone: str
    run_by: str
    engine_version: str
    catalog_digest: str
    parameters: dict[str, Any]
    log: LogState
    segment_digests: tuple[str, ...]
    records_digest: str
    controls: tuple[ControlResult, ...]
    requirements: tuple[RequirementResult, ...]
    scores: tuple[FrameworkScore, ...]
