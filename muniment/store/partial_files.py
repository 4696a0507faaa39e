"""Partials on disk: what each run computed of control tests over units, found again by key.

cache/partials/<name>/         one folder for each piece of work, renamed into place when whole
    index.json                 keys in order of their place, and the digest of each file
    <grain>.parquet            rows of all partials of the folder; `ref` is the place of the key

A key says everything that the partial depends on, so a folder is never out of date, only unused.
A folder that does not fit its own digests is deleted and computed again.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import secrets
import shutil
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from muniment.store.cache_files import renamed_into_place

FORMAT = "1"
ABANDONED_S = 3_600  # nothing is written for so long


@dataclass(frozen=True, slots=True)
class Folder:
    """Some partials that were computed together: their keys by place, and their tables."""

    path: Path
    keys: tuple[str, ...]
    units: tuple[str, ...]

    def file(self, grain: str) -> Path | None:
        """The Parquet file of a grain; None where the folder has no rows of it."""
        path = self.path / f"{grain}.parquet"
        return path if path.is_file() else None


@dataclass(slots=True)
class PartialFiles:
    """The partials of one store. Reads the folders once; what it adds, it knows."""

    root: Path
    _folders: dict[str, Folder] = field(default_factory=dict)
    _places: dict[str, tuple[str, int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._sweep()
        for path in sorted(self.root.glob("P-*")):
            folder = _read(path)
            if folder is None:
                shutil.rmtree(path, ignore_errors=True)
            else:
                self._hold(folder)

    def __contains__(self, key: str) -> bool:
        return key in self._places

    def add(
        self, keys: Sequence[str], units: Sequence[str], tables: Mapping[str, pa.Table]
    ) -> None:
        """Keep partials: keys by place, the unit of each, and by grain the rows with `ref`."""
        path = self.root / f"P-{secrets.token_hex(12)}"
        with renamed_into_place(path) as temporary:
            temporary.mkdir(parents=True)
            digests = {}
            for grain, table in tables.items():
                if table.num_rows:
                    pq.write_table(table, temporary / f"{grain}.parquet", compression="zstd")
                    digests[grain] = _digest(temporary / f"{grain}.parquet")
            index = {"format": FORMAT, "keys": keys, "units": units, "files": digests}
            (temporary / "index.json").write_text(json.dumps(index))
        self._hold(Folder(path, tuple(keys), tuple(units)))

    def found(self, keys: Collection[str]) -> Iterator[tuple[Folder, list[tuple[int, str]]]]:
        """The folders that hold these keys, each with (place, key) of what it holds of them."""
        by_folder: dict[str, list[tuple[int, str]]] = {}
        for key in keys:
            name, place = self._places[key]
            by_folder.setdefault(name, []).append((place, key))
        for name in sorted(by_folder):
            yield self._folders[name], sorted(by_folder[name])

    def forget_units(self, units: Collection[str]) -> None:
        """Write every folder that holds anything of these units anew, without it."""
        for name, folder in list(self._folders.items()):
            gone = [place for place, unit in enumerate(folder.units) if unit in units]
            if gone:
                keys = ["" if unit in units else key for key, unit in _pairs(folder)]
                left = ["" if unit in units else unit for unit in folder.units]
                kept = {path.stem: _without(path, gone) for path in folder.path.glob("*.parquet")}
                self.add(keys, left, kept)
                self._drop(name)

    def tidy(self, used: Collection[str], most: int = 64) -> None:
        """Where many folders lie about, delete those of which nothing is used."""
        if len(self._folders) <= most:
            return
        for name, folder in list(self._folders.items()):
            if not set(folder.keys) & set(used):
                self._drop(name)

    def _sweep(self) -> None:
        """Delete what a process left that was killed while it wrote."""
        for path in self.root.glob(".P-*.tmp"):
            with contextlib.suppress(OSError):
                if time.time() - path.stat().st_mtime > ABANDONED_S:
                    shutil.rmtree(path, ignore_errors=True)

    def _drop(self, name: str) -> None:
        folder = self._folders.pop(name)
        shutil.rmtree(folder.path, ignore_errors=True)
        self._places = {k: at for k, at in self._places.items() if at[0] != name}

    def _hold(self, folder: Folder) -> None:
        self._folders[folder.path.name] = folder
        for place, key in enumerate(folder.keys):
            if key:  # an empty place was forgotten
                self._places[key] = (folder.path.name, place)


def _read(path: Path) -> Folder | None:
    try:
        index: dict[str, Any] = json.loads((path / "index.json").read_bytes())
        fits = index["format"] == FORMAT and all(
            _digest(path / f"{grain}.parquet") == digest for grain, digest in index["files"].items()
        )
        return Folder(path, tuple(index["keys"]), tuple(index["units"])) if fits else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _pairs(folder: Folder) -> Iterator[tuple[str, str]]:
    return zip(folder.keys, folder.units, strict=True)


def _without(path: Path, places: Collection[int]) -> pa.Table:
    table = pq.read_table(path)
    gone = pc.is_in(table.column("ref"), value_set=pa.array(places, table.schema.field("ref").type))
    return table.filter(pc.invert(gone))


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
