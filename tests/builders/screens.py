"""A dashboard without a store: the door to the store answers from a built Dossier.

`python -m tests.builders.screens MODE` serves it on a free port; MODE is `demo`, `hostile` or
`empty`.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow as pa

from dashboard import data, server
from muniment.evidence.provenance import Provenance
from muniment.model.records import RECORD_TABLE_BY_NAME
from muniment.store.encoder import entry_table
from tests.builders import dossier as dossiers

HOSTILE = (
    "<img src=x onerror=\"document.title='hit'\"><script>document.title='hit'</script>"
    "[a](javascript:alert(1)) :red[x] $$\\latex$$ \u202egnp.exe \x00{0} {name}"
)
LONG = "A" * 10_000
TRACE = "7f3a9c02d1e1"
TOKEN = "token-of-the-tests-0123456789"
_STEPS = (
    ("orchestrator", "run", None, "a"), ("reader", "extract", "a", "b"),
    ("matcher", "match", "a", "c"), ("matcher", "pay.release", "c", "d"),
    ("writer", "note", "missing", "e"), ("ring", "one", "g", "f"), ("ring", "two", "f", "g"),
)  # fmt: skip


def fake(set_attribute: Callable[[Any, str, Any], None], mode: str) -> None:
    """Make dashboard.data answer from a Dossier; set_attribute: setattr, or a monkeypatch's."""
    name = HOSTILE if mode == "hostile" else "invoice-matcher"
    organisation = HOSTILE if mode == "hostile" else "Northwind Freight"
    held = dossiers.dossier(name, organisation)
    set_attribute(data, "open_store", lambda root: _store(mode, organisation))
    set_attribute(data, "load_dossier", lambda store, assessment_id: held)
    set_attribute(data, "provenance", lambda store, ref: proof(ref, name))


def _store(mode: str, organisation: str) -> Any:
    clock = dossiers.CLOCK
    row = {"id": dossiers.ASSESSMENT_ID, "finished_at": "2026-11-20T18:04:09.000000000Z",
           "as_of": clock.as_of, "known_at": clock.known_at}  # fmt: skip
    batch = {"source_id": organisation if mode == "hostile" else "gateway", "imported": 14_201,
             "finished_at": clock.as_of, "rejected": 3,
             "max_event_time": "2026-11-20T17:55:00.000000000Z"}  # fmt: skip
    records = SimpleNamespace(
        assessments=lambda: [] if mode == "empty" else [row],
        organisation=lambda: {"name": organisation},
        batches=lambda: [batch],
        rows_as_of=lambda table, as_of, known_at: record_rows(organisation).get(table, []),
    )
    audit = SimpleNamespace(trace=lambda trace, limit: _trace(trace, organisation, mode))
    store = SimpleNamespace(records=records, audit=audit)
    return _Opened(store)


def record_rows(name: str = "Northwind Freight") -> dict[str, list[dict[str, Any]]]:
    """Two findings, a toleration, an accepted risk, three questions; `name` in every free text."""
    closed = {"closed_at": "2026-11-12T08:00:00.000000000Z"}
    unseen = {"not_carried_fields": ["decided_at"]}
    return {
        "person": [row("person", person_id="ada@example.org", name="Ada Holm")],
        "finding": [
            row("finding", finding_id="F-1", control_id="OVR-03", grade="major", condition=name,
                cause=name, response=name, owner_ref="ada@example.org",
                due_at="2026-11-10T00:00:00.000000000Z"),
            row("finding", finding_id="F-2", control_id="OWN-01", owner_ref=name, **closed),
        ],
        "exception_grant": [
            row("exception_grant", exception_id="E-1", control_id="OWN-01", agent_id=name,
                reason=name, expires_at="2026-11-01T00:00:00.000000000Z"),
        ],
        "risk_assessment": [row("risk_assessment", risk_assessment_id="R-1", description=name)],
        "risk_acceptance": [row("risk_acceptance", risk_acceptance_id="A-1", reason=name,
                                risk_assessment_id="R-1", accepted_by="ada@example.org")],
        "threshold": [row("threshold", threshold_id="T-1", decision_type="payment",
                          sla_minutes=60)],
        "approval": [
            row("approval", approval_id="Q-1", agent_id=name, decision_type="payment",
                escalated_to="ada@example.org", requested_at="2026-11-20T16:59:00.000000000Z"),
            row("approval", approval_id="Q-2", agent_id=name, decision_type="payment",
                decided_by="ada@example.org", decided_by_type="human", decision="approved",
                requested_at="2026-11-19T09:00:00.000000000Z",
                decided_at="2026-11-19T09:00:40.000000000Z"),
            row("approval", approval_id="Q-3", agent_id=name, decision_type=name,
                requested_at="2026-11-19T09:00:00.000000000Z", **unseen),
        ],
    }  # fmt: skip


def row(table: str, **values: Any) -> dict[str, Any]:
    """A row of a record table: every column, those not named empty."""
    empty = dict.fromkeys(column.name for column in RECORD_TABLE_BY_NAME[table].columns)
    kept = {"not_carried_fields": None, "redacted_fields": None, "valid_from": None}
    return {**kept, **empty, **values}


class _Opened:
    def __init__(self, store: Any) -> None:
        self._store = store

    def __enter__(self) -> Any:
        return self._store

    def __exit__(self, *_: object) -> None:
        return None


def _trace(trace: str, organisation: str, mode: str) -> pa.Table:
    rows: list[dict[str, Any]] = []
    for number, (agent, action, parent, span) in enumerate(_STEPS if trace == TRACE else ()):
        rows.append({
            "event_id": f"{number:032x}", "span_id": span, "parent_span_id": parent,
            "event_time": f"2026-11-18T16:38:{20 + number}.123456789Z", "agent_id": agent,
            "agent_name": organisation if mode == "hostile" else agent, "operation_name": action,
            "policy_checked": True, "policy_result": "allow", "outcome": "success",
            "executed": True, "trace_id": trace,
        })  # fmt: skip
    return entry_table(rows)


def proof(ref: str, name: str = "invoice-matcher", *, matches: bool = True) -> Provenance:
    """A sealed event whose leaf fits, unless `matches` is False."""
    entry = {"event_id": ref.rpartition("/")[2], "agent_id": name, "trace_id": TRACE,
             "amount": None, "input_sanitised": LONG, "delegation_scopes": ["erp.read"],
             "executed": True}  # fmt: skip
    return Provenance(
        evidence_ref=ref, kind="event", entry=entry, canonical=f'{{"agent_id":"{name}"}}',
        leaf_hash="c4" * 32, stored_leaf_hash=("c4" if matches else "d5") * 32, segment_no=2,
        leaf_index=3117, header_hash="9f" * 32,
        header={"entry_count": 10_000, "merkle_root": "be" * 32}, sealed=True, matches=matches,
        annotations=(), record_row=None, steps=("Read row 3,117 of segment 2.",),
    )  # fmt: skip


def main() -> None:
    """Serve the screens of one mode, printing the address that opens them."""
    fake(setattr, sys.argv[1])
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "muniment.toml").write_text('format_version = "1"\n')
        server.run_dashboard(
            Path(folder), port=0, token=TOKEN, ready=lambda address: print(address, flush=True)
        )


if __name__ == "__main__":
    main()
