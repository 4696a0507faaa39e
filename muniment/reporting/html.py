"""Templates to HTML: sandboxed, escaped, strict; data is text wherever it lands."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from jinja2 import FileSystemLoader, StrictUndefined, TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import Markup, escape

from muniment.errors import ReportError
from muniment.reporting import printable as text
from muniment.reporting import row_filters as rows
from muniment.reporting.labels import Labels, labels_for, translator
from muniment.reporting.papers import sample_bases
from muniment.reporting.report_folder import ReportFolder
from muniment.reporting.scope import person_name


def render_html(folder: ReportFolder, content: dict[str, Any], language: str = "en") -> str:
    """The report's HTML, its labels in the language.

    Raises ReportError naming template and line when a template is wrong.
    """
    environment = _environment(folder.search_path, language)
    try:
        return _without_dead_links(environment.get_template(folder.spec.template).render(content))
    except TemplateError as error:
        where = f"{getattr(error, 'name', '') or ''}:{getattr(error, 'lineno', '') or ''}".strip(
            ":"
        )
        raise ReportError(
            f"report `{folder.spec.id}`: template `{where or folder.spec.template}`: {error}. "
            "Correct the template."
        ) from error


# It compiles a template once, and again when its file has changed.
@lru_cache(maxsize=8)
def _environment(search_path: tuple[Path, ...], language: str) -> ImmutableSandboxedEnvironment:
    environment = ImmutableSandboxedEnvironment(
        loader=FileSystemLoader([str(path) for path in search_path]),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_as_text,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=[Labels],
    )
    labels = labels_for(search_path[-1], language)
    environment.extend(labels=labels)
    environment.filters.update(
        number=text.number, counted=text.counted, moment=text.moment, short=text.short_digest,
        code=code, digest=digest, item_id=item_id, brief=text.brief, url=address,
        sample_bases=sample_bases, counts=rows.counts, minutes=rows.minutes, median=rows.median,
        words=rows.words,
        label=translator(labels), person=person,
    )  # fmt: skip
    environment.globals.update(share=text.share, rate=text.rate)
    return environment


def _without_dead_links(html: str) -> str:
    """Links to a place that this report does not print become plain text.

    Sections are shared by reports of which each prints only some. Quotes in data are escaped, so
    these are the templates' own attributes.
    """
    places = set(re.findall(r' id="([^"]*)"', html))
    return re.sub(r' href="#([^"]*)"', lambda found: found[0] if found[1] in places else "", html)


def _as_text(value: Any) -> Any:
    """Every value that a template prints passes here, unless it is markup of our own making."""
    if isinstance(value, Markup):
        return value
    return text.printable(str(value))


def person(ref: object, people: Mapping[str, Mapping[str, Any]]) -> str:
    """A person's name, or the reference, for a template."""
    return person_name(people, ref)


def code(value: str, limit: int = 6_000) -> Markup:
    """A block of SQL with its lines kept; past `limit` characters it is cut and says so."""
    return Markup("<code>{}</code>").format(text.printable(value, limit, keep_lines=True))


def digest(value: str) -> Markup:
    """A whole digest in the face for digests, in groups of eight, so that two can be compared."""
    groups = [value[start : start + 8] for start in range(0, len(value), 8)]
    return Markup('<span class="id">{}</span>').format(escape(text.printable(" ".join(groups))))


def address(link: str) -> Markup:
    """A link of our own making, for an href: whole however long it is; anything else is refused."""
    if not link.startswith(("https://", "http://")):
        raise ReportError(f"`{link[:80]}` is no link that a report may carry. Use item_link().")
    return escape(link)


def item_id(value: str) -> Markup:
    """An item's id for a narrow column; a shortened event id stays on one line."""
    short = text.short_item_id(value)
    # No box of its own where none is needed: a list has thousands.
    if 13 < len(short) < 20:
        return Markup('<span class="nowrap">{}</span>').format(short)
    return escape(short)
