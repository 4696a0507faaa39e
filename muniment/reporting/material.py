"""What report.yaml selects from the records and the log: rows, counted events, exceptions.

Templates see these and nothing else of the store, so that a new kind of report needs no code.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from muniment.evidence.codec import to_json_value
from muniment.evidence.dossier import Dossier
from muniment.evidence.links import parse_evidence_ref
from muniment.integrity.canonical import canonical_json
from muniment.model.outcomes import Outcome
from muniment.model.results import TestedItem
from muniment.reporting.report_folder import RecordSelection, ReportSpec
from muniment.store.explorer import Window, tally
from muniment.store.open import Store

RECORDS, EVENTS = "records.jsonl", "event_counts.jsonl"
ANY = "*"


@dataclass(frozen=True, slots=True)
class EventCount:
    """How many events of the report's period have these values; None where a source had none."""

    values: Mapping[str, Any]
    events: int


@dataclass(frozen=True, slots=True)
class Material:
    """Rows by table in the order of their keys, counted events, and listed exceptions about them.

    exceptions: of the report's domains, those that name the agent asked for, rest on a selected
    row, or on an event of the decision type asked for; all of them where nothing is asked for.
    """

    period: tuple[str, str]
    records: Mapping[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)
    events: Sequence[EventCount] = ()
    exceptions: Sequence[TestedItem] = ()

    @property
    def references(self) -> list[str]:
        """The evidence references of the selected rows, to be proven like the items'."""
        return [
            f"record/{table}/{row['row_id']}"
            for table, rows in self.records.items()
            for row in rows
        ]

    def files(self) -> Iterator[tuple[str, bytes, str]]:
        """Name, content and description of what is attached of it; nothing where all is empty."""
        rows = [
            canonical_json({"table": table, **to_json_value(dict(row))})
            for table, held in self.records.items()
            for row in held
        ]
        if rows:
            yield RECORDS, _lines(rows), "the record rows that this report prints or counts"
        counts = [canonical_json({**c.values, "events": c.events}) for c in self.events]
        if counts:
            yield EVENTS, _lines(counts), "the events that this report counts, by their values"


def _lines(rows: Sequence[str]) -> bytes:
    return "".join(row + "\n" for row in rows).encode()


def gather_material(
    store: Store, dossier: Dossier, spec: ReportSpec, given: Mapping[str, str],
    period: tuple[str, str],
) -> Material:  # fmt: skip
    """What the report's own specification selects, for these parameters and this period."""
    clock = dossier.assessment.clock
    records = {
        table: [
            row
            for row in store.records.rows_as_of(table, clock.as_of, clock.known_at)
            if _selected(row, selection, given, period)
        ]
        for table, selection in spec.records.items()
    }
    found = Material(period, records, _counted(store, spec, given, period, clock.known_at))
    return Material(
        period, records, found.events, tuple(_exceptions(store, dossier, spec, given, found))
    )


def _selected(
    row: Mapping[str, Any],
    selection: RecordSelection,
    given: Mapping[str, str],
    period: tuple[str, str],
) -> bool:
    for column, name in selection.where.items():
        held, wanted = row[column], given.get(name)
        inside = wanted in held or ANY in held if isinstance(held, list) else held == wanted
        if wanted is None or not inside:
            return False
    at = row[selection.during] if selection.during else period[0]
    return bool(at) and period[0] <= at < period[1]


def _counted(
    store: Store, spec: ReportSpec, given: Mapping[str, str], period: tuple[str, str], known_at: str
) -> tuple[EventCount, ...]:
    if spec.events is None:
        return ()
    where = tuple((c, given[n]) for c, n in spec.events.where.items() if n in given)
    window = Window(period[0], period[1], known_at, where=where)
    found = tally(store.audit, window, spec.events.by)
    return tuple(
        EventCount(dict(zip(spec.events.by, key, strict=True)), count) for key, count in found
    )


def _exceptions(
    store: Store, dossier: Dossier, spec: ReportSpec, given: Mapping[str, str], found: Material
) -> Iterator[TestedItem]:
    by_kind = {p.kind: given[name] for name, p in spec.parameters.items() if name in given}
    domains = spec.papers.domains
    listed = [
        item
        for control_id in dossier.results
        if not domains or control_id.partition("-")[0] in domains
        for item in dossier.items(control_id, Outcome.EXCEPTION)
    ]
    rows = set(found.references)
    events = _of_decision(store, listed, by_kind.get("decision_type"))
    narrow = by_kind.keys() & {"agent", "incident", "decision_type"}
    for item in listed:
        at = item.observed_at
        if at and not found.period[0] <= at < found.period[1] and by_kind.keys() & _DAYS:
            continue
        about = item.evidence_ref in rows or item.evidence_ref in events
        if not narrow or about or item.agent_id == by_kind.get("agent", ""):
            yield item


_DAYS = frozenset({"from_day", "until_day"})


def _of_decision(store: Store, listed: Sequence[TestedItem], wanted: str | None) -> set[str]:
    """The references of those items that rest on an event of the decision type."""
    if wanted is None:
        return set()
    parsed = {item.evidence_ref: parse_evidence_ref(item.evidence_ref) for item in listed}
    ids = sorted({each.key for each in parsed.values() if each.kind == "event"})
    rows = store.audit.rows_by_id(ids)
    same = {key for key, row in rows.items() if row["decision_type"] == wanted}
    return {ref for ref, each in parsed.items() if each.kind == "event" and each.key in same}
