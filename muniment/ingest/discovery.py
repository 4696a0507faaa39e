"""From a proxy's calls to discovered uses of AI: gathered by service and business unit.

Only calls to services of AI are looked at, and of their users only the number is kept. What is
known of a use already stays: who decided what, and when it was first seen.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from muniment.catalog.ai_services import load_ai_services
from muniment.ingest.batch import Counts
from muniment.ingest.mapping import MappedRow
from muniment.ingest.writing import Import
from muniment.model.times import now
from muniment.store.records_writer import RecordPut

USE, SCAN = "discovered_use", "discovery_scan"
_SCHEMA = """
create table use (service text, unit text, kind text, found_in text, first text, last text,
    visits int, primary key (service, unit)) without rowid;
create table person (service text, unit text, who blob, primary key (service, unit, who))
    without rowid;
"""


@dataclass(frozen=True, slots=True)
class _Use:
    service: str
    unit: str
    kind: str
    found_in: str
    first: str | None
    last: str | None
    visits: int
    users: int

    @property
    def id(self) -> str:
        """Known by service and unit for ever, so that each finding of it adds to the same."""
        text = f"{self.service}\n{self.unit}"
        return "use-" + hashlib.sha256(text.encode()).hexdigest()[:28]


class VisitGatherer:
    """Collects the visits of one import; `write` states what they found."""

    def __init__(self, one: Import, counts: Counts) -> None:
        self._import = one
        self._counts = counts
        self._own: frozenset[str] | None = None
        self._last: str | None = None
        self._found_in = "proxy"
        self._any = False
        # A private file that is deleted at close: memory stays bounded for any number of visits.
        self._sql = sqlite3.connect("", isolation_level=None)
        self._sql.executescript(f"pragma journal_mode = off; begin; {_SCHEMA}")

    def add(self, row: MappedRow) -> bool:
        """Take a visit; False where it is no use of AI that anybody need discover."""
        self._any = True
        visit = row.values
        seen = visit.get("seen_at")
        self._last = max(filter(None, (self._last, seen)), default=None)
        self._found_in = visit.get("found_in", self._found_in)
        service = load_ai_services().service_of(visit["host"])
        if service is None or visit.get("user_ref") in self._registered():
            return False
        unit = visit.get("business_unit", "")
        self._sql.execute(
            "insert into use values (?, ?, ?, ?, ?, ?, 1) on conflict do update set"
            " visits = visits + 1, first = coalesce(min(first, excluded.first), first,"
            " excluded.first), last = coalesce(max(last, excluded.last), last, excluded.last)",
            (service.service, unit, visit.get("kind", service.kind), self._found_in, seen, seen),
        )
        if "user_ref" in visit:
            who = hashlib.sha256(visit["user_ref"].lower().encode()).digest()
            self._sql.execute(
                "insert or ignore into person values (?, ?, ?)", (service.service, unit, who)
            )
        return True

    def write(self) -> None:
        """State each use, and that the log was searched; nothing where no visit came."""
        if not self._any:
            return
        one = self._import
        held = {row[f"{USE}_id"]: row for row in one.store.records.rows_as_of(USE, now(), now())}
        uses = list(self._uses())
        puts = [_merged(use, held.get(use.id), one.started_at) for use in uses]
        scan = self._scan(len(uses))
        shared = {"recorded_by": one.recorded_by, "source_id": one.source_id,
                  "import_batch_id": one.batch_id}  # fmt: skip
        with one.store.records.writing() as writer:
            outcomes = writer.put_many(USE, puts, **shared)
            writer.put_many(SCAN, [scan], **shared)
        for use, outcome in zip(uses, outcomes, strict=True):
            said = str(outcome)
            new = said != "unchanged"
            self._counts.imported += said == "inserted"
            self._counts.superseding += new and said != "inserted"
            self._counts.duplicate += use.visits - new  # a visit to what is found already

    def close(self) -> None:
        """Give back what was held."""
        self._sql.close()

    def _uses(self) -> Iterator[_Use]:
        query = """
            select u.*, (select count(*) from person p where p.service = u.service
            and p.unit = u.unit) from use u order by service, unit"""
        for row in self._sql.execute(query):
            yield _Use(*row)

    def _scan(self, findings: int) -> RecordPut:
        """That a log was searched, as far as it goes: an old log proves no new search."""
        one = self._import
        until = self._last or one.started_at
        text = f"{one.source_id}\n{self._found_in}\n{until}"
        values = {
            f"{SCAN}_id": "scan-" + hashlib.sha256(text.encode()).hexdigest()[:27],
            "found_in": self._found_in,
            "scanned_at": until,
            "findings": findings,
        }
        return RecordPut(values, until)

    def _registered(self) -> frozenset[str]:
        """Identities of registered agents: their calls are known use."""
        if self._own is None:
            agents = self._import.store.records.rows_as_of("agent", now(), now())
            ids = {row[name] for row in agents for name in ("agent_id", "identity_ref")}
            self._own = frozenset(each for each in ids if each)
        return self._own


def _merged(use: _Use, held: dict[str, Any] | None, started_at: str) -> RecordPut:
    """The use with what was known of it: decisions stay, first and last sight widen."""
    values = {
        f"{USE}_id": use.id,
        "service": use.service,
        "kind": use.kind,
        "found_in": use.found_in,
        "business_unit": use.unit or None,
        "users": use.users or None,
        "first_seen_at": use.first,
        "last_seen_at": use.last,
        "decision": "undecided",
    }
    since = use.first or started_at
    if held is not None:
        kept = {n: v for n, v in held.items() if n in _KEPT and v is not None}
        first = [t for t in (held["first_seen_at"], use.first) if t]
        last = [t for t in (held["last_seen_at"], use.last) if t]
        values |= kept | {
            "users": max(held["users"] or 0, use.users) or None,
            "first_seen_at": min(first, default=None),
            "last_seen_at": max(last, default=None),
        }
        # A change of what is known holds from the last sight on, and never before its own start.
        since = max(str(held["valid_from"]), min(use.last or started_at, started_at))
        if all(held.get(name) == value for name, value in values.items()):
            since = str(held["valid_from"])
    return RecordPut({n: v for n, v in values.items() if v is not None}, since)


_KEPT = frozenset({"decision", "decided_by", "decided_at", "agent_id", "kind", "found_in"})
