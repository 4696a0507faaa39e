"""Connections to the records database, alike on SQLite and PostgreSQL.

Writers: SQLite begins with BEGIN IMMEDIATE, PostgreSQL takes one advisory lock, so that on both one
writer at a time holds the records and the order of knowledge is the order of commits. Each waits up
to 30 seconds. Readers see one snapshot and cannot write: on SQLite a reader that turns writer would
fail at once whatever the wait, so it is refused everywhere.
"""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from muniment.errors import StoreBusyError, StoreError, UsageError

WAIT_SECONDS = 30
CONNECT_SECONDS = 10
_ADVISORY_LOCK = 7_881_604_302_611_093  # any number that nobody else uses; one lock per database
_SECRET_KEYS = ("password", "passfile", "sslpassword", "sslkey")
_BUSY = re.compile(r"database (table )?is locked|lock timeout", re.IGNORECASE)
_READ_ONLY = re.compile(r"readonly database|read-only transaction", re.IGNORECASE)
_SQLITE_REMEDIES = (
    ("unable to open", "Check that the folder exists and that this user may write in it."),
    (
        "not a database|malformed",
        "The file is damaged: restore it from a backup, then run `muniment status --verify`.",
    ),
    ("full|I/O", "Check the disk's free space and health; nothing of this change was kept."),
    (
        "no such (table|column)",
        "The tables are not those of this Muniment: restore the file from a backup.",
    ),
)
_POSTGRES_REMEDIES = (
    (
        "password authentication failed|no password supplied",
        "Set MUNIMENT_DATABASE_URL to the address with its password; it is used and never stored.",
    ),
    (
        "database .* does not exist",
        "Create the database first (`createdb`), or correct its name in the address.",
    ),
    ("permission denied", "Grant this database user the right to make and change tables."),
    (
        "connection refused|could not translate|resolve|timeout expired|is the server",
        "Check host, port and network, and that PostgreSQL runs and accepts connections.",
    ),
)


def postgres_url(address: str) -> URL:
    """The parsed URL of a PostgreSQL database, for the driver that Muniment uses.

    Raises UsageError, without repeating the address (it may hold a password), for anything else.
    """
    try:
        url = make_url(address)
    except ArgumentError:
        url = None
    if url is None or url.get_backend_name() not in {"postgresql", "postgres"} or not url.database:
        raise UsageError(
            "the database address is not one of PostgreSQL. "
            "Write it as `postgresql://user@host:5432/database`, or leave it out for SQLite."
        )
    return url.set(drivername="postgresql+psycopg")


def without_password(url: URL) -> str:
    """The address as it may be stored and printed."""
    # Built anew: URL.set(password=None) keeps the password.
    public = URL.create(
        "postgresql", url.username, None, url.host, url.port, url.database, url.query
    )
    return public.difference_update_query(_SECRET_KEYS).render_as_string(hide_password=False)


def same_database(one: URL, other: URL) -> bool:
    """Whether two addresses name one database, whoever logs in."""
    first, second = (
        (url.host or url.query.get("host"), url.port or 5432, url.database) for url in (one, other)
    )
    return first == second


def _secrets(url: URL) -> tuple[str, ...]:
    given = [url.password, *(url.query.get(key) for key in _SECRET_KEYS)]
    return tuple(str(each) for each in given if each)


class Database:
    """One records database: its engines for writing and reading, and its name for messages."""

    def __init__(self, *, file: Path | None = None, url: URL | None = None) -> None:
        self.is_sqlite = url is None
        self._file = file if url is None else None
        self.place = str(file) if url is None else without_password(url)
        self._secrets = _secrets(url) if url is not None else ()
        self._writing = threading.local()
        if url is None:
            address = URL.create("sqlite", database=str(file))
            self._writer = _sqlite_engine(address, "BEGIN IMMEDIATE", query_only=False)
            self._reader = _sqlite_engine(address, "BEGIN", query_only=True)
        else:
            self._writer = _postgres_engine(url)
            self._reader = self._writer.execution_options(
                isolation_level="REPEATABLE READ", postgresql_readonly=True
            )

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """One writing transaction; commits at the end, rolls back on any error."""
        if getattr(self._writing, "active", False):
            raise UsageError(
                "a writing transaction was opened inside another one of the same thread, which "
                "would wait for itself. Use the writer that is open already."
            )
        self._writing.active = True
        try:
            with self._translated(), self._writer.begin() as connection:
                if not self.is_sqlite:
                    connection.execute(text(f"SET LOCAL lock_timeout = '{WAIT_SECONDS}s'"))
                    lock = text("SELECT pg_advisory_xact_lock(:key)")
                    connection.execute(lock, {"key": _ADVISORY_LOCK})
                yield connection
        finally:
            self._writing.active = False

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """One snapshot for reading; an attempt to write raises StoreError."""
        with self._translated(reader=True), self._reader.begin() as connection:
            yield connection

    def use_write_ahead_log(self) -> None:
        """SQLite: let readers and a writer work at once; the file remembers it."""
        with self._translated(), self._writer.connect() as connection:
            raw = connection.connection.driver_connection
            if raw is not None:
                raw.execute("PRAGMA journal_mode = WAL")

    def close(self) -> None:
        """Give back every connection."""
        self._writer.dispose()
        self._reader.dispose()

    def _may_write(self) -> bool:
        if self._file is None:
            return True
        effective = os.access in os.supports_effective_ids
        both = (self._file, self._file.parent)
        return all(os.access(each, os.W_OK, effective_ids=effective) for each in both)

    @contextmanager
    def _translated(self, *, reader: bool = False) -> Iterator[None]:
        try:
            yield
        except SQLAlchemyError as error:
            raise self._store_error(error, reader=reader) from None

    def _store_error(self, error: SQLAlchemyError, *, reader: bool) -> StoreError:
        cause = error.orig if isinstance(error, DBAPIError) else error
        said = " ".join(str(cause).split())[:300]
        for secret in self._secrets:
            said = said.replace(secret, "***")
        where = f"records database `{self.place}`"
        if _BUSY.search(said):
            return StoreBusyError(
                f"{where}: another process has been writing for {WAIT_SECONDS} seconds. "
                "Wait until it ends, then run this again."
            )
        if _READ_ONLY.search(said) and reader and self._may_write():
            return StoreError(
                f"{where}: a reader tried to write. Write inside `RecordStore.writing()`."
            )
        if _READ_ONLY.search(said):
            return StoreError(
                f"{where}: it is read-only, and even a reader leaves a mark beside it. Make the "
                "file, its folder and its disk writable for this user, or work on a copy."
            )
        return StoreError(f"{where}: {said}. {_remedy(said, is_sqlite=self.is_sqlite)}")


def _remedy(said: str, *, is_sqlite: bool) -> str:
    for pattern, remedy in _SQLITE_REMEDIES if is_sqlite else _POSTGRES_REMEDIES:
        if re.search(pattern, said, re.IGNORECASE):
            return remedy
    return "Nothing of this change was kept; the message above is the database's own."


def _sqlite_engine(address: URL, begin: str, *, query_only: bool) -> Engine:
    # NullPool: opening a file costs microseconds, and no connection is carried across a fork.
    engine = create_engine(
        address,
        poolclass=NullPool,
        hide_parameters=True,
        connect_args={"timeout": WAIT_SECONDS, "isolation_level": None},
    )

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, _record: object) -> None:
        # FULL: an acknowledged record survives a power cut.
        connection.execute("PRAGMA synchronous = FULL")
        if query_only:
            connection.execute("PRAGMA query_only = ON")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    return engine


def _postgres_engine(url: URL) -> Engine:
    return create_engine(
        url,
        hide_parameters=True,
        pool_pre_ping=True,
        # Threads that wait for the writer's lock must never keep its holder from a reader.
        max_overflow=-1,
        connect_args={"connect_timeout": CONNECT_SECONDS, "application_name": "muniment"},
    )
