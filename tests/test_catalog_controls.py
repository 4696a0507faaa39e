"""Loading controls: what the catalog refuses, and that it says where."""

from __future__ import annotations

from pathlib import Path

import pytest

from muniment.catalog.controls import load_control, load_controls
from muniment.catalog.controls_conditions import compile_condition
from muniment.catalog.controls_select import check_select
from muniment.catalog.parameters import load_parameters
from muniment.catalog.yaml_files import read_yaml
from muniment.errors import CatalogError
from muniment.model.outcomes import TestKind
from tests.builders.controls import CONTROLS

HEAD = """\
id: TST-01
title: t
objective: o
statement: s
risk: r
nature: detective
owner_role: w
frequency: daily
severity: low
remedy: m
does_not_prove: d
"""
EVENTS = """\
tests:
  - id: one
    kind: events
    title: t
    population: executed
    exception: {exception}
"""
ROW = "select agent_id as item_id, 'pass' as outcome, 'r' as reason, valid_from as observed_at, "
ROW += "'record/agent/' || row_id as evidence_ref"


def write(folder: Path, text: str, name: str = "tst_01_built") -> Path:
    path = folder / "mappings" / "controls" / "tst" / f"{name}.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(HEAD + text)
    return path


def condition(text: str, **changes: object) -> str:
    options = {"joins": ("approval",), "parameters": ("limit_days",), "where": "`x.yaml` line 3"}
    return compile_condition(text, **{**options, **changes}).sql  # type: ignore[arg-type]


def test_shipped_controls_load_with_digests_and_domains() -> None:
    assert {"IDN-01", "OWN-01", "ACC-03", "OVR-03", "AUD-01", "AUD-02", "DEV-04", "GOV-01"} <= set(
        CONTROLS
    )
    assert list(CONTROLS) == sorted(CONTROLS)
    for control in CONTROLS.values():
        assert len(control.digest) == 64
        assert control.folder == control.id[:3].lower()
        assert set(control.parameters) <= set(load_parameters())


def test_no_control_names_a_framework() -> None:
    for control in CONTROLS.values():
        words = control.model_dump_json().lower()
        assert not any(name in words for name in ("iso 42001", "nist", "ai act", "article 12"))


def test_digest_changes_with_the_sql(tmp_path: Path) -> None:
    text = "tests:\n  - {id: one, kind: registry, title: t}\n"
    path = write(tmp_path, text)
    path.with_suffix(".sql").write_text(ROW + " from agent")
    first = load_control(path)
    assert first.tests[0].sql == ROW + " from agent"
    path.with_suffix(".sql").write_text(ROW + " from agent  ")
    assert load_control(path).digest != first.digest


@pytest.mark.parametrize(
    ("exception", "said"),
    [
        ("nonsense = 1", "an event has no column `nonsense`"),
        ("(select true)", "not allowed in a condition"),
        ("agent_id in (select agent_id from agent)", "may not hold a subquery"),
        ("agent_id; drop table x", "must be one condition"),
        ("agent_id = 'a' from agent", "must be one condition"),
        ("read_text('/etc/passwd') = 'a'", "not on the list of allowed functions"),
        ("random() > 1", "not allowed in a condition"),
        ("approval.found", "needs `joins: [approval]`"),
        ("salt = 'a'", "an event has no column `salt`"),
        ("event_time - end_time > 5", "loses nanoseconds"),
        ("agent_id = $secret", "`$secret` is not listed"),
        ("is_empty(agent_id)", "takes one column's name in quotes"),
        ("cast(agent_id as date) = '2026'", "a cast to"),
        ("agent_id = (", "is not SQL"),
        ("count(agent_id) over () > 1", "not allowed in a condition"),
    ],
)
def test_condition_outside_the_language_is_refused_with_file_and_line(
    tmp_path: Path, exception: str, said: str
) -> None:
    path = write(tmp_path, EVENTS.format(exception=f'"{exception}"'))
    with pytest.raises(CatalogError) as caught:
        load_control(path)
    assert said in str(caught.value)
    assert "control `TST-01` in `mappings/controls/tst/tst_01_built.yaml` line 17" in str(
        caught.value
    )


def test_condition_names_its_columns_and_parameters() -> None:
    built = compile_condition(
        "approval.decided_at >= event_time or amount > $limit_days",
        joins=("approval",),
        parameters=("limit_days",),
        where="x",
    )
    assert built.columns == {"approval.decided_at", "event.event_time", "event.amount"}
    assert built.parameters == {"limit_days"}


def test_condition_may_subtract_nanosecond_counts() -> None:
    assert "EPOCH_NS" in condition("epoch_ns(end_time) - epoch_ns(event_time) > $limit_days")


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("delete from agent", "must be exactly one SELECT"),
        (ROW + " from agent; select 1", "must be exactly one SELECT"),
        ("copy agent to 'x.csv'", "must be exactly one SELECT"),
        ("attach 'x.db'", "must be exactly one SELECT"),
        (ROW + " from read_csv('/etc/passwd')", "is not a relation of this test"),
        (ROW + " from '/etc/passwd.csv'", "is not available"),
        (ROW + " from main.agent", "is not a relation of this test"),
        (ROW + " from events", "relation `events` is not available to a registry test"),
        (ROW + " from duckdb_settings()", "is not a relation of this test"),
        (ROW + ", (select max(salt) from read_text('x')) as agent_id from agent", "`read_text`"),
        ("select * from agent", "name the columns"),
        ("select agent.* from agent", "name the columns"),
        ("select agent_id as item_id from agent", "returns no column `outcome`"),
        (ROW + ", 1 as surplus from agent", "not in the contract"),
        (ROW + " from agent where valid_from < $as_off", "`$as_off` is not listed"),
        (ROW + " from agent where random() > 0.5", "is not allowed in a test"),
        (ROW + " from agent where valid_from < now()", "is not allowed in a test"),
        (ROW + " from agent where getenv('HOME') = ''", "is not allowed in a test"),
        (ROW + " from agent where valid_from < localtimestamp", "is not allowed in a test"),
        (ROW + " from agent where age(valid_from) > interval 1 day", "is not allowed in a test"),
        (ROW + " from agent where current_transaction_id() > 1", "is not allowed in a test"),
        (ROW + " from agent using sample 3", "is not allowed in a test"),
        (ROW + " from agent where " + "(" * 3_000 + "1" + ")" * 3_000 + " = 1", "too deep"),
        (ROW + " from agent where repeat('a', 3000000000) = ''", "is not allowed in a test"),
        (ROW + " from agent where len(range(3000000000)) = 0", "is not allowed in a test"),
        (ROW + " from agent where lpad('a', 3000000000, 'b') = ''", "is not allowed in a test"),
    ],
)
def test_select_outside_the_sandbox_is_refused(sql: str, said: str) -> None:
    with pytest.raises(CatalogError) as caught:
        check_select(sql, TestKind.REGISTRY, (), "here")
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("tests: []\n", "at least one test"),
        ("tests:\n  - {id: one, kind: registry, title: t}\n", "Write the SELECT"),
        ("tests:\n  - {id: one, kind: registry, title: t, sql: select 1}\n", "a file beside"),
        ("tests:\n  - {id: one, kind: events, title: t}\n", "has `population`"),
        ("tests:\n  - {id: one, kind: attested, title: t}\n", "fresh_days, attested_by"),
        ("digest: abc\ntests: []\n", "is filled by the catalog"),
        ("colour: red\n" + EVENTS.format(exception="executed"), "`colour`"),
        ("title: again\n" + EVENTS.format(exception="executed"), "key `title` stands twice"),
        (EVENTS.format(exception="executed") + "    needs: [nonsense]\n", "no column `nonsense`"),
        (EVENTS.format(exception="executed") + "    lookback: a week\n", "nor a duration"),
    ],
)
def test_control_with_a_fault_is_refused_with_file_and_line(
    tmp_path: Path, text: str, said: str
) -> None:
    with pytest.raises(CatalogError) as caught:
        load_control(write(tmp_path, text))
    assert said in str(caught.value)
    assert "mappings/controls/tst/tst_01_built.yaml` line " in str(caught.value)


def test_file_name_that_disagrees_with_its_id_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path, EVENTS.format(exception="executed"), name="tst_02_other")
    with pytest.raises(CatalogError, match="disagree"):
        load_control(path)


def test_sql_that_belongs_to_no_test_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path, EVENTS.format(exception="executed"))
    path.with_name("tst_01_forgotten.sql").write_text("select 1")
    with pytest.raises(CatalogError, match="belongs to no test"):
        load_controls(path.parent.parent)


def test_override_changes_value_and_says_whose_it_is(tmp_path: Path) -> None:
    own = tmp_path / "own.yaml"
    own.write_text("policy_fresh_days: 180\nrun_settles_hours: {value: 6, reason: fast spans}\n")
    parameters = load_parameters(overrides=own)
    assert parameters["policy_fresh_days"].value == 180
    assert parameters["policy_fresh_days"].reason == "set by the organisation"
    assert parameters["run_settles_hours"].reason == "fast spans"
    assert parameters["spend_settles_hours"].value == 1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("polcy_fresh_days: 180\n", "parameter `polcy_fresh_days` is unknown"),
        ("policy_fresh_days: soon\n", "same type as its default"),
        ("policy_fresh_days: true\n", "same type as its default"),
        ("policy_fresh_days: -1\n", "must not be negative"),
        ("policy_fresh_days: {value: 1, unit: hours}\n", "takes `value` and `reason` only"),
    ],
)
def test_override_with_a_fault_is_refused(tmp_path: Path, text: str, said: str) -> None:
    own = tmp_path / "own.yaml"
    own.write_text(text)
    with pytest.raises(CatalogError, match="line 1") as caught:
        load_parameters(overrides=own)
    assert said in str(caught.value)


def test_yaml_keeps_dates_as_text_and_refuses_python_objects(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("day: 2026-11-20\nwhen: 2026-11-20T10:00:00Z\n")
    assert read_yaml(path).content == {"day": "2026-11-20", "when": "2026-11-20T10:00:00Z"}
    path.write_text("x: !!python/object/apply:os.system [id]\n")
    with pytest.raises(CatalogError, match="line 1: has the tag"):
        read_yaml(path)


def test_yaml_takes_keys_of_another_mapping_and_its_own_outweigh_them(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("a: &a {x: 1, y: 2}\nb: {y: 3, <<: *a}\nc: {<<: *a, y: 4}\n")
    content = read_yaml(path).content
    assert (content["b"], content["c"]) == ({"x": 1, "y": 3}, {"x": 1, "y": 4})
    path.write_text("a: &a [1]\nb: {<<: *a}\n")
    with pytest.raises(CatalogError, match="line 2: `<<` takes one mapping"):
        read_yaml(path)
    path.write_text("a: &a\n  <<: *a\n")
    with pytest.raises(CatalogError, match="nests too deep"):
        read_yaml(path)


def test_yaml_that_refers_to_itself_or_expands_without_end_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("a: &a\n  b: *a\n")
    with pytest.raises(CatalogError, match="nests too deep"):
        read_yaml(path)
    levels = [f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 10)}]" for n in range(1, 9)]
    path.write_text("\n".join(["l0: &l0 [x]", *levels]) + "\n")
    with pytest.raises(CatalogError, match="repeats too much"):
        read_yaml(path)
