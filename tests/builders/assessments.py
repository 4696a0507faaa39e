"""A rich assessment made of dataclasses: every state, long lists, three frameworks."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from muniment.evidence.assessment_file import write_assessment
from muniment.model.controls import Attribute, Control, ControlTest, Parameter
from muniment.model.frameworks import ControlMapping, Framework, Requirement
from muniment.model.outcomes import Outcome, Relation, RequirementState, State, Strength, TestKind
from muniment.model.records import RECORD_TABLE_BY_NAME
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
from muniment.store.layout import StoreLayout

CLOCK = Clock(
    period_start="2026-08-22T22:00:00.000000000Z",
    period_end="2026-11-20T18:04:00.000000000Z",
    as_of="2026-11-20T18:04:00.000000000Z",
    known_at="2026-11-20T18:04:00.000000000Z",
)
STARTED, FINISHED = "2026-11-20T18:04:02.000000000Z", "2026-11-20T18:05:11.000000000Z"


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


# id, title, folder, state, population, exceptions, undetermined, pending
_CONTROLS = (
    ("IDN-01", "Every agent seen acting is registered", "identity", "fail", 47, 2, 0, 0),
    ("IDN-02", "Each agent has its own identity", "identity", "pass", 47, 0, 0, 0),
    ("IDN-03", "Credentials are short-lived", "identity", "undetermined", 47, 0, 31, 0),
    ("OWN-01", "Every active agent has an accountable owner", "ownership", "fail", 47, 3, 4, 0),
    ("OWN-02", "Agents whose owner left are reassigned", "ownership", "pass", 47, 0, 0, 0),
    ("ACC-01", "Permissions were approved before go-live", "access", "excepted", 47, 0, 0, 0),
    ("ACC-03", "No action ran outside its permissions", "access", "pass", 19_884, 0, 0, 0),
    ("OVR-03", "Approval came before execution", "oversight", "fail", 3_862, 34, 12, 3),
    ("OVR-06", "Escalations are answered in time", "oversight", "pending", 212, 0, 0, 9),
    ("POL-02", "Policy was asked before each write", "policy", "pass", 9_204, 0, 0, 0),
    ("AUD-01", "Events carry the minimum data", "audit_trail", "undetermined", 20_000, 0, 412, 0),
    ("AUD-03", "The log is complete", "audit_trail", "error", 0, 0, 0, 0),
    ("DEV-04", "Spend stays within its budget", "developer_ai", "not_tested", 0, 0, 0, 0),
    ("RSK-02", "Prohibited practices are screened", "risk", "not_applicable", 0, 0, 0, 0),
    ("GOV-01", "The AI policy is approved and current", "programme", "attested", 1, 0, 0, 0),
    ("GOV-02", "Management reviews the programme", "programme", "stale", 1, 0, 0, 0),
)  # fmt: skip

_KINDS = {
    "IDN": TestKind.FACTS, "OWN": TestKind.REGISTRY, "ACC": TestKind.EVENTS,
    "DEV": TestKind.SEQUENCE,
    "OVR": TestKind.EVENTS, "POL": TestKind.EVENTS, "AUD": TestKind.EVENTS,
    "RSK": TestKind.REGISTRY,
    "GOV": TestKind.ATTESTED,
}  # fmt: skip


def control(control_id: str, title: str, folder: str) -> Control:
    kind = _KINDS[control_id[:3]]
    attributes = (
        (
            Attribute(letter="A", title="Approval exists", exception="approval_id is null"),
            Attribute(letter="B", title="Given before execution", exception="decided_at > at"),
            Attribute(letter="C", title="Same content executed", exception="digest differs"),
        )
        if control_id == "OVR-03"
        else ()
    )  # fmt: skip
    test = ControlTest(
        id="main", kind=kind, title=title, needs=("approval_id", "executed"),
        population="executed and autonomy_tier = 'approval_required'", attributes=attributes,
        fresh_days="attestation_fresh_days" if kind is TestKind.ATTESTED else None,
        attested_by="AI governance lead" if kind is TestKind.ATTESTED else None,
        evidence="minutes of the meeting" if kind is TestKind.ATTESTED else None,
    )  # fmt: skip
    second = test.model_copy(update={"id": "second", "title": f"{title}, seen from the gateway"})
    return Control(
        id=control_id, title=title, folder=folder, digest=digest(control_id),
        objective=f"{title}, throughout the period.",
        statement="The process owner approves each such action before it runs; the gateway holds "
        "the action until the approval is recorded.",
        risk="An agent moves money or data that no person has agreed to.",
        nature="preventive", key=control_id == "OVR-03", owner_role="process owner",
        frequency="each action", severity="critical" if control_id == "OVR-03" else "medium",
        parameters=("clock_tolerance_seconds",),
        tests=(test, second) if control_id == "IDN-01" else (test,),
        remedy="Put the retry inside the approval wrapper; let the gateway block what lacks one.",
        does_not_prove="That the approver understood the request, or anything about actions that "
        "were never logged.",
        design_basis="A preventive gate before execution answers the risk at its cause.",
    )  # fmt: skip


def _item(control_id: str, test_id: str, n: int, outcome: Outcome, **values: Any) -> TestedItem:
    event_id = digest(f"{control_id}{test_id}{outcome}{n}")[:32]
    record = control_id[:3] in {"OWN", "IDN"}
    given: dict[str, Any] = {
        "item_id": f"agent-{n:03d}" if record else event_id,
        "reason": "ran at 2026-11-18 16:41:52 UTC, 3 min 12 s before it was approved",
        "observed_at": f"2026-11-{19 - n % 18:02d}T09:14:{n % 60:02d}.000000000Z",
        "evidence_ref": f"record/agent/{event_id}" if record else f"event/{event_id}",
        "agent_id": f"invoice-matcher-{n % 4}",
    }
    if outcome is Outcome.PENDING:
        given["reason"] = "escalated 12 min ago; settles at 2026-11-20 18:22 UTC"
    if outcome is Outcome.UNDETERMINED:
        given |= {"reason": "approval_id was not carried", "missing": ("approval_id: not carried",)}
    return TestedItem(control_id, test_id, outcome=outcome, **(given | values))


def _test_result(row: tuple[Any, ...], test: ControlTest) -> TestResult:
    control_id, _, _, state, population, exceptions, undetermined, pending = row
    listed = [(Outcome.EXCEPTION, exceptions), (Outcome.PENDING, pending)]
    shown = min(undetermined, 10)
    items = tuple(
        _item(control_id, test.id, n, outcome,
              attributes=("ABC"[n % 3],) if test.attributes else ())
        for outcome, count in [*listed, (Outcome.UNDETERMINED, shown)]
        for n in range(count)
    )  # fmt: skip
    return TestResult(
        control_id=control_id, test_id=test.id, kind=test.kind, state=State(state),
        state_reason=_reason(row), population=population, exceptions=exceptions,
        undetermined=undetermined, pending=pending, excepted=2 if state == "excepted" else 0,
        missing_fields=(MissingField("approval_id", undetermined - 2, 2, ("gateway-eu", "edge")),)
        if undetermined else (),
        attributes=tuple(
            AttributeResult(a.letter, a.title, population - 4 * n, exceptions // 3 + n % 2, 4)
            for n, a in enumerate(test.attributes)
        ),
        items=items, items_cut=undetermined - shown,
        sample=tuple(_item(control_id, test.id, n + 500, Outcome.PASS, reason="approved before")
                     for n in range(25 if population > 1000 else min(population, 3))),
        sample_seed=digest(control_id + "seed"),
        sample_seed_basis="SHA-256 of last header hash, control and period; not anchored, so the "
        "seed was under the operator's control",
        completeness="completeness not established: one source only" if population > 5000 else
        "3,862 in the log = 3,862 in the policy engine; no gap in the sequence",
        compiled_sql=f"select item_id, outcome\nfrom events -- {control_id}\nwhere executed\n"
        "  and autonomy_tier = 'approval_required'" if test.kind is not TestKind.ATTESTED else "",
        parameters={"clock_tolerance_seconds": 2}, test_digest=digest(control_id + test.id),
        error="control `AUD-03`: query returned no column `outcome`." if state == "error" else "",
        by_day={"2026-11-18": (120, exceptions, 0), "2026-11-19": (90, 0, undetermined)},
    )  # fmt: skip


def _reason(row: tuple[Any, ...]) -> str:
    _, _, _, state, population, exceptions, undetermined, pending = row
    return {
        "fail": f"{exceptions:,} exceptions in {population:,} items.",
        "pass": f"No exceptions noted in {population:,} of {population:,} items.",
        "undetermined": f"No exceptions in {population:,}, but {undetermined:,} are undetermined.",
        "pending": f"{pending:,} of {population:,} items have not settled yet.",
        "error": "The test could not be run; this says nothing about the control.",
        "not_tested": "No source carries a budget, so there was nothing to test.",
        "not_applicable": "No agent in scope is of a class to which this applies.",
        "excepted": "2 items are excepted until 2026-12-31; none other failed.",
        "attested": "Attested by a.lindqvist on 2026-11-02; fresh until 2027-11-02.",
        "stale": "Attested on 2025-03-01; the attestation is stale since 2026-03-01.",
    }[state]  # fmt: skip


def results() -> tuple[dict[str, Control], tuple[ControlResult, ...]]:
    """The sixteen controls and their results."""
    controls = {row[0]: control(row[0], row[1], row[2]) for row in _CONTROLS}
    return controls, tuple(
        ControlResult(
            row[0], State(row[3]), _reason(row), digest(row[0]),
            tuple(_test_result(row, test) for test in controls[row[0]].tests),
        )
        for row in _CONTROLS
    )  # fmt: skip


_FRAMEWORKS = (
    ("eu_ai_act", "EU AI Act", "EU AI Act", "Regulation (EU) 2024/1689, of 2026-07-27", "law"),
    ("nist_ai_rmf", "AI Risk Management Framework", "NIST AI RMF 1.0", "AI 100-1", "voluntary"),
    ("iso_42001", "ISO/IEC 42001", "ISO/IEC 42001:2023", "2023, Annex A", "certifiable"),
)  # fmt: skip
_STATES = tuple(RequirementState)


def frameworks(requirements: int = 26) -> dict[str, Framework]:
    """Three frameworks whose requirements map to the controls in turn."""
    made = {}
    for framework_id, name, short, edition, kind in _FRAMEWORKS:
        rows = tuple(
            Requirement(
                id=f"{14 + n // 6}({n % 6 + 1})", title=f"Official heading of clause {n + 1}",
                summary="Overseers can override and reverse what the system decided",
                roles=("deployer",) if n % 3 else ("provider", "deployer"),
                applies_from="2027-12-02" if kind == "law" and n % 7 == 6 else None,
                manual="The risk method is a document that people keep." if n % 7 == 4 else None,
                source=f"Article {14 + n // 6}",
                controls=tuple(
                    ControlMapping(
                        control=_CONTROLS[(n + k) % 16][0] + ("/A" if (n + k) % 16 == 7 else ""),
                        relation=Relation.INTERSECTS if k else Relation.EQUAL,
                        strength=Strength.PARTIAL if k else Strength.DIRECT,
                        rationale="The test looks at the same act.",
                    )
                    for k in range(n % 3)
                ),
            )
            for n in range(requirements)
        )  # fmt: skip
        made[framework_id] = Framework(
            id=framework_id, name=name, short_name=short, edition=edition, issuer="its issuer",
            kind=kind, licence_note="Summaries are ours; clauses are cited by number.",
            coverage_note="Clauses on conformity bodies are left out.", source="official text",
            requirements=rows, digest=digest(framework_id),
        )  # fmt: skip
    return made


def _requirement_results(all_frameworks: dict[str, Framework]) -> Iterator[RequirementResult]:
    for framework_id, framework in all_frameworks.items():
        for n, requirement in enumerate(framework.requirements):
            state = _STATES[n % 7]
            if state is RequirementState.NOT_YET and not requirement.applies_from:
                state = RequirementState.EVIDENCED
            later = state is RequirementState.NOT_YET
            yield RequirementResult(
                framework_id, requirement.id, state, "The worst control that bears on it decides.",
                requirement.applies_from,
                RequirementState.EXCEPTIONS if later and n > 10 else
                RequirementState.EVIDENCED if later else None,
                tuple(m.control for m in requirement.controls),
                14 if state is RequirementState.EXCEPTIONS else 0,
                attested=state is RequirementState.EVIDENCED and n % 3 == 0,
            )  # fmt: skip


def _score(framework_id: str, rows: list[RequirementResult]) -> FrameworkScore:
    def count(state: RequirementState) -> int:
        return sum(row.state is state for row in rows)

    away, later = count(RequirementState.NOT_APPLICABLE), count(RequirementState.NOT_YET)
    applicable = len(rows) - away - later
    evidenced, partly = count(RequirementState.EVIDENCED), count(RequirementState.PARTLY)
    untested, manual = count(RequirementState.NOT_TESTED), count(RequirementState.MANUAL)
    return FrameworkScore(
        framework_id, applicable, applicable - untested - manual, evidenced, partly,
        count(RequirementState.EXCEPTIONS), untested, manual, away, later,
        evidenced / applicable, (evidenced + partly + untested + manual) / applicable, "1",
        sum(row.attested for row in rows),
    )  # fmt: skip


PARAMETERS = {
    "clock_tolerance_seconds": Parameter(
        name="clock_tolerance_seconds", value=2, unit="seconds", reason="Clocks differ a little."
    )
}


def assessment(
    requirements_each: int = 26, only: tuple[str, ...] = (), **changes: Any
) -> tuple[Assessment, dict[str, Control], dict[str, Framework]]:
    """The assessment with all that it used. only: ids of the controls to keep."""
    controls, control_results = results()
    control_results = tuple(r for r in control_results if not only or r.control_id in only)
    all_frameworks = frameworks(requirements_each)
    requirements = tuple(_requirement_results(all_frameworks))
    made = Assessment(
        assessment_id="A-20261120-1f2e3d4c", started_at=STARTED, finished_at=FINISHED, clock=CLOCK,
        organisation="Northwind Freight B.V.", time_zone="Europe/Amsterdam", run_by="e.brandvold",
        engine_version="0.1.0", catalog_digest=digest("catalog"),
        parameters={"clock_tolerance_seconds": 2},
        log=LogState(12, 1_184_230, 1_180_004, 318, digest("header"), CLOCK.as_of),
        segment_digests=tuple(digest(f"segment {n}") for n in range(12)),
        records_digest=digest("records"), controls=control_results, requirements=requirements,
        scores=tuple(_score(i, [r for r in requirements if r.framework_id == i])
                     for i in all_frameworks),
    )  # fmt: skip
    return replace(made, **changes), controls, all_frameworks


def import_batches() -> list[dict[str, Any]]:
    """Three imports as the records keep them: one with all kinds of rows, one clean, one failed."""
    batch = {
        "id": "b" * 32, "source_id": "gateway-eu", "source_map": "mcp_gateway",
        "source_uri": "file:///srv/exports/gateway%202026-11.jsonl",
        "content_sha256": digest("gateway"), "bytes": 48_113_004,
        "started_at": "2026-11-20T17:40:00.000000000Z",
        "finished_at": "2026-11-20T17:41:12.000000000Z", "status": "done", "rows_read": 20_412,
        "imported": 20_000, "rejected": 12, "duplicate": 388, "superseding": 12,
        "min_event_time": "2026-08-22T22:00:03.000000000Z",
        "max_event_time": "2026-11-20T17:39:58.000000000Z",
        "reject_reasons": {"line 4: `2026-13-01` is not an ISO 8601 time": 12},
        "map_digest": digest("map"), "importer_version": "0.1.0", "run_by": "svc-import",
    }  # fmt: skip
    clean = batch | {
        "id": "c" * 32, "source_id": "agent-registry", "source_map": "registry_csv",
        "source_uri": "/srv/exports/registry.csv", "content_sha256": digest("registry"),
        "rows_read": 62, "imported": 62, "rejected": 0, "duplicate": 0, "superseding": 0,
        "reject_reasons": {}, "min_event_time": None, "max_event_time": None, "bytes": 9_411,
    }  # fmt: skip
    refused = clean | {
        "id": "d" * 32, "source_id": "billing", "source_map": "litellm", "status": "failed",
        "rows_read": 10, "imported": 0, "rejected": 9, "source_uri": "C:\\exports\\spend.jsonl",
        "reject_reasons": {"no agent": 9}, "content_sha256": digest("spend"),
    }  # fmt: skip
    return [batch, clean, refused]


HEADERS = (
    {
        "entry_count": 20_000,
        "event_count": 20_000,
        "sources": {"gateway-eu": {"count": 20_000, "first_seq": 1, "last_seq": 20_003}},
    },
)
SMALL = {"requirements_each": 7, "only": ("OVR-03", "AUD-03", "GOV-01")}


def with_item(made: Assessment, **values: Any) -> Assessment:
    """The assessment with these values in the first listed item of OVR-03."""

    def changed(test: TestResult) -> TestResult:
        return replace(test, items=(replace(test.items[0], **values), *test.items[1:]))

    controls = tuple(
        replace(r, tests=tuple(changed(t) for t in r.tests)) if r.control_id == "OVR-03" else r
        for r in made.controls
    )
    return replace(made, controls=controls)


def record_rows(table: str) -> list[dict[str, Any]]:
    """47 agents, of which the first is retired, and nothing in any other table."""
    if table != "agent":
        return []
    blank = dict.fromkeys(c.name for c in RECORD_TABLE_BY_NAME["agent"].all_columns)
    return [
        {**blank, "agent_id": f"AGT-{n:04d}", "name": f"Agent {n}", "row_id": f"{n:032x}",
         "valid_from": "2026-01-01T00:00:00.000000000Z",
         "lifecycle_status": "active" if n else "retired",
         "retired_at": None if n else "2026-02-01T00:00:00.000000000Z"}
        for n in range(47)
    ]  # fmt: skip


def stored_assessment(root: Path, made: Assessment | None = None, **changes: Any) -> Any:
    """A stand-in for a store that holds one assessment and answers what reports read."""
    default, controls, all_frameworks = assessment(**changes)
    made = made or default
    layout, index = StoreLayout(root), SimpleNamespace(find_many=lambda _: {})
    segments = [SimpleNamespace(no=1, header=header) for header in HEADERS]
    audit = SimpleNamespace(
        layout=layout, segments=lambda _=None: segments, index=lambda _: index,
        rows_by_id=lambda _: {},
    )  # fmt: skip
    store = SimpleNamespace(layout=layout, audit=audit)
    digests = write_assessment(store, made, controls, all_frameworks, PARAMETERS)
    row = {"id": made.assessment_id, "finished_at": made.finished_at,
           "document_sha256": digests.document_sha256}  # fmt: skip
    store.records = SimpleNamespace(
        assessments=lambda: [row], batches=import_batches,
        rows_as_of=lambda table, *_: record_rows(table),
        history=lambda *_: record_rows("agent"),
        sealed_inserts=lambda _: {},
    )  # fmt: skip
    return store


@contextmanager
def no_network() -> Iterator[None]:
    """Fails the test when anything opens a socket."""
    import socket

    original = socket.socket.connect

    def refuse(*_: Any) -> None:
        raise AssertionError("something opened a network connection")

    socket.socket.connect = refuse  # type: ignore[method-assign,assignment]
    try:
        yield
    finally:
        socket.socket.connect = original  # type: ignore[method-assign]
