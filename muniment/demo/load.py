"""Loading the demo's files into a store, as any organisation would load its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from muniment.catalog.controls import load_controls
from muniment.catalog.sources import load_source_maps
from muniment.demo.clock import AS_OF, PERIOD_START, TIME_ZONE
from muniment.demo.company import ORGANISATION, person_id
from muniment.demo.files import POLICY_FILE
from muniment.demo.runs import Event
from muniment.demo.truth import DemoTruth, Expectation, Truth
from muniment.errors import InputError
from muniment.ingest.pipeline import ingest_file
from muniment.model.outcomes import Outcome
from muniment.model.times import normal_time, now
from muniment.sealing.log import AuditLog
from muniment.store.open import Store, create_store
from muniment.workflow.attest import attest

Progress = Callable[[str, int, int | None], None]
RECORDED_BY = "demo"
# The organisation's own parameters: what no register says.
PARAMETERS = """\
eu_special_roles:
  value: none
  reason: A private freight company; no public authority and not in law enforcement.
"""
ATTESTED_AT = normal_time("2026-10-06T09:00:00Z")
ATTESTED_UNTIL = normal_time("2027-10-06T00:00:00+02:00")


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A source file, the name of its source, and the map that reads it."""

    name: str
    source_id: str
    source_map: str


SOURCE_FILES: tuple[SourceFile, ...] = (
    SourceFile("people.csv", "hr-people", "people_csv"),
    SourceFile("agent_registry.csv", "agent-registry", "registry_csv"),
    SourceFile("permission_sets.csv", "iam", "permissions_csv"),
    SourceFile("approvals.csv", "service-desk", "approvals_csv"),
    SourceFile("budgets.csv", "finance-budgets", "budgets_csv"),
    SourceFile("gateway.jsonl", "llm-gateway", "gateway_jsonl"),
    SourceFile("agent_platform.jsonl", "agent-platform", "agent_events_jsonl"),
    SourceFile("otel_traces.jsonl", "otel-collector", "otlp_genai"),
)


def load_demo(root: Path, progress: Progress | None = None) -> Store:
    """Create <root>/store, import every file under <root>/sources, attest GOV-01, and seal.

    Raises InputError when a source map refuses a row: the demo's files are all good.
    """
    store = create_store(
        root / "store", organisation=ORGANISATION, time_zone=TIME_ZONE, recorded_by=RECORDED_BY
    )
    (store.layout.root / "parameters.yaml").write_text(PARAMETERS, encoding="utf-8")
    maps = load_source_maps()
    for number, file in enumerate(SOURCE_FILES):
        if progress:
            progress(f"import {file.name}", number, len(SOURCE_FILES))
        batch = ingest_file(
            store,
            root / "sources" / file.name,
            source_map=maps[file.source_map],
            source_id=file.source_id,
            recorded_by=RECORDED_BY,
            seal=False,
        )
        if batch.rejected:
            raise InputError(
                f"demo file `{file.name}`: map `{file.source_map}` refused {batch.rejected} rows: "
                f"{batch.reject_reasons}. Repair the map or muniment/demo."
            )
    attest_policy(store, root / "sources" / POLICY_FILE)
    AuditLog(store).seal()
    return store


def attest_policy(store: Store, policy: Path) -> None:
    """The chair of the risk committee attests GOV-01 with the policy as evidence."""
    attest(
        store,
        load_controls(),
        control_id="GOV-01",
        statement="The board approved the AI policy on 2026-10-05; all staff read it by 10-06.",
        evidence_path=policy,
        by=person_id("Mette Keller"),
        at=ATTESTED_AT,
        period_end=ATTESTED_UNTIL,
    )


def resolve_truth(
    store: Store, expected: list[Expectation], counts: Mapping[str, int]
) -> DemoTruth:
    """The expectations by the item ids that a control gives, with event ids as ingest made them."""
    ids = event_ids(store)
    exceptions: dict[str, dict[str, str]] = {}
    near_misses: dict[str, list[Truth]] = {}
    for one in expected:
        item_id = ids[str(one.item.values["span_id"])] if isinstance(one.item, Event) else one.item
        if one.outcome is Outcome.EXCEPTION:
            exceptions.setdefault(one.control_id, {})[item_id] = one.why
        else:
            truth = Truth(item_id, one.outcome, one.why)
            near_misses.setdefault(one.control_id, []).append(truth)
    return DemoTruth(
        as_of=AS_OF,
        period_start=PERIOD_START,
        time_zone=TIME_ZONE,
        organisation=ORGANISATION,
        exceptions=exceptions,
        near_misses={control: tuple(items) for control, items in near_misses.items()},
        counts=dict(counts),
        files=tuple(file.name for file in SOURCE_FILES),
    )


def event_ids(store: Store) -> dict[str, str]:
    """Event ids by span id, which is unique in the demo's logs."""
    table = store.audit.events_table(["span_id", "event_id"], known_at=now())
    spans, ids = table.column("span_id").to_pylist(), table.column("event_id").to_pylist()
    return dict(zip(map(str, spans), map(str, ids), strict=True))
