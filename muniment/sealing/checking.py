"""What an entry must have to be taken in: once acknowledged, it must also be sealable."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from muniment.errors import StoreError
from muniment.model.columns import ColumnKind
from muniment.model.entries import ENTRY_COLUMNS, EntryKind
from muniment.store.encoder import ENTRY_SCHEMA

_REMEDY = "Nothing of the call was kept. Mend the entries and append them again."


def checked_entries(table: pa.Table) -> pa.Table:
    """The table in the log's schema, in one piece; StoreError where an entry cannot be sealed."""
    try:
        checked = table.select(ENTRY_SCHEMA.names).cast(ENTRY_SCHEMA).combine_chunks()
        checked.validate(full=True)
    except (pa.ArrowException, KeyError, UnicodeError) as error:
        raise StoreError(f"the entries do not fit the log: {error}. {_REMEDY}") from error
    for column in ENTRY_COLUMNS:
        values = checked.column(column.name)
        if column.required and values.null_count:
            raise StoreError(f"{values.null_count:,} entries have no `{column.name}`. {_REMEDY}")
        if column.kind is ColumnKind.TEXT_LIST and pc.list_flatten(values).null_count:
            raise StoreError(f"a list in `{column.name}` holds a NULL. {_REMEDY}")
    event_ids = checked.column("event_id")
    if not pc.all(pc.match_substring_regex(event_ids, r"\A[0-9a-f]{32}\z")).as_py():
        raise StoreError(f"an `event_id` is not 32 lower-case hex digits. {_REMEDY}")
    if not pc.all(pc.is_in(checked.column("entry_kind"), pa.array(list(EntryKind)))).as_py():
        raise StoreError(f"an `entry_kind` is none of {', '.join(EntryKind)}. {_REMEDY}")
    if len(pc.unique(event_ids)) < checked.num_rows:
        counts = pc.value_counts(event_ids).to_pylist()
        twice = next(count["values"] for count in counts if count["counts"] > 1)
        raise StoreError(f"entry `{twice}` comes twice in one call; classify first. {_REMEDY}")
    return checked
