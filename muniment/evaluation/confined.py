"""A sandbox in a process of its own, which the system holds to its memory and we to its time.

A statement that runs over its time is interrupted; one that does not heed this, such as a single
huge string function, is killed with its process. The next statement starts another process with
the same tables. Its answers are JSON: what runs there can hand back values, nothing else.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import duckdb
import pyarrow as pa

from muniment.errors import EvaluationError
from muniment.evaluation.sandbox import Limits, TestSqlError, too_long

# What a killed process may take beyond the interrupt, in seconds.
GRACE_S = 2.0
_START_S = 120.0
_LONGEST_ANSWER = 1 << 30
Tables = Mapping[str, Callable[[], pa.Table | pa.RecordBatchReader]]


class ConfinedSandbox:
    """As `Sandbox`, for SQL that is not trusted. One thread at a time; close it."""

    def __init__(
        self, tables: Tables, prepare: Iterable[str] = (), *, limits: Limits | None = None
    ) -> None:
        """tables: read anew, by calling them, each time a process is started."""
        self.limits = limits or Limits()
        self._tables = dict(tables)
        self._prepare = tuple(prepare)
        self._process: subprocess.Popen[bytes] | None = None
        self._filled = False
        self._waiting: list[Any] = []

    def put(self, name: str, table: pa.Table) -> None:
        """Have a table instead of the one of that name, from the next statement on."""
        self._tables[name] = lambda: table
        if self._filled:
            self._waiting += [{"table": name}, self._tables[name]]

    def close(self) -> None:
        """End the process."""
        process, self._process = self._process, None
        self._filled, self._waiting = False, []
        if process is not None:
            process.kill()
            process.communicate()

    def require_one_select(self, sql: str) -> None:
        """EvaluationError unless DuckDB itself reads the text as exactly one SELECT."""
        self._ask({"check": sql})

    def rows(self, sql: str, parameters: Mapping[str, Any] | None = None) -> list[tuple[Any, ...]]:
        """The rows of a statement; parameters that it does not name are left out.

        Raises EvaluationError when it fails, or is stopped for its time or its memory.
        """
        bound = {
            name: {"timestamp_ns": value.object} if isinstance(value, duckdb.Value) else value
            for name, value in (parameters or {}).items()
        }
        answer = self._ask({"sql": sql, "parameters": bound})
        return [tuple(row) for row in answer["rows"]]

    def _ask(self, message: dict[str, Any]) -> dict[str, Any]:
        if not self._filled:
            self._fill()
        sent, self._waiting = [*self._waiting, message], []
        return self._exchange(sent, self.limits.timeout_s + GRACE_S)

    def start(self) -> None:
        """Start the process, which takes a moment, and do not wait for it."""
        if self._process is not None:
            return
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-m", "muniment.evaluation.confined_child"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            # No secret of this process, such as a database's password, is within reach of a test.
            env={name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ},
        )

    def _fill(self) -> None:
        self.start()
        messages: list[Any] = [{"limits": asdict(self.limits)}]
        for name, read in self._tables.items():
            messages += [{"table": name}, read]
        self._exchange([*messages, {"prepare": self._prepare}], _START_S + self.limits.timeout_s)
        self._filled = True

    def _exchange(self, messages: Sequence[Any], within_s: float) -> dict[str, Any]:
        """Send, then wait for one answer; the process is killed when that takes too long."""
        process = self._process
        if process is None or process.stdin is None or process.stdout is None:
            raise EvaluationError("the sandbox is closed.")
        killed = threading.Event()

        def kill() -> None:
            killed.set()
            process.kill()

        timer = threading.Timer(within_s, kill)
        timer.daemon = True
        timer.start()
        try:
            for message in messages:
                if callable(message):
                    _send_table(message(), process.stdin)
                else:
                    process.stdin.write(json.dumps(message).encode() + b"\n")
            process.stdin.flush()
            line = process.stdout.readline(_LONGEST_ANSWER)
        except (BrokenPipeError, OSError):
            line = b""
        finally:
            timer.cancel()
        return self._answer(line, killed=killed.is_set())

    def _answer(self, line: bytes, *, killed: bool) -> dict[str, Any]:
        if not line.endswith(b"\n"):
            self.close()
            raise TestSqlError(
                too_long(self.limits)
                if killed
                else f"the test needed more than the {self.limits.memory_mb:,} MB of memory that "
                "it may use, and was stopped."
            )
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            if answer["worn"]:
                self.close()
            raise TestSqlError(str(answer["error"]), answer["line"])
        return answer


def _send_table(source: pa.Table | pa.RecordBatchReader, to: Any) -> None:
    with pa.ipc.new_stream(to, source.schema) as writer:
        batches = source.to_batches() if isinstance(source, pa.Table) else source
        for batch in batches:
            writer.write_batch(batch)
