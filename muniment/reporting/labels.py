"""Labels: the fixed words of reports in the reader's language, from reports/shared/labels/.

English is what templates are written in. A label is a heading or table head of a template that
holds nothing but words, a title of report.yaml, or a word that the code gives (a state). A file
`<language>.yaml` maps each to its translation; what it lacks is printed in English.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from jinja2.ext import Extension

from muniment.errors import ReportError

# A heading, table head or list head with words alone between its tags.
_LABEL = re.compile(r"(<(h1|h2|h3|th|b)\b[^<>]*>)([^<>{}]*[^\W\d_][^<>{}]*)(</\2>)")


def labels_for(folder: Path, language: str) -> dict[str, str]:
    """English to the language's words. folder: what reports share. Empty for English.

    Raises ReportError for a language that has no file.
    """
    code = language.partition("-")[0].lower()
    if code == "en":
        return {}
    path = folder / "labels" / f"{code}.yaml"
    if not re.fullmatch("[a-z]{2}", code) or not path.is_file():
        known = ", ".join(["en", *sorted(each.stem for each in path.parent.glob("*.yaml"))])
        raise ReportError(f"there are no labels in `{language[:20]}`. Languages: {known}.")
    return dict(_read(path, path.stat().st_mtime_ns))


@cache
def _read(path: Path, _changed: int) -> dict[str, str]:
    found = yaml.safe_load(path.read_text("utf-8"))
    if not isinstance(found, dict) or not all(isinstance(v, str) for v in found.values()):
        raise ReportError(f"labels `{path}`: not a list of `English: translation`. Correct it.")
    return {str(key): value for key, value in found.items()}


def labels_of(source: str) -> list[str]:
    """The labels that a template's source holds, in order."""
    return [found[3].strip() for found in _LABEL.finditer(source)]


class Labels(Extension):
    """Puts the words of the environment's `labels` into a template before it is compiled."""

    def preprocess(
        self,
        source: str,
        name: str | None,  # noqa: ARG002 - Jinja's interface
        filename: str | None = None,  # noqa: ARG002
    ) -> str:
        """The template's source with its labels translated."""
        held: dict[str, str] = getattr(self.environment, "labels", {})
        if not held:
            return source

        def put(found: re.Match[str]) -> str:
            word = found[3].strip()
            return f"{found[1]}{_escaped(held.get(word, word))}{found[4]}"

        return _LABEL.sub(put, source)


def _escaped(text: str) -> str:
    """A label as a template's text: no tag and no template code can be in it."""
    return re.sub(r"[<>{}&]", "", text)


def translator(labels: dict[str, str]) -> Any:
    """A filter that gives a word of the code or of report.yaml in the language."""

    def label(value: object) -> str:
        return labels.get(str(value), str(value))

    return label
