"""The record tables: registry, permissions, people, approvals, budgets, attestations.

Every record row is bitemporal. `valid_from`/`valid_to` say when it held in the world,
`recorded_at`/`superseded_at` when Muniment knew it. Rows are never edited: a change supersedes rows
and inserts others, in one transaction with the outbox entry that is sealed later.
"""

from __future__ import annotations

from dataclasses import dataclass

from muniment.model.columns import Column, ColumnKind
from muniment.model.entries import TIERS

TEXT, INTEGER, BOOLEAN = ColumnKind.TEXT, ColumnKind.INTEGER, ColumnKind.BOOLEAN
DECIMAL, TIME, TEXT_LIST = ColumnKind.DECIMAL, ColumnKind.TIME, ColumnKind.TEXT_LIST

# On every record table, before its own columns.
BITEMPORAL_COLUMNS: tuple[Column, ...] = (
    Column("row_id", TEXT, "32 random hex digits; names this row for ever", required=True),
    Column("valid_from", TIME, "held in the world from", required=True),
    Column("valid_to", TIME, "held until (excluded); NULL: still holds"),
    Column("recorded_at", TIME, "known to Muniment from", required=True),
    Column("superseded_at", TIME, "known until (excluded); NULL: still believed"),
    Column("recorded_by", TEXT, "person or service that recorded it", required=True),
    Column("source_id", TEXT, "the source, as named at import", required=True),
    Column("import_batch_id", TEXT, "the import that brought it"),
    Column("not_carried_fields", TEXT_LIST, "columns that the source has no place for"),
    Column("redacted_fields", TEXT_LIST, "columns that the source masked"),
)


@dataclass(frozen=True, slots=True)
class RecordTable:
    """One record table: `name` (singular, also the relation's name in SQL), `key`, own columns."""

    name: str
    key: str
    meaning: str
    columns: tuple[Column, ...]

    @property
    def all_columns(self) -> tuple[Column, ...]:
        """The bitemporal columns followed by the table's own."""
        return BITEMPORAL_COLUMNS + self.columns

    @property
    def own_names(self) -> frozenset[str]:
        """Names that a source map may fill."""
        return frozenset(column.name for column in self.columns)


AGENT = RecordTable("agent", "agent_id", "One registered thing that acts", (
    Column("agent_id", TEXT, "the registry's stable id; A2A cards: derived", required=True),
    Column("kind", TEXT, "agent, sub_agent, mcp_server, tool, model, coding_assistant"),
    Column("name", TEXT, "display name", required=True),
    Column("description", TEXT, "the provider's words"),
    Column("version", TEXT, "running version"),
    Column("provider_org", TEXT, "who provides it"),
    Column("owner_ref", TEXT, "accountable business process owner (person_id)"),
    Column("owner_team", TEXT, "the owner's team"),
    Column("deputy_ref", TEXT, "deputy (person_id)"),
    Column("identity_ref", TEXT, "workload identity or key"),
    Column("lifecycle_status", TEXT, "as the registry says", choices=(
        "draft", "pending_approval", "approved", "active", "rejected", "deprecated", "quarantined",
        "blocked", "retired", "unknown")),
    Column("environment", TEXT, "production, staging, development"),
    Column("business_unit", TEXT, "business unit"),
    Column("business_purpose", TEXT, "intended purpose"),
    Column("risk_class", TEXT, "the organisation's own class"),
    Column("eu_in_scope", BOOLEAN, "in scope of the EU AI Act"),
    Column("eu_role", TEXT, "provider, deployer"),
    Column("eu_class", TEXT, "prohibited, high_risk_annex_i, high_risk_annex_iii, "
           "derogation_6_3, transparency_only, minimal"),
    Column("eu_class_reason", TEXT, "why"),
    Column("eu_class_decided_at", TIME, "when"),
    Column("default_autonomy_tier", TEXT, "tier unless an action says otherwise", choices=TIERS),
    Column("max_data_classification", TEXT, "highest class allowed"),
    Column("endpoint_url", TEXT, "where it answers"),
    Column("protocol", TEXT, "A2A, MCP …"),
    Column("protocol_version", TEXT, "its version"),
    Column("skills", TEXT_LIST, "skills it declares"),
    Column("card_sha256", TEXT, "digest of the source document"),
    Column("registered_at", TIME, "entered in the registry"),
    Column("go_live_at", TIME, "first use in production"),
    Column("retired_at", TIME, "taken out of service"),
    Column("last_review_at", TIME, "last review"),
    Column("next_review_at", TIME, "next review due"),
))  # fmt: skip

PERMISSION_SET = RecordTable("permission_set", "permission_set_id", "What an agent may do", (
    Column("permission_set_id", TEXT, "id of the grant", required=True),
    Column("agent_id", TEXT, "the agent it is granted to", required=True),
    Column("granted_by", TEXT, "person_id"),
    Column("approval_id", TEXT, "the approval it rests on"),
    Column("tools", TEXT_LIST, "tools it may call; `*` means any"),
    Column("scopes", TEXT_LIST, "scopes granted"),
    Column("data_scopes", TEXT_LIST, "data it may touch"),
    Column("models", TEXT_LIST, "models it may call"),
))  # fmt: skip

PERSON = RecordTable("person", "person_id", "A person, group mailbox or service account", (
    Column("person_id", TEXT, "stable id, usually the address", required=True),
    Column("name", TEXT, "display name"),
    Column("kind", TEXT, "human, group or service", choices=("human", "group", "service")),
    Column("active", BOOLEAN, "employed or enabled"),
    Column("team_id", TEXT, "team"),
    Column("left_at", TIME, "left the organisation"),
))  # fmt: skip

APPROVAL = RecordTable("approval", "approval_id", "A decision asked of somebody", (
    Column("approval_id", TEXT, "id of the request", required=True),
    Column("subject_kind", TEXT, "event, agent, permission_set, exception, change"),
    Column("subject_ref", TEXT, "what it is about"),
    Column("requested_by", TEXT, "person or agent"),
    Column("requested_at", TIME, "when asked"),
    Column("escalated_to", TEXT, "who was asked"),
    Column("decision", TEXT, "the answer",
           choices=("approved", "rejected", "modified", "expired", "cancelled")),
    Column("decided_by", TEXT, "who answered"),
    Column("decided_by_type", TEXT, "human, policy, delegated, service"),
    Column("decided_at", TIME, "when answered"),
    Column("expires_at", TIME, "no longer good from"),
    Column("justification", TEXT, "why"),
    Column("context_sha256", TEXT, "digest of the content that the approver saw"),
    Column("evidence_grade", TEXT, "self_attested, third_party_logged, independently_verifiable"),
    Column("ticket_ref", TEXT, "ticket"),
))  # fmt: skip

BUDGET = RecordTable("budget", "budget_id", "A spending limit per owner and period", (
    Column("budget_id", TEXT, "id", required=True),
    Column("owner_kind", TEXT, "team, user, feature or agent", required=True,
           choices=("team", "user", "feature", "agent")),
    Column("owner_ref", TEXT, "id of that owner", required=True),
    Column("period", TEXT, "day or month, in the organisation's time zone",
           choices=("day", "month")),
    Column("limit_usd", DECIMAL, "limit per period, USD"),
))  # fmt: skip

ATTESTATION = RecordTable("attestation", "attestation_id", "A person's word, with a file", (
    Column("attestation_id", TEXT, "id", required=True),
    Column("control_id", TEXT, "the control attested", required=True),
    Column("statement", TEXT, "what is attested", required=True),
    Column("attested_by", TEXT, "person_id", required=True),
    Column("attested_at", TIME, "when", required=True),
    Column("period_start", TIME, "the statement holds from"),
    Column("period_end", TIME, "the statement holds until"),
    Column("evidence_name", TEXT, "name of the evidence file"),
    Column("evidence_sha256", TEXT, "its digest"),
))  # fmt: skip

EXCEPTION_GRANT = RecordTable("exception_grant", "exception_id", "A tolerated exception", (
    Column("exception_id", TEXT, "id", required=True),
    Column("control_id", TEXT, "the control", required=True),
    Column("item_id", TEXT, "one tested item; NULL: every item of the agent"),
    Column("agent_id", TEXT, "the agent"),
    Column("reason", TEXT, "why tolerated", required=True),
    Column("approved_by", TEXT, "person_id"),
    Column("expires_at", TIME, "ends; never open-ended", required=True),
))  # fmt: skip

ORGANISATION = RecordTable("organisation", "organisation_id", "The entity under assessment", (
    Column("organisation_id", TEXT, "always `self`", required=True),
    Column("name", TEXT, "legal or trading name", required=True),
    Column("time_zone", TEXT, "IANA zone that decides what a day is", required=True),
))  # fmt: skip

RECORD_TABLES: tuple[RecordTable, ...] = (
    AGENT, PERMISSION_SET, PERSON, APPROVAL, BUDGET, ATTESTATION, EXCEPTION_GRANT, ORGANISATION,
)  # fmt: skip
RECORD_TABLE_BY_NAME: dict[str, RecordTable] = {table.name: table for table in RECORD_TABLES}
