"""What must hold inside one framework: order, dates, kinds of unit, weights of mappings."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from itertools import pairwise
from typing import NoReturn

from muniment.catalog.framework_files import Entry, FrameworkFiles
from muniment.errors import CatalogError
from muniment.model.frameworks import Framework, Requirement
from muniment.model.records_registry import AGENT

Placed = tuple[Entry, Requirement]
_LAW_DAYS = ("applies_from", "applies_from_before_amendment", "formally_from")


def check_framework(files: FrameworkFiles, framework: Framework, placed: Sequence[Placed]) -> None:
    """Refuses what a reader of the framework would stumble over, with file, line and remedy."""
    if framework.id != files.id:
        what = f"id `{framework.id}` differs from the file's name"
        raise CatalogError(f"{files.head.where(('id',))}: {what}. Give both the same name.")
    _check_ids(placed)
    _check_columns(files, framework)
    headings = {unit.parent for unit in framework.requirements}
    for entry, unit in placed:
        _check_dates(entry, unit)
        _check_kind(entry, unit, unit.id in headings)
        _check_words(entry, unit, framework)
        _check_order(entry, unit)
        if unit.assessed:
            _check_weights(entry, unit)
    _check_named_units(files, framework)


def _check_columns(files: FrameworkFiles, framework: Framework) -> None:
    named = framework.applicability
    for key in ("scope", "roles", "classes") if named else ():
        column = getattr(named, key)
        if column is not None and column not in AGENT.own_names:
            raise CatalogError(
                f"{files.head.where(('applicability', key))}: the register of agents has no column "
                f"`{column}`. Name one that it has, or leave `{key}` out."
            )


def _check_ids(placed: Sequence[Placed]) -> None:
    seen: dict[str, Requirement] = {}
    for entry, unit in placed:
        if unit.id in seen:
            what = f"requirement `{unit.id}` stands twice"
            _refuse(entry, ("id",), what, "Keep one, with the controls of both.")
        if unit.parent is not None and unit.parent not in seen:
            what = f"requirement `{unit.id}`: no unit `{unit.parent}` stands before it"
            _refuse(entry, ("parent",), what, "Add it above as `kind: heading`, or name another.")
        if unit.parent is not None and seen[unit.parent].assessed and unit.assessed:
            what = f"requirement `{unit.parent}` has the requirement `{unit.id}` below it"
            _refuse(entry, ("parent",), what, f"Make `{unit.parent}` a heading, or this context.")
        seen[unit.id] = unit


def _check_dates(entry: Entry, unit: Requirement) -> None:
    for places, text in _days(unit):
        if text is not None and not _is_day(text):
            what = f"requirement `{unit.id}`: `{places[-1]}` is `{text}`, which is no day"
            _refuse(entry, places, what, 'Write it as "2027-12-02".')


def _days(unit: Requirement) -> Iterator[tuple[tuple[str | int, ...], str | None]]:
    for key in _LAW_DAYS:
        yield (key,), getattr(unit, key)
    for index, other in enumerate(unit.other_dates):
        yield ("other_dates", index, "applies_from"), other.applies_from
        before = other.applies_from_before_amendment
        yield ("other_dates", index, "applies_from_before_amendment"), before
    if unit.transition:
        yield ("transition", "placed_before"), unit.transition.placed_before
        yield ("transition", "applies_from"), unit.transition.applies_from


def _check_kind(entry: Entry, unit: Requirement, groups: bool) -> None:
    what = f"{unit.kind} `{unit.id}`"
    if unit.kind == "heading" and not groups:
        _refuse(entry, ("kind",), f"{what} groups nothing", "Make it context, or add its units.")
    if not unit.assessed and (unit.controls or unit.manual or unit.evidenced_together):
        remedy = "Move controls and manual evidence to a requirement."
        _refuse(entry, ("kind",), f"{what} carries evidence, but has no state", remedy)
    if (unit.kind == "context") != bool(unit.not_assessed):
        remedy = "Say under `not_assessed:` why a context unit is only listed, and nowhere else."
        _refuse(entry, ("not_assessed",), f"{what}: `not_assessed` is missing or stray", remedy)
    if unit.formally_from and not unit.interpretation:
        remedy = "Say under `interpretation:` why another day is held."
        _refuse(entry, ("formally_from",), f"{what} has a formal day beside its own", remedy)


def _check_words(entry: Entry, unit: Requirement, framework: Framework) -> None:
    if unit.only_if and not (unit.only_where and unit.only_if.column in AGENT.own_names):
        what = f"requirement `{unit.id}`: `only_if` has no words, or names an unknown column"
        _refuse(entry, ("only_if",), what, "Say under `only_where:` what the column decides.")
    for key, known in (("roles", framework.roles), ("classes", framework.classes)):
        ids = {word.id for word in known}
        for index, name in enumerate(getattr(unit, key)):
            if ids and name not in ids:
                what = f"requirement `{unit.id}` names `{name}`, which is not among the `{key}`"
                _refuse(entry, (key, index), what, f"Add it to `{key}` of the framework.")


def _check_order(entry: Entry, unit: Requirement) -> None:
    names = [mapping.control for mapping in unit.controls]
    for index, (first, second) in enumerate(pairwise(names), start=1):
        at = ("controls", index, "control")
        what = f"requirement `{unit.id}`: "
        if second < first:
            what += f"controls are not sorted, `{second}` comes after `{first}`"
            _refuse(entry, at, what, f"Put `{second}` before `{first}`.")
        if second == first or second.partition("/")[0] in names[:index]:
            what += f"`{second}` is mapped besides `{first}`, so its exceptions would count twice"
            _refuse(entry, at, what, "Map the control once, or its attributes without it.")


def _check_weights(entry: Entry, unit: Requirement) -> None:
    tested = [mapping for mapping in unit.controls if not mapping.only_supports]
    if not tested and not unit.manual:
        what = f"requirement `{unit.id}`: no control can evidence it, even in part"
        remedy = "Say under `manual:` what evidence a person must bring."
        _refuse(entry, ("controls",), what, remedy)
    if unit.evidenced_together and sum(mapping.contributes for mapping in tested) < 2:
        what = f"requirement `{unit.id}`: fewer than two controls contribute to it"
        remedy = "Map a second contributing control, or drop `evidenced_together`."
        _refuse(entry, ("evidenced_together",), what, remedy)


def _check_named_units(files: FrameworkFiles, framework: Framework) -> None:
    for key in ("penalties", "calendar"):
        for entry, held in zip(files.entries(key), getattr(framework, key), strict=True):
            day = held.applies_from if key == "penalties" else held.date
            if not _is_day(day):
                _refuse(entry, (), f"`{day}` is no day", 'Write it as "2027-12-02".')
            for index, name in enumerate(held.units):
                if name not in framework.units:
                    _refuse(entry, ("units", index), f"no unit `{name}`", "Name one that exists.")


def _refuse(entry: Entry, place: tuple[str | int, ...], what: str, remedy: str) -> NoReturn:
    raise CatalogError(f"{entry.where(*place)}: {what}. {remedy}")


def _is_day(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False
