"""Links and references: whatever an id holds, the address stays one address."""

from urllib.parse import parse_qs, urlsplit

import pytest

from muniment.errors import UsageError
from muniment.evidence.links import (
    EvidenceRef,
    checked_base_url,
    control_link,
    item_link,
    parse_evidence_ref,
    run_link,
)

HOSTILE = "a/b?c=d&e='\"<script> {{7*7}}\u202e#%00 é"


def test_item_link_of_hostile_id_reads_back_unchanged() -> None:
    link = item_link("https://audit.example", "A-1", "OVR-03", "main", HOSTILE)
    parts = urlsplit(link)
    assert (parts.scheme, parts.netloc, parts.path) == ("https", "audit.example", "/item")
    assert parse_qs(parts.query) == {
        "assessment": ["A-1"],
        "control": ["OVR-03"],
        "test": ["main"],
        "item": [HOSTILE],
    }
    assert link.isascii()
    assert not set(link) & set("'\"<> {}")


def test_links_without_base_are_relative() -> None:
    assert item_link("", "A-1", "C", "t", "i") == "/item?assessment=A-1&control=C&test=t&item=i"
    assert control_link("", "A-1", "OVR-03") == "/control?assessment=A-1&id=OVR-03"
    assert run_link("", "4f1c") == "/run?trace=4f1c"


def test_link_under_a_path_keeps_the_path() -> None:
    assert run_link("https://host/muniment/", "t") == "https://host/muniment/run?trace=t"


@pytest.mark.parametrize(
    "base",
    ["javascript:alert(1)", "file:///etc", "host:8501", "https://", "//host", "https://h/?q=1"],
)
def test_base_that_is_no_dashboard_address_is_refused(base: str) -> None:
    with pytest.raises(UsageError, match="no address of a dashboard"):
        checked_base_url(base)


def test_reference_of_event_and_record_are_told_apart() -> None:
    assert parse_evidence_ref("event/abc") == EvidenceRef("event", None, "abc")
    assert parse_evidence_ref("record/agent/r1") == EvidenceRef("record", "agent", "r1")


@pytest.mark.parametrize(
    "text", ["", "event/", "event/a/b", "record/agent", "record/agent/", "record/secrets/r", "abc"]
)
def test_text_that_is_no_reference_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="no evidence reference"):
        parse_evidence_ref(text)
