"""Which columns of which relation each control needs, so that a source can be held against them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from muniment.catalog.sources import EVENT, mappable_columns
from muniment.model.controls import Control, ControlTest
from muniment.model.outcomes import TestKind
from muniment.model.records import RECORD_TABLE_BY_NAME

Need = tuple[str, str]  # relation, column; the column is empty where any row will do
_OF_EVENTS = frozenset({TestKind.EVENTS, TestKind.SEQUENCE, TestKind.FACTS})


def needs_of(control: Control) -> frozenset[Need]:
    """The relations (`event` or a record table) and columns that a control's tests declare."""
    return frozenset(need for test in control.tests for need in _of_test(test))


def starved(
    controls: Iterable[Control], relation: str, carried: Mapping[str, bool]
) -> tuple[list[Control], list[tuple[Control, list[str]]]]:
    """Controls that look at a relation: those whose columns are all carried, and the others.

    carried: for each column of the relation, whether the source has a place for it. The others come
    with the columns that they lack.
    """
    fed: list[Control] = []
    lacking: list[tuple[Control, list[str]]] = []
    for control in controls:
        wanted = sorted(column for name, column in needs_of(control) if name == relation)
        missing = [column for column in wanted if column and not carried.get(column, False)]
        if missing:
            lacking.append((control, missing))
        elif wanted:
            fed.append(control)
    return fed, lacking


def _of_test(test: ControlTest) -> Iterator[Need]:
    for need in (*test.needs, *(name for part in test.attributes for name in part.needs)):
        outer, _, inner = need.partition(".")
        if outer in RECORD_TABLE_BY_NAME:
            yield outer, inner
        elif test.kind in _OF_EVENTS:
            if need in mappable_columns(EVENT):
                yield EVENT, need
        else:
            yield from ((table, need) for table in _tables_of(test) if _has(table, need))


def _tables_of(test: ControlTest) -> list[str]:
    words = set(re.findall(r"[a-z_]+", test.sql.lower()))
    return [name for name in RECORD_TABLE_BY_NAME if name in words]


def _has(table: str, column: str) -> bool:
    return any(each.name == column for each in RECORD_TABLE_BY_NAME[table].columns)
