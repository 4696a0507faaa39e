"""Applying a whole source map to a batch: events by block, all else by the reference, in order."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from muniment.catalog.sources import EVENT
from muniment.ingest.block_mapping import map_block
from muniment.ingest.block_words import taken_by
from muniment.ingest.blocks import Batch, Block
from muniment.ingest.column_values import Numbers
from muniment.ingest.events import Events, events_of_rows
from muniment.ingest.mapping import MappedRow, Mapper
from muniment.ingest.row_mapping import Group, map_row
from muniment.ingest.rows import Unreadable


@dataclass(slots=True)
class MappedBatch:
    """What a batch becomes: its events; its records and refused rows with their places, in order.

    read: how many rows that is; left_out: how many a map skips, which are not counted as read.
    """

    events: Events | None
    others: list[tuple[int, MappedRow | Unreadable]]
    read: int
    left_out: int


@dataclass(slots=True)
class _Taken:
    """What was mapped so far, each with its number in the batch."""

    events: list[tuple[Events, Numbers]] = field(default_factory=list)
    rows: list[tuple[int, int, MappedRow | Unreadable]] = field(default_factory=list)
    left_out: int = 0


def map_batch(batch: Batch) -> MappedBatch:
    """Map every row of a batch."""
    taken = _Taken()
    taken.rows += [(number, each.place, each) for number, each in batch.unreadable]
    for group, block, numbers in batch.blocks:
        if any(mapper.row_map.record == EVENT for mapper in group.mappers):
            _map_events(taken, group, block, numbers)
        else:
            _by_reference(taken, group, block, numbers, range(len(block)))
    taken.rows.sort(key=lambda each: each[0])
    of_rows = [(n, place, row) for n, place, row in taken.rows if _is_event(row)]
    if of_rows:
        events = events_of_rows([(place, row) for _, place, row in of_rows])
        taken.events.append((events, np.array([n for n, _, _ in of_rows], np.int64)))
    others = [(place, row) for _, place, row in taken.rows if not _is_event(row)]
    count = sum(len(events.places) for events, _ in taken.events)
    return MappedBatch(_in_order(taken.events), others, count + len(others), taken.left_out)


def _map_events(taken: _Taken, group: Group, block: Block, numbers: Numbers) -> None:
    left = np.arange(len(block))
    odd: list[Numbers] = []
    for mapper in group.mappers:
        if not len(left):
            break
        rest = block if len(left) == len(block) else block.chosen(left)
        takes, unsure = taken_by(mapper, rest)
        odd.append(left[unsure])
        chosen = left[takes]
        if mapper.row_map.record != EVENT:
            odd.append(chosen)
        elif len(chosen):
            odd.append(_map_block(taken, mapper, block, chosen, numbers))
        left = left[~takes & ~unsure]
    _by_reference(taken, group, block, numbers, np.sort(np.concatenate([*odd, left])).tolist())


def _map_block(
    taken: _Taken, mapper: Mapper, block: Block, chosen: Numbers, numbers: Numbers
) -> Numbers:
    """Map rows that one mapper takes; gives those that the reference must take."""
    part = block if len(chosen) == len(block) else block.chosen(chosen)
    mapped, wrong = map_block(mapper, part)
    if len(mapped.numbers):
        events = Events(mapped.table, mapped.keys, part.places[mapped.numbers])
        taken.events.append((events, numbers[chosen[mapped.numbers]]))
    return chosen[wrong]


def _by_reference(
    taken: _Taken, group: Group, block: Block, numbers: Numbers, which: Iterable[int]
) -> None:
    chosen = np.fromiter(which, np.int64)
    part = block if len(chosen) == len(block) else block.chosen(chosen)
    for row, number in zip(part.rows() if len(chosen) else (), chosen.tolist(), strict=True):
        place = int(block.places[number])
        found = map_row(group, row, place)
        if found is None:
            taken.left_out += 1
        else:
            taken.rows.append((int(numbers[number]), place, found))


def _is_event(found: MappedRow | Unreadable) -> bool:
    return isinstance(found, MappedRow) and found.record == EVENT


def _in_order(parts: list[tuple[Events, Numbers]]) -> Events | None:
    """All parts as one, in the order of their numbers."""
    if len(parts) < 2:
        return parts[0][0] if parts else None
    order = pa.array(np.argsort(np.concatenate([numbers for _, numbers in parts])))
    return Events(
        pa.concat_tables([events.table for events, _ in parts]).take(order),
        pa.concat_arrays([events.keys for events, _ in parts]).take(order),
        np.concatenate([events.places for events, _ in parts])[order.to_numpy()],
    )
