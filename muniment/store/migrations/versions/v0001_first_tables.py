"""The first tables, as they were then: this file never follows the model."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

# Each word is a column: name, `#` whole number or `?` boolean (else text), `!` never NULL.
TWO_CLOCKS = """
    row_id! valid_from! valid_to recorded_at! superseded_at recorded_by! source_id!
    import_batch_id not_carried_fields redacted_fields
"""
# By table: the column that names the thing, and the columns after those of the two clocks.
RECORDS = {
    "agent": ("agent_id", """
        agent_id! kind name! description version provider_org owner_ref owner_team deputy_ref
        identity_ref lifecycle_status environment business_unit business_purpose risk_class
        eu_in_scope? eu_role eu_class eu_class_reason eu_class_decided_at
        default_autonomy_tier max_data_classification endpoint_url protocol protocol_version
        skills card_sha256 registered_at go_live_at retired_at last_review_at next_review_at
    """),
    "permission_set": ("permission_set_id", """
        permission_set_id! agent_id! granted_by approval_id tools scopes data_scopes models
    """),
    "person": ("person_id", """
        person_id! name kind active? team_id left_at
    """),
    "approval": ("approval_id", """
        approval_id! subject_kind subject_ref requested_by requested_at escalated_to decision
        decided_by decided_by_type decided_at expires_at justification context_sha256
        evidence_grade ticket_ref
    """),
    "budget": ("budget_id", """
        budget_id! owner_kind! owner_ref! period limit_usd
    """),
    "attestation": ("attestation_id", """
        attestation_id! control_id! statement! attested_by! attested_at! period_start
        period_end evidence_name evidence_sha256
    """),
    "exception_grant": ("exception_id", """
        exception_id! control_id! item_id agent_id reason! approved_by expires_at!
    """),
    "organisation": ("organisation_id", """
        organisation_id! name! time_zone!
    """),
}  # fmt: skip
PLAIN = {
    "import_batch": """
        id! source_id! source_map! source_uri! content_sha256 bytes# started_at! finished_at
        status! rows_read# imported# rejected# duplicate# superseding# min_event_time
        max_event_time reject_reasons map_digest importer_version run_by!
    """,
    "assessment": """
        id! started_at! finished_at! as_of! known_at! period_start! period_end! state_summary!
        document_sha256!
    """,
}


def upgrade() -> None:
    """Create every table and index."""
    for name, (key, words) in RECORDS.items():
        op.create_table(name, *_columns(TWO_CLOCKS + words, primary="row_id"))
        current = sa.text("superseded_at IS NULL")
        op.create_index(
            f"ix_{name}_current",
            name,
            [key, "valid_from"],
            unique=True,
            sqlite_where=current,
            postgresql_where=current,
        )
        op.create_index(f"ix_{name}_recorded", name, ["recorded_at"])
    for name, words in PLAIN.items():
        op.create_table(name, *_columns(words, primary="id"))
        op.create_index(f"ix_{name}_started", name, ["started_at"])
    _create_outbox()
    op.create_table(
        "store_state",
        sa.Column("id", sa.Integer(), primary_key=True, autoincrement=False),
        *_columns("store_id! last_instant!"),
    )


def downgrade() -> None:
    """There is nothing before the first step."""
    raise NotImplementedError


def _create_outbox() -> None:
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    words = """
        created_at! recorded_by! subject! op! target_ref payload segment_no# leaf_index# event_id
    """
    op.create_table(
        "outbox",
        sa.Column("seq", number, primary_key=True, autoincrement=True),
        *_columns(words),
        sqlite_autoincrement=True,
    )
    pending = sa.text("payload IS NOT NULL")
    op.create_index(
        "ix_outbox_pending", "outbox", ["seq"], sqlite_where=pending, postgresql_where=pending
    )
    op.create_index("ix_outbox_target", "outbox", ["target_ref"])


def _columns(words: str, primary: str = "") -> list[sa.Column[object]]:
    text = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
    columns: list[sa.Column[object]] = []
    for word in words.split():
        name = word.rstrip("!").rstrip("#?")
        kind = sa.BigInteger() if "#" in word else sa.Boolean() if "?" in word else text
        required = word.endswith("!")
        columns.append(sa.Column(name, kind, primary_key=name == primary, nullable=not required))
    return columns
