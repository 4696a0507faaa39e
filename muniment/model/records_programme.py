"""Record tables of the programme: risk, tests, reviews, incidents, findings, attestations."""

from __future__ import annotations

from muniment.model.columns import Column
from muniment.model.record_table import (
    BOOLEAN,
    DECIMAL,
    INTEGER,
    TEXT,
    TEXT_LIST,
    TIME,
    RecordTable,
)

RISK_ASSESSMENT = RecordTable("risk_assessment", "risk_assessment_id", "A risk, judged", (
    Column("risk_assessment_id", TEXT, "id", required=True),
    Column("agent_id", TEXT, "the agent", required=True),
    Column("bucket", TEXT, "where it arises",
           choices=("execution_boundary", "identity_and_access", "data_and_privacy")),
    Column("risk_class", TEXT, "what it harms",
           choices=("operational", "security", "privacy", "ethical", "legal")),
    Column("description", TEXT, "the risk"),
    Column("assessed_by", TEXT, "who judged it (person_id)"),
    Column("assessed_at", TIME, "when"),
    Column("inherent", INTEGER, "score without controls"),
    Column("residual", INTEGER, "score with them"),
    Column("tolerance", INTEGER, "score that is tolerated"),
    Column("max_loss_usd", DECIMAL, "what it could cost at most, USD"),
    Column("max_records", INTEGER, "records it could touch at most"),
    Column("systems", TEXT_LIST, "systems it could reach"),
))  # fmt: skip

RISK_ACCEPTANCE = RecordTable("risk_acceptance", "risk_acceptance_id", "A residual risk accepted", (
    Column("risk_acceptance_id", TEXT, "id", required=True),
    Column("risk_assessment_id", TEXT, "the risk", required=True),
    Column("accepted_by", TEXT, "who accepted it (person_id)"),
    Column("accepted_at", TIME, "when"),
    Column("expires_at", TIME, "ends"),
    Column("reason", TEXT, "why"),
))  # fmt: skip

IMPACT_ASSESSMENT = RecordTable("impact_assessment", "impact_assessment_id", "Impact on people", (
    Column("impact_assessment_id", TEXT, "id", required=True),
    Column("agent_id", TEXT, "the agent", required=True),
    Column("kind", TEXT, "which one", required=True, choices=("fria", "dpia", "ai_impact")),
    Column("elements", TEXT_LIST, "parts that are filled, `a` to `f` of a FRIA"),
    Column("done_by", TEXT, "who did it (person_id)"),
    Column("done_at", TIME, "when"),
    Column("notified_at", TIME, "the authority was told"),
))  # fmt: skip

TEST_REPORT = RecordTable("test_report", "test_report_id", "A release tested", (
    Column("test_report_id", TEXT, "id", required=True),
    Column("agent_id", TEXT, "the agent", required=True),
    Column("release", TEXT, "version tested", required=True),
    Column("kinds", TEXT_LIST, "functional, safety, security, bias, red_team"),
    Column("thresholds_set_at", TIME, "what counts as passed was fixed"),
    Column("started_at", TIME, "testing began"),
    Column("finished_at", TIME, "testing ended"),
    Column("tested_by", TEXT, "who tested (person_id)"),
    Column("built_by", TEXT, "who built the release (person_id)"),
    Column("result", TEXT, "how it ended", choices=("passed", "failed", "accepted")),
    Column("accepted_by", TEXT, "who accepted failures (person_id)"),
))  # fmt: skip

MEASUREMENT = RecordTable("measurement", "measurement_id", "A declared metric, measured", (
    Column("measurement_id", TEXT, "id", required=True),
    Column("agent_id", TEXT, "the agent", required=True),
    Column("metric", TEXT, "what is measured", required=True),
    Column("measured_at", TIME, "when"),
    Column("value", DECIMAL, "measured"),
    Column("at_least", DECIMAL, "declared lower bound"),
    Column("at_most", DECIMAL, "declared upper bound"),
    Column("threshold_set_at", TIME, "the bounds were declared"),
    Column("deviation_ref", TEXT, "record of a deviation"),
))  # fmt: skip

REVIEW = RecordTable("review", "review_id", "Somebody looked again", (
    Column("review_id", TEXT, "id", required=True),
    Column("kind", TEXT, "what for", required=True, choices=(
        "agent", "access", "monitoring", "behaviour", "governance", "prohibited_practices",
        "internal_audit", "management")),
    Column("subject_ref", TEXT, "agent_id, permission_set_id; `self` for the organisation"),
    Column("planned_at", TIME, "due"),
    Column("done_at", TIME, "done"),
    Column("done_by", TEXT, "by whom (person_id)"),
    Column("topics", TEXT_LIST, "what was looked at"),
    Column("result", TEXT, "what came of it"),
    Column("evidence_ref", TEXT, "minutes, ticket"),
))  # fmt: skip

INCIDENT = RecordTable("incident", "incident_id", "Something went wrong", (
    Column("incident_id", TEXT, "id", required=True),
    Column("agent_id", TEXT, "the agent"),
    Column("category", TEXT, "kind of harm, which sets the clock", choices=(
        "death", "serious_harm_to_health", "critical_infrastructure", "fundamental_rights",
        "property_or_environment", "widespread_infringement", "not_serious")),
    Column("severity", TEXT, "critical, high, medium, low"),
    Column("summary", TEXT, "what happened"),
    Column("duty_role", TEXT, "whose duty it is to report", choices=("provider", "deployer")),
    Column("detected_at", TIME, "noticed by somebody or something"),
    Column("aware_at", TIME, "the organisation became aware; the clock starts"),
    Column("causal_link_at", TIME, "a link with the system was established"),
    Column("reported_at", TIME, "first report to whom the duty names"),
    Column("reported_to", TEXT, "authority, or provider"),
    Column("suspended_at", TIME, "the agent was stopped"),
    Column("contained_at", TIME, "contained"),
    Column("closed_at", TIME, "closed"),
    Column("root_cause", TEXT, "why"),
    Column("root_cause_at", TIME, "found when"),
    Column("action_owner_ref", TEXT, "who mends it (person_id)"),
    Column("fix_due_at", TIME, "mended by"),
    Column("fix_verified_at", TIME, "seen not to come back"),
    Column("event_ids", TEXT_LIST, "events it is about"),
    Column("ticket_ref", TEXT, "ticket"),
))  # fmt: skip

NOTIFICATION = RecordTable("notification", "notification_id", "Somebody was told", (
    Column("notification_id", TEXT, "id", required=True),
    Column("about_kind", TEXT, "what it is about", required=True,
           choices=("incident", "risk", "agent", "decision")),
    Column("about_ref", TEXT, "id of that thing", required=True),
    Column("recipient_kind", TEXT, "who was told", required=True, choices=(
        "authority", "provider", "distributor", "deployer", "workers", "affected_persons")),
    Column("recipient", TEXT, "by name"),
    Column("stage", TEXT, "initial, complete"),
    Column("sent_at", TIME, "when"),
    Column("receipt_ref", TEXT, "receipt"),
))  # fmt: skip

HOLIDAY = RecordTable("holiday", "holiday_id", "A day on which a calendar's offices are closed", (
    Column("holiday_id", TEXT, "id", required=True),
    Column("calendar", TEXT, "the calendar's name", required=True),
    Column("day", TEXT, "ISO date", required=True),
    Column("name", TEXT, "the holiday"),
))  # fmt: skip

RETENTION_POLICY = RecordTable("retention_policy", "retention_policy_id", "How long logs stay", (
    Column("retention_policy_id", TEXT, "id", required=True),
    Column("log_source_id", TEXT, "the source; `*` means all"),
    Column("retention_class", TEXT, "class of record; NULL and carried: all"),
    Column("keep_months", INTEGER, "at least, calendar months"),
    Column("max_months", INTEGER, "at most, calendar months; NULL: no limit"),
    Column("lawful_basis", TEXT, "why it may be kept so long"),
))  # fmt: skip

DELETION = RecordTable("deletion", "deletion_id", "Log entries that were deleted", (
    Column("deletion_id", TEXT, "id", required=True),
    Column("log_source_id", TEXT, "the source", required=True),
    Column("entries_from", TIME, "of entries from"),
    Column("entries_to", TIME, "until (excluded)"),
    Column("deleted_at", TIME, "deleted"),
    Column("approved_by", TEXT, "who approved it (person_id)"),
    Column("reason", TEXT, "why"),
))  # fmt: skip

APPLICABILITY_DECISION = RecordTable(
    "applicability_decision", "applicability_decision_id", "A requirement included or excluded", (
    Column("applicability_decision_id", TEXT, "id", required=True),
    Column("framework_id", TEXT, "the framework, as its file is called", required=True),
    Column("requirement_id", TEXT, "the clause or control", required=True),
    Column("applicable", BOOLEAN, "included in the scope", required=True),
    Column("justification", TEXT, "why it is included or excluded", required=True),
    Column("decided_by", TEXT, "who decided (person_id)"),
    Column("decided_at", TIME, "when"),
))  # fmt: skip

FINDING = RecordTable("finding", "finding_id", "A judged exception", (
    Column("finding_id", TEXT, "id", required=True),
    Column("control_id", TEXT, "the control"),
    Column("item_id", TEXT, "the tested item"),
    Column("agent_id", TEXT, "the agent"),
    Column("grade", TEXT, "major, minor, observation"),
    Column("condition", TEXT, "what was found"),
    Column("criterion", TEXT, "against what"),
    Column("cause", TEXT, "why it happened"),
    Column("effect", TEXT, "what it does"),
    Column("systemic", BOOLEAN, "more than one case"),
    Column("response", TEXT, "what management says"),
    Column("owner_ref", TEXT, "who mends it (person_id)"),
    Column("due_at", TIME, "by"),
    Column("closed_at", TIME, "closed"),
    Column("retested_at", TIME, "tested again"),
))  # fmt: skip

COMPLAINT = RecordTable("complaint", "complaint_id", "A concern, complaint or request", (
    Column("complaint_id", TEXT, "id", required=True),
    Column("kind", TEXT, "what it is", required=True, choices=(
        "concern", "complaint", "feedback", "appeal", "explanation_request", "authority_request")),
    Column("agent_id", TEXT, "the agent"),
    Column("received_at", TIME, "received"),
    Column("triaged_at", TIME, "looked at"),
    Column("due_at", TIME, "an answer is due"),
    Column("answered_at", TIME, "answered"),
    Column("owner_ref", TEXT, "who handles it (person_id)"),
    Column("anonymous", BOOLEAN, "came without a name"),
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

SIGN_OFF = RecordTable("sign_off", "sign_off_id", "A person's signature under an evidence pack", (
    Column("sign_off_id", TEXT, "pack and role", required=True),
    Column("pack_id", TEXT, "the draft that was signed", required=True),
    Column("pack_digest", TEXT, "digest of everything it was made from", required=True),
    Column("assessment_id", TEXT, "the assessment that it prints", required=True),
    Column("role", TEXT, "what the signature means", required=True,
           choices=("preparer", "reviewer", "management")),
    Column("person_id", TEXT, "who signed", required=True),
    Column("person_name", TEXT, "the name as it was then"),
    Column("os_user", TEXT, "the operating-system user who acted", required=True),
    Column("remark", TEXT, "review note or title"),
    Column("signed_at", TIME, "when", required=True),
))  # fmt: skip

ORGANISATION = RecordTable("organisation", "organisation_id", "The entity under assessment", (
    Column("organisation_id", TEXT, "always `self`", required=True),
    Column("name", TEXT, "legal or trading name", required=True),
    Column("time_zone", TEXT, "IANA zone that decides what a day is", required=True),
))  # fmt: skip

PROGRAMME_TABLES: tuple[RecordTable, ...] = (
    RISK_ASSESSMENT, RISK_ACCEPTANCE, IMPACT_ASSESSMENT, TEST_REPORT, MEASUREMENT, REVIEW, INCIDENT,
    NOTIFICATION, HOLIDAY, RETENTION_POLICY, DELETION, APPLICABILITY_DECISION, FINDING, COMPLAINT,
    ATTESTATION, EXCEPTION_GRANT, SIGN_OFF, ORGANISATION,
)  # fmt: skip
