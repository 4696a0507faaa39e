"""Seeds of access: what was granted, who approved it, what of it is used, and what ran without."""

from __future__ import annotations

from muniment.demo.agents import AGENT_BY_ID, TOOLS, Tool
from muniment.demo.clock import AS_OF_NANOS, DAY, HOUR, MICRO, SECOND, at
from muniment.demo.company import person_id
from muniment.demo.registers_agents import approve_permissions
from muniment.demo.runs import EMPTY, Value
from muniment.demo.seeds import BLOCKED, Story

BANK_UPDATE, BANK_UPDATE_ENDS = TOOLS["vendor.bank.update"], at("2026-11-06T09:00:00Z")
DEFERRAL, DEFERRAL_BEGINS = TOOLS["duty.deferral.request"], at("2026-09-14T10:00:00Z")
PAYOUT, PAYROLL, PAY = (
    TOOLS["claim.payout.release"],
    TOOLS["payroll.record.read"],
    TOOLS["pay.release"],
)
CLAIMS, SCREENER, MATCHER, CUSTOMS, CODER = (
    AGENT_BY_ID[key] for key in ("AGT-0024", "AGT-0038", "AGT-0017", "AGT-0021", "AGT-0042")
)


def seed_permissions(story: Story) -> None:
    """ACC-03: calls outside the set valid then, and the same calls a microsecond away or denied."""
    control = "ACC-03"
    _changing_sets(story)
    bad = (
        (CLAIMS, "2026-10-07T12:20:05Z", 0, PAYOUT, "never granted"),
        (SCREENER, "2026-10-29T10:02:11Z", 0, PAYROLL, "never granted; a read counts as well"),
        (MATCHER, "2026-11-06T09:00:00Z", 0, BANK_UPDATE, "the grant ended at this very instant"),
        (CUSTOMS, "2026-09-14T10:00:00Z", -MICRO, DEFERRAL, "a microsecond before the grant"),
    )
    for plan, moment, shift, tool, why in bad:
        _, call = story.call(plan, at(moment) + shift, tool)
        story.exception(control, call, f"{plan.name}, {tool.name}: {why}")
        if tool is PAYROLL:
            story.exception("ACC-05", call, "its boundary prohibits payroll")
    fine = (
        (MATCHER, "2026-11-06T09:00:00Z", -MICRO, BANK_UPDATE, "a microsecond before its end"),
        (CUSTOMS, "2026-09-14T10:00:00Z", 0, DEFERRAL, "granted from this very instant"),
        (CODER, "2026-10-01T09:10:00Z", 0, DEFERRAL, "its set holds `*`, any tool"),
    )
    for plan, moment, shift, tool, why in fine:
        _, call = story.call(plan, at(moment) + shift, tool)
        story.near_miss(control, call, f"{plan.name}, {tool.name}: {why}")
    for moment, tool in (("2026-10-07T12:26:40Z", PAYOUT), ("2026-10-08T07:30:00Z", PAY)):
        _, call = story.call(CLAIMS, at(moment), tool, **BLOCKED)
        story.near_miss(control, call, f"{CLAIMS.name}, {tool.name}: not granted, but denied")
    _, call = story.call(SCREENER, at("2026-11-02T10:00:00Z"), PAYROLL, **BLOCKED)
    story.near_miss("ACC-05", call, "payroll again, but denied")
    _, call = story.call(SCREENER, at("2026-11-03T10:00:00Z"), TOOLS["application.read"])
    story.near_miss("ACC-05", call, "restricted data that it may read")
    _, call = story.call(SCREENER, at("2026-11-04T10:00:00Z"), TOOLS["application.read"])
    story.near_miss("ACC-05", call, "restricted data that it may read")


def _changing_sets(story: Story) -> None:
    registers = story.registers
    for plan, tool, begin, end in (
        (MATCHER, BANK_UPDATE, None, BANK_UPDATE_ENDS),
        (CUSTOMS, DEFERRAL, DEFERRAL_BEGINS, None),
    ):
        key = f"PS-{plan.agent_id[4:]}"
        more = [*plan.tools, tool.name]
        _bound(story, plan.agent_id, tool)
        if begin is None:
            registers.edit("permission_set", key, tools=more)
        else:
            approval = f"APR-{key}-2"
            approve_permissions(registers, plan, approval, begin - 2 * DAY)
            registers.change("permission_set", key, begin, tools=more, approval_id=approval)
        if end is not None:
            approval = f"APR-{key}-2"
            approve_permissions(registers, plan, approval, end - 2 * DAY)
            registers.change(
                "permission_set", key, end, tools=list(plan.tools), approval_id=approval
            )
    registers.edit("permission_set", "PS-0042", tools=["*"])
    registers.edit("boundary", "BND-0038", prohibited_data=["health", "payroll"])
    story.exception("ACC-06", "PS-0042", "any tool")
    for agent in ("0017", "0053", "0054"):
        story.near_miss("ACC-06", f"PS-{agent}", "named tools only, however mighty")


def seed_approved_permissions(story: Story) -> None:
    """ACC-01: permission sets that security did not approve, or not before go-live."""
    control, registers = "ACC-01", story.registers
    registers.edit("permission_set", "PS-0015", approval_id=EMPTY)
    registers.drop("approval", "APR-PS-0015")
    story.exception(control, "PS-0015", "names no approval")
    registers.edit("permission_set", "PS-0032", approval_id="APR-PS-9932")
    story.exception(control, "PS-0032", "names an approval that the service desk does not know")
    for agent_id, shift, why in (
        ("AGT-0051", 3 * DAY, "approved three days after go-live"),
        ("AGT-0007", SECOND, "approved a second after go-live"),
    ):
        _decide(story, agent_id, AGENT_BY_ID[agent_id].begins + shift)
        story.exception(control, f"PS-{agent_id[4:]}", why)
    registers.edit("approval", "APR-PS-0060", decision="rejected")
    story.exception(control, "PS-0060", "security refused, and it was granted all the same")
    registers.edit("approval", "APR-PS-0049", decided_by=person_id("Jonas Eriksen"),
                   escalated_to=person_id("Jonas Eriksen"))  # fmt: skip
    story.exception(control, "PS-0049", "approved by its owner, who has no mandate of security")
    _decide(story, "AGT-0061", AGENT_BY_ID["AGT-0061"].begins)
    story.near_miss(control, "PS-0061", "approved at the very instant of go-live")
    _decide(story, "AGT-0027", AGENT_BY_ID["AGT-0027"].begins - 1)
    story.near_miss(
        control, "PS-0027", "approved a nanosecond before, in another time zone's words"
    )
    story.near_miss(control, "PS-0021", "widened in September, approved before that")
    _grant(story, "AGT-0048", approval_id=EMPTY)
    story.near_miss(control, "PS-0048", "no approval, but the agent is a draft")


def _decide(story: Story, agent_id: str, moment: int) -> None:
    """Move a permission set's approval, and the set with it where it would come too late."""
    key = agent_id[4:]
    story.registers.edit("approval", f"APR-PS-{key}", decided_at=moment, valid_from=moment,
                         opened_at=moment - HOUR, requested_at=moment - 3 * HOUR)  # fmt: skip


def _grant(story: Story, agent_id: str, **values: Value) -> None:
    plan = AGENT_BY_ID[agent_id]
    story.registers.put(
        "permission_set", plan.registered_at, permission_set_id=f"PS-{agent_id[4:]}",
        agent_id=agent_id, granted_by=person_id("Kasper Juhl"), tools=list(plan.tools),
        scopes=[f"{plan.team}.read"], environment="development", **values,
    )  # fmt: skip


def seed_unused_permissions(story: Story) -> None:
    """ACC-02: tools that were granted and not used for a quarter."""
    control = "ACC-02"
    _add_tool(story, "PS-0030", "claim.reserve.set")
    story.exception(control, "PS-0030/claim.reserve.set", "granted in 2025, never used")
    _add_tool(story, "PS-0054", "shipment.read")
    story.exception(control, "PS-0054/shipment.read", "granted in 2025, never used")
    _add_tool(story, "PS-0019", "erp.po.read")
    story.call("AGT-0019", at("2026-07-01T09:12:00Z"), TOOLS["erp.po.read"])
    story.exception(control, "PS-0019/erp.po.read", "last used on 2026-07-01")
    _add_tool(story, "PS-0027", "claim.note.write")
    story.call("AGT-0027", AS_OF_NANOS - 90 * DAY, TOOLS["claim.note.write"])
    story.near_miss(control, "PS-0027/claim.note.write", "used ninety days ago to the nanosecond")
    _add_tool(story, "PS-0055", "logs.read", since=at("2026-11-02"))
    story.near_miss(control, "PS-0055/logs.read", "granted on 2026-11-02, not used yet")
    _add_tool(story, "PS-0009", "booking.read")
    story.near_miss(control, "PS-0009/booking.read", "never used, but the agent is retired")
    for agent_id in ("AGT-0057", "AGT-0066"):
        for tool in AGENT_BY_ID[agent_id].tools:
            story.exception(
                control, f"PS-{agent_id[4:]}/{tool}", "the agent has not run for months"
            )


def _add_tool(story: Story, key: str, tool: str, since: int | None = None) -> None:
    """Grant one more tool, from the beginning or from an instant on."""
    registers = story.registers
    row = registers.last("permission_set", key)
    tools = [*_texts(row["tools"]), tool]
    systems = sorted({*_texts(row["systems"]), TOOLS[tool].system})
    agent_id = str(row["agent_id"])
    _bound(story, agent_id, TOOLS[tool])
    if since is None:
        registers.edit("permission_set", key, tools=tools, systems=systems)
        return
    approval = f"APR-{key}-2"
    approve_permissions(registers, AGENT_BY_ID[agent_id], approval, since - DAY)
    registers.change(
        "permission_set", key, since, tools=tools, systems=systems, approval_id=approval
    )


def _bound(story: Story, agent_id: str, tool: Tool) -> None:
    """Have the agent's boundary name the tool and its system."""
    boundary = story.registers.last("boundary", f"BND-{agent_id[4:]}")
    for name in ("reads", "writes"):
        boundary[name] = sorted({*_texts(boundary[name]), tool.system})
    boundary["allowed_actions"] = [*_texts(boundary["allowed_actions"]), tool.name]


def _texts(value: Value) -> list[str]:
    return value if isinstance(value, list) else []


def seed_other_access(story: Story) -> None:
    """ACC-04, 07, 08 and 09: standing grants, secrets outside the vault, hosts, old reviews."""
    registers = story.registers
    registers.edit("permission_set", "PS-0044", standing=True)
    story.exception("ACC-04", "PS-0044", "a standing grant on the personnel system")
    for key in ("PS-0038", "PS-0041", "PS-0033"):
        story.near_miss("ACC-04", key, "restricted, but given per task")
    story.exception("ACC-07", "CRD-0900", "a key that no vault keeps")
    for key in ("CRD-0017", "CRD-0903", "CRD-0053"):
        story.near_miss("ACC-07", key, "kept in the vault")
    host = "drop.quick-transfer.example"
    for moment, values, bad in (
        ("2026-10-20T09:30:00Z", {"egress_host": host}, True),
        ("2026-10-21T09:30:00Z", {"egress_host": host} | dict(BLOCKED), False),
        ("2026-10-22T09:30:00Z", {"egress_host": EMPTY}, False),
        ("2026-10-23T09:30:00Z", {"egress_host": EMPTY}, False),
    ):
        _, call = story.call("AGT-0054", at(moment), TOOLS["dataset.read"], **values)
        if bad:
            story.exception("ACC-08", call, f"reached {host}, which is on no list")
        else:
            story.near_miss("ACC-08", call, "stopped, or inside the network")
    for key in registers.keys("review", kind="access", subject_ref="PS-0018"):
        if int(registers.last("review", key)["done_at"]) > at("2026-06-01"):  # type: ignore[arg-type]
            registers.drop("review", key)
    story.exception("ACC-09", "AGT-0018", "last reviewed in spring")
    for agent_id in ("AGT-0017", "AGT-0047", "AGT-0012"):
        story.near_miss("ACC-09", agent_id, "reviewed in autumn, a draft, or retired")
