"""Seeds of the trail: records with a group missing, runs that break off, logs with holes."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from muniment.demo.agents import AGENT_BY_ID, TOOLS, AgentPlan
from muniment.demo.clock import (
    AS_OF_NANOS,
    DAY,
    FIRST_DAY,
    HOUR,
    MINUTE,
    PERIOD_START_NANOS,
    SECOND,
    at,
    local,
)
from muniment.demo.company import person_id
from muniment.demo.registers import Registers
from muniment.demo.runs import EMPTY, GATEWAY, OTLP, POLICY_ENGINE, REDACTED, Event, Run
from muniment.demo.seeds import Story
from muniment.demo.writer import write_runs
from muniment.model.outcomes import Outcome

CLAIMS, CONTRACTS, FATIGUE, INTAKE = "AGT-0024", "AGT-0040", "AGT-0033", "AGT-0003"
INPUT = ("input_sha256", "prompt_sha256", "context_refs", "data_classification")
POLICY = (
    "policy_checked", "policy_checked_at", "policy_result", "policy_enforced", "policy_id",
    "policy_rule_id", "policy_version", "policy_engine",
)  # fmt: skip
OVERSIGHT = (
    "autonomy_tier", "oversight_required", "approval_id", "escalated_to", "oversight_decision",
)  # fmt: skip
RETENTION = ("retention_class", "retain_until")
OUTCOME = ("outcome", "executed", "end_time")
# The engine's log lost the lines of half an hour; the collector's was silent over a weekend.
LOST = (at("2026-10-14T09:30:00Z"), at("2026-10-14T10:00:00Z"))
SILENT = (at("2026-09-18T20:00:00Z"), at("2026-09-21T04:30:00Z"))
# The engine keeps five months, as it came; the collector's older spans were deleted, as agreed.
KEPT_SINCE = {POLICY_ENGINE: at("2026-05-23T00:00:00Z"), OTLP: at("2026-05-01T00:00:00+02:00")}


def seed_records(story: Story) -> None:
    """AUD-01: records in which one of the eight groups is empty or absent, or only masked."""
    control = "AUD-01"
    for agent_id, start, gateway, group, why in (
        (CLAIMS, "2026-09-08T08:05:00Z", False, POLICY, "no policy result"),
        (CONTRACTS, "2026-09-17T12:44:00Z", False, OVERSIGHT, "no oversight events"),
        (FATIGUE, "2026-10-02T02:20:00Z", True, RETENTION, "no retention"),
        (INTAKE, "2026-10-21T07:51:00Z", True, INPUT, "no input context"),
    ):
        run, event = _record(story, agent_id, start, gateway=gateway)
        event.values |= dict.fromkeys(group, EMPTY)
        story.exception(control, event, f"{why}: the fields are there and empty")
        if group is POLICY:
            story.exception("POL-01", event, "nothing says that policy was asked")
        if group is OVERSIGHT:
            story.near_miss("OVR-03", event, "no tier, so no answer", Outcome.UNDETERMINED)
    run = story.run("AGT-0031", "2026-11-04T13:15:00Z")
    event = run.step("execute_tool")
    for name in POLICY:
        event.values.pop(name, None)
    story.exception(control, event, "no policy result: the record does not have the fields")
    for agent_id, start, gateway, why in (
        (CLAIMS, "2026-09-09T09:30:00Z", False, "input masked at source"),
        (CONTRACTS, "2026-10-13T09:00:00Z", True, "prompt digest masked at source"),
        (FATIGUE, "2026-10-27T03:12:00Z", False, "driver data masked at source"),
    ):
        run, event = _record(story, agent_id, start, gateway=gateway)
        event.values |= {name: REDACTED for name in INPUT if name in event.values}
        story.near_miss(control, event, why, Outcome.UNDETERMINED)
    run = story.run(FATIGUE, "2026-10-30T03:12:00Z")
    story.near_miss(control, run.root, "policy `not_applicable` is an answer")


def seed_traces(story: Story) -> None:
    """AUD-02: no trigger, no outcome, orphans; and runs that only look cut off."""
    control = "AUD-02"
    run = story.run(CLAIMS, "2026-09-15T09:00:00Z")
    run.root.values["trigger_kind"] = EMPTY
    story.exception(control, run.trace_id, "nothing says what started it")
    run = story.run(INTAKE, "2026-10-05T10:30:00Z")
    run.root.values |= dict.fromkeys(OUTCOME, EMPTY)
    story.exception(control, run.trace_id, "no final outcome: the root never ended")
    story.exception("AUD-01", run.root, "the same root: no outcome group")
    run = story.run(CONTRACTS, "2026-10-28T13:20:00Z")
    run.step("execute_tool").values["parent_span_id"] = f"{story.case:016x}"
    story.exception(control, run.trace_id, "a tool call hangs on a span that nobody logged")
    run = story.run("AGT-0049", "2026-11-05T08:12:00Z")
    run.events = [event for event in run.events if event.source == GATEWAY]
    story.exception(control, run.trace_id, "only the gateway saw it: no trigger, no root")
    _whole(story)


def _whole(story: Story) -> None:
    control = "AUD-02"
    run = story.run(CLAIMS, "2026-09-24T08:40:00Z")
    for event in run.events[1:]:
        event.logged = event.time
    run.root.logged = run.end
    story.near_miss(control, run.trace_id, "the children were logged before their parent")
    run = story.run(CONTRACTS, "2026-10-16T09:15:00Z")
    run.root.values.update(outcome="failure", error_type="timeout")
    story.near_miss(control, run.trace_id, "it failed, and says so: an outcome")
    run = story.keep(story.writer(INTAKE, PERIOD_START_NANOS - SECOND // 2).write())
    story.near_miss(control, run.trace_id, "began half a second before the period, ended in it")
    run = story.run(INTAKE, "2026-09-30T21:59:59Z")
    story.near_miss(control, run.trace_id, "runs across a local midnight and month end")
    run = story.keep(story.writer(CONTRACTS, AS_OF_NANOS - 3 * MINUTE).write())
    run.events.remove(run.root)
    story.near_miss(control, run.trace_id, "still open at the as-of instant", Outcome.PENDING)


def _record(story: Story, agent_id: str, start: str, *, gateway: bool) -> tuple[Run, Event]:
    run = story.run(agent_id, start)
    return run, run.from_source(GATEWAY) if gateway else run.step("execute_tool")


def seed_gaps(story: Story) -> None:
    """AUD-03 and INT-04: a log that lost lines, one that fell silent, one that dropped entries."""
    control = "AUD-03"
    for minute in (34, 41, 52):
        story.run("AGT-0061", f"2026-10-14T09:{minute}:00Z")
        story.run("AGT-0005", f"2026-10-14T09:{minute}:30Z")
    story.exception(control, "policy-engine", "half an hour's lines of 2026-10-14 are missing")
    story.exception(control, "otel-collector", "silent from 2026-09-18 to 2026-09-21")
    story.exception(control, "llm-gateway", "says itself that it dropped 112 entries in October")
    story.exception("INT-04", "policy-engine/2026-10", "sent more lines than arrived")
    for key in ("policy-engine/2026-09", "agent-platform/2026-10", "agent-platform/2026-09"):
        story.near_miss("INT-04", key, "as many lines arrived as were sent")
    story.near_miss(control, "agent-platform", "lines out of order on 2026-09-24, none missing")
    story.near_miss(control, "agent-platform/2026-10-25", "a day of 25 hours")
    story.near_miss(control, "policy-engine/2026-05-23", "begins that day: nothing lost before it")


def seed_totals(registers: Registers) -> None:
    """AUD-03: the gateway says itself that it lost entries in October."""
    registers.edit("control_total", "CT-llm-gateway-2026-10", dropped=112)


def kept_logs(logs: dict[str, pa.Table]) -> dict[str, pa.Table]:
    """The logs without what their sources deleted or did not keep."""
    found = dict(logs)
    for source, since in KEPT_SINCE.items():
        times = found[source].column("event_time")
        found[source] = found[source].filter(pc.greater_equal(times, since))
    return found


def holed_logs(logs: dict[str, pa.Table]) -> dict[str, pa.Table]:
    """The logs without the lines that were lost on their way."""
    times = logs[POLICY_ENGINE].column("event_time")
    lost = pc.and_(pc.greater_equal(times, LOST[0]), pc.less(times, LOST[1]))
    return logs | {POLICY_ENGINE: logs[POLICY_ENGINE].filter(pc.invert(lost))}


def seed_retention(story: Story) -> None:
    """INT-03: a log kept for ninety days only, and entries deleted before their time."""
    control, registers = "INT-03", story.registers
    registers.edit("retention_policy", "RET-policy-engine", keep_months=5, max_months=5,
                   lawful_basis="As the engine came")  # fmt: skip
    story.exception(control, "RET-policy-engine", "five months: the engine's default")
    story.exception(control, "policy-engine", "its oldest line is of 2026-05-23")
    registers.edit("retention_policy", "RET-otel-collector", keep_months=6, max_months=6)
    story.near_miss(control, "RET-otel-collector", "six calendar months exactly")
    for key, source, begin, end, deleted, bad, why in (
        ("DEL-01", "llm-gateway", date(2026, 2, 1), date(2026, 3, 1), date(2026, 9, 3), True,
         "deleted after half a year, to be kept for two"),
        ("DEL-02", "otel-collector", FIRST_DAY, date(2026, 5, 1), date(2026, 11, 1), False,
         "deleted at the very midnight at which their six months were over"),
    ):  # fmt: skip
        moment = local(deleted, 0)
        registers.put(
            "deletion", moment, deletion_id=key, log_source_id=source,
            entries_from=local(begin, 0), entries_to=local(end, 0),
            deleted_at=moment, approved_by=person_id("Hanna Voss"), reason="Retention rule",
        )  # fmt: skip
        (story.exception if bad else story.near_miss)(control, key, why)
    story.near_miss(control, "RET-llm-gateway", "two years, within the limit of seven")


def seed_notices(story: Story) -> None:
    """TRN-02: conversations in which nobody said that an agent is talking."""
    control = "TRN-02"
    run = story.run("AGT-0043", "2026-10-19T08:05:00Z")
    run.events.remove(run.step("disclosure"))
    story.exception(control, _conversation(run), "no notice at all, to a colleague")
    for agent_id, start, after, why in (
        ("AGT-0026", "2026-11-01T21:40:00Z", SECOND, "the notice came a second after the answer"),
        ("AGT-0032", "2026-09-30T05:30:00Z", 1, "the notice came a nanosecond after the message"),
    ):
        run = story.run(agent_id, start)
        _notice_at(run, run.events[-1].time + after)
        story.exception(control, _conversation(run), why)
    run = story.run("AGT-0026", "2026-11-08T10:00:00Z")
    _notice_at(run, run.events[-1].time)
    story.near_miss(control, _conversation(run), "the notice came with the answer, at one instant")
    first = story.run("AGT-0026", "2026-10-11T12:00:00Z")
    second = story.run("AGT-0026", "2026-10-11T12:06:00Z")
    second.events.remove(second.step("disclosure"))
    for event in second.events:
        event.values["conversation_id"] = first.root.values["conversation_id"]
    story.near_miss(control, _conversation(first), "the second question of one conversation")
    run = story.run("AGT-0044", "2026-10-12T09:00:00Z")
    gone = (run.step("disclosure"), run.events[-1])
    run.events = [event for event in run.events if event not in gone]
    story.near_miss(control, _conversation(run), "the person left before anything was said")
    run = story.run("AGT-0026", "2026-09-23T18:20:00Z")
    run.events.remove(run.step("disclosure"))
    why = "its spans have no word on notices, so nobody can say"
    story.near_miss(control, _conversation(run), why, Outcome.UNDETERMINED)


def _conversation(run: Run) -> str:
    return f"{run.root.values['conversation_id']} / {run.plan.agent_id}"


def _notice_at(run: Run, moment: int) -> None:
    run.step("disclosure").values.update(
        event_time=moment, end_time=moment + SECOND // 100, policy_checked_at=moment - SECOND
    )
    run.root.values["end_time"] = max(run.end, moment + SECOND)


DRIFT_BEGINS = at("2026-09-07T04:00:00Z")
_EXPENSES, _SCRIBE = AGENT_BY_ID["AGT-0020"], AGENT_BY_ID["AGT-0055"]
_RECEIPT, _EXPENSE, _ALERT = TOOLS["receipt.read"], TOOLS["expense.read"], TOOLS["alert.read"]
# What two agents came to do, from the day on which their mix of acts changed.
DRIFTED = {
    _EXPENSES.agent_id: replace(
        _EXPENSES, reads=(_RECEIPT, _RECEIPT, _RECEIPT, _EXPENSE, _RECEIPT), close=None
    ),
    _SCRIBE.agent_id: replace(_SCRIBE, reads=(_ALERT,) * 5, close=None),
}


def seed_drift(story: Story) -> None:
    """BEH-03: an agent whose mix of acts changed, and those who did more, or were reviewed."""
    control = "BEH-03"
    for plan, runs in ((_EXPENSES, 42), (_SCRIBE, 56)):
        _burst(story, plan, "2026-06-01T08:00:00Z", runs)
        _burst(story, DRIFTED[plan.agent_id], "2026-09-14T08:00:00Z", 40)
    story.run(_EXPENSES, "2026-09-04T09:10:00Z")  # flagged an expense once more, so it may
    story.exception(control, _EXPENSES.agent_id, "reads receipts over and over, flags nothing")
    done = at("2026-11-13T10:00:00Z")
    story.registers.put(
        "review", done, review_id="REV-0055-behaviour", kind="behaviour",
        subject_ref=_SCRIBE.agent_id, planned_at=done - DAY, done_at=done,
        done_by=person_id("Hanna Voss"), topics=["action mix"], evidence_ref="OPS-4471",
        result="Reads alerts of the new monitoring; expected",
    )  # fmt: skip
    story.near_miss(control, _SCRIBE.agent_id, "its mix changed as well, and somebody looked")
    _burst(story, AGENT_BY_ID["AGT-0022"], "2026-10-26T06:00:00Z", 40)
    story.near_miss(control, "AGT-0022", "did more of the same")
    story.near_miss(control, "AGT-0046", "new in October: nothing to compare with")


def _burst(story: Story, plan: AgentPlan, first: str, count: int) -> None:
    """More runs than usual: so many from a day on, some hours apart."""
    starts = at(first) + np.arange(count, dtype=np.int64) * 19 * HOUR
    rng = story.rng(f"burst {plan.agent_id} {first}")
    case = 40_001 + 1_000 * len(story.bursts)
    story.bursts.append(write_runs(rng, plan, starts, case=case))
