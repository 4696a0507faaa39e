"""The dashboard in a real browser: it fits, fetches nothing, and hostile content stays text."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.builders import screens
from tests.builders.dossier import ASSESSMENT_ID

ROOT = Path(__file__).resolve().parent.parent
PAGES = (
    "/",
    "/controls?state=open",
    f"/control?assessment={ASSESSMENT_ID}&id=OVR-03",
    "/requirements?framework=nist_ai_rmf",
    "/maturity",
    "/framework",
    "/clause?framework=eu_ai_act&id=14(4)",
    f"/item?assessment={ASSESSMENT_ID}&control=OVR-03&test=main&item={1:032x}",
    f"/run?trace={screens.TRACE}",
)

BACKGROUNDS = {"light": "rgb(252, 251, 248)", "dark": "rgb(20, 24, 29)"}

pytestmark = pytest.mark.browser


class Dashboard:
    """A dashboard in a process of its own, opened with its token when a page is first asked for."""

    def __init__(self, mode: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.builders.screens", mode],
            cwd=ROOT, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert self._process.stdout is not None
        self._address = self._process.stdout.readline().strip()
        self._cookies: list[Any] = []
        self.base = self._address.split("?")[0].rstrip("/")
        self.landed = ""  # the address that the first page had after the token was used

    def page(self, chromium: Any, scheme: str) -> tuple[Any, list[str]]:
        """A page with a session, and what the browser complains about from now on."""
        view = {"width": 1440, "height": 900}
        context = chromium.new_context(viewport=view, color_scheme=scheme)
        context.add_cookies(self._cookies)
        page, wrong = context.new_page(), []
        page.on("console", lambda m: _note(wrong, m.text))
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("dialog", lambda dialog: (wrong.append(dialog.message), dialog.dismiss()))
        page.on("request", lambda r: r.url.startswith((self.base, "data:", "ws")) or
                wrong.append(r.url))  # fmt: skip
        if not self._cookies:
            page.goto(self._address)
            page.wait_for_selector(".m-top", timeout=60_000)
            self.landed, self._cookies = page.url, context.cookies()
        return page, wrong

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(20)


@pytest.fixture(scope="module")
def dashboards() -> Iterator[dict[str, Dashboard]]:
    """The dashboards that run, by mode."""
    running: dict[str, Dashboard] = {}
    yield running
    for each in running.values():
        each.stop()


Opened = Callable[..., tuple[Any, Dashboard, list[str]]]


@pytest.fixture
def opened(chromium: Any, dashboards: dict[str, Dashboard]) -> Iterator[Opened]:
    """Opens a page behind the gate: the page, its dashboard, what the browser complained about."""
    pages: list[Any] = []

    def open_(mode: str, scheme: str = "light") -> tuple[Any, Dashboard, list[str]]:
        if mode not in dashboards:
            dashboards[mode] = Dashboard(mode)
        page, wrong = dashboards[mode].page(chromium, scheme)
        pages.append(page)
        return page, dashboards[mode], wrong

    yield open_
    for page in pages:
        page.context.close()


def _note(wrong: list[str], message: str) -> None:
    if "Content Security Policy" in message or "Refused" in message:
        wrong.append(message)


def arrive(page: Any, address: str) -> None:
    page.goto(address)
    page.wait_for_selector(".stMain .stHtml .m-top", timeout=60_000)


def test_overview_fits_the_first_screen_and_pages_do_not_scroll_sideways(opened: Opened) -> None:
    from playwright.sync_api import expect

    page, served, wrong = opened("demo")
    for path in PAGES:
        arrive(page, served.base + path)
        for scheme, background in BACKGROUNDS.items():
            page.emulate_media(color_scheme=scheme)
            expect(page.locator(".stApp")).to_have_css("background-color", background)
            main = page.locator(".stMain")
            wide, high = (main.evaluate(f"e => e.scroll{side}") for side in ("Width", "Height"))
            assert wide <= main.evaluate("e => e.clientWidth"), (path, scheme)
            if path == "/":
                assert high <= 900
    assert wrong == []


def test_token_leaves_the_address_and_navigation_keeps_the_assessment(opened: Opened) -> None:
    page, served, wrong = opened("demo")
    assert served.landed
    assert "token" not in served.landed
    arrive(page, f"{served.base}/?assessment={ASSESSMENT_ID}")
    page.get_by_role("link", name="Controls", exact=True).first.click()
    page.wait_for_url(f"**/controls?assessment={ASSESSMENT_ID}")
    page.get_by_role("link", name="OVR-03", exact=True).first.click()
    page.wait_for_selector("h1:has-text('OVR-03 Approval came before execution')")
    page.locator("a[href^='/item']").first.click()
    page.wait_for_selector("text=Is this record the one that was sealed?")
    page.get_by_role("link", name="All steps of the run").click()
    page.wait_for_selector("h1:has-text('Run 7f3a9c02d1e1')")
    assert wrong == []


def test_hostile_content_runs_nothing_and_fetches_nothing(opened: Opened) -> None:
    page, served, wrong = opened("hostile")
    for path in PAGES:
        arrive(page, served.base + path)
        assert page.title() == "Muniment"
        assert page.locator(".stHtml img, .stHtml script, .katex").count() == 0
        assert page.locator("a[href^='javascript']").count() == 0
        main = page.locator(".stMain")
        assert main.evaluate("e => e.scrollWidth <= e.clientWidth"), path
    assert wrong == []


def test_keyboard_reaches_links_and_focus_shows(opened: Opened) -> None:
    page, served, _ = opened("demo")
    arrive(page, f"{served.base}/controls")
    for _ in range(40):
        page.keyboard.press("Tab")
        text = page.evaluate("document.activeElement.textContent")
        if text == "OVR-03":
            break
    assert text == "OVR-03"
    outline = "getComputedStyle(document.activeElement).outlineStyle"
    assert page.evaluate(outline) == "solid"
