"""The dashboard in a real browser: it fits, fetches nothing, and hostile content stays text."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.builders import screens
from tests.builders.dossier import ASSESSMENT_ID

playwright = pytest.importorskip("playwright.sync_api")
ROOT = Path(__file__).resolve().parent.parent
CHROMIUM = os.environ.get("MUNIMENT_CHROMIUM") or shutil.which("chromium")
SWITCHES = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
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

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM, reason="no Chromium: set MUNIMENT_CHROMIUM to its path"),
]


@contextmanager
def opened(mode: str, scheme: str = "light") -> Iterator[tuple[Any, str, list[str]]]:
    """A page behind the gate, the server's address, and what the browser complained about."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.builders.screens", mode],
        cwd=ROOT, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        with playwright.sync_playwright() as driver:
            browser = driver.chromium.launch(executable_path=CHROMIUM, args=SWITCHES)
            view = {"width": 1440, "height": 900}
            page = browser.new_context(viewport=view, color_scheme=scheme).new_page()
            wrong: list[str] = []
            base = address.split("?")[0].rstrip("/")
            page.on("console", lambda m: _note(wrong, m.text))
            page.on("pageerror", lambda error: wrong.append(str(error)))
            page.on("dialog", lambda dialog: (wrong.append(dialog.message), dialog.dismiss()))
            page.on("request", lambda r: r.url.startswith((base, "data:", "ws")) or
                    wrong.append(r.url))  # fmt: skip
            page.goto(address)
            yield page, base, wrong
            browser.close()
    finally:
        process.terminate()
        process.wait(20)


def _note(wrong: list[str], message: str) -> None:
    if "Content Security Policy" in message or "Refused" in message:
        wrong.append(message)


def arrive(page: Any, address: str) -> None:
    page.goto(address)
    page.wait_for_selector(".stMain .stHtml .m-top", timeout=60_000)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_overview_fits_the_first_screen_and_pages_do_not_scroll_sideways(scheme: str) -> None:
    with opened("demo", scheme) as (page, base, wrong):
        for path in PAGES:
            arrive(page, base + path)
            main = page.locator(".stMain")
            wide, high = (main.evaluate(f"e => e.scroll{side}") for side in ("Width", "Height"))
            assert wide <= main.evaluate("e => e.clientWidth"), path
            if path == "/":
                assert high <= 900
        light = page.evaluate("getComputedStyle(document.querySelector('.stApp')).backgroundColor")
        assert light == ("rgb(252, 251, 248)" if scheme == "light" else "rgb(20, 24, 29)")
        assert wrong == []


def test_token_leaves_the_address_and_navigation_keeps_the_assessment() -> None:
    with opened("demo") as (page, base, wrong):
        page.wait_for_selector(".m-top", timeout=60_000)
        assert "token" not in page.url
        arrive(page, f"{base}/?assessment={ASSESSMENT_ID}")
        page.get_by_role("link", name="Controls", exact=True).first.click()
        page.wait_for_url(f"**/controls?assessment={ASSESSMENT_ID}")
        page.get_by_role("link", name="OVR-03").click()
        page.wait_for_selector("h1:has-text('OVR-03 Approval came before execution')")
        page.locator("a[href^='/item']").first.click()
        page.wait_for_selector("text=Is this record the one that was sealed?")
        page.get_by_role("link", name="All steps of the run").click()
        page.wait_for_selector("h1:has-text('Run 7f3a9c02d1e1')")
        assert wrong == []


def test_hostile_content_runs_nothing_and_fetches_nothing() -> None:
    with opened("hostile") as (page, base, wrong):
        for path in PAGES:
            arrive(page, base + path)
            assert page.title() == "Muniment"
            assert page.locator(".stHtml img, .stHtml script, .katex").count() == 0
            assert page.locator("a[href^='javascript']").count() == 0
            main = page.locator(".stMain")
            assert main.evaluate("e => e.scrollWidth <= e.clientWidth"), path
        assert wrong == []


def test_keyboard_reaches_links_and_focus_shows() -> None:
    with opened("demo") as (page, base, _):
        arrive(page, f"{base}/controls")
        for _ in range(40):
            page.keyboard.press("Tab")
            text = page.evaluate("document.activeElement.textContent")
            if text == "OVR-03":
                break
        assert text == "OVR-03"
        outline = "getComputedStyle(document.activeElement).outlineStyle"
        assert page.evaluate(outline) == "solid"
