from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from muniment.demo.clock import AS_OF, PERIOD_START
from muniment.demo.files import write_sources
from muniment.demo.generate import MIN_EVENTS, Demo, generate_demo
from muniment.demo.runs import GATEWAY, OTLP, Event
from muniment.errors import UsageError
from muniment.model.outcomes import Outcome
from muniment.model.records import RECORD_TABLE_BY_NAME
from tests.builders.demo_oracle import Sources

SMALL = 6_000
CONTROLS = ("IDN-01", "OWN-01", "ACC-03", "OVR-03", "AUD-01", "AUD-02", "DEV-04")


@pytest.fixture(scope="module")
def demo() -> Demo:
    return generate_demo(events=SMALL)


@pytest.fixture(scope="module")
def folder(demo: Demo, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sources")
    write_sources(demo, path)
    return path


@pytest.fixture(scope="module")
def sources(folder: Path) -> Sources:
    return Sources(folder, PERIOD_START, AS_OF)


@pytest.fixture(scope="module")
def by_seed(
    demo: Demo, sources: Sources, tmp_path_factory: pytest.TempPathFactory
) -> dict[int, tuple[Demo, Sources]]:
    other = generate_demo(seed=7, events=MIN_EVENTS)
    path = tmp_path_factory.mktemp("other")
    write_sources(other, path)
    return {20261120: (demo, sources), 7: (other, Sources(path, PERIOD_START, AS_OF))}


def expected(demo: Demo, control_id: str, outcome: Outcome = Outcome.EXCEPTION) -> set[str]:
    items = [e.item for e in demo.expected if (e.control_id, e.outcome) == (control_id, outcome)]
    keys = [str(i.values["span_id"]) if isinstance(i, Event) else i for i in items]
    assert len(keys) == len(set(keys))
    return set(keys)


def digests(folder: Path) -> dict[str, str]:
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in folder.iterdir()}


def test_demo_events_match_the_number_asked_for(demo: Demo) -> None:
    count = sum(len(log) for log in demo.events.values())
    assert SMALL <= count <= SMALL * 1.02
    assert all(len(log) > SMALL / 10 for log in demo.events.values())


def test_demo_with_too_few_events_is_refused_with_the_minimum() -> None:
    with pytest.raises(UsageError, match=str(MIN_EVENTS)):
        generate_demo(events=MIN_EVENTS - 1)


def test_demo_company_has_the_size_of_its_story(demo: Demo) -> None:
    people = {row["person_id"]: str(row["kind"]) for row in demo.people}
    assert len({row["agent_id"] for row in demo.agents}) == 16
    assert Counter(people.values()) == {"human": 20, "group": 1, "service": 1}
    assert len({row["owner_ref"] for row in demo.budgets}) == 12


def test_same_seed_gives_the_same_files_byte_for_byte(folder: Path, tmp_path: Path) -> None:
    write_sources(generate_demo(events=SMALL), tmp_path)
    assert digests(tmp_path) == digests(folder)


def test_another_seed_gives_other_logs_with_the_same_truth_by_control(
    by_seed: dict[int, tuple[Demo, Sources]],
) -> None:
    (demo, sources), (other, others) = by_seed.values()
    assert not {e["span_id"] for e in sources.events} & {e["span_id"] for e in others.events}
    for control in CONTROLS:
        assert len(expected(other, control)) == len(expected(demo, control))


@pytest.mark.parametrize("control", CONTROLS)
def test_each_control_has_exceptions_and_three_near_misses(demo: Demo, control: str) -> None:
    near = [e for e in demo.expected if e.control_id == control and e.outcome != "exception"]
    assert len(expected(demo, control)) >= 2
    assert len(near) >= 3


def test_truth_items_exist_in_the_files(demo: Demo, folder: Path) -> None:
    text = "".join(path.read_text(encoding="utf-8") for path in folder.iterdir())
    for expectation in demo.expected:
        item = expectation.item
        key = str(item.values["span_id"]) if isinstance(item, Event) else item
        assert f'"{key}"' in text or f",{key}," in text, expectation.why


@pytest.mark.parametrize(
    ("control", "finds"),
    [
        ("IDN-01", Sources.unregistered),
        ("OWN-01", Sources.without_owner),
        ("ACC-03", Sources.outside_permissions),
        ("OVR-03", Sources.not_approved_before),
        ("AUD-01", Sources.lacking_a_group),
        ("AUD-02", Sources.not_reconstructable),
        ("DEV-04", Sources.over_budget),
    ],
)
@pytest.mark.parametrize("seed", [20261120, 7])
def test_plain_reading_of_the_files_finds_the_seeded_exceptions_and_no_other(
    control: str,
    finds: Callable[[Sources], set[str]],
    seed: int,
    by_seed: dict[int, tuple[Demo, Sources]],
) -> None:
    demo, sources = by_seed[seed]
    assert finds(sources) == expected(demo, control)


def test_source_numbers_have_no_gap(demo: Demo) -> None:
    for source, log in demo.events.items():
        numbers = [event.values.get("source_seq") for event in log]
        if source == OTLP:
            assert set(numbers) == {None}
        else:
            first = int(str(numbers[0]))
            assert numbers == list(range(first, first + len(log)))


def test_every_source_speaks_on_every_day(sources: Sources, demo: Demo) -> None:
    for source, log in demo.events.items():
        days = {event.time // (86_400 * 10**9) for event in log}
        assert len(days) >= 95, source


def test_span_ids_are_unique_over_all_logs(sources: Sources) -> None:
    spans = Counter(event["span_id"] for event in sources.events)
    assert spans.most_common(1)[0][1] == 1


def test_registers_use_the_columns_of_their_record_tables(demo: Demo) -> None:
    for table, rows in (
        ("agent", demo.agents),
        ("permission_set", demo.permissions),
        ("person", demo.people),
        ("approval", demo.approvals),
        ("budget", demo.budgets),
    ):
        names = RECORD_TABLE_BY_NAME[table].own_names | {"valid_from"}
        assert all(set(row) <= names for row in rows), table


def test_approved_content_is_the_content_that_ran_except_where_seeded(
    sources: Sources, demo: Demo
) -> None:
    differing = {
        event["span_id"]
        for event in sources.events
        if event["action_type"] == "write"
        and event.get("approval_id") in sources.approvals
        and sources.approvals[event["approval_id"]]["context_sha256"] != event["input_sha256"]
    }
    assert len(differing) == 2
    assert differing < expected(demo, "OVR-03")


def test_gateway_lines_are_json_objects_in_time_order(folder: Path, demo: Demo) -> None:
    lines = (folder / "gateway.jsonl").read_text(encoding="utf-8").splitlines()
    moments = [event.time for event in demo.events[GATEWAY]]
    assert len(lines) == len(moments)
    assert moments == sorted(moments)
    assert all(isinstance(json.loads(line), dict) for line in lines)
