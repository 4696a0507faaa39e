"""The process in which SELECT tests run: held by the system, answering over its pipes.

Each message is a line of JSON; tables follow as Arrow streams. It starts with the limits, then the
tables and the statements that prepare them; after the lock it answers one statement at a time.
"""

from __future__ import annotations

import contextlib
import json
import signal
import sys
from typing import Any, BinaryIO

import duckdb
import pyarrow as pa

from muniment.errors import EvaluationError
from muniment.evaluation.sandbox import Limits, Sandbox, TestSqlError

# Beside DuckDB's own memory: the interpreter, libraries, and the result on its way out.
OVERHEAD_MB = 2_048
# After these a process may lack what the next statement needs.
_WORN = (duckdb.OutOfMemoryException, MemoryError)


def confine(limits: Limits) -> None:
    """Have the system refuse this process more memory, any file to write, and a core dump."""
    try:
        import resource
    except ImportError:  # no such limits on this system: DuckDB's own and the kill remain
        return
    most = (limits.memory_mb + OVERHEAD_MB) << 20
    wanted = {"RLIMIT_AS": most, "RLIMIT_FSIZE": 0, "RLIMIT_CORE": 0}
    for name, value in wanted.items():
        with contextlib.suppress(AttributeError, ValueError, OSError):
            resource.setrlimit(getattr(resource, name), (value, value))
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # writing fails instead of killing


def serve(requests: BinaryIO, answers: BinaryIO) -> None:
    """Answer until the other side closes its end."""
    first = json.loads(requests.readline())
    limits = Limits(**first["limits"])
    confine(limits)
    sandbox = Sandbox({}, None, limits=limits)
    for line in iter(requests.readline, b""):
        asked = json.loads(line)
        try:
            if "table" in asked:
                sandbox.add(asked["table"], pa.ipc.open_stream(requests))
                continue
            said = _answer(sandbox, asked)
        except (EvaluationError, duckdb.Error, pa.ArrowException, MemoryError) as error:
            text = str(error).strip() or type(error).__name__
            said = {
                "error": text.splitlines()[0][:300],
                "line": getattr(error, "line", None),
                "worn": isinstance(error.__cause__ or error, _WORN),
            }
        answers.write(json.dumps(said).encode() + b"\n")
        answers.flush()
        if "error" in said and "table" in asked:
            return  # the rest of that table stands in the pipe


def _answer(sandbox: Sandbox, asked: dict[str, Any]) -> dict[str, Any]:
    if "prepare" in asked:
        sandbox.lock(asked["prepare"])
        return {"ok": True}
    if "check" in asked:
        sandbox.require_one_select(asked["check"])
        return {"ok": True}
    bound = {name: _value(value) for name, value in asked["parameters"].items()}
    try:
        return {"rows": [[_plain(v) for v in row] for row in sandbox.rows(asked["sql"], bound)]}
    except TypeError as error:
        raise TestSqlError(f"the result holds a value that cannot be shown: {error}.") from error


def _value(value: Any) -> Any:
    if isinstance(value, dict):
        return duckdb.Value(value["timestamp_ns"], duckdb.sqltypes.TIMESTAMP_NS)
    return value


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, str | int | float | bool):
        return value
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    raise TypeError(type(value).__name__)


if __name__ == "__main__":
    serve(sys.stdin.buffer, sys.stdout.buffer)
