"""A store as a whole: making one, opening one, and its parts."""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self
from zoneinfo import ZoneInfo

from sqlalchemy import URL, insert, inspect, select

from muniment.errors import StoreError, UsageError
from muniment.model.entries import OWN_SOURCE_ID
from muniment.model.times import format_time
from muniment.store.config import SQLITE, StoreConfig, read_config, write_config
from muniment.store.engine import Database, postgres_url, same_database, without_password
from muniment.store.layout import StoreLayout
from muniment.store.migrations import needs_upgrade, upgrade_schema
from muniment.store.records import RecordStore
from muniment.store.records_writer import Writer
from muniment.store.tables import STORE_STATE

if TYPE_CHECKING:
    from muniment.store.audit import AuditReader

URL_VARIABLE = "MUNIMENT_DATABASE_URL"


class Store:
    """The records and the audit log of one folder. Close it, or use it in a `with`."""

    def __init__(self, layout: StoreLayout, records: RecordStore) -> None:
        self.layout = layout
        self.records = records

    @cached_property
    def audit(self) -> AuditReader:
        """The audit log, for reading."""
        from muniment.store.audit import AuditReader

        return AuditReader(self.layout)

    def erased_files(self) -> dict[int, str]:
        """By segment of which rows were erased, SHA-256 of its file as it now is.

        An erasure is noted before it takes place, so the file itself is asked.
        """
        numbers = {int(target.split("-")[1]) for target in self.records.noted("erasure")}
        found = {}
        for number in sorted(numbers):
            with self.audit.segment(number).path.open("rb") as file:
                found[number] = hashlib.file_digest(file, "sha256").hexdigest()
        return found

    def close(self) -> None:
        """Give back the database's connections."""
        self.records.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def create_store(
    root: Path,
    *,
    organisation: str,
    time_zone: str,
    recorded_by: str,
    database_url: str | None = None,
) -> Store:
    """Make a new store in `root`, which must be missing or empty, and open it.

    database_url: a PostgreSQL database without tables of ours; default SQLite in the folder. Its
    password is used and never stored: later, `open_store` finds it in MUNIMENT_DATABASE_URL.
    Raises UsageError for a wrong argument, StoreError where folder or database cannot be used; then
    nothing is left behind.
    """
    _check_organisation(organisation, time_zone)
    layout = StoreLayout(Path(root))
    url = postgres_url(database_url) if database_url else None
    _make_folder(layout.root)
    database = _database(layout, url)
    try:
        _fill_database(database, layout, url, (organisation, time_zone, recorded_by))
    except BaseException:
        database.close()
        _empty(layout.root)
        raise
    return Store(layout, RecordStore(database))


def open_store(root: Path, *, database_url: str | None = None) -> Store:
    """Open the store in `root` and bring an older database up to date.

    database_url: only for its password; default the environment's MUNIMENT_DATABASE_URL. Raises
    StoreError where the folder is no store, the database cannot be reached or belongs to another
    store, or a newer Muniment made it.
    """
    layout = StoreLayout(Path(root))
    config = read_config(layout.config_file)
    database = _database(layout, _runtime_url(layout, config, database_url))
    if database.is_sqlite and not layout.records_file.is_file():
        raise StoreError(
            f"`{layout.records_file}` is missing. Restore it from a backup; the audit log beside "
            "it is whole and shows every change of the records."
        )
    try:
        _bring_up_to_date(database, config, layout)
    except BaseException:
        database.close()
        raise
    return Store(layout, RecordStore(database))


def _check_organisation(organisation: str, time_zone: str) -> None:
    if not organisation.strip():
        raise UsageError("the organisation has no name. Give its legal or trading name.")
    try:
        ZoneInfo(time_zone)
    except (KeyError, ValueError, OSError):
        raise UsageError(
            f"`{time_zone}` is no time zone. Give an IANA name, such as `Europe/Berlin` or `UTC`."
        ) from None


def _make_folder(root: Path) -> None:
    if (root / "muniment.toml").exists():
        raise StoreError(
            f"`{root}` is a Muniment store already. Use it as it is, or choose another folder."
        )
    try:
        root.mkdir(parents=True, exist_ok=True)
        others = sorted(each.name for each in root.iterdir())
    except (FileExistsError, NotADirectoryError):
        raise StoreError(f"`{root}` is not a folder. Choose another place for the store.") from None
    except OSError as error:
        raise StoreError(
            f"the folder `{root}` cannot be made: {error.strerror}. Choose a place where this user "
            "may write."
        ) from None
    if others:
        raise StoreError(
            f"`{root}` holds other things already, such as `{others[0]}`. "
            "Choose a new or an empty folder: evidence is not mixed with other files."
        )


def _empty(root: Path) -> None:
    """Remove what a failed start left; the folder was empty before."""
    for each in root.iterdir():
        if each.is_dir():
            shutil.rmtree(each, ignore_errors=True)
        else:
            each.unlink(missing_ok=True)


def _database(layout: StoreLayout, url: URL | None) -> Database:
    return Database(file=layout.records_file) if url is None else Database(url=url)


def _fill_database(
    database: Database, layout: StoreLayout, url: URL | None, who: tuple[str, str, str]
) -> None:
    name, time_zone, recorded_by = who
    store_id = secrets.token_hex(16)
    stored = SQLITE if url is None else without_password(url)
    if database.is_sqlite:
        database.use_write_ahead_log()
    with database.writing() as connection:
        if inspect(connection).get_table_names():
            raise StoreError(
                f"the database `{database.place}` holds tables already. "
                "Give each store an empty database of its own."
            )
        upgrade_schema(connection)
        first = {"id": 1, "store_id": store_id, "last_instant": format_time(0)}
        connection.execute(insert(STORE_STATE), [first])
        writer = Writer(connection)
        writer.put(
            "organisation",
            {"organisation_id": "self", "name": name, "time_zone": time_zone},
            valid_from=writer.recorded_at,
            recorded_by=recorded_by,
            source_id=OWN_SOURCE_ID,
        )
        # Inside the transaction: where the file cannot be written, no table stays behind.
        _write_config(layout.config_file, StoreConfig(database=stored, store_id=store_id))


def _write_config(path: Path, config: StoreConfig) -> None:
    try:
        write_config(path, config)
    except OSError as error:
        raise StoreError(
            f"`{path}` cannot be written: {error.strerror}. "
            "Choose a place where this user may write."
        ) from None


def _runtime_url(layout: StoreLayout, config: StoreConfig, given: str | None) -> URL | None:
    if config.database == SQLITE:
        return None
    stored = postgres_url(config.database)
    address = given or os.environ.get(URL_VARIABLE)
    if not address:
        return stored
    url = postgres_url(address)
    if not same_database(url, stored):
        raise StoreError(
            f"{URL_VARIABLE} names `{without_password(url)}`, and `{layout.config_file}` names "
            f"`{config.database}`. Correct the one that is wrong."
        )
    return url


def _bring_up_to_date(database: Database, config: StoreConfig, layout: StoreLayout) -> None:
    with database.reading() as connection:
        behind = needs_upgrade(connection, database.place)
    if behind:
        with database.writing() as connection:
            # Another process may have been faster while this one waited for the lock.
            if needs_upgrade(connection, database.place):
                upgrade_schema(connection)
    with database.reading() as connection:
        found = connection.execute(select(STORE_STATE.c.store_id)).scalar_one_or_none()
    if found != config.store_id:
        raise StoreError(
            f"the database `{database.place}` belongs to another store than `{layout.root}`. "
            "Correct `database` in muniment.toml, or restore folder and database together."
        )
