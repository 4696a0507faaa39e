"""What the reference predicates share: three-valued parts, and the outcome that they make."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from tests.builders.reference_world import AS_OF, Row, World, nanos, value

Outcomes = dict[str, str]
Part = bool | None
NOW = nanos(AS_OF)
TIERS = ("autonomous", "supervised", "approval_required", "halt")


def judged(parts: Iterable[Part]) -> str:
    """The outcome of an item: one fault is enough, and one doubt spoils a pass."""
    told = list(parts)
    if True in told:
        return "exception"
    return "undetermined" if None in told else "pass"


def over_events(
    world: World, population: Callable[[Row], Part], *parts: Callable[[Row], list[Part]]
) -> Outcomes:
    """Every event in (or perhaps in) the population; a part gives its faults, none where it does
    not apply.
    """
    found: Outcomes = {}
    for event in world["events"]:
        inside = population(event)
        if inside is None:
            found[event["event_id"]] = "undetermined"
        elif inside:
            found[event["event_id"]] = judged(p for part in parts for p in part(event))
    return found


def took_effect(event: Row) -> Part:
    return False if value(event, "outcome") == "denied" else value(event, "executed")


def both(*answers: Part) -> Part:
    """True where all are, False where one is not, else unknown."""
    return False if False in answers else None if None in answers else True


def valid(rows: Iterable[Row], moment: str) -> list[Row]:
    at = nanos(moment)
    return [
        row for row in rows
        if nanos(row.get("valid_from", "2020-01-01T00:00:00Z")) <= at
        and ("valid_to" not in row or nanos(row["valid_to"]) > at)
    ]  # fmt: skip
