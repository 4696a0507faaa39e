"""The sandbox: an in-memory DuckDB that holds given tables and can reach nothing else.

Tables are copied in before the lock, since a view over Arrow or Parquet would be a way out. After
it there is no file, no network, no extension and no setting that a test could change. One huge
string function can outrun memory limit and time-out here; `confined` runs the same sandbox in a
process that the system holds to both.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from itertools import count
from types import TracebackType
from typing import Any, Protocol, Self

import duckdb
import pyarrow as pa

from muniment.errors import EvaluationError

TIMEOUT_S = 600.0
_SHARED: ContextVar[duckdb.DuckDBPyConnection | None] = ContextVar("shared", default=None)
_NUMBERS = count()
_LINE = re.compile(r"^LINE (\d+):", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Limits:
    """What a sandbox may use: DuckDB's memory in MB, threads, and seconds for one statement."""

    memory_mb: int = 2_048
    threads: int = 2
    timeout_s: float = TIMEOUT_S


class TestSqlError(EvaluationError):
    """A statement failed; `line` is the line of it that DuckDB names, if any, from 1 on."""

    __test__ = False

    def __init__(self, said: str, line: int | None = None) -> None:
        super().__init__(said)
        self.line = line


class SqlRunner(Protocol):
    """What tests need of a sandbox, wherever it runs."""

    def require_one_select(self, sql: str) -> None:
        """EvaluationError unless DuckDB itself reads the text as exactly one SELECT."""

    def rows(self, sql: str, parameters: Mapping[str, Any] | None = None) -> list[tuple[Any, ...]]:
        """The rows of a statement; parameters that it does not name are left out."""

    def close(self) -> None:
        """Free the tables."""


class Sandbox:
    """Tables by name in a locked database; a context manager that frees them."""

    def __init__(
        self,
        tables: Mapping[str, pa.Table | pa.RecordBatchReader],
        prepare: Iterable[str] | None = (),
        *,
        limits: Limits | None = None,
    ) -> None:
        """prepare: own statements run after the tables are in and before the lock.

        With None it stays open for more tables, until `lock`.
        """
        self.limits = limits or Limits()
        self._schema = ""
        self._shared = _SHARED.get()
        self._connection = self._shared.cursor() if self._shared else _database(self.limits)
        if self._shared:
            self._schema = f"sandbox_{next(_NUMBERS)}"
            self._connection.execute(f"create schema {self._schema}")
            self._connection.execute(f"use {self._schema}")
        for name, table in tables.items():
            self.add(name, table)
        if prepare is not None:
            self.lock(prepare)

    def add(self, name: str, table: pa.Table | pa.RecordBatchReader) -> None:
        """Copy a table in, in the place of one of that name; no statement sees the original."""
        self._connection.register("arrow_in", table)
        self._connection.execute(f'create or replace table "{name}" as select * from arrow_in')
        self._connection.unregister("arrow_in")

    def put(self, name: str, table: pa.Table) -> None:
        """Have a table instead of the one of that name; also after the lock."""
        self.add(name, table)

    def lock(self, prepare: Iterable[str]) -> None:
        """Run own statements, then close every way out."""
        for statement in prepare:
            self._connection.execute(statement)
        if not self._shared:
            _lock(self._connection)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Free the tables."""
        if self._schema:
            self._connection.execute("use memory.main")
            self._connection.execute(f"drop schema {self._schema} cascade")
        self._connection.close()

    def require_one_select(self, sql: str) -> None:
        """EvaluationError unless DuckDB itself reads the text as exactly one SELECT."""
        try:
            statements = self._connection.extract_statements(sql)
        except duckdb.Error as error:
            raise TestSqlError(
                f"not SQL that DuckDB can read: {_first_line(error)}", _line_of(error)
            ) from error
        if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
            raise TestSqlError("the text of a test must be exactly one SELECT statement.", 1)

    def rows(self, sql: str, parameters: Mapping[str, Any] | None = None) -> list[tuple[Any, ...]]:
        """The rows of a statement; parameters that it does not name are left out.

        Raises EvaluationError when it fails or runs longer than the time-out.
        """
        timer = threading.Timer(self.limits.timeout_s, self._connection.interrupt)
        timer.daemon = True
        timer.start()
        try:
            named = self._connection.extract_statements(sql)[0].named_parameters
            bound = {name: (parameters or {})[name] for name in named}
            return self._connection.execute(sql, bound).fetchall()
        except KeyError as error:
            raise TestSqlError(f"no value is given for parameter `${error.args[0]}`.") from error
        except duckdb.InterruptException as error:
            raise TestSqlError(too_long(self.limits)) from error
        except (duckdb.Error, MemoryError) as error:
            raise TestSqlError(_first_line(error), _line_of(error)) from error
        finally:
            timer.cancel()

    def arrow(self, sql: str, parameters: Mapping[str, Any] | None = None) -> pa.Table:
        """Like `rows`, as an Arrow table; for own statements only, which take no time-out."""
        named = self._connection.extract_statements(sql)[0].named_parameters
        bound = {name: (parameters or {})[name] for name in named}
        return self._connection.sql(sql, params=bound).to_arrow_table()


@contextmanager
def one_database() -> Iterator[None]:
    """Sandboxes opened inside lie in one database, each in a schema of its own.

    For thousands of small ones that come from the same hands, such as a control's cases: opening a
    database takes longer than running a test over ten rows.
    """
    connection = _database(Limits(threads=1))
    # Looking for them takes longer than computing them twice over ten rows.
    connection.execute("set disabled_optimizers = 'common_subexpressions'")
    _lock(connection)
    token = _SHARED.set(connection)
    try:
        yield
    finally:
        _SHARED.reset(token)
        connection.close()


def _database(limits: Limits) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect(":memory:")
    connection.execute(f"set memory_limit = '{limits.memory_mb}MB'")
    connection.execute(f"set threads = {limits.threads}")
    connection.execute("set TimeZone = 'UTC'")
    connection.execute("set temp_directory = ''")
    return connection


def _lock(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute("set enable_external_access = false")
    connection.execute("set lock_configuration = true")


def too_long(limits: Limits) -> str:
    """What is said of a statement that was stopped."""
    return f"the test ran longer than {limits.timeout_s:.0f} s and was stopped."


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:300]


def _line_of(error: Exception) -> int | None:
    match = _LINE.search(str(error))
    return int(match.group(1)) if match else None
