"""The store's own settings, `muniment.toml`: format, database (without password), identity."""

from __future__ import annotations

import json
import os
import tomllib
from dataclasses import dataclass
from pathlib import Path

from muniment.errors import StoreError

FORMAT_VERSION = "1"
SQLITE = "sqlite"


@dataclass(frozen=True, slots=True)
class StoreConfig:
    """What `muniment.toml` says. `database` is `sqlite` or an address without its password.

    store_id ties the folder to its database, so that a folder never reads another store's records.
    """

    database: str
    store_id: str
    format_version: str = FORMAT_VERSION


def write_config(path: Path, config: StoreConfig) -> None:
    """Write the file at once or not at all: its appearance is what makes a folder a store."""
    lines = [
        "# Settings of a Muniment store. The database's password is never kept here.",
        f"format_version = {json.dumps(config.format_version)}",
        f"database = {json.dumps(config.database)}",
        f"store_id = {json.dumps(config.store_id)}",
    ]
    temporary = path.with_suffix(".tmp")
    with temporary.open("w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def read_config(path: Path) -> StoreConfig:
    """What the file says; StoreError where it is missing, unreadable or of a newer format."""
    where = f"`{path}`"
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        raise StoreError(
            f"`{path.parent}` is not a Muniment store: it has no `{path.name}`. "
            "Name the store's folder with --store, or make one with `muniment init`."
        ) from None
    except OSError as error:
        raise StoreError(
            f"{where} cannot be read: {error.strerror}. Give this user the right to read it."
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise StoreError(f"{where} is damaged: {error}. Restore it from a backup.") from None
    version = found.get("format_version")
    if version != FORMAT_VERSION:
        raise StoreError(
            f"{where} has format `{version}`, and this Muniment reads format `{FORMAT_VERSION}`. "
            "Use the Muniment that made the store, or a newer one."
        )
    database, store_id = found.get("database"), found.get("store_id")
    if not isinstance(database, str) or not isinstance(store_id, str):
        raise StoreError(
            f"{where} lacks `database` or `store_id` as text. Restore it from a backup."
        )
    return StoreConfig(database=database, store_id=store_id)
