"""Verify a Muniment evidence pack with nothing but Python (3.9 or newer) and this file.

python3 verify.py [PACK] [--key-fingerprint HEX] [--since CHECKPOINT ...]; PACK is the pack's folder
(this file's own unless given) or its PDF. Ends with 4 when something is broken, with 5 when trust
is missing, and with 0 when your own fingerprint and checkpoint confirm key and head. Get both, and
this file's SHA-256, elsewhere. PAdES, time stamps and a reader's view are for `muniment verify`.
"""

import sys

if __name__ == "__main__" and not sys.flags.isolated:
    del sys.path[0]  # a pack may bring a json.py of its own
import argparse
import base64
import hashlib
import json
import re
import zlib
from collections import namedtuple
from pathlib import Path
from typing import Any, Iterable, Optional, Sequence

LEAF, NODE = b"\x00", b"\x01"  # what is hashed begins so, that a node never passes for a leaf
UNSIGNED, KEY_NOT_CONFIRMED, UNANCHORED = "UNSIGNED", "KEY NOT CONFIRMED", "UNANCHORED"
LIMIT, NAMED = 1 << 30, 5  # bytes that a PDF's files may unpack to; faults named in a step
Step = namedtuple("Step", "number title ok detail where open")
Note = namedtuple("Note", "text signatures")  # signatures: (name, key id, signature)
Checkpoint = namedtuple("Checkpoint", "note origin size root")  # size: headers under the root
Key = namedtuple("Key", "public after vouched")  # signs heads above `after` headers


def _hash(*parts: bytes) -> bytes:
    return hashlib.sha256(b"".join(parts)).digest()


def sha256(content: bytes) -> str:
    """SHA-256 in hex."""
    return _hash(content).hex()


def tree_root(level: list[bytes]) -> bytes:
    """The root over leaf hashes (RFC 6962 section 2.1); a last node alone rises unchanged."""
    while len(level) > 1:
        pairs = [_hash(NODE, *level[i : i + 2]) for i in range(0, len(level) - 1, 2)]
        level = pairs + level[2 * len(pairs) :]
    return level[0] if level else _hash()


def root_by_path(leaf: bytes, index: int, size: int, path: Sequence[bytes]) -> Optional[bytes]:
    """The root to which an inclusion proof leads, or None (RFC 6962 section 2.1.1)."""
    if size <= 1 or not path:
        return leaf if (index, size, len(path)) == (0, 1, 0) else None
    split = 1 << ((size - 1).bit_length() - 1)
    at, width = (index, split) if index < split else (index - split, size - split)
    below = root_by_path(leaf, at, width, path[:-1])
    return below and _hash(NODE, *((below, path[-1]) if index < split else (path[-1], below)))


# Ed25519, RFC 8032 section 5.1: points are (x, y, z, t) with x*y = z*t.
P, ORDER = 2**255 - 19, 2**252 + 27742317777372353535851937790883648493
D, BASE = -121665 * pow(121666, P - 2, P) % P, (4 * pow(5, P - 2, P) % P).to_bytes(32, "little")


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


def ed25519_holds(public: bytes, text: bytes, signature: bytes) -> bool:
    """Whether a signature of 64 bytes fits the text under a public key of 32."""
    key, r, s = _point(public), _point(signature[:32]), int.from_bytes(signature[32:], "little")
    if len(public) != 32 or len(signature) != 64 or key is None or r is None or s >= ORDER:
        return False
    h = int.from_bytes(hashlib.sha512(signature[:32] + public + text).digest(), "little") % ORDER
    one, two = _times(s, _point(BASE)), _add(r, _times(h, key))
    return all((one[i] * two[2] - two[i] * one[2]) % P == 0 for i in (0, 1))


def read_note(content: str) -> Note:
    """The C2SP signed note that a text writes; ValueError where it is none."""
    text, gap, rest = content.rpartition("\n\n")
    found = re.findall("^\u2014 ([^\\s+]+) (\\S+)$", rest, re.M)
    if not gap or not found or len(found) != rest.count("\n"):
        raise ValueError("it is no signed note")
    held = [(name, base64.b64decode(encoded, validate=True)) for name, encoded in found]
    return Note(text + "\n", [(name, each[:4], each[4:]) for name, each in held])


def signed_by(note: Note, name: str, public: bytes) -> bool:
    """Whether a good signature of this key is among the note's."""
    who, text = (name, _hash(name.encode(), b"\n\x01", public)[:4]), note.text.encode()
    return any(ed25519_holds(public, text, each[2]) for each in note.signatures if each[:2] == who)


def read_checkpoint(content: str) -> Checkpoint:
    """The checkpoint that a text writes; ValueError where it is none."""
    note = read_note(content)
    lines = note.text.split("\n")
    if len(lines) < 4 or not re.fullmatch("0|[1-9][0-9]{0,17}", lines[1]):
        raise ValueError("it is no checkpoint")
    return Checkpoint(note, lines[0], int(lines[1]), base64.b64decode(lines[2], validate=True))


def read_keys(contents: Iterable[str], origin: str) -> list[Key]:
    """The log's keys in order, every signature checked; ValueError where one does not hold."""
    keys: list[Key] = []
    for number, content in enumerate(contents, start=1):
        note = read_note(content)
        lines = note.text[:-1].split("\n")
        name, _, written = lines[3].split("+", 2)
        key = Key(base64.b64decode(written)[1:], int(lines[4].replace("after ", "")), False)
        own = [*lines[:3], name] == ["muniment key", origin, str(number), origin]
        late = not keys or key.after >= keys[-1].after
        if not own or not late or not signed_by(note, origin, key.public):
            raise ValueError(f"key {number} is not introduced as a key of this log must be")
        keys.append(key._replace(vouched=bool(keys) and signed_by(note, origin, keys[-1].public)))
    return keys


# As Muniment's printer writes them: streams with their length, specifications in an object stream.
STREAM = rb"(\d+) 0 obj\n<</Type /(EmbeddedFile|ObjStm)[^\n]{0,500}/Length (\d+)>>\nstream\n"
SPECIFICATION = rb"/Type /Filespec/F \(([^()\\]+)\)/UF \(\1\)/EF <</F (\d+) 0 R>>"


def embedded_files(pdf: bytes) -> dict[str, bytes]:
    """Name and content of every file in a PDF; ValueError where one is hidden or comes twice."""
    streams, texts, left = dict[bytes, bytes](), dict[bytes, bytes](), LIMIT
    for match in re.finditer(STREAM, pdf):
        unpack, end = zlib.decompressobj(), match.end() + int(match.group(3))
        content = unpack.decompress(pdf[match.end() : end], left)
        left -= len(content)
        if not unpack.eof or left <= 0 or match.group(1) in streams:
            raise ValueError("an embedded file is cut short, too large, or written twice")
        (texts if match.group(2) == b"ObjStm" else streams)[match.group(1)] = content
    named = re.findall(SPECIFICATION, b"\n".join(texts.values()))
    files = {name.decode(): streams.pop(number) for name, number in named}
    if streams or len(files) < len(named) or pdf.count(b"\nstartxref\n") != 1:
        raise ValueError("it holds a file without a name, or was changed by another program")
    return files


def split_pdf(pdf: bytes) -> tuple[bytes, str]:
    """The PDF as the log's key signed it, a PAdES signature still blank, and the pack's note."""
    pdf = re.sub(rb"(?<=/Contents <)[0-9a-f]+(?=>)", lambda hole: b"0" * len(hole[0]), pdf)
    match = re.search(rb"^%muniment-pack-note ([A-Za-z0-9+/=]+)\n(?=startxref\n)", pdf, re.M)
    if match is None:
        return pdf, ""
    return pdf[: match.start()] + pdf[match.end() :], base64.b64decode(match.group(1)).decode()


def canonical(value: Any) -> str:
    """RFC 8785, for what was read from canonical text: its keys keep their order."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def read_json(content: bytes) -> Any:
    """What a canonical text says; ValueError for another text, such as one with a key twice."""
    value = json.loads(content)
    if canonical(value).encode() != content.rstrip(b"\n"):
        raise ValueError("it is not in canonical form")
    return value


class Verification:
    """One pack, taken apart and checked step by step. since: [(where it was kept, checkpoint)]."""

    def __init__(self, place: Path, fingerprint: str = "", since: Sequence[Any] = ()) -> None:
        self.place, self.since = place, since
        self.fingerprint = re.sub(r"[\s:]", "", fingerprint).lower()
        self.files, self.manifest = dict[str, bytes](), dict[str, Any]()
        self.manifest_text, self.pdf, self.note, self.open = b"", b"", "", ""
        self.head: Checkpoint | None = None
        self.keys, self.signed, self.faults = list[Key](), list[Key](), list[str]()

    def steps(self) -> list[Step]:
        """Every step in order; where there is no pack to check, the first alone."""
        done: list[Step] = []
        for number, (title, check) in enumerate((
            ("The files are the ones that the manifest lists", self._files),
            ("The head of the log is signed", self._signature),
            ("The headers form the tree that was signed", self._headers),
            ("Every attached entry is the one that was sealed", self._entries),
            ("The assessment and its items rest on entries of the log", self._items),
            ("The samples are the draws that their seeds give", self._samples),
            ("Manifest and pages are the ones that were signed for", self._pages),
            ("The signing key is the one that you confirmed", self._key),
            ("The log continues every head that you hold", self._heads),
        ), start=1):  # fmt: skip
            self.faults, self.open, said = [], "", ""
            try:
                said = check()
            except Exception as error:  # hostile files may break any line
                self.faults.append(f"cannot be read: {error or type(error).__name__}")
            more = f" and {len(self.faults) - NAMED} more" if len(self.faults) > NAMED else ""
            said, faults = "; ".join(self.faults[:NAMED]) + more or said, tuple(self.faults)
            done.append(Step(number, title, not faults, said, faults, "" if faults else self.open))
            if not self.files:
                break
        return done

    def _need(self, holds: object, fault: str) -> None:
        self.faults += [] if holds else [fault]

    def _lines(self, name: str) -> list[bytes]:
        *lines, rest = self.files.get(name, b"").split(b"\n")
        self._need(not rest, f"{name} does not end with a line break")
        return lines

    def _rows(self, name: str) -> list[Any]:
        return list(map(read_json, self._lines(name)))

    def _root(self, size: int) -> bytes:
        return tree_root([_hash(LEAF, line) for line in self._lines("headers.jsonl")[:size]])

    def _signers(self) -> list[Key]:
        return [key for key in self.keys if self.head and key.after < self.head.size]

    def _files(self) -> str:
        loose = dict[str, bytes]()
        for path in self.place.iterdir() if self.place.is_dir() else [self.place.resolve()]:
            plain = path.is_file() and not path.is_symlink()
            self._need(plain, f"{path.name} is no plain file")
            loose[path.name] = path.read_bytes() if plain else b""
        note = loose.pop("pack.note", b"").decode()
        pdfs = [name for name in loose if loose[name].startswith(b"%PDF-")]
        self._need(len(pdfs) == 1, f"there are {len(pdfs)} PDF files where one belongs")
        self.pdf, self.note = split_pdf(loose.pop(pdfs[0]))
        inside = embedded_files(self.pdf)
        self._need(note in ("", self.note or note), "pack.note is not the one in the PDF")
        self.note, beside = self.note or note, loose or inside
        self.manifest_text = beside["manifest.json"]
        self.manifest = read_json(self.manifest_text)
        files = {entry["name"]: entry["sha256"] for entry in self.manifest["files"]}
        files["manifest.json"] = sha256(self.manifest_text)
        for name, digest in files.items():
            self.files[name] = beside.get(name, b"")
            same = sha256(self.files[name]) == digest == sha256(inside.get(name, b""))
            self._need(same, f"{name} is changed or missing, in the PDF or beside it")
        more = sorted({*loose, *inside} - {*files})
        self.faults += [f"{name} is not in the manifest" for name in more]
        pack_id, inputs = self.manifest["pack_id"], self.manifest["inputs"]
        fits = pack_id == "MP-" + sha256(canonical(inputs).encode())[:12]
        same = fits and inputs["files"].items() <= files.items()
        self._need(
            same and len(files) == len(self.manifest["files"]) + 1,
            "its id is not the digest of its inputs, or it lists a file twice",
        )
        return f"all {len(files)} files of {pack_id} have the digests that are listed"

    def _signature(self) -> str:
        if "checkpoint.note" not in self.files:
            self.open = UNSIGNED
            return "the log was not signed when the pack was made"
        self.head = head = read_checkpoint(self.files["checkpoint.note"].decode())
        self.keys = read_keys((row["note"] for row in self._rows("keys.jsonl")), head.origin)
        signed = signed_by(head.note, head.origin, self._signers()[-1].public)
        self._need(signed, "the checkpoint is not signed by the log's key")
        return f"a checkpoint over {head.size} headers, signed by the log's key"

    def _headers(self) -> str:
        before, lines = "0" * 64, self._lines("headers.jsonl")
        for number, (line, header) in enumerate(zip(lines, self._rows("headers.jsonl")), start=1):
            follows = (header["sequence_no"], header["previous_header_hash"]) == (number, before)
            self._need(follows, f"header {number}: it does not follow from those before")
            before = sha256(line)
        signed = not self.head or self.head[2:] == (len(lines), self._root(len(lines)))
        self._need(signed, f"the {len(lines)} headers are not those that were signed")
        return f"all {len(lines)} headers hold"

    def _entries(self) -> str:
        entries, proofs = self._lines("entries.jsonl"), self._rows("proofs.jsonl")
        headers = self._rows("headers.jsonl")
        self._need(len(entries) == len(proofs), f"{len(entries)} entries, {len(proofs)} proofs")
        for number, (entry, proof) in enumerate(zip(entries, proofs), start=1):
            segment, index = int(proof["segment"]), int(proof["leaf_index"])
            header = headers[segment - 1] if 1 <= segment <= len(headers) else {"entry_count": 0}
            path = [*map(bytes.fromhex, proof["path"])]
            root = root_by_path(_hash(LEAF, entry), index, header["entry_count"], path) or b""
            sealed, where = root.hex() == header.get("merkle_root"), f"leaf {index} of {segment}"
            self._need(sealed, f"line {number}, {where}: the entry is not the one that was sealed")
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
        digests = sha256(self.files["assessment.json"]), sha256(self.files["items.jsonl"])
        self._need(digests in noted or not self.head, "no sealed entry notes the digests of these")
        excused = {row["evidence_ref"] for row in self._rows("unproven.jsonl")}
        items, known = self._rows("items.jsonl"), held | excused
        bare = [row for row in items if row["evidence_ref"] not in known]
        self.faults += [
            f"{row['control_id']} item {row['item_id']}: no proof of it" for row in bare
        ]
        return f"{len(items)} items named, {len(excused)} rest on what is not sealed or erased"

    def _samples(self) -> str:
        document = read_json(self.files["assessment.json"])["assessment"]
        period = f"{document['clock']['period_start']}/{document['clock']['period_end']}"
        rows = [row for row in self._rows("items.jsonl") if row["listed_as"] == "sample"]
        hashes, whole = [*map(sha256, self._lines("headers.jsonl")), "0" * 64], 0
        tests = [t for c in document["controls"] for t in c["tests"] if t.get("sample_seed")]
        for test in tests:
            key, seed = (test["control_id"], test["test_id"]), test["sample_seed"]
            drawn = [row["item_id"] for row in rows if key == (row["control_id"], row["test_id"])]
            said = re.search(r"checkpoint over (\d+) header", test.get("sample_seed_basis", ""))
            heads = [self._root(int(said.group(1))).hex()] if said else hashes
            seeds = [sha256("|".join((head, *key, period)).encode()) for head in heads]
            self._need(seed in seeds, f"{key}: its seed is of no head of this log")
            ids = {*drawn, *test["population_ids"]}
            ranked = sorted(ids, key=lambda i: (sha256((seed + i).encode()), i))
            fits = ranked[: len(drawn)] == drawn and len(ids) <= test.get("population", 0)
            self._need(fits, f"{key}: the sample is not the draw of its seed")
            whole += bool(test["population_ids"])
        return f"{whole} of {len(tests)} redrawn from whole populations, the rest by rank alone"

    def _pages(self) -> str:
        if not self.note or self.head is None:
            self.open = UNSIGNED
            return "no key signed for manifest and pages"
        note, origin = read_note(self.note), self.head.origin
        want = ["muniment pack", origin, self.manifest["pack_id"], sha256(self.manifest_text)]
        same = note.text[:-1].split("\n") == [*want, sha256(self.pdf)]
        self._need(same, "manifest or pages are not those that were signed for")
        later = self.keys[len(self._signers()) - 1 :]
        self.signed = [key for key in later if signed_by(note, origin, key.public)][:1]
        self._need(self.signed, "the log's key did not sign for them")
        return "the log's key signed for them"

    def _key(self) -> str:
        confirmed, used = list[Key](), self._signers()[-1:] + self.signed
        for key, before in zip(self.keys, [None, *self.keys]):
            if sha256(key.public) == self.fingerprint or (key.vouched and before in confirmed):
                confirmed.append(key)
        self.open = "" if used and {*used} <= {*confirmed} else KEY_NOT_CONFIRMED
        signers = " and ".join(dict.fromkeys(sha256(key.public) for key in used)) or "nobody"
        return f"head and pages are signed by {signers}" + (
            "; confirm that by what was published" if self.open else ""
        )

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
    try:
        since = [(name, read_checkpoint(Path(name).read_text("utf-8"))) for name in given.since]
    except (OSError, ValueError) as error:
        parser.error(str(error))
    steps = Verification(Path(given.pack), given.key_fingerprint, since).steps()
    for number, title, ok, said, _, left in steps:
        print(f"{number:2}  {left or 'ok' if ok else 'BROKEN':18} {title}: {ascii(said)[1:-1]}")
    code = 4 if not all(s.ok for s in steps) else 5 if any(s.open for s in steps) else 0
    print({0: "Key and head are confirmed.", 4: "BROKEN.", 5: "Trust is not established."}[code])
    return code


if __name__ == "__main__":
    sys.exit(main())
