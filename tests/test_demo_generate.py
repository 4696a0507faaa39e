from __future__ import annotations

import csv
import hashlib
import re
from collections import Counter
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from muniment.bundle import bundle_root
from muniment.demo import MIN_EVENTS
from muniment.demo.agents import AGENTS
from muniment.demo.calendar import day_weights
from muniment.demo.clock import AS_OF, LOG_DAYS, PERIOD_START, at
from muniment.demo.content import story
from muniment.demo.files import write_sources
from muniment.demo.generate import Demo, generate_demo
from muniment.demo.logs import NUMBERED, SOURCES
from muniment.demo.papers import PAPERS
from muniment.demo.runs import GATEWAY, OTLP, POLICY_ENGINE, Event
from muniment.demo.seeds_trail import LOST
from muniment.errors import UsageError
from muniment.model.outcomes import Outcome
from scripts.demo_truth import BEGIN, DOCUMENT, END, told
from tests.builders.demo_oracle import Sources
from tests.builders.demo_oracle_rules import RULES

SMALL = MIN_EVENTS
# Every control that ships, by the names of its files.
SHIPPED = sorted(
    "-".join(path.stem.upper().split("_")[:2])
    for path in (bundle_root() / "mappings" / "controls").glob("*/*.yaml")
)
# What auditors find most often: the control whose seed it is, or the file that tells it where no
# control reads it yet, and words by which to know it.
OFTEN_FOUND = {
    "registry not reconciled to reality": ("IDN-01", "never registered"),
    "owner left the company": ("OWN-02", "the owner left 81 days ago"),
    "approval after execution": ("OVR-03", "after"),
    "approver is the requester": ("OVR-07", "asked for and approved by the same person"),
    "retention left at the platform's default": ("INT-03", "default"),
    "provider's logs without a right to them": ("SUP-02", "its logs cannot be asked for"),
    "model changed upstream without a word": ("SUP-01", "without a word"),
    "stop never tried": ("OVR-12", "nobody ever tried to stop it"),
    "awareness of an incident without a time": ("INC-01", "nobody wrote down when"),
    "risk assessment older than the last change": ("RSK-03", "older than the change"),
    "training for no role": ("TRN-01", "trained for no role"),
    "hundreds of approvals an hour": ("OVR-09", "hour"),
    "fewer lines than were sent": ("INT-04", "sent more lines than arrived"),
    "exclusions without justification": ("statement_of_applicability.csv", "A.10.4,no,\n"),
    "audit by whom it audits": ("internal_audit_2025.txt", "manager of the AI management system"),
    "time zones mixed": ("approval.csv", "+01:00"),
}


@pytest.fixture(scope="module")
def demo() -> Demo:
    return generate_demo(events=SMALL)


@pytest.fixture(scope="module")
def folder(demo: Demo, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sources")
    write_sources(demo.registers, demo.logs, path)
    return path


@pytest.fixture(scope="module")
def sources(folder: Path) -> Sources:
    return Sources(folder, PERIOD_START, AS_OF)


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> tuple[Demo, Sources]:
    found = generate_demo(seed=7, events=MIN_EVENTS)
    path = tmp_path_factory.mktemp("other")
    write_sources(found.registers, found.logs, path)
    return found, Sources(path, PERIOD_START, AS_OF)


def expected(demo: Demo, control_id: str, outcome: Outcome = Outcome.EXCEPTION) -> set[str]:
    items = [e.item for e in demo.expected if (e.control_id, e.outcome) == (control_id, outcome)]
    keys = [str(i.values["span_id"]) if isinstance(i, Event) else i for i in items]
    assert len(keys) == len(set(keys)), (control_id, Counter(keys).most_common(1))
    return set(keys)


def digests(folder: Path) -> dict[str, str]:
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in folder.iterdir()}


def test_demo_events_match_the_number_asked_for(demo: Demo) -> None:
    assert 0.97 * SMALL <= demo.events <= 1.06 * SMALL


def test_demo_with_too_few_events_is_refused_with_the_minimum() -> None:
    with pytest.raises(UsageError, match=str(MIN_EVENTS)):
        generate_demo(events=MIN_EVENTS - 1)


def test_demo_company_has_the_size_of_its_story(demo: Demo, folder: Path) -> None:
    rows = {name: _rows(folder, name) for name in ("agent", "person", "budget")}
    people = {row["person_id"]: row["kind"] for row in rows["person"]}
    status = {row["agent_id"]: row["lifecycle_status"] for row in rows["agent"]}
    assert len(status) == len(AGENTS) > 60
    assert set(status.values()) == {
        "active", "approved", "draft", "retired", "quarantined", "rejected"
    }  # fmt: skip
    assert Counter(people.values())["human"] > 120
    assert len({row["owner_ref"] for row in rows["budget"]}) == 16
    assert len({row["business_unit"] for row in rows["agent"]}) == 9


def test_same_seed_gives_the_same_files_byte_for_byte(folder: Path, tmp_path: Path) -> None:
    again = generate_demo(events=SMALL)
    write_sources(again.registers, again.logs, tmp_path)
    assert digests(tmp_path) == digests(folder)


def test_another_seed_gives_other_logs_with_the_same_truth_by_control(
    demo: Demo, sources: Sources, other: tuple[Demo, Sources]
) -> None:
    another, others = other
    assert not {e["span_id"] for e in sources.events} & {e["span_id"] for e in others.events}
    for control in {e.control_id for e in demo.expected}:
        assert len(expected(another, control)) == len(expected(demo, control)), control


def test_each_control_that_ships_or_is_to_come_has_a_failure_and_three_near_misses(
    demo: Demo,
) -> None:
    # An attestation fails by growing stale, which is no exception but undetermined.
    stale = {"GOV-01": [PAPERS[2].attestation_id], "GOV-04": [PAPERS[6].attestation_id]}
    lacking = {}
    unseeded: dict[str, str] = story("unseeded")
    assert set(unseeded) <= set(SHIPPED), "each is a control that ships"
    assert all(unseeded.values()), "each with its reason"
    for control in {*SHIPPED, *(one.control_id for one in demo.expected)} - set(unseeded):
        failures = [*expected(demo, control), *stale.get(control, [])]
        near = [e for e in demo.expected if e.control_id == control and e.outcome != "exception"]
        fine = len([one for one in near if one.item not in stale.get(control, [])])
        if not failures or fine < 3:
            lacking[control] = (len(failures), fine)
    assert lacking == {}


@pytest.mark.parametrize("pattern", OFTEN_FOUND)
def test_each_failure_that_auditors_often_find_is_seeded(
    pattern: str, demo: Demo, folder: Path
) -> None:
    place, words = OFTEN_FOUND[pattern]
    if "." in place:
        assert words in (folder / place).read_text(encoding="utf-8")
    else:
        assert any(
            one.control_id == place and one.outcome == "exception" and words in one.why
            for one in demo.expected
        )


def test_truth_items_exist_in_the_files(demo: Demo, folder: Path, sources: Sources) -> None:
    spans = {event["span_id"] for event in sources.events}
    text = "".join(path.read_text(encoding="utf-8") for path in folder.glob("*.csv"))
    known = text + "".join(
        f" {event.get('trace_id')} {event.get('agent_id')} {event.get('conversation_id')}"
        f" {event.get('context_refs')} {event.get('model')}"
        for event in sources.events
    )
    for expectation in demo.expected:
        item = expectation.item
        if isinstance(item, Event):
            assert item.values["span_id"] in spans, expectation.why
        elif not item.startswith(("unnamed", "ATT-")):
            assert re.split(r" / |: |/", item)[0] in known, item


@pytest.mark.parametrize("control", RULES)
@pytest.mark.parametrize("which", ["shipped seed", "another seed"])
def test_plain_reading_of_the_files_finds_the_seeded_exceptions_and_no_other(
    control: str,
    which: str,
    demo: Demo,
    sources: Sources,
    other: tuple[Demo, Sources],
) -> None:
    found, read = (demo, sources) if which == "shipped seed" else other
    assert RULES[control](read) == expected(found, control)


def test_plain_rules_cover_most_controls_that_are_seeded() -> None:
    assert len(RULES) >= 15
    assert set(RULES) <= set(SHIPPED)


def test_source_numbers_have_no_gap_but_the_seeded_one(demo: Demo) -> None:
    for sources, _ in NUMBERED.values():
        tables = [demo.logs[source] for source in sources]
        numbers = np.sort(np.concatenate([t.column("source_seq").to_numpy() for t in tables]))
        missing = int(numbers[-1] - numbers[0]) + 1 - len(numbers)
        assert (missing > 0) == (sources == (POLICY_ENGINE,))
    assert "source_seq" not in demo.logs[OTLP].column_names
    times = demo.logs[POLICY_ENGINE].column("event_time").to_numpy()
    assert not ((times >= LOST[0]) & (times < LOST[1])).any()


def test_every_log_speaks_each_day_but_over_the_seeded_weekend(demo: Demo) -> None:
    for source in (GATEWAY, "steps", POLICY_ENGINE, OTLP):
        times = demo.logs[source].column("event_time").to_numpy()
        inside = np.sort(times[times >= at("2026-08-22T18:00:00Z")])
        longest = np.diff(inside).max() / (3_600 * 10**9)
        assert (longest > 24) == (source == OTLP), (source, longest)


def test_logs_stand_in_the_order_of_logging_and_name_their_spans_once(demo: Demo) -> None:
    spans: Counter[str] = Counter()
    for source in SOURCES:
        spans.update(demo.logs[source].column("span_id").to_pylist())
    assert spans.most_common(1)[0][1] == 1
    times = demo.logs[GATEWAY].column("event_time").to_numpy()
    assert (np.diff(times) >= 0).all()


def test_approved_content_is_the_content_that_ran_except_where_seeded(
    sources: Sources, demo: Demo
) -> None:
    differing = {
        event["span_id"]
        for event in sources.events
        if event.get("decision_type")
        and event["action_type"] not in {"approve", "policy_check"}
        and event.get("approval_id") in sources.approvals
        and sources.approvals[event["approval_id"]]["context_sha256"] != event["input_sha256"]
    }
    assert len(differing) == 2
    assert differing < expected(demo, "OVR-03")


def test_work_follows_weekdays_and_the_season() -> None:
    sorter = next(plan for plan in AGENTS if plan.name == "Complaint Classifier")
    weights = dict(zip(LOG_DAYS, day_weights(sorter), strict=True))

    def mean(*days: date) -> float:
        return float(np.mean([weights[day] for day in days]))

    december = [date(2025, 12, day) for day in (9, 10, 11)]
    july = [date(2026, 7, day) for day in (7, 8, 9)]
    assert mean(*december) > 1.5 * mean(*july)
    assert mean(date(2026, 9, 12), date(2026, 9, 13)) < 0.1 * mean(date(2026, 9, 14))
    assert weights[date(2025, 12, 25)] < 0.1 * weights[date(2025, 12, 18)]


def test_document_lists_the_seeds(demo: Demo) -> None:
    text = DOCUMENT.read_text("utf-8")
    assert text.split(BEGIN)[1].split(END)[0] == told(demo.expected), "run scripts/demo_truth.py"


def _rows(folder: Path, table: str) -> list[dict[str, str]]:
    with (folder / f"{table}.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))
