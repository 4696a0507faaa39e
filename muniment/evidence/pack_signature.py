"""The PAdES signature of a signed-off pack: over every byte of the PDF, in a hole left for it.

The printer leaves a signature dictionary whose `/Contents` are zeros, certified against all changes
(DocMDP, level 1). The log's note covers the PDF as it is then; filling the hole changes no other
byte, so whoever blanks it has the bytes that the log's key signed. There is one revision only:
whatever is hung on the PDF later breaks both signatures.
"""

from __future__ import annotations

import hashlib
import re
from io import BytesIO
from typing import TYPE_CHECKING

from muniment.errors import ReportError
from muniment.evidence.verify import Step
from muniment.sealing.certificates import Certificate

if TYPE_CHECKING:
    from pyhanko.sign.fields import MDPPerm
    from pyhanko.sign.validation.status import PdfSignatureStatus

HOLE_DIGITS, RANGE_BYTES = 24_000, 40
BLANK = b"/ByteRange [" + b" " * RANGE_BYTES + b"]/Contents <" + b"0" * HOLE_DIGITS + b">"
_FILLED = re.compile(rb"/ByteRange \[([0-9 ]{40})\]/Contents <([0-9a-f]+)>")
TITLE = "The PDF's own signature (PAdES) holds over every byte"


def prepared(pdf: bytes, note_length: int) -> bytes:
    """The printed PDF with the range of bytes that will be signed, once its note is in it too."""
    if pdf.count(BLANK) != 1:
        raise ReportError("the printed PDF has no place for its signature, so it is not signed.")
    at = pdf.index(BLANK)
    begin, end = at + len(BLANK) - HOLE_DIGITS - 2, at + len(BLANK)
    covered = b"0 %d %d %d" % (begin, end, len(pdf) + note_length - end)
    return pdf[: at + 12] + covered.ljust(RANGE_BYTES) + pdf[at + 12 + RANGE_BYTES :]


def with_signature(pdf: bytes, certificate: Certificate) -> bytes:
    """The PDF, note and all, with its hole filled."""
    match = _FILLED.search(pdf)
    assert match is not None  # noqa: S101 - `prepared` made it so
    begin, end = match.start(2) - 1, match.end(2) + 1
    signature = certificate.sign(hashlib.sha256(pdf[:begin] + pdf[end:]).digest()).hex().encode()
    if len(signature) > HOLE_DIGITS:
        raise ReportError(
            f"the signature by `{certificate.path}` takes {len(signature) // 2:,} bytes, more than "
            "the PDF has room for. Leave certificates out of the file that are not of its chain."
        )
    return pdf[: begin + 1] + signature.ljust(HOLE_DIGITS, b"0") + pdf[end - 1 :]


def signature_step(pdf: bytes, number: int) -> Step | None:
    """What a PDF reader finds of the signature; None where the PDF has none and asks for none."""
    match = _FILLED.search(pdf)
    if match is None and b"/ByteRange" not in pdf:
        return None
    if match is not None and not match.group(2).strip(b"0"):
        return Step(number, TITLE, False, "it was taken out", ("it was taken out",), "")
    try:
        from pyhanko.pdf_utils.reader import PdfFileReader
        from pyhanko.sign.validation import validate_pdf_signature
        from pyhanko_certvalidator import ValidationContext
    except ImportError:
        said = "not checked: that needs the extra `signing` (pip install 'muniment[signing]')"
        return Step(number, TITLE, True, said, (), "")
    try:
        (signature,) = PdfFileReader(BytesIO(pdf)).embedded_signatures
        # Its own root: who issued the certificate, the verifier judges by what was published.
        context = ValidationContext(trust_roots=[signature.signer_cert], allow_fetching=False)
        status = validate_pdf_signature(signature, context)
        faults = _faults(status, signature.docmdp_level)
        holder = signature.signer_cert
        said = (
            f"signed by {ascii(holder.subject.human_friendly)[1:-1]}, certificate SHA-256 "
            f"{holder.sha256.hex()}, certified against changes; whether that is the owner's "
            "certificate, compare with what was published"
        )
    except Exception as error:  # a hostile file may break any line
        faults = [f"it cannot be read: {str(error)[:160] or type(error).__name__}"]
    return Step(number, TITLE, not faults, "; ".join(faults) or said, tuple(faults), "")


def _faults(status: PdfSignatureStatus, level: MDPPerm | None) -> list[str]:
    from pyhanko.sign.fields import MDPPerm
    from pyhanko.sign.validation.status import SignatureCoverageLevel

    faults = []
    if not (status.intact and status.valid):
        faults.append("it does not fit the bytes that it covers")
    if status.coverage != SignatureCoverageLevel.ENTIRE_FILE or not status.docmdp_ok:
        faults.append("it does not cover the whole file")
    if level is not MDPPerm.NO_CHANGES:
        faults.append("it allows changes")
    return faults
