"""Seeds of the programme: discovery, incidents, classes, tests, sources, components, courses."""

from __future__ import annotations

from typing import Any

from muniment.demo.agents import AGENT_BY_ID, TOOLS
from muniment.demo.clock import AS_OF_NANOS, DAY, HOUR, MINUTE, SECOND, at, utc_text
from muniment.demo.company import person_id
from muniment.demo.registers_company import put_incident
from muniment.demo.runs import EMPTY, GATEWAY, Value
from muniment.demo.seeds import BLOCKED, UNSPENT, Story
from muniment.model.outcomes import Outcome

TRIAGE_DAYS = 30


def seed_discovered(story: Story) -> None:
    """SHA-01: AI use that was found and that nobody decided about in time."""
    control = "SHA-01"
    first_at_limit = AS_OF_NANOS - TRIAGE_DAYS * DAY
    rows: tuple[tuple[str, str, str, int, int | None, str, bool, str], ...] = (
        ("DSC-127", "app.quickinvoice-ai.example", "Finance", at("2026-09-25T08:20:00Z"), None,
         "undecided", True, "undecided for eight weeks"),
        ("DSC-129", "hub.draftmail.example", "Customer service", at("2026-08-31T13:00:00Z"),
         at("2026-10-12T09:00:00Z"), "blocked", True, "decided after six weeks"),
        ("DSC-131", "svc-mailbot-7", "Customer service", first_at_limit - 1, None, "undecided",
         True, "undecided for thirty days and a nanosecond"),
        ("DSC-132", "voice.dictaphone-ai.example", "Claims", first_at_limit, None, "undecided",
         False, "undecided for thirty days to the nanosecond"),
        ("DSC-133", "sheets.formulagenie.example", "Finance", at("2026-09-14T10:00:00Z"),
         at("2026-09-14T10:00:00Z") + TRIAGE_DAYS * DAY, "restricted", False,
         "decided at the last instant of its thirty days"),
        ("DSC-134", "route.mapsage.example", "Fleet", at("2026-11-16T06:00:00Z"), None, "undecided",
         False, "found four days ago"),
    )  # fmt: skip
    for key, service, unit, first, decided, decision, bad, why in rows:
        story.registers.put(
            "discovered_use", first, discovered_use_id=key, service=service, kind="assistant",
            found_in="proxy", business_unit=unit, users=3, first_seen_at=first,
            last_seen_at=first + HOUR, decision="undecided",
        )  # fmt: skip
        if decided is not None:
            story.registers.change(
                "discovered_use", key, decided, decision=decision, decided_at=decided,
                decided_by=person_id("Ravi Menon"),
            )  # fmt: skip
        if bad:
            story.exception(control, key, why)
        else:
            still_open = Outcome.PENDING if decided is None else Outcome.PASS
            story.near_miss(control, key, why, still_open)
    story.near_miss(control, "DSC-125", "sanctioned within a week")


def seed_incidents(story: Story) -> None:
    """INC-01: serious incidents reported too late, not at all, or with a clock that never began."""
    control = "INC-01"
    aware = at("2026-09-08T12:00:00Z")
    late, exact = aware + 15 * DAY + SECOND, aware + 15 * DAY
    port = at("2026-10-05T04:00:00Z")
    for key, agent_id, what, since, told, bad, why in (
        ("INC-2640", "AGT-0041", "fundamental_rights", None, at("2026-09-18T10:00:00Z"), True,
         "nobody wrote down when the company became aware"),
        ("INC-2641", "AGT-0038", "fundamental_rights", aware, late, True,
         "reported a second after fifteen days"),
        ("INC-2642", "AGT-0021", "critical_infrastructure", port, port + 3 * DAY, True,
         "a port's customs lane stood still; reported after three days, not two"),
        ("INC-2643", "AGT-0033", "serious_harm_to_health", at("2026-10-26T05:00:00Z"), None, True,
         "not reported after twenty-five days"),
        ("INC-2644", "AGT-0041", "fundamental_rights", aware, exact, False,
         "reported at the last instant of fifteen days"),
        ("INC-2645", "AGT-0021", "critical_infrastructure", port, port + 2 * DAY, False,
         "reported at the last instant of two days"),
    ):  # fmt: skip
        _incident(story, key, agent_id, what, aware=since, told=told)
        (story.exception if bad else story.near_miss)(control, key, why)
    known = AS_OF_NANOS - 5 * DAY
    _incident(story, "INC-2646", "AGT-0038", "fundamental_rights", aware=known, told=None)
    story.near_miss(control, "INC-2646", "known for five days, not reported yet", Outcome.PENDING)
    story.near_miss(control, "INC-2630", "not a serious incident: no clock")
    rows = story.registers.rows("incident", "INC-2642")
    rows[-1].update(root_cause=EMPTY, root_cause_at=EMPTY, action_owner_ref=EMPTY)
    story.exception("INC-03", "INC-2642", "closed without a root cause")
    for key in ("INC-2641", "INC-2644", "INC-2645"):
        story.near_miss("INC-03", key, "closed with cause and owner")
    story.registers.put(
        "change", aware + 2 * DAY, change_id="CHG-0038-hotfix", agent_id="AGT-0038",
        kind="configuration", new_value="shortlist.max=12", author_ref=person_id("Jonas Eriksen"),
        approved_by=person_id("Priya Raman"), approved_at=aware + 2 * DAY,
        deployed_at=aware + 2 * DAY + HOUR, substantial=False, ticket_ref="OPS-2641",
    )  # fmt: skip
    story.exception("INC-02", "INC-2641", "reconfigured before the authority was told")
    for key in ("INC-2642", "INC-2644", "INC-2645"):
        story.near_miss("INC-02", key, "nothing was changed before the authority was told")


def _incident(
    story: Story, key: str, agent_id: str, what: str, *, aware: int | None, told: int | None
) -> None:
    summaries = {
        "fundamental_rights": "A group of people was treated worse than others",
        "critical_infrastructure": "A customs lane at the port stood still for hours",
        "serious_harm_to_health": "A driver was hurt after a warning that did not come",
    }  # fmt: skip
    detected = (aware or at("2026-09-07T08:00:00Z")) - 2 * HOUR
    row: dict[str, Any] = {
        "id": key, "agent": agent_id, "what": what, "severity": "high",
        "detected": utc_text(detected), "summary": summaries[what],
        "cause": "Found in the review of the case", "owner": "Mette Keller",
    }  # fmt: skip
    if aware is not None:
        row["aware"] = utc_text(aware)
    if told is not None:
        row |= {"reported": utc_text(told), "to": "provider and authority"}
    put_incident(story.registers, row)


def seed_classes(story: Story) -> None:
    """RSK-01 and RSK-03: classes that nobody decided, reasoned or dated in time; old judgements."""
    control, registers = "RSK-01", story.registers
    for agent_id, values, why in (
        ("AGT-0034", {"eu_class": EMPTY, "eu_class_decided_at": EMPTY}, "no class"),
        ("AGT-0036", {"eu_class_reason": EMPTY}, "a class without a reason"),
        ("AGT-0061", {"eu_role": EMPTY}, "no role"),
        ("AGT-0018", {"eu_class_decided_at": AGENT_BY_ID["AGT-0018"].begins + 5 * DAY},
         "decided five days after go-live"),
    ):  # fmt: skip
        registers.edit("agent", agent_id, **values)
        story.exception(control, agent_id, why)
    live = AGENT_BY_ID["AGT-0037"].begins
    registers.edit("agent", "AGT-0037", eu_class_decided_at=live)
    story.near_miss(control, "AGT-0037", "decided at the very instant of go-live")
    registers.edit("agent", "AGT-0047", eu_class=EMPTY, eu_class_decided_at=EMPTY)
    story.near_miss(control, "AGT-0047", "no class yet, but a draft")
    registers.edit("agent", "AGT-0063", eu_class_reason=EMPTY)
    story.near_miss(control, "AGT-0063", "no reason, but retired")
    for number in (1, 2):
        rows = registers.rows("risk_assessment", f"RSK-0022-{number}")
        del rows[1:]
        story.exception("RSK-03", f"RSK-0022-{number}", "older than the change of its model")
    for agent_id in ("AGT-0017", "AGT-0021", "AGT-0005"):
        story.near_miss("RSK-03", f"RSK-{agent_id[4:]}-1", "judged again after each change")


def seed_tests(story: Story) -> None:
    """TST-01: releases in use that were tested badly or not at all."""
    control, registers = "TST-01", story.registers
    builder = person_id("Jonas Eriksen")

    def report(agent_id: str) -> str:
        return f"TST-{agent_id[4:]}-{AGENT_BY_ID[agent_id].releases[-1].version}"

    registers.drop("test_report", report("AGT-0022"))
    story.exception(control, "AGT-0022", "its running version was not tested")
    started = int(registers.last("test_report", report("AGT-0017"))["started_at"])  # type: ignore[arg-type]
    for agent_id, values, why in (
        (
            "AGT-0017",
            {"thresholds_set_at": started + HOUR},
            "limits were set an hour after the start",
        ),
        ("AGT-0032", {"tested_by": builder}, "tested by the one who built it"),
        ("AGT-0005", {"kinds": ["functional", "safety", "security", "bias"]}, "no red team"),
        ("AGT-0034", {"result": "failed"}, "failed, and nobody accepted that"),
    ):
        registers.edit("test_report", report(agent_id), **values)
        story.exception(control, agent_id, why)
    started = int(registers.last("test_report", report("AGT-0029"))["started_at"])  # type: ignore[arg-type]
    registers.edit("test_report", report("AGT-0029"), thresholds_set_at=started - SECOND)
    story.near_miss(control, "AGT-0029", "limits were set a second before the start")
    registers.edit("test_report", report("AGT-0049"), result="accepted",
                   accepted_by=person_id("Torben Falk"))  # fmt: skip
    story.near_miss(control, "AGT-0049", "failed in part, and accepted by whom it takes")
    registers.drop("test_report", "TST-0021-3.0")
    story.near_miss(control, "AGT-0021", "an old version without a report; the running one has one")
    story.near_miss(control, "AGT-0008", "no report, but a pilot")


def seed_sources(story: Story) -> None:
    """DAT-01: sources of decisions that nobody registered, owns, or may use."""
    control, registers = "DAT-01", story.registers
    quotes, lanes = AGENT_BY_ID["AGT-0005"], TOOLS["lane.history.read"]

    def read(moment: str, source: str, **values: Value) -> None:
        story.call(quotes, at(moment), lanes, context_refs=[source], **values)

    for moment in ("2026-09-21T09:00:00Z", "2026-10-21T09:00:00Z"):
        read(moment, "shared-drive/rates-old")
    story.exception(control, "AGT-0005 / shared-drive/rates-old", "read, and in no register")
    registers.edit("data_source", "toll-portal", lawful_basis=EMPTY)
    story.exception(control, "AGT-0060 / toll-portal", "no basis for its use")
    registers.edit("data_source", "expenses", owner_ref=EMPTY)
    story.exception(control, "AGT-0020 / expenses", "no owner")
    begin = at("2026-10-27T09:00:00Z")
    registers.put(
        "data_source", begin, data_source_id="spot-index", name="Spot rate index",
        owner_ref=person_id("Bo Lauritsen"), lawful_basis="no personal data",
        data_classification="public", provenance="index publisher", quality_checked_at=begin,
    )  # fmt: skip
    read("2026-10-27T09:00:00Z", "spot-index")
    story.near_miss(
        control, "AGT-0005 / spot-index", "read at the very instant of its registration"
    )
    read("2026-10-28T09:00:00Z", "usb-stick", **BLOCKED)
    story.near_miss(control, "AGT-0005 / usb-stick", "in no register, but the read was denied")
    read("2026-08-21T09:00:00Z", "old-ftp")
    story.near_miss(
        control, "AGT-0005 / old-ftp", "in no register, but last read before the period"
    )


def seed_components(story: Story) -> None:
    """SUP-01: models and tools in use that nobody approved, or not any more."""
    control, registers = "SUP-01", story.registers
    for moment in ("2026-11-09T10:00:00Z", "2026-11-10T10:00:00Z", "2026-11-11T10:30:00Z"):
        event = story.run("AGT-0040", moment).from_source(GATEWAY)
        event.values |= {"model": "atlas-large-3.1", "target_name": "atlas-large-3.1"}
    story.exception(
        control, "AGT-0040 / atlas-large-3.1", "the supplier changed the model without a word"
    )
    since = at("2026-10-01T08:00:00Z")
    registers.change("component", "CMP-vendor.bank.update", since, status="deprecated")
    story.exception(
        control, "AGT-0017 / vendor.bank.update", "deprecated on 2026-10-01 and called since"
    )
    approved = at("2026-10-12T12:00:00Z")
    registers.put(
        "component", approved, component_id="CMP-atlas-mini-1", kind="model", name="atlas-mini-1",
        supplier_id="SUP-ATLAS", status="approved", approved_by=person_id("Milan Kovar"),
        approved_at=approved,
    )  # fmt: skip
    writer = story.writer("AGT-0007", approved - 30 * SECOND)
    writer.begin()
    run = story.keep(writer.finish("success"))
    call = run.from_source(GATEWAY)
    call.values |= {
        "model": "atlas-mini-1", "target_name": "atlas-mini-1", "event_time": approved,
        "policy_checked_at": approved, "end_time": approved + 2 * SECOND,
    }  # fmt: skip
    run.root.values["end_time"] = approved + 3 * SECOND
    story.near_miss(
        control, "AGT-0007 / atlas-mini-1", "first called at the very instant of its approval"
    )
    event = story.run("AGT-0040", "2026-11-12T10:00:00Z").from_source(GATEWAY)
    event.values |= (
        dict(BLOCKED) | dict(UNSPENT) | {"model": "wild-llm-9", "target_name": "wild-llm-9"}
    )
    story.near_miss(control, "AGT-0040 / wild-llm-9", "not approved, but the gateway stopped it")
    registers.put(
        "component", since, component_id="CMP-mail.forward", kind="tool", name="mail.forward",
        status="rejected",
    )  # fmt: skip
    story.near_miss(control, "mail.forward", "refused, and never called")


def seed_papers(story: Story) -> None:
    """SUP-02, POL-03, TRN-01, OVR-12, GOV-03: what is cheap to seed in a register."""
    registers = story.registers
    registers.edit("supplier", "SUP-TALENT", log_access=False)
    story.exception("SUP-02", "SUP-TALENT", "its logs cannot be asked for")
    for key in ("SUP-ATLAS", "SUP-LUMEN", "SUP-TELEM"):
        story.near_miss("SUP-02", key, "keeps logs as well, and has to give them")
    for key, values, why in (
        ("PEX-03", {"approved_by": EMPTY, "approved_at": EMPTY}, "nobody approved it"),
        ("PEX-04", {"expires_at": EMPTY}, "it never ends"),
    ):
        _policy_exception(story, key, **values)
        story.exception("POL-03", key, why)
    _policy_exception(story, "PEX-05", expires_at=AS_OF_NANOS + MINUTE)
    ended = at("2026-10-15")
    _policy_exception(story, "PEX-08", expires_at=ended)
    registers.change("policy_exception", "PEX-08", ended, expires_at=at("2026-12-31"))
    for key, why in (
        ("PEX-05", "ends a minute after the as-of instant"), ("PEX-07", "in date"),
        ("PEX-08", "granted again when it ended, at that instant"),
    ):  # fmt: skip
        story.near_miss("POL-03", key, why)
    for key in registers.keys("training", person_id=person_id("Astrid Brink"), role="approver"):
        registers.edit("training", key, role=EMPTY, course="Compliance week")
    story.exception("TRN-01", person_id("Astrid Brink"), "approves, trained for no role")
    for name in ("Piotr Nowak", "Anna Lindqvist", "Bo Lauritsen"):
        story.near_miss("TRN-01", person_id(name), "trained for the role, or in none")
    for key in registers.keys("stop_order", agent_id="AGT-0021"):
        registers.drop("stop_order", key)
    story.exception("OVR-12", "AGT-0021", "nobody ever tried to stop it")
    for agent_id in ("AGT-0017", "AGT-0012", "AGT-0047"):
        story.near_miss("OVR-12", agent_id, "stopped in a drill, retired, or a draft")


def _policy_exception(story: Story, key: str, **values: Value) -> None:
    standard: dict[str, Value] = {
        "approved_by": person_id("Milan Kovar"), "approved_at": at("2026-09-02"),
        "expires_at": at("2026-12-31"),
    }  # fmt: skip
    story.registers.put(
        "policy_exception", at("2026-09-02"), policy_exception_id=key,
        policy_id="northwind.actions", policy_rule_id=f"rule.{key[-2:]}", agent_id="AGT-0032",
        reason="A customer's own mail rules", requested_at=at("2026-09-01"), **(standard | values),
    )  # fmt: skip
