"""Fields of many rows, taken while each row is fresh from the parser and near at hand.

Following one path through thousands of parsed rows waits for memory at each; a few hundred rows
lie in the processor's cache.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from muniment.model.paths import MISSING, Path

ROWS_AT_HAND = 200


@dataclass(frozen=True, slots=True)
class Wanted:
    """The fields that paths read: in a row itself, and in the objects that it holds."""

    names: frozenset[str]
    inside: dict[str, Wanted] = field(default_factory=dict)


def wanted_by(paths: Iterable[Path]) -> Wanted:
    """The fields that plain paths read; other paths are followed row by row."""
    taken = list(paths)
    inside: dict[str, set[str]] = {}
    for path in taken:
        if path.inner:
            inside.setdefault(str(path.steps[0]), set()).add(path.tail)
    return Wanted(
        frozenset(path.key for path in taken if path.key is not None),
        {outer: Wanted(frozenset(names)) for outer, names in inside.items()},
    )


class Gathered:
    """What rows hold under the wanted names: a list for each, as long as there are rows."""

    def __init__(self, wanted: Wanted) -> None:
        self._wanted = wanted
        self._columns: dict[str, list[Any]] = {}
        self._inside = {outer: Gathered(inner) for outer, inner in wanted.inside.items()}
        self._all_objects = True
        self.keys: set[str] = set()
        self.count = 0

    def add(self, values: Sequence[Any]) -> None:
        """Take the next rows."""
        if set(map(type, values)) != {dict}:
            self._all_objects = False
            values = [value if isinstance(value, dict) else {} for value in values]
        held = set().union(*values)
        self.keys |= held
        for name in self._wanted.names & held:
            column = self._columns.setdefault(name, [])
            column += [MISSING] * (self.count - len(column))
            column += [value.get(name, MISSING) for value in values]
        for outer, inside in self._inside.items():
            inside.add([value.get(outer) for value in values] if outer in held else [{}])
            inside.count = self.count + len(values)
        self.count += len(values)

    def find(self, path: Path) -> list[Any] | None:
        """What a path finds in each row; None where it must be followed row by row."""
        if not self._all_objects:
            return None
        if path.key is not None and path.key in self._wanted.names:
            return self._column(path.key)
        inside = self._inside.get(str(path.steps[0])) if path.inner else None
        if inside is None or not inside.keys.isdisjoint(path.shorter):
            return None
        names = [str(step) for step in path.steps]
        if any(".".join(names[:end]) in self.keys for end in range(2, len(names) + 1)):
            return None
        return inside._column(path.tail)

    def chosen(self, numbers: Sequence[int]) -> Gathered:
        """The same of some of the rows."""
        made = Gathered(self._wanted)
        made._all_objects, made.keys, made.count = self._all_objects, self.keys, len(numbers)
        for name in self._columns:
            column = self._column(name)
            made._columns[name] = [column[number] for number in numbers]
        for outer, inside in self._inside.items():
            made._inside[outer] = inside.chosen(numbers)
        return made

    def keys_by_name(self) -> dict[str, Any]:
        """An object that holds every key that any row holds, and any object in it."""
        inner = {outer: dict.fromkeys(inside.keys) for outer, inside in self._inside.items()}
        return {name: inner.get(name) for name in self.keys}

    def _column(self, name: str) -> list[Any]:
        column = self._columns.get(name, [])
        return column + [MISSING] * (self.count - len(column))
