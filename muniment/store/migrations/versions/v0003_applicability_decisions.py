"""Decisions that include a requirement in the scope or leave it out: never follows the model."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

TABLE, KEY = "applicability_decision", "applicability_decision_id"
# Each word is a column: name, `?` boolean (else text), `!` never NULL.
COLUMNS = """
    row_id! valid_from! valid_to recorded_at! superseded_at recorded_by! source_id!
    import_batch_id not_carried_fields redacted_fields
    applicability_decision_id! framework_id! requirement_id! applicable?! justification!
    decided_by decided_at
"""


def upgrade() -> None:
    """Create the table with the indexes that every record table has."""
    op.create_table(TABLE, *_columns())
    current = sa.text("superseded_at IS NULL")
    op.create_index(
        f"ix_{TABLE}_current",
        TABLE,
        [KEY, "valid_from"],
        unique=True,
        sqlite_where=current,
        postgresql_where=current,
    )
    op.create_index(f"ix_{TABLE}_recorded", TABLE, ["recorded_at"])


def downgrade() -> None:
    """Evidence is not thrown away."""
    raise NotImplementedError


def _columns() -> list[sa.Column[object]]:
    text = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
    columns: list[sa.Column[object]] = []
    for word in COLUMNS.split():
        name = word.rstrip("!").rstrip("?")
        kind = sa.Boolean() if "?" in word else text
        required = word.endswith("!")
        columns.append(sa.Column(name, kind, primary_key=name == "row_id", nullable=not required))
    return columns
