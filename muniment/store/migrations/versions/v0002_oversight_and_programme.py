"""Tables of oversight and programme, and more of each agent: never follows the model.

A column that a table gains here was carried by no source before. `added_column` says until when, so
that the NULLs of older rows read as not carried and not as empty.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

# Each word is a column: name, `#` whole number or `?` boolean (else text), `!` never NULL.
TWO_CLOCKS = """
    row_id! valid_from! valid_to recorded_at! superseded_at recorded_by! source_id!
    import_batch_id not_carried_fields redacted_fields
"""
# By table: the column that names the thing, and the columns after those of the two clocks.
NEW_TABLES = {
    "credential": ("credential_id", """
        credential_id! kind agent_ids person_id identity_ref environment
        lifetime_seconds# vault_ref issued_at expires_at revoked_at
    """),
    "boundary": ("boundary_id", """
        boundary_id! agent_id! process reads writes allowed_actions approval_actions
        prohibited_data responsible_team approved_by approved_at
    """),
    "agent_dependency": ("agent_dependency_id", """
        agent_dependency_id! agent_id! dep_kind dep_ref! dep_version
    """),
    "component": ("component_id", """
        component_id! kind name! version sha256 supplier_id status approved_by
        approved_at
    """),
    "supplier": ("supplier_id", """
        supplier_id! name! agreement_ref agreement_ends_at log_access? exit_plan_ref
        exit_plan_tested_at
    """),
    "data_source": ("data_source_id", """
        data_source_id! name owner_ref lawful_basis data_classification provenance
        quality_checked_at
    """),
    "log_source": ("log_source_id", """
        log_source_id! system source_class heartbeat_minutes# enabled_at agent_ids
    """),
    "control_total": ("control_total_id", """
        control_total_id! log_source_id! period_start period_end entries# dropped#
    """),
    "discovered_use": ("discovered_use_id", """
        discovered_use_id! service! kind found_in business_unit users# first_seen_at
        last_seen_at decision decided_by decided_at agent_id
    """),
    "discovery_scan": ("discovery_scan_id", """
        discovery_scan_id! found_in scanned_at findings#
    """),
    "raci": ("raci_id", """
        raci_id! agent_id! stage! accountable_ref responsible_refs consulted_refs
        informed_refs
    """),
    "mandate": ("mandate_id", """
        mandate_id! person_id! kind! decision_types agent_ids
    """),
    "training": ("training_id", """
        training_id! person_id! course! role completed_at expires_at
    """),
    "threshold": ("threshold_id", """
        threshold_id! decision_type! category base_tier currency
        supervised_from_amount approval_from_amount halt_from_amount
        supervised_from_records# approval_from_records# halt_from_records#
        confidential_tier restricted_tier irreversible_tier regulated_scopes
        regulated_tier recipient_ref sla_minutes#
    """),
    "policy_version": ("policy_version_id", """
        policy_version_id! policy_id! version! published_at in_force_at approved_by
        approved_at
    """),
    "policy_exception": ("policy_exception_id", """
        policy_exception_id! policy_id! policy_rule_id agent_id reason requested_at
        approved_by approved_at expires_at
    """),
    "gate_decision": ("gate_decision_id", """
        gate_decision_id! agent_id! gate! release decision requested_at decided_by
        decided_at data_reviewed_at evidence_ref
    """),
    "change": ("change_id", """
        change_id! agent_id! kind! new_value author_ref approved_by approved_at
        deployed_at substantial? role_assessed_at ticket_ref
    """),
    "stop_order": ("stop_order_id", """
        stop_order_id! agent_id! kind! ordered_by ordered_at resumed_at
        credentials_revoked?
    """),
    "alert": ("alert_id", """
        alert_id! agent_id kind severity raised_at acknowledged_by acknowledged_at
        trace_id
    """),
    "risk_assessment": ("risk_assessment_id", """
        risk_assessment_id! agent_id! bucket risk_class description assessed_by
        assessed_at inherent# residual# tolerance# max_loss_usd max_records# systems
    """),
    "risk_acceptance": ("risk_acceptance_id", """
        risk_acceptance_id! risk_assessment_id! accepted_by accepted_at expires_at
        reason
    """),
    "impact_assessment": ("impact_assessment_id", """
        impact_assessment_id! agent_id! kind! elements done_by done_at notified_at
    """),
    "test_report": ("test_report_id", """
        test_report_id! agent_id! release! kinds thresholds_set_at started_at
        finished_at tested_by built_by result accepted_by
    """),
    "measurement": ("measurement_id", """
        measurement_id! agent_id! metric! measured_at value at_least at_most
        threshold_set_at deviation_ref
    """),
    "review": ("review_id", """
        review_id! kind! subject_ref planned_at done_at done_by topics result
        evidence_ref
    """),
    "incident": ("incident_id", """
        incident_id! agent_id category severity summary duty_role detected_at
        aware_at causal_link_at reported_at reported_to suspended_at contained_at
        closed_at root_cause root_cause_at action_owner_ref fix_due_at
        fix_verified_at event_ids ticket_ref
    """),
    "notification": ("notification_id", """
        notification_id! about_kind! about_ref! recipient_kind! recipient stage
        sent_at receipt_ref
    """),
    "holiday": ("holiday_id", """
        holiday_id! calendar! day! name
    """),
    "retention_policy": ("retention_policy_id", """
        retention_policy_id! log_source_id retention_class keep_months# max_months#
        lawful_basis
    """),
    "deletion": ("deletion_id", """
        deletion_id! log_source_id! entries_from entries_to deleted_at approved_by
        reason
    """),
    "finding": ("finding_id", """
        finding_id! control_id item_id agent_id grade condition criterion cause
        effect systemic? response owner_ref due_at closed_at retested_at
    """),
    "complaint": ("complaint_id", """
        complaint_id! kind! agent_id received_at triaged_at due_at answered_at
        owner_ref anonymous?
    """),
}  # fmt: skip
# By table: columns that it did not have before.
ADDED = {
    "agent": """
        sponsor_ref journey_stage permission_tier model prompt_sha256
        talks_to_people? intended_users out_of_scope_uses known_limitations
        escalation_ref incident_ref eu_annex_iii_point eu_profiling?
        eu_class_decided_by eu_database_id eu_registered_at aibom_ref
        build_signature_valid? documentation_version instructions_ref
        monitoring_plan_ref supplier_id
    """,
    "permission_set": """
        environment systems egress_hosts standing? parent_permission_set_id
    """,
    "approval": """
        decision_type agent_id opened_at sources_used policy_refs confidence
        alternatives request_reason proposed_action
    """,
}  # fmt: skip


def upgrade() -> None:
    """Create the tables, add the columns, and note from when the columns can be believed."""
    for name, (key, words) in NEW_TABLES.items():
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
    known = op.create_table("added_column", *_columns("table_name! column_name! absent_until!"))
    last = op.get_bind().execute(sa.text("SELECT last_instant FROM store_state")).scalar()
    for name, words in ADDED.items():
        for column in _columns(words):
            op.add_column(name, column)
            if last is not None:
                row = {"table_name": name, "column_name": column.name, "absent_until": last}
                op.bulk_insert(known, [row])


def downgrade() -> None:
    """Evidence is not thrown away."""
    raise NotImplementedError


def _columns(words: str, primary: str = "") -> list[sa.Column[object]]:
    text = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
    columns: list[sa.Column[object]] = []
    for word in words.split():
        name = word.rstrip("!").rstrip("#?")
        kind = sa.BigInteger() if "#" in word else sa.Boolean() if "?" in word else text
        required = word.endswith("!")
        columns.append(sa.Column(name, kind, primary_key=name == primary, nullable=not required))
    return columns
