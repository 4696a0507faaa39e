"""Loading the demo's files into a store, as any organisation would load its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from muniment.catalog.controls import load_controls
from muniment.catalog.sources import load_source_maps
from muniment.demo.clock import AS_OF, PERIOD_START, TIME_ZONE
from muniment.demo.company import ORGANISATION, person_id
from muniment.demo.files import log_file
from muniment.demo.logs import SOURCES
from muniment.demo.papers import PAPERS
from muniment.demo.registers_logs import log_source
from muniment.demo.runs import GATEWAY, OTLP, POLICY_ENGINE, Event
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
LOG_MAPS = {
    GATEWAY: "gateway_parquet", POLICY_ENGINE: "policy_engine_jsonl", OTLP: "otlp_genai"
}  # fmt: skip
# Registers whose source map is not called after its table.
OWN_MAPS = {
    "agent": "registry_csv", "permission_set": "permissions_csv", "person": "people_csv",
    "approval": "approvals_csv", "budget": "budgets_csv",
}  # fmt: skip
KEEPERS = {
    "agent": "agent-registry", "permission_set": "iam", "credential": "iam", "mandate": "iam",
    "person": "hr-people", "training": "hr-people", "approval": "service-desk",
    "incident": "service-desk", "change": "service-desk", "budget": "finance-budgets",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A source file, the name of its source, and the map that reads it."""

    name: str
    source_id: str
    source_map: str


LOG_FILES = tuple(
    SourceFile(log_file(one), log_source(one), LOG_MAPS.get(one, "agent_events_parquet"))
    for one in SOURCES
)


def register_file(table: str) -> SourceFile:
    """The file of a register."""
    return SourceFile(
        f"{table}.csv", KEEPERS.get(table, "governance-register"),
        OWN_MAPS.get(table, f"{table}_csv"),
    )  # fmt: skip


def load_demo(root: Path, tables: Iterable[str], progress: Progress | None = None) -> Store:
    """Create <root>/store, import every file under <root>/sources, attest the papers, and seal.

    tables: the registers that were written. Raises InputError when a source map refuses a row: the
    demo's files are all good.
    """
    store = create_store(
        root / "store", organisation=ORGANISATION, time_zone=TIME_ZONE, recorded_by=RECORDED_BY
    )
    (store.layout.root / "parameters.yaml").write_text(PARAMETERS, encoding="utf-8")
    maps = load_source_maps()
    files = (*map(register_file, tables), *LOG_FILES)
    for number, file in enumerate(files):
        if progress:
            progress(f"import {file.name}", number, len(files))
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
    attest_papers(store, root / "sources")
    AuditLog(store).seal()
    return store


def attest_papers(store: Store, folder: Path) -> None:
    """People attest controls with papers as evidence."""
    controls = load_controls()
    for paper in PAPERS:
        if paper.control_id not in controls:
            continue
        attest(
            store,
            controls,
            control_id=paper.control_id,
            statement=paper.statement,
            evidence_path=folder / paper.file,
            by=person_id(paper.by),
            at=normal_time(paper.at),
            period_end=normal_time(paper.until),
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
        files=tuple(counts),
    )


def event_ids(store: Store) -> dict[str, str]:
    """Event ids by span id, which is unique in the demo's logs."""
    table = store.audit.events_table(["span_id", "event_id"], known_at=now())
    spans, ids = table.column("span_id").to_pylist(), table.column("event_id").to_pylist()
    return dict(zip(map(str, spans), map(str, ids), strict=True))
