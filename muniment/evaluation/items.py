"""A test's items, out of the relation that every kind of test gives: all, some, and a sample."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from muniment.evaluation.sampling import SAMPLE_SIZE, sample_rank
from muniment.evaluation.sandbox import SqlRunner
from muniment.model import times
from muniment.model.outcomes import Outcome
from muniment.model.results import MissingField, TestedItem

UNDETERMINED_LISTED = 200
POPULATION_LISTED = 1_000
REASON_LENGTH = 200
# Control characters and marks that reorder text could make a reason read as something else.
_INVISIBLE = re.compile("[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]")


@dataclass(frozen=True, slots=True)
class Collected:
    """What is kept of a test's items."""

    items: tuple[TestedItem, ...]
    items_cut: int
    missing_fields: tuple[MissingField, ...]
    sample: tuple[TestedItem, ...]
    days: dict[str, str]
    population_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Source:
    """A relation of items: SQL in parentheses or a table's name, with the values to bind."""

    control_id: str
    test_id: str
    relation: str
    bound: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Tally:
    """How many items there are in all, are exceptions or pending, and are undetermined."""

    population: int
    listed: int
    undetermined: int


def collect_items(sandbox: SqlRunner, source: Source, tally: Tally, seed: str) -> Collected:
    """Every exception and pending item, 200 of the undetermined ones, and the sample.

    The ids of the whole population too where it has at most 1,000 items, so that anybody can draw
    the sample again. tally: what it says is 0 is not looked for, since each look is a pass over
    the events.
    """
    if not tally.population:
        return Collected((), 0, (), (), {})
    days: dict[str, str] = {}
    if tally.population <= SAMPLE_SIZE:  # the sample is the population: one look finds all
        sample = _fetch(sandbox, source, "", days)
        sample.sort(key=lambda item: (sample_rank(seed, item.item_id), item.item_id))
        kept = [item for item in sample if item.outcome is not Outcome.PASS]
        population = sorted(item.item_id for item in sample)
    else:
        kept = _fetch(sandbox, source, _LISTED, days) if tally.listed else []
        kept += _fetch(sandbox, source, _OPEN, days) if tally.undetermined else []
        ranked = f"order by sha256('{seed}' || item_id), item_id limit {SAMPLE_SIZE}"
        sample = _fetch(sandbox, source, ranked, days)
        population = _population(sandbox, source, tally)
    kept.sort(key=lambda item: (item.observed_at or "", item.item_id))
    cut = max(0, tally.undetermined - UNDETERMINED_LISTED)
    missing = _missing_fields(sandbox, source) if tally.undetermined else ()
    return Collected(tuple(kept), cut, missing, tuple(sample), days, tuple(population))


def _population(sandbox: SqlRunner, source: Source, tally: Tally) -> list[str]:
    if tally.population > POPULATION_LISTED:
        return []
    rows = sandbox.rows(f"select item_id from {source.relation} t order by item_id", source.bound)
    return [str(row[0]) for row in rows]


_LISTED = "where outcome in ('exception', 'pending')"
_OPEN = f"where outcome = 'undetermined' order by observed_at, item_id limit {UNDETERMINED_LISTED}"


def _fetch(
    sandbox: SqlRunner, source: Source, condition: str, days: dict[str, str]
) -> list[TestedItem]:
    rows = sandbox.rows(
        "select item_id, outcome, reason, epoch_ns(observed_at), evidence_ref, agent_id,"
        f" attributes, missing, local_day from {source.relation} t {condition}",
        source.bound,
    )
    items = []
    for row in rows:
        days[str(row[0])] = str(row[8])
        items.append(
            TestedItem(
                control_id=source.control_id,
                test_id=source.test_id,
                item_id=str(row[0]),
                outcome=Outcome(row[1]),
                reason=shown_text(str(row[2] if row[2] is not None else "no reason given")),
                observed_at=None if row[3] is None else times.format_time(int(row[3])),
                evidence_ref=str(row[4]),
                agent_id=row[5],
                attributes=tuple(row[6] or ()),
                missing=tuple(row[7] or ()),
            )
        )
    return items


def shown_text(text: str) -> str:
    """A text from outside as reports may show it: one line, visible characters, at most 200."""
    clean = _INVISIBLE.sub("\N{REPLACEMENT CHARACTER}", text)
    return clean if len(clean) <= REASON_LENGTH else clean[: REASON_LENGTH - 1] + "…"


def _missing_fields(sandbox: SqlRunner, source: Source) -> tuple[MissingField, ...]:
    rows = sandbox.rows(
        "select entry, count(*), list(distinct source_id order by source_id)"
        "    filter (where source_id is not null)"
        f" from (select unnest(missing) as entry, source_id from {source.relation} t)"
        " group by entry order by entry",
        source.bound,
    )
    return missing_fields(rows)


def missing_fields(rows: Iterable[Sequence[Any]]) -> tuple[MissingField, ...]:
    """Missing fields by name, from rows of (`name: why`, items, sources or NULL)."""
    fields: dict[str, MissingField] = {}
    for entry, count, sources in rows:
        name, _, why = str(entry).partition(": ")
        known = fields.get(name, MissingField(name, 0, 0))
        redacted = count if why == "redacted" else 0
        fields[name] = MissingField(
            name,
            known.not_carried + count - redacted,
            known.redacted + redacted,
            tuple(sorted({*known.sources, *(sources or ())})),
        )
    return tuple(fields[name] for name in sorted(fields))
