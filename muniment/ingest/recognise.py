"""Which source map fits a file: told by the fields of its first row, never by its name.

What is no data at all (a schema, a document, a script) is refused with the reason.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from muniment.catalog.not_sources import load_not_sources
from muniment.errors import InputError
from muniment.ingest.files import SourceFile, examine
from muniment.ingest.sketch import Sketch, sketch_of
from muniment.model.paths import MISSING, Row, parse_path
from muniment.model.sources import Recognise, SourceMap

_CLOSEST = 3


def recognise(path: Path, maps: Mapping[str, SourceMap]) -> SourceMap:
    """The map whose `recognise` rules the file satisfies; of several, the one with most `has`.

    Raises InputError, naming the closest maps, where none fits or two fit equally well, and with
    the reason where the file is no data.
    """
    return recognise_file(examine(Path(path)), maps)


def recognise_file(file: SourceFile, maps: Mapping[str, SourceMap]) -> SourceMap:
    """As `recognise`, of a file that was examined already."""
    sketch = sketch_of(file)
    for kind in load_not_sources():
        if sketch.document is not MISSING and kind.is_document(sketch.document):
            raise InputError(f"`{file.name}` is a {kind.title}, not data: {kind.says}.")
    ranked = sorted(_ranked(sketch, maps), key=lambda pair: (*pair[0], pair[1].id))
    fitting = [(score, source) for score, source in ranked if score[0] == -1.0]
    if not fitting:
        raise _unfitting(file, sketch, [source.id for score, source in ranked if score[0] < 0])
    best = [source for score, source in fitting if score == fitting[0][0]]
    if len(best) > 1:
        names = ", ".join(f"`{source.id}`" for source in best)
        raise InputError(f"`{file.name}` fits several source maps: {names}. Name one with `--map`.")
    return best[0]


def _unfitting(file: SourceFile, sketch: Sketch, close: list[str]) -> InputError:
    for kind in load_not_sources():
        if kind.is_text(sketch.start):
            return InputError(f"`{file.name}` is a {kind.title}, not data: {kind.says}.")
    near = f" Closest: {', '.join(f'`{name}`' for name in close[:_CLOSEST])}." if close else ""
    return InputError(
        f"`{file.name}` fits no source map.{near} Name one with `--map`, or let "
        "`muniment sources scaffold` begin one (docs/sources.md)."
    )


def _ranked(
    sketch: Sketch, maps: Mapping[str, SourceMap]
) -> Iterator[tuple[tuple[float, int], SourceMap]]:
    """Each map with the share of its rules that hold and how many paths it names, best lowest."""
    for source in maps.values():
        if source.recognise is not None:
            shown = sketch.as_read_by(source)
            share = 0.0 if shown is MISSING else _share(source.recognise, shown)
            yield (-share, -len(source.recognise.has)), source


def _share(rules: Recognise, shown: Any) -> float:
    row = Row(shown, None, shown)

    def present(path: str) -> bool:
        return parse_path(path).find(row) is not MISSING

    checks = [present(path) for path in rules.has]
    checks += [not present(path) for path in rules.lacks]
    if rules.any_of:
        checks.append(any(present(path) for path in rules.any_of))
    return sum(checks) / len(checks) if checks else 0.0
