"""The functions and views that SELECTs share."""

from __future__ import annotations

import pytest

from muniment.catalog.controls_select import VIEWS as NAMES
from muniment.evaluation.sandbox import Sandbox
from muniment.evaluation.shared_sql import FUNCTIONS, VIEWS


def test_views_are_those_that_the_catalog_knows() -> None:
    assert set(NAMES) == set(VIEWS)


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("gap(1, 'x', ['x'], [])", None),
        ("gap(null, 'x', ['x'], ['y'])", "x: not carried"),
        ("gap(null, 'x', ['x'], ['x'])", "x: redacted"),
        ("gap(null, 'x', null, null)", None),
        ("unknown(null, 'x', null, null)", "x: not carried"),
        ("unknown(null, 'x', ['x'], ['x'])", "x: redacted"),
        ("unknown(0, 'x', ['x'], ['x'])", None),
        ("event_gap(null, 'x', null, null)", "x: not carried"),
        ("event_gap(null, 'x', ['x'], [])", None),
        ("event_gap(null, 'x', ['x'], ['x'])", "x: redacted"),
        ("event_gap(1, 'x', null, null)", None),
        ("verdict('bad', ['x'])", "exception"),
        ("verdict(null, ['x'])", "undetermined"),
        ("verdict(null, gaps([null]))", "pass"),
        ("finding(null, ['x: redacted', 'y'], 'fine')", "cannot be judged: x: redacted, y"),
        ("finding(null, [], 'fine')", "fine"),
        ("shorten('1234567890' || '1234567890' || '1234567890' || '1234567890' || '1234567890'"
         " || '1234567890')", "1234567890" * 6),
        ("shorten(null)", "nothing"),
        ("cast(local_time(make_timestamp_ns(1795993199999999999), 'Europe/Berlin') as date)",
         "2026-11-29"),
        ("longer_than(400, make_timestamp_ns(0), make_timestamp_ns(34560000000000000))", "False"),
        ("longer_than(400, make_timestamp_ns(0), make_timestamp_ns(34560000000000001))", "True"),
        ("longer_than(400, cast(null as timestamp_ns), make_timestamp_ns(0))", None),
        ("days_between(make_timestamp_ns(0), make_timestamp_ns(86400000000000))", "1.0"),
    ],
)  # fmt: skip
def test_shared_function_gives_what_it_says(sql: str, expected: str | None) -> None:
    with Sandbox({}, FUNCTIONS) as opened:
        found = opened.rows(f"select {sql}")[0][0]
    assert (None if found is None else str(found)) == expected
