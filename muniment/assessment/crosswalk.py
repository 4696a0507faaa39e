"""Two frameworks side by side: pairs that were published, and pairs that our controls make.

The two are never mixed. A published pair is its publisher's word; a computed one says only that the
same control bears on both units, and names that control with both relations. Neither says that what
is evidenced for one unit is evidenced for the other.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from muniment.model.crosswalks import Crosswalk
from muniment.model.frameworks import ControlMapping, Framework
from muniment.model.outcomes import Relation


@dataclass(frozen=True, slots=True)
class PublishedPair:
    """A pair as published; relation is of the first to the second, where the source states one."""

    first_id: str
    second_id: str
    crosswalk_id: str
    relation: Relation | None
    remark: str


@dataclass(frozen=True, slots=True)
class SharedControl:
    """A control, or an attribute of it, that bears on both units, with both mappings."""

    control: str
    first: ControlMapping
    second: ControlMapping

    @property
    def only_supports(self) -> bool:
        """On one side at least its pass counts for nothing."""
        return self.first.only_supports or self.second.only_supports


@dataclass(frozen=True, slots=True)
class ComputedPair:
    """Two units that share controls."""

    first_id: str
    second_id: str
    shared: tuple[SharedControl, ...]

    @property
    def only_supports(self) -> bool:
        """No shared control evidences anything on both sides."""
        return all(each.only_supports for each in self.shared)


@dataclass(frozen=True, slots=True)
class Comparison:
    """Both kinds of pairs, and the requirements of either side that no pair names."""

    first_id: str
    second_id: str
    published: tuple[PublishedPair, ...]
    computed: tuple[ComputedPair, ...]
    unpublished: tuple[tuple[str, ...], tuple[str, ...]]
    uncomputed: tuple[tuple[str, ...], tuple[str, ...]]


def compare_frameworks(
    first: Framework, second: Framework, crosswalks: Iterable[Crosswalk]
) -> Comparison:
    """Every published and computed pair of two frameworks, in the order of the first."""
    published = published_pairs(first, second.id, crosswalks)
    computed = computed_pairs(first, second)
    return Comparison(
        first.id,
        second.id,
        published,
        computed,
        _without(first, second, [(p.first_id, p.second_id) for p in published]),
        _without(first, second, [(c.first_id, c.second_id) for c in computed]),
    )


def published_pairs(
    first: Framework, second_id: str, crosswalks: Iterable[Crosswalk]
) -> tuple[PublishedPair, ...]:
    """The pairs of all crosswalks between two frameworks, whichever way they were published."""
    found = [pair for walk in crosswalks for pair in _pairs(walk, first.id, second_id)]
    order = {unit: place for place, unit in enumerate(first.units)}
    return tuple(sorted(found, key=lambda pair: order.get(pair.first_id, len(order))))


def _pairs(walk: Crosswalk, first_id: str, second_id: str) -> Iterator[PublishedPair]:
    forth = (walk.from_framework, walk.to_framework) == (first_id, second_id)
    if not forth and (walk.to_framework, walk.from_framework) != (first_id, second_id):
        return
    relation = walk.relation if forth else _turned(walk.relation)
    for from_id, to_ids in walk.pairs.items():
        for to_id in to_ids:
            pair = (from_id, to_id) if forth else (to_id, from_id)
            yield PublishedPair(*pair, walk.id, relation, walk.remark(from_id, to_id))


def _turned(relation: Relation | None) -> Relation | None:
    turned = {Relation.SUBSET: Relation.SUPERSET, Relation.SUPERSET: Relation.SUBSET}
    return turned.get(relation, relation) if relation else None


def computed_pairs(first: Framework, second: Framework) -> tuple[ComputedPair, ...]:
    """Pairs of requirements on which the same control, or the same attribute of one, bears."""
    by_control: dict[str, list[tuple[str, ControlMapping]]] = {}
    for unit in second.assessed:
        for mapping in unit.controls:
            by_control.setdefault(mapping.control_id, []).append((unit.id, mapping))
    found: list[ComputedPair] = []
    for unit in first.assessed:
        shared: dict[str, list[SharedControl]] = {}
        for mapping in unit.controls:
            for other_id, other in by_control.get(mapping.control_id, ()):
                if mapping.letter and other.letter and mapping.letter != other.letter:
                    continue
                narrower = mapping.control if mapping.letter else other.control
                shared.setdefault(other_id, []).append(SharedControl(narrower, mapping, other))
        order = [u.id for u in second.assessed if u.id in shared]
        found += [ComputedPair(unit.id, other, tuple(shared[other])) for other in order]
    return tuple(found)


def _without(
    first: Framework, second: Framework, pairs: Iterable[tuple[str, str]]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    named = list(pairs)
    sides = ((first, {a for a, _ in named}), (second, {b for _, b in named}))
    left, right = (
        tuple(unit.id for unit in side.assessed if unit.id not in held) for side, held in sides
    )
    return left, right


def pairs_of_unit(
    framework: Framework,
    unit_id: str,
    others: Iterable[Framework],
    crosswalks: Iterable[Crosswalk],
) -> dict[str, tuple[tuple[PublishedPair, ...], tuple[ComputedPair, ...]]]:
    """By framework: the pairs of one unit, published and computed.

    Published lists of units that no catalogue holds (the actions of NIST AI 600-1) stand under
    their own id, with published pairs only.
    """
    walks = list(crosswalks)
    known = {other.id: other for other in others if other.id != framework.id}
    named = {w.to_framework for w in walks if w.from_framework == framework.id}
    found = {}
    for other_id in sorted({*known, *named}):
        other = known.get(other_id)
        published = published_pairs(framework, other_id, walks)
        computed = computed_pairs(framework, other) if other else ()
        found[other_id] = (
            tuple(pair for pair in published if pair.first_id == unit_id),
            tuple(pair for pair in computed if pair.first_id == unit_id),
        )
    return found
