"""Which oversight tier a decision calls for, as Northwind's thresholds say, and who decides."""

from __future__ import annotations

import numpy as np

from muniment.demo.agents import DECISIONS, TIERS, Decision, Tool
from muniment.demo.calendar import Instants
from muniment.demo.clock import DAY, HOUR, at
from muniment.demo.company import TEAMS, person_id

AUTONOMOUS, SUPERVISED, APPROVAL, HALT = range(4)
# From so many records on; alike for every decision.
RECORDS_FROM = (500, 5_000, 50_000)
CONFIDENTIAL_TIER, RESTRICTED_TIER = SUPERVISED, APPROVAL
IRREVERSIBLE_TIER = REGULATED_TIER = APPROVAL
NO_SCOPE = "none"
REGIMES = sorted({one.scope for one in DECISIONS.values()} - {NO_SCOPE})
CENT = 10**7  # billionths in a cent

POLICY_ID = "northwind.actions"
# A new edition in the first week of each month; every agent must run it two days later.
PUBLISHED = tuple(
    at(f"{year}-{month:02d}-0{day}T08:00:00Z")
    for year, month, day in (
        (2025, 11, 3), (2025, 12, 1), (2026, 1, 5), (2026, 2, 2), (2026, 3, 2), (2026, 4, 7),
        (2026, 5, 4), (2026, 6, 1), (2026, 7, 6), (2026, 8, 3), (2026, 9, 7), (2026, 10, 5),
        (2026, 11, 2),
    )
)  # fmt: skip
POLICY_VERSIONS = (
    "2025.11.1", "2025.12.1", *(f"2026.{month}.1" for month in range(1, 12)),
)  # fmt: skip
IN_FORCE_AFTER = 2 * DAY
TAKEN_UP_AFTER = 2 * HOUR
# Halted decisions go to a person of the management.
SENIOR = person_id("Torben Falk")


def policy_versions(moments: Instants) -> list[str]:
    """The policy edition that runs at each instant: two hours after it was published."""
    taken_up = np.array(PUBLISHED) + TAKEN_UP_AFTER
    found = np.searchsorted(taken_up, moments, side="right") - 1
    return [POLICY_VERSIONS[max(number, 0)] for number in found.tolist()]


def required_tiers(decision: Decision, tool: Tool, cents: Instants, records: Instants) -> Instants:
    """The tier (0 to 3) for each amount and number of records; the strictest rule counts."""
    tiers = np.full(len(cents), TIERS.index(decision.base_tier))
    limits = (decision.supervised_from, decision.approval_from, decision.halt_from)
    for tier, (from_cents, from_records) in enumerate(zip(limits, RECORDS_FROM, strict=True), 1):
        tiers = np.where((cents >= from_cents) | (records >= from_records), tier, tiers)
    floor = AUTONOMOUS
    if tool.data_class == "confidential":
        floor = CONFIDENTIAL_TIER
    if tool.data_class == "restricted":
        floor = RESTRICTED_TIER
    if tool.final:
        floor = max(floor, IRREVERSIBLE_TIER)
    if decision.scope != NO_SCOPE:
        floor = max(floor, REGULATED_TIER)
    base = TIERS.index(decision.base_tier)
    found: Instants = np.maximum(np.maximum(tiers, floor), base)
    return found


def approvers(team_id: str) -> list[str]:
    """Ids of the people who may decide for a team."""
    return [person_id(name) for name in TEAMS[team_id].approvers]
