"""Each page, drawn by Streamlit's own test runner from a built Dossier."""

from __future__ import annotations

import re
from typing import Any

import pytest
import streamlit as st
from markupsafe import escape
from streamlit.testing.v1 import AppTest

from dashboard import components, data
from muniment.errors import StoreError
from muniment.evidence.provenance import Provenance
from tests.builders import screens
from tests.builders.dossier import ASSESSMENT_ID

EXCEPTION = {"control": "OVR-03", "test": "main", "item": f"{1:032x}"}
PAGES: tuple[tuple[str, dict[str, str]], ...] = (
    ("overview", {}),
    ("controls", {}),
    ("control", {"id": "OVR-03"}),
    ("framework", {"framework": "eu_ai_act"}),
    ("clause", {"framework": "eu_ai_act", "id": "14(4)"}),
    ("requirements", {"framework": "eu_ai_act"}),
    ("findings", {}),
    ("oversight", {}),
    ("maturity", {}),
    ("item", EXCEPTION),
    ("run", {"trace": screens.TRACE}),
)


def _script(page: str) -> None:
    import importlib

    from dashboard import data
    from dashboard.shell import frame

    chosen = frame(*data.assessments())
    if chosen is not None:
        importlib.import_module(f"dashboard.views.{page}").show(chosen)


def draw(page: str, query: dict[str, str] | None = None) -> str:
    """The HTML of a page."""
    app = AppTest.from_function(_script, kwargs={"page": page}, default_timeout=60)
    for key, value in (query or {}).items():
        app.query_params[key] = value
    app.run()
    assert not app.exception
    return "\n".join(element.proto.body for element in app.get("html"))


@pytest.fixture
def screen(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    st.cache_data.clear()
    st.cache_resource.clear()
    screens.fake(monkeypatch.setattr, getattr(request, "param", "demo"))


@pytest.mark.usefixtures("screen")
@pytest.mark.parametrize(("page", "query"), PAGES)
def test_page_names_assessment_clock_and_unsigned_header(page: str, query: dict[str, str]) -> None:
    html = draw(page, query)
    assert "Assessed <b>2026-11-20 18:04 UTC</b>" in html
    assert "Sealed to <b>2026-11-20 17:55 UTC</b>, 20,412 entries" in html
    assert "unsigned" in html
    assert "37 entries not sealed" in html
    assert "compliant" not in html.lower()


@pytest.mark.usefixtures("screen")
def test_overview_gives_interval_with_every_denominator() -> None:
    html = draw("overview")
    assert "1 of 2 tested controls shows exceptions" in html
    assert "1 of 3 controls is not concluded" in html
    assert "Not concluded 1 control and 2 items" in html
    assert "<b>1 to 2 of 3</b> clauses that apply today are evidenced." in html
    assert "1 evidenced, of which 1 attested" in html
    for name in (
        "applicable",
        "tested",
        "evidenced",
        "partly",
        "exceptions",
        "not tested",
    ):
        assert f"<span>{name}</span>" in html
    assert "14 of 3,862" in html
    assert "2027-12-02" in html, "the next legal date"
    assert f"/control?assessment={ASSESSMENT_ID}&amp;id=OVR-03" in html


@pytest.mark.usefixtures("screen")
def test_controls_list_keeps_filter_and_order_of_the_address() -> None:
    assert all(name in draw("controls") for name in ("OVR-03", "OWN-01", "GOV-01"))
    failed = draw("controls", {"state": "fail", "sort": "exceptions"})
    listed = failed.split("Every control")[1]
    assert "OVR-03" in listed
    assert "OWN-01" not in listed
    assert "sort=exceptions" in failed, "other filters keep the order"
    assert "GOV-01" in draw("controls", {"state": "open"}).split("Every control")[1]
    assert "No control answers this filter." in draw("controls", {"state": "'; drop"})


@pytest.mark.usefixtures("screen")
def test_control_page_shows_population_exceptions_test_and_clauses() -> None:
    html = draw("control", {"id": "OVR-03"})
    assert "<b>14 of 3,862</b>" in html
    assert "<b>2 of 3,862</b>" in html
    assert "missing: approval_id" in html
    assert "select 1 -- main" in html
    assert "clock_tolerance_seconds" in html
    assert "That the approver understood the request." in html
    assert "intersects" in html
    assert "From 2027-12-02 (▲ gap)" in html
    assert "under the operator&#39;s control" in html
    address = f"/item?assessment={ASSESSMENT_ID}&amp;control=OVR-03&amp;test=main&amp;item={1:032x}"
    assert address in html
    assert "Concluded without exceptions in 0 of 1 weeks" in html


@pytest.mark.usefixtures("screen")
def test_item_page_shows_recomputed_leaf_and_leads_to_its_run() -> None:
    html = draw("item", EXCEPTION)
    assert "c4" * 32 in html
    assert "segment 2, leaf 3,117 of 10,000" in html
    assert "✓</i> Equal" in html
    assert "○</i> Unsigned" in html
    assert f"/run?trace={screens.TRACE}" in html
    assert "input_sanitised" in html
    assert "amount" not in html, "a column that was not carried is not shown"


@pytest.mark.usefixtures("screen")
def test_item_whose_bytes_changed_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_store: Any, ref: str) -> Provenance:
        return screens.proof(ref, matches=False)

    monkeypatch.setattr(data, "provenance", broken)
    html = draw("item", EXCEPTION)
    assert "✘</i> Different" in html
    assert "do not hash to the sealed leaf" in html
    assert "✓</i> Equal" not in html


@pytest.mark.usefixtures("screen")
def test_run_page_marks_steps_without_parent_and_links_exceptions() -> None:
    html = draw("run", {"trace": screens.TRACE})
    assert html.count("parent not in the log") == 2, "the missing parent, and the ring once"
    assert "7 steps by 5 agents" in html
    assert html.count("test=main") == 7, "each of the seven steps is an exception of OVR-03"


@pytest.mark.usefixtures("screen")
@pytest.mark.parametrize(
    ("page", "query"),
    [
        ("control", {"id": "XXX-99"}),
        ("control", {}),
        ("item", {**EXCEPTION, "item": "<b>"}),
        ("run", {"trace": "nowhere"}),
        ("requirements", {"framework": "../../etc"}),
        ("overview", {"assessment": "A-none"}),
    ],
)
def test_unknown_name_is_a_page_that_says_so(page: str, query: dict[str, str]) -> None:
    html = draw(page, query)
    assert "Unknown " in html
    assert "<b>" not in html.replace("<b>0", "")


@pytest.mark.usefixtures("screen")
@pytest.mark.parametrize("screen", ["empty"], indirect=True)
def test_store_without_assessment_says_what_to_do() -> None:
    html = draw("overview")
    assert "No assessment yet" in html
    assert "muniment assess" in html


@pytest.mark.usefixtures("screen")
@pytest.mark.parametrize("screen", ["hostile"], indirect=True)
@pytest.mark.parametrize(("page", "query"), PAGES)
def test_hostile_names_stay_text(page: str, query: dict[str, str]) -> None:
    html = draw(page, query)
    tags = set(re.findall(r"</?([a-zA-Z][\w-]*)", html))
    assert tags <= {
        "section", "div", "span", "p", "b", "i", "em", "h1", "h2", "a", "code", "pre", "table",
        "thead", "tbody", "tr", "th", "td", "dl", "dt", "dd", "details", "summary", "nav", "ol",
        "ul", "li",
    }  # fmt: skip
    assert not re.search(r"<[^>]*\son\w+=", html)
    targets = re.findall(r'href="([^"]*)"', html)
    assert targets
    assert all(target.startswith("/") and not target.startswith("//") for target in targets)
    assert "\u202e" not in html
    assert "\x00" not in html
    if page != "controls":
        assert str(escape("<img src=x")) in html, "shown, not dropped"
    assert "A" * 700 not in html, "a long value is cut"


@pytest.mark.usefixtures("screen")
def test_whole_application_draws_sidebar_and_overview() -> None:
    app = AppTest.from_file("../dashboard/streamlit_app.py", default_timeout=60).run()
    assert not app.exception
    side = "\n".join(element.proto.body for element in app.sidebar.get("html"))
    assert "Northwind Freight" in side
    assert "2026-08-23 to 2026-11-20" in side
    assert "Europe/Berlin" in side
    assert "Known at" in side, "it differs from as-of"
    assert len(app.sidebar.get("page_link")) == 10


@pytest.mark.usefixtures("screen")
@pytest.mark.parametrize(
    ("error", "said"),
    [(StoreError("folder `x` is busy. Wait."), "folder `x` is busy. Wait."),
     (RuntimeError("secret detail"), "This page could not be drawn")],
)  # fmt: skip
def test_error_is_a_page_without_its_trace(
    monkeypatch: pytest.MonkeyPatch, error: Exception, said: str
) -> None:
    def fails(*_: object) -> None:
        raise error

    monkeypatch.setattr(data, "open_store", fails)
    app = AppTest.from_file("../dashboard/streamlit_app.py", default_timeout=60).run()
    assert not app.exception
    shown = "\n".join(element.proto.body for element in app.get("html"))
    assert said in shown
    assert "secret detail" not in shown


def test_text_shows_hidden_characters_by_number_and_states_length() -> None:
    assert components.text("a\u202eb\x07c\u200bd") == "a⟨U+202E⟩b⟨U+0007⟩c⟨U+200B⟩d"
    assert components.text("\ud800") == "⟨U+D800⟩"
    assert components.text("x" * 10_000, 5) == "xxxxx… (10,000 characters)"
    assert components.text("بيانات") == "بيانات"


def test_link_to_elsewhere_is_text() -> None:
    for target in ("javascript:alert(1)", "//x.example", "/\\x.example", "https://x.example", ""):
        assert components.link(target, "go") == "go"
    assert components.link("/run?trace=a", "<go>") == '<a href="/run?trace=a">&lt;go&gt;</a>'


@pytest.mark.usefixtures("screen")
def test_maturity_names_stage_and_what_is_missing_for_the_next() -> None:
    html = draw("maturity")
    assert "Stage 2 Defined holds for the organisation." in html
    assert "1 criterion is missing for stage 3 Managed." in html
    assert 'aria-label="stage 2 of 4, Defined"' in html
    assert "1 of 3 criteria met." in html


@pytest.mark.usefixtures("screen")
def test_first_assessment_says_that_nothing_can_be_compared() -> None:
    assert "This is the first assessment, so nothing can be compared." in draw("overview")


@pytest.mark.usefixtures("screen")
def test_framework_grid_leads_from_each_square_to_its_clause() -> None:
    html = draw("framework", {"framework": "eu_ai_act"})
    squares = re.findall(r'<a class="m-square[^>]*href="([^"]*)" title="([^"]*)"', html)
    assert len(squares) == 4
    assert "id=14%284%29" in squares[1][0]
    assert all(": " in words for _, words in squares)


@pytest.mark.usefixtures("screen")
def test_clause_names_controls_with_relation_result_and_rationale() -> None:
    html = draw("clause", {"framework": "eu_ai_act", "id": "14(4)"})
    assert "intersects, direct" in html
    assert "14 of 3,862" in html
    assert "An action needs approval first." in html
    assert "Unknown clause" in draw("clause", {"framework": "eu_ai_act", "id": "no such"})


@pytest.mark.usefixtures("screen")
def test_clause_sets_shared_controls_beside_it_and_says_they_satisfy_nothing() -> None:
    html = draw("clause", {"framework": "eu_ai_act", "id": "14(4)"})
    assert re.search(r"NIST AI RMF.*?shared control.*?OVR-03", html, re.DOTALL)
    assert "A mapped clause is not a satisfied clause." in html


@pytest.mark.usefixtures("screen")
def test_controls_are_laid_out_by_domain_and_by_month() -> None:
    html = draw("controls")
    squares = re.findall(r'<a class="m-square[^>]*title="([^"]*)"', html)
    assert [words.split(":")[0] for words in squares] == [
        "GOV-01 The policy is in force",
        "OVR-03 Approval came before execution",
        "OWN-01 Every active agent has an owner",
    ]
    assert "Exceptions lie in 1 of 3 domains" in html
    assert "14 of 3,862" in html.split("Did it work over the whole period?")[1]


@pytest.mark.usefixtures("screen")
def test_findings_page_says_who_mends_what_until_when_and_what_nobody_judged() -> None:
    html = draw("findings")
    assert "1 finding is open, 1 overdue." in html
    assert "Ada Holm" in html
    assert "<i>▲</i> 2026-11-10" in html, "the day is marked as past"
    assert "closed 2026-11-12" in html
    assert "A finding names every exception." in html
    assert "1 exception is tolerated, 1 risk accepted; 1 expired, 2 shown." in html
    assert "no end recorded" in html


@pytest.mark.usefixtures("screen")
def test_overview_names_who_mends_an_exception_and_since_when_it_is_late() -> None:
    html = draw("overview")
    assert "Ada Holm" in html
    assert "2026-11-10" in html
    assert "/findings?assessment=" in html


@pytest.mark.usefixtures("screen")
def test_oversight_page_says_which_agent_waits_for_whom_and_how_long() -> None:
    html = draw("oversight")
    assert "1 agent waits for a person, 1 of 1 question longer than allowed." in html
    queue = html.split("Which agents wait for whom?")[1].split("What do the controls say?")[0]
    assert "Ada Holm" in queue
    assert "1 h 01 min" in queue
    assert "1 h 00 min" in queue
    assert "Of 1 question the source does not say when asked or whether answered." in queue
    answers = html.split("Who decides?")[1]
    assert "1 of 1" in answers
    assert "40 s" in answers
