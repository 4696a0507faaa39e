"""The database's history: today's tables result from it, older catch up, newer are refused."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect

from muniment.errors import StoreError
from muniment.store import migrations
from muniment.store.open import Store, open_store
from muniment.store.tables import METADATA
from tests.builders.records import agent, put

NEXT_STEP = """
from alembic import op
import sqlalchemy as sa

revision = "9999"
down_revision = "{last}"

def upgrade():
    op.add_column("agent", sa.Column("mascot", sa.Text()))
    op.execute("UPDATE agent SET mascot = 'owl'")
"""


@pytest.fixture
def next_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A Muniment that knows one step more than this one."""
    folder = tmp_path / "migrations"
    shutil.copytree(migrations.MIGRATIONS_FOLDER, folder)
    step = NEXT_STEP.format(last=migrations.REVISIONS[-1])
    (folder / "versions" / "v9999_mascot.py").write_text(step)
    with monkeypatch.context() as patch:
        patch.setattr(migrations, "MIGRATIONS_FOLDER", folder)
        patch.setattr(migrations, "REVISIONS", (*migrations.REVISIONS, "9999"))
        yield


def test_steps_lead_to_exactly_the_tables_of_the_model(store: Store) -> None:
    with store.records.writing() as writer:
        context = MigrationContext.configure(writer.connection, opts={"compare_type": True})
        differences = compare_metadata(context, METADATA)
    assert differences == [], (
        "tables.py or the model changed without a step: add one to muniment/store/migrations"
    )


def test_list_of_steps_equals_the_files() -> None:
    config = Config()
    config.set_main_option("script_location", str(migrations.MIGRATIONS_FOLDER))
    steps = [step.revision for step in ScriptDirectory.from_config(config).walk_revisions()]
    assert tuple(reversed(steps)) == migrations.REVISIONS


def test_row_id_is_unique_in_every_record_table(store: Store) -> None:
    put(store, "agent", agent())
    with pytest.raises(StoreError, match=r"(?i)unique"), store.records.writing() as writer:
        writer.connection.exec_driver_sql("INSERT INTO agent SELECT * FROM agent")


def test_two_believed_rows_of_one_key_and_start_are_impossible(store: Store) -> None:
    put(store, "agent", agent())
    with store.records.reading() as connection:
        names = [column["name"] for column in inspect(connection).get_columns("agent")]
    values = ", ".join("'other'" if name == "row_id" else name for name in names)
    with pytest.raises(StoreError, match=r"(?i)unique"), store.records.writing() as writer:
        writer.connection.exec_driver_sql(f"INSERT INTO agent SELECT {values} FROM agent")


def test_older_store_catches_up_when_it_is_opened(
    store: Store, request: pytest.FixtureRequest
) -> None:
    put(store, "agent", agent())
    request.getfixturevalue("next_version")
    with open_store(store.layout.root) as opened, opened.records.reading() as connection:
        assert migrations.current_revision(connection) == "9999"
        assert connection.exec_driver_sql("SELECT mascot FROM agent").scalar() == "owl"


def test_older_store_opened_by_several_at_once_catches_up_once(
    store: Store, request: pytest.FixtureRequest
) -> None:
    put(store, "agent", agent())
    request.getfixturevalue("next_version")

    def revision(_: int) -> str | None:
        with open_store(store.layout.root) as opened, opened.records.reading() as connection:
            return migrations.current_revision(connection)

    with ThreadPoolExecutor(6) as pool:
        assert set(pool.map(revision, range(6))) == {"9999"}


def test_step_that_fails_leaves_the_store_as_it_was(
    store: Store, request: pytest.FixtureRequest
) -> None:
    put(store, "agent", agent())
    request.getfixturevalue("next_version")
    step = migrations.MIGRATIONS_FOLDER / "versions" / "v9999_mascot.py"
    step.write_text(step.read_text() + '    op.execute("UPDATE nothing SET x = 1")\n')
    with pytest.raises(StoreError, match="nothing"):
        open_store(store.layout.root)
    with store.records.reading() as connection:
        assert migrations.current_revision(connection) == migrations.REVISIONS[-2]
        columns = [column["name"] for column in inspect(connection).get_columns("agent")]
    assert "mascot" not in columns


def test_newer_store_is_refused_and_left_alone(new_store: Callable[[], Store]) -> None:
    store = new_store()
    with store.records.writing() as writer:
        writer.connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(StoreError, match=r"made by a newer Muniment.*step `9999`"):
        open_store(store.layout.root)
    with store.records.reading() as connection:
        assert migrations.current_revision(connection) == "9999"


def test_database_emptied_by_hand_is_refused_and_not_refilled(store: Store) -> None:
    with store.records.writing() as writer:
        METADATA.drop_all(writer.connection)
        writer.connection.exec_driver_sql("DROP TABLE alembic_version")
    with pytest.raises(StoreError, match="holds no records of Muniment"):
        open_store(store.layout.root)
    with store.records.reading() as connection:
        assert inspect(connection).get_table_names() == []
