"""The audit log's entries: one schema for what sources say and for what Muniment adds.

An entry is an `event` (what a source said an agent did), an `annotation` (a later value for a field
of an event), or a `record` (a change of a record row, from the transactional outbox). All three are
sealed in the same log, so that one header chain covers everything that counts as evidence.

Names follow OpenTelemetry GenAI where it has one, OCSF for delegation. NULL means: the source did
not carry it. A field which the source carried and left empty is listed in `empty_fields`; a field
that the source masked is listed in `redacted_fields`. Nothing that may change later is a column.
"""

from __future__ import annotations

from enum import StrEnum

from muniment.model.columns import Column, ColumnKind

SCHEMA_VERSION = "1"
OWN_SOURCE_ID = "muniment"


class EntryKind(StrEnum):
    """What an entry of the log is."""

    EVENT = "event"
    ANNOTATION = "annotation"
    RECORD = "record"


TEXT, INTEGER, BOOLEAN = ColumnKind.TEXT, ColumnKind.INTEGER, ColumnKind.BOOLEAN
DECIMAL, TIME, TEXT_LIST = ColumnKind.DECIMAL, ColumnKind.TIME, ColumnKind.TEXT_LIST

ACTION_TYPES = (
    "read", "write", "destructive", "provision", "decommission", "model_call", "delegate",
    "approve", "policy_check", "admin", "message", "run", "other",
)  # fmt: skip
TIERS = ("autonomous", "supervised", "approval_required", "halt")
OUTCOMES = ("success", "failure", "partial", "denied", "unknown")
POLICY_RESULTS = ("allow", "deny", "modify", "warn", "escalate", "error", "not_applicable")
SOURCE_CLASSES = (
    "agent", "gateway", "identity_provider", "billing", "policy_engine", "ticketing", "registry",
    "benchmark", "muniment",
)  # fmt: skip

# Written by ingest and sealing, never by a source map.
ENVELOPE_COLUMNS: tuple[Column, ...] = (
    Column("entry_kind", TEXT, "event, annotation or record", required=True),
    Column("event_id", TEXT, "32 hex digits; from the natural key, else from the content",
           required=True),
    Column("ingested_at", TIME, "when Muniment took the entry in", required=True),
    Column("source_id", TEXT, "the source, as named at import", required=True),
    Column("source_format", TEXT, "id of the source map", required=True),
    Column("source_class", TEXT, "who wrote the log", choices=SOURCE_CLASSES),
    Column("source_row", INTEGER, "position in the file: line, or 1-based row"),
    Column("import_batch_id", TEXT, "the import that brought it", required=True),
    Column("schema_version", TEXT, "version of these columns", required=True),
    Column("salt", TEXT, "32 random hex digits, destroyed with the body on erasure", required=True),
)  # fmt: skip

# What the source said. A source map may fill each of these.
CONTENT_COLUMNS: tuple[Column, ...] = (
    Column("source_seq", INTEGER, "the source's own running number"),
    Column("event_time", TIME, "when it happened, or started", "time"),
    Column("end_time", TIME, "when it ended", "time"),
    Column("time_basis", TEXT, "zone 'stated' in the value or 'declared' by the map", "time"),
    Column("trace_id", TEXT, "lower-case hex, or the source's run id", "trace"),
    Column("span_id", TEXT, "this step", "trace"),
    Column("parent_span_id", TEXT, "the step that caused it", "trace"),
    Column("workflow_name", TEXT, "gen_ai.workflow.name", "trace"),
    Column("workflow_run_id", TEXT, "one run of the workflow", "trace"),
    Column("conversation_id", TEXT, "gen_ai.conversation.id, session id", "trace"),
    Column("agent_id", TEXT, "gen_ai.agent.id, or the source's identity", "identity"),
    Column("agent_name", TEXT, "gen_ai.agent.name", "identity"),
    Column("agent_version", TEXT, "gen_ai.agent.version", "identity"),
    Column("agent_instance_id", TEXT, "OCSF ai_agent.instance_uid", "identity"),
    Column("agent_inherited_from_span", TEXT, "ancestor span that named the agent", "identity"),
    Column("delegation_id", TEXT, "OCSF delegation.uid", "delegation"),
    Column("delegated_by_agent_id", TEXT, "the agent that handed over", "delegation"),
    Column("delegation_scopes", TEXT_LIST, "OCSF delegation.scopes", "delegation"),
    Column("on_behalf_of", TEXT, "the principal acted for", "delegation"),
    Column("required_scopes", TEXT_LIST, "scopes that the task needs", "delegation"),
    Column("caller_verified", BOOLEAN, "the receiver verified who called it", "delegation"),
    Column("operation_name", TEXT, "gen_ai.operation.name, or the source's verb", "action"),
    Column("action_type", TEXT, "what kind of act", "action", choices=ACTION_TYPES),
    Column("target_type", TEXT, "tool, model, table, person …", "action"),
    Column("target_name", TEXT, "gen_ai.tool.name or alike", "action"),
    Column("target_ref", TEXT, "the object acted on", "action"),
    Column("target_system", TEXT, "server.address or system name", "action"),
    Column("input_sanitised", TEXT, "input after sanitising", "input"),
    Column("input_sha256", TEXT, "digest of the input that ran", "input"),
    Column("prompt_sha256", TEXT, "digest of the system prompt", "input"),
    Column("context_refs", TEXT_LIST, "data sources read for the decision", "input"),
    Column("data_classification", TEXT, "highest class touched", "input",
           choices=("public", "internal", "confidential", "restricted")),
    Column("policy_checked", BOOLEAN, "a policy was asked before the act", "policy"),
    Column("policy_checked_at", TIME, "when it was asked", "policy"),
    Column("policy_result", TEXT, "what it answered", "policy", choices=POLICY_RESULTS),
    Column("policy_enforced", TEXT, "blocked, flagged …", "policy"),
    Column("policy_id", TEXT, "which policy", "policy"),
    Column("policy_rule_id", TEXT, "which rule", "policy"),
    Column("policy_version", TEXT, "its version", "policy"),
    Column("policy_engine", TEXT, "who answered", "policy"),
    Column("autonomy_tier", TEXT, "oversight tier applied", "oversight", choices=TIERS),
    Column("permission_mode", TEXT, "the tool's own mode word", "oversight"),
    Column("oversight_required", BOOLEAN, "a human had to decide", "oversight"),
    Column("approval_id", TEXT, "the approval relied upon", "oversight"),
    Column("escalated_to", TEXT, "who was asked", "oversight"),
    Column("escalated_at", TIME, "when asked", "oversight"),
    Column("responded_at", TIME, "when answered", "oversight"),
    Column("oversight_decision", TEXT, "approved, rejected, modified …", "oversight"),
    Column("oversight_actor_type", TEXT, "human, policy, service …", "oversight"),
    Column("authorization_status", TEXT, "how the act was authorised", "oversight"),
    Column("decision_type", TEXT, "business decision, for thresholds", "decision"),
    Column("amount", DECIMAL, "money moved or promised", "decision"),
    Column("currency", TEXT, "ISO 4217", "decision"),
    Column("records_affected", INTEGER, "rows, documents, people", "decision"),
    Column("regulatory_scope", TEXT, "regime touched", "decision"),
    Column("permission_tier", TEXT, "observe, recommend, prepare, execute, escalate", "decision"),
    Column("trigger_kind", TEXT, "what started the run: user, schedule, event, agent", "decision"),
    Column("executed", BOOLEAN, "the act took effect; false when blocked", "outcome"),
    Column("notified_at", TIME, "when the overseer was told", "oversight"),
    Column("egress_host", TEXT, "host outside", "action"),
    Column("handoff_validation", TEXT, "result of the check at hand-off", "delegation"),
    Column("disclosure", TEXT, "what the person was told", "action"),
    Column("feature", TEXT, "product feature the call serves", "cost"),
    Column("outcome", TEXT, "how it ended", "outcome", choices=OUTCOMES),
    Column("error_type", TEXT, "error.type", "outcome"),
    Column("downstream_effect", TEXT, "what changed elsewhere", "outcome"),
    Column("downstream_ref", TEXT, "id of that change", "outcome"),
    Column("reversible", BOOLEAN, "can be undone", "outcome"),
    Column("confidence", DECIMAL, "0 to 1, as the source gave it", "outcome"),
    Column("confidence_source", TEXT, "who gave it", "outcome"),
    Column("model", TEXT, "gen_ai.response.model, else request.model", "cost"),
    Column("provider", TEXT, "gen_ai.provider.name", "cost"),
    Column("input_tokens", INTEGER, "includes cached input, as OpenTelemetry counts", "cost"),
    Column("output_tokens", INTEGER, "output", "cost"),
    Column("cache_read_tokens", INTEGER, "read from cache", "cost"),
    Column("cache_creation_tokens", INTEGER, "written to cache", "cost"),
    Column("reasoning_tokens", INTEGER, "reasoning", "cost"),
    Column("cost_usd", DECIMAL, "cost of the call", "cost"),
    Column("cost_basis", TEXT, "reported, priced or allocated", "cost"),
    Column("user_ref", TEXT, "the person", "cost"),
    Column("user_ref_kind", TEXT, "email, id, pseudonym …", "cost"),
    Column("team_id", TEXT, "the team", "cost"),
    Column("org_id", TEXT, "the organisation", "cost"),
    Column("client_app", TEXT, "service.name", "cost"),
    Column("evidence_ref", TEXT_LIST, "links the source gave", "retention"),
    Column("source_prev_hash", TEXT, "the source's own chain", "retention"),
    Column("source_entry_hash", TEXT, "the source's own digest", "retention"),
    Column("source_signature_valid", BOOLEAN, "the source's signature verified", "retention"),
    Column("retention_class", TEXT, "which retention rule", "retention"),
    Column("retain_until", TIME, "kept at least until", "retention"),
    Column("legal_hold", BOOLEAN, "must not be erased", "retention"),
    Column("redacted_fields", TEXT_LIST, "columns that the source masked"),
    Column("empty_fields", TEXT_LIST, "columns that the source carried and left empty"),
    Column("payload", TEXT, "canonical JSON of an annotation or a record change"),
)  # fmt: skip

ENTRY_COLUMNS: tuple[Column, ...] = ENVELOPE_COLUMNS + CONTENT_COLUMNS
ENTRY_COLUMN_BY_NAME: dict[str, Column] = {column.name: column for column in ENTRY_COLUMNS}
MAPPABLE_NAMES: frozenset[str] = frozenset(
    c.name for c in CONTENT_COLUMNS if c.name not in {"redacted_fields", "empty_fields", "payload"}
)
