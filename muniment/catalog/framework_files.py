"""The files of a framework: one `<id>.yaml`, or a folder `<id>/` of `framework.yaml` and parts."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from muniment.catalog.yaml_files import KeyPath, YamlFile, display_path, read_yaml
from muniment.errors import CatalogError

HEAD = "framework.yaml"
# What the parts of a folder may hold; their entries follow each other in the order of file names.
SHARED_KEYS = ("requirements", "penalties", "calendar", "source_conflicts")
# What a unit takes from the unit above it unless it says otherwise.
INHERITED = (
    "classes", "applies_from", "applies_from_before_amendment", "other_dates", "formally_from",
    "interpretation",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a shared list: its file, its place there, and its content as written."""

    file: YamlFile
    place: KeyPath
    content: Any

    def where(self, *keys: str | int) -> str:
        """File and line of a value inside the entry, as an error names them."""
        return self.file.where((*self.place, *keys))


@dataclass(frozen=True, slots=True)
class FrameworkFiles:
    """A framework as it lies on disk: the head first, then the parts by name."""

    id: str
    files: tuple[YamlFile, ...]

    @property
    def head(self) -> YamlFile:
        """The file that names the edition."""
        return self.files[0]

    @property
    def digest(self) -> str:
        """SHA-256 of the one file, or over the names and digests of all files of the folder."""
        if len(self.files) == 1:
            return self.head.sha256
        lines = "".join(f"{file.path.name} {file.sha256}\n" for file in self.files)
        return hashlib.sha256(lines.encode()).hexdigest()

    def entries(self, key: str) -> Iterator[Entry]:
        """The entries of a shared list, over all files."""
        for file in self.files:
            held = file.content.get(key, [])
            if not isinstance(held, list):
                raise CatalogError(f"{file.where((key,))}: `{key}` must be a list.")
            for index, content in enumerate(held):
                yield Entry(file, (key, index), content)

    def units(self) -> Iterator[tuple[Entry, dict[str, Any]]]:
        """Each unit as written, and its content with what it takes from the unit above."""
        known: dict[str, dict[str, Any]] = {}
        for entry in self.entries("requirements"):
            if not isinstance(entry.content, dict):
                raise CatalogError(f"{entry.where()}: a requirement is a mapping of keys.")
            content = dict(entry.content)
            parent = known.get(str(content.get("parent")), {})
            taken = {key: parent[key] for key in INHERITED if key in parent}
            content = {**taken, **content}
            known[str(content.get("id"))] = content
            yield entry, content


def framework_files(folder: Path) -> dict[str, FrameworkFiles]:
    """Every framework of a folder by id, read but not checked.

    Raises CatalogError where there is none, or where a file cannot be read.
    """
    found: dict[str, tuple[Path, ...]] = {path.stem: (path,) for path in folder.glob("*.yaml")}
    for head in folder.glob(f"*/{HEAD}"):
        name = head.parent.name
        if name in found:
            raise CatalogError(
                f"framework `{name}` is a file and a folder in `{display_path(folder)}`. Keep one."
            )
        parts = sorted(path for path in head.parent.glob("*.yaml") if path.name != HEAD)
        found[name] = (head, *parts)
    if not found:
        raise CatalogError(
            f"`{display_path(folder)}` holds no framework. Put one `<id>.yaml` per edition there."
        )
    return {name: _read(name, found[name]) for name in sorted(found)}


def _read(name: str, paths: tuple[Path, ...]) -> FrameworkFiles:
    files = tuple(read_yaml(path) for path in paths)
    for file in files[1:]:
        for key in file.content:
            if key not in SHARED_KEYS:
                listed = ", ".join(f"`{known}`" for known in SHARED_KEYS)
                raise CatalogError(
                    f"{file.where((key,))}: `{key}` has no place in a part. A part holds {listed}; "
                    f"the rest stands in {HEAD}."
                )
    return FrameworkFiles(name, files)
