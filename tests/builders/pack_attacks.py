"""Attackers on an evidence pack: what each may touch, and how each does his best with it.

Powers. `file`: what lies beside the PDF, and the PDF's bytes. `pack`: manifest, attachments and
pages too, so that all of it is made to fit, under a key of the attacker's own. `pack and key`: the
owner's signing key as well. With these two, the log is written anew where it must show the change.
"""

from __future__ import annotations

import json
import random
import re
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any

import pydyf
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from muniment.evidence.pack_note import note_line, with_note
from muniment.evidence.pack_signature import prepared, with_signature
from muniment.evidence.verify import sha256, split_pdf
from muniment.integrity.canonical import canonical_json
from muniment.integrity.checkpoints import checkpoint_text, header_leaves, key_text
from muniment.integrity.headers import FIRST_PREVIOUS
from muniment.integrity.merkle import MerkleTree, leaf_hash, merkle_root
from muniment.integrity.notes import public_key, sign_note
from muniment.reporting.signature_field import leave_place
from muniment.sealing.certificates import Certificate

PDF, NOTE, MANIFEST = "evidence_pack.pdf", "pack.note", "manifest.json"
POWERS = ("file", "pack", "pack and key")
DAY = "2026-11-20T09:00:00.000000000Z"
Json = dict[str, Any]


@dataclass
class PackAttacker:
    """One attacker at one pack in memory. owner: the log's signing key. new_log: see `forge`."""

    files: dict[str, bytes]
    power: str
    owner: Ed25519PrivateKey
    dice: random.Random
    pages: bytes = b"BT ET"
    new_log: bool = False
    keeps_sample: bool = False
    certificate: Certificate | None = None
    done: str = ""
    own: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)

    @property
    def private(self) -> Ed25519PrivateKey:
        return self.owner if self.power == "pack and key" else self.own

    @property
    def origin(self) -> str:
        return self.files["checkpoint.note"].decode().split("\n")[0]

    def rows(self, name: str) -> list[Json]:
        return [json.loads(line) for line in self.files[name].splitlines()]

    def put(self, name: str, rows: list[Json]) -> None:
        self.files[name] = "".join(canonical_json(row) + "\n" for row in rows).encode()

    def write(self, folder: Path) -> None:
        """Lay the pack down, made to fit as far as the power reaches."""
        if self.power != "file":
            if self.new_log:
                self.forge()
            elif self.power == "pack" and self.done != "added":
                self.add_key()
            self.refit()
        folder.mkdir()
        for name, content in self.files.items():
            (folder / name).write_bytes(content)

    def forge(self) -> None:
        """A log of one segment in which every attached entry lies, and the head over it."""
        if not self.keeps_sample:
            self.draw_again()
        entries = self.rows("entries.jsonl")
        digests = {"document_sha256": sha256(self.files["assessment.json"]),
                   "items_sha256": sha256(self.files["items.jsonl"])}  # fmt: skip
        for row in entries:
            change = json.loads(row["payload"]) if row["entry_kind"] == "record" else {}
            if change.get("table") == "assessment" and change.get("op") != "insert":
                change["row"].update(digests)
                row["payload"] = canonical_json(change)
        self.put("entries.jsonl", entries)
        tree = MerkleTree([leaf_hash(line) for line in self.files["entries.jsonl"].splitlines()])
        proofs = [
            {"event_id": row["event_id"], "segment": 1, "leaf_index": at,
             "path": [step.hex() for step in tree.inclusion(at)]}
            for at, row in enumerate(entries)
        ]  # fmt: skip
        self.put("proofs.jsonl", proofs)
        header = self.rows("headers.jsonl")[0]
        changed = {"entry_count": tree.size, "merkle_root": tree.root.hex(), "sequence_no": 1,
                   "previous_header_hash": FIRST_PREVIOUS}  # fmt: skip
        self.put("headers.jsonl", [{**header, **changed}])
        self.sign_head()

    def draw_again(self) -> None:
        """Samples drawn as from an empty log, since the heads that gave their seeds are gone."""
        document, rows = json.loads(self.files["assessment.json"]), self.rows("items.jsonl")
        clock = document["assessment"]["clock"]
        period = f"{clock['period_start']}/{clock['period_end']}"
        for test in [t for c in document["assessment"]["controls"] for t in c["tests"]]:
            if not test.get("sample_seed"):
                continue
            key = (test["control_id"], test["test_id"])
            test["sample_seed"] = sha256("|".join((FIRST_PREVIOUS, *key, period)).encode())
            test["sample_seed_basis"] = "the log was empty"
            drawn = [r for r in rows if r["listed_as"] == "sample"
                     and (r["control_id"], r["test_id"]) == key]  # fmt: skip
            ids = {*test["population_ids"], *(row["item_id"] for row in drawn)}
            ranked = sorted(ids, key=lambda i: (sha256((test["sample_seed"] + i).encode()), i))
            for row, item_id in zip(drawn, ranked, strict=False):
                row["item_id"] = item_id
        self.put("items.jsonl", rows)
        self.files["assessment.json"] = (canonical_json(document) + "\n").encode()

    def sign_head(self) -> None:
        """A head over the headers as they are; without the owner's key, one's own introduces it."""
        headers, signer = self.rows("headers.jsonl"), (self.origin, self.private)
        root = merkle_root(header_leaves(headers))
        text = checkpoint_text(self.origin, len(headers), root, DAY)
        self.files["checkpoint.note"] = sign_note(text, signer).encode()
        note = key_text(self.origin, 1, public_key(*signer), 0, DAY)
        self.put("keys.jsonl", [{"note": sign_note(note, signer)}])

    def add_key(self) -> None:
        """A key of one's own behind the owner's, to sign other pages while the head stays."""
        rows, signer = self.rows("keys.jsonl"), (self.origin, self.own)
        size = int(self.files["checkpoint.note"].decode().split("\n")[1])
        text = key_text(self.origin, len(rows) + 1, public_key(*signer), size, DAY)
        self.put("keys.jsonl", [*rows, {"note": sign_note(text, signer)}])

    def refit(self) -> None:
        """Manifest, PDF and note as they would be of these files."""
        manifest = json.loads(self.files.pop(MANIFEST))
        self.files.pop(PDF), self.files.pop(NOTE, None)
        kept = [each for each in manifest["files"] if each["name"] in self.files]
        added = [{"name": name, "number": "E-999"} for name in self.files.keys()
                 - {each["name"] for each in kept}]  # fmt: skip
        for entry in (*kept, *added):
            content = self.files[entry["name"]]
            entry["sha256"], entry["bytes"] = sha256(content), len(content)
        manifest["files"] = [*kept, *added]
        inputs = manifest["inputs"]
        inputs["files"] = {each["name"]: each["sha256"] for each in (*kept, *added)}
        manifest["pack_id"] = "MP-" + sha256(canonical_json(inputs).encode())[:12]
        text = (canonical_json(manifest) + "\n").encode()
        place = self.certificate is not None
        pdf = print_pdf({MANIFEST: text, **self.files}, self.pages, place=place)
        if place:
            pdf = prepared(pdf, len(note_line(self._note(manifest, text, pdf))))
        note = self._note(manifest, text, pdf)
        pdf = with_note(pdf, note)
        pdf = with_signature(pdf, self.certificate) if self.certificate else pdf
        self.files |= {MANIFEST: text, PDF: pdf, NOTE: note.encode()}

    def _note(self, manifest: Json, text: bytes, pdf: bytes) -> str:
        bare = split_pdf(pdf)[0]
        lines = ("muniment pack", self.origin, manifest["pack_id"], sha256(text), sha256(bare))
        return sign_note("".join(f"{line}\n" for line in lines), (self.origin, self.private))


def print_pdf(files: dict[str, bytes], pages: bytes, *, place: bool = False) -> bytes:
    """A PDF of one page with these attachments, laid out as WeasyPrint does by the same library."""
    pdf = pydyf.PDF()
    content = pydyf.Stream([pages], compress=True)
    pdf.add_object(content)
    box = pydyf.Array([0, 0, 99, 99])
    page = {"Type": "/Page", "MediaBox": box, "Contents": content.reference}
    pdf.add_page(pydyf.Dictionary({**page, "Parent": pdf.pages.reference}))
    names = pydyf.Array([])
    for name, held in files.items():
        extra = {"Type": "/EmbeddedFile", "Subtype": "/application#2foctet-stream"}
        stream = pydyf.Stream([held], extra, compress=True)
        packed = zlib.compress(held)
        stream.stream, stream.compress = [packed], False
        stream.extra |= {"Filter": "/FlateDecode", "Length": len(packed)}
        pdf.add_object(stream)
        given, label = pydyf.Dictionary({"F": stream.reference}), pydyf.String(name)
        parts = {"Type": "/Filespec", "F": label, "UF": label, "EF": given}
        specification = pydyf.Dictionary(parts)
        pdf.add_object(specification)
        names.extend([label, specification.reference])
    listed = pydyf.Dictionary({"Names": names})
    pdf.add_object(listed)
    pdf.catalog["Names"] = pydyf.Dictionary({"EmbeddedFiles": listed.reference})
    if place:
        leave_place(pdf, datetime(2026, 11, 20, tzinfo=UTC))
    sink = BytesIO()
    pdf.write(sink, version=b"1.7", identifier=b"x", compress=True)
    return sink.getvalue()


Attack = Callable[[PackAttacker], None]
ROWS = ("items.jsonl", "entries.jsonl", "headers.jsonl", "proofs.jsonl", "keys.jsonl")


def flip_bit(a: PackAttacker) -> None:
    """One bit of any file; with more power, of the PDF after all else was made to fit."""
    if a.power != "file":
        a.refit()
    held = sorted(name for name in a.files if a.files[name]) if a.power == "file" else [PDF]
    name = a.dice.choice(held)
    content = bytearray(a.files[name])
    at = a.dice.randrange(len(content))
    content[at] ^= 1 << a.dice.randrange(8)
    a.files[name], a.power, a.done = bytes(content), "file", f"{name} at {at}"


def edit_item(a: PackAttacker) -> None:
    rows = a.rows("items.jsonl")
    row = a.dice.choice(rows)
    row["reason"], row["outcome"] = f"{row['reason']}.", a.dice.choice(["pass", "exception"])
    a.put("items.jsonl", rows)
    a.new_log = True


def edit_entry(a: PackAttacker) -> None:
    rows = a.rows("entries.jsonl")
    row = a.dice.choice([row for row in rows if row["entry_kind"] == "event"])
    row[a.dice.choice(["agent_id", "outcome", "event_time"])] = "2026-11-01T08:00:00.000000000Z"
    a.put("entries.jsonl", rows)
    a.new_log = True


def edit_assessment(a: PackAttacker) -> None:
    content = a.files["assessment.json"]
    old, new = a.dice.choice(
        [(b'"state":"fail"', b'"state":"pass"'), (b'"run_by":"', b'"run_by":"x')]
    )
    a.files["assessment.json"] = content.replace(old, new, 1)
    a.new_log = True


def back_date(a: PackAttacker) -> None:
    document = json.loads(a.files["assessment.json"])
    document["assessment"]["finished_at"] = DAY
    a.files["assessment.json"] = (canonical_json(document) + "\n").encode()
    a.new_log = True


def change_sample(a: PackAttacker) -> None:
    """Another seed, or another item drawn, as who would leave an exception out of a sample."""
    document, rows = json.loads(a.files["assessment.json"]), a.rows("items.jsonl")
    tests = [t for c in document["assessment"]["controls"] for t in c["tests"]
             if t.get("sample_seed")]  # fmt: skip
    test = a.dice.choice(tests)
    key = ("sample", test["control_id"], test["test_id"])
    drawn = [row for row in rows if (row["listed_as"], row["control_id"], row["test_id"]) == key]
    a.keeps_sample = True
    if a.dice.random() < 0.5 or len(drawn) < 2:
        test["sample_seed"] = f"{a.dice.getrandbits(256):064x}"
    else:
        rows.remove(a.dice.choice(drawn[:-1]))
    a.put("items.jsonl", rows)
    a.files["assessment.json"] = (canonical_json(document) + "\n").encode()
    a.new_log = True


def excuse_item(a: PackAttacker) -> None:
    """Take an entry out and say that it was erased."""
    entries, proofs = a.rows("entries.jsonl"), a.rows("proofs.jsonl")
    at = a.dice.choice([n for n, row in enumerate(entries) if row["entry_kind"] == "event"])
    gone = entries.pop(at)
    proofs.pop(at)
    a.put("entries.jsonl", entries), a.put("proofs.jsonl", proofs)
    row = {"evidence_ref": f"event/{gone['event_id']}", "reason": "erased"}
    a.put("unproven.jsonl", [row])
    a.new_log = True


def edit_sign_off(a: PackAttacker) -> None:
    """Somebody signs who never did."""
    manifest = json.loads(a.files[MANIFEST])
    manifest["inputs"]["signed_off"] = [
        {"role": "reviewer", "person_id": "mallory", "signed_at": DAY, "sign_off_id": "x"}
    ]
    a.files[MANIFEST] = (canonical_json(manifest) + "\n").encode()


def edit_table(a: PackAttacker) -> None:
    name = a.dice.choice(["items.csv", "requirement_matrix.csv", "matrix_and_exceptions.xlsx"])
    a.files[name] = a.files[name] + b"1\n"


def edit_pages(a: PackAttacker) -> None:
    a.pages = b"BT (all is well) Tj ET"
    if a.power == "file":
        content = bytearray(a.files[PDF])
        streams = [m.end() for m in re.finditer(rb"stream\n", content)]
        content[a.dice.choice(streams[: len(streams) // 2]) + 9] ^= 1
        a.files[PDF] = bytes(content)


def replace_verifier(a: PackAttacker) -> None:
    a.files["verify.py"] = b"print('Key and head are confirmed.')\n"


def delete_file(a: PackAttacker) -> None:
    del a.files[a.dice.choice(["items.jsonl", "entries.jsonl", "proofs.jsonl", "verify.py"])]


def insert_file(a: PackAttacker) -> None:
    a.files["more.jsonl"] = b'{"a":1}\n'


def swap_files(a: PackAttacker) -> None:
    one, two = a.dice.sample(["items.jsonl", "entries.jsonl", "headers.jsonl", "items.csv"], 2)
    a.files[one], a.files[two] = a.files[two], a.files[one]


def cut_tail(a: PackAttacker) -> None:
    """Back to fewer headers, as if the log had ended there."""
    rows = a.rows("headers.jsonl")
    a.put("headers.jsonl", rows[: a.dice.randint(1, len(rows) - 1)])
    if a.power != "file":
        a.sign_head()


def delete_entry(a: PackAttacker) -> None:
    entries, proofs = a.rows("entries.jsonl"), a.rows("proofs.jsonl")
    at = a.dice.randrange(len(entries))
    entries.pop(at), proofs.pop(at)
    a.put("entries.jsonl", entries), a.put("proofs.jsonl", proofs)
    a.new_log = True


def reorder_entries(a: PackAttacker) -> None:
    entries = a.rows("entries.jsonl")
    at = a.dice.randrange(len(entries) - 1)
    entries[at], entries[at + 1] = entries[at + 1], entries[at]
    a.put("entries.jsonl", entries)
    a.new_log = True


def slip_in_a_key(a: PackAttacker) -> None:
    """The head stays the owner's; other pages are signed by a key that nobody vouches for."""
    a.add_key()
    a.pages, a.done = b"BT (all is well) Tj ET", "added"


def shadow_attachment(a: PackAttacker) -> None:
    """An update hung on the PDF that gives a reader another file under the same name."""
    pdf = a.files[PDF]
    number = re.search(rb"(\d+) 0 obj\n<</Type /EmbeddedFile", pdf)
    assert number
    packed = zlib.compress(b"{}\n")
    at = len(pdf)
    added = b"%b 0 obj\n<</Filter /FlateDecode/Length %d>>\nstream\n%b\nendstream\nendobj\n" % (
        number[1], len(packed), packed)  # fmt: skip
    table = b"xref\n%b 1\n%010d 00000 n \ntrailer\n<</Prev 1>>\nstartxref\n%d\n%%%%EOF\n" % (
        number[1], at, at + len(added))  # fmt: skip
    if a.power != "file":
        a.refit()
    a.files[PDF], a.power = a.files[PDF] + added + table, "file"


def strip_note(a: PackAttacker) -> None:
    """Take the signature over the pages away, and change a table."""
    edit_table(a)
    if a.power != "file":
        a.refit()
        a.power = "file"
    a.files[PDF] = split_pdf(a.files[PDF])[0]
    a.files.pop(NOTE)


ATTACKS: dict[str, Attack] = {
    "flip a bit": flip_bit,
    "edit an item": edit_item,
    "edit an entry": edit_entry,
    "edit the assessment": edit_assessment,
    "back-date the assessment": back_date,
    "change a sample or its seed": change_sample,
    "say of an item that it was erased": excuse_item,
    "forge a sign-off": edit_sign_off,
    "edit a table": edit_table,
    "edit the pages": edit_pages,
    "replace verify.py": replace_verifier,
    "delete a file": delete_file,
    "insert a file": insert_file,
    "swap two files": swap_files,
    "cut the log's tail": cut_tail,
    "delete an entry": delete_entry,
    "reorder entries": reorder_entries,
    "slip in a key": slip_in_a_key,
    "shadow an attachment": shadow_attachment,
    "strip the pages' signature": strip_note,
}
