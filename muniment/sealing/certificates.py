"""The certificate that signs a pack's PDF (PAdES): a PKCS#12 file outside the store.

MUNIMENT_PDF_CERTIFICATE names the file, MUNIMENT_PDF_PASSPHRASE opens it. It stands beside the
log's key: PDF readers show this signature, and the log's key vouches for the evidence.
"""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    NoEncryption,
    pkcs12,
)
from cryptography.x509.oid import NameOID

from muniment.errors import StoreError, UsageError
from muniment.sealing.disk import replace_durably

if TYPE_CHECKING:
    from pyhanko.sign.signers import SimpleSigner

CERTIFICATE_VARIABLE = "MUNIMENT_PDF_CERTIFICATE"
PASSPHRASE_VARIABLE = "MUNIMENT_PDF_PASSPHRASE"  # noqa: S105
DEVELOPMENT_WARNING = (
    "WARNING: this is a development certificate. It was made here and signed by itself, so PDF "
    "readers show its signature as one of an unknown person. For packs that leave the house, get a "
    f"certificate from an authority and name its PKCS#12 file in {CERTIFICATE_VARIABLE}."
)


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate with its key, ready to sign. fingerprint: SHA-256 of its DER, in hex."""

    path: Path
    subject: str
    fingerprint: str
    valid_until: str
    signer: SimpleSigner

    def sign(self, digest: bytes) -> bytes:
        """The signature over a PDF's SHA-256, as PAdES wants it: CMS in DER."""
        signing = self.signer.async_sign(digest, "sha256", use_pades=True)
        found: bytes = asyncio.run(signing).dump()
        return found


def pdf_certificate() -> Certificate | None:
    """The certificate that the environment names; None where it names none."""
    named = os.environ.get(CERTIFICATE_VARIABLE)
    return read_certificate(Path(named)) if named else None


def read_certificate(path: Path) -> Certificate:
    """The certificate in a PKCS#12 file, checked to be fit to sign now.

    Raises StoreError where it cannot be read or opened, is open to others, has no key, or is not
    valid today.
    """
    signers = _pyhanko()
    passphrase = os.environ.get(PASSPHRASE_VARIABLE, "").encode() or None
    try:
        mode, content = path.stat().st_mode & 0o777, path.read_bytes()
        key, found, _ = pkcs12.load_key_and_certificates(content, passphrase)
    except OSError as error:
        raise StoreError(f"the certificate `{path}` cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise StoreError(
            f"`{path}` is no PKCS#12 file that can be opened: {str(error)[:120]}. Set "
            f"{PASSPHRASE_VARIABLE} to its passphrase, or restore the file."
        ) from error
    if key is None or found is None:
        raise StoreError(f"`{path}` holds no certificate with its key. Export both together.")
    if mode & 0o077:
        raise StoreError(
            f"the certificate `{path}` has mode {mode:04o}, so others can read its key. Run "
            f"`chmod 600 {path}`."
        )
    if not found.not_valid_before_utc <= datetime.now(UTC) <= found.not_valid_after_utc:
        raise StoreError(
            f"the certificate in `{path}` is valid from {found.not_valid_before_utc:%Y-%m-%d} to "
            f"{found.not_valid_after_utc:%Y-%m-%d}, not today. Get a new one, or set the clock."
        )
    signer = signers.SimpleSigner.load_pkcs12_data(content, other_certs=[], passphrase=passphrase)
    return Certificate(
        path, found.subject.rfc4514_string(), found.fingerprint(hashes.SHA256()).hex(),
        f"{found.not_valid_after_utc:%Y-%m-%d}", signer,
    )  # fmt: skip


def new_certificate(path: Path, name: str) -> Certificate:
    """Make a development certificate, signed by itself, in a new PKCS#12 file of mode 0600."""
    key, today = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name[:64])])
    usage = x509.KeyUsage(
        digital_signature=True, content_commitment=True, key_encipherment=False,
        data_encipherment=False, key_agreement=False, key_cert_sign=False, crl_sign=False,
        encipher_only=False, decipher_only=False,
    )  # fmt: skip
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(today - timedelta(minutes=5))
        .not_valid_after(today + timedelta(days=365))
        .add_extension(usage, critical=True)
        .sign(key, hashes.SHA256())
    )
    passphrase = os.environ.get(PASSPHRASE_VARIABLE)
    guard = BestAvailableEncryption(passphrase.encode()) if passphrase else NoEncryption()
    content = pkcs12.serialize_key_and_certificates(b"muniment", key, made, None, guard)
    if path.exists():
        raise UsageError(f"`{path}` is there already. Name another file.")
    temporary = path.with_name(path.name + ".new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as f:
            f.write(content)
            f.flush()
            os.fsync(f.fileno())
        replace_durably(temporary, path)
    except OSError as error:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise StoreError(f"`{path}` cannot be written: {error.strerror}.") from error
    return read_certificate(path)


def _pyhanko() -> Any:
    try:
        from pyhanko.sign import signers
    except ImportError as error:
        raise StoreError(
            "signing a PDF needs the extra `signing`. Install it: pip install 'muniment[signing]'."
        ) from error
    return signers
