"""Vector figures drawn as SVG text: readable in black and white, the same bytes every time.

Open parts carry diagonal lines and exceptions vertical ones, so that neither needs its colour. The
`title` of each figure says in words what it shows; screen readers get it as the alternative text.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

from muniment.reporting.printable import number, printable
from muniment.reporting.words import COLOURS, INK, MUTED, Mark

WIDTH = 642.5  # 170 mm, the measure of the page, in CSS pixels
FONT = "font-family=\"'Source Sans 3'\""
_BAR_LEFT, _BAR_WIDTH, _BAR_HEIGHT, _ROW = 172.0, 305.0, 16.0, 42.0
_BOX, _STEP, _LINE = 14.5, 16.5, 18.5


@dataclass(frozen=True, slots=True)
class IntervalRow:
    """One framework's bar: counts of clauses, and the words at its right end.

    attested: of the proved, how many rest, wholly or in part, on a person's word.
    """

    name: str
    proved: int
    open: int
    exceptions: int
    applicable: int
    tested: int
    later: bool = False
    attested: int = 0

    @property
    def proved_words(self) -> str:
        """`7 evidenced, of which 2 attested`."""
        words = f"{number(self.proved)} {'ready' if self.later else 'evidenced'}"
        return f"{words}, of which {number(self.attested)} attested" if self.attested else words


@dataclass(frozen=True, slots=True)
class Domain:
    """One domain's controls, in order of their numbers."""

    code: str
    title: str
    marks: tuple[Mark, ...]


def interval_figure(rows: Sequence[IntervalRow]) -> Markup:
    """One bar for each framework: proved, open and exceptions of the clauses that apply."""
    title = "; ".join(
        f"{row.name}: {row.proved_words}, {row.open} open, "
        f"{row.exceptions} {'gaps' if row.later else 'with exceptions'}, of {row.applicable}"
        for row in rows
    )
    parts = [
        _text(0, 11, "framework", fill=MUTED),
        _text(_BAR_LEFT, 11, "interval [evidenced, evidenced + open] of applicable", fill=MUTED),
        _text(WIDTH, 11, "tested · evidenced", fill=MUTED, anchor="end"),
    ]
    for position, row in enumerate(rows):
        parts.extend(_interval_row(row, 22 + position * _ROW))
    return _svg(parts, 22 + len(rows) * _ROW, title)


def _interval_row(row: IntervalRow, top: float) -> list[str]:
    base = top + 12.5
    parts = [_text(0, base, row.name, bold=True)]
    if not row.applicable:
        return [*parts, _text(_BAR_LEFT, base, "– nothing applies", fill=MUTED)]
    unit = _BAR_WIDTH / row.applicable
    ends = (_BAR_LEFT + row.proved * unit, _BAR_LEFT + (row.proved + row.open) * unit)
    colour, tint = COLOURS["later" if row.later else "evidence"]
    by_test = (row.proved - row.attested) * unit
    parts += [
        _rect(_BAR_LEFT, top, by_test, _BAR_HEIGHT, colour),
        _rect(_BAR_LEFT + by_test, top, row.attested * unit, _BAR_HEIGHT, tint),
        _diagonals(ends[0], top, ends[1] - ends[0], _BAR_HEIGHT),
        _verticals(ends[1], top, _BAR_LEFT + _BAR_WIDTH - ends[1], row.later),
        f'<path d="M{ends[0]:.2f} {top:.2f}v{_BAR_HEIGHT}M{ends[1]:.2f} {top:.2f}v{_BAR_HEIGHT}" '
        f'stroke="{INK}" stroke-width="0.6"/>',
        f'<rect x="{_BAR_LEFT}" y="{top:.2f}" width="{_BAR_WIDTH}" height="{_BAR_HEIGHT}" '
        f'fill="none" stroke="{INK}" stroke-width="1"/>',
    ]
    parts += _interval_labels(row, ends, top + _BAR_HEIGHT + 12)
    upper = f"{number(row.proved)} to {number(row.proved + row.open)} of {number(row.applicable)}"
    parts.append(_text(_BAR_LEFT + _BAR_WIDTH + 8, base, upper, bold=True))
    ending = "→ later" if row.later else f"{number(row.tested)} · {number(row.proved)}"
    fill = COLOURS["later"][0] if row.later else INK
    parts.append(_text(WIDTH, base, ending, anchor="end", fill=fill))
    return parts


def _interval_labels(row: IntervalRow, ends: tuple[float, float], base: float) -> list[str]:
    """Words below the bar; kept apart where a part is too narrow for its own words."""
    first = f"{'✓' if row.proved else '–'} {row.proved_words}"
    second, third = (
        f"○ {number(row.open)} open",
        f"▲ {number(row.exceptions)} " + ("gaps" if row.later else "exceptions"),
    )
    middle = max(ends[0], _BAR_LEFT + len(first) * 5.6 + 8)
    room = _BAR_LEFT + _BAR_WIDTH - len(third) * 5.6 - len(second) * 5.6 - 8
    parts = [_text(_BAR_LEFT, base, first, size=10.7)]
    if row.open:
        parts.append(_text(min(middle, room), base, second, size=10.7))
    if row.exceptions:
        parts.append(_text(_BAR_LEFT + _BAR_WIDTH, base, third, anchor="end", size=10.7))
    return parts


def control_grid(domains: Sequence[Domain]) -> Markup:
    """One square for each control, by domain, in two columns; the sign says how it stands."""
    half = (len(domains) + 1) // 2
    title = "; ".join(
        f"{domain.title}: {', '.join(mark.word for mark in domain.marks)}" for domain in domains
    )
    parts: list[str] = []
    for position, domain in enumerate(domains):
        left = 0.0 if position < half else WIDTH / 2 + 4
        top = (position % half if position >= half else position) * _LINE
        parts.append(_text(left, top + 11.5, domain.code, bold=True))
        parts.append(_text(left + 30, top + 11.5, domain.title[:17]))
        for place, mark in enumerate(domain.marks[:11]):
            parts.append(_mark_box(mark, left + 126 + place * _STEP, top))
        if len(domain.marks) > 11:
            parts.append(_text(left + 126 + 11 * _STEP, top + 11.5, f"+{len(domain.marks) - 11}"))
    return _svg(parts, half * _LINE, title)


def _mark_box(mark: Mark, left: float, top: float) -> str:
    strong, tint = COLOURS[mark.colour]
    fill = {"filled": strong, "tint": tint}.get(mark.box, "none")
    ink = "#FFFFFF" if mark.box == "filled" else strong
    box = (
        ""
        if mark.box == "none"
        else f'<rect x="{left + 0.5:.2f}" y="{top + 0.5:.2f}" width="{_BOX - 1}" '
        f'height="{_BOX - 1}" fill="{fill}" stroke="{strong}" stroke-width="1"/>'
    )
    return box + _text(left + _BOX / 2, top + 10.9, mark.sign, anchor="middle", fill=ink, size=10)


def _svg(parts: list[str], height: float, title: str) -> Markup:
    return Markup(  # noqa: S704 - every text in it passed _text() or escape()
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height:.2f}" '
        f'viewBox="0 0 {WIDTH} {height:.2f}"><title>{escape(printable(title, 4000))}</title>'
        + "".join(parts)
        + "</svg>"
    )


def _text(
    left: float, base: float, words: str, *, bold: bool = False, anchor: str = "start",
    fill: str = INK, size: float = 11.1,
) -> str:  # fmt: skip
    weight = ' font-weight="600"' if bold else ""
    return (
        f'<text x="{left:.2f}" y="{base:.2f}" font-size="{size}" fill="{fill}" '
        f'text-anchor="{anchor}" {FONT}{weight}>{escape(printable(words, 60))}</text>'
    )


def _rect(left: float, top: float, width: float, height: float, fill: str) -> str:
    return (
        f'<rect x="{left:.2f}" y="{top:.2f}" width="{width:.2f}" height="{height:.2f}" '
        f'fill="{fill}"/>'
    )


def _diagonals(left: float, top: float, width: float, height: float) -> str:
    """Lines from lower left to upper right, cut at the box."""
    path = []
    offset = 5.0
    while offset < width + height:
        start, end = max(0.0, offset - height), min(offset, width)
        if end - start > 0.2:
            low, high = top + offset - start, top + offset - end
            path.append(f"M{left + start:.2f} {low:.2f}L{left + end:.2f} {high:.2f}")
        offset += 5.0
    lines = "".join(path)
    return f'<path d="{lines}" stroke="{MUTED}" stroke-width="0.8" fill="none"/>' if path else ""


def _verticals(left: float, top: float, width: float, later: bool) -> str:
    colour = COLOURS["later" if later else "exception"][0]
    count = int(width / 3.2)
    path = "".join(f"M{left + 1.8 + n * 3.2:.2f} {top:.2f}v{_BAR_HEIGHT}" for n in range(count))
    return f'<path d="{path}" stroke="{colour}" stroke-width="1.7" fill="none"/>' if path else ""
