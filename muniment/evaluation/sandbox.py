"""The sandbox: an in-memory DuckDB that holds given tables and can reach nothing else.

Tables are copied in before the lock, since a view over Arrow or Parquet would be a way out. After
it there is no file, no network, no extension and no setting that a test could change.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from itertools import count
from types import TracebackType
from typing import Any

import duckdb
import pyarrow as pa

from muniment.errors import EvaluationError

MEMORY_LIMIT = "2GB"
TIMEOUT_S = 600.0
THREADS = 2
_SHARED: ContextVar[duckdb.DuckDBPyConnection | None] = ContextVar("shared", default=None)
_NUMBERS = count()


class Sandbox:
    """Tables by name in a locked database; a context manager that frees them."""

    def __init__(
        self,
        tables: Mapping[str, pa.Table],
        prepare: Iterable[str] = (),
        *,
        memory_limit: str = MEMORY_LIMIT,
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        """prepare: own statements run after the tables are in and before the lock."""
        self.timeout_s = timeout_s
        self._schema = ""
        shared = _SHARED.get()
        self._connection = shared.cursor() if shared else _database(memory_limit, THREADS)
        if shared:
            self._schema = f"sandbox_{next(_NUMBERS)}"
            self._connection.execute(f"create schema {self._schema}")
            self._connection.execute(f"use {self._schema}")
        for name, table in tables.items():
            self._connection.register("arrow_in", table)
            self._connection.execute(f'create table "{name}" as select * from arrow_in')
            self._connection.unregister("arrow_in")
        for statement in prepare:
            self._connection.execute(statement)
        if not shared:
            _lock(self._connection)

    def __enter__(self) -> Sandbox:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._schema:
            self._connection.execute("use memory.main")
            self._connection.execute(f"drop schema {self._schema} cascade")
        self._connection.close()

    def require_one_select(self, sql: str) -> None:
        """EvaluationError unless DuckDB itself reads the text as exactly one SELECT."""
        try:
            statements = self._connection.extract_statements(sql)
        except duckdb.Error as error:
            raise EvaluationError(f"not SQL that DuckDB can read: {_first_line(error)}") from error
        if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
            raise EvaluationError("the text of a test must be exactly one SELECT statement.")

    def rows(self, sql: str, parameters: Mapping[str, Any] | None = None) -> list[tuple[Any, ...]]:
        """The rows of a statement; parameters that it does not name are left out.

        Raises EvaluationError when it fails or runs longer than the time-out.
        """
        timer = threading.Timer(self.timeout_s, self._connection.interrupt)
        timer.daemon = True
        timer.start()
        try:
            named = self._connection.extract_statements(sql)[0].named_parameters
            bound = {name: (parameters or {})[name] for name in named}
            return self._connection.execute(sql, bound).fetchall()
        except KeyError as error:
            raise EvaluationError(f"no value is given for parameter `${error.args[0]}`.") from error
        except duckdb.InterruptException as error:
            raise EvaluationError(
                f"the test ran longer than {self.timeout_s:.0f} s and was stopped."
            ) from error
        except duckdb.Error as error:
            raise EvaluationError(_first_line(error)) from error
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
    connection = _database(MEMORY_LIMIT, threads=1)
    _lock(connection)
    token = _SHARED.set(connection)
    try:
        yield
    finally:
        _SHARED.reset(token)
        connection.close()


def _database(memory_limit: str, threads: int) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect(":memory:")
    connection.execute(f"set memory_limit = '{memory_limit}'")
    connection.execute(f"set threads = {threads}")
    connection.execute("set TimeZone = 'UTC'")
    return connection


def _lock(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute("set enable_external_access = false")
    connection.execute("set lock_configuration = true")


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:300]
