"""A place for a PAdES signature in a PDF that is being printed."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pydyf

from muniment.evidence.pack_signature import BLANK


class _Plain(pydyf.Object):  # type: ignore[misc]
    """An object written as it is given, outside every compressed stream."""

    compressible = False

    def __init__(self, content: bytes) -> None:
        super().__init__()
        self._content = content

    @property
    def data(self) -> bytes:
        return self._content


def leave_place(pdf: Any, signed_at: datetime) -> None:
    """Add an empty signature, certified against all changes, and its invisible field.

    PDF 2.0 section 12.8: the document's permissions name the signature, whose transform allows
    nothing (`/P 1`). ETSI EN 319 142-1: the time is in `/M`, the signature is CAdES, detached.
    """
    certified = (
        b"/Reference [<</Type /SigRef/TransformMethod /DocMDP"
        b"/TransformParams <</Type /TransformParams/V /1.2/P 1>>>>]"
    )
    moment = signed_at.strftime("(D:%Y%m%d%H%M%SZ)").encode()
    head = b"<</Type /Sig/Filter /Adobe.PPKLite/SubFilter /ETSI.CAdES.detached/M " + moment
    signature = _Plain(head + certified + BLANK + b">>")
    pdf.add_object(signature)
    page = pdf.objects[pdf.pages["Kids"][0]]
    field = pydyf.Dictionary({
        "Type": "/Annot", "Subtype": "/Widget", "FT": "/Sig", "T": pydyf.String("Signature"),
        "Rect": pydyf.Array([0, 0, 0, 0]), "F": 132, "V": signature.reference,
        "P": page.reference,
    })  # fmt: skip
    pdf.add_object(field)
    page.setdefault("Annots", pydyf.Array([])).append(field.reference)
    fields = pydyf.Array([field.reference])
    pdf.catalog["AcroForm"] = pydyf.Dictionary({"Fields": fields, "SigFlags": 3})
    pdf.catalog["Perms"] = pydyf.Dictionary({"DocMDP": signature.reference})
