"""A stored assessment with everything needed to show it: results, controls, frameworks, items."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from muniment.assessment.maturity import assess_agent_maturity, assess_maturity
from muniment.errors import EvidenceBrokenError, StoreError
from muniment.evidence.assessment_file import (
    AssessmentDigests,
    read_document,
    results_by_control,
)
from muniment.model.controls import Control, Parameter
from muniment.model.frameworks import Framework
from muniment.model.maturity import MaturityModel, Standing
from muniment.model.outcomes import Outcome
from muniment.model.results import (
    Assessment,
    ControlResult,
    FrameworkScore,
    RequirementResult,
    TestedItem,
)
from muniment.model.times import local_day
from muniment.store.open import Store


@dataclass(frozen=True, slots=True)
class Dossier:
    """One assessment and the content that it used; nothing in it comes from today's catalog."""

    assessment: Assessment
    controls: dict[str, Control]
    frameworks: dict[str, Framework]
    parameters: dict[str, Parameter]
    results: dict[str, ControlResult]
    digests: AssessmentDigests
    maturity_model: MaturityModel | None = None

    def requirements(self, framework_id: str) -> tuple[RequirementResult, ...]:
        """Requirement results of one framework, in the framework's order."""
        return tuple(r for r in self.assessment.requirements if r.framework_id == framework_id)

    def score(self, framework_id: str) -> FrameworkScore | None:
        """The framework's interval with its denominators; None when it was not assessed."""
        found = (s for s in self.assessment.scores if s.framework_id == framework_id)
        return next(found, None)

    def items(self, control_id: str, outcome: Outcome | None = None) -> list[TestedItem]:
        """Listed items of a control's tests (no passes), or those of one outcome."""
        result = self.results.get(control_id)
        listed = [item for test in result.tests for item in test.items] if result else []
        return [item for item in listed if outcome is None or item.outcome is outcome]

    def item(self, control_id: str, test_id: str, item_id: str) -> TestedItem | None:
        """One listed or sampled item; None when this assessment does not name it."""
        result = self.results.get(control_id)
        tests = [test for test in result.tests if test.test_id == test_id] if result else []
        named = (item for test in tests for item in (*test.items, *test.sample))
        return next((item for item in named if item.item_id == item_id), None)

    def maturity(self) -> tuple[Standing, ...]:
        """The organisation's standing, then each domain's; empty when no model was used."""
        if self.maturity_model is None:
            return ()
        clock, zone = self.assessment.clock, self.assessment.time_zone
        return assess_maturity(self.maturity_model, self.results, local_day(clock.as_of, zone))

    def agent_maturity(self, agent_id: str) -> tuple[Standing, ...]:
        """An agent's standing, then its domains'; empty when nothing names the agent."""
        if self.maturity_model is None:
            return ()
        return assess_agent_maturity(self.maturity_model, self.results, agent_id)

    def controls_of_requirement(self, framework_id: str, requirement_id: str) -> tuple[str, ...]:
        """Control ids (or attributes, `OVR-03/B`) that the framework maps to a requirement."""
        framework = self.frameworks.get(framework_id)
        requirements = framework.requirements if framework else ()
        return tuple(
            mapping.control
            for requirement in requirements
            if requirement.id == requirement_id
            for mapping in requirement.controls
        )


def load_dossier(store: Store, assessment_id: str | None = None) -> Dossier:
    """The stored assessment, checked against the digest in the records; None means the latest.

    Raises StoreError when there is none, EvidenceBrokenError when the document is not the one whose
    digest was recorded when it was concluded.
    """
    row = _assessment_row(store, assessment_id)
    document = read_document(store, str(row["id"]))
    recorded = str(row["document_sha256"])
    if recorded != document.digests.document_sha256:
        raise EvidenceBrokenError(
            f"assessment `{row['id']}`: assessment.json has SHA-256 "
            f"`{document.digests.document_sha256}`, the records say `{recorded}`. "
            "Restore the folder from a copy, and find out who changed it."
        )
    assessment = document.assessment
    return Dossier(
        assessment=assessment,
        controls=document.controls,
        frameworks=document.frameworks,
        parameters=document.parameters,
        results=results_by_control(assessment),
        maturity_model=document.maturity,
        digests=document.digests,
    )


def _assessment_row(store: Store, assessment_id: str | None) -> dict[str, Any]:
    rows: list[dict[str, Any]] = list(store.records.assessments())
    if assessment_id is not None:
        rows = [row for row in rows if row["id"] == assessment_id]
    if not rows:
        wanted = f"no assessment `{assessment_id[:80]}`" if assessment_id else "no assessment yet"
        raise StoreError(f"the store has {wanted}. Run one with `muniment assess`.")
    return max(rows, key=lambda row: str(row["finished_at"]))
