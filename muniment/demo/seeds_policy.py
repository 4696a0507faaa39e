"""Seeds of tiers and policy: acts below their tier, unchecked, or in spite of a no."""

from __future__ import annotations

from muniment.demo.agents import TOOLS
from muniment.demo.clock import MICRO, SECOND, at
from muniment.demo.runs import EMPTY, POLICY_ENGINE, REDACTED, UNIT, Event, Run
from muniment.demo.seeds import BLOCKED, Story
from muniment.demo.seeds_approvals import drop_approval
from muniment.demo.writer import Shape
from muniment.model.outcomes import Outcome

BROKER, QUOTES, CLAIMS, WORKSHOP, BOOKINGS = (
    "AGT-0035", "AGT-0005", "AGT-0024", "AGT-0059", "AGT-0006",
)  # fmt: skip
MATCHER, EXPORTER, RELEASES, ACCESS, CREDIT = (
    "AGT-0017", "AGT-0054", "AGT-0052", "AGT-0053", "AGT-0016",
)  # fmt: skip


def downgrade(run: Run, act: Event, tier: str) -> None:
    """Have an act run at a lower tier than its thresholds call for."""
    if run.approval:
        drop_approval(run)
    told = act.time + 2 * SECOND if tier == "supervised" else EMPTY
    act.values |= {
        "autonomy_tier": tier, "oversight_required": False, "notified_at": told,
        "policy_result": "allow",
    }  # fmt: skip


def seed_tiers(story: Story) -> None:
    """OVR-02: acts at a tier below the one that amount, records, data or scope call for."""
    control = "OVR-02"
    for agent_id, start, shape, tier, why in (
        (BROKER, "2026-09-02T09:20:00Z", Shape(cents=500_001), "supervised", "EUR 5,000.01"),
        (QUOTES, "2026-09-17T10:30:00Z", Shape(cents=4_000_000), "supervised",
         "EUR 40,000.00, the limit itself"),
        (CLAIMS, "2026-10-12T13:45:00Z", Shape(cents=1_240_000), "supervised", "EUR 12,400.00"),
        (WORKSHOP, "2026-11-02T08:55:00Z", Shape(cents=250_001), "supervised", "EUR 2,500.01"),
        (BOOKINGS, "2026-10-09T11:15:00Z", Shape(cents=90_000, records=500), "autonomous",
         "500 records, the limit itself"),
    ):  # fmt: skip
        run, act = story.act(agent_id, start, shape)
        downgrade(run, act, tier)
        story.exception(control, act, f"{tier} at {why}")
    for agent_id, start, shape, why in (
        (BROKER, "2026-09-03T09:20:00Z", Shape(cents=500_000), "EUR 5,000.00, a cent below"),
        (QUOTES, "2026-09-18T10:30:00Z", Shape(cents=3_999_999), "EUR 39,999.99, a cent below"),
        (CLAIMS, "2026-10-13T13:45:00Z", Shape(cents=1_000_000), "EUR 10,000.00, a cent below"),
        (BOOKINGS, "2026-10-10T11:15:00Z", Shape(cents=90_000, records=499), "499 records"),
    ):
        _, act = story.act(agent_id, start, shape)
        story.near_miss(control, act, why)
    _, act = story.act(BROKER, "2026-09-04T09:20:00Z", Shape(cents=600_000))
    act.values["amount"] = 120 * UNIT
    story.near_miss(control, act, "a stricter tier than EUR 120.00 calls for")
    run, act = story.act(QUOTES, "2026-09-22T10:30:00Z", Shape(cents=9_100_000))
    downgrade(run, act, "supervised")
    act.values |= dict(BLOCKED) | {"notified_at": EMPTY}
    story.near_miss(control, act, "too low a tier, but policy blocked it")
    _, act = story.act(WORKSHOP, "2026-11-03T08:55:00Z", Shape(cents=80_000))
    act.values["decision_type"] = REDACTED
    story.near_miss(control, act, "the kind of decision is masked", Outcome.UNDETERMINED)


def seed_always_approved(story: Story) -> None:
    """OVR-11: money, deployments, access and exports below the tier of approval."""
    control = "OVR-11"
    for agent_id, start, tier, cents, why in (
        (MATCHER, "2026-09-25T12:10:00Z", "supervised", 31_250, "a payment of EUR 312.50"),
        (CREDIT, "2026-11-11T09:50:00Z", "autonomous", 4_900, "a credit note of EUR 49.00"),
        (EXPORTER, "2026-10-07T08:25:00Z", "supervised", 0, "an export"),
        (RELEASES, "2026-11-17T13:35:00Z", "supervised", 0, "a deployment"),
        (ACCESS, "2026-09-09T10:05:00Z", "autonomous", 0, "a grant of access"),
    ):
        run, act = story.act(agent_id, start, Shape(cents=cents))
        downgrade(run, act, tier)
        story.exception(control, act, f"{why}, {tier}")
        story.exception("OVR-02", act, f"{tier}; {why} always needs approval")
    _, act = story.act(MATCHER, "2026-09-28T12:10:00Z", Shape(cents=5_000_000))
    story.near_miss(control, act, "EUR 50,000.00: halted, which is stricter still")
    story.near_miss("OVR-04", act, "halted and sent to the chief financial officer")
    run, act = story.act(RELEASES, "2026-11-18T13:35:00Z")
    downgrade(run, act, "supervised")
    act.values |= dict(BLOCKED) | {"notified_at": EMPTY}
    story.near_miss(control, act, "a deployment below the tier, but blocked")
    _, act = story.act(BROKER, "2026-09-29T12:10:00Z", Shape(cents=120_000))
    story.near_miss(control, act, "buying space is not one of the four")
    _, act = story.act(ACCESS, "2026-09-10T10:05:00Z")
    story.near_miss(control, act, "a grant of access, approved")
    _halts(story)
    run, act = story.act(BROKER, "2026-10-06T12:10:00Z", Shape(cents=98_000))
    act.values["notified_at"] = EMPTY
    story.exception("OVR-05", act, "supervised, and nobody was told")
    for start in ("2026-10-06T13:10:00Z", "2026-10-06T14:10:00Z", "2026-10-07T09:10:00Z"):
        _, act = story.act(BROKER, start, Shape(cents=98_000))
        story.near_miss("OVR-05", act, "supervised, reversible, and somebody was told")


def _halts(story: Story) -> None:
    """OVR-04: an act that should have been halted."""
    run, act = story.act(MATCHER, "2026-10-21T12:10:00Z", Shape(cents=6_400_000))
    act.values |= {"executed": True, "outcome": "success", "oversight_decision": EMPTY,
                   "escalated_to": EMPTY, "escalated_at": EMPTY, "responded_at": EMPTY,
                   "oversight_actor_type": EMPTY}  # fmt: skip
    run.root.values["outcome"] = "success"
    story.exception("OVR-04", act, "EUR 64,000.00 was paid, halt or not")
    for start, cents in (("2026-10-22T12:10:00Z", 5_000_001), ("2026-10-23T12:10:00Z", 7_700_000)):
        _, act = story.act(MATCHER, start, Shape(cents=cents))
        story.near_miss("OVR-04", act, "halted and sent to the chief financial officer")
    _, act = story.act(MATCHER, "2026-10-23T13:10:00Z", Shape(cents=4_999_999))
    story.near_miss("OVR-04", act, "a cent below the limit: approved, not halted")


def seed_checks(story: Story) -> None:
    """POL-01: acts that policy did not see, or saw too late."""
    control = "POL-01"
    run, act = story.act(QUOTES, "2026-09-14T09:10:00Z", Shape(cents=88_000))
    act.values |= {"policy_checked": False, "policy_checked_at": EMPTY, "policy_result": "error"}
    run.events.remove(run.from_source(POLICY_ENGINE))
    story.exception(control, act, "the policy engine could not be reached, and it ran")
    run, act = story.act(BROKER, "2026-10-16T09:40:00Z", Shape(cents=77_000))
    _check_at(run, act, act.time + 2 * SECOND)
    story.exception(control, act, "checked two seconds after it ran")
    run, act = story.act(WORKSHOP, "2026-11-09T07:40:00Z", Shape(cents=66_000))
    _check_at(run, act, act.time + 1)
    story.exception(control, act, "checked a nanosecond after it ran")
    run, act = story.act("AGT-0031", "2026-10-30T04:20:00Z")
    act.values |= {"policy_checked": False, "policy_checked_at": EMPTY, "policy_result": "error"}
    story.exception(control, act, "traced without a check")
    for agent_id, start, before, why in (
        (BROKER, "2026-10-16T10:40:00Z", 1, "checked a nanosecond before"),
        (QUOTES, "2026-10-16T11:40:00Z", 5 * SECOND, "checked five seconds before"),
        (WORKSHOP, "2026-11-09T08:40:00Z", MICRO, "checked a microsecond before"),
    ):
        run, act = story.act(agent_id, start, Shape(cents=55_000))
        _check_at(run, act, act.time - before)
        story.near_miss(control, act, why)
    run, act = story.act(QUOTES, "2026-09-14T10:10:00Z", Shape(cents=88_000))
    act.values |= dict(BLOCKED) | {
        "policy_checked": False, "policy_checked_at": EMPTY, "policy_result": "error",
        "notified_at": EMPTY,
    }  # fmt: skip
    story.near_miss(control, act, "the engine could not be reached, so it did not run")


def _check_at(run: Run, act: Event, moment: int) -> None:
    """Move the check to `moment`, in the act and in the engine's own log."""
    act.values["policy_checked_at"] = moment
    check = run.step("policy.check")
    check.values |= {"event_time": moment, "end_time": moment, "policy_checked_at": moment}


def seed_denials(story: Story) -> None:
    """POL-02: acts that policy denied and that ran all the same."""
    control = "POL-02"
    for agent_id, start, values, why in (
        (QUOTES, "2026-09-11T13:00:00Z", {"policy_enforced": "flagged"}, "denied, only flagged"),
        (BROKER, "2026-10-13T13:00:00Z", {"policy_enforced": "none"}, "denied, and nothing done"),
        ("AGT-0031", "2026-11-06T03:10:00Z", {"policy_enforced": "blocked"},
         "said to be blocked, and it ran"),
    ):  # fmt: skip
        run, act = story.act(agent_id, start, Shape(cents=44_000))
        act.values |= values | {"policy_result": "deny", "policy_rule_id": "margin.floor"}
        check = run.step("policy.check")
        check.values |= {
            "policy_result": "deny", "policy_enforced": values["policy_enforced"],
            "executed": False, "outcome": "denied",
        }  # fmt: skip
        story.exception(control, act, why)
    _, act = story.act(QUOTES, "2026-09-11T14:00:00Z", Shape(cents=44_000, blocked=True))
    story.near_miss(control, act, "denied and blocked: the control working")
    for start, result in (("2026-09-11T15:00:00Z", "warn"), ("2026-10-13T14:00:00Z", "modify")):
        _, act = story.act(QUOTES, start, Shape(cents=44_000))
        act.values["policy_result"] = result
        story.near_miss(control, act, f"`{result}` is not a denial")
    _, act = story.act(MATCHER, "2026-10-13T15:00:00Z", Shape(cents=44_000))
    story.near_miss(control, act, "`escalate`, and a person approved")
    _, call = story.call("AGT-0061", at("2026-10-14T02:00:00Z"), TOOLS["trailer.position.read"])
    call.values["policy_result"] = REDACTED
    story.near_miss(control, call, "the answer is masked", Outcome.UNDETERMINED)
