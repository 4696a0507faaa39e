"""Record tables of oversight: people, mandates, thresholds, approvals, policies and stops."""

from __future__ import annotations

from muniment.model.columns import Column
from muniment.model.entries import TIERS
from muniment.model.record_table import (
    BOOLEAN,
    DECIMAL,
    INTEGER,
    TEXT,
    TEXT_LIST,
    TIME,
    RecordTable,
)

RACI_STAGES = (
    "trigger", "context_retrieval", "decision_generation", "policy_validation", "execution",
    "logging", "escalation", "incident_response",
)  # fmt: skip

PERSON = RecordTable("person", "person_id", "A person, group mailbox or service account", (
    Column("person_id", TEXT, "stable id, usually the address", required=True),
    Column("name", TEXT, "display name"),
    Column("kind", TEXT, "human, group or service", choices=("human", "group", "service")),
    Column("active", BOOLEAN, "employed or enabled"),
    Column("team_id", TEXT, "team"),
    Column("left_at", TIME, "left the organisation"),
))  # fmt: skip

RACI = RecordTable("raci", "raci_id", "Who answers for a stage of an agent's decisions", (
    Column("raci_id", TEXT, "id", required=True),
    Column("agent_id", TEXT, "the agent", required=True),
    Column("stage", TEXT, "stage of the decision's life", required=True, choices=RACI_STAGES),
    Column("accountable_ref", TEXT, "the one person accountable (person_id)"),
    Column("responsible_refs", TEXT_LIST, "who does it"),
    Column("consulted_refs", TEXT_LIST, "who is asked"),
    Column("informed_refs", TEXT_LIST, "who is told"),
))  # fmt: skip

MANDATE = RecordTable("mandate", "mandate_id", "What a person is authorised to decide", (
    Column("mandate_id", TEXT, "id", required=True),
    Column("person_id", TEXT, "the person", required=True),
    Column("kind", TEXT, "what may be decided", required=True, choices=(
        "approver", "overseer", "security_approver", "gate_keeper", "risk_acceptor")),
    Column("decision_types", TEXT_LIST, "decision types covered; `*` means all"),
    Column("agent_ids", TEXT_LIST, "agents covered; `*` means all"),
))  # fmt: skip

TRAINING = RecordTable("training", "training_id", "A course that a person completed", (
    Column("training_id", TEXT, "id", required=True),
    Column("person_id", TEXT, "the person", required=True),
    Column("course", TEXT, "what was taught", required=True),
    Column("role", TEXT, "role it prepares for: operator, approver, owner, developer"),
    Column("completed_at", TIME, "completed"),
    Column("expires_at", TIME, "must be refreshed by"),
))  # fmt: skip

THRESHOLD = RecordTable("threshold", "threshold_id", "The tier a decision type requires", (
    Column("threshold_id", TEXT, "id", required=True),
    Column("decision_type", TEXT, "business decision, as logs name it", required=True),
    Column("category", TEXT, "finance, code_deployment, access, data_export; else any word"),
    Column("base_tier", TEXT, "tier where nothing below raises it", choices=TIERS),
    Column("currency", TEXT, "ISO 4217, of the amounts"),
    Column("supervised_from_amount", DECIMAL, "supervised from this amount on"),
    Column("approval_from_amount", DECIMAL, "approval from this amount on"),
    Column("halt_from_amount", DECIMAL, "halt from this amount on"),
    Column("supervised_from_records", INTEGER, "supervised from so many records on"),
    Column("approval_from_records", INTEGER, "approval from so many records on"),
    Column("halt_from_records", INTEGER, "halt from so many records on"),
    Column("confidential_tier", TEXT, "at least, for confidential data", choices=TIERS),
    Column("restricted_tier", TEXT, "at least, for restricted data", choices=TIERS),
    Column("irreversible_tier", TEXT, "at least, for what cannot be undone", choices=TIERS),
    Column("regulated_scopes", TEXT_LIST, "regimes that raise the tier"),
    Column("regulated_tier", TEXT, "at least, under one of them", choices=TIERS),
    Column("recipient_ref", TEXT, "who is asked (person_id)"),
    Column("sla_minutes", INTEGER, "an answer is due within"),
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
    Column("decision_type", TEXT, "business decision asked for"),
    Column("agent_id", TEXT, "the agent that waits"),
    Column("opened_at", TIME, "when the approver opened it"),
    Column("sources_used", TEXT_LIST, "sources that the request shows"),
    Column("policy_refs", TEXT_LIST, "policies that it refers to"),
    Column("confidence", DECIMAL, "confidence that it states, 0 to 1"),
    Column("alternatives", TEXT_LIST, "alternatives that it names"),
    Column("request_reason", TEXT, "why it was escalated"),
    Column("proposed_action", TEXT, "what would be done next"),
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

POLICY_VERSION = RecordTable("policy_version", "policy_version_id", "A published policy", (
    Column("policy_version_id", TEXT, "id", required=True),
    Column("policy_id", TEXT, "the policy, as logs name it", required=True),
    Column("version", TEXT, "its version", required=True),
    Column("published_at", TIME, "published"),
    Column("in_force_at", TIME, "every agent must run it from"),
    Column("approved_by", TEXT, "who approved it (person_id)"),
    Column("approved_at", TIME, "when"),
))  # fmt: skip

POLICY_EXCEPTION = RecordTable("policy_exception", "policy_exception_id", "A rule set aside", (
    Column("policy_exception_id", TEXT, "id", required=True),
    Column("policy_id", TEXT, "the policy", required=True),
    Column("policy_rule_id", TEXT, "the rule; NULL and carried: all of it"),
    Column("agent_id", TEXT, "for this agent"),
    Column("reason", TEXT, "why"),
    Column("requested_at", TIME, "asked"),
    Column("approved_by", TEXT, "who approved it (person_id)"),
    Column("approved_at", TIME, "when"),
    Column("expires_at", TIME, "ends"),
))  # fmt: skip

GATE_DECISION = RecordTable("gate_decision", "gate_decision_id", "A gate's yes or no to an agent", (
    Column("gate_decision_id", TEXT, "id", required=True),
    Column("agent_id", TEXT, "the agent", required=True),
    Column("gate", TEXT, "production, pilot …", required=True),
    Column("release", TEXT, "version that was judged"),
    Column("decision", TEXT, "the answer", choices=("approved", "conditional", "rejected")),
    Column("requested_at", TIME, "asked"),
    Column("decided_by", TEXT, "who decided (person_id)"),
    Column("decided_at", TIME, "when"),
    Column("data_reviewed_at", TIME, "access to data beyond the prototype's was reviewed"),
    Column("evidence_ref", TEXT, "minutes, ticket"),
))  # fmt: skip

CHANGE = RecordTable("change", "change_id", "A change of an agent", (
    Column("change_id", TEXT, "id", required=True),
    Column("agent_id", TEXT, "the agent", required=True),
    Column("kind", TEXT, "what changed", required=True, choices=(
        "model", "prompt", "tool", "permission", "data", "purpose", "configuration", "stop")),
    Column("new_value", TEXT, "model, digest, tool … that came in"),
    Column("author_ref", TEXT, "who made it (person_id)"),
    Column("approved_by", TEXT, "who approved it (person_id)"),
    Column("approved_at", TIME, "when"),
    Column("deployed_at", TIME, "in effect from"),
    Column("substantial", BOOLEAN, "a substantial modification; NULL: not asked"),
    Column("role_assessed_at", TIME, "the role under the law was assessed again"),
    Column("ticket_ref", TEXT, "ticket"),
))  # fmt: skip

STOP_ORDER = RecordTable("stop_order", "stop_order_id", "An order to stop, drill or real", (
    Column("stop_order_id", TEXT, "id", required=True),
    Column("agent_id", TEXT, "the agent", required=True),
    Column("kind", TEXT, "why", required=True, choices=("drill", "incident", "review")),
    Column("ordered_by", TEXT, "who ordered it (person_id)"),
    Column("ordered_at", TIME, "when"),
    Column("resumed_at", TIME, "allowed to act again"),
    Column("credentials_revoked", BOOLEAN, "its credentials were revoked"),
))  # fmt: skip

ALERT = RecordTable("alert", "alert_id", "An alarm of the monitoring", (
    Column("alert_id", TEXT, "id", required=True),
    Column("agent_id", TEXT, "about this agent"),
    Column("kind", TEXT, "anomaly, drift, prompt_injection, budget, gap …"),
    Column("severity", TEXT, "critical, high, medium, low"),
    Column("raised_at", TIME, "raised"),
    Column("acknowledged_by", TEXT, "who took it (person_id)"),
    Column("acknowledged_at", TIME, "when"),
    Column("trace_id", TEXT, "the run it is about"),
))  # fmt: skip

OVERSIGHT_TABLES: tuple[RecordTable, ...] = (
    PERSON, RACI, MANDATE, TRAINING, THRESHOLD, APPROVAL, BUDGET, POLICY_VERSION, POLICY_EXCEPTION,
    GATE_DECISION, CHANGE, STOP_ORDER, ALERT,
)  # fmt: skip
