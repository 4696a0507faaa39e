"""Record tables of the registry: agents, what they are built from, what they may do and reach."""

from __future__ import annotations

from muniment.model.columns import Column
from muniment.model.entries import TIERS
from muniment.model.record_table import BOOLEAN, INTEGER, TEXT, TEXT_LIST, TIME, RecordTable

PERMISSION_TIERS = ("observe", "recommend", "prepare", "execute", "escalate")

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
    Column("sponsor_ref", TEXT, "executive who sponsors it (person_id)"),
    Column("journey_stage", TEXT, "where it stands on the way to production", choices=(
        "experimentation", "push_to_production", "governed_production")),
    Column("permission_tier", TEXT, "the most it may do", choices=PERMISSION_TIERS),
    Column("model", TEXT, "model it is approved to run on"),
    Column("prompt_sha256", TEXT, "digest of its approved system prompt"),
    Column("talks_to_people", BOOLEAN, "deals with natural persons directly"),
    Column("intended_users", TEXT, "who is meant to use it"),
    Column("out_of_scope_uses", TEXT, "what it is not for"),
    Column("known_limitations", TEXT, "what it is known to do badly"),
    Column("escalation_ref", TEXT, "who is called when it is unsure (person_id)"),
    Column("incident_ref", TEXT, "who leads an incident of it (person_id)"),
    Column("eu_annex_iii_point", TEXT, "point of Annex III, where high-risk by it"),
    Column("eu_profiling", BOOLEAN, "profiles natural persons"),
    Column("eu_class_decided_by", TEXT, "who decided the class (person_id)"),
    Column("eu_database_id", TEXT, "number in the EU database"),
    Column("eu_registered_at", TIME, "registered there"),
    Column("aibom_ref", TEXT, "bill of materials of the running version"),
    Column("build_signature_valid", BOOLEAN, "the running build's signature verified"),
    Column("documentation_version", TEXT, "version that its technical documentation describes"),
    Column("instructions_ref", TEXT, "instructions for use"),
    Column("monitoring_plan_ref", TEXT, "post-market monitoring plan"),
    Column("supplier_id", TEXT, "supplier, where it is bought"),
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
    Column("environment", TEXT, "environment it was granted for"),
    Column("systems", TEXT_LIST, "target systems it reaches"),
    Column("egress_hosts", TEXT_LIST, "hosts outside that it may reach"),
    Column("standing", BOOLEAN, "held all the time, not given per task"),
    Column("parent_permission_set_id", TEXT, "the set it was delegated or copied from"),
))  # fmt: skip

CREDENTIAL = RecordTable("credential", "credential_id", "What an agent proves its identity with", (
    Column("credential_id", TEXT, "id; never the secret itself", required=True),
    Column("kind", TEXT, "what it is", choices=(
        "workload_identity", "oauth_client", "token", "certificate", "api_key", "password")),
    Column("agent_ids", TEXT_LIST, "every agent that uses it"),
    Column("person_id", TEXT, "the person it belongs to, where it is a person's"),
    Column("identity_ref", TEXT, "the identity that it proves"),
    Column("environment", TEXT, "environment it was issued for"),
    Column("lifetime_seconds", INTEGER, "validity of each issue; NULL and carried: does not end"),
    Column("vault_ref", TEXT, "where the secrets manager keeps it"),
    Column("issued_at", TIME, "issued"),
    Column("expires_at", TIME, "ends by itself"),
    Column("revoked_at", TIME, "revoked"),
))  # fmt: skip

BOUNDARY = RecordTable("boundary", "boundary_id", "What an agent is for and where it ends", (
    Column("boundary_id", TEXT, "id", required=True),
    Column("agent_id", TEXT, "the agent", required=True),
    Column("process", TEXT, "business process it serves"),
    Column("reads", TEXT_LIST, "systems it may read"),
    Column("writes", TEXT_LIST, "systems it may change"),
    Column("allowed_actions", TEXT_LIST, "tools or kinds of act it may use alone"),
    Column("approval_actions", TEXT_LIST, "tools or kinds of act that always need a person"),
    Column("prohibited_data", TEXT_LIST, "data classes or sources it must never touch"),
    Column("responsible_team", TEXT, "team that answers for it"),
    Column("approved_by", TEXT, "who approved this version (person_id)"),
    Column("approved_at", TIME, "when"),
))  # fmt: skip

AGENT_DEPENDENCY = RecordTable("agent_dependency", "agent_dependency_id", "What an agent needs", (
    Column("agent_dependency_id", TEXT, "id", required=True),
    Column("agent_id", TEXT, "the agent", required=True),
    Column("dep_kind", TEXT, "agent, model, tool, connector, data_source, supplier"),
    Column("dep_ref", TEXT, "id of that thing", required=True),
    Column("dep_version", TEXT, "version needed"),
))  # fmt: skip

COMPONENT = RecordTable("component", "component_id", "A model, tool or connector in use", (
    Column("component_id", TEXT, "id", required=True),
    Column("kind", TEXT, "what it is", choices=("model", "tool", "connector", "library")),
    Column("name", TEXT, "the name that logs give it", required=True),
    Column("version", TEXT, "version approved; NULL: any"),
    Column("sha256", TEXT, "digest of what was approved"),
    Column("supplier_id", TEXT, "who supplies it"),
    Column("status", TEXT, "where its approval stands",
           choices=("proposed", "approved", "deprecated", "rejected")),
    Column("approved_by", TEXT, "who approved it (person_id)"),
    Column("approved_at", TIME, "when"),
))  # fmt: skip

SUPPLIER = RecordTable("supplier", "supplier_id", "Who supplies models, agents or data", (
    Column("supplier_id", TEXT, "id", required=True),
    Column("name", TEXT, "name", required=True),
    Column("agreement_ref", TEXT, "written agreement"),
    Column("agreement_ends_at", TIME, "it ends"),
    Column("log_access", BOOLEAN, "the agreement gives access to logs"),
    Column("exit_plan_ref", TEXT, "plan for doing without"),
    Column("exit_plan_tested_at", TIME, "last tried"),
))  # fmt: skip

DATA_SOURCE = RecordTable("data_source", "data_source_id", "A register or feed that is read", (
    Column("data_source_id", TEXT, "the name that logs give it", required=True),
    Column("name", TEXT, "display name"),
    Column("owner_ref", TEXT, "who answers for it (person_id)"),
    Column("lawful_basis", TEXT, "why it may be used; for personal data, the basis in law"),
    Column("data_classification", TEXT, "public, internal, confidential, restricted"),
    Column("provenance", TEXT, "where it comes from"),
    Column("quality_checked_at", TIME, "last checked"),
))  # fmt: skip

LOG_SOURCE = RecordTable("log_source", "log_source_id", "A source of the audit log, as promised", (
    Column("log_source_id", TEXT, "the source, as named at import", required=True),
    Column("system", TEXT, "what writes it"),
    Column("source_class", TEXT, "who writes it"),
    Column("heartbeat_minutes", INTEGER, "longest silence that is normal; NULL: none is promised"),
    Column("enabled_at", TIME, "logging is on since"),
    Column("agent_ids", TEXT_LIST, "agents it is to cover; `*` means all"),
))  # fmt: skip

CONTROL_TOTAL = RecordTable("control_total", "control_total_id", "What a source says it sent", (
    Column("control_total_id", TEXT, "id", required=True),
    Column("log_source_id", TEXT, "the source", required=True),
    Column("period_start", TIME, "from"),
    Column("period_end", TIME, "until (excluded)"),
    Column("entries", INTEGER, "entries sent"),
    Column("dropped", INTEGER, "entries that it knows it lost"),
))  # fmt: skip

DISCOVERED_USE = RecordTable("discovered_use", "discovered_use_id", "Use of AI that was found", (
    Column("discovered_use_id", TEXT, "id", required=True),
    Column("service", TEXT, "host, endpoint or product found", required=True),
    Column("kind", TEXT, "agent, assistant, model_api, extension"),
    Column("found_in", TEXT, "proxy, casb, identity provider, billing …"),
    Column("business_unit", TEXT, "whose"),
    Column("users", INTEGER, "people seen using it"),
    Column("first_seen_at", TIME, "first seen"),
    Column("last_seen_at", TIME, "last seen"),
    Column("decision", TEXT, "what was decided",
           choices=("sanctioned", "restricted", "blocked", "undecided")),
    Column("decided_by", TEXT, "who decided (person_id)"),
    Column("decided_at", TIME, "when"),
    Column("agent_id", TEXT, "the registered agent that it turned out to be"),
))  # fmt: skip

DISCOVERY_SCAN = RecordTable("discovery_scan", "discovery_scan_id", "One search for unknown AI", (
    Column("discovery_scan_id", TEXT, "id", required=True),
    Column("found_in", TEXT, "what was searched"),
    Column("scanned_at", TIME, "when"),
    Column("findings", INTEGER, "uses found"),
))  # fmt: skip

REGISTRY_TABLES: tuple[RecordTable, ...] = (
    AGENT, PERMISSION_SET, CREDENTIAL, BOUNDARY, AGENT_DEPENDENCY, COMPONENT, SUPPLIER, DATA_SOURCE,
    LOG_SOURCE, CONTROL_TOTAL, DISCOVERED_USE, DISCOVERY_SCAN,
)  # fmt: skip
