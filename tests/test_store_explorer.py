"""A person's look into the log: windows, filters, pages and counts."""

from __future__ import annotations

from typing import Any

import pytest

from muniment.errors import UsageError
from muniment.sealing.log import AuditLog
from muniment.store.audit import AuditReader
from muniment.store.explorer import MOST_ROWS, Window, explore, tally, uses
from muniment.store.open import Store
from tests.builders.entries import entries, entry, table

LATER = "2026-12-01T00:00:00.000000000Z"
DAY = Window("2026-11-20T00:00:00.000000000Z", "2026-11-21T00:00:00.000000000Z", LATER)
HOSTILE = "x' or 1=1 --"


def _at(hour: int, **values: Any) -> dict[str, Any]:
    return {"event_time": f"2026-11-20T{hour:02d}:00:00.000000000Z", **values}


@pytest.fixture(params=[True, False], ids=["sealed", "unsealed"])
def reader(request: pytest.FixtureRequest, sqlite_store: Store) -> AuditReader:
    log = AuditLog(sqlite_store)
    log.append(
        table(
            entry(1, **_at(8, agent_id="a", target_name="pay", executed=True, outcome="success")),
            entry(2, **_at(9, agent_id="a", target_name="pay", executed=True, outcome="denied")),
            entry(3, **_at(10, agent_id="a", target_name="pay", executed=False)),
            entry(4, **_at(11, agent_id="b", target_name=HOSTILE, outcome="success")),
            entry(5, **_at(12, agent_id=None, target_name="Look%up")),
            entry("before", event_time="2026-11-19T23:59:59.999999999Z"),
            entry("at its end", event_time="2026-11-21T00:00:00.000000000Z"),
            entry("no time", event_time=None),
        )
    )
    if request.param:
        log.seal()
    return AuditReader(sqlite_store.layout)


def _agents(reader: AuditReader, **changes: Any) -> list[str | None]:
    window = Window(DAY.start, DAY.end, **{"known_at": LATER, **changes})
    return [row["agent_id"] for row in explore(reader, window, ["agent_id"], limit=50)[0]]


def test_window_takes_its_start_leaves_its_end_and_shows_the_latest_first(
    reader: AuditReader,
) -> None:
    assert _agents(reader) == [None, "b", "a", "a", "a"]


def test_nothing_that_was_learnt_later_is_shown(reader: AuditReader) -> None:
    assert _agents(reader, known_at="2026-11-19T00:00:00.000000000Z") == []


@pytest.mark.parametrize(
    ("where", "found"),
    [
        ((("agent_id", "a"),), ["a", "a", "a"]),
        ((("agent_id", ""),), [None]),
        ((("agent_id", "a"), ("outcome", "denied")), ["a"]),
        ((("target_name", HOSTILE),), ["b"]),
        ((("agent_id", HOSTILE),), []),
    ],
)
def test_filter_keeps_what_has_the_value(
    reader: AuditReader, where: tuple[tuple[str, str], ...], found: list[str | None]
) -> None:
    assert _agents(reader, where=where) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [("PAY", ["a", "a", "a"]), ("k%U", [None]), ("%", [None]), ("' or 1=1", ["b"]), ("zzz", [])],
)
def test_text_is_searched_as_it_stands(
    reader: AuditReader, text: str, found: list[str | None]
) -> None:
    assert _agents(reader, text=text) == found


def test_page_begins_where_the_one_before_ended(reader: AuditReader) -> None:
    first, total = explore(reader, DAY, ["agent_id"], limit=2)
    second, _ = explore(reader, DAY, ["agent_id"], limit=2, offset=2)
    third, _ = explore(reader, DAY, ["agent_id"], limit=2, offset=4)
    assert total == 5
    assert [row["agent_id"] for row in (*first, *second, *third)] == [None, "b", "a", "a", "a"]


def test_one_look_is_bounded_whatever_is_asked(sqlite_store: Store) -> None:
    AuditLog(sqlite_store).append(entries(*range(MOST_ROWS + 10)))
    found, total = explore(AuditReader(sqlite_store.layout), DAY, ["agent_id"], limit=10**6)
    assert (len(found), total) == (MOST_ROWS, MOST_ROWS + 10)


def test_tally_divides_by_value_and_counts_what_is_not_carried(reader: AuditReader) -> None:
    assert tally(reader, DAY, ["outcome"]) == [(("success",), 2), ((None,), 2), (("denied",), 1)]


def test_uses_leave_out_what_was_blocked_or_denied(reader: AuditReader) -> None:
    found = uses(reader, Window(DAY.start, DAY.end, LATER, where=(("agent_id", "a"),)))
    assert found == {"pay": (1, "2026-11-20T08:00:00Z")}


def test_column_that_is_no_filter_is_refused(reader: AuditReader) -> None:
    with pytest.raises(UsageError, match="`salt` is no filter of the log"):
        tally(reader, DAY, ["salt"])
    with pytest.raises(UsageError, match="no filter"):
        explore(reader, Window(DAY.start, DAY.end, LATER, (("1=1 or x", "y"),)), [], limit=1)
