"""Addresses of items, controls and runs on the dashboard, and what a reference names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal
from urllib.parse import quote, urlsplit

from muniment.errors import UsageError
from muniment.model.records import RECORD_TABLE_BY_NAME


@dataclass(frozen=True, slots=True)
class EvidenceRef:
    """What an evidence reference names: an entry of the log, or a row of a record table."""

    kind: Literal["event", "record"]
    table: str | None
    key: str


def parse_evidence_ref(text: str) -> EvidenceRef:
    """The parts of `event/<event_id>` or `record/<table>/<row_id>`; raises UsageError otherwise."""
    kind, _, rest = text.partition("/")
    if kind == "event" and rest and "/" not in rest:
        return EvidenceRef("event", None, rest)
    table, _, key = rest.partition("/")
    if kind == "record" and table in RECORD_TABLE_BY_NAME and key and "/" not in key:
        return EvidenceRef("record", table, key)
    raise UsageError(
        f"`{text[:120]}` is no evidence reference. "
        "Write `event/<event_id>` or `record/<table>/<row_id>`."
    )


def checked_base_url(base_url: str) -> str:
    """The dashboard's address without its last slash; empty gives relative links.

    Raises UsageError for anything but http and https, since the address ends in links that people
    click.
    """
    if not base_url:
        return ""
    parts = urlsplit(base_url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
        raise UsageError(
            f"`{base_url[:120]}` is no address of a dashboard. "
            "Write it as https://host or http://host:port."
        )
    return base_url.rstrip("/")


def item_link(
    base_url: str, assessment_id: str, control_id: str, test_id: str, item_id: str
) -> str:
    """Address of the page that follows one tested item down to its sealed leaf."""
    return _address(
        base_url,
        "item",
        {"assessment": assessment_id, "control": control_id, "test": test_id, "item": item_id},
    )


def control_link(base_url: str, assessment_id: str, control_id: str) -> str:
    """Address of a control's page."""
    return _address(base_url, "control", {"assessment": assessment_id, "id": control_id})


def run_link(base_url: str, trace_id: str) -> str:
    """Address of the page that shows one run, step by step."""
    return _address(base_url, "run", {"trace": trace_id})


def _address(base_url: str, page: str, query: dict[str, str]) -> str:
    # All but unreserved characters are escaped: an id may hold a quote, a slash or an ampersand.
    words = "&".join(f"{name}={quote(value, safe='')}" for name, value in query.items())
    return f"{checked_base_url(base_url)}/{page}?{words}"
