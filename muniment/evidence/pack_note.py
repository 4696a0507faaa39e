"""The pack's note: the log's key signs for manifest and printed pages.

The note names the log, the pack, and the digests of manifest and PDF. In the PDF it lies in one
comment line before `startxref`: no reader shows it, no offset moves, and taking the line out gives
back the bytes that were signed. Beside the PDF it is `pack.note`.
"""

from __future__ import annotations

import base64

from muniment.errors import ReportError, StoreError
from muniment.evidence.files import sha256
from muniment.evidence.verify import split_pdf
from muniment.integrity.notes import sign_note
from muniment.sealing.keys import signing_key
from muniment.store.open import Store

TITLE = "muniment pack"
FILE_NAME = "pack.note"
_MARK = b"startxref\n"
_PREFIX = b"%muniment-pack-note "


def sign_pack(store: Store, pack_id: str, manifest: bytes, pdf: bytes) -> str:
    """The signed note of a pack, or nothing where the log has no key that can be used here."""
    try:
        key = signing_key(store)
    except StoreError:
        return ""
    if key is None:
        return ""
    signed, _ = split_pdf(pdf)
    lines = (TITLE, key.origin, pack_id, sha256(manifest), sha256(signed))
    return sign_note("".join(f"{line}\n" for line in lines), (key.origin, key.private))


def with_note(pdf: bytes, note: str) -> bytes:
    """The PDF with its note; ReportError where it does not end as our printer ends one."""
    before, mark, after = pdf.rpartition(_MARK)
    if not mark or not before.endswith(b"\n") or after.count(b"\n") > 2:
        raise ReportError("the printed PDF does not end with `startxref`, so it is not signed.")
    return before + note_line(note) + mark + after


def note_line(note: str) -> bytes:
    """The comment line that holds a note."""
    return _PREFIX + base64.b64encode(note.encode()) + b"\n"
