"""Verifying a pack's folder, zip or PDF by the same program that every pack carries."""

from __future__ import annotations

import tempfile
import zipfile
from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path

import pikepdf

from muniment.errors import InputError, UsageError
from muniment.evidence import verify
from muniment.evidence.pack_signature import signature_step
from muniment.evidence.verify import LIMIT, NAMED, Step, Verification, sha256
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
    whole = Verification(place, holdings.fingerprint, since)
    steps = whole.steps()
    steps += _as_readers_see_it(whole, place, len(steps) + 1)
    return steps


def _as_readers_see_it(pack: Verification, place: Path, number: int) -> list[Step]:
    """What needs more than the standard library: attachments and signature as PDF readers do."""
    paths = sorted(place.iterdir()) if place.is_dir() else [place]
    contents = [path.read_bytes() for path in paths if path.is_file() and not path.is_symlink()]
    pdfs = [content for content in contents if content.startswith(b"%PDF-")]
    if not pack.files or len(pdfs) != 1:
        return []
    faults = _attachment_faults(pdfs[0], pack.files)
    said = "; ".join(faults[:NAMED]) or f"all {len(pack.files)} attachments are the files listed"
    title = "A PDF reader finds the same attachments"
    steps = [Step(number, title, not faults, said, tuple(faults), "")]
    steps.append(_verifier(pack.files.get("verify.py", b""), number + 1))
    signed = signature_step(pdfs[0], number + 2)
    return steps if signed is None else [*steps, signed]


def _verifier(content: bytes, number: int) -> Step:
    """Never a fault: an older Muniment's program is another one, and an honest one."""
    own, digest = Path(verify.__file__).read_bytes(), sha256(content)
    other = "it is another program than this Muniment's: run it only if that digest was published"
    said = f"SHA-256 {digest}; " + ("it is this Muniment's own" if content == own else other)
    return Step(number, "The pack's own verify.py", True, said, (), "")


def _attachment_faults(pdf: bytes, files: Mapping[str, bytes]) -> list[str]:
    """By the tables that a reader follows, which our own reading by pattern does not."""
    try:
        with pikepdf.open(BytesIO(pdf)) as opened:
            seen = {
                name: sha256(held.get_file().read_bytes())
                for name, held in opened.attachments.items()
            }
            more = opened.Root.get("/OpenAction") is not None or "/JavaScript" in opened.Root.get(
                "/Names", {}
            )
    except Exception as error:  # a hostile file may break any line
        return [f"the PDF cannot be read: {str(error)[:160] or type(error).__name__}"]
    held = {name: sha256(content) for name, content in files.items()}
    names = sorted(name for name in {*seen, *held} if seen.get(name) != held.get(name))
    faults = [f"{name} is another file there, or missing" for name in names]
    return [*faults, "the PDF runs something when it is opened"] if more else faults


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
