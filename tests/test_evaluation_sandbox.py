"""The sandbox: what a test's SQL cannot do even if the catalog's checks were passed by."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from muniment.errors import EvaluationError
from muniment.evaluation.sandbox import Limits, Sandbox

NUMBERS = pa.table({"n": [1, 2, 3]})


@pytest.mark.parametrize(
    "sql",
    [
        "select * from read_text('{path}')",
        "select * from read_csv('{path}')",
        "select * from '{path}'",
        "copy numbers to '{folder}/out.csv'",
        "attach '{folder}/out.db'",
        "export database '{folder}/out'",
        "set enable_external_access = true",
        "set memory_limit = '100GB'",
        "install httpfs",
        "load httpfs",
    ],
)
def test_statement_that_reaches_outside_fails(tmp_path: Path, sql: str) -> None:
    secret = tmp_path / "secret.csv"
    secret.write_text("a,b\n1,2\n")
    before = sorted(tmp_path.iterdir())
    with Sandbox({"numbers": NUMBERS}) as sandbox, pytest.raises(EvaluationError):
        sandbox.rows(sql.format(path=secret, folder=tmp_path))
    assert sorted(tmp_path.iterdir()) == before


def test_python_variables_are_no_relations() -> None:
    hidden = pa.table({"secret": [1]})
    with Sandbox({"numbers": NUMBERS}) as sandbox, pytest.raises(EvaluationError, match="hidden"):
        sandbox.rows("select * from hidden")
    assert hidden.num_rows == 1


def test_statement_that_runs_too_long_is_stopped() -> None:
    endless = "select count(*) from range(1000000000) a, range(1000000000) b where a.range % 7 = 3"
    with Sandbox({"numbers": NUMBERS}, limits=Limits(timeout_s=0.3)) as sandbox:
        with pytest.raises(EvaluationError, match="ran longer than"):
            sandbox.rows(endless)
        assert sandbox.rows("select sum(n) from numbers") == [(6,)]


@pytest.mark.parametrize("sql", ["select 1; select 2", "drop table numbers", "select from where"])
def test_text_that_is_not_one_select_is_refused(sql: str) -> None:
    with Sandbox({"numbers": NUMBERS}) as sandbox:
        with pytest.raises(EvaluationError):
            sandbox.require_one_select(sql)
        assert sandbox.rows("select count(*) from numbers") == [(3,)]


def test_only_named_parameters_are_bound_and_a_missing_one_is_named() -> None:
    with Sandbox({"numbers": NUMBERS}) as sandbox:
        assert sandbox.rows("select $a", {"a": 1, "b": 2}) == [(1,)]
        with pytest.raises(EvaluationError, match=r"parameter `\$c`"):
            sandbox.rows("select $c", {"a": 1})
