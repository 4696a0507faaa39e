"""Paths into nested documents: how a source map says where a value lies.

`a.b` steps into objects. A key that itself contains dots needs no quotes: `attributes.service.name`
finds `{"attributes": {"service.name": …}}`, nested keys first. `["$schema"]` is a key with other
characters. `[2]` takes an element, `[*]` every element of a list or every value of an object (in
`rows` and list columns only), `[id=.call_id]` the first element whose `id` equals the
row's `call_id`, `[kind=human]` the first whose `kind` is the text `human`. `$` starts at the
document, `^` at the enclosing row, `^^` one further out, `@import_time` is the start of the import.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

IMPORT_TIME = "@import_time"
MISSING: Any = type("Missing", (), {"__repr__": lambda _: "MISSING"})()

_STEP = re.compile(
    r"\.?(?P<name>[^.\[\]$^]+)|\[(?P<index>\d+)\]|(?P<every>\[\*\])"
    r"|\.?\[\"(?P<quoted>[^\"]+)\"\]"
    r"|\[(?P<key>[\w.-]+)=(?P<own>\.)?(?P<match>[^\]]+)\]"
)


@dataclass(slots=True)  # not frozen: one is made for each row of a file
class Row:
    """A value inside a document, the row that encloses it, and the document itself."""

    value: Any
    parent: Row | None
    document: Any


@dataclass(frozen=True, slots=True)
class Match:
    """`[key=value]`: the first element whose key equals a text, or a value of the row itself."""

    key: str
    value: str
    own: tuple[str, ...] = ()


Step = str | int | Match | None  # None is [*]


@dataclass(frozen=True, slots=True)
class Path:
    """A parsed path: where it starts (`$`, `^^`, `@import_time` or the row) and its steps."""

    text: str
    start: str
    steps: tuple[Step, ...]
    key: str | None = None  # the only step of a path that is one field of the row
    inner: frozenset[str] = frozenset()  # keys of which one must stand in the row's first field
    tail: str = ""  # the longest of them, which alone ends the path
    shorter: tuple[str, ...] = ()  # the others

    def find(self, row: Row) -> Any:
        """The value that the path reaches from a row, or MISSING."""
        if self.key is not None:
            return row.value.get(self.key, MISSING) if isinstance(row.value, dict) else MISSING
        if self.inner and isinstance(row.value, dict):
            outer = row.value.get(self.steps[0])
            if isinstance(outer, dict) and not any(map(outer.__contains__, self.shorter)):
                return outer.get(self.tail, MISSING)
        if self.start == "$":
            return _descend(row.document, self.steps, row)
        origin: Row | None = row
        for _ in self.start:
            origin = origin.parent if origin is not None else None
        return MISSING if origin is None else _descend(origin.value, self.steps, row)

    def split_at_first_array(self) -> tuple[tuple[Step, ...], tuple[Step, ...] | None]:
        """Steps before the first `[*]`, and those after it (None where there is no `[*]`)."""
        if None not in self.steps:
            return self.steps, None
        at = self.steps.index(None)
        return self.steps[:at], self.steps[at + 1 :]


def parse_path(text: str) -> Path:
    """The path that a text spells; raises ValueError with a reason fit for a person."""
    if text == IMPORT_TIME:
        return Path(text, IMPORT_TIME, ())
    if text.startswith("@import"):
        raise ValueError(f"path `{text}` cannot be read: did you mean `{IMPORT_TIME}`")
    start = re.match(r"\$|\^*", text)
    head = start.group() if start else ""
    rest, at = text[len(head) :], 0
    steps: list[Step] = []
    while at < len(rest):
        match = _STEP.match(rest, at)
        if match is None or (rest[at] == "." and at == 0 and not head):
            raise ValueError(f"path `{text}` cannot be read at `{rest[at:][:30]}`")
        steps.append(_step(match))
        at = match.end()
    if not text:
        raise ValueError("a path is empty")
    names = [step for step in steps if isinstance(step, str)]
    if head or len(names) != len(steps):
        return Path(text, head, tuple(steps))
    inner = [".".join(names[1:end]) for end in range(2, len(names) + 1)]
    if not inner:
        return Path(text, head, tuple(steps), names[0])
    return Path(text, head, tuple(steps), None, frozenset(inner), inner[-1], tuple(inner[:-1]))


def _step(match: re.Match[str]) -> Step:
    if match["name"] is not None or match["quoted"] is not None:
        return match["name"] or match["quoted"]
    if match["index"] is not None:
        return int(match["index"])
    if match["every"] is not None:
        return None
    own = tuple(match["match"].split(".")) if match["own"] else ()
    return Match(match["key"], match["match"], own)


def unnest(row: Row, steps: tuple[Step, ...]) -> Iterator[Row]:
    """The rows that `steps` reach; each `[*]` opens a new level, whose parent `^` climbs to."""
    if None not in steps:
        value = _descend(row.value, steps, row) if steps else row.value
        if value is not MISSING and value is not None:
            yield row if not steps else Row(value, row, row.document)
        return
    at = steps.index(None)
    items = _descend(row.value, steps[:at], row)
    items = list(items.values()) if isinstance(items, dict) else items
    for item in items if isinstance(items, list) else ():
        yield from unnest(Row(item, row, row.document), steps[at + 1 :])


def _descend(value: Any, steps: tuple[Step, ...], row: Row) -> Any:
    for at, step in enumerate(steps):
        if isinstance(step, str):
            if not isinstance(value, dict):
                return MISSING
            if step in value:
                value = value[step]
                continue
            return _dotted(value, steps[at:], row)
        if step is None and isinstance(value, dict):
            value = list(value.values())
        if not isinstance(value, list):
            return MISSING
        if step is None:
            rest = steps[at + 1 :]
            found = (_descend(item, rest, row) for item in value)
            return [item for item in found if item is not MISSING]
        value = _element(value, step, row)
        if value is MISSING:
            return MISSING
    return value


def _dotted(value: dict[str, Any], steps: tuple[Step, ...], row: Row) -> Any:
    """Follow steps whose first names together are one key, as in `service.name`."""
    key = str(steps[0])
    for at, step in enumerate(steps[1:], start=1):
        if not isinstance(step, str):
            break
        key = f"{key}.{step}"
        if key in value:
            return _descend(value[key], steps[at + 1 :], row)
    return MISSING


def _element(items: list[Any], step: int | Match, row: Row) -> Any:
    if isinstance(step, int):
        return items[step] if step < len(items) else MISSING
    wanted = _descend(row.value, step.own, row) if step.own else step.value
    if wanted is MISSING or wanted is None:
        return MISSING
    for item in items:
        if isinstance(item, dict) and item.get(step.key, MISSING) == wanted:
            return item
    return MISSING
