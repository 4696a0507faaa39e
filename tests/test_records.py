"""Records on two clocks: what a statement changes, and what each moment knew. On both databases."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from muniment.errors import InputError, StoreError, UsageError
from muniment.model.outcomes import State
from muniment.model.results import Assessment, Clock, ControlResult, LogState
from muniment.store.open import Store
from muniment.store.records import RecordPut, check_put
from tests.builders.records import (
    APRIL,
    FEBRUARY,
    JANUARY,
    MARCH,
    agent,
    approval,
    approvals,
    permission_set,
    put,
)
from tests.conftest import example_store


def timeline(
    store: Store, known_at: str, table: str = "agent"
) -> list[tuple[str, str, str | None]]:
    rows = store.records.history(table, known_at)
    return [(row["owner_ref"], row["valid_from"], row["valid_to"]) for row in rows]


def test_first_statement_is_inserted_and_holds_without_end(store: Store) -> None:
    outcome, known = put(store, "agent", agent(owner_ref="ana"))
    assert outcome == "inserted"
    assert timeline(store, known) == [("ana", JANUARY, None)]


def test_same_statement_again_changes_nothing(store: Store) -> None:
    put(store, "agent", agent(owner_ref="ana"))
    before = store.records.count_pending_outbox()
    outcome, _ = put(store, "agent", agent(owner_ref="ana"), source_id="second source")
    assert outcome == "unchanged"
    assert len(store.records.all_rows("agent")) == 1
    assert store.records.count_pending_outbox() == before


def test_same_values_from_a_later_day_are_unchanged(store: Store) -> None:
    put(store, "agent", agent(owner_ref="ana"))
    outcome, known = put(store, "agent", agent(owner_ref="ana"), FEBRUARY)
    assert outcome == "unchanged"
    assert timeline(store, known) == [("ana", JANUARY, None)]


def test_later_statement_closes_the_row_before_it(store: Store) -> None:
    _, first = put(store, "agent", agent(owner_ref="ana"))
    outcome, second = put(store, "agent", agent(owner_ref="ben"), MARCH)
    assert outcome == "superseding"
    assert timeline(store, second) == [("ana", JANUARY, MARCH), ("ben", MARCH, None)]
    assert timeline(store, first) == [("ana", JANUARY, None)]


def test_late_row_splits_the_past_and_leaves_earlier_knowledge_alone(store: Store) -> None:
    put(store, "agent", agent(owner_ref="ana"))
    _, before = put(store, "agent", agent(owner_ref="ben"), APRIL)
    outcome, after = put(store, "agent", agent(owner_ref="cleo"), FEBRUARY)
    assert outcome == "superseding"
    assert timeline(store, after) == [
        ("ana", JANUARY, FEBRUARY),
        ("cleo", FEBRUARY, APRIL),
        ("ben", APRIL, None),
    ]
    assert timeline(store, before) == [("ana", JANUARY, APRIL), ("ben", APRIL, None)]
    assert store.records.rows_as_of("agent", MARCH, before)[0]["owner_ref"] == "ana"
    assert store.records.rows_as_of("agent", MARCH, after)[0]["owner_ref"] == "cleo"


def test_row_from_before_the_first_is_inserted_and_ends_where_the_first_starts(
    store: Store,
) -> None:
    put(store, "agent", agent(owner_ref="ana"), MARCH)
    outcome, known = put(store, "agent", agent(owner_ref="ben"), JANUARY)
    assert outcome == "inserted"
    assert timeline(store, known) == [("ben", JANUARY, MARCH), ("ana", MARCH, None)]


def test_correction_at_the_same_start_keeps_the_wrong_row_as_knowledge(store: Store) -> None:
    _, wrong = put(store, "agent", agent(owner_ref="ana"))
    outcome, right = put(store, "agent", agent(owner_ref="ben"))
    assert outcome == "superseding"
    assert timeline(store, wrong) == [("ana", JANUARY, None)]
    assert timeline(store, right) == [("ben", JANUARY, None)]
    old = next(row for row in store.records.all_rows("agent") if row["owner_ref"] == "ana")
    assert old["superseded_at"] == right


def test_knowledge_of_the_future_never_shows_in_a_past_row(store: Store) -> None:
    _, first = put(store, "agent", agent(owner_ref="ana"))
    before = store.records.history("agent", first)
    put(store, "agent", agent(owner_ref="ben"))
    assert store.records.history("agent", first) == before
    assert before[0]["superseded_at"] is None


def test_column_no_longer_carried_is_a_change(store: Store) -> None:
    put(store, "agent", agent())
    outcome, known = put(store, "agent", agent(), not_carried=["owner_ref"])
    assert outcome == "superseding"
    assert store.records.history("agent", known)[0]["not_carried_fields"] == ["owner_ref"]


def test_two_statements_of_one_key_in_one_call_keep_both(store: Store) -> None:
    puts = [RecordPut(agent(owner_ref=who), JANUARY) for who in ("ana", "ben")]
    with store.records.writing() as writer:
        outcomes = writer.put_many("agent", puts, recorded_by="ana", source_id="register")
        known = writer.recorded_at
    assert outcomes == ["inserted", "superseding"]
    assert timeline(store, known) == [("ben", JANUARY, None)]
    rows = {row["owner_ref"]: row["superseded_at"] for row in store.records.all_rows("agent")}
    assert rows == {"ana": known, "ben": None}


def test_history_in_one_call_writes_each_row_once(store: Store) -> None:
    puts = [
        RecordPut(agent(owner_ref=who), at)
        for who, at in zip("abc", (JANUARY, MARCH, APRIL), strict=True)
    ]
    with store.records.writing() as writer:
        writer.put_many("agent", puts, recorded_by="ana", source_id="register")
    rows = store.records.all_rows("agent")
    assert len(rows) == 3
    assert all(row["superseded_at"] is None for row in rows)


def test_bad_row_in_a_call_writes_none_of_it(store: Store) -> None:
    puts = [*approvals(3), RecordPut({"approval_id": "A-9", "decision": "perhaps"}, JANUARY)]
    refused = pytest.raises(InputError, match="`perhaps` is not one of: approved")
    with refused, store.records.writing() as writer:
        writer.put_many("approval", puts, recorded_by="ana", source_id="tickets")
    assert store.records.all_rows("approval") == []


def test_more_than_five_thousand_rows_in_one_call_are_refused(store: Store) -> None:
    with pytest.raises(UsageError, match="`5001` rows in one call"), store.records.writing() as w:
        w.put_many("approval", approvals(5001), recorded_by="ana", source_id="tickets")


def test_five_thousand_rows_go_through_one_call(store: Store) -> None:
    with store.records.writing() as writer:
        out = writer.put_many("approval", approvals(5000), recorded_by="a", source_id="t")
    assert set(out) == {"inserted"}
    again = approvals(5000)
    with store.records.writing() as writer:
        out = writer.put_many("approval", again, recorded_by="a", source_id="t")
    assert set(out) == {"unchanged"}


def test_every_kind_of_value_comes_back_as_it_went_in(store: Store) -> None:
    values = permission_set(tools=["*", 'say "ö"', ""], scopes=[], data_scopes=None)
    put(store, "permission_set", values, not_carried=["models"], redacted=["granted_by"])
    budget = {"budget_id": "B", "owner_kind": "team", "owner_ref": "t", "limit_usd": "12.5"}
    _, known = put(store, "budget", budget)
    row = store.records.history("permission_set", known)[0]
    assert (row["tools"], row["scopes"], row["data_scopes"]) == (["*", 'say "ö"', ""], [], None)
    assert (row["not_carried_fields"], row["redacted_fields"]) == (["models"], ["granted_by"])
    assert store.records.history("budget", known)[0]["limit_usd"] == "12.500000000"


def test_knowledge_instants_rise_although_the_clock_is_set_back(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, first = put(store, "agent", agent(owner_ref="ana"))
    monkeypatch.setattr("muniment.store.records_writer.now", lambda: JANUARY)
    _, second = put(store, "agent", agent(owner_ref="ben"))
    assert second > first
    assert store.records.settled_now() > second


def test_digest_ignores_what_was_learnt_later_and_sees_every_row_known(store: Store) -> None:
    _, first = put(store, "agent", agent(owner_ref="ana"))
    before = store.records.records_digest(first, ["agent"])
    _, second = put(store, "agent", agent(owner_ref="ben"))
    assert store.records.records_digest(first, ["agent"]) == before
    assert store.records.records_digest(second, ["agent"]) != before
    assert store.records.records_digest(first, ["person"]) != before


def test_digest_changes_when_a_row_is_edited_by_sql(store: Store) -> None:
    _, known = put(store, "agent", agent(owner_ref="ana"))
    before = store.records.records_digest(known)
    with store.records.writing() as writer:
        writer.connection.exec_driver_sql("UPDATE agent SET owner_ref = 'eve'")
    assert store.records.records_digest(known) != before


def test_equal_rows_give_equal_digests_on_every_database(
    tmp_path: Path, new_database: Callable[[], str | None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("muniment.store.records_timeline.secrets.token_hex", lambda _: "0" * 32)
    monkeypatch.setattr("muniment.store.records_writer.now", lambda: JANUARY)
    with example_store(tmp_path / "store", new_database()) as store:
        _, known = put(store, "agent", agent(skills=["a", "ß"], eu_in_scope=False))
        digest = store.records.records_digest(known, ["agent"])
    assert known == "2026-01-01T00:00:00.000000001Z"
    lines = (
        '{"table":"agent"}\n'
        '{"agent_id":"billing-bot","eu_in_scope":false,"name":"billing-bot",'
        f'"recorded_at":"{known}","recorded_by":"ana@example.org","row_id":"{"0" * 32}",'
        f'"skills":["a","ß"],"source_id":"register","valid_from":"{JANUARY}"}}\n'
    )
    assert digest == hashlib.sha256(lines.encode()).hexdigest()


def test_organisation_is_the_one_named_at_the_start(store: Store) -> None:
    found = store.records.organisation()
    assert (found["name"], found["time_zone"]) == ("Example Ltd", "Europe/Berlin")
    assert found["recorded_by"] == "founder@example.org"


def test_unknown_table_is_refused_with_the_known_ones(store: Store) -> None:
    with pytest.raises(UsageError, match=r"no record table is called `agents`.*: agent, agent_dep"):
        store.records.rows_as_of("agents", JANUARY, JANUARY)


def test_reader_that_tries_to_write_is_refused(store: Store) -> None:
    put(store, "approval", approval())
    refused = pytest.raises(StoreError, match="a reader tried to write")
    with refused, store.records.reading() as connection:
        connection.exec_driver_sql("DELETE FROM approval")
    assert len(store.records.all_rows("approval")) == 1


def test_reader_keeps_its_snapshot_while_others_write(store: Store) -> None:
    counted = "SELECT count(*) FROM approval"
    with store.records.reading() as connection:
        assert connection.exec_driver_sql(counted).scalar() == 0
        put(store, "approval", approval())
        assert connection.exec_driver_sql(counted).scalar() == 0
    with store.records.reading() as connection:
        assert connection.exec_driver_sql(counted).scalar() == 1


def test_writing_inside_writing_is_refused_at_once(store: Store) -> None:
    with store.records.writing(), pytest.raises(UsageError, match="inside another one"):
        put(store, "agent", agent())
    assert put(store, "agent", agent())[0] == "inserted"


def test_batch_from_start_to_end_is_listed_and_noted(store: Store) -> None:
    batch = store.records.start_batch(
        source_id="register",
        source_map="csv_agents",
        run_by="ana",
        source_uri="agents.csv",
        bytes=7,
    )
    assert store.records.batches()[0]["status"] == "running"
    store.records.finish_batch(
        batch, status="done", rows_read=3, imported=2, rejected=1, reject_reasons={"no name": 1}
    )
    found = store.records.batches()[0]
    assert (found["id"], found["status"], found["imported"]) == (batch, "done", 2)
    assert found["reject_reasons"] == {"no name": 1}
    note = json.loads(store.records.pending_outbox(99)[-1].payload)
    assert (note["op"], note["table"], note["row"]["id"]) == ("note", "import_batch", batch)
    assert note["row"]["reject_reasons"] == {"no name": 1}


def test_batch_that_ended_cannot_end_again(store: Store) -> None:
    batch = store.records.start_batch(source_id="s", source_map="m", run_by="ana")
    store.records.finish_batch(batch, status="failed")
    with pytest.raises(StoreError, match=f"import `{batch}` is not running"):
        store.records.finish_batch(batch, status="done")


def assessment(document_clock: Clock, *states: State) -> Assessment:
    controls = tuple(
        ControlResult(f"OWN-{number:02d}", state, "", "", ())
        for number, state in enumerate(states, start=1)
    )
    log = LogState(0, 0, 0, 0, "", None)
    return Assessment(
        assessment_id="AS-1", started_at=MARCH, finished_at=APRIL, clock=document_clock,
        organisation="Example Ltd", time_zone="UTC", run_by="ana", engine_version="1",
        catalog_digest="", parameters={}, log=log, segment_digests=(), records_digest="",
        controls=controls, requirements=(), scores=(),
    )  # fmt: skip


def test_assessment_is_listed_with_its_clocks_states_and_digest(store: Store) -> None:
    clock = Clock(JANUARY, FEBRUARY, MARCH, APRIL)
    ran = assessment(clock, State.PASS, State.FAIL, State.PASS)
    store.records.add_assessment(ran, "ab" * 32)
    assert store.records.assessments() == [
        {
            "id": "AS-1", "started_at": MARCH, "finished_at": APRIL, "as_of": MARCH,
            "known_at": APRIL, "period_start": JANUARY, "period_end": FEBRUARY,
            "state_summary": {"fail": 1, "pass": 2}, "document_sha256": "ab" * 32,
        }
    ]  # fmt: skip


def test_assessment_run_again_takes_the_place_of_its_listing(store: Store) -> None:
    ran = assessment(Clock(JANUARY, FEBRUARY, MARCH, APRIL), State.PASS)
    store.records.add_assessment(ran, "ab" * 32)
    store.records.add_assessment(ran, "cd" * 32)
    assert [row["document_sha256"] for row in store.records.assessments()] == ["cd" * 32]


def test_note_waits_in_the_outbox_under_its_subject_and_id(store: Store) -> None:
    with store.records.writing() as writer:
        writer.note("report", {"id": "R-1", "pages": 12, "signed": None}, "ana")
    pending = store.records.pending_outbox(99)[-1]
    assert (pending.subject, pending.op, pending.target_ref) == ("report", "note", "R-1")
    note = json.loads(pending.payload)
    assert note == {"op": "note", "table": "report", "row": {"id": "R-1", "pages": 12}}


def test_check_put_refuses_what_put_many_would_refuse() -> None:
    check_put("approval", RecordPut(approval(), JANUARY))
    with pytest.raises(InputError, match="`perhaps` is not one of"):
        check_put("approval", RecordPut(approval(decision="perhaps"), JANUARY))
    with pytest.raises(InputError, match=r"`valid_from`: .*states no time zone"):
        check_put("approval", RecordPut(approval(), "2026-01-01T00:00:00"))
