"""Seeds of OVR-03: approvals that are absent, late, refused or for other content."""

from __future__ import annotations

import random
from decimal import Decimal

from muniment.demo.agents import AGENT_BY_ID
from muniment.demo.clock import MICRO, SECOND, at
from muniment.demo.runs import EMPTY, Event, Run, Shape, digest, write_run
from muniment.demo.seeds import Seeds

CONTROL = "OVR-03"
MATCHER, CUSTOMS, RATES, SCREENER = "AGT-0017", "AGT-0021", "AGT-0029", "AGT-0038"


def seed_approvals(rng: random.Random) -> Seeds:
    """OVR-03: nine exceptions of seven kinds, and the near-misses beside them."""
    seeds = Seeds()
    _absent(rng, seeds)
    _late(rng, seeds)
    _other_content(rng, seeds)
    _just_in_time(rng, seeds)
    _not_needed(rng, seeds)
    return seeds


def _absent(rng: random.Random, seeds: Seeds) -> None:
    for agent_id, start, amount in (
        (MATCHER, "2026-11-19T09:10:07Z", "18240.00"),
        (MATCHER, "2026-11-12T14:52:40Z", "12990.00"),
    ):
        run, act = _run(rng, agent_id, start, amount)
        _drop_approval(run, act)
        seeds.exception(CONTROL, act, "no approval exists")
        seeds.runs.append(run)
    run, act = _run(rng, SCREENER, "2026-10-15T08:31:00Z", None)
    run.approval = None
    seeds.exception(CONTROL, act, "names an approval that the service desk does not know")
    seeds.runs.append(run)
    run, act = _run(rng, "AGT-0035", "2026-09-23T11:14:00Z", "8700.00")
    if run.approval:
        run.approval["decision"] = "rejected"
    _approval_step(run).values["oversight_decision"] = "rejected"
    seeds.exception(CONTROL, act, "the approver refused, and it ran all the same")
    seeds.runs.append(run)


def _late(rng: random.Random, seeds: Seeds) -> None:
    for agent_id, start, amount, seconds in (
        (MATCHER, "2026-11-18T16:38:20Z", "9415.50", 192),
        (CUSTOMS, "2026-11-13T08:17:00Z", None, 41),
    ):
        run, act = _run(rng, agent_id, start, amount)
        _decide(run, act.time + seconds * SECOND)
        minutes, rest = divmod(seconds, 60)
        seeds.exception(CONTROL, act, f"approved {minutes} min {rest} s after it ran")
        seeds.runs.append(run)
    run, act = _run(rng, CUSTOMS, "2026-10-06T12:40:00Z", None)
    _decide(run, act.time)
    seeds.exception(CONTROL, act, "approved at the same instant; `before` is strict")
    seeds.runs.append(run)


def _other_content(rng: random.Random, seeds: Seeds) -> None:
    for agent_id, start, amount, why in (
        (MATCHER, "2026-11-17T10:58:20Z", "42007.10", "the approver saw EUR 4,207.10"),
        (RATES, "2026-11-10T16:24:00Z", None, "the tariff was recomputed after approval"),
    ):
        run, act = _run(rng, agent_id, start, amount)
        if run.approval:
            run.approval["context_sha256"] = digest("as shown to the approver", start)
        seeds.exception(CONTROL, act, f"content differs: {why}")
        seeds.runs.append(run)


def _just_in_time(rng: random.Random, seeds: Seeds) -> None:
    for start, before, why in (
        ("2026-11-09T13:05:00Z", MICRO, "approved one microsecond before"),
        ("2026-10-22T08:45:00Z", 1, "approved one nanosecond before"),
    ):
        run, act = _run(rng, MATCHER, start, "5120.00")
        _decide(run, act.time - before)
        seeds.near_miss(CONTROL, act, why)
        seeds.runs.append(run)
    run, act = _run(rng, MATCHER, "2026-11-16T09:20:00Z", "7350.00")
    _decide(run, act.time - 30 * SECOND)
    seeds.near_miss(
        CONTROL, act, "approved 30 s before; the service desk writes +01:00, an hour `later`"
    )
    seeds.runs.append(run)
    run, act = _run(rng, MATCHER, "2026-10-25T00:58:30Z", "2400.00")
    _decide(run, min(act.time - SECOND, at("2026-10-25T00:59:59Z")))
    seeds.near_miss(CONTROL, act, "approved in the hour that the end of summer time repeats")
    seeds.runs.append(run)


def _not_needed(rng: random.Random, seeds: Seeds) -> None:
    run = write_run(
        rng, AGENT_BY_ID[CUSTOMS], at("2026-10-14T09:00:00Z"),
        Shape(force_approval=True, blocked=True),
    )  # fmt: skip
    seeds.near_miss(CONTROL, _act(run), "no approval, but policy blocked it")
    seeds.runs.append(run)
    run = write_run(
        rng, AGENT_BY_ID[MATCHER], at("2026-10-19T12:00:00Z"), Shape(amount=Decimal("1000.00"))
    )
    seeds.near_miss(CONTROL, _act(run), "exactly EUR 1,000.00: approval is asked above that")
    seeds.runs.append(run)


def _run(rng: random.Random, agent_id: str, start: str, amount: str | None) -> tuple[Run, Event]:
    shape = Shape(force_approval=True, amount=Decimal(amount) if amount else None)
    run = write_run(rng, AGENT_BY_ID[agent_id], at(start), shape)
    return run, _act(run)


def _act(run: Run) -> Event:
    if run.act is None:
        raise AssertionError(f"run `{run.trace_id}` of the demo has no act to seed")
    return run.act


def _approval_step(run: Run) -> Event:
    return next(e for e in run.events if e.values["operation_name"] == "approval.request")


def _decide(run: Run, moment: int) -> None:
    """Move the decision to `moment` in the ticket and in the agent's own log."""
    if run.approval:
        run.approval["decided_at"] = moment
    _approval_step(run).values.update(end_time=moment, responded_at=moment)
    end = max(run.end, moment + SECOND)
    run.root.values["end_time"] = end
    if run.plan.delegates_from:
        run.events[1].values["end_time"] = end - MICRO


def _drop_approval(run: Run, act: Event) -> None:
    run.events.remove(_approval_step(run))
    run.approval = None
    act.values["approval_id"] = EMPTY
