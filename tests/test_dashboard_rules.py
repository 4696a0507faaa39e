"""Rules of the dashboard that its source must keep, and the pure parts beneath its pages."""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from dashboard import wording
from dashboard.figures import interval_bar, period_bars
from dashboard.listing import chosen_controls
from dashboard.parts import page_asked
from dashboard.tree import run_tree

FOLDER = Path(__file__).resolve().parent.parent / "dashboard"
FILES = sorted(FOLDER.rglob("*.py"))
QUESTION = ["store", "assessment_id", "as_of", "known_at", "scope"]
STREAMLIT_NAMES = {
    "Page", "button", "cache_data", "cache_resource", "container", "context", "fragment", "html",
    "navigation", "page_link",
    "query_params", "rerun",
    "selectbox", "session_state", "set_page_config", "sidebar", "text_input",
}  # fmt: skip


def calls(path: Path) -> Iterator[ast.Call]:
    tree = ast.parse(path.read_text())
    yield from (node for node in ast.walk(tree) if isinstance(node, ast.Call))


def name_of(call: ast.Call) -> str:
    return ast.unparse(call.func)


def test_every_cached_function_takes_the_whole_question() -> None:
    cached = []
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.FunctionDef):
                continue
            words = [ast.unparse(decorator) for decorator in node.decorator_list]
            if any("cache" in word for word in words):
                assert path.name == "data.py", f"{path.name} caches; only data.py may"
                assert [a.arg for a in node.args.args] == QUESTION, node.name
                hidden = [a.arg for a in node.args.kwonlyargs if a.arg.startswith("_")]
                assert not hidden, f"{node.name}: Streamlit does not hash {hidden}"
                cached.append(node.name)
    assert {"book", "control", "items", "item", "sources"} <= set(cached)


def test_markup_comes_only_from_literal_templates() -> None:
    for path in FILES:
        for call in calls(path):
            if name_of(call) in {"html", "ui.html"}:
                first = call.args[0]
                literal = isinstance(first, ast.Constant) or (
                    isinstance(first, ast.Name) and path.name == "shell.py"
                )
                assert literal, f"{path.name}:{call.lineno}: the template is not a literal"
            if name_of(call) == "Markup" and path.name != "components.py":
                assert ast.unparse(call.args[0]) == "''", f"{path.name}:{call.lineno}"


def test_streamlit_is_used_only_where_it_draws_no_markdown_of_data() -> None:
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "st":
                assert node.attr in STREAMLIT_NAMES, f"{path.name}:{node.lineno}: st.{node.attr}"
        for call in calls(path):
            assert "unsafe" not in ast.unparse(call).split("(")[0]
            assert all(not (k.arg or "").startswith("unsafe") for k in call.keywords)


def test_views_and_files_stay_short() -> None:
    for path in FILES:
        lines = len(path.read_text().splitlines())
        assert lines <= (80 if path.parent.name == "views" else 400), f"{path.name}: {lines}"


def test_status_words_are_those_of_the_vocabulary() -> None:
    shown = {**wording.CONTROL_STATES, **wording.REQUIREMENT_STATES, **wording.OUTCOMES}
    colours = {"evidence", "exception", "doubt", "open", "broken", "later", "human", "na"}
    for status in shown.values():
        assert status.sign
        assert status.word
        assert status.colour in colours
    signs = [status.sign for status in wording.CONTROL_STATES.values()]
    assert len(set(signs)) == len(signs), "told apart without colour"
    text = "".join(path.read_text() for path in FILES).lower()
    assert "compliant" not in text


def test_settings_are_closed_and_have_no_green() -> None:
    settings = tomllib.loads((FOLDER.parent / ".streamlit" / "config.toml").read_text())
    assert settings["browser"]["gatherUsageStats"] is False
    server = settings["server"]
    assert server["enableAgentApi"] is False
    assert server["fileWatcherType"] == "none"
    assert server["enableCORS"] is True
    assert server["enableXsrfProtection"] is True
    assert "trustedUserHeaders" not in server
    for theme in ("light", "dark"):
        held = settings["theme"][theme]
        assert held["greenColor"] == held["blueColor"], "success is evidence, not green"


def test_tree_holds_each_row_once_whatever_the_parents_say() -> None:
    parents = {"a": None, "b": "a", "c": "b", "d": "gone", "e": "f", "f": "e", "g": "g"}
    rows = [{"span_id": s, "parent_span_id": p, "event_time": s} for s, p in parents.items()]
    rows.append({"span_id": "b", "parent_span_id": "a", "event_time": "z"})
    rows.append({"span_id": None, "parent_span_id": None, "event_time": None})
    steps = run_tree(rows)
    assert sorted(id(step.row) for step in steps) == sorted(id(row) for row in rows)
    depth = {step.row["span_id"]: (step.depth, step.orphan) for step in steps}
    assert depth["c"] == (2, False)
    assert depth["d"] == (0, True)
    assert depth["e"] == (0, True)
    assert depth["f"] == (1, False)
    assert depth["g"] == (0, True)


def test_tree_of_a_long_chain_is_walked() -> None:
    rows = [{"span_id": f"{n}", "parent_span_id": f"{n - 1}", "event_time": f"{n:05d}"}
            for n in range(5_000)]  # fmt: skip
    assert run_tree(rows)[-1].depth == 4_999


@pytest.mark.parametrize(
    ("last", "bars", "unit"),
    [("2026-08-31", 31, "day"), ("2026-09-01", 5, "week"), ("2027-07-31", 14, "four weeks")],
)
def test_period_is_drawn_in_at_most_31_bars(last: str, bars: int, unit: str) -> None:
    figure, name, _, _ = period_bars({"2026-08-01": (5, 1, 0)}, "2026-08-01", last)
    assert (figure.count("m-plot"), name) == (bars, unit)


def test_period_bars_print_zero_and_leave_empty_spans_open() -> None:
    by_day = {"2026-08-01": (1000, 0, 0), "2026-08-02": (1, 1, 2)}
    figure, _, filled, clear = period_bars(by_day, "2026-08-01", "2026-08-03")
    assert (filled, clear) == (2, 1)
    assert "2026-08-02: 1 tested" in figure
    assert "height:1.0%" in figure, "a small population still shows"
    assert figure.count("<em>0</em>") == 2
    assert figure.count("<em>–</em>") == 2, "a day without population has no exceptions to count"


def test_interval_of_nothing_applicable_is_not_zero() -> None:
    score = dict.fromkeys(("applicable", "evidenced", "partly", "not_tested", "manual",
                           "exceptions"), 0)  # fmt: skip
    assert "Nothing applies" in interval_bar(score)


def test_numbers_carry_separators_signs_and_denominators() -> None:
    assert wording.number(-1_234_567) == "\u22121,234,567"
    assert wording.of(14, 3_862) == "14 of 3,862"
    assert wording.of(0, 0) == "–"
    assert wording.share(14, 3_862) == "0.36 %"
    assert wording.share(1, 1_000_000) == "< 0.01 %"
    assert wording.moment(None) == "–"


def test_period_is_told_in_the_zone_of_the_organisation() -> None:
    start, end = "2026-08-22T22:00:00.000000000Z", "2026-11-20T23:00:00.000000000Z"
    assert wording.period(start, end, "Europe/Berlin") == "2026-08-23 to 2026-11-20"


@pytest.mark.parametrize(
    ("asked", "page"),
    [("", 1), ("2", 2), ("0", 1), ("99", 3), ("-1", 1), ("²", 1), ("9" * 5_000, 1)],
)
def test_page_of_the_address_stays_inside(asked: str, page: int) -> None:
    assert page_asked(asked, 60) == page


def test_controls_with_most_exceptions_come_first_when_asked() -> None:
    rows = [{"id": n, "state": "fail", "severity": "high", "exceptions": x, "undetermined": 0,
             "pending": 0}
            for n, x in (("A", 1), ("B", 5))]  # fmt: skip
    query = {"state": "", "severity": "", "sort": "exceptions"}
    assert [row["id"] for row in chosen_controls(rows, query)] == ["B", "A"]


def test_failing_control_with_undetermined_items_counts_as_open() -> None:
    row = {"id": "A", "state": "fail", "severity": "high", "exceptions": 1, "undetermined": 1,
           "pending": 0}  # fmt: skip
    query = {"state": "open", "severity": "", "sort": ""}
    assert chosen_controls([row], query) == [row]
    assert chosen_controls([{**row, "undetermined": 0}], query) == []
    assert chosen_controls([{**row, "undetermined": 0, "pending": 1}], query) != []
