"""Signatures of people under evidence packs: never follows the model."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

TABLE, KEY = "sign_off", "sign_off_id"
# Each word is a column: name, `?` boolean (else text), `!` never NULL.
COLUMNS = """
    row_id! valid_from! valid_to recorded_at! superseded_at recorded_by! source_id!
    import_batch_id not_carried_fields redacted_fields
    sign_off_id! pack_id! pack_digest! assessment_id! role! person_id! person_name os_user!
    remark signed_at!
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
