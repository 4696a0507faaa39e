"""The columns that a source map may fill, as a page for those who write one."""

from __future__ import annotations

from itertools import groupby

from muniment.catalog.sources import EVENT, mappable_columns
from muniment.model.columns import Column, ColumnKind

_HOW: dict[ColumnKind, str] = {
    ColumnKind.TEXT: "text",
    ColumnKind.INTEGER: "whole number",
    ColumnKind.BOOLEAN: "true or false",
    ColumnKind.DECIMAL: "decimal",
    ColumnKind.TIME: "time",
    ColumnKind.TEXT_LIST: "list of texts",
}
_HEAD = """\
# The columns of an event

What a source map may fill of an event (`record: event`), by subject. No column is required: what a
source does not say stays empty, and each control says which columns it needs. A column with a list
of words takes these alone: translate the source's own with `values` ([sources.md](sources.md), *A
field*).

`muniment sources columns` lists the same in a terminal, `muniment sources columns agent` the
columns of a record table. `muniment sources columns --page` writes this page from the model, and a
test keeps the two together.
"""


def how_written(column: Column) -> str:
    """The kind of a column's value, in words."""
    return _HOW[column.kind]


def event_columns_page() -> str:
    """The page docs/event_columns.md."""
    columns = mappable_columns(EVENT).values()
    parts = [_HEAD]
    for group, members in groupby(columns, key=lambda column: column.group):
        parts.append(f"\n## {(group or 'the source').capitalize()}\n\n| column | kind | meaning |")
        parts.append("| --- | --- | --- |")
        parts += [f"| `{c.name}` | {how_written(c)} | {_meaning(c)} |" for c in members]
    return "\n".join(parts) + "\n"


def _meaning(column: Column) -> str:
    words = ", ".join(f"`{word}`" for word in column.choices)
    text = column.meaning.replace("|", "\\|")
    return f"{text}; one of {words}" if words else text
