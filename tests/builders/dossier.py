"""A Dossier of three controls and two frameworks, made without a store; names can be hostile."""

from __future__ import annotations

from muniment.evidence.assessment_file import AssessmentDigests
from muniment.evidence.dossier import Dossier
from muniment.model.controls import Attribute, Control, ControlTest
from muniment.model.frameworks import ControlMapping, Framework, Requirement
from muniment.model.maturity import Criterion, DomainMaturity, MaturityModel, Stage, Wanted
from muniment.model.outcomes import (
    Outcome,
    Relation,
    RequirementState,
    State,
    Strength,
    TestKind,
)
from muniment.model.results import (
    Assessment,
    AttributeResult,
    Clock,
    ControlResult,
    FrameworkScore,
    LogState,
    MissingField,
    RequirementResult,
    TestedItem,
    TestResult,
)

ASSESSMENT_ID = "A-20261120-0a1b2c3d"
CLOCK = Clock(
    "2026-08-22T22:00:00.000000000Z", "2026-11-20T18:00:00.000000000Z",
    "2026-11-20T18:00:00.000000000Z", "2026-11-20T18:04:00.000000000Z",
)  # fmt: skip


def item(
    number: int, outcome: Outcome = Outcome.EXCEPTION, name: str = "invoice-matcher"
) -> TestedItem:
    undetermined = outcome is Outcome.UNDETERMINED
    return TestedItem(
        "OVR-03", "main", f"{number:032x}", outcome,
        f"{name} ran pay.release before it was approved",
        f"2026-11-{1 + number % 19:02d}T09:14:07.000000000Z", f"event/{number:032x}", name,
        ("B",), ("approval_id: not carried",) if undetermined else (),
    )  # fmt: skip


def control(
    control_id: str, title: str, severity: str = "critical", kind: str = "events"
) -> Control:
    return Control(
        id=control_id, title=title, objective="People decide what must be decided by people.",
        statement="Every action that needs approval carries one that was given before it ran.",
        risk="Money leaves without a decision.", nature="preventive", key=True,
        owner_role="process owner", frequency="every event", severity=severity,
        parameters=("clock_tolerance_seconds",), remedy="Block the action until approval.",
        does_not_prove="That the approver understood the request.",
        tests=(ControlTest(
            id="main", kind=TestKind(kind), title="Approval before execution",
            population="autonomy_tier = 'approval_required' and executed",
            exception="approval.decided_at > event_time",
            attributes=(Attribute(letter="B", title="given before execution", exception="x"),),
        ),),
    )  # fmt: skip


def tested(state: State, population: int = 0, exceptions: int = 0, undetermined: int = 0, *,
           name: str = "invoice-matcher", control_id: str = "OVR-03") -> TestResult:  # fmt: skip
    failed = [item(n, name=name) for n in range(exceptions)]
    doubtful = [item(1000 + n, Outcome.UNDETERMINED, name) for n in range(undetermined)]
    return TestResult(
        control_id, "main", TestKind.EVENTS, state,
        f"{exceptions} of {population} actions ran before they were approved.",
        population, exceptions, undetermined,
        missing_fields=(MissingField("approval_id", undetermined, 0, ("gateway",)),)
        if undetermined else (),
        attributes=(AttributeResult("B", "given before execution", population, exceptions, 0),),
        items=(*failed, *doubtful), sample=(item(5000, Outcome.PASS, name),),
        sample_seed="ab" * 32, sample_seed_basis="under the operator's control: no anchor",
        completeness="not established: one source", compiled_sql="select 1 -- main",
        parameters={"clock_tolerance_seconds": 2}, test_digest="cd" * 32,
        by_day={"2026-11-01": (population, exceptions, undetermined)} if population else {},
    )  # fmt: skip


def dossier(name: str = "invoice-matcher", organisation: str = "Northwind Freight") -> Dossier:
    """Exceptions in OVR-03 (14 of 3,862, 2 undetermined), OWN-01 clear, GOV-01 not tested."""
    controls = {
        "OVR-03": control("OVR-03", "Approval came before execution"),
        "OWN-01": control("OWN-01", "Every active agent has an owner", "high", "registry"),
        "GOV-01": control("GOV-01", "The policy is in force", "medium", "attested"),
    }
    tests = {
        "OVR-03": tested(State.FAIL, 3862, 14, 2, name=name),
        "OWN-01": tested(State.PASS, 47, control_id="OWN-01"),
        "GOV-01": tested(State.NOT_TESTED, control_id="GOV-01"),
    }
    results = {
        key: ControlResult(key, test.state, test.state_reason, "ef" * 32, (test,))
        for key, test in tests.items()
    }
    frameworks = {"eu_ai_act": _framework("eu_ai_act", "EU AI Act", name),
                  "nist_ai_rmf": _framework("nist_ai_rmf", "NIST AI RMF", name)}  # fmt: skip
    requirements = tuple(r for key in frameworks for r in _requirements(key, name))
    assessment = Assessment(
        ASSESSMENT_ID, "2026-11-20T18:04:00.000000000Z", "2026-11-20T18:04:09.000000000Z", CLOCK,
        organisation, "Europe/Berlin", "m.keller", "0.1.0", "12" * 32,
        {"clock_tolerance_seconds": 2},
        LogState(3, 20_412, 20_301, 37, "9f31" + "0" * 56 + "c07a",
                 "2026-11-20T17:55:00.000000000Z"),
        ("aa" * 32,), "bb" * 32, tuple(results.values()), requirements,
        tuple(FrameworkScore(key, 3, 2, 1, 0, 1, 1, 0, 1, 1, 1 / 3, 2 / 3, "1", 1)
              for key in frameworks),
    )  # fmt: skip
    return Dossier(assessment, controls, frameworks, {}, results,
                   AssessmentDigests("aa" * 32, "bb" * 32), _maturity(name))  # fmt: skip


def _maturity(name: str) -> MaturityModel:
    wanted = {2: "tested", 3: "holds", 4: "sustained"}
    return MaturityModel(
        id="maturity", edition="1", source="s", reference="Reference.", months=1,
        stages=tuple(Stage(stage=n, name=word, meaning=name, share_percent=25)
                     for n, word in enumerate(("Ad hoc", "Defined", "Managed", "Embedded"), 1)),
        domains=(DomainMaturity(id="OVR", name=name, criteria={
            n: (Criterion(control="OVR-03", wants=Wanted(w), why=name),) for n, w in wanted.items()
        }),),
    )  # fmt: skip


def _framework(key: str, name: str, who: str) -> Framework:
    bears = ControlMapping(control="OVR-03", relation=Relation.INTERSECTS, strength=Strength.DIRECT,
                           rationale="An action needs approval first.")  # fmt: skip
    return Framework(
        id=key, name=name, short_name=name, edition="edition 1", issuer="Issuer", kind="law",
        licence_note="", coverage_note=f"Three of ninety clauses; {who}.", source="https://example.org",
        requirements=tuple(
            Requirement(id=number, title=f"Clause {number}", summary="What it asks.", source="s",
                        controls=(bears,) if number in ("14(4)", "26(2)") else ())
            for number in ("4", "14(4)", "26(2)", "99")
        ),
    )  # fmt: skip


def _requirements(key: str, name: str) -> tuple[RequirementResult, ...]:
    state = RequirementState
    return (
        RequirementResult(key, "4", state.EVIDENCED, "OWN-01 shows no exceptions.", None, None,
                          ("OWN-01",), 0),
        RequirementResult(key, "14(4)", state.EXCEPTIONS, f"OVR-03 shows 14 exceptions of {name}.",
                          "2026-08-02", None, ("OVR-03",), 14),
        RequirementResult(key, "26(2)", state.NOT_YET, "Applies from 2027-12-02.", "2027-12-02",
                          state.EXCEPTIONS, ("OVR-03",), 14),
        RequirementResult(key, "99", state.NOT_TESTED, "GOV-01 is not attested.", None, None,
                          ("GOV-01",), 0),
    )  # fmt: skip
