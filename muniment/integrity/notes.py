"""Signed notes (C2SP signed-note): a text, an empty line, and signatures by named Ed25519 keys.

A note is text that a person can read and a program can check. The key's id and its `vkey` are as
C2SP writes them, so that other tools verify our notes. The fingerprint is ours: SHA-256 over the 32
bytes of the public key, which is what people compare.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

# C2SP signed-note, "Signature types": 0x01 is Ed25519.
ED25519 = b"\x01"
_DASH = "\N{EM DASH} "
_NAME = re.compile(r"[^\s+]+")  # C2SP signed-note: no blank of any kind and no plus


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A named Ed25519 key that verifies; `public` is its 32 bytes."""

    name: str
    public: bytes

    @property
    def key_id(self) -> bytes:
        """The four bytes that stand before a signature."""
        return hashlib.sha256(self.name.encode() + b"\n" + ED25519 + self.public).digest()[:4]

    @property
    def vkey(self) -> str:
        """`name+id+key`, as C2SP writes a verifier's key."""
        encoded = base64.b64encode(ED25519 + self.public).decode()
        return f"{self.name}+{self.key_id.hex()}+{encoded}"

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the public key, 64 lower-case hex digits."""
        return hashlib.sha256(self.public).hexdigest()


@dataclass(frozen=True, slots=True)
class Note:
    """A note taken apart. `signatures` are (name, key id, signature), none of them checked."""

    text: str
    signatures: tuple[tuple[str, bytes, bytes], ...]

    def signed_by(self, key: PublicKey) -> bool:
        """Whether one of the signatures is this key's and fits the text."""
        public = Ed25519PublicKey.from_public_bytes(key.public)
        for name, key_id, signature in self.signatures:
            if (name, key_id) != (key.name, key.key_id):
                continue
            try:
                public.verify(signature, self.text.encode())
            except InvalidSignature:
                continue
            return True
        return False


def public_key(name: str, private: Ed25519PrivateKey) -> PublicKey:
    """The key that verifies what `private` signs."""
    return PublicKey(name, private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw))


def read_vkey(text: str) -> PublicKey:
    """The key that a `vkey` writes; ValueError for other text, or an id that is not the key's."""
    parts = text.strip().split("+", 2)
    try:
        kind_and_key = base64.b64decode(parts[2], validate=True)
    except (IndexError, binascii.Error) as error:
        raise ValueError(f"`{text[:80]}` is no verifier's key") from error
    key = PublicKey(parts[0], kind_and_key[1:])
    if kind_and_key[:1] != ED25519 or len(key.public) != 32 or key.vkey != text.strip():
        raise ValueError(f"`{text[:80]}` is no Ed25519 verifier's key")
    return key


def sign_note(text: str, *signers: tuple[str, Ed25519PrivateKey]) -> str:
    """The note of a text that ends with a line break, signed by each (name, key)."""
    if not text.endswith("\n") or "\n\n" in text:
        raise ValueError("a note's text ends with one line break and holds no empty line")
    lines = []
    for name, private in signers:
        signature = public_key(name, private).key_id + private.sign(text.encode())
        lines.append(f"{_DASH}{name} {base64.b64encode(signature).decode()}\n")
    return f"{text}\n{''.join(lines)}"


def read_note(content: str) -> Note:
    """A note's text and signatures; ValueError where it is not written as a note is."""
    text, separator, rest = content.rpartition("\n\n")
    if not separator or not rest.endswith("\n"):
        raise ValueError("it is no signed note: it has no signatures after an empty line")
    signatures = []
    for line in rest[:-1].split("\n"):
        name, _, encoded = line.removeprefix(_DASH).partition(" ")
        try:
            held = base64.b64decode(encoded, validate=True)
        except binascii.Error:
            held = b""
        if not line.startswith(_DASH) or not _NAME.fullmatch(name) or len(held) < 5:
            raise ValueError(f"it is no signed note: `{line[:60]}` is no signature")
        signatures.append((name, held[:4], held[4:]))
    return Note(text + "\n", tuple(signatures))
