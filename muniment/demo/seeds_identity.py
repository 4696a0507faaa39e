"""Seeds of identity and ownership: who acts, with whose credential, and who answers for it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

from muniment.demo.agents import AGENT_BY_ID, TOOLS
from muniment.demo.clock import AS_OF_NANOS, DAY, LAST_DAY, at, local
from muniment.demo.company import person_id
from muniment.demo.runs import EMPTY, GATEWAY, REDACTED, STEPS, Run, Value
from muniment.demo.seeds import Story
from muniment.model.outcomes import Outcome

# Seen in the logs, absent from the registry.
SHADOW = replace(
    AGENT_BY_ID["AGT-0034"], agent_id="svc-mailbot-7", name="Mailbot 7", flow="mail-sort",
    owner=None, deputy=None, close=TOOLS["mail.move"], live="2026-09-21", always=False,
    own_releases=(), first_version="0.0",
)  # fmt: skip
# Also unregistered, but last seen before the period begins.
GONE = replace(SHADOW, agent_id="svc-fleet-pilot", name="Fleet Pilot", flow="fleet-trial",
               team="planning", reads=(TOOLS["leg.read"],), close=None)  # fmt: skip


def seed_unregistered(story: Story) -> None:
    """IDN-01: one identity never registered, one that acts a day before its registration."""
    control = "IDN-01"
    for plan in (SHADOW, GONE):
        story.registers.put(
            "permission_set", at("2026-06-01"), permission_set_id=f"PS-{plan.agent_id[4:]}",
            agent_id=plan.agent_id, granted_by=person_id("Kasper Juhl"), tools=list(plan.tools),
            scopes=[f"{plan.team}.read"], data_scopes=["mail"], models=["atlas-small-2"],
            environment="production", systems=["mail"],
        )  # fmt: skip
    day = date(2026, 9, 24)
    while day < LAST_DAY:
        _unknown(story, story.keep(story.writer(SHADOW, local(day, 22, 14)).write()))
        day += timedelta(days=14)
    for day in (date(2026, 8, 18), date(2026, 8, 19)):
        story.keep(story.writer(GONE, local(day, 11, 5)).write())
    _unknown(story, story.run("AGT-0045", "2026-10-12T08:12:40Z"))
    dock = AGENT_BY_ID["AGT-0046"]
    story.keep(story.writer(dock, dock.registered_at).write())
    story.exception(control, SHADOW.agent_id, "never registered; acts every other Thursday night")
    story.exception(control, "AGT-0045", "acted on 2026-10-12, registered from 2026-10-13")
    story.near_miss(control, dock.agent_id, "acts first at the very instant of its registration")
    story.near_miss(control, GONE.agent_id, "not registered, but last seen before the period")
    story.near_miss(control, "AGT-0012", "retired on 2026-10-01; acted only before")
    story.near_miss(control, "AGT-0017", "several versions in the registry; all cover their time")


def _unknown(story: Story, run: Run) -> None:
    """What nobody registered does is attributable to nobody."""
    for event in run.events:
        story.exception("IDN-04", event, "the registry did not know the agent then")


def seed_credentials(story: Story) -> None:
    """IDN-02 and IDN-03: credentials that several agents share, that are a person's, or stand."""
    registers, control = story.registers, "IDN-02"
    registers.edit("credential", "CRD-0043", agent_ids=["AGT-0043", "AGT-0044"])
    registers.edit(
        "credential", "CRD-0019", kind="token", person_id=person_id("Henrik Dahl"),
    )  # fmt: skip
    fleet = ["AGT-0059", "AGT-0060", "AGT-0061"]
    _key(story, "CRD-0900", fleet, "2026-03-02", kind="api_key", lifetime_seconds=EMPTY,
         vault_ref=EMPTY)  # fmt: skip
    story.exception(control, "CRD-0043", "used by Onboarding Guide and by Leave Assistant")
    story.exception(control, "CRD-0019", "a clerk's own token")
    story.exception(control, "CRD-0900", "one key for three agents of the fleet")
    _key(story, "CRD-0901", ["AGT-0004", "AGT-0006"], "2025-06-16")
    registers.change("credential", "CRD-0901", at("2026-05-12"), revoked_at=at("2026-05-12"))
    story.near_miss(control, "CRD-0901", "two agents shared it until it was revoked in May")
    _key(story, "CRD-0902", ["AGT-0012"], "2025-11-05")
    handed = AGENT_BY_ID["AGT-0046"].begins
    registers.change("credential", "CRD-0902", handed, agent_ids=["AGT-0046"])
    story.near_miss(control, "CRD-0902", "first one agent's, then the other's: never both")
    _key(story, "CRD-0903", ["AGT-0017"], "2026-02-02")
    story.near_miss(control, "CRD-0903", "an agent's second credential")
    control = "IDN-03"
    story.exception(control, "CRD-0900", "a static key that does not end")
    registers.edit("credential", "CRD-0005", kind="token", lifetime_seconds=180 * 86_400)
    story.exception(control, "CRD-0005", "a token for half a year")
    story.near_miss(control, "CRD-0901", "no longer good: revoked in May")
    story.near_miss(control, "CRD-0017", "an hour at a time")
    story.near_miss(control, "CRD-0903", "an hour at a time as well")


def _key(story: Story, key: str, agents: list[str], since: str, **values: Value) -> None:
    standard: dict[str, Value] = {
        "kind": "workload_identity", "lifetime_seconds": 3_600, "environment": "production",
        "vault_ref": f"vault/agents/{key}", "issued_at": at(since),
    }  # fmt: skip
    story.registers.put(
        "credential", at(since), credential_id=key, agent_ids=agents, **(standard | values)
    )


def seed_attribution(story: Story) -> None:
    """IDN-04: lines of which nobody can say which agent wrote them."""
    control = "IDN-04"
    for start, source, why in (
        ("2026-09-10T09:04:11Z", GATEWAY, "the gateway's line names no agent"),
        ("2026-10-22T13:41:50Z", GATEWAY, "the gateway's line names no agent"),
        ("2026-11-03T10:20:33Z", STEPS, "the platform's line names no agent"),
    ):
        run = story.run("AGT-0022", start)
        event = run.from_source(source)
        event.values |= {"agent_id": EMPTY, "agent_name": EMPTY, "agent_version": EMPTY}
        story.exception(control, event, why)
        story.exception("AUD-01", event, f"no identity: {why}")
        if source == STEPS:
            story.exception("ACC-03", event, "nobody granted anything to nobody")
    for source in ("llm-gateway", "agent-platform"):
        story.exception("IDN-01", f"unnamed (empty) in {source}", "lines that name no agent")
    run = story.run("AGT-0026", "2026-10-08T11:30:00Z")
    run.root.values["operation_name"] = "invoke_agent"
    event = run.events[-1]
    for name in ("agent_id", "agent_name", "agent_version"):
        del event.values[name]
    story.near_miss(control, event, "a span below its agent's span, as tracing does it")
    run = story.run("AGT-0022", "2026-10-26T09:15:00Z")
    event = run.from_source(STEPS)
    event.values["agent_id"] = REDACTED
    story.near_miss(control, event, "masked at source", Outcome.UNDETERMINED)
    run = story.run("AGT-0046", "2026-10-20T06:20:00Z")
    story.near_miss(
        control, run.act or run.root, "an agent that was registered twenty minutes before"
    )


def seed_owners(story: Story) -> None:
    """OWN-01 and OWN-02: expectations about owners as the company's files describe them."""
    registers, control = story.registers, "OWN-01"
    gone = person_id("Pelle Sandgren")
    registers.edit("agent", "AGT-0006", owner_ref=gone)
    registers.edit("raci", "RACI-0006-execution", accountable_ref=gone)
    for agent_id, why in (
        ("AGT-0040", "the registry's owner field is empty"),
        ("AGT-0035", "the owner is the group mailbox of the capacity desk"),
        ("AGT-0024", "the owner left on 2026-10-10"),
        ("AGT-0059", "the owner left on 2026-08-31"),
        ("AGT-0057", "the owner left on 2026-10-06"),
        ("AGT-0006", "the owner left on 2026-11-06"),
    ):
        story.exception(control, agent_id, why)
    registers.edit("agent", "AGT-0018", owner_ref=EMPTY)
    registers.change("agent", "AGT-0018", at("2026-11-05"), owner_ref=person_id("Camilla Vest"))
    story.near_miss(control, "AGT-0018", "had no owner until 2026-11-05")
    story.near_miss(control, "AGT-0012", "its owner left as well, but the agent is retired")
    story.near_miss(control, "AGT-0031", "the owner is on leave and still employed")
    story.near_miss(control, "AGT-0038", "the owner left in April and came back in September")
    story.near_miss(control, "AGT-0042", "the owner leaves ten days after the as-of instant")
    story.near_miss(control, "AGT-0047", "no owner yet, but only a draft")
    story.exception("OWN-03", "AGT-0040", "nobody is accountable for what it executes")
    story.exception("OWN-03", "AGT-0035", "a mailbox is accountable for what it executes")
    for agent_id in ("AGT-0017", "AGT-0012", "AGT-0047"):
        story.near_miss("OWN-03", agent_id, "complete, retired, or a draft")
    control = "OWN-02"
    for agent_id, days in (("AGT-0024", 41), ("AGT-0059", 81), ("AGT-0057", 45)):
        story.exception(control, agent_id, f"the owner left {days} days ago; it still runs")
    left = AS_OF_NANOS - 14 * DAY
    for row in registers.rows("person", gone):
        if row["left_at"]:
            row.update(valid_from=left, left_at=left)
    story.near_miss(control, "AGT-0006", "the owner left fourteen days ago to the nanosecond")
    story.near_miss(control, "AGT-0012", "the owner left, but the agent had been retired")
    story.near_miss(control, "AGT-0038", "the owner came back")
    story.near_miss(control, "AGT-0042", "the owner has not left yet")
