"""Seeds of AUD-01 (the minimum data set) and AUD-02 (a run from trigger to outcome)."""

from __future__ import annotations

import random

from muniment.demo.agents import AGENT_BY_ID
from muniment.demo.clock import AS_OF_NANOS, MINUTE, PERIOD_START_NANOS, SECOND, at
from muniment.demo.runs import EMPTY, GATEWAY, REDACTED, Event, Run, write_run
from muniment.demo.seeds import Seeds
from muniment.model.outcomes import Outcome

INPUT = ("input_sha256", "prompt_sha256", "context_refs", "data_classification")
POLICY = (
    "policy_checked", "policy_result", "policy_enforced", "policy_id", "policy_rule_id",
    "policy_version", "policy_engine",
)  # fmt: skip
OVERSIGHT = (
    "autonomy_tier", "oversight_required", "approval_id", "escalated_to", "oversight_decision",
)  # fmt: skip
RETENTION = ("retention_class", "retain_until")
OUTCOME = ("outcome", "executed", "end_time")


def seed_records(rng: random.Random) -> Seeds:
    """AUD-01: records in which one of the eight groups is empty or absent, or only masked."""
    seeds, control = Seeds(), "AUD-01"
    for agent_id, start, gateway, group, why in (
        ("AGT-0024", "2026-09-08T08:05:00Z", False, POLICY, "no policy result"),
        ("AGT-0040", "2026-09-17T12:44:00Z", False, OVERSIGHT, "no oversight events"),
        ("AGT-0033", "2026-10-02T02:20:00Z", True, RETENTION, "no retention"),
        ("AGT-0003", "2026-10-21T07:51:00Z", True, INPUT, "no input context"),
    ):
        run, event = _record(rng, agent_id, start, gateway=gateway)
        event.values |= dict.fromkeys(group, EMPTY)
        seeds.exception(control, event, f"{why}: the fields are there and empty")
        if group is OVERSIGHT:
            seeds.near_miss("OVR-03", event, "no tier, so no answer", Outcome.UNDETERMINED)
        seeds.runs.append(run)
    run, event = _record(rng, "AGT-0024", "2026-11-04T13:15:00Z", gateway=False)
    for name in POLICY:
        event.values.pop(name, None)
    seeds.exception(control, event, "no policy result: the record does not have the fields")
    seeds.runs.append(run)
    for agent_id, start, gateway, group, why in (
        ("AGT-0024", "2026-09-09T09:30:00Z", False, INPUT, "input masked at source"),
        ("AGT-0040", "2026-10-13T09:00:00Z", True, INPUT, "prompt digest masked at source"),
        ("AGT-0033", "2026-10-27T03:12:00Z", False, INPUT, "driver data masked at source"),
    ):
        run, event = _record(rng, agent_id, start, gateway=gateway)
        event.values |= {name: REDACTED for name in group if name in event.values}
        seeds.near_miss(control, event, why, Outcome.UNDETERMINED)
        seeds.runs.append(run)
    run, event = _record(rng, "AGT-0033", "2026-10-30T03:12:00Z", gateway=False)
    seeds.near_miss(control, run.root, "policy `not_applicable` is an answer")
    seeds.runs.append(run)
    return seeds


def seed_traces(rng: random.Random) -> Seeds:
    """AUD-02: no trigger, no outcome, orphans; and runs that only look cut off."""
    seeds = Seeds()
    _broken(rng, seeds)
    _whole(rng, seeds)
    return seeds


def _broken(rng: random.Random, seeds: Seeds) -> None:
    control = "AUD-02"
    run = write_run(rng, AGENT_BY_ID["AGT-0024"], at("2026-09-15T09:00:00Z"))
    run.root.values["trigger_kind"] = EMPTY
    seeds.exception(control, run.trace_id, "nothing says what started it")
    seeds.runs.append(run)

    run = write_run(rng, AGENT_BY_ID["AGT-0003"], at("2026-10-05T10:30:00Z"))
    run.root.values |= dict.fromkeys(OUTCOME, EMPTY)
    seeds.exception(control, run.trace_id, "no final outcome: the root never ended")
    seeds.exception("AUD-01", run.root, "the same root: no outcome group")
    seeds.runs.append(run)

    run = write_run(rng, AGENT_BY_ID["AGT-0040"], at("2026-10-28T13:20:00Z"))
    _tool(run).values["parent_span_id"] = f"{rng.getrandbits(64):016x}"
    seeds.exception(control, run.trace_id, "a tool call hangs on a span that nobody logged")
    seeds.runs.append(run)

    run = write_run(rng, AGENT_BY_ID["AGT-0035"], at("2026-11-05T08:12:00Z"))
    run.events = [event for event in run.events if event.source == GATEWAY]
    run.approval = None
    seeds.exception(control, run.trace_id, "only the gateway saw it: no trigger, no root")
    seeds.runs.append(run)


def _whole(rng: random.Random, seeds: Seeds) -> None:
    control = "AUD-02"
    run = write_run(rng, AGENT_BY_ID["AGT-0024"], at("2026-09-24T08:40:00Z"))
    for event in run.events[1:]:
        event.logged = event.time
    run.root.logged = run.end
    seeds.near_miss(control, run.trace_id, "the children were logged before their parent")
    seeds.runs.append(run)

    run = write_run(rng, AGENT_BY_ID["AGT-0040"], at("2026-10-16T09:15:00Z"))
    run.root.values.update(outcome="failure", error_type="timeout")
    seeds.near_miss(control, run.trace_id, "it failed, and says so: an outcome")
    seeds.runs.append(run)

    run = write_run(rng, AGENT_BY_ID["AGT-0003"], PERIOD_START_NANOS - SECOND // 2)
    seeds.near_miss(control, run.trace_id, "began half a second before the period, ended in it")
    seeds.runs.append(run)

    run = write_run(rng, AGENT_BY_ID["AGT-0003"], at("2026-09-30T21:59:59Z"))
    seeds.near_miss(control, run.trace_id, "runs across a local midnight and month end")
    seeds.runs.append(run)

    run = write_run(rng, AGENT_BY_ID["AGT-0040"], AS_OF_NANOS - 3 * MINUTE)
    run.events.remove(run.root)
    seeds.near_miss(control, run.trace_id, "still open at the as-of instant", Outcome.PENDING)
    seeds.runs.append(run)


def _record(rng: random.Random, agent_id: str, start: str, *, gateway: bool) -> tuple[Run, Event]:
    run = write_run(rng, AGENT_BY_ID[agent_id], at(start))
    if gateway:
        return run, next(event for event in run.events if event.source == GATEWAY)
    return run, _tool(run)


def _tool(run: Run) -> Event:
    return next(e for e in run.events if e.values["operation_name"] == "execute_tool")
