"""Opening a source file: what it is, its digest, and clear words where it cannot be used."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from muniment.errors import InputError
from muniment.ingest.compressed import Unpacked, unpacked

_CHUNK = 1 << 20
_UTF16 = (b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file as it was when the import began; readers read no further than `size`.

    path: its plain bytes, unpacked where it was compressed. sha256: of the file as delivered.
    """

    path: Path
    sha256: str
    size: int
    name: str = ""
    held: Unpacked | None = None


def examine(path: Path) -> SourceFile:
    """The file's digest and size; a compressed file is unpacked.

    Raises InputError if it is missing, a folder, empty or unreadable.
    """
    try:
        if path.is_dir():
            raise InputError(f"`{path}` is a folder. Name the files inside it.")
        digest, size = hashlib.sha256(), 0
        with path.open("rb") as stream:
            while block := stream.read(_CHUNK):
                digest.update(block)
                size += len(block)
        held = unpacked(path)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise InputError(
            f"`{path}` cannot be read: {reason}. Check the path and your rights."
        ) from error
    if size == 0:
        raise InputError(f"`{path}` is empty. Export it again.")
    if held is not None:
        return SourceFile(held.path, digest.hexdigest(), held.path.stat().st_size, path.name, held)
    return SourceFile(path, digest.hexdigest(), size, path.name)


@contextmanager
def open_text(path: Path, encoding: str) -> Iterator[TextIO]:
    """The file as text, without byte order mark; InputError where the bytes are not `encoding`."""
    codec = "utf-8-sig" if encoding.lower().replace("_", "-") in {"utf-8", "utf8"} else encoding
    check_byte_order(path, codec)
    try:
        with path.open(encoding=codec, newline="") as stream:
            yield stream
    except UnicodeError as error:
        at = f" at byte {error.start:,}" if isinstance(error, UnicodeDecodeError) else ""
        raise InputError(
            f"`{path.name}` is not {encoding} text: {getattr(error, 'reason', error)}{at} of the "
            "block. Save it as UTF-8, or set `encoding` in the source map. Nothing was imported."
        ) from error


def check_byte_order(path: Path, encoding: str) -> None:
    """InputError where the file starts as UTF-16 and the map says otherwise."""
    with path.open("rb") as stream:
        start = stream.read(2)
    if start in _UTF16 and not encoding.lower().startswith("utf-16"):
        raise InputError(
            f"`{path.name}` is UTF-16 text, not {encoding.removesuffix('-sig')}. "
            "Save it as UTF-8, or set `encoding: utf-16` in the source map. Nothing was imported."
        )
