"""What the registers say of the company: people, mandates, thresholds, systems, programme."""

from __future__ import annotations

from itertools import count
from typing import Any

from muniment.demo.agents import AGENTS, DECISIONS, MODELS, TIERS, TOOLS, AgentPlan, Decision
from muniment.demo.calendar import EU_HOLIDAYS, HOLIDAYS
from muniment.demo.clock import AS_OF_NANOS, DAY, HOUR, at
from muniment.demo.company import PEOPLE, RECORDS_BEGIN, TEAMS, Person, person_id
from muniment.demo.content import story
from muniment.demo.oversight import (
    CENT,
    CONFIDENTIAL_TIER,
    IN_FORCE_AFTER,
    IRREVERSIBLE_TIER,
    POLICY_ID,
    POLICY_VERSIONS,
    PUBLISHED,
    RECORDS_FROM,
    REGIMES,
    REGULATED_TIER,
    RESTRICTED_TIER,
)
from muniment.demo.registers import Registers
from muniment.demo.runs import EMPTY

PROGRAMME: dict[str, Any] = story("programme")
DEFAULT_BEGIN = at("2025-03-03")
COURSES = {
    "operator": "Working with agents: what they can and cannot do",
    "approver": "Approving what agents ask for: reading evidence, saying no",
    "owner": "Owning an agent: boundary, reviews, incidents",
    "developer": "Building agents: prompts, tools, tests, injection",
}
LOG_SOURCES = {
    "llm-gateway": ("Model gateway", "gateway"),
    "agent-platform": ("Agent platform", "agent"),
    "otel-collector": ("OpenTelemetry collector", "agent"),
    "policy-engine": ("Policy engine", "policy_engine"),
}


def add_company(registers: Registers) -> None:
    """Rows of everything that is not about one agent, with nothing wrong in them."""
    for person in PEOPLE:
        _person(registers, person)
    _mandates(registers)
    _trainings(registers)
    for decision in DECISIONS.values():
        _threshold(registers, decision)
    _policies(registers)
    _components(registers)
    _systems(registers)
    _logs(registers)
    _programme(registers)
    _findings(registers)


def _findings(registers: Registers) -> None:
    """What people judged after the earlier assessment."""
    for row in story("findings"):
        recorded, closed = at(row["recorded"]), row.get("closed")
        said = {name: row[name] for name in ("grade", "condition", "cause", "effect", "response")}
        owner = person_id(row["owner"])
        registers.put(
            "finding", recorded, finding_id=row["id"], control_id=row["control"],
            agent_id=row.get("agent"), owner_ref=owner, due_at=at(row["due"]), **said,
        )  # fmt: skip
        if closed:
            ends = {"closed_at": at(closed)}
            if row.get("retested"):
                ends["retested_at"] = at(row["retested"])
            registers.change("finding", row["id"], max(ends.values()), **ends)


def _person(registers: Registers, person: Person) -> None:
    """People, mailboxes and services; moving, leaving and coming back are rows of their own."""
    registers.put(
        "person", at(person.joined) if person.joined else RECORDS_BEGIN,
        person_id=person.person_id, name=person.name, kind=person.kind, active=True,
        team_id=person.team,
    )  # fmt: skip
    for moment, team in person.moves.items():
        registers.change("person", person.person_id, at(moment), team_id=team)
    if person.left:
        left = at(person.left)
        registers.change("person", person.person_id, left, active=False, left_at=left)
    if person.back:
        registers.change("person", person.person_id, at(person.back), active=True, left_at=EMPTY)


def _mandates(registers: Registers) -> None:
    """Who may decide what: approvers by team and decision, and the offices of the programme."""
    numbers = count(1)

    def give(name: str, kind: str, decisions: list[str], agents: list[str]) -> None:
        registers.put(
            "mandate", DEFAULT_BEGIN, mandate_id=f"MAN-{next(numbers):03d}",
            person_id=person_id(name), kind=kind, decision_types=decisions, agent_ids=agents,
        )  # fmt: skip

    for team in TEAMS.values():
        decisions = sorted(
            {p.decision.name for p in AGENTS if p.decision and p.team == team.team_id}
        )
        agents = [plan.agent_id for plan in AGENTS if plan.team == team.team_id]
        for name in team.approvers if decisions else ():
            give(name, "approver", decisions, agents)
        for name in team.approvers[:1]:
            give(name, "overseer", ["*"], agents)
    give("Torben Falk", "approver", ["*"], ["*"])
    give("Torben Falk", "risk_acceptor", ["*"], ["*"])
    give("Milan Kovar", "security_approver", ["*"], ["*"])
    give("Mette Keller", "gate_keeper", ["*"], ["*"])


def _trainings(registers: Registers) -> None:
    """Everybody who works with agents was trained for the role, and again each spring."""
    roles: dict[str, set[str]] = {}
    for plan in AGENTS:
        for name in filter(None, (plan.owner, plan.deputy)):
            roles.setdefault(person_id(name), set()).add("owner")
    for team in TEAMS.values():
        for name in team.approvers:
            roles.setdefault(person_id(name), set()).add("approver")
    for name in ("Torben Falk", "Milan Kovar", "Mette Keller"):
        roles.setdefault(person_id(name), set()).add("approver")
    for person in PEOPLE:
        if person.kind == "human":
            builds = person.team == "engineering"
            roles.setdefault(person.person_id, set()).add("developer" if builds else "operator")
    joined = {p.person_id: at(p.joined) for p in PEOPLE if p.joined}
    groups = {p.person_id for p in PEOPLE if p.kind != "human"}
    for key in sorted(roles.keys() - groups):
        first = joined.get(key, DEFAULT_BEGIN - 20 * DAY) + 3 * DAY
        for role in sorted(roles[key]):
            for year, moment in enumerate(range(first, AS_OF_NANOS, 330 * DAY)):
                registers.put(
                    "training", moment, training_id=f"TRN-{key.partition('@')[0]}-{role}-{year}",
                    person_id=key, course=COURSES[role], role=role, completed_at=moment,
                    expires_at=moment + 365 * DAY,
                )  # fmt: skip


def _threshold(registers: Registers, decision: Decision) -> None:
    amounts = (decision.supervised_from, decision.approval_from, decision.halt_from)
    names = ("supervised", "approval", "halt")
    limits = {f"{name}_from_amount": cents * CENT for name, cents in zip(names, amounts)}  # noqa: B905
    limits |= {f"{name}_from_records": limit for name, limit in zip(names, RECORDS_FROM)}  # noqa: B905
    team = next(TEAMS[plan.team] for plan in AGENTS if plan.decision is decision)
    registers.put(
        "threshold", DEFAULT_BEGIN, threshold_id=f"THR-{decision.name}",
        decision_type=decision.name, category=decision.category, base_tier=decision.base_tier,
        currency="EUR", confidential_tier=TIERS[CONFIDENTIAL_TIER],
        restricted_tier=TIERS[RESTRICTED_TIER], irreversible_tier=TIERS[IRREVERSIBLE_TIER],
        regulated_scopes=REGIMES, regulated_tier=TIERS[REGULATED_TIER],
        recipient_ref=person_id(team.approvers[0]), sla_minutes=decision.sla_minutes, **limits,
    )  # fmt: skip


def _policies(registers: Registers) -> None:
    for version, published in zip(POLICY_VERSIONS, PUBLISHED, strict=True):
        registers.put(
            "policy_version", published, policy_version_id=f"{POLICY_ID}@{version}",
            policy_id=POLICY_ID, version=version, published_at=published,
            in_force_at=published + IN_FORCE_AFTER, approved_by=person_id("Milan Kovar"),
            approved_at=published - DAY,
        )  # fmt: skip
    registers.put(
        "policy_exception", at("2026-09-14"), policy_exception_id="PEX-07", policy_id=POLICY_ID,
        policy_rule_id="egress.default", agent_id="AGT-0060",
        reason="A toll operator changed its host; the list follows in December",
        requested_at=at("2026-09-10"), approved_by=person_id("Milan Kovar"),
        approved_at=at("2026-09-14"), expires_at=at("2026-12-15"),
    )  # fmt: skip


def _components(registers: Registers) -> None:
    """Models and tools that may be used, and who supplies them."""
    for model in MODELS.values():
        registers.put(
            "component", model.approved_at, component_id=f"CMP-{model.name}", kind="model",
            name=model.name, supplier_id=model.supplier, status="approved",
            approved_by=person_id("Milan Kovar"), approved_at=model.approved_at,
        )  # fmt: skip
    for name in sorted(TOOLS):
        registers.put(
            "component", DEFAULT_BEGIN, component_id=f"CMP-{name}", kind="tool", name=name,
            status="approved", approved_by=person_id("Milan Kovar"), approved_at=DEFAULT_BEGIN,
        )  # fmt: skip
    for row in PROGRAMME["suppliers"]:
        registers.put(
            "supplier", RECORDS_BEGIN, supplier_id=row["id"], name=row["name"],
            agreement_ref=row["agreement"], agreement_ends_at=at(row["ends"]), log_access=True,
            exit_plan_ref=row["exit"], exit_plan_tested_at=at(row["tested"]),
        )  # fmt: skip


def _systems(registers: Registers) -> None:
    for key, row in story("systems").items():
        registers.put(
            "data_source", RECORDS_BEGIN, data_source_id=key, name=row["title"],
            owner_ref=person_id(row["owner"]), lawful_basis=row["basis"],
            data_classification=row["class"], provenance=row["from"],
            quality_checked_at=at("2026-06-08"),
        )  # fmt: skip


def _logs(registers: Registers) -> None:
    begun = at("2025-11-19T23:00:00Z")
    for key, (system, source_class) in LOG_SOURCES.items():
        registers.put(
            "log_source", begun, log_source_id=key, system=system, source_class=source_class,
            heartbeat_minutes=24 * 60, enabled_at=begun, agent_ids=["*"],
        )  # fmt: skip
        registers.put(
            "retention_policy", begun, retention_policy_id=f"RET-{key}", log_source_id=key,
            keep_months=24, max_months=84, lawful_basis="Art. 26(6) AI Act; Art. 6(1)(c) GDPR",
        )  # fmt: skip
    for calendar, days in (("denmark", HOLIDAYS), ("eu_institutions", EU_HOLIDAYS)):
        for day, name in days.items():
            registers.put(
                "holiday", RECORDS_BEGIN, holiday_id=f"{calendar}-{day}", calendar=calendar,
                day=day.isoformat(), name=name,
            )  # fmt: skip


def _programme(registers: Registers) -> None:
    for row in PROGRAMME["discovered"]:
        first = at(row["first"])
        registers.put(
            "discovered_use", first, discovered_use_id=row["id"], service=row["service"],
            kind=row["kind"], found_in=row["in"], business_unit=row["unit"], users=row["users"],
            first_seen_at=first, last_seen_at=first, decision="undecided",
        )  # fmt: skip
        registers.change(
            "discovered_use", row["id"], at(row["at"]), decision=row["decided"],
            decided_by=person_id("Ravi Menon"), decided_at=at(row["at"]),
            last_seen_at=at(row["at"]),
        )  # fmt: skip
    for number, moment in enumerate(range(at("2025-11-24T20:00:00Z"), AS_OF_NANOS, 14 * DAY)):
        registers.put(
            "discovery_scan", moment, discovery_scan_id=f"SCAN-{number:02d}",
            found_in="proxy" if number % 3 else "identity provider", scanned_at=moment,
            findings=number % 4,
        )  # fmt: skip
    for row in PROGRAMME["incidents"]:
        put_incident(registers, row)
    for row in PROGRAMME["complaints"]:
        received = at(row["received"])
        registers.put(
            "complaint", received, complaint_id=row["id"], kind=row["kind"],
            agent_id=row["agent"], received_at=received, triaged_at=received + 20 * HOUR,
            due_at=received + 30 * DAY, answered_at=at(row["answered"]),
            owner_ref=person_id(row["owner"]), anonymous=row.get("anonymous", False),
        )  # fmt: skip
    for number, moment in enumerate(range(at("2025-12-10T09:00:00Z"), AS_OF_NANOS, 84 * DAY)):
        registers.put(
            "review", moment, review_id=f"REV-GOV-{number}", kind="governance",
            subject_ref="self", planned_at=moment, done_at=moment,
            done_by=person_id("Mette Keller"),
            topics=["policy currency", "access scoping", "agent performance"],
            result="recorded", evidence_ref=f"minutes/governance-{number}.pdf",
        )  # fmt: skip


def put_incident(registers: Registers, row: dict[str, Any]) -> None:
    """An incident as the register keeps it; clocks only where it is a serious one."""
    detected = at(row["detected"])
    aware, told = row.get("aware"), row.get("reported")
    plan: AgentPlan = next(p for p in AGENTS if p.agent_id == row["agent"])
    registers.put(
        "incident", detected, incident_id=row["id"], agent_id=row["agent"], category=row["what"],
        severity=row["severity"], summary=row["summary"],
        duty_role="provider" if "provider" in plan.eu_role else "deployer",
        detected_at=detected, aware_at=at(aware) if aware else EMPTY,
        causal_link_at=at(aware) + 6 * HOUR if aware else EMPTY,
        reported_at=at(told) if told else EMPTY, reported_to=row.get("to", EMPTY),
        contained_at=detected + 5 * HOUR, closed_at=detected + 20 * DAY,
        root_cause=row["cause"], root_cause_at=detected + 6 * DAY,
        action_owner_ref=person_id(row["owner"]), fix_due_at=detected + 30 * DAY,
        fix_verified_at=detected + 19 * DAY, ticket_ref=f"OPS-{row['id'][-4:]}",
    )  # fmt: skip
    if told:
        for kind in ("authority", "provider", "affected_persons"):
            registers.put(
                "notification", at(told), notification_id=f"NTF-{row['id']}-{kind}",
                about_kind="incident", about_ref=row["id"], recipient_kind=kind,
                recipient=row.get("to", kind), stage="initial", sent_at=at(told),
                receipt_ref=f"RCP-{row['id'][-4:]}-{kind}",
            )  # fmt: skip
