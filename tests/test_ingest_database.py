"""Database tables as sources: read in place, page by page, going on where the last import ended."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, create_engine, make_url, text

from muniment.catalog.sources import load_source_maps
from muniment.cli.main import run
from muniment.errors import InputError, UsageError
from muniment.ingest import database_import, database_rows
from muniment.ingest.batch import ImportBatch
from muniment.ingest.database_import import TableOrder, ingest_table
from muniment.ingest.database_rows import DatabaseTable, as_text, of_text
from muniment.store.open import Store
from tests.builders.sources import events_of, source_map
from tests.conftest import CLERK_PASSWORD, PostgresHost

MAPS = load_source_maps()
DDL = (
    "create table log (at {time} null, id text not null, who text, big text, cost {number},"
    " meta {json}, primary key (id))"
)


class Source:
    """A database that somebody else writes: `say` adds rows to its table `log`."""

    def __init__(self, address: str) -> None:
        self.address = address
        url = make_url(address)
        self.is_postgres = url.get_backend_name() != "sqlite"
        driver = "postgresql+psycopg" if self.is_postgres else "sqlite"
        self.engine: Engine = create_engine(url.set(drivername=driver))
        kinds = ("timestamptz", "double precision", "jsonb") if self.is_postgres else (
            "timestamp", "real", "json")  # fmt: skip
        self.execute(DDL.format(**dict(zip(("time", "number", "json"), kinds, strict=True))))

    def execute(self, statement: str, **values: Any) -> None:
        with self.engine.begin() as connection:
            connection.execute(text(statement), values)

    def say(self, *rows: tuple[str | None, str]) -> None:
        zone = "+00" if self.is_postgres else ""
        for at, key in rows:
            self.execute(
                "insert into log values (:at, :id, 'ada', 'x', 0.1, :meta)",
                at=f"2026-11-20 {at}{zone}" if at else None, id=key,
                meta=json.dumps({"team": "red", "n": 0.1}),
            )  # fmt: skip


POSTGRES = pytest.param("postgres", marks=pytest.mark.postgres)


@pytest.fixture
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Source:
    """SQLite, unless a test asks for another."""
    if getattr(request, "param", "sqlite") == "sqlite":
        return Source(f"sqlite:///{tmp_path / 'theirs.db'}")
    host: PostgresHost = request.getfixturevalue("postgres_host")
    return Source(host.new_database("clerk", CLERK_PASSWORD))


COLUMNS = {"event_time": {"path": "at", "zone": "UTC"}, "agent_id": "who", "span_id": "id",
           "cost_usd": "cost", "team_id": "meta.team", "confidence": "meta.n"}  # fmt: skip


def log_map(tmp_path: Path, **changes: Any) -> Any:
    table = {"name": "log", "order_by": ["at", "id"], "overlap_minutes": 0}
    content = {"table": table, "natural_key": ["id"], "columns": COLUMNS, "json_texts": ["meta"]}
    return source_map(tmp_path, reads="objects", **(content | changes))


Importing = Callable[..., list[ImportBatch]]


@pytest.fixture
def importing(sqlite_store: Store, tmp_path: Path, database: Source) -> Importing:
    def import_it(chosen: Any = None, **order: Any) -> list[ImportBatch]:
        return ingest_table(
            sqlite_store, TableOrder(database.address, **order), source_id="s", recorded_by="r",
            source_map=chosen or log_map(tmp_path),
        )  # fmt: skip

    return import_it


def counts(batches: list[ImportBatch]) -> tuple[int, int, int, int]:
    names = ("read", "imported", "duplicate", "superseding")
    assert all(b.read == b.imported + b.rejected + b.duplicate + b.superseding for b in batches)
    return tuple(sum(getattr(b, name) for b in batches) for name in names)  # type: ignore[return-value]


FIVE = [(f"10:00:0{n}", f"r{n}") for n in range(5)]


@pytest.mark.parametrize("database", ["sqlite", POSTGRES], indirect=True)
def test_database_table_is_read_in_order_and_then_from_where_it_ended(
    database: Source, importing: Importing, sqlite_store: Store
) -> None:
    database.say(*reversed(FIVE))
    assert counts(importing()) == (5, 5, 0, 0)
    assert importing() == []
    database.say(("10:00:09", "r9"))
    assert counts(importing()) == (1, 1, 0, 0)
    events = {event["span_id"]: event for event in events_of(sqlite_store)}
    assert events.keys() == {"r0", "r1", "r2", "r3", "r4", "r9"}
    assert events["r0"]["event_time"].isoformat().startswith("2026-11-20T10:00:00")
    assert str(events["r0"]["cost_usd"]) == str(events["r0"]["confidence"]) == "0.100000000"
    assert events["r0"]["team_id"] == "red"


@pytest.mark.parametrize("database", ["sqlite", POSTGRES], indirect=True)
@pytest.mark.parametrize("rows", [2, 3])
def test_database_pages_part_no_group_and_lose_no_row(
    database: Source, importing: Importing, monkeypatch: pytest.MonkeyPatch, tmp_path: Path,
    rows: int,
) -> None:  # fmt: skip
    monkeypatch.setattr(database_rows, "PAGE_ROWS", rows)
    monkeypatch.setattr(database_import, "BATCH_PAGES", 1)
    ties = [("10:00:00", "a"), ("10:00:01", "b"), ("10:00:01", "c"), ("10:00:02", "d"),
            ("10:00:03", "e")]  # fmt: skip
    database.say(*ties)
    by_time = log_map(tmp_path, table={"name": "log", "order_by": ["at"]})
    if rows == 2:  # two rows of one time fill a page: nothing tells where it ends
        with pytest.raises(InputError, match="Name a further column to order by"):
            importing(by_time)
        by_time = log_map(tmp_path)
    assert counts(importing(by_time, from_start=True))[1] == (5 if rows > 2 else 4)


@pytest.mark.parametrize("database", ["sqlite", POSTGRES], indirect=True)
def test_database_row_without_a_place_in_the_order_is_read_too(
    database: Source, importing: Importing
) -> None:
    database.say(*FIVE, (None, "nowhen"))
    assert counts(importing()) == (6, 6, 0, 0)
    assert counts(importing()) == (1, 0, 1, 0)


@pytest.mark.parametrize("database", [POSTGRES], indirect=True)
def test_database_overlap_reads_what_was_written_late(
    database: Source, importing: Importing, tmp_path: Path
) -> None:
    table = {"name": "log", "order_by": ["at", "id"], "overlap_minutes": 5}
    chosen = log_map(tmp_path, table=table)
    database.say(("10:00:00", "a"), ("10:10:00", "b"))
    importing(chosen)
    database.say(("10:07:00", "late"), ("10:01:00", "too late"))
    assert counts(importing(chosen)) == (2, 1, 1, 0)
    assert counts(importing(chosen, from_start=True)) == (4, 1, 3, 0)


@pytest.mark.parametrize("database", [POSTGRES], indirect=True)
def test_database_row_that_changed_supersedes_within_the_overlap(
    database: Source, importing: Importing, tmp_path: Path
) -> None:
    chosen = log_map(tmp_path, table={"name": "log", "order_by": ["at", "id"]})
    database.say(*FIVE)
    importing(chosen)
    database.execute("update log set who = 'bob' where id = 'r4'")
    assert counts(importing(chosen)) == (5, 0, 4, 1)


@pytest.mark.parametrize("database", ["sqlite", POSTGRES], indirect=True)
def test_database_since_is_where_the_first_import_begins(
    database: Source, importing: Importing
) -> None:
    database.say(*FIVE)
    assert counts(importing(since="2026-11-20 10:00:03")) == (2, 2, 0, 0)
    if database.is_postgres:
        with pytest.raises(UsageError, match="is no time"):
            importing(since="yesterday", from_start=True)


def test_database_columns_that_the_map_does_not_read_are_not_fetched(
    database: Source, tmp_path: Path
) -> None:
    table = DatabaseTable(database.address, "log", log_map(tmp_path), ("at", "id"))
    assert sorted(table.columns) == ["at", "cost", "id", "meta", "who"]
    table.close()


def test_database_page_ends_by_bytes_where_rows_are_large(
    database: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database_rows, "PAGE_BYTES", 5_000)
    chosen = log_map(tmp_path, columns=COLUMNS | {"input_sanitised": "big"})
    database.say(*FIVE)
    database.execute("update log set big = :big", big="x" * 2_000)
    table = DatabaseTable(database.address, "log", chosen, ("at", "id"))
    assert [len(page.rows) for page in table.pages()] == [2, 2, 1]
    table.close()


def test_database_import_cut_off_goes_on_without_loss_or_doubles(
    database: Source, importing: Importing, sqlite_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database_rows, "PAGE_ROWS", 2)
    monkeypatch.setattr(database_import, "BATCH_PAGES", 1)
    database.say(*FIVE)
    write = database_import.Cursor.write
    monkeypatch.setattr(database_import.Cursor, "write", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        importing()
    monkeypatch.setattr(database_import.Cursor, "write", write)
    read, imported, duplicate, _ = counts(importing())
    assert (read, imported, duplicate) == (5, 4, 1)
    assert len(events_of(sqlite_store)) == 5


@pytest.mark.parametrize("database", ["sqlite", POSTGRES], indirect=True)
def test_database_cannot_be_written_through_its_source(database: Source, tmp_path: Path) -> None:
    table = DatabaseTable(database.address, "log", log_map(tmp_path), ("at", "id"))
    with table._explained(), pytest.raises(InputError, match=r"read-only|readonly"):  # noqa: SIM117
        with table._explained(), table._engine.connect() as connection:
            connection.execute(text("delete from log"))
    table.close()


def test_database_other_order_than_before_is_refused(
    database: Source, importing: Importing
) -> None:
    database.say(*FIVE)
    importing()
    with pytest.raises(InputError, match="was read in the order of at, id before"):
        importing(order_by=("id",))


@pytest.mark.parametrize(
    ("order", "word"),
    [
        ({"table": "none"}, "has no table `none`"),
        ({"order_by": ("nope",)}, "has no column `nope`. It has `at`"),
    ],
)
def test_database_wrong_name_is_refused_with_what_there_is(
    importing: Importing, order: Any, word: str
) -> None:
    with pytest.raises(InputError, match=word):
        importing(**order)


def test_database_map_of_other_columns_is_refused(
    database: Source, importing: Importing, tmp_path: Path
) -> None:
    columns = {"agent_id": "nobody"}
    with pytest.raises(InputError, match="none of the columns that source map"):
        importing(log_map(tmp_path, columns=columns, natural_key=["x"], json_texts=[]))


def test_database_events_need_a_key(importing: Importing, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no `natural_key`"):
        importing(log_map(tmp_path, natural_key=[]))


def test_database_table_without_key_or_order_is_refused(tmp_path: Path) -> None:
    source = Source(f"sqlite:///{tmp_path / 'other.db'}")
    source.execute("create table loose (at timestamp, who text)")
    with pytest.raises(InputError, match=r"has no primary key\. Say with --order-by"):
        DatabaseTable(source.address, "loose", log_map(tmp_path), ())


@pytest.mark.postgres
def test_database_password_is_neither_kept_nor_shown(
    postgres_host: PostgresHost, sqlite_store: Store, tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    source = Source(postgres_host.new_database("clerk", CLERK_PASSWORD))
    source.say(*FIVE)
    log_map(tmp_path)
    arguments = ["ingest", "--source", "s", "--map", str(tmp_path / "test_map.yaml"), "--store",
                 str(sqlite_store.layout.root), "--url"]  # fmt: skip
    assert run([*arguments, source.address]) == 0
    wrong = make_url(source.address).set(password="another-secret-77")
    assert run([*arguments, wrong.render_as_string(hide_password=False)]) == 2
    captured = capfd.readouterr()
    said = captured.out + captured.err
    assert "cannot be read" in said
    for secret in (CLERK_PASSWORD, "another-secret-77"):
        assert secret not in said
        for file in sqlite_store.layout.root.rglob("*"):
            assert not file.is_file() or secret.encode() not in file.read_bytes()
    (batch,) = sqlite_store.records.batches()
    assert batch["source_uri"].startswith("postgresql://clerk@")
    assert batch["source_uri"].endswith("#log")


@pytest.mark.postgres
def test_database_litellm_table_is_read_in_place(
    postgres_host: PostgresHost, sqlite_store: Store
) -> None:
    address = postgres_host.new_database()
    engine = create_engine(make_url(address).set(drivername="postgresql+psycopg"))
    with engine.begin() as connection:
        connection.execute(text(
            'create table "LiteLLM_SpendLogs" (request_id text primary key, call_type text,'
            ' "startTime" timestamp(3), "endTime" timestamp(3), model text, spend double precision,'
            " prompt_tokens int, metadata jsonb, messages jsonb, response jsonb, status text)"
        ))  # fmt: skip
        connection.execute(text(
            'insert into "LiteLLM_SpendLogs" select \'r\' || n, \'acompletion\','
            " timestamp '2026-11-20 10:00:00' + n * interval '1 second', null, 'm', 0.00025, n,"
            " '{\"applied_guardrails\": []}', '{}', '{}', 'success' from generate_series(1, 7) n"
        ))  # fmt: skip
    done = ingest_table(
        sqlite_store, TableOrder(address), source_map=MAPS["litellm_spend_logs"], source_id="l",
        recorded_by="r",
    )  # fmt: skip
    assert counts(done) == (7, 7, 0, 0)
    assert {event["policy_checked"] for event in events_of(sqlite_store)} == {False}
    assert sum(event["input_tokens"] for event in events_of(sqlite_store)) == 28


@pytest.mark.parametrize("address", ["mysql://a@b/c", "nonsense", "postgresql"])
def test_database_address_of_another_kind_is_refused(tmp_path: Path, address: str) -> None:
    with pytest.raises((UsageError, InputError), match=r"PostgreSQL|cannot be read"):
        DatabaseTable(address, "t", log_map(tmp_path), ("id",))


def test_database_place_is_kept_with_its_kind() -> None:
    from datetime import UTC, date, datetime
    from decimal import Decimal
    from uuid import UUID

    values = [1, True, "a", date(2026, 11, 20), datetime(2026, 11, 20, 1, 2, 3, 4, UTC),
              datetime(2026, 11, 20), Decimal("1.50"), UUID(int=7)]  # fmt: skip
    assert [of_text(as_text(value)) for value in values] == values


def test_database_table_on_the_command_line_needs_its_map(
    sqlite_store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    at = ["ingest", "--source", "s", "--store", str(sqlite_store.layout.root)]
    assert run(at) == 3
    assert "name files to import, or a database with --url" in capsys.readouterr().err
    assert run([*at, "--url", "sqlite:///x.db"]) == 3
    assert "name the source map" in capsys.readouterr().err
