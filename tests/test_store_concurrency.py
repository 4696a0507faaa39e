"""Many at once: writers wait for each other and never fail, readers never wait, nothing is lost."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from muniment.errors import StoreBusyError
from muniment.store import engine
from muniment.store.open import Store, open_store
from tests.builders.records import MARCH, agent, put

WRITERS = 20
PUTS = 5

WRITING_PROCESS = textwrap.dedent("""
    import sys, threading
    from muniment.store.open import open_store
    root, name, threads, puts = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])

    def write(number):
        for turn in range(puts):
            with open_store(root) as store, store.records.writing() as writer:
                for key in ("shared", f"own-{name}-{number}"):
                    writer.put("agent", {"agent_id": key, "name": f"{name}-{number}-{turn}"},
                               valid_from="2026-01-01T00:00:00Z", recorded_by=name, source_id="s")

    failed = []
    threading.excepthook = lambda caught: failed.append(caught.exc_value)
    writers = [threading.Thread(target=write, args=(n,)) for n in range(threads)]
    [each.start() for each in writers]
    with open_store(root) as store, store.records.reading() as connection:
        count = "SELECT count(*) FROM agent"
        before = connection.exec_driver_sql(count).scalar()
        [each.join() for each in writers]
        assert connection.exec_driver_sql(count).scalar() == before
    sys.exit(f"{name}: {failed[0]!r}" if failed else 0)
""")


def test_twenty_writers_in_four_processes_beside_long_readers_never_meet_a_lock(
    sqlite_store: Store,
) -> None:
    root = str(sqlite_store.layout.root)
    command = [sys.executable, "-c", WRITING_PROCESS, root]
    started = [
        subprocess.Popen(
            [*command, f"p{number}", "5", str(PUTS)], stderr=subprocess.PIPE, text=True
        )
        for number in range(4)
    ]
    with sqlite_store.records.reading() as connection:
        connection.exec_driver_sql("SELECT count(*) FROM agent").scalar()
        ended = [process.communicate(timeout=120)[1] for process in started]
    assert ended == [""] * 4
    assert [process.returncode for process in started] == [0] * 4
    rows = sqlite_store.records.all_rows("agent")
    assert len([row for row in rows if row["agent_id"] == "shared"]) == WRITERS * PUTS
    assert len({row["agent_id"] for row in rows}) == WRITERS + 1


def test_twenty_threads_on_one_store_lose_nothing_and_knowledge_never_overlaps(
    store: Store,
) -> None:
    def write(number: int) -> None:
        for turn in range(PUTS):
            put(store, "agent", agent(name=f"{number}-{turn}"))

    with ThreadPoolExecutor(WRITERS) as pool:
        list(pool.map(write, range(WRITERS)))
    rows = sorted(store.records.all_rows("agent"), key=lambda row: str(row["recorded_at"]))
    assert len(rows) == WRITERS * PUTS
    ends = [row["superseded_at"] for row in rows]
    assert ends == [row["recorded_at"] for row in rows[1:]] + [None]


def test_settled_instant_waits_for_the_writer_at_work(store: Store) -> None:
    wrote, may_end = threading.Event(), threading.Event()

    def slow_writer() -> str:
        with store.records.writing() as writer:
            writer.put("agent", agent(), valid_from=MARCH, recorded_by="ana", source_id="register")
            wrote.set()
            may_end.wait(10)
            return writer.recorded_at

    with ThreadPoolExecutor(2) as pool:
        writing = pool.submit(slow_writer)
        assert wrote.wait(10)
        asking = pool.submit(store.records.settled_now)
        time.sleep(0.3)
        assert not asking.done()
        may_end.set()
        settled = asking.result(10)
    assert settled > writing.result()
    assert len(store.records.history("agent", settled)) == 1


def test_writer_that_waits_too_long_is_told_who_to_wait_for(
    new_store: Callable[[], Store], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "WAIT_SECONDS", 1)
    first = new_store()
    second = open_store(first.layout.root)
    with second, first.records.writing(), ThreadPoolExecutor(1) as pool:
        asked = pool.submit(put, second, "agent", agent())
        with pytest.raises(StoreBusyError, match="another process has been writing for 1 sec"):
            asked.result(20)
    assert put(first, "agent", agent())[0] == "inserted"


def test_reader_is_not_stopped_by_a_writer_at_work(store: Store) -> None:
    put(store, "agent", agent())
    with store.records.writing() as writer:
        writer.put("agent", agent("b"), valid_from=MARCH, recorded_by="ana", source_id="register")
        started = time.monotonic()
        assert len(store.records.all_rows("agent")) == 1
        assert time.monotonic() - started < 5


def test_sqlite_file_keeps_a_write_ahead_log_and_full_synchronisation(sqlite_store: Store) -> None:
    with sqlite_store.records.writing() as writer:
        modes = [
            writer.connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous")
        ]
    assert modes == ["wal", 2]


def test_foreign_program_that_holds_the_file_is_waited_for(sqlite_store: Store) -> None:
    other = sqlite3.connect(sqlite_store.layout.records_file, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    timer = threading.Timer(0.5, other.rollback)
    timer.start()
    assert put(sqlite_store, "agent", agent())[0] == "inserted"
    timer.join()
    other.close()
