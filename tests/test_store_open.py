"""Making and opening a store: what is refused, in which words, and that no password leaks."""

from __future__ import annotations

import os
import shutil
import tempfile
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest
from sqlalchemy import make_url

from muniment.errors import MunimentError, StoreError, UsageError
from muniment.store.config import StoreConfig, read_config, write_config
from muniment.store.open import Store, create_store, open_store
from tests.builders.records import agent, put
from tests.conftest import CLERK_PASSWORD, PostgresHost

CLERK_PASSWORD_QUOTED = quote_plus(CLERK_PASSWORD)
WRONG_PASSWORD = "wrong-" + CLERK_PASSWORD


def make(root: Path, database_url: str | None = None, **more: str) -> Store:
    names = {"organisation": "Example Ltd", "time_zone": "UTC", "recorded_by": "ana", **more}
    return create_store(root, database_url=database_url, **names)


def leaks(root: Path, password: str) -> list[str]:
    spellings = (password, quote_plus(password), quote(password), quote(password, safe=""))
    return [
        str(file)
        for file in root.rglob("*")
        if file.is_file()
        for spelling in spellings
        if spelling.encode() in file.read_bytes()
    ]


def test_store_made_can_be_opened_with_its_rows(
    tmp_path: Path, new_database: Callable[[], str | None]
) -> None:
    with make(tmp_path / "deep" / "store", new_database()) as first:
        put(first, "agent", agent())
    with open_store(tmp_path / "deep" / "store") as second:
        assert len(second.records.all_rows("agent")) == 1
        assert second.records.organisation()["name"] == "Example Ltd"


def test_empty_folder_becomes_a_store(tmp_path: Path) -> None:
    with make(tmp_path) as store:
        assert store.layout.config_file.read_text().count('database = "sqlite"') == 1


def test_folder_with_other_content_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("mine")
    with pytest.raises(StoreError, match=r"holds other things already, such as `letter.txt`"):
        make(tmp_path)
    assert [each.name for each in tmp_path.iterdir()] == ["letter.txt"]


def test_store_is_not_made_over_a_store(tmp_path: Path) -> None:
    make(tmp_path).close()
    with pytest.raises(StoreError, match="is a Muniment store already"):
        make(tmp_path)


def test_place_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for root in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(StoreError, match="is not a folder"):
            make(root)


@pytest.mark.parametrize("below", ["", "missing"])
def test_folder_that_is_no_store_is_refused_with_the_way_to_make_one(
    tmp_path: Path, below: str
) -> None:
    with pytest.raises(StoreError, match=r"is not a Muniment store.*muniment init"):
        open_store(tmp_path / below)


def test_wrong_time_zone_or_empty_name_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="`Berlin/Mitte` is no time zone"):
        make(tmp_path / "a", time_zone="Berlin/Mitte")
    with pytest.raises(UsageError, match="no name"):
        make(tmp_path / "a", organisation=" ")
    assert not (tmp_path / "a").exists()


def test_store_of_a_newer_format_is_refused(tmp_path: Path) -> None:
    make(tmp_path).close()
    config = read_config(tmp_path / "muniment.toml")
    write_config(tmp_path / "muniment.toml", StoreConfig("sqlite", config.store_id, "2"))
    with pytest.raises(StoreError, match="has format `2`, and this Muniment reads format `1`"):
        open_store(tmp_path)


@pytest.mark.parametrize("text", ["format_version = ", 'format_version = "1"\n', "\xff\xfe"])
def test_damaged_settings_are_named(tmp_path: Path, text: str) -> None:
    make(tmp_path).close()
    (tmp_path / "muniment.toml").write_bytes(text.encode("latin-1"))
    with pytest.raises(StoreError, match=r"muniment.toml.*Restore it from a backup"):
        open_store(tmp_path)


def test_missing_and_damaged_records_are_told_apart(tmp_path: Path) -> None:
    make(tmp_path).close()
    (tmp_path / "records.sqlite").write_bytes(b"not a database, but long enough " * 200)
    with pytest.raises(StoreError, match=r"records\.sqlite.*damaged: restore it from a backup"):
        open_store(tmp_path)
    (tmp_path / "records.sqlite").unlink()
    with pytest.raises(StoreError, match=r"records\.sqlite` is missing"):
        open_store(tmp_path)
    assert not (tmp_path / "records.sqlite").exists()


def test_records_of_another_store_are_refused(tmp_path: Path) -> None:
    make(tmp_path / "a").close()
    make(tmp_path / "b").close()
    shutil.copy(tmp_path / "a" / "records.sqlite", tmp_path / "b" / "records.sqlite")
    with pytest.raises(StoreError, match="belongs to another store"):
        open_store(tmp_path / "b")


@contextmanager
def as_somebody_else() -> Iterator[None]:
    """The superuser may write everywhere, so the test steps down for a moment."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


def test_read_only_place_is_refused_for_making_and_for_writing() -> None:
    folder = Path(tempfile.mkdtemp())
    try:
        make(folder / "store").close()
        for path, mode in ((folder, 0o555), (folder / "store", 0o555)):
            path.chmod(mode)
        for file in (folder / "store").iterdir():
            file.chmod(0o444)
        with as_somebody_else():
            with pytest.raises(StoreError, match="cannot be made: Permission denied"):
                make(folder / "other")
            with pytest.raises(StoreError, match="it is read-only, and even a reader"):
                open_store(folder / "store")
    finally:
        for path in (folder, folder / "store"):
            path.chmod(0o755)
        shutil.rmtree(folder)


def test_database_file_that_is_read_only_is_refused_for_writing() -> None:
    folder = Path(tempfile.mkdtemp())
    try:
        make(folder / "store").close()
        folder.chmod(0o755)
        (folder / "store").chmod(0o777)
        (folder / "store" / "records.sqlite").chmod(0o444)
        refused = pytest.raises(StoreError, match=r"it is read-only.*Make the file")
        with as_somebody_else(), refused, open_store(folder / "store") as store:
            put(store, "agent", agent())
    finally:
        shutil.rmtree(folder)


@pytest.mark.parametrize(
    "address", ["mysql://u:pw-9@h/d", "not an address pw-9", "postgresql://u:pw-9@h", "sqlite:///x"]
)
def test_address_of_another_kind_is_refused_without_repeating_it(
    tmp_path: Path, address: str
) -> None:
    with pytest.raises(UsageError, match="not one of PostgreSQL") as caught:
        make(tmp_path / "s", address)
    assert "pw-9" not in "".join(traceback.format_exception(caught.value))
    assert not (tmp_path / "s").exists()


@pytest.mark.parametrize(
    ("host", "reason"),
    [("127.0.0.1:1", "Connection refused"), ("nowhere.invalid", "nowhere.invalid")],
)
def test_unreachable_database_is_named_with_a_remedy_and_leaves_nothing(
    tmp_path: Path, host: str, reason: str
) -> None:
    with pytest.raises(StoreError) as caught:
        make(tmp_path / "s", f"postgresql://clerk:{CLERK_PASSWORD_QUOTED}@{host}/muniment")
    said = "".join(traceback.format_exception(caught.value))
    assert reason.lower() in said.lower()
    assert "Check host, port and network" in str(caught.value)
    assert CLERK_PASSWORD not in said
    assert CLERK_PASSWORD_QUOTED not in said
    assert list((tmp_path / "s").iterdir()) == []


@pytest.mark.postgres
def test_password_is_used_and_never_written(
    tmp_path: Path, postgres_host: PostgresHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = postgres_host.new_database("clerk", CLERK_PASSWORD)
    with make(tmp_path / "s", address) as store:
        put(store, "agent", agent())
        assert CLERK_PASSWORD not in store.records.place
    assert leaks(tmp_path, CLERK_PASSWORD) == []
    with pytest.raises(StoreError, match="Set MUNIMENT_DATABASE_URL"):
        open_store(tmp_path / "s")
    monkeypatch.setenv("MUNIMENT_DATABASE_URL", address)
    with open_store(tmp_path / "s") as store:
        assert len(store.records.all_rows("agent")) == 1


@pytest.mark.postgres
def test_wrong_password_is_refused_and_not_printed(
    tmp_path: Path, postgres_host: PostgresHost
) -> None:
    address = postgres_host.new_database("clerk", WRONG_PASSWORD)
    with pytest.raises(StoreError, match=r"password authentication failed.*never stored") as caught:
        make(tmp_path / "s", address)
    said = "".join(traceback.format_exception(caught.value))
    assert CLERK_PASSWORD not in said
    assert CLERK_PASSWORD_QUOTED not in said
    assert leaks(tmp_path, CLERK_PASSWORD) == []


@pytest.mark.postgres
def test_password_among_the_options_of_an_address_is_not_written(
    tmp_path: Path, postgres_host: PostgresHost
) -> None:
    url = make_url(postgres_host.new_database("clerk", CLERK_PASSWORD))
    hidden = url.set(password=None).update_query_dict({"password": CLERK_PASSWORD})
    make(tmp_path / "s", hidden.render_as_string(hide_password=False)).close()
    assert leaks(tmp_path, CLERK_PASSWORD) == []


@pytest.mark.postgres
def test_address_of_another_database_than_the_stores_is_refused(
    tmp_path: Path, postgres_host: PostgresHost
) -> None:
    make(tmp_path / "s", postgres_host.new_database()).close()
    with pytest.raises(StoreError, match="Correct the one that is wrong"):
        open_store(tmp_path / "s", database_url=postgres_host.new_database())


@pytest.mark.postgres
def test_missing_database_is_named(tmp_path: Path, postgres_host: PostgresHost) -> None:
    url = make_url(postgres_host.address).set(database="nowhere")
    with pytest.raises(StoreError, match=r'database "nowhere" does not exist.*createdb'):
        make(tmp_path / "s", url.render_as_string(hide_password=False))


@pytest.mark.postgres
def test_database_with_tables_is_not_taken_over(
    tmp_path: Path, postgres_host: PostgresHost
) -> None:
    address = postgres_host.new_database()
    make(tmp_path / "a", address).close()
    with pytest.raises(StoreError, match="holds tables already"):
        make(tmp_path / "b", address)
    assert list((tmp_path / "b").iterdir()) == []
    with open_store(tmp_path / "a") as store:
        assert store.records.organisation()["name"] == "Example Ltd"


@pytest.mark.postgres
def test_failed_start_leaves_no_table_behind(
    tmp_path: Path, postgres_host: PostgresHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    address = postgres_host.new_database()
    with monkeypatch.context() as patch:
        patch.setattr("muniment.store.open.write_config", full)
        with pytest.raises(StoreError, match="cannot be written: No space left"):
            make(tmp_path / "s", address)
    make(tmp_path / "s", address).close()


def test_errors_are_muniments_own(tmp_path: Path) -> None:
    with pytest.raises(MunimentError):
        open_store(tmp_path)
