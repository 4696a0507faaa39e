"""Time stamps (RFC 3161): an authority's word that a checkpoint was there at its time.

The authority is asked when a head is signed; its answer is kept in the store as an anchor's
receipt. A verifier who brings the authority's certificate checks it offline. It proves that this
head stood at that time. It does not prove that there was no other one: who holds the signing key
can write the log anew and have that stamped, at a later time, so the time is always said.
"""

from __future__ import annotations

import base64
import hashlib
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cryptography import x509

from muniment.errors import EvidenceBrokenError, StoreError, UsageError
from muniment.integrity.checkpoints import Checkpoint
from muniment.store.checkpoint_files import read_checkpoint_file, receipts
from muniment.store.layout import StoreLayout

if TYPE_CHECKING:
    from rfc3161_client import TimeStampResponse

TSA = "tsa"
_SECONDS, _MOST_BYTES = 30, 32_768
_KIND = "application/timestamp-query"


def request_stamp(url: str, checkpoint: Checkpoint) -> tuple[str, str]:
    """What to note of a new stamp (time and digest), and the stamp itself in base64.

    Raises StoreError where the authority cannot be reached, refuses, or answers something else.
    """
    client = _client()
    if not url.startswith(("http://", "https://")):
        raise UsageError(f"`tsa:{url[:120]}` names no address. Write tsa:http://… or tsa:https://…")
    content = checkpoint.content.encode()
    builder = client.TimestampRequestBuilder(data=content)
    query = builder.hash_algorithm(client.base.HashAlgorithm.SHA256).build()
    request = urllib.request.Request(  # noqa: S310 - the scheme was checked
        url, query.as_bytes(), {"Content-Type": _KIND}
    )
    try:
        with urllib.request.urlopen(request, timeout=_SECONDS) as answer:  # noqa: S310
            stamp = answer.read(_MOST_BYTES + 1)
        response = client.decode_timestamp_response(stamp)
        granted = response.status == 0 and len(stamp) <= _MOST_BYTES
        info = response.tst_info if granted else None
    except (OSError, ValueError) as error:
        raise StoreError(
            f"the time-stamp authority `{url}` gave no stamp: {str(error)[:160]}. The checkpoint "
            "is signed and kept; run `muniment seal` again later."
        ) from error
    digest = hashlib.sha256(content).digest()
    if info is None or info.nonce != query.nonce or info.message_imprint.message != digest:
        raise StoreError(
            f"the time-stamp authority `{url}` refused, or stamped something else. The checkpoint "
            "is signed and kept; ask the authority."
        )
    token = f"{info.gen_time.isoformat()} sha256:{hashlib.sha256(stamp).hexdigest()}"
    return token, base64.b64encode(stamp).decode()


def stamped_heads(layout: StoreLayout, certificate: Path) -> list[tuple[str, Checkpoint]]:
    """The store's heads that an authority stamped, by the certificate that the verifier brings.

    certificate: PEM, the authority's own or that of its root, with any between. Each comes with the
    time of the stamp. A receipt that does not verify by it counts for nothing.
    """
    verifier = _verifier(certificate)
    return list(_stamped(layout, verifier))


def _stamped(layout: StoreLayout, verifier: Any) -> Iterator[tuple[str, Checkpoint]]:
    client = _client()
    for receipt in receipts(layout):
        if receipt.kind != TSA:
            continue
        try:
            head = read_checkpoint_file(layout.checkpoint_file(receipt.checkpoint_size))
            response = client.decode_timestamp_response(base64.b64decode(receipt.stamp))
            verifier.verify_message(response, head.content.encode())
        except (EvidenceBrokenError, client.errors.VerificationError, ValueError):
            continue
        yield f"the stamp of {_time(response)} over {head.size} headers", head


def _time(response: TimeStampResponse) -> str:
    return response.tst_info.gen_time.isoformat()


def _verifier(certificate: Path) -> Any:
    client = _client()
    try:
        held = x509.load_pem_x509_certificates(certificate.read_bytes())
    except (OSError, ValueError) as error:
        raise UsageError(
            f"`{certificate}` holds no certificate in PEM: {str(error)[:120]}. To verify, write "
            "tsa:FILE with the certificate of the authority, got elsewhere than from the store."
        ) from error
    builder = client.VerifierBuilder()
    for each in held:
        root = each.issuer == each.subject or len(held) == 1
        add = builder.add_root_certificate if root else builder.add_intermediate_certificate
        builder = add(each)
    return builder.build()


def _client() -> Any:
    try:
        import rfc3161_client
        import rfc3161_client.errors
    except ImportError as error:
        raise StoreError(
            "time stamps need the extra `signing`. Install it: pip install 'muniment[signing]'."
        ) from error
    return rfc3161_client
