"""Seeds of OVR-09: a person who approves without reading, and others who only look like one."""

from __future__ import annotations

import numpy as np

from muniment.demo.agents import AGENT_BY_ID
from muniment.demo.clock import DAY, MINUTE, SECOND, at
from muniment.demo.company import person_id
from muniment.demo.registers_company import COURSES
from muniment.demo.seeds import Story
from muniment.demo.writer import Shape, write_runs

CONTROL = "OVR-09"


def seed_reviewers(story: Story) -> None:
    """An evening on which one declarant says yes to a hundred transits."""
    stamp = person_id("Dorota Zielinska")
    _approvals(
        story, "AGT-0023", "2026-11-04T17:30:00Z", count=110, every=24 * SECOND, approver=stamp
    )
    story.exception(CONTROL, stamp, "110 yeses in an hour, each after four seconds")
    calm = person_id("Ulla Bertelsen")
    begins = at("2026-09-01")
    story.registers.put(
        "mandate", begins, mandate_id="MAN-202", person_id=calm, kind="approver",
        decision_types=["vat_claim"], agent_ids=["AGT-0014"],
    )  # fmt: skip
    story.registers.put(
        "training", begins - DAY, training_id="TRN-ulla.bertelsen-approver-0", person_id=calm,
        course=COURSES["approver"], role="approver", completed_at=begins - DAY,
        expires_at=begins + 364 * DAY,
    )  # fmt: skip
    _approvals(story, "AGT-0014", "2026-11-06T09:00:00Z", count=2, every=9 * MINUTE, approver=calm)
    story.near_miss(CONTROL, calm, "two quick yeses: too few to say anything")
    story.near_miss(CONTROL, person_id("Jens Aagaard"), "the same desk, at a reader's pace")
    story.near_miss(CONTROL, person_id("Anna Lindqvist"), "the most requests of all, all read")


def _approvals(
    story: Story, agent_id: str, start: str, *, count: int, every: int, approver: str
) -> None:
    """So many requests, one after another, each answered by one person after seconds."""
    starts = at(start) + np.arange(count, dtype=np.int64) * every
    shape = Shape(approver=approver, waits=(1_000, 4_000), reviews=(2_000, 6_000))
    rng = story.rng(f"reviews {approver}")
    case = 30_001 + 1_000 * len(story.bursts)
    story.bursts.append(write_runs(rng, AGENT_BY_ID[agent_id], starts, case=case, shape=shape))
