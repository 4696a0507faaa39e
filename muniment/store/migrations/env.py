"""Runs the steps on the connection that `upgrade_schema` hands over."""

from __future__ import annotations

from alembic import context

from muniment.store.tables import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    transactional_ddl=True,
)
context.run_migrations()
