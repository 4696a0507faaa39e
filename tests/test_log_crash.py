"""The log when something goes wrong: killed at any step, a full disk, two sealers at once."""

from __future__ import annotations

import errno
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import muniment.sealing.disk as disk_module
import muniment.sealing.log as log_module
from muniment.errors import EvidenceBrokenError, StoreBusyError, StoreError
from muniment.sealing.disk import holding
from muniment.sealing.log import AuditLog
from muniment.sealing.verify import verify_store
from muniment.store.audit import AuditReader
from muniment.store.open import Store, open_store
from tests.builders.entries import entries, event_id

LATER = "2027-01-01T00:00:00.000000000Z"
STEPS = (
    "frame written", "parquet written", "parquet named", "leaves named", "index named",
    "header named", "tail rewritten", "outbox sealed", "outbox marked",
)  # fmt: skip


class KilledError(Exception):
    """Stands for the process's end: nothing of the log catches it."""


def _killed_at(name: str, times: int = 1) -> Callable[[str], None]:
    left = [times]

    def step(reached: str) -> None:
        if reached == name:
            left[0] -= 1
            if not left[0]:
                raise KilledError(name)

    return step


def _event_ids(store: Store) -> list[str]:
    found = AuditReader(store.layout).events_table(["event_id"], known_at=LATER)
    ids: list[str] = found.column("event_id").to_pylist()
    return ids


def _note(store: Store, name: str) -> None:
    with store.records.writing() as writer:
        writer.note("import", {"id": name}, "clerk@example.org")


def _assert_whole(store: Store, names: list[object]) -> None:
    """Nothing acknowledged is lost, nothing doubled, every change sealed once, and it verifies."""
    assert sorted(_event_ids(store)) == sorted(map(event_id, names))
    broken = [step for step in verify_store(store, deep=True).steps if not step.ok]
    assert broken == []
    AuditLog(store).seal()
    assert sorted(_event_ids(store)) == sorted(map(event_id, names))
    seqs = [change.seq for change in AuditReader(store.layout).record_changes()]
    assert seqs == list(range(1, len(seqs) + 1))
    assert store.records.count_pending_outbox() == 0
    broken = [step for step in verify_store(store, deep=True).steps if not step.ok]
    assert broken == []
    assert not [p for p in store.layout.audit.rglob("*") if p.suffix == ".tmp"]


@pytest.mark.parametrize("times", [1, 2])
@pytest.mark.parametrize("step", STEPS)
def test_log_killed_at_any_step_loses_and_doubles_nothing(
    store: Store, monkeypatch: pytest.MonkeyPatch, step: str, times: int
) -> None:
    monkeypatch.setattr(log_module, "SEGMENT_ENTRIES", 3)
    monkeypatch.setattr(log_module, "MAX_OUTBOX", 2)
    acknowledged: list[object] = []
    log = AuditLog(store, step=_killed_at(step, times))
    with pytest.raises(KilledError):
        for number in range(6):
            _note(store, f"n{number}")
            acknowledged.append(number)  # the kill comes after the flush at the earliest
            log.append(entries(number))
        log.seal()
    _assert_whole(store, acknowledged)


def test_steps_of_the_log_are_the_ones_that_are_tested(
    sqlite_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    reached: list[str] = []
    log = AuditLog(sqlite_store, step=reached.append)
    log.append(entries("a"))
    log.seal()
    assert set(reached) == set(STEPS)


def test_leftover_that_was_sealed_is_not_deleted(sqlite_store: Store) -> None:
    log = AuditLog(sqlite_store)
    log.append(entries("a"))
    log.seal()
    last = AuditReader(sqlite_store.layout).segments()[-1]
    sqlite_store.layout.header_file(last.no).unlink()
    with pytest.raises(EvidenceBrokenError, match=f"header {last.no} is missing. Nothing was chan"):
        AuditLog(sqlite_store).append(entries("b"))
    assert last.path.is_file()


LOOP = """
import sys
from pathlib import Path
import muniment.sealing.log as module
from muniment.sealing.log import AuditLog
from muniment.store.open import open_store
from tests.builders.entries import entries
module.SEGMENT_ENTRIES = 4
start = int(sys.argv[2])
with open_store(Path(sys.argv[1])) as store:
    log = AuditLog(store)
    for number in range(start, start + 10_000):
        log.append(entries(number))
        print(number, flush=True)
        if number % 3 == 0:
            with store.records.writing() as writer:
                writer.note("import", {"id": str(number)}, "clerk@example.org")
            log.seal()
"""


def _kill_round(store: Store, start: int, dice: random.Random) -> list[int]:
    """Runs the loop in a process of its own, kills it, and returns what was acknowledged."""
    command = [sys.executable, "-c", LOOP, str(store.layout.root), str(start)]
    place = Path(__file__).resolve().parent.parent
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=place, text=True) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline()]
        assert lines[0], "the loop ended by itself"
        time.sleep(dice.random() * 0.5)
        process.send_signal(signal.SIGKILL)
        lines += process.stdout.read().splitlines()
    return [int(line) for line in lines if line.strip()]


def _kill_rounds(store: Store, rounds: int, seed: int) -> None:
    dice = random.Random(seed)
    start, acknowledged = 0, set()
    for _ in range(rounds):
        said = _kill_round(store, start, dice)
        acknowledged |= {event_id(number) for number in said}
        held = _event_ids(store)
        assert len(held) == len(set(held))
        # One more may be on disk: killed after the flush, before it could say so.
        assert acknowledged <= set(held) <= acknowledged | {event_id(said[-1] + 1)}
        acknowledged = set(held)
        start = said[-1] + 2
        broken = [step for step in verify_store(store, deep=True).steps if not step.ok]
        assert broken == []
    AuditLog(store).seal()
    assert set(_event_ids(store)) == acknowledged
    assert verify_store(store, deep=True).ok


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this system has no SIGKILL")
def test_log_of_a_process_killed_three_times_is_whole(sqlite_store: Store) -> None:
    _kill_rounds(sqlite_store, 3, 1)


@pytest.mark.soak
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this system has no SIGKILL")
@pytest.mark.parametrize("seed", range(10, 20))
def test_log_of_a_process_killed_ten_times_is_whole(sqlite_store: Store, seed: int) -> None:
    """Ten stores of ten kills: a store of a hundred only verifies the same segments again."""
    _kill_rounds(sqlite_store, 10, seed)


# A full disk


def _full(folder: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on, flushing a file in `folder` fails as it does on a full disk."""
    fsync = os.fsync

    def refuse(handle: int) -> None:
        if f"/{folder}" in str(Path(f"/proc/self/fd/{handle}").readlink()):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        fsync(handle)

    monkeypatch.setattr(os, "fsync", refuse)


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="no /proc to name an open file")
@pytest.mark.parametrize("folder", ["wal", "segments", "leaves", "headers"])
def test_log_on_a_full_disk_says_so_and_goes_on_when_there_is_room(
    sqlite_store: Store, monkeypatch: pytest.MonkeyPatch, folder: str
) -> None:
    log = AuditLog(sqlite_store)
    log.append(entries("kept"))
    with monkeypatch.context() as patch:
        _full(folder, patch)
        with pytest.raises(StoreError, match=r"writing `.*` failed: No space left on device.*Free"):
            if folder == "wal":
                log.append(entries("refused"))
            else:
                log.seal()
        assert _event_ids(sqlite_store) == [event_id("kept")]
    log.append(entries("later"))
    _assert_whole(sqlite_store, ["kept", "later"])


@pytest.fixture
def small_disk(tmp_path: Path) -> Path:
    """A file system of 6 MiB, where this user may mount one."""
    place = tmp_path / "small"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", str(place)]
    if os.geteuid() or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("mounting a small file system needs root and the right to mount")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def test_log_on_a_disk_that_really_fills_keeps_what_it_acknowledged(
    small_disk: Path, sqlite_store: Store
) -> None:
    import shutil

    root = small_disk / "store"
    shutil.copytree(sqlite_store.layout.root, root)
    with open_store(root) as store:
        log = AuditLog(store)
        acknowledged: list[object] = []
        filler = small_disk / "filler"
        free = os.statvfs(small_disk)
        filler.write_bytes(b"x" * (free.f_bavail * free.f_frsize - 60_000))
        with pytest.raises(StoreError, match="No space left on device"):
            for number in range(1_000):
                log.append(entries(number, input_sanitised="x" * 4_000))
                acknowledged.append(number)
        assert acknowledged
        with pytest.raises(StoreError):
            log.seal()
        assert sorted(_event_ids(store)) == sorted(map(event_id, acknowledged))
        filler.unlink()
        log.append(entries("later"))
        _assert_whole(store, [*acknowledged, "later"])


def test_log_on_a_disk_that_turned_read_only_says_so_and_signs_when_it_is_writable(
    small_disk: Path, sqlite_store: Store
) -> None:
    import shutil

    from muniment.sealing.heads import seal_and_sign
    from muniment.sealing.keys import new_key

    def remount(how: str) -> None:
        subprocess.run(["mount", "-o", f"remount,{how}", str(small_disk)], check=True)

    shutil.copytree(sqlite_store.layout.root, small_disk / "store")
    with open_store(small_disk / "store") as store:
        new_key(store, by="ana")
        AuditLog(store).append(entries("kept"))
        remount("ro")
        try:
            for work in (
                lambda: seal_and_sign(store),
                lambda: AuditLog(store).append(entries("x")),
            ):
                with pytest.raises(StoreError, match=r"[Rr]ead-only"):
                    work()
            with pytest.raises(StoreError, match="may write in it"):
                open_store(small_disk / "store").close()
        finally:
            remount("rw")
        assert _event_ids(store) == [event_id("kept")]
        head = seal_and_sign(store).checkpoint
        assert head is not None and head.size == len(store.audit.segments())
        _assert_whole(store, ["kept"])


# Two at once


def test_two_sealers_at_once_queue(store: Store) -> None:
    problems: list[BaseException] = []

    def work(name: str) -> None:
        try:
            for number in range(5):
                AuditLog(store).append(entries(f"{name}{number}"))
                _note(store, f"{name}{number}")
                AuditLog(store).seal()
        except BaseException as problem:
            problems.append(problem)

    threads = [threading.Thread(target=work, args=(name,)) for name in "xy"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    _assert_whole(store, [f"{name}{number}" for name in "xy" for number in range(5)])


def test_two_threads_of_one_log_queue(sqlite_store: Store) -> None:
    log = AuditLog(sqlite_store)
    entered, leave = threading.Event(), threading.Event()

    def hold() -> None:
        with log.exclusive():
            entered.set()
            leave.wait(10)

    thread = threading.Thread(target=hold)
    thread.start()
    assert entered.wait(10)
    waiter = threading.Thread(target=log.append, args=(entries("a"),))
    waiter.start()
    time.sleep(0.1)
    assert waiter.is_alive()
    assert _event_ids(sqlite_store) == []
    leave.set()
    thread.join()
    waiter.join()
    assert _event_ids(sqlite_store) == [event_id("a")]


HOLD = """
import sys, time
from pathlib import Path
from muniment.sealing.disk import holding
with holding(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def test_log_held_too_long_by_another_process_is_busy(
    sqlite_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock_file = sqlite_store.layout.audit / "writer.lock"
    monkeypatch.setattr(disk_module, "LOCK_WAIT_SECONDS", 0.2)
    command = [sys.executable, "-c", HOLD, str(lock_file)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        with pytest.raises(StoreBusyError, match=r"holds the log at .* for more than 0.2 s. Wait"):
            AuditLog(sqlite_store).append(entries("a"))
        process.kill()
    AuditLog(sqlite_store).append(entries("a"))
    assert _event_ids(sqlite_store) == [event_id("a")]


def test_log_held_too_long_by_another_thread_is_busy(tmp_path: Path) -> None:
    lock_file = tmp_path / "writer.lock"
    late = holding(lock_file, wait=0.1)
    with holding(lock_file), pytest.raises(StoreBusyError, match=r"for more than 0.1 s"):
        late.__enter__()
