"""Seeds of approvals: absent, late, refused, for other content, by the wrong person, too slow."""

from __future__ import annotations

from muniment.demo.agents import DECISIONS
from muniment.demo.clock import AS_OF_NANOS, DAY, HOUR, MICRO, MILLI, MINUTE, SECOND, at
from muniment.demo.company import person_id
from muniment.demo.runs import EMPTY, Event, Run, digest
from muniment.demo.seeds import Story
from muniment.demo.writer import Shape
from muniment.model.outcomes import Outcome

MATCHER, CUSTOMS, RATES, SCREENER = "AGT-0017", "AGT-0021", "AGT-0029", "AGT-0038"
BROKER, LETTERS, TRANSIT, CREDIT = "AGT-0035", "AGT-0030", "AGT-0023", "AGT-0016"
SLA = DECISIONS["declaration"].sla_minutes * MINUTE


def seed_approved_before(story: Story) -> None:
    """OVR-03: nine exceptions of seven kinds, and the near-misses beside them."""
    _absent(story)
    _late(story)
    _other_content(story)
    _just_in_time(story)
    _not_needed(story)


def _absent(story: Story) -> None:
    control = "OVR-03"
    for start, cents in (("2026-11-19T09:10:07Z", 1_824_000), ("2026-11-12T14:52:40Z", 1_299_000)):
        run, act = story.act(MATCHER, start, Shape(cents=cents))
        drop_approval(run)
        story.exception(control, act, "no approval exists")
    run, act = story.act(SCREENER, "2026-10-15T08:31:00Z")
    run.approval = None
    story.exception(control, act, "names an approval that the service desk does not know")
    run, act = story.act(BROKER, "2026-09-23T11:14:00Z", Shape(cents=870_000))
    answer(run, "rejected")
    act.values["oversight_decision"] = "rejected"
    story.exception(control, act, "the approver refused, and it ran all the same")


def _late(story: Story) -> None:
    control = "OVR-03"
    for agent_id, start, cents, seconds in (
        (MATCHER, "2026-11-18T16:38:20Z", 941_550, 192),
        (CUSTOMS, "2026-11-13T08:17:00Z", 1_850_000, 41),
    ):
        run, act = story.act(agent_id, start, Shape(cents=cents))
        decide(run, act.time + seconds * SECOND)
        minutes, rest = divmod(seconds, 60)
        story.exception(control, act, f"approved {minutes} min {rest} s after it ran")
    run, act = story.act(CUSTOMS, "2026-10-06T12:40:00Z")
    decide(run, act.time)
    story.exception(control, act, "approved at the very instant at which it ran, not before")


def _other_content(story: Story) -> None:
    for agent_id, start, shape in (
        (MATCHER, "2026-11-17T10:21:30Z", Shape(cents=620_000)),
        (RATES, "2026-11-10T09:12:00Z", None),
    ):
        run, act = story.act(agent_id, start, shape)
        act.values["input_sha256"] = digest("changed after approval", run.trace_id)
        story.exception("OVR-03", act, "what ran is not what the approver saw")


def _just_in_time(story: Story) -> None:
    control = "OVR-03"
    for agent_id, start, before, why in (
        (CUSTOMS, "2026-11-09T13:05:00Z", MICRO, "approved a microsecond before"),
        (CREDIT, "2026-10-22T10:44:00Z", 1, "approved a nanosecond before"),
        (
            RATES,
            "2026-11-16T09:30:00Z",
            30 * SECOND,
            "thirty seconds before; the desk reads +01:00",
        ),
    ):
        run, act = story.act(agent_id, start)
        decide(run, act.time - before)
        story.near_miss(control, act, why)
    # Clocks go back at 01:00 UTC: 02:59:59 summer time, then 02:00 again.
    run, act = story.act("AGT-0023", "2026-10-25T00:30:00Z")
    decide(run, at("2026-10-25T00:59:59Z"))
    shift(run, act, at("2026-10-25T01:00:30Z"))
    story.near_miss(control, act, "approved at 02:59:59 summer time, ran at 02:00:30 winter time")


def _not_needed(story: Story) -> None:
    control = "OVR-03"
    run, act = story.act(MATCHER, "2026-10-14T13:20:00Z", Shape(cents=455_000, blocked=True))
    story.near_miss(control, act, "no approval, but policy blocked the payment")
    run, act = story.act(BROKER, "2026-10-19T12:00:00Z", Shape(cents=500_000))
    story.near_miss(control, act, "exactly EUR 5,000.00: approval is asked above that")
    run, act = story.act(LETTERS, "2026-09-16T10:02:00Z")
    if run.approval:
        run.approval["expires_at"] = act.time + SECOND
    story.near_miss(control, act, "the approval expires a second after it ran")


def seed_answered_in_time(story: Story) -> None:
    """OVR-06: requests answered later than their threshold allows, or never."""
    control = "OVR-06"
    for agent_id, start, late, why in (
        (CUSTOMS, "2026-10-27T08:03:00Z", SECOND, "answered a second after its four hours"),
        (TRANSIT, "2026-09-08T07:20:00Z", 19 * HOUR, "answered the next day"),
        (CREDIT, "2026-11-05T08:45:00Z", 2 * HOUR, "answered after six hours"),
    ):
        run, act = story.act(agent_id, start)
        asked = ask_time(run)
        shift(run, act, asked + SLA + late + 20 * SECOND)
        decide(run, asked + SLA + late)
        story.exception(control, approval_id(run), why)
    for agent_id, start, why in (
        (CUSTOMS, "2026-11-11T14:10:00Z", "never answered"),
        (MATCHER, "2026-10-30T15:02:00Z", "never answered, and it expired"),
    ):
        run = _unanswered(story, agent_id, start)
        if "expired" in why and run.approval:
            run.approval.update(decision="expired", expires_at=ask_time(run) + DAY)
        story.exception(control, approval_id(run), why)
    _in_time(story)


def _in_time(story: Story) -> None:
    control = "OVR-06"
    for agent_id, start, after, why in (
        (CUSTOMS, "2026-10-28T08:03:00Z", SLA, "answered at the last instant of its four hours"),
        (CREDIT, "2026-10-24T22:30:00Z", SLA - MINUTE, "in time, across the end of summer time"),
        (TRANSIT, "2026-08-20T09:00:00Z", SLA + HOUR, "late, but before the period"),
    ):
        run, act = story.act(agent_id, start)
        asked = ask_time(run)
        shift(run, act, asked + after + 20 * SECOND)
        decide(run, asked + after)
        story.near_miss(control, approval_id(run), why)
    run = _unanswered(story, CUSTOMS, "2026-11-20T16:40:00Z")
    story.near_miss(control, approval_id(run), "asked an hour ago: still in time", Outcome.PENDING)


def _unanswered(story: Story, agent_id: str, start: str) -> Run:
    """A request without an answer; its act never ran."""
    run, act = story.act(agent_id, start)
    request = run.step("approval.request")
    gone = ("responded_at", "oversight_decision", "oversight_actor_type")
    request.values |= dict.fromkeys(gone, EMPTY) | {"end_time": request.time + 3 * MILLI}
    if run.approval:
        run.approval |= {
            "decision": EMPTY, "decided_by": EMPTY, "decided_by_type": EMPTY, "decided_at": EMPTY,
            "opened_at": EMPTY, "justification": EMPTY, "expires_at": EMPTY,
        }  # fmt: skip
    keep = run.events[: run.events.index(act)]
    run.events = keep
    end = min(request.time + 3 * SECOND, AS_OF_NANOS - SECOND)
    run.root.values |= {"end_time": end, "outcome": "denied"}
    if run.plan.delegates_from:
        run.events[1].values["end_time"] = end - MICRO
    run.act = None
    return run


def seed_approvers(story: Story) -> None:
    """OVR-07: answers by a machine, by people without mandate, and by those who asked."""
    control, registers = "OVR-07", story.registers
    begins, ends = at("2026-10-19T07:00:00Z"), at("2026-11-12T12:00:00Z")
    new, old = person_id("Tobias Kranz"), person_id("Frederik Holm")
    registers.put(
        "mandate", begins, mandate_id="MAN-201", person_id=new, kind="approver",
        decision_types=["declaration"], agent_ids=[CUSTOMS],
    )  # fmt: skip
    key = next(iter(registers.keys("mandate", person_id=old, kind="approver")))
    registers.change("mandate", key, ends, decision_types=["none"], agent_ids=["none"])
    for agent_id, start, person, kind, why in (
        (CUSTOMS, "2026-09-30T12:05:00Z", "Policy Gate", "service", "a service account answered"),
        (MATCHER, "2026-10-08T09:40:00Z", "Bo Lauritsen", "human", "a pricing analyst answered"),
        (BROKER, "2026-11-04T10:20:00Z", "Capacity Desk", "human", "a group mailbox answered"),
    ):
        run, act = story.act(agent_id, start, Shape(cents=900_000))
        by(run, act, person_id(person), kind)
        story.exception(control, act, why)
    for moment, person, decided, bad, why in (
        ("2026-10-19T06:10:00Z", new, begins - 1, True, "answered a nanosecond before his mandate"),
        ("2026-10-19T06:20:00Z", new, begins, False, "answered at the instant of his mandate"),
    ):
        run, act = story.act(CUSTOMS, moment)
        shift(run, act, decided + 20 * SECOND)
        decide(run, decided)
        by(run, act, person, "human")
        (story.exception if bad else story.near_miss)(control, act, why)
    _desk_mates(story, old, ends)


def _desk_mates(story: Story, old: str, ends: int) -> None:
    """A mandate that ends, and letters that are asked for and approved by the same or another."""
    control = "OVR-07"
    for moment, decided, bad, why in (
        ("2026-11-12T11:00:00Z", ends - MICRO, False, "answered a microsecond before it ended"),
        ("2026-11-12T11:10:00Z", ends, True, "answered when the mandate had ended"),
    ):
        run, act = story.act("AGT-0005", moment, Shape(cents=4_200_000))
        shift(run, act, decided + 20 * SECOND)
        decide(run, decided)
        by(run, act, old, "human")
        (story.exception if bad else story.near_miss)(control, act, why)
    sofia, niels = person_id("Sofia Brandes"), person_id("Niels Thomsen")
    for start, approver, bad, why in (
        ("2026-10-01T08:15:00Z", sofia, True, "asked for and approved by the same person"),
        ("2026-10-02T08:15:00Z", niels, False, "asked for by one and approved by another"),
    ):
        run, act = story.act(LETTERS, start)
        for event in run.events:
            event.values["on_behalf_of"] = sofia
            if "user_ref" in event.values:
                event.values["user_ref"] = sofia
        by(run, act, approver, "human")
        if run.approval:
            run.approval["requested_by"] = sofia
        (story.exception if bad else story.near_miss)(control, act, why)
    run, act = story.act(MATCHER, "2026-10-05T09:00:00Z", Shape(cents=120_000))
    by(run, act, person_id("Anna Lindqvist"), "human")
    story.near_miss(control, act, "approved by the agent's owner, who has a mandate")


def seed_requests(story: Story) -> None:
    """OVR-08: requests that do not show what a person needs to decide."""
    control = "OVR-08"
    for start, missing, why in (
        ("2026-09-29T13:00:00Z", {"alternatives": EMPTY}, "names no alternative"),
        ("2026-11-06T12:30:00Z", {"sources_used": EMPTY, "confidence": EMPTY}, "shows no source"),
    ):
        run, act = story.act(CREDIT, start)
        if run.approval:
            run.approval |= missing
        story.exception(control, act, why)
    for start in ("2026-09-29T14:00:00Z", "2026-11-06T13:30:00Z", "2026-11-06T14:30:00Z"):
        run, act = story.act(CREDIT, start)
        if run.approval:
            run.approval["confidence"] = 0
        story.near_miss(control, act, "states a confidence of zero, which is a statement")


def approval_id(run: Run) -> str:
    """The id of the run's request."""
    return str(run.step("approval.request").values["approval_id"])


def ask_time(run: Run) -> int:
    """When the run's request was made."""
    return run.step("approval.request").time


def decide(run: Run, moment: int) -> None:
    """Move the answer to `moment` in the ticket and in the agent's own log."""
    if run.approval:
        opened = min(int(run.approval["opened_at"]), moment - 2 * MINUTE)  # type: ignore[arg-type]
        opened = max(opened, int(run.approval["requested_at"]) + SECOND)  # type: ignore[arg-type]
        run.approval |= {
            "decided_at": moment, "opened_at": min(opened, moment), "expires_at": moment + DAY
        }  # fmt: skip
    for event in run.events:
        if event.values.get("responded_at"):
            event.values["responded_at"] = moment
    run.step("approval.request").values["end_time"] = moment
    _end_after(run, moment + SECOND)


def shift(run: Run, act: Event, moment: int) -> None:
    """Move the act, and all that comes after it, so that it begins at `moment`."""
    later = moment - act.time
    for event in run.events[run.events.index(act) :]:
        for name in ("event_time", "end_time", "notified_at", "policy_checked_at"):
            if event.values.get(name) and not (event is act and name == "policy_checked_at"):
                event.values[name] = int(event.values[name]) + later  # type: ignore[arg-type]
    if later > 0:
        _end_after(run, run.end + later)


def by(run: Run, act: Event, person: str, kind: str) -> None:
    """Have somebody else answer the request."""
    for event in (run.step("approval.request"), act):
        event.values |= {"escalated_to": person, "oversight_actor_type": kind}
    run.step("approval.request").values["target_name"] = person
    if run.approval:
        run.approval |= {"escalated_to": person, "decided_by": person, "decided_by_type": kind}


def answer(run: Run, decision: str) -> None:
    """Change what was answered."""
    if run.approval:
        run.approval["decision"] = decision
    run.step("approval.request").values["oversight_decision"] = decision


def drop_approval(run: Run) -> None:
    """Take away the request and its answer."""
    run.events.remove(run.step("approval.request"))
    run.approval = None
    gone = ("approval_id", "escalated_to", "escalated_at", "responded_at", "oversight_decision",
            "oversight_actor_type")  # fmt: skip
    if run.act:
        run.act.values |= dict.fromkeys(gone, EMPTY)


def _end_after(run: Run, moment: int) -> None:
    end = max(run.end, moment)
    run.root.values["end_time"] = end
    if run.plan.delegates_from:
        run.events[1].values["end_time"] = end - MICRO
