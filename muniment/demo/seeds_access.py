"""Seeds of IDN-01 (registered), OWN-01 (owned) and ACC-03 (inside the granted permissions)."""

from __future__ import annotations

import random

from muniment.demo.agents import AGENT_BY_ID, GONE, PAY, SHADOW, Tool
from muniment.demo.clock import MICRO, at
from muniment.demo.runs import write_run
from muniment.demo.seeds import BLOCKED, Seeds, run_with_call

BANK_UPDATE = Tool("vendor.bank.update", "erp", "V", "write", "execute", "confidential")
BANK_UPDATE_ENDS = at("2026-11-06T09:00:00Z")
DEFERRAL = Tool("duty.deferral.request", "customs-gateway", "MRN", "write", "execute")
DEFERRAL_BEGINS = at("2026-09-14T10:00:00Z")
PAYOUT = Tool("claim.payout.release", "claims", "CLM", "write", "execute", "confidential")
PAYROLL = Tool("payroll.record.read", "hr", "EMP", "read", "read", "restricted")


def seed_identities(rng: random.Random) -> Seeds:
    """IDN-01: one identity never registered, one that acts a day before its registration."""
    seeds, control = Seeds(), "IDN-01"
    tender, dock = AGENT_BY_ID["AGT-0045"], AGENT_BY_ID["AGT-0046"]
    seeds.runs.append(write_run(rng, tender, at("2026-10-12T08:12:40Z")))
    seeds.runs.append(write_run(rng, dock, dock.starts_at))
    seeds.exception(control, SHADOW.agent_id, "never registered; acts every Thursday night")
    seeds.exception(control, tender.agent_id, "acted on 2026-10-12, registered from 2026-10-13")
    seeds.near_miss(control, dock.agent_id, "acts first at the very instant of its registration")
    seeds.near_miss(control, GONE.agent_id, "not registered, but last seen before the period")
    seeds.near_miss(control, "AGT-0012", "retired on 2026-10-01; acted only before")
    seeds.near_miss(control, "AGT-0017", "two versions in the registry, both cover their time")
    return seeds


def expect_owners() -> Seeds:
    """OWN-01: expectations about the registry as `company` and `agents` describe it."""
    seeds, control = Seeds(), "OWN-01"
    seeds.exception(control, "AGT-0040", "the registry's owner field is empty")
    seeds.exception(control, "AGT-0035", "the owner is the group mailbox of the capacity desk")
    seeds.exception(control, "AGT-0024", "the owner left on 2026-10-10")
    seeds.near_miss(control, "AGT-0012", "its owner left as well, but the agent is retired")
    seeds.near_miss(control, "AGT-0031", "the owner is on leave and still employed")
    seeds.near_miss(control, "AGT-0038", "the owner left in April and came back in September")
    seeds.near_miss(control, "AGT-0042", "the owner leaves ten days after the as-of instant")
    seeds.near_miss(control, "AGT-0047", "no owner yet, but only a draft")
    return seeds


def seed_permissions(rng: random.Random) -> Seeds:
    """ACC-03: calls outside the set valid then, and the same calls a microsecond away or denied."""
    seeds, control = Seeds(), "ACC-03"
    claims, matcher, customs, screener, coder = (
        AGENT_BY_ID[key] for key in ("AGT-0024", "AGT-0017", "AGT-0021", "AGT-0038", "AGT-0042")
    )
    bad = (
        (claims, "2026-10-07T12:20:05Z", 0, PAYOUT, "never granted"),
        (screener, "2026-10-29T10:02:11Z", 0, PAYROLL, "never granted; a read counts as well"),
        (matcher, "2026-11-06T09:00:00Z", 0, BANK_UPDATE, "the grant ended at this very instant"),
        (customs, "2026-09-14T10:00:00Z", -MICRO, DEFERRAL, "a microsecond before the grant"),
    )
    for plan, moment, shift, tool, why in bad:
        run, call = run_with_call(rng, plan, at(moment) + shift, tool)
        seeds.runs.append(run)
        seeds.exception(control, call, f"{plan.name}, {tool.name}: {why}")
    fine = (
        (matcher, "2026-11-06T09:00:00Z", -MICRO, BANK_UPDATE, "a microsecond before its end"),
        (customs, "2026-09-14T10:00:00Z", 0, DEFERRAL, "granted from this very instant"),
        (coder, "2026-10-01T09:10:00Z", 0, DEFERRAL, "its set holds `*`, any tool"),
    )
    for plan, moment, shift, tool, why in fine:
        run, call = run_with_call(rng, plan, at(moment) + shift, tool)
        seeds.runs.append(run)
        seeds.near_miss(control, call, f"{plan.name}, {tool.name}: {why}")
    for moment, tool in (("2026-10-07T12:26:40Z", PAYOUT), ("2026-10-08T07:30:00Z", PAY)):
        run, call = run_with_call(rng, claims, at(moment), tool, **BLOCKED)
        seeds.runs.append(run)
        seeds.near_miss(control, call, f"{claims.name}, {tool.name}: not granted, but denied")
    return seeds
