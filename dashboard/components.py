"""HTML parts in which every value is text. All content is hostile: it never becomes markup.

`html()` is the one door: its template is a literal of ours, its values are cleaned and escaped.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from urllib.parse import urlencode

import streamlit as st
from markupsafe import Markup

from dashboard import wording
from dashboard.wording import Status

CELL_LIMIT = 160
_JOINERS = "\u200c\u200d"  # part of words in several scripts, and harmless
_HIDDEN_KINDS = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


def text(value: object, limit: int = CELL_LIMIT) -> str:
    """A value as one honest line: hidden and direction-changing characters shown by their number.

    limit: longer texts are cut, and say how long they are.
    """
    given = str(value)
    shown = "".join(_visible(character) for character in given[:limit])
    return shown if len(given) <= limit else f"{shown}… ({wording.number(len(given))} characters)"


def _visible(character: str) -> str:
    if character in "\n\r\t":
        return " "
    if character in _JOINERS or unicodedata.category(character) not in _HIDDEN_KINDS:
        return character
    return f"⟨U+{ord(character):04X}⟩"


def html(template: str, *values: object, **named: object) -> Markup:
    """The template with its values as text; a value made by `html()` itself is kept as it is."""
    return Markup(template).format(*map(_safe, values), **{k: _safe(v) for k, v in named.items()})  # noqa: S704


def _safe(value: object) -> Markup | str:
    return value if isinstance(value, Markup) else text(value)


def long_text(value: object, limit: int = 4_000) -> Markup:
    """A value that may run over lines: cut at `limit`, with its length stated."""
    return Markup("{}").format(text(value, limit))


def join(parts: Iterable[object], between: str = "") -> Markup:
    """The parts one after another."""
    return Markup(between).join(_safe(part) for part in parts)  # noqa: S704


def show(*parts: Markup) -> None:
    """Put the parts on the page."""
    st.html(join(parts))


def address(page: str, /, **query: str | int | None) -> str:
    """Address of a page in this dashboard; keys without value are left out."""
    kept = {key: str(value) for key, value in query.items() if value not in (None, "")}
    return f"/{page}{'?' if kept else ''}{urlencode(kept)}"


def link(href: str, label: object) -> Markup:
    """A link inside the dashboard; a target elsewhere is shown as text only."""
    if not href.startswith("/") or href.startswith(("//", "/\\")):
        return html("{}", label)
    return html('<a href="{}">{}</a>', Markup("{}").format(href), label)


def square(href: str, status: Status, kind: str, words: object) -> Markup:
    """A small linked mark of a grid: the sign in its state's colour, in words on hover."""
    return html(
        '<a class="m-square m-square-{} m-{}" href="{}" title="{}" aria-label="{}">{}</a>',
        kind, status.colour, Markup("{}").format(href), long_text(words, 400),
        long_text(words, 400), status.sign,
    )  # fmt: skip


def mark(status: Status, word: object | None = None) -> Markup:
    """Sign and word in the state's colour, without a box."""
    label = status.word if word is None else word
    return html('<span class="m-{}"><i>{}</i> {}</span>', status.colour, status.sign, label)


def badge(status: Status, word: object | None = None) -> Markup:
    """Sign and word in the state's tint, or with its outline."""
    label = status.word if word is None else word
    box = "m-outline" if status.mark in {"outline", "none"} else "m-tint"
    return html(
        '<span class="m-badge {} m-{}"><i>{}</i> {}</span>', box, status.colour, status.sign, label
    )


def short(value: object, limit: int = 48) -> Markup:
    """A name in a table's cell, cut early with its length."""
    return Markup("{}").format(text(value, limit))


def keep(value: object) -> Markup:
    """A value that stays on one line."""
    return html('<span class="m-keep">{}</span>', value)


def cut(value: object) -> Markup:
    """A value on one line, cut where its cell ends; the cell is the widest of its table."""
    return html('<span class="m-cut">{}</span>', value)


def code(value: object, limit: int = CELL_LIMIT) -> Markup:
    """An id, digest or piece of SQL."""
    return html("<code>{}</code>", long_text(value, limit))


def page_title(title: object, *beside: Markup, trail: Sequence[Markup] = ()) -> Markup:
    """The page's name, with what stands beside it, under the way that leads here."""
    way = html('<nav class="m-trail">{}</nav>', join(trail, " / ")) if trail else Markup("")
    return html('{}<div class="m-title"><h1>{}</h1>{}</div>', way, title, join(beside))


def lead(first: object, rest: object = "") -> Markup:
    """The sentence that says what to see; its first clause is bold."""
    return html(
        '<p class="m-lead"><b>{}</b>{}</p>', long_text_or_html(first), long_text_or_html(rest)
    )


def long_text_or_html(value: object) -> Markup:
    """A sentence: kept when made by `html()`, else as text of sentence length."""
    return value if isinstance(value, Markup) else long_text(value, 600)


def card(title: object, *body: Markup, says: object = "", source: object = "") -> Markup:
    """A box that answers one question: title, sentence, body, and the muted source line."""
    sentence = html("<p>{}</p>", long_text_or_html(says)) if says else Markup("")
    foot = html('<p class="m-source">{}</p>', long_text_or_html(source)) if source else Markup("")
    return html(
        '<section class="m-card"><h2>{}</h2>{}{}{}</section>', title, sentence, join(body), foot
    )


def grid(columns: str, *cells: Markup) -> Markup:
    """Cells side by side; columns: `thirds`, `wide-narrow`, `broad-narrow` or `one`."""
    return html('<div class="m-grid m-{}">{}</div>', columns, join(cells))


def stack(*cells: Markup) -> Markup:
    """Cells one below the other."""
    return html('<div class="m-stack">{}</div>', join(cells))


def table(
    heads: Sequence[object],
    rows: Sequence[Sequence[object]],
    *,
    numbers: Iterable[int] = (),
    wide: int | None = None,
    none: str = "None.",
) -> Markup:
    """A table, or the sentence `none`.

    numbers: columns that align right; wide: the column that takes what width is left.
    """
    if not rows:
        return html('<p class="m-none">{}</p>', none)
    right = set(numbers)

    def kind(index: int) -> str:
        return "m-num" if index in right else "m-wide" if index == wide else ""

    head = join(html('<th scope="col" class="{}">{}</th>', kind(i), h) for i, h in enumerate(heads))
    body = join(
        html(
            "<tr>{}</tr>",
            join(html('<td class="{}">{}</td>', kind(i), c) for i, c in enumerate(row)),
        )
        for row in rows
    )
    return html(
        '<div class="m-scroll"><table><thead><tr>{}</tr></thead><tbody>{}</tbody></table></div>',
        head,
        body,
    )


def facts(pairs: Iterable[tuple[object, object]]) -> Markup:
    """Label and value, line by line."""
    return html(
        '<dl class="m-facts">{}</dl>', join(html("<dt>{}</dt><dd>{}</dd>", k, v) for k, v in pairs)
    )


def lines(items: Iterable[object]) -> Markup:
    """Short statements, one below the other with a rule between them."""
    return html('<ul class="m-lines">{}</ul>', join(html("<li>{}</li>", item) for item in items))


def figures_strip(cells: Iterable[tuple[object, object, object]]) -> Markup:
    """Key figures in one line: label above, number, what it counts below."""
    return html(
        '<div class="m-strip">{}</div>',
        join(html("<div><span>{}</span><b>{}</b><span>{}</span></div>", *cell) for cell in cells),
    )


def details(title: object, body: Markup, *, opened: bool = False) -> Markup:
    """A part that opens on request."""
    if opened:
        return html("<details open><summary>{}</summary>{}</details>", title, body)
    return html("<details><summary>{}</summary>{}</details>", title, body)


def pre(value: object, limit: int = 20_000) -> Markup:
    """Text kept line by line, such as SQL or canonical bytes; cut at `limit` with its length."""
    given = str(value)
    lines = given[:limit].split("\n")
    shown = "\n".join(text(line, limit) for line in lines)
    cut = f"\n… ({wording.number(len(given))} characters)" if len(given) > limit else ""
    return Markup('<pre tabindex="0">{}</pre>').format(shown + cut)


def choices(label: str, options: Iterable[tuple[object, str, bool]]) -> Markup:
    """Filters as links, the chosen one marked: (words, address, chosen)."""
    shown = (
        html('<b aria-current="true">{}</b>', words) if chosen else link(href, words)
        for words, href, chosen in options
    )
    return html('<p class="m-choices"><span>{}</span>{}</p>', label, join(shown))


def notice(status: Status, title: object, *paragraphs: object) -> Markup:
    """A page that has nothing else to show: what is so, and what to do."""
    words = join(html("<p>{}</p>", long_text_or_html(p)) for p in paragraphs)
    return html('<section class="m-notice">{}<h1>{}</h1>{}</section>', mark(status), title, words)
