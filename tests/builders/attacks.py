"""Attackers on a sealed store: what each may touch, and how each does his best with it.

Powers. `data`: segments, leaf hashes, indexes and the database. `head`: headers, checkpoints, key
notes and receipts too, so that all of it is made to fit, under a key of the attacker's own. `key`:
the owner's signing key and what lies beside it, so that the owner's signature stands under it.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from muniment.integrity.checkpoints import (
    Checkpoint,
    checkpoint_text,
    header_leaves,
    key_text,
    origin_of,
)
from muniment.integrity.merkle import merkle_root
from muniment.integrity.notes import public_key, sign_note
from muniment.sealing.anchors import Anchor, held_at, read_anchor
from muniment.sealing.heads import seal_and_sign
from muniment.sealing.keys import KEY_VARIABLE, new_key, signing_key
from muniment.sealing.log import AuditLog
from muniment.sealing.outbox import event_id_of
from muniment.sealing.segments import file_digest, write_segment
from muniment.sealing.trust import Holdings
from muniment.store.audit import AuditReader
from muniment.store.config import read_config
from muniment.store.encoder import content_digests, entry_rows, entry_table, leaf_hashes
from muniment.store.identity import build_index, write_index
from muniment.store.layout import StoreLayout
from muniment.store.open import Store, create_store, open_store
from muniment.store.records_outbox import OutboxRow
from tests.builders.entries import entry, table
from tests.builders.sealed import person

POWERS = ("data", "head", "key")
HOLDS = ("nothing", "fingerprint", "checkpoint", "anchor", "fingerprint and anchor")
DAY = "2026-11-20T09:00:00.000000000Z"


@dataclass(frozen=True)
class Template:
    """A small sealed store to copy: its folder, snapshots of earlier states, and what is elsewhere.

    snapshots: (size of the head, folder). early: the head that a verifier kept.
    """

    root: Path
    store: Path
    snapshots: tuple[tuple[int, Path], ...]
    key: Path
    anchor: Anchor
    fingerprint: str
    early: Checkpoint
    tables: tuple[pa.Table, ...]

    def holdings(self, holds: str) -> Holdings:
        heads: list[tuple[str, Checkpoint]] = []
        if "checkpoint" in holds:
            heads.append(("the checkpoint that you kept", self.early))
        if "anchor" in holds:
            heads += [(str(self.anchor), head) for head in held_at(self.anchor, self.early.origin)]
        return Holdings(self.fingerprint if "fingerprint" in holds else "", tuple(heads))

    def copy(self, to: Path) -> Store:
        shutil.copytree(self.store, to)
        return open_store(to)

    def private(self) -> Ed25519PrivateKey:
        os.environ[KEY_VARIABLE] = str(self.key)
        try:
            with open_store(self.store) as store:
                found = signing_key(store)
        finally:
            del os.environ[KEY_VARIABLE]
        assert found is not None
        return found.private


def make_template(root: Path, dice: random.Random) -> Template:
    """Six or so segments of events and records, three signed heads, each anchored."""
    (root / "far").mkdir(parents=True)
    anchor = read_anchor(f"folder:{root / 'far'}")
    os.environ[KEY_VARIABLE] = str(root / "vault" / "log.pem")
    try:
        with create_store(
            root / "store", organisation="Example Ltd", time_zone="Europe/Berlin",
            recorded_by="founder@example.org",
        ) as store:  # fmt: skip
            key = new_key(store, by="founder@example.org", to=root / "vault" / "log.pem")
            heads, snapshots = [], []
            for step in range(3):
                if step % 2 == 0:
                    person(store, f"p{step}", f"Person {step}")
                count = dice.randint(3, 9)
                rows = [entry(f"{step}-{n}", amount=f"{n}.000000000") for n in range(count)]
                AuditLog(store).append(table(*rows))
                head = seal_and_sign(store, (anchor,)).checkpoint
                assert head is not None
                heads.append(head)
                shutil.copytree(root / "store", root / f"snapshot-{step}")
                snapshots.append((head.size, root / f"snapshot-{step}"))
            reader = AuditReader(store.layout)
            tables = tuple(reader.table(segment) for segment in reader.segments())
    finally:
        del os.environ[KEY_VARIABLE]
    return Template(
        root, root / "store", tuple(snapshots), key.path, anchor, key.public.fingerprint,
        heads[1], tables,
    )  # fmt: skip


@dataclass
class Attacker:
    """One attacker at one copy of the store."""

    template: Template
    store: Store
    power: str
    dice: random.Random

    @property
    def layout(self) -> StoreLayout:
        return self.store.layout

    def tables(self) -> list[pa.Table]:
        return list(self.template.tables)

    def chosen(self) -> tuple[int, list[dict[str, object]]]:
        """A segment of events (its number) and its rows."""
        found = [
            (number, entry_rows(held))
            for number, held in enumerate(self.tables(), start=1)
            if held.num_rows > 2
        ]
        return self.dice.choice(found)

    def replace(self, changed: dict[int, pa.Table | None]) -> None:
        """Give segments other contents (None: drop them) and make fit what the power reaches."""
        tables = self.tables()
        if self.power == "data":
            for number, held in changed.items():
                self._replace_file(number, held)
            return
        kept = [changed.get(number, held) for number, held in enumerate(tables, start=1)]
        self.write_anew([held for held in kept if held is not None], min(changed))

    def _replace_file(self, number: int, held: pa.Table | None) -> None:
        reader = AuditReader(self.layout)
        path = reader.segment(number).path
        if held is None:
            path.unlink()
            return
        import pyarrow.parquet as pq

        pq.write_table(held, path, compression="zstd")
        self.layout.leaves_file(number).write_bytes(b"".join(leaf_hashes(held)))
        index = build_index(held.column("event_id").to_pylist(), content_digests(held))
        write_index(self.layout.index_file(number), index, file_digest(path)[0])

    def write_anew(self, tables: list[pa.Table], first: int) -> None:
        """Write segments `first` and on anew with headers that chain, then sign what is left."""
        reader = AuditReader(self.layout)
        for segment in reader.segments():
            if segment.no >= first:
                segment.path.unlink()
                self.layout.header_file(segment.no).unlink()
                self.layout.leaves_file(segment.no).unlink()
                self.layout.index_file(segment.no).unlink(missing_ok=True)
        previous = AuditReader(self.layout).segment(first - 1) if first > 1 else None
        for held in tables[first - 1 :]:
            previous = write_segment(self.layout, held, previous)
        self._fit_records()
        for path in self.layout.checkpoints.glob("*.note"):
            if int(path.name[:10]) >= first:
                path.unlink()
        self.sign()

    def sign(self) -> None:
        origin = origin_of(read_config(self.layout.config_file).store_id)
        private = self.template.private() if self.power == "key" else Ed25519PrivateKey.generate()
        if self.power == "head":
            for path in (*self.layout.checkpoints.glob("*"), *self.layout.key_notes.glob("*")):
                path.unlink()
            note = key_text(origin, 1, public_key(origin, private), 0, DAY)
            self.layout.key_note(1).write_text(sign_note(note, (origin, private)))
        headers = [dict(s.header) for s in AuditReader(self.layout).segments()]
        if headers:
            root = merkle_root(header_leaves(headers))
            text = checkpoint_text(origin, len(headers), root, DAY)
            path = self.layout.checkpoint_file(len(headers))
            path.write_text(sign_note(text, (origin, private)))

    def _fit_records(self) -> None:
        """Make the database say of the log what the log now holds."""
        changes = list(AuditReader(self.layout).record_changes())
        with sqlite3.connect(self.layout.records_file) as database:
            told = {change.seq: change for change in changes}
            for (seq,) in database.execute("select seq from outbox").fetchall():
                if seq not in told:
                    database.execute("delete from outbox where seq = ?", [seq])
            for seq, change in told.items():
                place = [change.segment_no, change.row, change.event_id, seq]
                database.execute(
                    "update outbox set segment_no = ?, leaf_index = ?, event_id = ? where seq = ?",
                    place,
                )
            rows = {json.loads(change.payload).get("row", {}).get("row_id") for change in changes}
            for (row_id,) in database.execute("select row_id from person").fetchall():
                if row_id not in rows:
                    database.execute("delete from person where row_id = ?", [row_id])
        database.close()


Attack = Callable[[Attacker], None]


def edit_value(a: Attacker) -> None:
    number, rows = a.chosen()
    row = a.dice.choice(rows)
    name = a.dice.choice(("agent_id", "operation_name", "outcome", "user_ref", "salt"))
    row[name] = f"{row.get(name) or ''}x" if name != "salt" else f"{a.dice.getrandbits(128):032x}"
    a.replace({number: entry_table(rows)})


def back_date(a: Attacker) -> None:
    number, rows = a.chosen()
    a.dice.choice(rows)["event_time"] = "2026-11-01T08:00:00.000000000Z"
    a.replace({number: entry_table(rows)})


def delete_row(a: Attacker) -> None:
    number, rows = a.chosen()
    rows.pop(a.dice.randrange(len(rows)))
    a.replace({number: entry_table(rows)})


def insert_row(a: Attacker) -> None:
    number, rows = a.chosen()
    rows.insert(a.dice.randrange(len(rows) + 1), entry(f"forged {a.dice.random()}"))
    a.replace({number: entry_table(rows)})


def reorder_rows(a: Attacker) -> None:
    number, rows = a.chosen()
    at = a.dice.randrange(len(rows) - 1)
    rows[at], rows[at + 1] = rows[at + 1], rows[at]
    a.replace({number: entry_table(rows)})


def drop_segment(a: Attacker) -> None:
    number, _ = a.chosen()
    a.replace({number: None})


def reorder_segments(a: Attacker) -> None:
    tables = a.tables()
    at = a.dice.randrange(1, len(tables))
    a.replace({at: tables[at], at + 1: tables[at - 1]})


def flip_byte(a: Attacker) -> None:
    """One bit, anywhere that the power reaches and that says anything."""
    folders = [a.layout.segments, a.layout.leaves]
    if a.power != "data":
        folders += [a.layout.headers, a.layout.checkpoints, a.layout.key_notes]
    paths = sorted(path for folder in folders for path in folder.rglob("*") if path.is_file())
    path = a.dice.choice(paths)
    content = bytearray(path.read_bytes())
    content[a.dice.randrange(len(content))] ^= 1 << a.dice.randrange(8)
    path.write_bytes(content)


def cut_tail(a: Attacker) -> None:
    """Back to an earlier state, database and all: there is no trace of the rest."""
    _, snapshot = a.dice.choice(a.template.snapshots[:-1])
    a.store.close()
    root = a.layout.root
    for name in ("records.sqlite", "records.sqlite-wal", "records.sqlite-shm"):
        (root / name).unlink(missing_ok=True)
    shutil.copy(snapshot / "records.sqlite", root / "records.sqlite")
    folders = ["segments", "leaves", "index"]
    if a.power != "data":
        folders += ["headers", "checkpoints", "keys", "anchors"]
    for name in folders:
        shutil.rmtree(root / "audit" / name, ignore_errors=True)
        if (snapshot / "audit" / name).exists():
            shutil.copytree(snapshot / "audit" / name, root / "audit" / name)
    a.store = open_store(root)


def edit_record(a: Attacker) -> None:
    """By SQL; with more power also in the sealed change that tells of the row."""
    with sqlite3.connect(a.layout.records_file) as database:
        rows = database.execute("select row_id from person").fetchall()
        (row_id,) = a.dice.choice(rows)
        database.execute("update person set name = 'Mallory' where row_id = ?", [row_id])
    database.close()
    if a.power == "data":
        return
    for number, held in enumerate(a.tables(), start=1):
        entries = entry_rows(held)
        for row in entries:
            if row["entry_kind"] == "record" and row_id in str(row["payload"]):
                row["payload"] = _renamed(str(row["payload"]))
                told = (row["event_time"], row["user_ref"], row["target_type"], row["payload"])
                change = OutboxRow(int(row["source_seq"]), *told, "insert", row_id)
                row["event_id"] = event_id_of(change)
                a.replace({number: entry_table(entries)})
                return


def _renamed(payload: str) -> str:
    from muniment.integrity.canonical import canonical_json

    change = json.loads(payload)
    change["row"]["name"] = "Mallory"
    return canonical_json(change)


def rewrite_from_genesis(a: Attacker) -> None:
    """Every event segment with one agent's name changed throughout."""
    changed = {}
    for number, held in enumerate(a.tables(), start=1):
        rows = entry_rows(held)
        for row in rows:
            if row["entry_kind"] == "event":
                row["agent_id"] = f"clean {row['agent_id']}"
        changed[number] = entry_table(rows)
    a.replace(changed)


def fork(a: Attacker) -> None:
    """The same beginning, another end: what one verifier saw is not what the next one sees."""
    tables = a.tables()
    at = a.dice.randrange(2, len(tables) + 1)
    other = table(*(entry(f"other {a.dice.random()}") for _ in range(4)))
    a.replace({at: other, **dict.fromkeys(range(at + 1, len(tables) + 1))})


ATTACKS: dict[str, Attack] = {
    "edit a value": edit_value,
    "flip a bit": flip_byte,
    "delete an entry": delete_row,
    "insert an entry": insert_row,
    "reorder entries": reorder_rows,
    "cut the tail with every trace": cut_tail,
    "drop a segment": drop_segment,
    "reorder segments": reorder_segments,
    "back-date an entry": back_date,
    "edit a record row by SQL": edit_record,
    "rewrite from genesis": rewrite_from_genesis,
    "fork": fork,
}
