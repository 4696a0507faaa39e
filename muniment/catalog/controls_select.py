"""SELECT tests: one statement, over the relations that its kind of test has, and nothing else."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.tokenizer_core import TokenType

from muniment.catalog.controls_conditions import CLOCK_PARAMETERS
from muniment.errors import CatalogError
from muniment.model.controls import Control, ControlTest
from muniment.model.entries import ENTRY_COLUMN_BY_NAME
from muniment.model.outcomes import TestKind
from muniment.model.records import RECORD_TABLE_BY_NAME

FACTS = (
    "agent_day", "act_day", "model_day", "context_day", "source_hour", "source_run", "agent_life",
)  # fmt: skip
VIEWS = ("active_agent",)
ROW_CONTRACT = ("item_id", "outcome", "reason", "observed_at", "evidence_ref")
OPTIONAL_COLUMNS = ("agent_id", "attributes", "missing", "source_id")
RELATIONS: dict[TestKind, frozenset[str]] = {
    TestKind.SEQUENCE: frozenset({"events", *VIEWS, *RECORD_TABLE_BY_NAME}),
    TestKind.REGISTRY: frozenset({*VIEWS, *RECORD_TABLE_BY_NAME}),
    TestKind.FACTS: frozenset({*FACTS, *VIEWS, *RECORD_TABLE_BY_NAME}),
}
# Answers that differ from run to run, or that look at the engine, are no evidence.
_REFUSED_FUNCTIONS = frozenset(
    {"now", "random", "uuid", "gen_random_uuid", "uuidv4", "uuidv7", "today", "setseed", "getenv",
     "getvariable", "nextval", "currval", "current_setting", "txid_current", "version", "query",
     "get_current_timestamp", "get_current_time",
     "localtime", "localtimestamp", "current_localtime", "current_localtimestamp",
     "pg_postmaster_start_time", "pg_conf_load_time", "current_transaction_id", "current_query",
     "write_log", "sleep_ms", "age",
     "transaction_timestamp", "read_text", "read_blob"}
)  # fmt: skip
_REFUSED_NODES: tuple[type[exp.Expr], ...] = (
    exp.Into, exp.Insert, exp.Update, exp.Delete, exp.Create, exp.Drop, exp.Alter, exp.Command,
    exp.Copy, exp.Attach, exp.Set, exp.Pragma, exp.CurrentTimestamp, exp.CurrentDate,
    exp.CurrentTime, exp.Localtime, exp.Localtimestamp, exp.Rand, exp.Uuid, exp.TableSample,
    # One of these can build a value larger than the memory limit and outrun the time-out.
    exp.Repeat, exp.Pad, exp.GenerateSeries,
)  # fmt: skip

_OPENINGS = frozenset({TokenType.SELECT, TokenType.WITH, TokenType.L_PAREN})


@dataclass(frozen=True, slots=True)
class SelectFacts:
    """What a checked SELECT reads: relations, entry columns, bound parameters, output columns."""

    relations: frozenset[str]
    entry_columns: frozenset[str]
    parameters: frozenset[str]
    outputs: tuple[str, ...]


def select_place(control: Control, test: ControlTest) -> str:
    """The control and the file of a test's SELECT, as errors name them before the line."""
    return f"control `{control.id}`: `{test.file or test.id}`"


def check_select(sql: str, kind: TestKind, parameters: Collection[str], where: str) -> SelectFacts:
    """What the SELECT reads; CatalogError when it is not one SELECT over allowed relations.

    where: names control and file; errors add the line.
    """
    return _checked(sql, kind, frozenset(parameters), where)


@lru_cache(maxsize=1_024)
def _checked(sql: str, kind: TestKind, parameters: frozenset[str], where: str) -> SelectFacts:
    select = _one_select(sql, where)
    ctes = {cte.alias_or_name for cte in select.find_all(exp.CTE)}
    for node in select.walk():
        _check_node(node, where)
    relations = {_relation(table, kind, ctes, where) for table in select.find_all(exp.Table)}
    used = {str(node.this): node for node in select.find_all(exp.Placeholder)}
    unknown = used.keys() - parameters - CLOCK_PARAMETERS
    if unknown:
        name = min(unknown)
        raise CatalogError(
            f"{_at(where, used[name])}: `${name}` is not listed under the control's `parameters`."
        )
    outputs = tuple(projection.alias_or_name for projection in select.selects)
    for name in ROW_CONTRACT:
        if name not in outputs:
            raise CatalogError(
                f"{where}: the query returns no column `{name}`. See docs/controls.md."
            )
    for name in outputs:
        if name not in ROW_CONTRACT + OPTIONAL_COLUMNS:
            raise CatalogError(f"{where}: the query returns `{name}`, not in the contract.")
    names = {column.name for column in select.find_all(exp.Column)}
    return SelectFacts(
        frozenset(relations - {""}),
        frozenset(names & ENTRY_COLUMN_BY_NAME.keys()) if "events" in relations else frozenset(),
        frozenset(used),
        outputs,
    )


def _one_select(sql: str, where: str) -> exp.Select | exp.SetOperation:
    try:
        _refuse_other_statements(sql, where)
        statements = [s for s in sqlglot.parse(sql, dialect="duckdb") if s is not None]
    except RecursionError as error:
        raise CatalogError(f"{where} line 1: nests too deep to be read.") from error
    except SqlglotError as error:
        line = next((e["line"] for e in getattr(error, "errors", []) if e.get("line")), 1)
        detail = str(error).splitlines()[0]
        raise CatalogError(f"{where} line {line}: not SQL that can be read: {detail}") from error
    if len(statements) != 1 or not isinstance(statements[0], exp.Select | exp.SetOperation):
        raise CatalogError(f"{where} line 1: must be exactly one SELECT.")
    return statements[0]


def _refuse_other_statements(sql: str, where: str) -> None:
    """Before parsing: a parser may take what it does not know for some statement or other."""
    begins, seen = True, 0
    for token in sqlglot.tokenize(sql, dialect="duckdb"):
        if token.token_type is TokenType.SEMICOLON:
            begins = True
        elif begins:
            begins, seen = False, seen + 1
            if seen > 1 or token.token_type not in _OPENINGS:
                raise CatalogError(
                    f"{where} line {token.line}: `{token.text[:40]}` begins another statement; a "
                    "test must be exactly one SELECT."
                )


def _at(where: str, node: exp.Expr) -> str:
    """The place of a node: its own line, else the first that anything in it or around it states."""
    for candidate in (node, *node.walk()):
        if "line" in candidate.meta:
            return f"{where} line {candidate.meta['line']}"
    return f"{where} line 1" if node.parent is None else _at(where, node.parent)


def _check_node(node: exp.Expr, where: str) -> None:
    if isinstance(node, _REFUSED_NODES):
        text = node.sql(dialect="duckdb")[:80]
        raise CatalogError(f"{_at(where, node)}: `{text}` is not allowed in a test.")
    if isinstance(node, exp.Star) and isinstance(node.parent, exp.Select):
        raise CatalogError(f"{_at(where, node)}: name the columns instead of `*`.")
    if isinstance(node, exp.Column) and isinstance(node.this, exp.Star):
        raise CatalogError(f"{_at(where, node)}: name the columns instead of `{node.sql()}`.")
    if isinstance(node, exp.Anonymous) and str(node.this).lower() in _REFUSED_FUNCTIONS:
        raise CatalogError(f"{_at(where, node)}: function `{node.this}` is not allowed in a test.")


def _relation(table: exp.Table, kind: TestKind, ctes: Collection[str], where: str) -> str:
    name = table.name
    if not isinstance(table.this, exp.Identifier) or table.db or table.catalog:
        raise CatalogError(
            f"{_at(where, table)}: `{table.sql(dialect='duckdb')[:80]}` is not a relation of "
            "this test."
        )
    if name in ctes:
        return ""
    if name not in RELATIONS[kind]:
        raise CatalogError(
            f"{_at(where, table)}: relation `{name}` is not available to a {kind} test. "
            f"Available: {', '.join(sorted(RELATIONS[kind]))}."
        )
    return name
