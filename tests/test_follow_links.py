"""Every exception that a pack names leads to its page, from there to its sealed leaf and control.

Nothing is typed: the links are those of the PDF and of the attached rows.
"""

from __future__ import annotations

import random
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from muniment.catalog.controls import load_controls
from muniment.evidence.provenance import provenance
from muniment.model.outcomes import TestKind
from muniment.store.open import open_store
from tests.builders.demo_pack import DemoPack

RANDOM_ROWS = 100
PARTS = 4  # of the long proof, so that each ends within minutes
AT_ONCE = 4


@pytest.fixture(scope="module")
def pack(demo_pack: DemoPack) -> DemoPack:
    return demo_pack


@pytest.fixture(scope="module")
def pages(pack: DemoPack, chromium: Any) -> Iterator[list[Any]]:
    """Pages of one browser behind the gate of the dashboard that the pack's links name."""
    program = "import sys; from muniment.cli.main import main; main(sys.argv[1:])"
    command = [sys.executable, "-c", program, "dashboard"]
    port = str(urlsplit(pack.base_url).port)
    process = subprocess.Popen(
        [*command, "--store", str(pack.store), "--port", port], stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        address = next(word for word in process.stdout.readline().split() if "token=" in word)
        context = chromium.new_context()
        opened = [context.new_page() for _ in range(AT_ONCE)]
        opened[0].goto(address)
        opened[0].wait_for_selector("h1", timeout=60_000)
        yield opened
    finally:
        process.terminate()
        process.wait(20)


def follow_all(pages: Sequence[Any], links: Sequence[str]) -> None:
    """Follow every link, several at once: while one page is drawn, others are asked for."""
    for start in range(0, len(links), len(pages)):
        pairs = list(zip(pages, links[start : start + len(pages)], strict=False))
        for page, link in pairs:
            page.goto(link, wait_until="commit")
        for page, link in pairs:
            check_item(page, link)
        for page, link in pairs:
            page.wait_for_selector(f"h1:has-text('{asked(link)['control']}')", timeout=60_000)


def asked(link: str) -> dict[str, str]:
    return {key: values[0] for key, values in parse_qs(urlsplit(link).query).items()}


def check_item(page: Any, link: str) -> None:
    """The item's page with its proof down to a signed head, and a click on to its control."""
    page.wait_for_selector(f"h1:has-text('Item {asked(link)['item'][:40]}')", timeout=60_000)
    text = page.locator(".stMain").inner_text()
    assert "the bytes as they are now hash to the sealed leaf" in text, link
    assert "signed; key not confirmed" in text
    control = page.locator(f"a[href^='/control?']:has-text('{asked(link)['control']}')").first
    control.click(no_wait_after=True)


def chosen_rows(pack: DemoPack) -> list[str]:
    links = [row["link"] for row in pack.rows()]  # exceptions, open items and the samples
    return random.Random(20261120).sample(links, RANDOM_ROWS)


def test_pack_prints_a_link_for_each_control_with_exceptions(pack: DemoPack) -> None:
    controls = {asked(link)["control"] for link in pack.printed_links()}
    failing = {row["control_id"] for row in pack.rows() if row["outcome"] == "exception"}
    assert controls >= failing
    assert failing >= pack.failing


def test_exported_links_carry_no_token(pack: DemoPack) -> None:
    assert not [row for row in pack.rows() if "token" in row["link"]]
    assert not [link for link in pack.printed_links() if "token" in link]


def kinds_followed_down(pack: DemoPack, rows: Iterable[dict[str, Any]]) -> set[str]:
    """Each row's evidence, followed to its leaf without a browser; of which kinds it was."""
    kinds = set()
    with open_store(pack.store) as store:
        for row in rows:
            found = provenance(store, row["evidence_ref"])
            assert found.sealed, row["item_id"]
            assert found.matches, row["item_id"]
            kinds.add(found.kind)
    return kinds


def test_an_exception_of_each_control_matches_its_sealed_leaf(pack: DemoPack) -> None:
    first = {row["control_id"]: row for row in pack.rows() if row["outcome"] == "exception"}
    assert first.keys() >= pack.failing
    assert kinds_followed_down(pack, first.values()) == {"event", "record"}


@pytest.mark.soak
def test_every_named_exception_matches_its_sealed_leaf(pack: DemoPack) -> None:
    rows = [row for row in pack.rows() if row["outcome"] == "exception"]
    assert kinds_followed_down(pack, rows) == {"event", "record"}
    print(f"{len(rows)} exceptions followed to their leaves")


def first_links(pack: DemoPack) -> dict[tuple[TestKind, str], str]:
    """The first printed link of each kind of test and of evidence."""
    held = {row["link"]: row["evidence_ref"].partition("/")[0] for row in pack.rows()}
    kinds = {(c.id, test.id): test.kind for c in load_controls().values() for test in c.tests}
    first: dict[tuple[TestKind, str], str] = {}
    for link in pack.printed_links():
        kind = kinds[asked(link)["control"], asked(link)["test"]]
        first.setdefault((kind, "event" if held[link] == "event" else "record"), link)
    return first


@pytest.mark.browser
def test_printed_links_of_each_kind_lead_to_the_leaf_and_back(
    pack: DemoPack, pages: list[Any]
) -> None:
    first = first_links(pack)
    assert {kind for kind, _ in first} >= {TestKind.EVENTS, TestKind.SEQUENCE, TestKind.REGISTRY}
    assert {evidence for _, evidence in first} == {"event", "record"}
    follow_all(pages, list(first.values()))


@pytest.mark.browser
@pytest.mark.soak
@pytest.mark.parametrize("part", range(PARTS))
def test_all_printed_and_a_hundred_random_links_lead_to_the_leaf_and_back(
    part: int, pack: DemoPack, pages: list[Any]
) -> None:
    links = [*pack.printed_links(), *chosen_rows(pack)][part::PARTS]
    started = time.monotonic()
    follow_all(pages, links)
    print(f"{len(links)} links followed in {time.monotonic() - started:.0f} s")
