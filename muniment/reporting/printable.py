"""Text from logs made fit for paper: nothing hidden, nothing that two machines would draw apart.

Names and inputs come from agents, so they are hostile until printed. Control characters, characters
that turn the reading direction, invisible ones, and ones that the bundled fonts cannot draw are
printed as their code point, `\\u{202E}`; the attached files hold the text itself.
"""

from __future__ import annotations

import unicodedata
from datetime import datetime
from functools import cache
from zoneinfo import ZoneInfo

from fontTools.ttLib import TTFont  # type: ignore[import-untyped]

from muniment.bundle import reports_root
from muniment.model import times

TEXT_LIMIT = 4_000
_HIDDEN = frozenset({"Cc", "Cf", "Co", "Cs", "Cn", "Zl", "Zp"})
_MARKS = frozenset({"Mn", "Me"})
MAX_MARKS = 2


@cache
def drawable() -> frozenset[int]:
    """Code points that both weights of the bundled text font draw; font stacks end with it."""
    fonts = reports_root() / "shared" / "fonts"
    regular, semibold = fonts / "SourceSans3-Regular.ttf", fonts / "SourceSans3-Semibold.ttf"
    with TTFont(regular, lazy=True) as first, TTFont(semibold, lazy=True) as second:
        return frozenset(first.getBestCmap()) & frozenset(second.getBestCmap())


def printable(text: str, limit: int | None = TEXT_LIMIT, *, keep_lines: bool = False) -> str:
    """The text as it may be printed; past `limit` characters it is cut and says how long it was.

    What is printed once may be printed again: no character of the result changes a second time.
    """
    cut = text if limit is None or len(text) <= limit else text[:limit]
    if cut is text and text.isascii() and text.isprintable():
        return text  # as most are: the bundled fonts draw all of printable ASCII
    known = drawable()
    printed: list[str] = []
    marks = 0
    for character in cut:
        if character in "\n\t\r":
            printed.append(character if keep_lines and character != "\r" else " ")
            continue
        category = unicodedata.category(character)
        marks = marks + 1 if category in _MARKS else 0
        shown = category not in _HIDDEN and ord(character) in known and marks <= MAX_MARKS
        printed.append(character if shown else f"\\u{{{ord(character):04X}}}")
    if len(cut) < len(text):
        printed.append(f" … (cut; {len(text):,} characters, whole in the attached file)")
    return "".join(printed)


def number(value: int) -> str:
    """1,234,567, with U+2212 for minus."""
    return f"{value:,}".replace("-", "\N{MINUS SIGN}")


def counted(value: int, one: str, many: str = "") -> str:
    """`1 item`, `3,862 items`; many: the plural where it is not `one` with an s."""
    return f"{number(value)} {one if value == 1 else many or one + 's'}"


def share(part: int, whole: int) -> str:
    """`14 of 3,862`; an empty whole has no share."""
    return f"{number(part)} of {number(whole)}" if whole else "–"


def rate(part: int, whole: int) -> str:
    """`0.36 %`; below a hundredth of a per cent it says so, since 0.00 would hide exceptions."""
    if not whole:
        return "–"
    value = 100 * part / whole
    return "< 0.01 %" if 0 < value < 0.01 else f"{value:.2f} %"


def moment(text: str | None, zone: str = "UTC", *, seconds: bool = True) -> str:
    """`2026-11-20 18:04:00 UTC` of a fixed time string, in the zone; nothing becomes a dash."""
    if not text:
        return "–"
    whole, _ = divmod(times.to_nanos(text), times.NANOS)
    local = datetime.fromtimestamp(whole, ZoneInfo(zone))
    written = local.replace(tzinfo=None).isoformat(" ", "seconds" if seconds else "minutes")
    return f"{written} {zone}"


def brief(text: str, limit: int = 300) -> str:
    """The text for a narrow place: cut at `limit` characters, which it says by its last sign."""
    return printable(text) if len(text) <= limit else printable(text[:limit]) + " …"


def short_item_id(text: str) -> str:
    """`995a2b58…c8296fad` of a 32-digit event id; ids that people gave are left whole."""
    is_event_id = len(text) == 32 and set(text) <= set("0123456789abcdef")
    return f"{text[:8]}…{text[-8:]}" if is_event_id else printable(text, 120)


def short_digest(digest: str) -> str:
    """`4f1c 88e0 … 9a02` of a digest; anything shorter is left as it is."""
    if len(digest) < 24:
        return digest
    return f"{digest[:4]} {digest[4:8]} … {digest[-4:]}"
