"""What several commands share: the store option, the person who runs a command, the two formats."""

from __future__ import annotations

import getpass
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from muniment.catalog.sources import load_source_map
from muniment.errors import UsageError
from muniment.model.sources import SourceMap
from muniment.store.open import Store, open_store

StoreOption = Annotated[
    Path,
    typer.Option("--store", envvar="MUNIMENT_STORE", help="Folder of the store."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
ByOption = Annotated[
    str | None,
    typer.Option("--by", help="Person who does this; the operating-system user unless given."),
]
DEFAULT_STORE = Path("muniment-store")


def person(given: str | None) -> str:
    """Who acts: the name given, else the operating-system user."""
    if given and given.strip():
        return given.strip()
    try:
        return getpass.getuser()
    except (KeyError, OSError) as error:
        raise UsageError("this system does not say who you are. Use --by.") from error


def opened(root: Path) -> Store:
    """The store in a folder, ready; the caller closes it."""
    return open_store(root)


def chosen_map(name: str, maps: Mapping[str, SourceMap]) -> SourceMap:
    """The source map that `--map` names: an id, or a YAML file."""
    if name in maps:
        return maps[name]
    if Path(name).suffix in {".yaml", ".yml"}:
        return load_source_map(Path(name))
    raise UsageError(
        f"source map `{name}` is neither a YAML file nor one of: {', '.join(sorted(maps))}."
    )
