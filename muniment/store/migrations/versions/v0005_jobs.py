"""The queue of jobs: never follows the model."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "job",
        sa.Column("id", _TEXT, primary_key=True),
        sa.Column("kind", _TEXT, nullable=False),
        sa.Column("arguments", _TEXT, nullable=False),
        sa.Column("state", _TEXT, nullable=False),
        sa.Column("asked_by", _TEXT, nullable=False),
        sa.Column("asked_at", _TEXT, nullable=False),
        sa.Column("started_at", _TEXT),
        sa.Column("finished_at", _TEXT),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("step", _TEXT),
        sa.Column("done", sa.BigInteger()),
        sa.Column("total", sa.BigInteger()),
        sa.Column("cancel_asked", sa.Boolean(), nullable=False),
        sa.Column("result", _TEXT),
    )
    op.create_index("ix_job_asked", "job", ["asked_at"])
