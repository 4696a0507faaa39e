"""What a report is asked for: typed parameters, what may be given for each, and the check of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from zoneinfo import ZoneInfo

from muniment.errors import ReportError, UsageError
from muniment.evidence.dossier import Dossier
from muniment.model.times import local_day, normal_time
from muniment.reporting.report_folder import ReportParameter, ReportSpec, find_reports
from muniment.store.explorer import Window, tally
from muniment.store.open import Store

DAYS = frozenset({"from_day", "until_day"})


@dataclass(frozen=True, slots=True)
class Choice:
    """One value that may be given, and what it is called."""

    value: str
    label: str


@dataclass(frozen=True, slots=True)
class Offered:
    """A parameter as a form shows it. choices: value to label, sorted; None for a day."""

    name: str
    title: str
    required: bool
    choices: dict[str, str] | None


@dataclass(frozen=True, slots=True)
class OfferedReport:
    """A kind of report as a form shows it."""

    id: str
    title: str
    purpose: str
    parameters: tuple[Offered, ...]


def offered_reports(store: Store, dossier: Dossier) -> list[OfferedReport]:
    """Every kind of report, and what this assessment lets be asked of each."""
    kinds = [folder.spec for folder in find_reports().values()]
    asked = {p.kind for spec in kinds for p in spec.parameters.values()} - DAYS
    known = {
        kind: {c.value: c.label for c in sorted(_choices(store, dossier, kind), key=_by_value)}
        for kind in asked
    }
    return [
        OfferedReport(
            spec.id,
            spec.title,
            spec.purpose,
            tuple(
                Offered(name, p.title, p.required, known.get(p.kind))
                for name, p in spec.parameters.items()
            ),
        )
        for spec in kinds
    ]


def _by_value(choice: Choice) -> str:
    return choice.value


def checked_parameters(
    store: Store, dossier: Dossier, spec: ReportSpec, given: Mapping[str, str]
) -> dict[str, str]:
    """The parameters that the report is built with: each known, checked, empty ones left out.

    Raises UsageError that names the parameter, what is wrong, and what could be given.
    """
    asked = {name: value.strip() for name, value in given.items() if value.strip()}
    unknown = sorted(asked.keys() - spec.parameters.keys())
    if unknown:
        takes = ", ".join(spec.parameters) or "none"
        raise UsageError(
            f"report `{spec.id}` takes no parameter `{unknown[0][:40]}`. It takes: {takes}."
        )
    missing = [n for n, p in spec.parameters.items() if p.required and n not in asked]
    if missing:
        raise UsageError(
            f"report `{spec.id}` needs `{missing[0]}`. Give it as `--set {missing[0]}=…`: "
            f"{_offered(store, dossier, spec.parameters[missing[0]])}."
        )
    for name, value in asked.items():
        _check(store, dossier, spec.parameters[name], name, value)
    begin, end = period_of(dossier, spec, asked)
    if not begin < end:
        raise UsageError("the report's period is empty: its first day comes after its last.")
    return asked


def period_of(dossier: Dossier, spec: ReportSpec, given: Mapping[str, str]) -> tuple[str, str]:
    """The report's period as two instants, the second excluded: the assessment's, or a part."""
    clock, zone = dossier.assessment.clock, ZoneInfo(dossier.assessment.time_zone)
    begin, end = clock.period_start, clock.period_end
    for name, parameter in spec.parameters.items():
        if name in given and parameter.kind == "from_day":
            begin = max(begin, normal_time(given[name], zone))
        if name in given and parameter.kind == "until_day":
            after = date.fromisoformat(given[name]) + timedelta(days=1)
            end = min(end, normal_time(after.isoformat(), zone))
    return begin, end


def _check(
    store: Store, dossier: Dossier, parameter: ReportParameter, name: str, value: str
) -> None:
    if parameter.kind in DAYS:
        known = _is_day_in_period(dossier, value)
    else:
        known = any(value == each.value for each in _choices(store, dossier, parameter.kind))
    if not known:
        raise UsageError(
            f"`{name}`: `{value[:80]}` is no {parameter.title.lower()} of this assessment. Give "
            f"{_offered(store, dossier, parameter)}."
        )


def _is_day_in_period(dossier: Dossier, value: str) -> bool:
    first, last = _days(dossier)
    try:
        whole = date.fromisoformat(value).isoformat()
    except ValueError:
        return False
    return value == whole and first <= value <= last


def _days(dossier: Dossier) -> tuple[str, str]:
    clock, zone = dossier.assessment.clock, dossier.assessment.time_zone
    return local_day(clock.period_start, zone), local_day(clock.period_end, zone)


def _offered(store: Store, dossier: Dossier, parameter: ReportParameter) -> str:
    if parameter.kind in DAYS:
        first, last = _days(dossier)
        return f"a day from {first} to {last}"
    known = sorted(each.value for each in _choices(store, dossier, parameter.kind))
    if not known:
        return "one that is on record, but none is"
    more = f" and {len(known) - 12} more" if len(known) > 12 else ""
    return f"one of {', '.join(value[:60] for value in known[:12])}{more}"


def _choices(store: Store, dossier: Dossier, kind: str) -> Iterable[Choice]:
    clock = dossier.assessment.clock
    if kind == "framework":
        return [Choice(name, each.short_name) for name, each in dossier.frameworks.items()]
    if kind in {"agent", "incident"}:
        rows = store.records.rows_as_of(kind, clock.as_of, clock.known_at)
        named = "name" if kind == "agent" else "summary"
        found = {str(row[f"{kind}_id"]): str(row[named] or "") for row in rows}
        if kind == "agent":
            items = (item for control_id in dossier.results for item in dossier.items(control_id))
            found = {i.agent_id: "not registered" for i in items if i.agent_id} | found
        return [Choice(value, label) for value, label in found.items()]
    if kind == "decision_type":
        window = Window(clock.period_start, clock.period_end, clock.known_at)
        held = {key[0] for key, _ in tally(store.audit, window, [kind])}
        for table in ("threshold", "approval"):
            rows = store.records.rows_as_of(table, clock.as_of, clock.known_at)
            held |= {row[kind] for row in rows}
        return [Choice(str(name), "") for name in held if name]
    raise ReportError(f"`{kind}` is no kind of parameter.")
