"""An auditor's own sample: drawn again from the whole population, with a nonce of the auditor's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from muniment.errors import UsageError
from muniment.evaluation.engine import evaluate_inputs
from muniment.evaluation.gather import gather_inputs
from muniment.evaluation.inputs import Setting
from muniment.evidence.dossier import load_dossier
from muniment.model.results import TestedItem
from muniment.store.open import Store

LONGEST_NONCE = 200


@dataclass(frozen=True, slots=True)
class DrawnSample:
    """One test's draw. recorded: the population that the assessment counted; it should be equal."""

    control_id: str
    test_id: str
    seed: str
    population: int
    recorded: int
    items: tuple[TestedItem, ...]


def draw_samples(
    store: Store,
    nonce: str,
    *,
    assessment_id: str | None = None,
    control_ids: Sequence[str] = (),
) -> tuple[DrawnSample, ...]:
    """A sample of each test's population as it was at an assessment, drawn with `nonce`.

    The population is found anew with the controls, parameters and clocks that the assessment kept.
    Raises UsageError for a nonce that is empty or holds a `|`, or a control without a result.
    """
    if not nonce.strip() or "|" in nonce or not nonce.isprintable() or len(nonce) > LONGEST_NONCE:
        raise UsageError(
            "the nonce is empty, too long, or holds a `|` or an invisible character. Make up any "
            "line of text that nobody could have guessed."
        )
    dossier = load_dossier(store, assessment_id)
    unknown = sorted(set(control_ids) - dossier.results.keys())
    if unknown:
        raise UsageError(
            f"assessment `{dossier.assessment.assessment_id}` has no control `{unknown[0][:40]}`."
        )
    chosen = {
        name: dossier.controls[name]
        for name in dossier.results
        if name in dossier.controls and (not control_ids or name in control_ids)
    }
    assessment = dossier.assessment
    setting = Setting(assessment.clock, assessment.time_zone, dossier.parameters)
    inputs = gather_inputs(store, chosen.values(), setting)
    drawn = replace(inputs, seed_head=f"{inputs.seed_head}|nonce:{nonce}")
    recorded = {
        (t.control_id, t.test_id): t.population for c in assessment.controls for t in c.tests
    }
    return tuple(
        DrawnSample(
            test.control_id, test.test_id, test.sample_seed, test.population,
            recorded.get((test.control_id, test.test_id), 0), test.sample,
        )
        for result in evaluate_inputs(drawn, chosen, setting)
        for test in result.tests
        if test.sample_seed
    )  # fmt: skip
