"""Every exception that a pack names leads to its page, from there to its sealed leaf and control.

Nothing is typed: the links are those of the PDF and of the attached rows.
"""

from __future__ import annotations

import random
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from muniment.evidence.provenance import provenance
from muniment.store.open import open_store
from tests.builders.demo_pack import BASE_URL, DemoPack

RANDOM_ROWS = 100


@pytest.fixture(scope="module")
def pack(demo_pack: DemoPack) -> DemoPack:
    return demo_pack


@pytest.fixture(scope="module")
def page(pack: DemoPack, chromium: Any) -> Iterator[Any]:
    """A browser's page behind the gate of the dashboard that the pack's links name."""
    program = "import sys; from muniment.cli.main import main; main(sys.argv[1:])"
    command = [sys.executable, "-c", program, "dashboard"]
    port = str(urlsplit(BASE_URL).port)
    process = subprocess.Popen(
        [*command, "--store", str(pack.store), "--port", port], stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        address = next(word for word in process.stdout.readline().split() if "token=" in word)
        opened = chromium.new_page()
        opened.goto(address)
        opened.wait_for_selector("h1", timeout=60_000)
        yield opened
    finally:
        process.terminate()
        process.wait(20)


def follow(page: Any, link: str) -> None:
    """From a link to the item's page, its proof, and by a click to its control."""
    asked = {key: values[0] for key, values in parse_qs(urlsplit(link).query).items()}
    page.goto(link)
    page.wait_for_selector(f"h1:has-text('Item {asked['item'][:40]}')", timeout=30_000)
    text = page.locator(".stMain").inner_text()
    assert "the bytes as they are now hash to the sealed leaf" in text, link
    assert "signed; key not confirmed" in text
    page.locator(f"a[href^='/control?']:has-text('{asked['control']}')").first.click()
    page.wait_for_selector(f"h1:has-text('{asked['control']}')", timeout=30_000)


def chosen_rows(pack: DemoPack) -> list[str]:
    links = [row["link"] for row in pack.rows()]  # exceptions, open items and the samples
    return random.Random(20261120).sample(links, RANDOM_ROWS)


def test_pack_prints_a_link_for_each_control_with_exceptions(pack: DemoPack) -> None:
    controls = {parse_qs(urlsplit(link).query)["control"][0] for link in pack.printed_links()}
    failing = {row["control_id"] for row in pack.rows() if row["outcome"] == "exception"}
    assert controls >= failing
    assert failing >= pack.failing


def test_exported_links_carry_no_token(pack: DemoPack) -> None:
    assert not [row for row in pack.rows() if "token" in row["link"]]
    assert not [link for link in pack.printed_links() if "token" in link]


def test_every_named_exception_matches_its_sealed_leaf(pack: DemoPack) -> None:
    kinds = set()
    with open_store(pack.store) as store:
        for row in pack.rows():
            if row["outcome"] != "exception":
                continue
            found = provenance(store, row["evidence_ref"])
            assert found.sealed, row["item_id"]
            assert found.matches, row["item_id"]
            kinds.add(found.kind)
    assert kinds == {"event", "record"}


@pytest.mark.browser
def test_printed_links_of_each_control_lead_to_the_leaf_and_back(pack: DemoPack, page: Any) -> None:
    first: dict[str, str] = {}
    for link in pack.printed_links():
        first.setdefault(parse_qs(urlsplit(link).query)["control"][0], link)
    assert len(first) >= 7
    for link in first.values():
        follow(page, link)


@pytest.mark.browser
@pytest.mark.soak
def test_all_printed_and_a_hundred_random_links_lead_to_the_leaf_and_back(
    pack: DemoPack, page: Any
) -> None:
    links = [*pack.printed_links(), *chosen_rows(pack)]
    started = time.monotonic()
    for link in links:
        follow(page, link)
    print(f"{len(links)} links followed in {time.monotonic() - started:.0f} s")
