"""The record tables, all of them: registry, oversight, programme.

Every row is bitemporal (`record_table`). A table that a source map may not fill is written by the
product itself.
"""

from __future__ import annotations

from muniment.model.record_table import BITEMPORAL_COLUMNS, RecordTable
from muniment.model.records_oversight import OVERSIGHT_TABLES
from muniment.model.records_programme import (
    ATTESTATION,
    EXCEPTION_GRANT,
    ORGANISATION,
    PROGRAMME_TABLES,
    SIGN_OFF,
)
from muniment.model.records_registry import REGISTRY_TABLES

__all__ = [
    "BITEMPORAL_COLUMNS",
    "IMPORTABLE_TABLES",
    "RECORD_TABLES",
    "RECORD_TABLE_BY_NAME",
    "RecordTable",
]

RECORD_TABLES: tuple[RecordTable, ...] = (*REGISTRY_TABLES, *OVERSIGHT_TABLES, *PROGRAMME_TABLES)
RECORD_TABLE_BY_NAME: dict[str, RecordTable] = {table.name: table for table in RECORD_TABLES}
# What people attest, tolerate and sign, and whose store it is, they say in the product.
IMPORTABLE_TABLES: dict[str, RecordTable] = {
    table.name: table
    for table in RECORD_TABLES
    if table not in (ATTESTATION, EXCEPTION_GRANT, SIGN_OFF, ORGANISATION)
}
