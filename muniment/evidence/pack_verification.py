"""Verifying a pack's folder, zip or PDF by the same program that every pack carries."""

from __future__ import annotations

import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path

from muniment.errors import InputError, UsageError
from muniment.evidence.verify import LIMIT, Step, Verification
from muniment.evidence.verify import read_checkpoint as read_as_pack_does
from muniment.integrity.checkpoints import Checkpoint
from muniment.sealing.anchors import Anchor, held_at
from muniment.sealing.trust import Holdings

MAX_FILES = 10_000


def pack_steps(place: Path, holdings: Holdings, anchors: Sequence[Anchor] = ()) -> list[Step]:
    """The numbered steps of verifying a pack; see `verify.py` for what each one checks.

    anchors: read for the log that the pack itself names. Raises UsageError where `place` is neither
    a pack's folder, nor a zip, nor a PDF, InputError where a zip cannot be unpacked safely.
    """
    begin = place.open("rb").read(5) if place.is_file() else b""
    # By its first bytes: a zip that hangs on the end of a PDF is not what a reader would see.
    if begin.startswith(b"PK\x03\x04") and place.suffix.lower() != ".pdf":
        with tempfile.TemporaryDirectory(prefix="muniment-pack-") as folder:
            return _steps(_unpacked(place, Path(folder)), holdings, anchors)
    if begin != b"%PDF-" and not (place.is_dir() and any(place.glob("*.pdf"))):
        raise UsageError(
            f"`{place}` is no store and no evidence pack. Name a store's folder, or a pack's "
            "folder, zip or PDF."
        )
    return _steps(place, holdings, anchors)


def copies_at(anchors: Sequence[Anchor], origin: str) -> list[tuple[str, Checkpoint]]:
    """Every copy that some anchors hold of one log's heads, with where it lies."""
    return [
        (f"`{anchor}`, {head.size} headers", head)
        for anchor in anchors
        for head in held_at(anchor, origin)
    ]


def _steps(place: Path, holdings: Holdings, anchors: Sequence[Anchor]) -> list[Step]:
    heads = list(holdings.heads)
    if anchors:
        first = Verification(place)
        first.steps()
        heads += copies_at(anchors, first.head.origin) if first.head else []
    since = [(where, read_as_pack_does(head.content)) for where, head in heads]
    return Verification(place, holdings.fingerprint, since).steps()


def _unpacked(place: Path, folder: Path) -> Path:
    """The zip's files side by side, whatever folders it names: no path of it is followed."""
    try:
        with zipfile.ZipFile(place) as archive:
            members = [info for info in archive.infolist() if not info.is_dir()]
            if len(members) > MAX_FILES or sum(info.file_size for info in members) > LIMIT:
                raise InputError(f"`{place}` unpacks to too much. Unpack it, and name the folder.")
            for info in members:
                name = info.filename.replace("\\", "/").rpartition("/")[2]
                if not name or (folder / name).exists():
                    raise InputError(f"`{place}` holds `{info.filename[:80]}` twice, or unnamed.")
                (folder / name).write_bytes(archive.read(info))
    except (zipfile.BadZipFile, OSError, RuntimeError, NotImplementedError) as error:
        raise InputError(f"`{place}` cannot be unpacked: {error}. Unpack it by hand.") from error
    return folder
