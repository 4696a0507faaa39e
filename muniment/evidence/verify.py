"""Verify a Muniment evidence pack with nothing but Python (3.9 or newer) and this file.

python3 verify.py [PACK] [--key-fingerprint HEX] [--since CHECKPOINT ...]; PACK is the pack's folder
(this file's own unless given) or its PDF alone. Ends with 4 when something is broken, with 5 when
only trust is missing, and with 0 when your own fingerprint and checkpoint confirm key and head. Get
both, and the SHA-256 of this file, elsewhere than from the pack: key, head, data and verifier from
one hand prove nothing against that hand.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import re
import sys
import zlib
from collections import namedtuple
from pathlib import Path
from typing import Any, Iterable, Sequence

UNSIGNED, KEY_NOT_CONFIRMED, UNANCHORED = "UNSIGNED", "KEY NOT CONFIRMED", "UNANCHORED"
LIMIT, NAMED = 1 << 30, 5  # bytes that one file may unpack to; faults named in a step
UNREADABLE = (ValueError, KeyError, TypeError, IndexError, OSError, zlib.error)
Step = namedtuple("Step", "number title ok detail where open")
Note = namedtuple("Note", "text signatures")  # signatures: (name, key id, signature)
Checkpoint = namedtuple("Checkpoint", "note origin size root")  # size: headers under the root
Key = namedtuple("Key", "public after vouched")  # signs heads above `after` headers


def sha256(content: bytes) -> str:
    """SHA-256 in hex."""
    return hashlib.sha256(content).hexdigest()


def leaf_hash(content: bytes) -> bytes:
    """The hash of a leaf; its first byte keeps a node from passing for one."""
    return hashlib.sha256(b"\x00" + content).digest()


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def tree_root(leaves: Iterable[bytes]) -> bytes:
    """The root over leaf hashes (RFC 6962 section 2.1); a last node alone rises unchanged."""
    level = list(leaves)
    while len(level) > 1:
        pairs = [_node(level[i], level[i + 1]) for i in range(0, len(level) - 1, 2)]
        level = pairs + level[2 * len(pairs) :]
    return level[0] if level else hashlib.sha256(b"").digest()


def root_by_path(leaf: bytes, index: int, size: int, path: Iterable[bytes]) -> bytes | None:
    """The root to which an inclusion proof leads, or None (RFC 9162 section 2.1.3.2)."""
    node, last, current = index, size - 1, leaf
    for step in path:
        if last == 0:
            return None
        if node & 1 or node == last:
            current = _node(step, current)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            current = _node(current, step)
        node, last = node >> 1, last >> 1
    return current if last == 0 and 0 <= index < size else None


# Ed25519, RFC 8032 section 5.1: points are (x, y, z, t) with x*y = z*t.
P, ORDER = 2**255 - 19, 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P


def _add(a: Any, b: Any) -> Any:
    e, f = (a[1] - a[0]) * (b[1] - b[0]) % P, (a[1] + a[0]) * (b[1] + b[0]) % P
    g, h = 2 * a[3] * b[3] * D % P, 2 * a[2] * b[2] % P
    e, f, g, h = f - e, h - g, h + g, f + e
    return e * f % P, g * h % P, f * g % P, e * h % P


def _times(number: int, point: Any) -> Any:
    total: Any = (0, 1, 1, 0)
    while number:
        total = _add(total, point) if number & 1 else total
        point, number = _add(point, point), number >> 1
    return total


def _point(content: bytes) -> Any:
    y = int.from_bytes(content, "little")
    sign, y = y >> 255, y & ((1 << 255) - 1)
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    x = x * pow(2, (P - 1) // 4, P) % P if (x * x - square) % P else x
    if y >= P or (x * x - square) % P or (x == 0 and sign):
        return None
    x = P - x if x & 1 != sign else x
    return x, y, 1, x * y % P


BASE = _point((4 * pow(5, P - 2, P) % P).to_bytes(32, "little"))


def ed25519_holds(public: bytes, text: bytes, signature: bytes) -> bool:
    """Whether a signature of 64 bytes fits the text under a public key of 32."""
    key, r, s = _point(public), _point(signature[:32]), int.from_bytes(signature[32:], "little")
    if len(public) != 32 or len(signature) != 64 or key is None or r is None or s >= ORDER:
        return False
    h = int.from_bytes(hashlib.sha512(signature[:32] + public + text).digest(), "little") % ORDER
    one, two = _times(s, BASE), _add(r, _times(h, key))
    return all((one[i] * two[2] - two[i] * one[2]) % P == 0 for i in (0, 1))


def read_note(content: str) -> Note:
    """The C2SP signed note that a text writes; ValueError where it is none."""
    text, gap, rest = content.rpartition("\n\n")
    found = re.findall("^\u2014 (\\S+) (\\S+)$", rest, re.M)
    if not gap or not found or len(found) != rest.count("\n"):
        raise ValueError("it is no signed note")
    held = [(name, base64.b64decode(encoded, validate=True)) for name, encoded in found]
    return Note(text + "\n", [(name, each[:4], each[4:]) for name, each in held])


def signed_by(note: Note, name: str, public: bytes) -> bool:
    """Whether a good signature of this key is among the note's."""
    key_id = hashlib.sha256(name.encode() + b"\n\x01" + public).digest()[:4]
    mine = [s for n, i, s in note.signatures if (n, i) == (name, key_id)]
    return any(ed25519_holds(public, note.text.encode(), s) for s in mine)


def read_checkpoint(content: str) -> Checkpoint:
    """The checkpoint that a text writes; ValueError where it is none."""
    note = read_note(content)
    lines = note.text.split("\n")
    return Checkpoint(note, lines[0], int(lines[1]), base64.b64decode(lines[2], validate=True))


def read_keys(contents: Iterable[str], origin: str) -> list[Key]:
    """The log's keys in order, every signature checked; ValueError where one does not hold."""
    keys: list[Key] = []
    for number, content in enumerate(contents, start=1):
        note = read_note(content)
        lines = note.text[:-1].split("\n")
        name, _, written = lines[3].split("+", 2)
        key = Key(base64.b64decode(written)[1:], int(lines[4].replace("after ", "")), False)
        mine = [*lines[:3], name] == ["muniment key", origin, str(number), origin]
        late = not keys or key.after >= keys[-1].after
        if not mine or not late or not signed_by(note, origin, key.public):
            raise ValueError(f"key {number} is not introduced as a key of this log must be")
        keys.append(key._replace(vouched=bool(keys) and signed_by(note, origin, keys[-1].public)))
    return keys


def embedded_files(pdf: bytes) -> list[bytes]:
    """The contents of every embedded file of a PDF: plain Flate streams, found by their type."""
    found = []
    for match in re.finditer(rb"/Type\s*/EmbeddedFile\b", pdf):
        unpack = zlib.decompressobj()
        begin = re.compile(rb"stream\r?\n").search(pdf, match.end())
        found.append(unpack.decompress(pdf[begin.end() :], LIMIT) if begin else b"")
        if not unpack.eof:
            raise ValueError(f"an embedded file is cut short or larger than {LIMIT} bytes")
    return found


def split_pdf(pdf: bytes) -> tuple[bytes, str]:
    """The PDF as it was signed, and the pack's note, which lies in one comment near its end."""
    match = re.search(rb"^%muniment-pack-note ([A-Za-z0-9+/=]+)\n(?=startxref\n)", pdf, re.M)
    if match is None:
        return pdf, ""
    return pdf[: match.start()] + pdf[match.end() :], base64.b64decode(match.group(1)).decode()


def canonical(value: Any) -> str:
    """RFC 8785 for text, whole numbers, truth, lists and objects."""
    if isinstance(value, dict):
        pairs = sorted(value.items(), key=lambda pair: pair[0].encode("utf-16-be"))
        return "{" + ",".join(f"{canonical(k)}:{canonical(v)}" for k, v in pairs) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(canonical, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


class Verification:
    """One pack, taken apart and checked step by step. since: [(where it was kept, checkpoint)]."""

    def __init__(self, place: Path, fingerprint: str = "", since: Sequence[Any] = ()) -> None:
        digits = re.sub(r"[\s:]", "", fingerprint).lower()
        self.place, self.since, self.fingerprint = place, since, digits
        self.files, self.manifest = dict[str, bytes](), dict[str, Any]()
        self.manifest_text, self.pdf, self.note, self.open = b"", b"", "", ""
        self.head: Checkpoint | None = None
        self.keys, self.faults = list[Key](), list[str]()

    def steps(self) -> list[Step]:
        """Every step in order; where there is no pack to check, the first alone."""
        done: list[Step] = []
        for title, check in (
            ("The files are the ones that the manifest lists", self._files),
            ("The head of the log is signed", self._signature),
            ("The headers form the tree that was signed", self._headers),
            ("Every attached entry is the one that was sealed", self._entries),
            ("The assessment and its items rest on entries of the log", self._items),
            ("The samples are the draws that their seeds give", self._samples),
            ("Manifest and pages are the ones that were signed for", self._pages),
            ("The signing key is the one that you confirmed", self._key),
            ("The log continues every head that you hold", self._heads),
        ):
            self.faults, self.open, said = [], "", ""
            try:
                said = check()
            except UNREADABLE as error:
                self.faults.append(f"cannot be read: {error}")
            faults, more = tuple(self.faults), len(self.faults) - NAMED
            wrong = "; ".join(faults[:NAMED]) + (f" and {more} more" if more > 0 else "")
            still_open = "" if faults else self.open
            done.append(Step(len(done) + 1, title, not faults, wrong or said, faults, still_open))
            if not self.files:
                break
        return done

    def _need(self, holds: object, fault: str) -> None:
        self.faults += [] if holds else [fault]

    def _lines(self, name: str) -> list[bytes]:
        return self.files.get(name, b"").split(b"\n")[:-1]

    def _rows(self, name: str) -> list[Any]:
        return [json.loads(line) for line in self._lines(name)]

    def _root(self, size: int) -> bytes:
        return tree_root(map(leaf_hash, self._lines("headers.jsonl")[:size]))

    def _signers(self) -> list[Key]:
        return [key for key in self.keys if self.head and key.after < self.head.size]

    def _files(self) -> str:
        paths = sorted(self.place.iterdir()) if self.place.is_dir() else [self.place]
        loose, inside = {p.name: p.read_bytes() for p in paths if p.is_file()}, dict[str, bytes]()
        note = loose.pop("pack.note", b"").decode()
        pdfs = [name for name in loose if loose[name].startswith(b"%PDF-")]
        self._need(len(pdfs) == 1, f"there are {len(pdfs)} PDF files where one belongs")
        for name in pdfs:
            self.pdf, self.note = split_pdf(loose.pop(name))
            inside = {sha256(content): content for content in embedded_files(self.pdf)}
        self._need(note in ("", self.note or note), "pack.note is not the one in the PDF")
        self.note, beside = self.note or note, bool(loose)
        listed = [c for c in inside.values() if c[:1] == b"{" and b'"format":"muniment-pack"' in c]
        self.manifest_text = loose.pop("manifest.json", b"") if beside else b"".join(listed[:1])
        self.manifest = json.loads(self.manifest_text or b"{}")
        found = self.manifest_text in (listed or [self.manifest_text]) and self.manifest
        self._need(found, "its manifest is missing, or the PDF holds another")
        unused = inside.keys() - {sha256(self.manifest_text)}
        for entry in self.manifest.get("files", []):
            name, digest = entry["name"], entry["sha256"]
            held = (loose.pop(name, None) if beside else inside.get(digest)) or b""
            self._need(sha256(held) == digest, f"{name} is changed or missing")
            self._need(digest in (inside or [digest]), f"{name} is not in the PDF as listed")
            unused.discard(digest)
            self.files[name] = held
        self.faults += [f"{name} is not in the manifest" for name in sorted(loose)]
        self.faults += [f"the PDF holds a file that is not listed: {d}" for d in sorted(unused)]
        pack_id, inputs = self.manifest.get("pack_id"), self.manifest.get("inputs", {})
        same = {name: sha256(self.files.get(name, b"")) for name in inputs.get("files", {})}
        fits = pack_id == "MP-" + sha256(canonical(inputs).encode())[:12]
        self._need(fits and same == inputs["files"], "its id is not the digest of its inputs")
        return f"all {len(self.files)} files of {pack_id} have the digests that are listed"

    def _signature(self) -> str:
        if "checkpoint.note" not in self.files:
            self.open = UNSIGNED
            return "the log was not signed when the pack was made"
        self.head = head = read_checkpoint(self.files["checkpoint.note"].decode())
        self.keys = read_keys((row["note"] for row in self._rows("keys.jsonl")), head.origin)
        signed = [signed_by(head.note, head.origin, key.public) for key in self._signers()]
        self._need(signed[-1:] == [True], "the checkpoint is not signed by the log's key")
        return f"a checkpoint over {head.size} headers, signed by the log's key"

    def _headers(self) -> str:
        before, lines = "0" * 64, self._lines("headers.jsonl")
        for number, (line, header) in enumerate(zip(lines, self._rows("headers.jsonl")), start=1):
            whole = canonical(header).encode() == line and header["sequence_no"] == number
            follows = header["previous_header_hash"] == before
            self._need(whole and follows, f"header {number}: it does not follow from those before")
            before = sha256(line)
        here = (len(lines), self._root(len(lines)))
        signed = (self.head.size, self.head.root) if self.head else here
        self._need(here == signed, f"the {len(lines)} headers are not those that were signed")
        return f"all {len(lines)} headers hold"

    def _entries(self) -> str:
        entries, proofs = self._lines("entries.jsonl"), self._rows("proofs.jsonl")
        headers = self._rows("headers.jsonl")
        self._need(len(entries) == len(proofs), f"{len(entries)} entries, {len(proofs)} proofs")
        for number, (entry, proof) in enumerate(zip(entries, proofs), start=1):
            segment, index = int(proof["segment"]), int(proof["leaf_index"])
            header = headers[segment - 1] if 1 <= segment <= len(headers) else {"entry_count": 0}
            path = map(bytes.fromhex, proof["path"])
            root = root_by_path(leaf_hash(entry), index, header["entry_count"], path) or b""
            where = f"line {number}, leaf {index} of segment {segment}"
            sealed = root.hex() == header.get("merkle_root")
            self._need(sealed, f"{where}: the entry is not the one that was sealed")
        return f"all {len(entries)} lead to the roots in their segments' headers"

    def _items(self) -> str:
        held, noted = set(), []
        for row in self._rows("entries.jsonl"):
            held.add("event/" + row["event_id"])
            change = json.loads(row["payload"]) if row["entry_kind"] == "record" else {}
            if change.get("op") == "insert":
                held.add(f"record/{change['table']}/{change['row']['row_id']}")
            elif change.get("table") == "assessment":
                noted.append((change["row"]["document_sha256"], change["row"]["items_sha256"]))
        digests = tuple(sha256(self.files[name]) for name in ("assessment.json", "items.jsonl"))
        known = digests in noted or not self.head
        self._need(known, "no sealed entry notes the digests of assessment and items")
        excused = {row["evidence_ref"] for row in self._rows("unproven.jsonl")}
        items = self._rows("items.jsonl")
        for row in items:
            proven = row["evidence_ref"] in held or row["evidence_ref"] in excused
            self._need(proven, f"{row['control_id']} item {row['item_id']}: no proof of it")
        return f"{len(items)} items named, {len(excused)} rest on what is not sealed or erased"

    def _samples(self) -> str:
        document = json.loads(self.files["assessment.json"])["assessment"]
        period = f"{document['clock']['period_start']}/{document['clock']['period_end']}"
        samples: dict[tuple[str, str], list[str]] = {}
        for row in self._rows("items.jsonl"):
            if row["listed_as"] == "sample":
                samples.setdefault((row["control_id"], row["test_id"]), []).append(row["item_id"])
        hashes, whole = [*map(sha256, self._lines("headers.jsonl")), "0" * 64], 0
        for test in (t for c in document["controls"] for t in c["tests"] if t.get("sample_seed")):
            key, seed = (test["control_id"], test["test_id"]), test.get("sample_seed")
            drawn, population = [*dict.fromkeys(samples.get(key, []))], test["population_ids"]
            said = re.search(r"checkpoint over (\d+) header", test.get("sample_seed_basis", ""))
            heads = [self._root(int(said.group(1))).hex()] if said else hashes
            seeds = [sha256("|".join((head, *key, period)).encode()) for head in heads]
            self._need(seed in seeds, f"{key}: its seed is of no head of this log")
            ids = {*drawn, *population}
            ranked = sorted(ids, key=lambda i: (sha256((seed + i).encode()), i))
            fits = ranked[: len(drawn)] == drawn and len(ids) <= test.get("population", 0)
            self._need(fits, f"{key}: the sample is not the draw of its seed")
            whole += bool(population)
        return f"{whole} of {len(samples)} redrawn from whole populations, the rest by rank alone"

    def _pages(self) -> str:
        if not self.note or self.head is None:
            self.open = UNSIGNED
            return "no key signed for manifest and pages"
        note, origin = read_note(self.note), self.head.origin
        want = ["muniment pack", origin, self.manifest["pack_id"], sha256(self.manifest_text)]
        same = note.text[:-1].split("\n") == [*want, sha256(self.pdf)]
        self._need(same, "manifest or pages are not those that were signed for")
        signed = [signed_by(note, origin, key.public) for key in self.keys]
        self._need(any(signed[len(self._signers()) - 1 :]), "the log's key did not sign for them")
        return "the log's key signed for them"

    def _key(self) -> str:
        trusted = False
        for key in self._signers():
            trusted = sha256(key.public) == self.fingerprint or (key.vouched and trusted)
        self.open = "" if trusted else KEY_NOT_CONFIRMED
        signer = sha256(self._signers()[-1].public) if self._signers() else "nobody"
        other = "you confirmed another" if self.fingerprint else "compare it with the published one"
        return f"the head is signed by {signer}" + ("" if trusted else f"; {other}")

    def _heads(self) -> str:
        reach, here = 0, len(self._lines("headers.jsonl"))
        for where, kept in self.since:
            self._need(kept.origin == (self.head or kept).origin, f"{where} is of another log")
            if kept.size <= here:
                reach, held = max(reach, kept.size), self._root(kept.size) == kept.root
                self._need(held, f"{where}: the first {kept.size} headers are others here")
        self.open = "" if 0 < reach == here else UNANCHORED
        rest = f", headers {reach + 1} to {here} rest on the operator's word"
        return f"what you hold reaches to header {reach}" + (rest if reach < here else "")


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description="Verify a Muniment evidence pack.")
    parser.add_argument("pack", nargs="?", default=str(Path(__file__).resolve().parent))
    parser.add_argument("--key-fingerprint", default="")
    parser.add_argument("--since", action="append", default=[])
    given = parser.parse_args()
    since = [(name, read_checkpoint(Path(name).read_text("utf-8"))) for name in given.since]
    steps = Verification(Path(given.pack), given.key_fingerprint, since).steps()
    for step in steps:
        result = (step.open or "ok") if step.ok else "BROKEN"
        shown = "".join(c if c.isprintable() else repr(c)[1:-1] for c in step.detail)
        print(f"{step.number:2}  {result:18} {step.title}: {shown}")
    code = 4 if not all(s.ok for s in steps) else 5 if any(s.open for s in steps) else 0
    print({0: "Key and head are confirmed.", 4: "BROKEN.", 5: "Trust is not established."}[code])
    return code


if __name__ == "__main__":
    sys.exit(main())
