"""Signing keys: making one, finding the one in use, rotating to the next.

The private key is a PEM file that only its owner may read (mode 0600), best kept outside the
store: MUNIMENT_SIGNING_KEY names it, MUNIMENT_KEY_PASSPHRASE opens it where it is encrypted. Beside
it lies the last head that it signed, so that it never signs one that does not follow from that,
whatever happened to the store meanwhile.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from muniment.errors import StoreError, UsageError
from muniment.integrity.checkpoints import KeyNote, key_text
from muniment.integrity.notes import PublicKey, public_key, sign_note
from muniment.model.times import now as time_now
from muniment.sealing.disk import replace_durably, write_temporary
from muniment.sealing.log import AuditLog
from muniment.store.checkpoint_files import log_keys, origin_in
from muniment.store.layout import StoreLayout
from muniment.store.open import Store
from muniment.store.segment_files import header_numbers

KEY_VARIABLE = "MUNIMENT_SIGNING_KEY"
PASSPHRASE_VARIABLE = "MUNIMENT_KEY_PASSPHRASE"  # noqa: S105
DEVELOPMENT_WARNING = (
    "WARNING: this is a development key. It lies in the store beside the data that it signs, so "
    "whoever can change the data can sign the change: its signature proves nothing against them. "
    f"Make a key elsewhere with `muniment keys new --to FILE` and name it in {KEY_VARIABLE}."
)


@dataclass(frozen=True, slots=True)
class SigningKey:
    """The key that signs a log's heads. development: it lies in the store, beside the data."""

    origin: str
    private: Ed25519PrivateKey
    path: Path
    development: bool

    @property
    def public(self) -> PublicKey:
        """The key that verifies what this one signs."""
        return public_key(self.origin, self.private)

    @property
    def last_head_file(self) -> Path:
        """The last head that this key signed, kept beside it."""
        return self.path.with_name(self.path.name + ".last")


def key_place(layout: StoreLayout) -> Path:
    """Where the signing key is looked for: as the environment says, else in the store."""
    named = os.environ.get(KEY_VARIABLE)
    return Path(named) if named else layout.development_key


def current_key(layout: StoreLayout) -> KeyNote | None:
    """The log's newest key as its notes introduce it; None before the first."""
    keys = log_keys(layout)
    return keys[-1] if keys else None


def signing_key(store: Store) -> SigningKey | None:
    """The key to sign with, checked to be the log's current one; None while the log has no key.

    Raises StoreError where it is lost, cannot be read, is open to others, or is another key.
    """
    current = current_key(store.layout)
    if current is None:
        return None
    path = key_place(store.layout)
    if not path.exists():
        raise StoreError(
            f"the signing key with fingerprint `{current.key.fingerprint}` is not at `{path}`. "
            f"Name its file in {KEY_VARIABLE}, or, if it is lost, make the next one with "
            "`muniment keys rotate --lost`: verifiers must then confirm a new fingerprint."
        )
    found = _load(path, current.key.name, store.layout)
    if found.public != current.key:
        raise StoreError(
            f"`{path}` holds the key `{found.public.fingerprint}`, and this log signs with "
            f"`{current.key.fingerprint}`. Name the right file in {KEY_VARIABLE}, or rotate."
        )
    return found


def new_key(store: Store, *, by: str, to: Path | None = None) -> SigningKey:
    """Make the log's first key; UsageError where it has one already."""
    if current_key(store.layout) is not None:
        raise UsageError("this log has a signing key. Follow it with `muniment keys rotate`.")
    return _introduce(store, to or key_place(store.layout), None, by)


def rotate_key(store: Store, *, by: str, to: Path | None = None, lost: bool = False) -> SigningKey:
    """Make the next key, signed for by the one in use; heads signed before keep verifying.

    to: where the new private key goes; default the place of the old one, which is kept beside it as
    `.1`, `.2` … . lost: the old key is gone and signs for nothing; verifiers must then confirm the
    new fingerprint by themselves.
    """
    if current_key(store.layout) is None:
        raise UsageError("this log has no signing key yet. Make one with `muniment keys new`.")
    old = None if lost else signing_key(store)
    return _introduce(store, to or key_place(store.layout), old, by)


def _introduce(store: Store, path: Path, old: SigningKey | None, by: str) -> SigningKey:
    origin, private, layout = origin_in(store.layout), Ed25519PrivateKey.generate(), store.layout
    public = public_key(origin, private)
    log = AuditLog(store)
    with log.exclusive():
        log.seal()
        number = len(log_keys(layout)) + 1
        size = max(header_numbers(layout), default=0)
        _write_private(path, private, keep=None if old is None or old.path != path else number - 1)
        signers = [(origin, private)] + ([] if old is None else [(origin, old.private)])
        text = key_text(origin, number, public, size, time_now())
        note = sign_note(text, *signers)
        # The record first: a key that signs is then known to the log itself before its first head.
        with store.records.writing() as writer:
            writer.note("signing_key", {"id": public.fingerprint, "vkey": public.vkey}, by)
        target = layout.key_note(number)
        replace_durably(write_temporary(target, lambda file: file.write(note.encode())), target)
    return SigningKey(origin, private, path, _is_inside(path, layout))


def _write_private(path: Path, private: Ed25519PrivateKey, *, keep: int | None) -> None:
    passphrase = os.environ.get(PASSPHRASE_VARIABLE)
    guard = BestAvailableEncryption(passphrase.encode()) if passphrase else NoEncryption()
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, guard)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(path.name + ".new")
        temporary.unlink(missing_ok=True)
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as f:
            f.write(pem)
            f.flush()
            os.fsync(f.fileno())
        if path.exists():
            if keep is None:
                raise StoreError(f"`{path}` holds a key already. Name another file with --to.")
            path.rename(path.with_name(f"{path.name}.{keep}"))
        replace_durably(temporary, path)
    except OSError as error:
        raise StoreError(
            f"the signing key cannot be written to `{path}`: {error.strerror or error}. Name "
            "another file with --to; the log is as it was."
        ) from error
    finally:
        with suppress(OSError):
            path.with_name(path.name + ".new").unlink(missing_ok=True)


def _load(path: Path, origin: str, layout: StoreLayout) -> SigningKey:
    passphrase = os.environ.get(PASSPHRASE_VARIABLE)
    try:
        mode = path.stat().st_mode & 0o777
        content = path.read_bytes()
        private = _read_pem(content, passphrase)
    except OSError as error:
        raise StoreError(f"the signing key `{path}` cannot be read: {error.strerror}.") from error
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise StoreError(
            f"`{path}` holds no Ed25519 key that can be opened: {str(error)[:120]}. Set "
            f"{PASSPHRASE_VARIABLE} where the key is encrypted, or restore the file."
        ) from error
    if mode & 0o077:
        raise StoreError(
            f"the signing key `{path}` has mode {mode:04o}, so others can read it. Run "
            f"`chmod 600 {path}`, and rotate the key if somebody may have copied it."
        )
    return SigningKey(origin, private, path, _is_inside(path, layout))


def _read_pem(content: bytes, passphrase: str | None) -> Ed25519PrivateKey:
    attempts: list[Callable[[], object]] = [
        lambda: load_pem_private_key(content, passphrase.encode() if passphrase else None)
    ]
    if passphrase:  # a key made before the passphrase was set
        attempts.append(lambda: load_pem_private_key(content, None))
    for last, attempt in enumerate(attempts, start=1):
        try:
            found = attempt()
        except TypeError:
            if last == len(attempts):
                raise
            continue
        if not isinstance(found, Ed25519PrivateKey):
            raise ValueError("it is a key of another kind")
        return found
    raise ValueError("it cannot be opened")


def _is_inside(path: Path, layout: StoreLayout) -> bool:
    return path.resolve().is_relative_to(layout.root.resolve())
