"""The packs that lie in a store, as their manifests describe them."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from muniment.store.layout import StoreLayout

_PACK_ID = re.compile(r"MP-[0-9a-f]{12}\Z")
MANIFEST = "manifest.json"


@dataclass(frozen=True, slots=True)
class Pack:
    """One pack: its id, report, assessment, and its files as (name, bytes), the PDFs first.

    written_at: seconds since 1970 at which its manifest was written on this machine. fault: why
    the folder is no whole pack, None where it is one.
    """

    pack_id: str
    report: str
    assessment_id: str
    files: tuple[tuple[str, int], ...]
    written_at: float
    fault: str | None = None


def packs_of(layout: StoreLayout) -> list[Pack]:
    """Every pack of a store, the latest first; what is no pack's folder is left out."""
    folders = [p for p in layout.packs.glob("MP-*") if p.is_dir() and _PACK_ID.match(p.name)]
    found = [_pack(folder) for folder in folders]
    return sorted(found, key=lambda pack: (-pack.written_at, pack.pack_id))


def _pack(folder: Path) -> Pack:
    files = sorted(
        (
            (p.name, p.stat().st_size)
            for p in folder.iterdir()
            if p.is_file() and not p.is_symlink()
        ),
        key=lambda pair: (not pair[0].endswith(".pdf"), pair[0]),
    )
    try:
        manifest: dict[str, Any] = json.loads((folder / MANIFEST).read_text("utf-8"))
        inputs = manifest["inputs"]
        listed = {entry["name"] for entry in manifest["files"]}
        report, assessment = str(inputs["report"]), str(inputs["assessment_id"])
        written = (folder / MANIFEST).stat().st_mtime
    except (OSError, ValueError, KeyError, TypeError):
        return Pack(folder.name, "", "", tuple(files), folder.stat().st_mtime,
                    "its manifest cannot be read")  # fmt: skip
    missing = sorted(listed - {name for name, _ in files})
    fault = f"`{missing[0]}` is missing" if missing else None
    return Pack(folder.name, report, assessment, tuple(files), written, fault)
