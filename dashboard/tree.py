"""The steps of a run as a tree: pure, bounded, and indifferent to what a source may send."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dashboard.rows import Row

DEEPEST = 12


@dataclass(frozen=True, slots=True)
class Step:
    """One step with its depth; orphan: its parent is not among the steps, or leads back to it."""

    row: Row
    depth: int
    orphan: bool


def run_tree(rows: Sequence[Row]) -> list[Step]:
    """Each step below the one that caused it, siblings in time order.

    A step whose parent is missing, or whose ancestors form a ring, stands at the top as an orphan;
    every row appears exactly once.
    """
    order = sorted(range(len(rows)), key=lambda i: (rows[i].get("event_time") or "", i))
    by_span: dict[str, int] = {}
    for index in order:
        span = rows[index].get("span_id")
        if span:
            by_span.setdefault(span, index)
    children: dict[int, list[int]] = {}
    tops: list[tuple[int, bool]] = []
    for index in order:
        parent = rows[index].get("parent_span_id")
        above = by_span.get(parent) if parent else None
        if above is None or above == index:
            tops.append((index, bool(parent)))
        else:
            children.setdefault(above, []).append(index)
    # What no top leads to hangs in a ring; a step that a top did reach is skipped as seen.
    return _walk([*tops, *((index, True) for index in order)], rows, children)


def _walk(
    tops: Sequence[tuple[int, bool]], rows: Sequence[Row], children: dict[int, list[int]]
) -> list[Step]:
    steps: list[Step] = []
    seen: set[int] = set()
    for top, orphan in tops:
        waiting = [(top, 0)]
        while waiting:
            index, depth = waiting.pop()
            if index in seen:
                continue
            seen.add(index)
            steps.append(Step(rows[index], depth, orphan and index == top))
            waiting += [(child, depth + 1) for child in reversed(children.get(index, []))]
    return steps
