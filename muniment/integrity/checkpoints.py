"""Checkpoints (C2SP tlog-checkpoint): the signed head of the log over segment headers.

The headers form an RFC 6962 tree whose leaves are the headers' canonical bytes. A checkpoint says
origin, how many headers, their root, and (an extension line) when it was made by the signer's own
clock. Keys are introduced by notes of their own, each signed by the new key and, unless the key
before it was lost, by that one.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from muniment.integrity.headers import header_bytes
from muniment.integrity.merkle import leaf_hash
from muniment.integrity.notes import Note, PublicKey, read_note, read_vkey

KEY_TITLE = "muniment key"
_SIZE = re.compile(r"0|[1-9][0-9]{0,17}")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A signed head, not verified yet. size: headers covered. root: 32 bytes. content: the note."""

    origin: str
    size: int
    root: bytes
    made_at: str | None
    content: str
    note: Note


@dataclass(frozen=True, slots=True)
class KeyNote:
    """One key of a log: its number, and the size from which on heads must be signed by it.

    endorsed: the key before it signed for it, so that trust in that one carries over.
    """

    number: int
    key: PublicKey
    after_size: int
    made_at: str
    endorsed: bool


def origin_of(store_id: str) -> str:
    """The name of a store's log, in its checkpoints and of its keys."""
    return f"muniment/{store_id}"


def header_leaves(headers: Iterable[Mapping[str, Any]]) -> list[bytes]:
    """The leaf hashes of the header log, from headers in their order."""
    return [leaf_hash(header_bytes(header)) for header in headers]


def checkpoint_text(origin: str, size: int, root: bytes, made_at: str) -> str:
    """What a checkpoint's signature covers."""
    return f"{origin}\n{size}\n{base64.b64encode(root).decode()}\nmade {made_at}\n"


def read_checkpoint(content: str) -> Checkpoint:
    """A checkpoint taken apart, ours or another log's; ValueError where it is none."""
    note = read_note(content)
    lines = note.text[:-1].split("\n")
    if len(lines) < 3 or not lines[0] or not _SIZE.fullmatch(lines[1]):
        raise ValueError("it is no checkpoint: it does not say origin, size and root")
    try:
        root = base64.b64decode(lines[2], validate=True)
    except binascii.Error:
        root = b""
    if len(root) != 32:
        raise ValueError("it is no checkpoint: its root is not 32 bytes in base64")
    made = [line.removeprefix("made ") for line in lines[3:] if line.startswith("made ")]
    return Checkpoint(lines[0], int(lines[1]), root, made[0] if made else None, content, note)


def key_text(origin: str, number: int, key: PublicKey, after_size: int, made_at: str) -> str:
    """What the signatures of a key's note cover."""
    return f"{KEY_TITLE}\n{origin}\n{number}\n{key.vkey}\nafter {after_size}\nmade {made_at}\n"


def read_keys(contents: Sequence[str], origin: str) -> tuple[KeyNote, ...]:
    """The keys of a log from their notes, in order, every signature checked.

    Raises ValueError, naming the key, for a note that another log, number or key made.
    """
    keys: list[KeyNote] = []
    for number, content in enumerate(contents, start=1):
        try:
            keys.append(_key_note(read_note(content), origin, number, keys))
        except ValueError as error:
            raise ValueError(f"key {number}: {error}") from error
    return tuple(keys)


def _key_note(note: Note, origin: str, number: int, before: Sequence[KeyNote]) -> KeyNote:
    lines = note.text[:-1].split("\n")
    if len(lines) != 6 or lines[:3] != [KEY_TITLE, origin, str(number)]:
        raise ValueError("its note is not of this log and number")
    after, made = lines[4].removeprefix("after "), lines[5].removeprefix("made ")
    key = read_vkey(lines[3])
    if not _SIZE.fullmatch(after) or key.name != origin:
        raise ValueError("its note says no size, or names the key of another log")
    if not note.signed_by(key):
        raise ValueError("it did not sign its own note")
    if before and int(after) < before[-1].after_size:
        raise ValueError("it begins before the key that it follows")
    endorsed = bool(before) and note.signed_by(before[-1].key)
    return KeyNote(number, key, int(after), made, endorsed)


def key_for(keys: Sequence[KeyNote], size: int) -> KeyNote | None:
    """The key that must sign a head of `size` headers: the last one introduced before it grew."""
    found = [key for key in keys if key.after_size < size]
    return found[-1] if found else None


def trusted_numbers(keys: Sequence[KeyNote], fingerprint: str) -> set[int]:
    """Numbers of the keys that a fingerprint vouches for: that key, and its endorsed successors."""
    trusted: set[int] = set()
    for key in keys:
        if key.key.fingerprint == fingerprint or (key.endorsed and key.number - 1 in trusted):
            trusted.add(key.number)
    return trusted
