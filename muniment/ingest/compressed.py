"""Compressed source files: unpacked once into a private folder, no further than a limit.

Readers go through a file twice, so they need its plain bytes. What is unpacked is removed when the
object that holds it goes; the digest of an import is that of the file as it was delivered.
"""

from __future__ import annotations

import shutil
import tempfile
import weakref
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa

from muniment.errors import InputError

GZIP, ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
# Logs shrink to a tenth, repetitive ones to a hundredth. A bomb shrinks a thousandfold.
FREE_BYTES, LARGEST_RATIO = 256 << 20, 200
_CHUNK = 1 << 20
_SUFFIXES = {".gz", ".gzip", ".zst"}


@dataclass(frozen=True, slots=True, weakref_slot=True)
class Unpacked:
    """The plain bytes of a compressed file, at `path` for as long as this object lives."""

    path: Path


def unpacked(path: Path) -> Unpacked | None:
    """The file's plain bytes, or None where it is not compressed.

    Raises InputError where it is cut off or broken, or unpacks to more than an honest file would.
    """
    with path.open("rb") as stream:
        start = stream.read(4)
    if not start.startswith((GZIP, ZSTD)):
        return None
    folder = Path(tempfile.mkdtemp(prefix="muniment-"))
    plain = Unpacked(folder / (path.stem if path.suffix.lower() in _SUFFIXES else path.name))
    weakref.finalize(plain, shutil.rmtree, folder, ignore_errors=True)
    limit = FREE_BYTES + LARGEST_RATIO * path.stat().st_size
    with path.open("rb") as stream, plain.path.open("wb") as out:
        written = 0
        for block in _blocks(stream, path.name, gzip=start.startswith(GZIP)):
            written += len(block)
            if written > limit:
                raise InputError(
                    f"`{path.name}` unpacks to more than {limit:,} bytes, as a decompression bomb "
                    "does. Unpack it yourself if you trust it. Nothing was imported."
                )
            out.write(block)
    return plain


def _blocks(stream: BinaryIO, name: str, *, gzip: bool) -> Iterator[bytes]:
    try:
        yield from _gzip_blocks(stream) if gzip else _zstd_blocks(stream)
    except (EOFError, OSError, zlib.error, pa.ArrowException) as error:
        raise InputError(
            f"`{name}` is not a whole compressed file: {str(error)[:200]}. Fetch it again. "
            "Nothing was imported."
        ) from error


def _gzip_blocks(stream: BinaryIO) -> Iterator[bytes]:
    """The members of a gzip file one after the other; EOFError where the last is cut off."""
    left = b""
    while left or (left := stream.read(_CHUNK)):
        member = zlib.decompressobj(wbits=31)
        while not member.eof:
            block = left or stream.read(_CHUNK)
            plain = member.decompress(block, _CHUNK)
            if not block and not plain and not member.eof:
                raise EOFError("it ends in the middle")
            yield plain
            left = member.unconsumed_tail if not member.eof else member.unused_data
        left = left.lstrip(b"\0")  # padding between or behind members


def _zstd_blocks(stream: BinaryIO) -> Iterator[bytes]:
    with pa.CompressedInputStream(pa.PythonFile(stream, "r"), "zstd") as source:
        while block := source.read(_CHUNK):
            yield block
