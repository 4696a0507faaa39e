"""Registers that follow from the logs: the service desk's approvals and what each log counted."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

import numpy as np
import pyarrow as pa

from muniment.demo.clock import AS_OF_NANOS, local
from muniment.demo.logs import SOURCES
from muniment.demo.registers import Registers, Row
from muniment.demo.runs import GATEWAY, OTLP, POLICY_ENGINE, Run, Runs

LOG_SOURCE = {GATEWAY: "llm-gateway", POLICY_ENGINE: "policy-engine", OTLP: "otel-collector"}
_MONTHS = [date(2025, 11, 20), date(2025, 12, 1), *(date(2026, m, 1) for m in range(1, 12))]


def log_source(export: str) -> str:
    """The source that an export belongs to."""
    return LOG_SOURCE.get(export, "agent-platform")


def add_approvals(registers: Registers, bulk: Iterable[Runs], runs: Iterable[Run]) -> None:
    """One row per request: it holds from its answer, or from its question while unanswered."""
    rows: list[Row] = [run.approval for run in runs if run.approval]
    for many in bulk:
        for step in many.approvals:
            rows += step.rows()
    for row in sorted(rows, key=lambda row: str(row["approval_id"])):
        since = row["decided_at"] or row["requested_at"]
        registers.put("approval", int(since), **row)  # type: ignore[arg-type]


def add_control_totals(registers: Registers, logs: dict[str, pa.Table]) -> None:
    """What each log counted per month, and that it lost nothing."""
    starts = [*(local(day, 0) for day in _MONTHS), AS_OF_NANOS]
    counted: dict[str, np.ndarray[tuple[int], np.dtype[np.int64]]] = {}
    for export in SOURCES:
        times = logs[export].column("event_time").to_numpy()
        found, _ = np.histogram(times, bins=np.array(starts))
        name = log_source(export)
        counted[name] = counted.get(name, np.zeros(len(_MONTHS), dtype=np.int64)) + found
    for name, totals in counted.items():
        for number, total in enumerate(totals.tolist()):
            registers.put(
                "control_total", starts[number + 1], log_source_id=name,
                control_total_id=f"CT-{name}-{_MONTHS[number]:%Y-%m}", entries=total, dropped=0,
                period_start=starts[number], period_end=starts[number + 1],
            )  # fmt: skip
