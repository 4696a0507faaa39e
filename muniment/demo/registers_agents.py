"""What the registers say of each agent: its life, its rights, its limits and its papers."""

from __future__ import annotations

from collections.abc import Iterator

from muniment.demo.agents import AGENTS, AgentPlan, Release, Tool
from muniment.demo.clock import AS_OF_NANOS, DAY, HOUR, MINUTE
from muniment.demo.company import ORGANISATION, TEAMS, person_id
from muniment.demo.registers import Registers
from muniment.demo.runs import EMPTY, Value, digest
from muniment.demo.writer import NOTICE_ACT
from muniment.model.records_oversight import RACI_STAGES

REVIEW_EVERY = 84 * DAY
DRILL_EVERY = 80 * DAY
STATUS = {
    "production": "active", "pilot": "approved", "draft": "draft", "retired": "retired",
    "quarantined": "quarantined", "rejected": "rejected",
}  # fmt: skip
STAGES = {"production": "governed_production", "pilot": "push_to_production"}
HIGH_RISK = "high_risk_annex_iii"


def number(plan: AgentPlan) -> str:
    """The digits of an agent's id, which its papers carry too."""
    return plan.agent_id.removeprefix("AGT-")


def was_live(plan: AgentPlan) -> bool:
    """Whether the agent ever went into production."""
    return plan.live is not None


def add_agents(registers: Registers) -> None:
    """Rows of every agent and of all that hangs on it, with nothing wrong in them."""
    for plan in AGENTS:
        _life(registers, plan)
        if plan.stage in {"draft", "rejected"}:
            continue
        _rights(registers, plan)
        _limits(registers, plan)
        _dependencies(registers, plan)
        if was_live(plan):
            _gates(registers, plan)
            _reviews(registers, plan)
            _risks(registers, plan)
            _drills(registers, plan)
            for release in plan.releases:
                _release(registers, plan, release)


def prompt_digest(plan: AgentPlan, version: str) -> str:
    """The digest of a version's system prompt, as the gateway sees it."""
    return digest("system", plan.agent_id, version)


def review_times(plan: AgentPlan) -> list[int]:
    """When the agent was reviewed: ten days after go-live and every twelve weeks since."""
    return _every(plan, plan.begins + 10 * DAY + 2 * HOUR, REVIEW_EVERY)


def drill_times(plan: AgentPlan) -> list[int]:
    """When stopping the agent was tried: in the night after a week, and every eighty days since."""
    begin = plan.begins - plan.begins % DAY + 8 * DAY + HOUR + int(number(plan)) * MINUTE
    return _every(plan, begin, DRILL_EVERY)


def _every(plan: AgentPlan, begin: int, step: int) -> list[int]:
    return list(range(begin, min(plan.ends or AS_OF_NANOS, AS_OF_NANOS), step))


def _id(name: str | None) -> str:
    return person_id(name) if name else EMPTY


def _life(registers: Registers, plan: AgentPlan) -> None:
    """The registry's rows: one for each instant at which something changed."""
    changes: dict[int, dict[str, Value]] = {}
    for moment, values in _changes(plan):
        changes.setdefault(moment, {}).update(values)
    (first, values), *later = sorted(changes.items())
    registers.put("agent", first, **(_about(plan) | values))
    for moment, values in later:
        registers.change("agent", plan.agent_id, moment, **values)


def _changes(plan: AgentPlan) -> Iterator[tuple[int, dict[str, Value]]]:
    status = "pending_approval" if was_live(plan) else STATUS[plan.stage]
    yield plan.registered_at, {"lifecycle_status": status}
    if plan.stage in {"draft", "rejected"}:
        return
    if plan.stage == "pilot":
        return
    for release in plan.releases:
        yield release.since, _running(plan, release)
    yield plan.begins, {
        "lifecycle_status": "active", "journey_stage": "governed_production",
        "environment": "production", "go_live_at": plan.begins,
    }  # fmt: skip
    for moment in review_times(plan):
        yield moment, {"last_review_at": moment, "next_review_at": moment + REVIEW_EVERY}
    if plan.ends:
        retired = plan.ends if plan.retired else EMPTY
        yield plan.ends, {"lifecycle_status": STATUS[plan.stage], "retired_at": retired}


def _running(plan: AgentPlan, release: Release) -> dict[str, Value]:
    return {
        "version": release.version, "model": release.model.name,
        "prompt_sha256": prompt_digest(plan, release.version),
        "documentation_version": release.version,
        "aibom_ref": f"aibom/{plan.flow}-{release.version}.cdx.json",
    }  # fmt: skip


def _about(plan: AgentPlan) -> dict[str, Value]:
    """What is said of an agent from its registration on."""
    first = plan.releases[0]
    decided = min(plan.begins - 30 * DAY, plan.registered_at + 20 * DAY)
    high = plan.eu_class == HIGH_RISK
    return {
        "agent_id": plan.agent_id, "kind": plan.kind, "name": plan.name,
        "description": plan.purpose, "provider_org": plan.supplier or ORGANISATION,
        "owner_ref": _id(plan.owner), "owner_team": plan.team, "deputy_ref": _id(plan.deputy),
        "identity_ref": f"spiffe://northwind/agents/{plan.agent_id.lower()}",
        "environment": "staging" if plan.stage == "pilot" else "development",
        "business_unit": TEAMS[plan.team].unit, "business_purpose": plan.purpose,
        "risk_class": plan.risk, "eu_in_scope": True, "eu_role": plan.eu_role,
        "eu_class": plan.eu_class, "eu_class_reason": _class_reason(plan),
        "eu_class_decided_at": decided, "eu_class_decided_by": person_id("Vera Lund"),
        "eu_annex_iii_point": plan.annex or EMPTY, "eu_profiling": plan.profiling,
        "eu_database_id": f"EU-DB-{26_000 + int(number(plan))}" if high else EMPTY,
        "eu_registered_at": plan.begins - 8 * DAY if high else EMPTY,
        "default_autonomy_tier": plan.decision.base_tier if plan.decision else "autonomous",
        "max_data_classification": plan.data, "protocol": "A2A", "protocol_version": "1.0",
        "endpoint_url": f"https://agents.northwind-freight.example/{plan.flow}",
        "skills": [plan.flow], "card_sha256": digest("card", plan.agent_id),
        "registered_at": plan.registered_at, "sponsor_ref": person_id("Birgitte Nørgaard"),
        "journey_stage": STAGES.get(plan.stage, "experimentation"),
        "permission_tier": plan.permission_tier, "talks_to_people": plan.talks,
        "intended_users": TEAMS[plan.team].unit,
        "out_of_scope_uses": "Decisions about people other than those named in the purpose",
        "known_limitations": "Weak on scanned tables and on languages other than Danish, German, "
        "Polish and English",
        "escalation_ref": _id(plan.deputy), "incident_ref": person_id("Ravi Menon"),
        "build_signature_valid": True, "version": first.version, "model": first.model.name,
        "prompt_sha256": prompt_digest(plan, first.version),
        "documentation_version": first.version,
        "aibom_ref": f"aibom/{plan.flow}-{first.version}.cdx.json",
        "instructions_ref": f"docs/{plan.flow}/instructions-v1.pdf",
        "monitoring_plan_ref": f"docs/{plan.flow}/monitoring-plan.pdf" if high else EMPTY,
        "supplier_id": plan.supplier or EMPTY,
    }  # fmt: skip


def _class_reason(plan: AgentPlan) -> str:
    if plan.eu_class == HIGH_RISK:
        return f"Used for workers or applicants: Annex III, point {plan.annex}"
    if plan.eu_class == "transparency_only":
        return "Deals with people directly and decides nothing about them: Art. 50 only"
    return "Neither Annex I nor Annex III; no direct contact with people"


def _rights(registers: Registers, plan: AgentPlan) -> None:
    """The permission set, who approved it, and the credential."""
    pilot = plan.stage == "pilot"
    granted = plan.begins - (2 if pilot else 12) * DAY
    environment = "staging" if pilot else "production"
    approval = f"APR-PS-{number(plan)}"
    registers.put(
        "permission_set", granted + HOUR, permission_set_id=f"PS-{number(plan)}",
        agent_id=plan.agent_id, granted_by=person_id("Kasper Juhl"), approval_id=approval,
        tools=list(plan.tools), scopes=[f"{plan.team}.read", f"{plan.team}.write"],
        data_scopes=sorted({tool.system for tool in plan.reads}),
        models=sorted({release.model.name for release in plan.releases}),
        environment=environment, systems=sorted({tool.system for tool in plan.all_tools}),
        egress_hosts=sorted({tool.host for tool in plan.all_tools if tool.host}),
        standing=plan.data != "restricted",
    )  # fmt: skip
    approve_permissions(registers, plan, approval, granted)
    registers.put(
        "credential", plan.begins - DAY, credential_id=f"CRD-{number(plan)}",
        kind="workload_identity", agent_ids=[plan.agent_id],
        identity_ref=f"spiffe://northwind/agents/{plan.agent_id.lower()}",
        environment=environment, lifetime_seconds=3_600, vault_ref=f"vault/agents/{plan.flow}",
        issued_at=plan.begins - DAY,
    )  # fmt: skip
    if plan.ends:
        registers.change(
            "credential", f"CRD-{number(plan)}", plan.ends, revoked_at=plan.ends
        )  # fmt: skip


def approve_permissions(registers: Registers, plan: AgentPlan, approval: str, decided: int) -> None:
    """Security's yes to a permission set, three hours after it was asked for."""
    asked = decided - 3 * HOUR
    registers.put(
        "approval", decided, approval_id=approval, subject_kind="permission_set",
        subject_ref=f"PS-{number(plan)}", requested_by=person_id("Kasper Juhl"),
        requested_at=asked, escalated_to=person_id("Milan Kovar"), decision="approved",
        decided_by=person_id("Milan Kovar"), decided_by_type="human", opened_at=decided - HOUR,
        decided_at=decided, justification="Least privilege checked against the boundary",
        context_sha256=digest("permissions", plan.agent_id, *plan.tools),
        evidence_grade="third_party_logged", ticket_ref=f"SEC-{number(plan)}",
        agent_id=plan.agent_id, sources_used=["iam"], policy_refs=["northwind.access"],
        alternatives=["fewer tools"], request_reason="New permission set",
        proposed_action="grant", confidence=EMPTY, expires_at=EMPTY,
    )  # fmt: skip


def _limits(registers: Registers, plan: AgentPlan) -> None:
    """The boundary in seven elements, and who answers for which stage of a decision."""
    approved = plan.begins - 15 * DAY
    writes = [tool for tool in plan.all_tools if tool.action != "read"]
    alone, asks = _by_approval(plan, writes)
    notices = [NOTICE_ACT] if plan.talks else []
    registers.put(
        "boundary", approved, boundary_id=f"BND-{number(plan)}", agent_id=plan.agent_id,
        process=plan.flow,
        reads=sorted({t.system for t in plan.all_tools} | {"llm-gateway", "agent-platform"}),
        writes=sorted({tool.system for tool in writes}) or ["none"],
        allowed_actions=[*(tool.name for tool in plan.reads), *alone, *notices],
        approval_actions=asks or ["none"],
        prohibited_data=["payroll", "health"] if plan.data != "restricted" else ["health"],
        responsible_team=plan.team, approved_by=person_id("Mette Keller"), approved_at=approved,
    )  # fmt: skip
    owner, deputy = _id(plan.owner), _id(plan.deputy) or person_id("Mette Keller")
    accountable = dict.fromkeys(RACI_STAGES, owner or deputy) | {
        "context_retrieval": deputy, "policy_validation": person_id("Milan Kovar"),
        "execution": owner, "logging": person_id("Hanna Voss"), "escalation": deputy,
        "incident_response": person_id("Ravi Menon"),
    }  # fmt: skip
    for stage, person in accountable.items():
        registers.put(
            "raci", approved, raci_id=f"RACI-{number(plan)}-{stage}", agent_id=plan.agent_id,
            stage=stage, accountable_ref=person, responsible_refs=[deputy],
            consulted_refs=[person_id("Mette Keller")], informed_refs=[person_id("Hanna Voss")],
        )  # fmt: skip


def _by_approval(plan: AgentPlan, writes: list[Tool]) -> tuple[list[str], list[str]]:
    """Tools that the agent may use alone, and those that always wait for a person."""
    decision = plan.decision
    waits = decision is not None and decision.base_tier == "approval_required"
    asks = [tool.name for tool in writes if waits and tool is plan.act]
    return [tool.name for tool in writes if tool.name not in asks], asks


def _dependencies(registers: Registers, plan: AgentPlan) -> None:
    needs = [("model", plan.releases[-1].model.name)]
    needs += [("tool", name) for name in plan.tools]
    needs += [("data_source", system) for system in sorted({t.system for t in plan.reads})]
    needs += [("agent", plan.delegates_from)] if plan.delegates_from else []
    needs += [("supplier", plan.supplier)] if plan.supplier else []
    for count, (kind, ref) in enumerate(needs):
        registers.put(
            "agent_dependency", plan.registered_at,
            agent_dependency_id=f"DEP-{number(plan)}-{count:02d}", agent_id=plan.agent_id,
            dep_kind=kind, dep_ref=ref,
        )  # fmt: skip


def _gates(registers: Registers, plan: AgentPlan) -> None:
    for gate, before in (("pilot", 60), ("production", 4)):
        decided = plan.begins - before * DAY + 3 * HOUR
        registers.put(
            "gate_decision", decided, gate_decision_id=f"GATE-{number(plan)}-{gate}",
            agent_id=plan.agent_id, gate=gate, release=plan.releases[0].version,
            decision="approved", requested_at=decided - 6 * DAY,
            decided_by=person_id("Mette Keller"), decided_at=decided,
            data_reviewed_at=decided - 3 * DAY, evidence_ref=f"minutes/gate-{number(plan)}.pdf",
        )  # fmt: skip


def _reviews(registers: Registers, plan: AgentPlan) -> None:
    """Reviews of the agent, of its access, and of its behaviour."""
    subjects = {
        "agent": plan.agent_id, "access": f"PS-{number(plan)}", "monitoring": plan.agent_id,
    }  # fmt: skip
    for count, moment in enumerate(review_times(plan)):
        for kind, subject in subjects.items():
            if kind == "monitoring" and plan.risk != "high":
                continue
            registers.put(
                "review", moment, review_id=f"REV-{number(plan)}-{kind}-{count}", kind=kind,
                subject_ref=subject, planned_at=moment - 2 * HOUR, done_at=moment,
                done_by=person_id("Milan Kovar" if kind == "access" else "Mette Keller"),
                topics=["purpose", "owner", "permissions", "incidents"], result="no change",
                evidence_ref=f"minutes/{kind}-{number(plan)}-{count}.pdf",
            )  # fmt: skip
    registers.put(
        "review", plan.begins - 20 * DAY, review_id=f"REV-{number(plan)}-screen",
        kind="prohibited_practices", subject_ref=plan.agent_id, planned_at=plan.begins - 20 * DAY,
        done_at=plan.begins - 20 * DAY, done_by=person_id("Vera Lund"),
        topics=["manipulation", "social scoring", "emotion inference", "biometrics"],
        result="none applies", evidence_ref=f"screens/{number(plan)}.pdf",
    )  # fmt: skip


def _risks(registers: Registers, plan: AgentPlan) -> None:
    """Two risks of each agent, judged before go-live, after each release and every June."""
    kinds = [("execution_boundary", "operational"), ("data_and_privacy", "privacy")]
    moments = [plan.begins - 30 * DAY, *(one.since + 2 * DAY for one in plan.releases[1:])]
    for count, (bucket, harm) in enumerate(kinds):
        key = f"RSK-{number(plan)}-{count + 1}"
        for moment in sorted({*moments, *_every(plan, plan.begins + 200 * DAY, 160 * DAY)}):
            registers.put(
                "risk_assessment", moment, risk_assessment_id=key, agent_id=plan.agent_id,
                bucket=bucket, risk_class=harm,
                description=f"{plan.name} acts on a wrong reading of {plan.reads[0].system}"
                if count == 0 else f"{plan.name} shows data of {plan.reads[0].system} to others",
                assessed_by=person_id("Mette Keller"), assessed_at=moment, inherent=12,
                residual=6, tolerance=8, max_loss_usd=_most(plan), max_records=50_000,
                systems=sorted({tool.system for tool in plan.all_tools}),
            )  # fmt: skip
            registers.put(
                "risk_acceptance", moment + DAY, risk_acceptance_id=f"ACC-{key}",
                risk_assessment_id=key, accepted_by=person_id("Torben Falk"),
                accepted_at=moment + DAY, expires_at=moment + 400 * DAY,
                reason="Residual risk below tolerance",
            )  # fmt: skip
    for kind in _impact_kinds(plan):
        registers.put(
            "impact_assessment", plan.begins - 25 * DAY,
            impact_assessment_id=f"IMP-{number(plan)}-{kind}", agent_id=plan.agent_id, kind=kind,
            elements=list("abcdef") if kind == "fria" else ["purpose", "necessity", "risks"],
            done_by=person_id("Elin Sørby"), done_at=plan.begins - 25 * DAY,
            notified_at=plan.begins - 18 * DAY if kind == "fria" else EMPTY,
        )  # fmt: skip


def _most(plan: AgentPlan) -> int:
    """The largest amount that the agent may move alone or with approval, as billionths of USD."""
    return (plan.decision.halt_from if plan.decision else 100_000) * 10**7


def _impact_kinds(plan: AgentPlan) -> list[str]:
    kinds = ["ai_impact"]
    if plan.data == "restricted":
        kinds.append("dpia")
    return [*kinds, "fria"] if plan.eu_class == HIGH_RISK else kinds


def _drills(registers: Registers, plan: AgentPlan) -> None:
    for count, moment in enumerate(drill_times(plan)):
        registers.put(
            "stop_order", moment, stop_order_id=f"STOP-{number(plan)}-{count}",
            agent_id=plan.agent_id, kind="drill", ordered_by=person_id("Rikke Damgaard"),
            ordered_at=moment, resumed_at=moment + 4 * MINUTE, credentials_revoked=True,
        )  # fmt: skip
    if plan.stage == "quarantined" and plan.ends:
        registers.put(
            "stop_order", plan.ends, stop_order_id=f"STOP-{number(plan)}-real",
            agent_id=plan.agent_id, kind="incident", ordered_by=person_id("Ravi Menon"),
            ordered_at=plan.ends, credentials_revoked=True,
        )  # fmt: skip


def _release(registers: Registers, plan: AgentPlan, release: Release) -> None:
    """A release: tested before, changed with approval, looked at three weeks later."""
    since, key = release.since, f"{number(plan)}-{release.version}"
    if plan.begins < since < AS_OF_NANOS - 21 * DAY:
        done = since + 21 * DAY
        registers.put(
            "review", done, review_id=f"REV-{key}-behaviour", kind="behaviour",
            subject_ref=plan.agent_id, planned_at=done, done_at=done,
            done_by=person_id("Mette Keller"), topics=["action mix since the release"],
            result="as expected", evidence_ref=f"minutes/behaviour-{key}.pdf",
        )  # fmt: skip
    registers.put(
        "test_report", since - 8 * DAY, test_report_id=f"TST-{key}", agent_id=plan.agent_id,
        release=release.version, kinds=["functional", "safety", "security", "bias", "red_team"],
        thresholds_set_at=since - 20 * DAY, started_at=since - 12 * DAY,
        finished_at=since - 8 * DAY, tested_by=person_id("Rikke Damgaard"),
        built_by=person_id("Jonas Eriksen"), result="passed",
    )  # fmt: skip
    for kind, value in (
        ("model", release.model.name), ("prompt", prompt_digest(plan, release.version)),
    ):  # fmt: skip
        registers.put(
            "change", since - 2 * DAY, change_id=f"CHG-{key}-{kind}", agent_id=plan.agent_id,
            kind=kind, new_value=value, author_ref=person_id("Jonas Eriksen"),
            approved_by=person_id("Priya Raman"), approved_at=since - 2 * DAY, deployed_at=since,
            substantial=False, role_assessed_at=since - 3 * DAY, ticket_ref=f"CHG-{key}",
        )  # fmt: skip
