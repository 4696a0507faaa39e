"""Importing a database table in place: batch after batch, each going on where the last ended.

Where it ended is kept in the store's folder after each batch is acknowledged. An import that was
killed reads the rows of one batch again, which count as duplicates, since events of a table are
known by a key of their own.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from muniment.catalog.sources import EVENT
from muniment.errors import InputError, UsageError
from muniment.ingest.batch import ImportBatch
from muniment.ingest.database_rows import DatabaseTable, Key, Page, as_text, of_text
from muniment.ingest.documents import with_json_texts
from muniment.ingest.pipeline import Delivery, Progress, ingest_pieces
from muniment.ingest.rows import Document
from muniment.model.sources import SourceMap
from muniment.sealing.disk import replace_durably, write_temporary
from muniment.sealing.log import AuditLog
from muniment.store.open import Store

BATCH_PAGES = 4  # each of at most 5,000 rows and 32 MiB


@dataclass(frozen=True, slots=True)
class TableOrder:
    """Which table to read, in which order, and whether from its start."""

    address: str
    table: str | None = None
    order_by: tuple[str, ...] = ()
    since: str | None = None
    from_start: bool = False


def ingest_table(
    store: Store,
    order: TableOrder,
    *,
    source_map: SourceMap,
    source_id: str,
    recorded_by: str,
    progress: Progress | None = None,
) -> list[ImportBatch]:
    """Import what a table holds beyond the last import of this source, and seal it.

    Raises InputError where the table cannot be read; batches that were written before stay, and the
    next import goes on behind them.
    """
    _check_map(source_map)
    known = source_map.table
    name = order.table or (known.name if known else None)
    if name is None:
        raise UsageError(f"source map `{source_map.id}` names no table. Name it with --table.")
    table = DatabaseTable(
        order.address, name, source_map, order.order_by or (known.order_by if known else ())
    )
    try:
        cursor = Cursor(store.layout.cursors, source_id, table)
        after = None if order.from_start else cursor.read()
        overlap = timedelta(minutes=known.overlap_minutes if known else 60)
        batches: list[ImportBatch] = []
        for pages in _batches(table.pages(after, overlap=overlap, since=order.since), table):
            batches.append(
                ingest_pieces(
                    store,
                    _documents(pages, source_map),
                    _delivery(table, pages),
                    source_map=source_map,
                    source_id=source_id,
                    recorded_by=recorded_by,
                    progress=progress,
                    seal=False,
                )
            )
            cursor.write(pages)
    finally:
        table.close()
    AuditLog(store).seal()
    return batches


def _check_map(source: SourceMap) -> None:
    for row_map in source.maps:
        if row_map.record == EVENT and not row_map.natural_key:
            raise InputError(
                f"source map `{source.id}` gives events no `natural_key`. A table is read again "
                "and again, so its events need a key by which they are known."
            )


def _batches(ordered: Iterator[Page], table: DatabaseTable) -> Iterator[list[Page]]:
    """Pages in lots of a few; first of all the rows that no order holds."""
    loose = list(table.unordered())
    if loose:
        yield [Page(loose, ())]
    lot: list[Page] = []
    for page in ordered:
        lot.append(page)
        if len(lot) >= BATCH_PAGES:
            yield lot
            lot = []
    if lot:
        yield lot


def _documents(pages: list[Page], source: SourceMap) -> Iterator[Any]:
    rows = (row for page in pages for row in page.rows)
    pieces = (Document(place, row, row) for place, row in enumerate(rows, start=1))
    return with_json_texts(iter(pieces), source.json_texts) if source.json_texts else iter(pieces)


def _delivery(table: DatabaseTable, pages: list[Page]) -> Delivery:
    """What the batch notes of where its rows came from; the digest is of the rows as read."""
    digest, size = hashlib.sha256(), 0
    for page in pages:
        for row in page.rows:
            line = json.dumps(row, default=str, sort_keys=True).encode()
            digest.update(line + b"\n")
            size += len(line) + 1
    return Delivery(f"{table.place}#{table.name}", digest.hexdigest(), size)


class Cursor:
    """Where the reading of a table by one source ended, in a file of the store's folder."""

    def __init__(self, folder: Path, source_id: str, table: DatabaseTable) -> None:
        self._about = {"source_id": source_id, "database": table.place, "table": table.name,
                       "order_by": list(table.order_by)}  # fmt: skip
        name = hashlib.sha256(json.dumps([source_id, table.place, table.name]).encode())
        self.path = folder / f"{name.hexdigest()[:32]}.json"

    def read(self) -> Key | None:
        """The values that the last batch ended with; None before the first.

        Raises InputError where the table was read in another order.
        """
        try:
            kept = json.loads(self.path.read_text(encoding="utf-8"))
            ended = tuple(of_text(each) for each in kept["ended"])
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError) as error:
            raise InputError(
                f"`{self.path}` is damaged. Read the table with --from-start; what is known counts "
                "as duplicate."
            ) from error
        if kept.get("order_by") != self._about["order_by"]:
            raise InputError(
                f"`{self._about['table']}` was read in the order of "
                f"{', '.join(kept.get('order_by', []))} before. Use that --order-by, or "
                "--from-start."
            )
        return ended

    def write(self, pages: list[Page]) -> None:
        """Keep where these pages ended."""
        ended = pages[-1].ended
        if ended:
            content = {**self._about, "ended": [as_text(value) for value in ended]}
            text = json.dumps(content, indent=1, sort_keys=True).encode()
            replace_durably(write_temporary(self.path, lambda file: file.write(text)), self.path)
