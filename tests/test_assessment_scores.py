"""The score: an interval whose laws hold for every mixture of states."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from muniment.assessment.requirements import assess_requirement
from muniment.assessment.scores import FORMULA_VERSION, score_framework
from muniment.assessment.sentences import lead_sentence, trend_sentence
from muniment.model.outcomes import RequirementState, State
from muniment.model.results import FrameworkScore
from tests.builders.results import (
    evidencing,
    mapping,
    requirement,
    requirement_results,
    results,
    supporting,
)

DOCUMENT = Path(__file__).parents[1] / "docs/concepts/scores.md"
STATES = st.dictionaries(st.sampled_from(list(RequirementState)), st.integers(0, 30))
X = RequirementState.EXCEPTIONS


def score(counts: dict[RequirementState, int]) -> FrameworkScore:
    return score_framework("law", requirement_results(counts))


def test_score_of_worked_example_is_as_documented() -> None:
    counts = dict(
        zip(RequirementState, (3, 2, 2, 1, 2, 1, 5), strict=True)
    )  # E, P, X, N, M, not applicable, not yet
    made = score(counts)
    assert (made.applicable, made.tested) == (10, 7)
    assert (made.lower, made.upper) == (0.3, 0.8)
    text = DOCUMENT.read_text(encoding="utf-8")
    assert "[3/10, 8/10] = [30 %, 80 %]" in text
    assert f"Formula version {FORMULA_VERSION}" in text
    assert made.formula_version == FORMULA_VERSION


def test_score_without_applicable_requirements_has_no_bounds() -> None:
    made = score({RequirementState.NOT_YET: 4, RequirementState.NOT_APPLICABLE: 1})
    assert (made.applicable, made.lower, made.upper) == (0, None, None)
    assert (made.not_yet, made.not_applicable) == (4, 1)


def test_score_says_how_many_of_the_evidenced_are_attested() -> None:
    held = requirement_results({RequirementState.EVIDENCED: 3, X: 2})
    mixed = [replace(held[0], attested=True), *held[1:]]
    assert (score_framework("law", mixed).evidenced, score_framework("law", mixed).attested) == (
        3, 1,
    )  # fmt: skip


def test_score_leaves_other_frameworks_out() -> None:
    mixed = requirement_results({X: 1}, "other") + requirement_results(
        {RequirementState.EVIDENCED: 1}
    )
    assert score_framework("law", mixed).lower == 1.0


@given(STATES)
def test_score_counts_add_up(counts: dict[RequirementState, int]) -> None:
    made = score(counts)
    assert made.applicable == (
        made.evidenced + made.partly + made.exceptions + made.not_tested + made.manual
    )
    assert made.tested == made.evidenced + made.partly + made.exceptions
    assert made.applicable + made.not_applicable + made.not_yet == sum(counts.values())


@given(STATES)
def test_score_bounds_are_ordered_and_leave_exceptions_out(
    counts: dict[RequirementState, int],
) -> None:
    made = score(counts)
    if made.lower is None or made.upper is None:
        assert made.applicable == 0
        return
    assert 0 <= made.lower <= made.upper <= 1
    assert abs(made.upper - (made.applicable - made.exceptions) / made.applicable) < 1e-12


@given(STATES)
def test_score_with_one_more_exception_has_a_lower_upper_bound(
    counts: dict[RequirementState, int],
) -> None:
    before, after = score(counts), score({**counts, X: counts.get(X, 0) + 1})
    assert after.upper is not None
    assert after.lower is not None
    if before.upper is None or before.lower is None:
        assert after.upper == 0
        return
    assert after.lower <= before.lower
    assert after.upper < before.upper or before.upper == 0


@given(STATES, st.sampled_from(list(RequirementState)))
def test_score_lower_bound_never_rises_when_a_requirement_turns_to_exceptions(
    counts: dict[RequirementState, int], turned: RequirementState
) -> None:
    if not counts.get(turned) or turned in (
        RequirementState.NOT_APPLICABLE,
        RequirementState.NOT_YET,
    ):
        return
    worse = {**counts, turned: counts[turned] - 1}
    worse[X] = worse.get(X, 0) + 1
    before, after = score(counts), score(worse)
    assert before.lower is not None
    assert after.lower is not None
    assert after.lower <= before.lower


CONTROLS = ("AUD-01", "AUD-02", "IDN-01")
CLAUSES = (
    requirement(evidencing("AUD-01"), mapping("AUD-02"), supporting("IDN-01"), manual="x"),
    requirement(*(mapping(c) for c in CONTROLS), evidenced_together=True),
    requirement(*(evidencing(c) for c in CONTROLS)),
)


@given(
    st.sampled_from(CLAUSES),
    st.tuples(*(st.sampled_from(list(State)) for _ in CONTROLS)),
    st.integers(0, len(CONTROLS) - 1),
)
def test_requirement_with_one_more_failing_control_shows_exceptions(
    clause: object, states: tuple[State, ...], failing: int
) -> None:
    named = {c.replace("-", "_"): s for c, s in zip(CONTROLS, states, strict=True)}
    named[CONTROLS[failing].replace("-", "_")] = State.FAIL
    result = assess_requirement("law", clause, results(**named), "2026-11-22")  # type: ignore[arg-type]
    assert result.state is X
    assert result.exceptions >= 2


def test_lead_sentence_counts_tested_controls_and_untested_requirements() -> None:
    states = results(
        AUD_01=State.FAIL,
        AUD_02=State.PASS,
        IDN_01=State.NOT_TESTED,
        OWN_01=State.ERROR,
        GOV_01=State.ATTESTED,
        OVR_03=State.UNDETERMINED,
    )
    clauses = requirement_results(
        {RequirementState.NOT_TESTED: 12, RequirementState.MANUAL: 3, RequirementState.NOT_YET: 5}
    )
    assert lead_sentence(states.values(), clauses) == (
        "1 of 3 tested controls shows exceptions; "
        "12 requirements are not yet tested, 3 need manual evidence."
    )


def test_lead_sentence_without_tested_control_says_so() -> None:
    clauses = requirement_results({RequirementState.NOT_TESTED: 1})
    assert lead_sentence(results(AUD_01=State.NOT_TESTED).values(), clauses) == (
        "No control has been tested; 1 requirement is not yet tested, 0 need manual evidence."
    )


def test_trend_sentence_names_controls_that_changed() -> None:
    earlier = results(AUD_01=State.PASS, IDN_01=State.FAIL, OWN_01=State.FAIL)
    later = results(AUD_01=State.FAIL, IDN_01=State.PASS, OWN_01=State.NOT_TESTED)
    assert trend_sentence(earlier.values(), later.values()) == (
        "Since the earlier assessment: 1 control newly showing exceptions (AUD-01); "
        "1 control now without (IDN-01)."
    )
    assert trend_sentence(later.values(), later.values()) == (
        "Since the earlier assessment: no control began or ceased to show exceptions."
    )
