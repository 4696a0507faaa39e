"""The database's own history: numbered steps from an empty database to today's tables."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, inspect, text

from muniment.errors import StoreError

# Oldest first. A new step: add its file to versions/, its number here (a test compares the two).
REVISIONS: tuple[str, ...] = ("0001", "0002", "0003", "0004", "0005")
MIGRATIONS_FOLDER = Path(__file__).resolve().parent


def current_revision(connection: Connection) -> str | None:
    """The step that the database has reached; None for a database without any."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    found = connection.execute(text("SELECT version_num FROM alembic_version")).scalars().all()
    return str(found[0]) if found else None


def needs_upgrade(connection: Connection, place: str) -> bool:
    """Whether steps are missing; StoreError for a database without any, or one that is newer."""
    revision = current_revision(connection)
    if revision is None:
        raise StoreError(
            f"records database `{place}` holds no records of Muniment. "
            "Restore it from a backup, or correct the address in muniment.toml."
        )
    if revision not in REVISIONS:
        raise StoreError(
            f"records database `{place}` was made by a newer Muniment (step `{revision}`, this one "
            f"knows up to `{REVISIONS[-1]}`). Install the newer version; nothing was changed."
        )
    return revision != REVISIONS[-1]


def upgrade_schema(connection: Connection) -> None:
    """Run the missing steps inside the caller's transaction: all of them, or none."""
    # Here, since loading it takes longer than opening a store that needs it not.
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS_FOLDER).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
