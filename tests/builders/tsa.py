"""A real time-stamp authority on this machine: openssl's, behind a small server on loopback."""

from __future__ import annotations

import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

OPENSSL = shutil.which("openssl")
CONFIG = """
[tsa]
default_tsa = here
[here]
serial = {folder}/serial
default_policy = 1.2.3.4.1
digests = sha256
accuracy = secs:1
ess_cert_id_chain = no
ess_cert_id_alg = sha256
signer_digest = sha256
"""


@dataclass(frozen=True)
class Authority:
    """Where it answers, and the certificate of its root."""

    url: str
    root: Path


Key = ec.EllipticCurvePrivateKey


def certificate(name: str, key: Key, issuer: tuple[str, Key], *, stamps: bool) -> x509.Certificate:
    """One by an issuer (name, key). stamps: an authority's, else a root's."""
    now = datetime.now(UTC)
    parts = [x509.NameAttribute(NameOID.COMMON_NAME, each) for each in (name, issuer[0])]
    named = [x509.Name([part]) for part in parts]
    builder = (
        x509.CertificateBuilder()
        .subject_name(named[0])
        .issuer_name(named[1])
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=365))
        .add_extension(x509.BasicConstraints(ca=not stamps, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    if stamps:
        use = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING])
        builder = builder.add_extension(use, critical=True)
    return builder.sign(issuer[1], hashes.SHA256())


@contextmanager
def authority(folder: Path, *, refuses: bool = False) -> Iterator[Authority]:
    """An authority that answers as long as this lasts. refuses: with something that is no stamp."""
    folder.mkdir()
    root_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    root = certificate("Test Root", root_key, ("Test Root", root_key), stamps=False)
    leaf = certificate("Test TSA", key, ("Test Root", root_key), stamps=True)
    (folder / "root.pem").write_bytes(root.public_bytes(Encoding.PEM))
    (folder / "tsa.pem").write_bytes(leaf.public_bytes(Encoding.PEM))
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (folder / "tsa.key").write_bytes(pem)
    (folder / "tsa.cnf").write_text(CONFIG.format(folder=folder))
    (folder / "serial").write_text("01")

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            query = self.rfile.read(int(self.headers["Content-Length"]))
            answer = b"no" if refuses else _reply(folder, query)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *words: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield Authority(f"http://127.0.0.1:{server.server_port}/", folder / "root.pem")
    finally:
        server.shutdown()
        server.server_close()


def _reply(folder: Path, query: bytes) -> bytes:
    (folder / "query").write_bytes(query)
    words = ["-config", "tsa.cnf", "-queryfile", "query", "-signer", "tsa.pem", "-inkey", "tsa.key"]
    subprocess.run(
        [str(OPENSSL), "ts", "-reply", *words, "-out", "reply"],
        cwd=folder, check=True, capture_output=True,
    )  # fmt: skip
    return (folder / "reply").read_bytes()
