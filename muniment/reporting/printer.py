"""HTML to PDF: tagged PDF/A-3 with attachments, from bundled files only; no warning is ignored."""

from __future__ import annotations

import ctypes
import gc
import logging
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

import pyarrow as pa
import weasyprint
from weasyprint.urls import FatalURLFetchingError, URLFetcher, URLFetcherResponse

from muniment.errors import ReportError
from muniment.model import times
from muniment.reporting.attached import PDF_VARIANT, EvidenceFile
from muniment.reporting.signature_field import leave_place


class BundledFetcher(URLFetcher):  # type: ignore[misc]
    """Gives files below the report's own folders and stops the build on any other address."""

    def __init__(self, roots: Sequence[Path], logo: tuple[str, bytes] | None = None) -> None:
        super().__init__(allowed_protocols={"file"}, allow_redirects=False)
        self._roots = tuple(root.resolve() for root in roots)
        self._logo = logo

    def fetch(self, url: str, headers: Any = None) -> URLFetcherResponse:  # noqa: ARG002
        """The file's bytes; FatalURLFetchingError for whatever lies elsewhere."""
        parts = urlsplit(url)
        path = Path(url2pathname(parts.path)).resolve()
        if self._logo is not None and path == self._roots[0] / self._logo[0]:
            kind = {".svg": "image/svg+xml"}.get(path.suffix, "image/png")
            return URLFetcherResponse(url, self._logo[1], {"Content-Type": kind})
        inside = any(path.is_relative_to(root) for root in self._roots)
        if parts.scheme != "file" or parts.netloc or not inside or not path.is_file():
            raise FatalURLFetchingError(f"`{url[:120]}` is not a bundled file of the report")
        kind = {".css": "text/css"}.get(path.suffix, "application/octet-stream")
        return URLFetcherResponse(url, path.read_bytes(), {"Content-Type": kind})


class _Warnings(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.texts.append(record.getMessage())


@contextmanager
def no_warnings() -> Iterator[None]:
    """Raises ReportError afterwards when WeasyPrint or fontTools warned of anything."""
    handler = _Warnings()
    loggers = [logging.getLogger(name) for name in ("weasyprint", "fontTools")]
    for logger in loggers:
        logger.addHandler(handler)
    try:
        yield
    finally:
        for logger in loggers:
            logger.removeHandler(handler)
    if handler.texts:
        raise ReportError(
            f"the printer warned {len(handler.texts)} times, first: `{handler.texts[0][:200]}`. "
            "Correct the report's template or style sheet."
        )


@contextmanager
def _no_collection() -> Iterator[None]:
    """Layout makes millions of objects that live to its end: looking for garbage finds none."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def give_back_memory() -> None:
    """Return to the system what reading and listing left free: layout needs as much again.

    Python and Arrow keep freed memory; on systems without `malloc_trim` a part of it stays.
    """
    gc.collect()
    pa.default_memory_pool().release_unused()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if os.name == "posix" else None
    if trim is not None:
        trim(0)


def print_pdf(
    html: str,
    *,
    styles: Sequence[Path],
    roots: Sequence[Path],
    files: Sequence[EvidenceFile],
    identifier: bytes,
    made_at: str,
    logo: tuple[str, bytes] | None = None,
    signed_at: str | None = None,
) -> bytes:
    """The PDF's bytes; the same arguments give the same bytes.

    made_at: the fixed time string that the file states for itself and its attachments, never now.
    signed_at: the same for a signature, for which a place is left then; None leaves none.
    logo: a picture that templates may ask for by its name as if it lay in the first of the roots.
    Raises ReportError on any warning, and on any address that is no bundled file.
    """
    fetcher = BundledFetcher(roots, logo)
    created = _instant(made_at)
    base_url = roots[0].resolve().as_uri() + "/"
    try:
        with no_warnings(), _no_collection():
            fonts = weasyprint.text.fonts.FontConfiguration()
            sheets = [
                weasyprint.CSS(filename=path, url_fetcher=fetcher, font_config=fonts)
                for path in styles
            ]
            document = weasyprint.HTML(string=html, base_url=base_url, url_fetcher=fetcher)
            pdf: bytes = document.write_pdf(
                stylesheets=sheets,
                font_config=fonts,
                attachments=[_attachment(file, created, fetcher) for file in files],
                pdf_variant=PDF_VARIANT,
                pdf_identifier=identifier,
                finisher=partial(_finish, signed_at=signed_at),
            )
    except FatalURLFetchingError as error:
        raise ReportError(f"the report asks for a file that it may not have: {error}.") from error
    return pdf


def _instant(at: str) -> datetime:
    return datetime.fromtimestamp(times.to_nanos(at) // times.NANOS, UTC)


def _attachment(
    file: EvidenceFile, created: datetime, fetcher: BundledFetcher
) -> weasyprint.Attachment:
    return weasyprint.Attachment(
        string=file.content,
        name=file.name,
        description=f"{file.number}: {file.description}",
        created=created,
        modified=created,
        relationship="Data",
        url_fetcher=fetcher,
    )


def _finish(_document: Any, pdf: Any, signed_at: str | None) -> None:
    """Names each associated file once: the PDF/A step of WeasyPrint 70 lists it twice."""
    if signed_at is not None:
        leave_place(pdf, _instant(signed_at))
    listed = pdf.catalog.get("AF")
    if listed:
        once = list(dict.fromkeys(listed))
        del listed[:]
        listed.extend(once)
