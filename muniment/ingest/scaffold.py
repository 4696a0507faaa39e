"""A first source map for an unknown file: commented, honest about its guesses, and it runs."""

from __future__ import annotations

import re
import tempfile
from collections import Counter
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from muniment.catalog.sources import EVENT, load_source_map, mappable_columns
from muniment.errors import UsageError
from muniment.ingest.files import examine
from muniment.ingest.pipeline import map_file
from muniment.ingest.rows import Unreadable
from muniment.ingest.scaffold_guess import Guess, guesses
from muniment.ingest.scaffold_samples import ROWS_TAKEN, Shape, shape_of
from muniment.ingest.scaffold_text import Draft


@dataclass(frozen=True, slots=True)
class Scaffold:
    """A map's text, its id, the reader it names, and the columns that it fills."""

    map_id: str
    reads: str
    columns: list[str]
    text: str


def scaffold(path: Path, *, record: str = EVENT, map_id: str | None = None) -> Scaffold:
    """A map for a file, tried on its first rows: a column by which any is refused is left out.

    record: what a row becomes. Raises InputError where the file is no data or no reader takes it.
    """
    if not mappable_columns(record):
        raise UsageError(f"record `{record}` is unknown. Use event, agent, approval or another.")
    file = examine(path)
    shape = shape_of(file)
    made = guesses(shape, record)
    if not any("path" in guess.spec for guess in made):
        made.insert(0, _anything(shape, record))
    draft = Draft(_id_of(map_id or file.name), file.name, shape, record, made)
    while draft.kept:
        wrong = _refusal(path, draft)
        if wrong is None or wrong[0] not in {guess.column for guess in draft.kept}:
            break
        draft.refused[wrong[0]] = wrong[1]
    return Scaffold(draft.name, shape.reads, [g.column for g in draft.kept], draft.text)


def _id_of(text: str) -> str:
    words = re.sub(r"[^a-z0-9]+", "_", text.split(".", maxsplit=1)[0].lower()).strip("_")
    return words if words[:1].isalpha() else f"my_{words or 'source'}"


def _anything(shape: Shape, record: str) -> Guess:
    column = "operation_name" if record == EVENT else next(iter(mappable_columns(record)))
    path = next(iter(shape.fields))
    return Guess(column, {"path": path}, "no field's name told anything: say what this is")


def _refusal(path: Path, draft: Draft) -> tuple[str, str] | None:
    """The column by which most of the first rows are refused, and the first reason."""
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / f"{draft.name}.yaml"
        target.write_text(draft.text, encoding="utf-8")
        found = islice(map_file(path, source_map=load_source_map(target)), ROWS_TAKEN)
        refused = [row for _, row in found if isinstance(row, Unreadable) and ":" in row.kind]
    columns = Counter(one.kind.partition(":")[0] for one in refused).most_common(1)
    for column, _ in columns:
        return column, next(one.reason for one in refused if one.kind.startswith(f"{column}:"))
    return None
