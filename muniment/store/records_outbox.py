"""The transactional outbox: what must be sealed commits with the change that it tells of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, bindparam, func, insert, select, update

from muniment.errors import StoreError
from muniment.integrity.canonical import canonical_json
from muniment.model.records import RecordTable
from muniment.store.tables import OUTBOX


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """One change that waits to be sealed. `payload` is canonical JSON, `op` its kind of change.

    target_ref: the record row's id, or the noted thing's id where it has one.
    """

    seq: int
    created_at: str
    recorded_by: str
    subject: str
    payload: str
    op: str
    target_ref: str | None


@dataclass(frozen=True, slots=True)
class OutboxPointer:
    """Where a change of a record row lies in the log.

    segment_no, leaf_index and event_id are None until it is sealed.
    """

    seq: int
    created_at: str
    recorded_by: str
    subject: str
    op: str
    segment_no: int | None
    leaf_index: int | None
    event_id: str | None


MAX_SEALED = 5_000  # marked in one call of write_sealed
SealedAt = tuple[int, int, str]  # segment number, leaf index, event id


def insert_entry(table: RecordTable, row: Mapping[str, Any], recorded_by: str) -> dict[str, Any]:
    """The outbox row of an inserted record row: the row as it was first known.

    recorded_by: who caused it (a row that was only shortened still names its first recorder). A row
    that its own transaction replaced is inserted here and superseded by an entry of its own.
    """
    known = {column.name: row[column.name] for column in table.all_columns}
    known["superseded_at"] = None
    content = {"op": "insert", "table": table.name, "row": known}
    return _entry(row["recorded_at"], recorded_by, table.name, row["row_id"], content)


def supersede_entry(table: RecordTable, row_id: str, at: str, recorded_by: str) -> dict[str, Any]:
    """The outbox row of a record row that gives way."""
    content = {"op": "supersede", "table": table.name, "row_id": row_id, "superseded_at": at}
    return _entry(at, recorded_by, table.name, row_id, content)


def note_entry(
    subject: str, content: Mapping[str, Any], at: str, recorded_by: str
) -> dict[str, Any]:
    """The outbox row of something else that must be sealed; `content["id"]` becomes its target."""
    reference = content.get("id")
    note = {"op": "note", "table": subject, "row": dict(content)}
    return _entry(at, recorded_by, subject, None if reference is None else str(reference), note)


def _entry(
    at: str, recorded_by: str, subject: str, target: str | None, content: dict[str, Any]
) -> dict[str, Any]:
    return {
        "created_at": at,
        "recorded_by": recorded_by,
        "subject": subject,
        "op": content["op"],
        "target_ref": target,
        "payload": canonical_json(without_nulls(content)),
    }


def without_nulls(content: Mapping[str, Any]) -> dict[str, Any]:
    """The mapping without its None values, at every depth."""
    return {
        key: without_nulls(value) if isinstance(value, dict) else value
        for key, value in content.items()
        if value is not None
    }


def add_entries(connection: Connection, entries: list[dict[str, Any]]) -> None:
    """Write outbox rows in the transaction of the change."""
    if entries:
        connection.execute(insert(OUTBOX), entries)


def read_pending(connection: Connection, limit: int) -> list[OutboxRow]:
    """The oldest changes that wait to be sealed."""
    columns = [OUTBOX.c[name] for name in OutboxRow.__slots__]
    chosen = select(*columns).where(OUTBOX.c.payload.is_not(None)).order_by(OUTBOX.c.seq)
    return [OutboxRow(*row) for row in connection.execute(chosen.limit(limit))]


def count_pending(connection: Connection) -> int:
    """How many changes wait to be sealed."""
    counted = select(func.count()).select_from(OUTBOX).where(OUTBOX.c.payload.is_not(None))
    return int(connection.execute(counted).scalar_one())


def write_sealed(connection: Connection, places: Mapping[int, SealedAt]) -> None:
    """Drop the bodies of sealed changes and keep where they lie.

    Saying the same again is harmless (a sealer that was killed repeats itself); saying another
    place for a change that is sealed already is a StoreError.
    """
    if not places:
        return
    parameters = [
        {"at_seq": seq, "at_segment": segment, "at_leaf": leaf, "at_event": event_id}
        for seq, (segment, leaf, event_id) in places.items()
    ]
    sealed = (
        update(OUTBOX)
        .where(OUTBOX.c.seq == bindparam("at_seq"))
        .where(OUTBOX.c.payload.is_not(None))
        .values(
            payload=None,
            segment_no=bindparam("at_segment"),
            leaf_index=bindparam("at_leaf"),
            event_id=bindparam("at_event"),
        )
    )
    connection.execute(sealed, parameters)
    _check_sealed(connection, places)


def _check_sealed(connection: Connection, places: Mapping[int, SealedAt]) -> None:
    columns = (OUTBOX.c.seq, OUTBOX.c.segment_no, OUTBOX.c.leaf_index, OUTBOX.c.event_id)
    chosen = select(*columns).where(OUTBOX.c.seq.in_(list(places)))
    found = {row[0]: (row[1], row[2], row[3]) for row in connection.execute(chosen)}
    for seq, place in places.items():
        if found.get(seq) != tuple(place):
            state = f"sealed at {found[seq]}" if seq in found else "absent"
            raise StoreError(
                f"outbox entry `{seq}` cannot be marked as sealed at {place}: it is {state}. "
                "Run `muniment status --verify`; records and audit log are of different moments."
            )


def read_pointers(connection: Connection, target_ref: str) -> Iterable[OutboxPointer]:
    """Every change of one row, oldest first, with its place in the log."""
    columns = [OUTBOX.c[name] for name in OutboxPointer.__slots__]
    chosen = select(*columns).where(OUTBOX.c.target_ref == target_ref).order_by(OUTBOX.c.seq)
    return [OutboxPointer(*row) for row in connection.execute(chosen)]


def read_sealed_inserts(connection: Connection, row_ids: Sequence[str]) -> dict[str, str]:
    """The log's entry of the insertion of each row, by row id; none for what is not sealed yet."""
    found: dict[str, str] = {}
    for start in range(0, len(row_ids), MAX_SEALED):
        some = row_ids[start : start + MAX_SEALED]
        chosen = select(OUTBOX.c.target_ref, OUTBOX.c.event_id).where(
            OUTBOX.c.op == "insert", OUTBOX.c.event_id.is_not(None), OUTBOX.c.target_ref.in_(some)
        )
        found.update({str(row[0]): str(row[1]) for row in connection.execute(chosen)})
    return found


def read_noted(connection: Connection, subject: str) -> list[str]:
    """The targets of all notes on a subject, in the order of their writing."""
    chosen = select(OUTBOX.c.target_ref).where(OUTBOX.c.op == "note", OUTBOX.c.subject == subject)
    found = connection.execute(chosen.order_by(OUTBOX.c.seq)).scalars()
    return [str(target) for target in found if target is not None]
