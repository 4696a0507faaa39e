"""SELECT tests in a process of their own: what outruns DuckDB's limits is stopped by the system."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from muniment.errors import EvaluationError
from muniment.evaluation.confined import ConfinedSandbox
from muniment.evaluation.engine import evaluate_controls
from muniment.evaluation.inputs import instant
from muniment.evaluation.sandbox import Limits
from muniment.model.outcomes import State
from muniment.sealing.log import AuditLog
from muniment.sealing.segments import file_digest
from muniment.store.open import Store, create_store
from tests.builders.controls import PARAMETERS, SETTING, control, registry_test
from tests.builders.entries import entry, table

NUMBERS = pa.table({"n": [1, 2, 3]})
STOPPED = "ran longer than|[mM]emory|Allocation failure|Cannot create a string of size"


@pytest.fixture(scope="module")
def sandbox() -> Iterator[ConfinedSandbox]:
    limits = Limits(memory_mb=64, threads=1, timeout_s=0.3)
    made = ConfinedSandbox({"numbers": lambda: NUMBERS}, ["create table two as select 2 as n"],
                           limits=limits)  # fmt: skip
    yield made
    made.close()


def test_rows_and_values_come_back_as_they_are(sandbox: ConfinedSandbox) -> None:
    sql = "select n, 'ü', null, [n], $at::timestamp_ns > '2026-01-01'::timestamp_ns from numbers"
    assert sandbox.rows(sql, {"at": instant(0), "other": 1})[0] == (1, "ü", None, [1], False)
    assert sandbox.rows("select n from two") == [(2,)]


@pytest.mark.parametrize(
    "sql",
    [
        "select count(*) from range(1000000000) a, range(1000000000) b where a.range % 7 = 9",
        "select list_resize([1], 2000000000)",
        "select repeat('x', 10000000000)",
        "select length(repeat('abcdefgh', 400000000) || repeat('b', 3000000000)) as n",
        "select string_agg(repeat('x', 1000000), '') from range(100000)",
    ],
)
def test_statement_beyond_time_or_memory_is_stopped_and_the_next_one_runs(
    sandbox: ConfinedSandbox, sql: str
) -> None:
    with pytest.raises(EvaluationError, match=STOPPED):
        sandbox.rows(sql)
    assert sandbox.rows("select sum(n) from numbers") == [(6,)]


@pytest.mark.parametrize(
    "sql",
    [
        "copy numbers to '{folder}/out.csv'", "attach '{folder}/out.db'", "set threads = 9",
        "install httpfs", "load httpfs", "select * from read_text('{folder}/secret.csv')",
        "select * from glob('{folder}/*')", "select * from '{folder}/secret.csv'",
    ],
)  # fmt: skip
def test_statement_that_reaches_outside_fails(
    sandbox: ConfinedSandbox, tmp_path: Path, sql: str
) -> None:
    (tmp_path / "secret.csv").write_text("a,b\n1,2\n")
    with pytest.raises(EvaluationError):
        sandbox.rows(sql.format(folder=tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == ["secret.csv"]


def test_line_of_an_error_is_kept(sandbox: ConfinedSandbox) -> None:
    with pytest.raises(EvaluationError) as raised:
        sandbox.rows("select n,\n  foo(n)\nfrom numbers")
    assert getattr(raised.value, "line", None) == 2


GOOD = """select
    agent_id as item_id, 'pass' as outcome, 'r' as reason, valid_from as observed_at,
    'record/agent/' || row_id as evidence_ref
from agent"""


REFUSED = [
    ("copy agent to '{folder}/x.csv'", 1),
    ("-- why\nattach '{folder}/x.db'", 2),
    ("set memory_limit = '1TB'", 1),
    ("install httpfs", 1),
    ("\n\nload httpfs", 3),
    ("pragma database_list", 1),
    (GOOD.replace("from agent", "from read_parquet('{folder}/*.parquet')"), 4),
    (GOOD.replace("from agent", "from glob('/*')"), 4),
    (GOOD + ";\ndelete from agent", 5),
    (GOOD + "\nwhere exists (select 1 from range(100000000000))", 5),
    (GOOD + "\nwhere\n    repeat('x', 10000000000) = ''", 6),
    (GOOD + "\nwhere\n\n    cast(agent_id as integer) = 1", 7),
    (GOOD + "\nwhere length(list_resize([1], 2000000000)::varchar) = 1", 1),
]


def test_selects_that_are_refused_or_stopped_are_errors_with_file_and_line_and_stop_no_other(
    sealed: Store,
) -> None:
    before = [file_digest(each.path)[0] for each in sealed.audit.segments()]
    tests = [
        registry_test(sql.format(folder=sealed.layout.segments), file=f"mappings/controls/{n}.sql")
        for n, (sql, _) in enumerate(REFUSED)
    ]
    good = registry_test(GOOD)
    library = {f"TST-{n:02d}": test for n, test in enumerate([*tests, good])}
    results = evaluate_controls(
        sealed,
        {name: control(test, id=name) for name, test in library.items()},
        PARAMETERS,
        SETTING.clock,
        time_zone="UTC",
        limits=Limits(memory_mb=64, threads=1, timeout_s=0.5),
    )
    assert [result.state for result in results] == [State.ERROR] * len(REFUSED) + [State.PASS]
    for n, (sql, line) in enumerate(REFUSED):
        assert f"`mappings/controls/{n}.sql` line {line}: " in results[n].tests[0].error, sql
    assert [file_digest(each.path)[0] for each in sealed.audit.segments()] == before
    assert {path.suffix for path in sealed.layout.segments.rglob("*.*")} == {".parquet"}


@pytest.fixture(scope="module")
def sealed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with create_store(
        tmp_path_factory.mktemp("confined") / "store", organisation="Example Ltd",
        time_zone="UTC", recorded_by="founder@example.org",
    ) as store:  # fmt: skip
        with store.records.writing() as writer:
            writer.put(
                "agent", {"agent_id": "a1", "name": "One"}, valid_from="2026-01-01T00:00:00Z",
                recorded_by="clerk@example.org", source_id="registry",
            )  # fmt: skip
        AuditLog(store).append(table(entry(1)))
        AuditLog(store).seal()
        yield store
