"""Seeds of scope and life: boundaries, delegation, gates, reviews, retirement."""

from __future__ import annotations

from muniment.demo.agents import AGENT_BY_ID, TOOLS
from muniment.demo.clock import AS_OF_NANOS, DAY, HOUR, SECOND, at
from muniment.demo.company import person_id
from muniment.demo.registers_agents import approve_permissions, number
from muniment.demo.runs import EMPTY, HANDOVERS
from muniment.demo.seeds import BLOCKED, Story

REVIEW_DAYS = 92


def seed_boundaries(story: Story) -> None:
    """BND-01: boundary papers that are absent or lack one of the seven elements."""
    control, registers = "BND-01", story.registers
    registers.drop("boundary", "BND-0056")
    story.exception(control, "AGT-0056", "no boundary paper at all")
    for agent_id, element in (
        ("AGT-0060", "prohibited_data"), ("AGT-0043", "responsible_team"),
        ("AGT-0007", "approval_actions"),
    ):  # fmt: skip
        registers.edit("boundary", f"BND-{agent_id[4:]}", **{element: EMPTY})
        story.exception(control, agent_id, f"nothing under `{element}`")
    registers.edit("boundary", "BND-0037", prohibited_data=EMPTY)
    mended = at("2026-11-03T10:00:00Z")
    registers.change("boundary", "BND-0037", mended, prohibited_data=["payroll", "health"],
                     approved_at=mended)  # fmt: skip
    story.near_miss(control, "AGT-0037", "completed on 2026-11-03")
    registers.drop("boundary", "BND-0063")
    story.near_miss(control, "AGT-0063", "no boundary, but retired")
    story.near_miss(control, "AGT-0047", "no boundary, but a draft")
    story.near_miss(control, "AGT-0034", "`none` under what always needs approval: a statement")


def seed_creep(story: Story) -> None:
    """BND-03 and BND-04: systems that agents reached after their boundary, and outside it."""
    control, registers = "BND-03", story.registers
    note = TOOLS["shipment.note.write"]
    calls = AGENT_BY_ID["AGT-0036"]
    begin = at("2026-10-08T06:00:00Z")
    approve_permissions(registers, calls, "APR-PS-0036-2", begin - DAY)
    registers.change(
        "permission_set", "PS-0036", begin, tools=[*calls.tools, note.name],
        systems=["call-centre", "crm", "tms"], approval_id="APR-PS-0036-2",
    )  # fmt: skip
    for moment in ("2026-10-08T08:30:00Z", "2026-10-22T09:30:00Z", "2026-11-12T10:30:00Z"):
        story.call(calls, at(moment), note)
    story.exception(control, "AGT-0036: system tms", "writes to the transport system since October")
    story.exception(control, f"AGT-0036: act {note.name}", "writes notes since October")
    story.exception("BND-04", "AGT-0036", "its tools grew in October, its boundary did not")
    for what in ("system payroll", "act payroll.record.read"):
        story.exception(control, f"AGT-0038: {what}", "read payroll once")
    for what in ("system customs-gateway", "act duty.deferral.request"):
        story.exception(control, f"AGT-0042: {what}", "asked customs for a deferral once")
    story.exception(control, "AGT-0024: act claim.payout.release", "paid out a claim once")
    rates, hub = AGENT_BY_ID["AGT-0029"], TOOLS["carrier.quote.read"]
    widened = at("2026-09-21T08:00:00Z")
    approve_permissions(registers, rates, "APR-PS-0029-2", widened - DAY)
    registers.change(
        "permission_set", "PS-0029", widened, tools=[*rates.tools, hub.name],
        systems=["carrier-hub", "datalake", "mail", "market-feed", "tariff-db"],
        approval_id="APR-PS-0029-2",
    )  # fmt: skip
    row = registers.last("boundary", "BND-0029")
    registers.change(
        "boundary", "BND-0029", widened, approved_at=widened,
        reads=[*row["reads"], "carrier-hub"],  # type: ignore[misc]
        allowed_actions=[*row["allowed_actions"], hub.name],  # type: ignore[misc]
    )  # fmt: skip
    story.call(rates, widened, hub)
    story.call(rates, at("2026-11-10T08:00:00Z"), hub)
    story.near_miss(control, "AGT-0029: system carrier-hub", "first used as the boundary begins")
    story.near_miss("BND-04", "AGT-0029", "tools and boundary grew at one instant")
    for agent_id in ("AGT-0040", "AGT-0012"):
        story.near_miss("BND-04", agent_id, "never widened, or retired")
    story.near_miss(control, "AGT-0024: system bank-gateway", "tried a payment, and was denied")
    story.near_miss(control, "AGT-0017: system erp", "a tool less on a system that it has")


def seed_delegation(story: Story) -> None:
    """MAG-01 to MAG-03: scopes beyond the task or the giver; callers and results unseen."""
    control = "MAG-01"
    for agent_id, start, given, needed, why in (
        ("AGT-0017", "2026-09-16T08:00:00Z", ["finance-operations.read", "treasury.admin"],
         ["finance-operations.read"], "a scope that the giver does not hold"),
        ("AGT-0027", "2026-10-15T09:00:00Z", ["claims.read", "claims.write"], ["claims.read"],
         "all that the giver holds, where reading was enough"),
        ("AGT-0005", "2026-11-11T10:00:00Z", ["*"], ["freight-booking.read"], "any scope"),
    ):  # fmt: skip
        event = story.run(agent_id, start).from_source(HANDOVERS)
        event.values |= {"delegation_scopes": given, "required_scopes": needed}
        story.exception(control, event, why)
    for agent_id, start, values, why in (
        ("AGT-0017", "2026-09-16T09:00:00Z",
         {"delegation_scopes": ["finance-operations.read"],
          "required_scopes": ["finance-operations.read"]}, "exactly what the task needs"),
        ("AGT-0027", "2026-10-15T10:00:00Z",
         {"delegation_scopes": ["claims.read"]}, "less than the task needs"),
        ("AGT-0005", "2026-11-11T11:00:00Z",
         {"delegation_scopes": ["*"], "required_scopes": ["freight-booking.read"]}
         | dict(BLOCKED), "any scope, but the hand-over was denied"),
    ):  # fmt: skip
        event = story.run(agent_id, start).from_source(HANDOVERS)
        event.values |= values
        story.near_miss(control, event, why)
    for control, name, value, why in (
        ("MAG-02", "caller_verified", False, "nobody verified who called"),
        ("MAG-03", "handoff_validation", EMPTY, "nobody checked what was handed over"),
    ):
        event = story.run("AGT-0006", "2026-10-13T08:00:00Z").from_source(HANDOVERS)
        event.values[name] = value
        story.exception(control, event, why)
        for hour in (9, 10, 11):
            event = story.run("AGT-0006", f"2026-10-13T{hour:02d}:00:00Z").from_source(HANDOVERS)
            story.near_miss(control, event, "verified and checked")


def seed_gates(story: Story) -> None:
    """LIF-01: agents in production without a gate's yes, or with what was a prototype's."""
    control, registers = "LIF-01", story.registers
    registers.drop("gate_decision", "GATE-0051-production")
    story.exception(control, "AGT-0051", "no decision on production")
    live = AGENT_BY_ID["AGT-0060"].begins
    registers.edit("gate_decision", "GATE-0060-production", decided_at=live + 2 * DAY,
                   valid_from=live + 2 * DAY)  # fmt: skip
    story.exception(control, "AGT-0060", "decided two days after go-live")
    registers.edit("permission_set", "PS-0056", environment="development",
                   parent_permission_set_id="PS-0056-proto")  # fmt: skip
    story.exception(control, "AGT-0056", "runs with its prototype's permissions")
    registers.edit("credential", "CRD-0049", environment="development")
    story.exception(control, "AGT-0049", "runs with its prototype's credential")
    registers.edit("gate_decision", "GATE-0016-production", data_reviewed_at=EMPTY)
    story.exception(control, "AGT-0016", "no review before it reached customers' invoices")
    live = AGENT_BY_ID["AGT-0044"].begins
    registers.edit("gate_decision", "GATE-0044-production", decided_at=live, valid_from=live)
    story.near_miss(control, "AGT-0044", "decided at the very instant of go-live")
    registers.edit("gate_decision", "GATE-0020-production", decision="conditional")
    story.near_miss(control, "AGT-0020", "a yes under conditions")
    story.near_miss(control, "AGT-0008", "no production gate, but a pilot")
    registers.drop("gate_decision", "GATE-0063-production")
    story.near_miss(control, "AGT-0063", "no production gate, but retired")


def seed_abandoned(story: Story) -> None:
    """LIF-02: an agent that nobody uses, owns or reviews, with a credential that still works."""
    control = "LIF-02"
    reviews_until(story, "AGT-0057", at("2026-05-20T09:00:00Z"))
    story.exception(control, "AGT-0057", "no run in a year, owner gone, last reviewed in May")
    story.near_miss(control, "AGT-0066", "runs before Christmas only, and is reviewed each quarter")
    story.near_miss(control, "AGT-0009", "retired")
    story.near_miss(control, "AGT-0062", "stopped in July, and its credential was revoked")


def seed_retired(story: Story) -> None:
    """LIF-03: retired agents that act or could."""
    control, registers = "LIF-03", story.registers
    for moment in ("2026-09-11T08:05:00Z", "2026-10-30T08:05:00Z"):
        story.run("AGT-0009", moment)
    for key in ("CRD-0009", "CRD-0063"):
        del registers.rows("credential", key)[1:]
    story.exception(control, "AGT-0009", "acts after 2026-06-30, with a credential still good")
    story.exception(control, "AGT-0063", "silent, but its credential was never revoked")
    yard = AGENT_BY_ID["AGT-0012"]
    retired = at(str(yard.retired))
    story.call(yard, retired, TOOLS["yard.read"])
    _, call = story.call(yard, retired - 5 * SECOND, TOOLS["yard.read"])
    call.values["end_time"] = retired + 5 * SECOND
    run, _ = story.call(yard, retired + 2 * HOUR, TOOLS["yard.read"], **BLOCKED)
    for event in run.events:
        event.values |= dict(BLOCKED)
    story.near_miss(control, yard.agent_id, "acts at the instant of its end; later it was denied")
    story.near_miss(control, "AGT-0039", "quarantined, not retired")
    story.near_miss(control, "AGT-0017", "in use")


def seed_reviews(story: Story) -> None:
    """LIF-04: agents whose last review is older than a quarter."""
    control = "LIF-04"
    story.exception(control, "AGT-0057", "last reviewed in May")
    for agent_id, age, why in (
        ("AGT-0019", 102 * DAY, "102 days ago"),
        ("AGT-0014", REVIEW_DAYS * DAY + SECOND, "92 days and a second ago"),
    ):
        reviews_until(story, agent_id, AS_OF_NANOS - age)
        story.exception(control, agent_id, f"last reviewed {why}")
    reviews_until(story, "AGT-0053", AS_OF_NANOS - REVIEW_DAYS * DAY)
    story.near_miss(control, "AGT-0053", "last reviewed 92 days ago to the nanosecond")
    story.near_miss(control, "AGT-0047", "never reviewed, but a draft")
    story.near_miss(control, "AGT-0012", "not reviewed lately, but retired")


def reviews_until(story: Story, agent_id: str, last: int) -> None:
    """Have the agent's reviews end: the last one at `last`, none after it."""
    registers, digits = story.registers, number(AGENT_BY_ID[agent_id])
    for key in registers.keys("review", subject_ref=agent_id):
        if int(registers.last("review", key)["done_at"]) > last:  # type: ignore[arg-type]
            registers.drop("review", key)
    registers.put(
        "review", last, review_id=f"REV-{digits}-agent-last", kind="agent", subject_ref=agent_id,
        planned_at=last - HOUR, done_at=last, done_by=person_id("Mette Keller"),
        topics=["purpose", "owner", "permissions", "incidents"], result="no change",
        evidence_ref=f"minutes/agent-{digits}-last.pdf",
    )  # fmt: skip
    due = last + REVIEW_DAYS * DAY
    rows = registers.rows("agent", agent_id)
    late = [row for row in rows if row["last_review_at"] and int(row["last_review_at"]) > last]  # type: ignore[arg-type]
    for row in late:
        row.update(last_review_at=last, next_review_at=due)
    before = [row for row in rows if int(row["valid_from"]) <= last]  # type: ignore[arg-type]
    newest = max(before, key=lambda row: int(row["valid_from"]))  # type: ignore[arg-type]
    rows.append(newest | {"valid_from": last, "last_review_at": last, "next_review_at": due})
