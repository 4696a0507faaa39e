"""Which columns a row could fill at all, told by its keys alone: most rows hold few of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from muniment.model.paths import Path


class Reach:
    """An index from keys of a row to the columns whose paths could find something there.

    It never leaves out a column that a path would find; it may name one that no path finds.
    """

    def __init__(self, columns: Sequence[Iterable[Path] | None]) -> None:
        """columns: for each, its paths; None for a column that is filled in any case."""
        self._always: set[int] = set()
        self._outer: dict[str, set[int]] = {}
        self._inner: dict[str, dict[str, set[int]]] = {}
        for number, paths in enumerate(columns):
            if paths is None:
                self._always.add(number)
                continue
            for path in paths:
                self._add(number, path)

    def _add(self, number: int, path: Path) -> None:
        names = [step for step in path.steps if isinstance(step, str)]
        if path.start or len(names) != len(path.steps):
            self._always.add(number)
            return
        # Steps may together be one key, `a.b`, at either level.
        for end in range(2, len(names) + 1):
            self._outer.setdefault(".".join(names[:end]), set()).add(number)
        if len(names) == 1:
            self._outer.setdefault(names[0], set()).add(number)
        for key in path.inner:
            self._inner.setdefault(names[0], {}).setdefault(key, set()).add(number)

    def columns(self, value: Any) -> list[int]:
        """The numbers of the columns to try for a row, in order."""
        found = set(self._always)
        if isinstance(value, dict):
            for key in value.keys() & self._outer.keys():
                found |= self._outer[key]
            for outer, inner in self._inner.items():
                held = value.get(outer)
                if isinstance(held, dict):
                    for key in held.keys() & inner.keys():
                        found |= inner[key]
        return sorted(found)
