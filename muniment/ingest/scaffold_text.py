"""Writing a first source map as YAML that a person goes on with: comments where it guessed."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from muniment.catalog.sources import EVENT
from muniment.ingest.scaffold_guess import Guess, key_of, words_of
from muniment.ingest.scaffold_samples import Shape

_MASK = re.compile(r"\*{3,}|[\[<(]?(?:redacted|masked|hidden|removed)[\])>]?|x{4,}|#{4,}|█+", re.I)
_PART_MASK = re.compile(r".*\*{3,}.*", re.S)
_NULLS = frozenset({"-", "N/A", "n/a", "null", "NULL", "None", "none", "nil", "(null)"})
_YAML_WORDS = frozenset({"null", "true", "false", "yes", "no", "on", "off", "y", "n"})
_UNUSED_SHOWN = 40


@dataclass(frozen=True, slots=True)
class Draft:
    """A map in the making; `refused`: columns that were guessed wrongly, with the reason."""

    name: str
    file: str
    shape: Shape
    record: str
    guesses: list[Guess]
    refused: dict[str, str] = field(default_factory=dict)

    @property
    def kept(self) -> list[Guess]:
        """The guesses that hold so far."""
        return [guess for guess in self.guesses if guess.column not in self.refused]

    @property
    def text(self) -> str:
        """The map as YAML."""
        parts = (self._head(), self._marks(), self._recognise(), self._row_map(), self._unused())
        return "\n".join(line for part in parts for line in part) + "\n"

    def _head(self) -> Iterator[str]:
        file = comment(self.file)
        yield f"# A first map for {file}, guessed from {self.shape.count:,} of its rows."
        yield "# Look at every TODO. See what it makes:  muniment sources try FILE --map THIS"
        yield "# Every key is explained in docs/sources.md; columns and their words:"
        yield f"#   muniment sources columns {self.record}"
        yield f"id: {self.name}"
        yield f"title: {quoted(f'TODO what writes {file}')}"
        yield f"reads: {self.shape.reads}"
        written_by = "agent" if self.record == EVENT else "registry"
        yield f"source_class: {written_by}  # TODO who wrote it: agent, gateway, policy_engine …"
        for key, value in self.shape.head.items():
            yield f"{key}: {quoted(value)}"

    def _marks(self) -> Iterator[str]:
        fields = self.shape.fields
        texts = {v for values in fields.values() for v in values if isinstance(v, str)}
        marks = sorted(text for text in texts if len(text) < 40 and _MASK.fullmatch(text))
        if marks:
            yield f"redaction_marks: {json.dumps(marks)}  # masked, which is not missing"
        if any(_PART_MASK.fullmatch(text) for text in texts - set(marks) if len(text) < 200):
            yield "redaction_patterns: ['.*\\*{3,}.*']  # TODO masked in part counts as masked"
        if nulls := sorted(texts & _NULLS):
            yield f"null_marks: {json.dumps(nulls)}  # stand for no value"
        inside = [p for p, values in fields.items() if _is_json(values) and p[0] not in "^$"][:8]
        if inside:
            yield f"json_texts: {json.dumps(inside)}  # JSON as text; paths may go on inside"

    def _recognise(self) -> Iterator[str]:
        """Fields that every row holds, by which the map is found again without `--map`."""
        there = [p for p, v in self.shape.fields.items() if len(v) >= self.shape.count]
        named = [guess.spec["path"] for guess in self.kept if guess.spec.get("path") in there]
        own = [path for path in dict.fromkeys((*named, *there)) if path[0] not in "^$"][:4]
        if self.shape.rows != "$":
            inner = self.shape.rows.removeprefix("$.").replace("[*]", "[0]")
            own = [f"{inner}.{path}" for path in own]
        if own:
            yield "recognise:"
            yield f"  has: {json.dumps(own)}"

    def _row_map(self) -> Iterator[str]:
        yield "maps:"
        yield f"  - record: {self.record}"
        if self.shape.rows != "$":
            yield "    # One row per element; ^ (or $) reaches what lies around it."
            yield f"    rows: {quoted(self.shape.rows)}"
        yield from self._key()
        yield "    columns:"
        for guess in self.kept:
            todo = f"  # TODO {comment(guess.todo)}" if guess.todo else ""
            yield f"      {guess.column}: {_spec(guess.spec)}{todo}"
        for column, reason in self.refused.items():
            yield f"      # {column} was guessed and is left out: {comment(reason)}"

    def _key(self) -> Iterator[str]:
        key = key_of(self.shape)
        if self.record != EVENT:
            yield '    valid_from: "@import_time"  # TODO the field that says since when it holds'
        elif key is not None:
            yield f"    natural_key: [{quoted(key)}]  # TODO unique for ever, over all files?"
        else:
            yield "    # natural_key: [id]  # TODO none seen; equal rows are told apart by order"

    def _unused(self) -> Iterator[str]:
        used = {str(guess.spec.get("path")) for guess in self.kept}
        left = [path for path in self.shape.fields if path not in used]
        if left:
            yield "# Not mapped, with some values:"
        for path in left[:_UNUSED_SHOWN]:
            shown = ", ".join(words_of(self.shape.fields[path])[:3])
            yield f"#   {comment(path)}: {comment(shown)[:80]}"
        for path in self.shape.lists[:5]:
            yield f"#   {comment(path)}: a list of objects; {self._rows_of(path)}"

    def _rows_of(self, path: str) -> str:
        """How to make rows of a list that lies in a row, or around it."""
        within = path[0] not in "^$" and self.shape.rows != "$"
        rows = f"{self.shape.rows}.{path}" if within else "$." + path.lstrip("^$.")
        above = ", and ^ reaches the row that holds them" if within else ""
        return f"`rows: {comment(rows)}[*]` makes rows of them{above}"


def _is_json(values: list[Any]) -> bool:
    there = [value for value in values if value]
    return bool(there) and all(
        isinstance(value, str) and value.strip()[:1] in ("{", "[") for value in there
    )


def _spec(spec: dict[str, Any]) -> str:
    if set(spec) == {"path"}:
        return quoted(spec["path"])
    return "{" + ", ".join(f"{key}: {quoted(value)}" for key, value in spec.items()) + "}"


def quoted(value: Any) -> str:
    """A value as YAML on one line; JSON is YAML."""
    plain = isinstance(value, str) and re.fullmatch(r"[A-Za-z_][\w.]*", value)
    if plain and value.lower() not in _YAML_WORDS:
        return str(value)
    return json.dumps(value)


def comment(text: str) -> str:
    """A text that stays in its comment and moves no cursor."""
    return re.sub(r"[^\x20-\x7e\u00a1-\u024f…]+", " ", text)
