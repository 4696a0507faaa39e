"""What a proxy saw: one call to a host. Calls to services of AI become discovered uses."""

from __future__ import annotations

from muniment.model.columns import Column, ColumnKind
from muniment.model.record_table import RecordTable

# No table of the store: visits are gathered by service and business unit, never kept.
VISIT = RecordTable("visit", "host", "A call to a host, as a proxy saw it", (
    Column("host", ColumnKind.TEXT, "host, host:port or URL called", required=True),
    Column("seen_at", ColumnKind.TIME, "when"),
    Column("user_ref", ColumnKind.TEXT, "who; counted, never kept"),
    Column("business_unit", ColumnKind.TEXT, "whose"),
    Column("found_in", ColumnKind.TEXT, "proxy, casb …"),
    Column("kind", ColumnKind.TEXT, "kind of use, where the source tells it itself"),
))  # fmt: skip
