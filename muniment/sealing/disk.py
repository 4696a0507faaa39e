"""Writing so that a crash leaves either the old or the new, and one holder of the log at a time."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import fasteners

from muniment.errors import StoreBusyError, StoreError

LOCK_WAIT_SECONDS = 30.0
# A lock on a file holds between processes only; these hold between the threads of this one.
_HELD_HERE: dict[str, threading.Lock] = {}
_GUARD = threading.Lock()


def write_temporary(path: Path, write: Callable[[BinaryIO], object]) -> Path:
    """Write beside `path` under a temporary name and flush it to disk; the caller renames it."""
    temporary = path.with_name(path.name + ".tmp")
    make_folder(path.parent)
    try:
        with temporary.open("wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        temporary.unlink(missing_ok=True)  # a full disk needs the room
        raise
    return temporary


def replace_durably(temporary: Path, path: Path) -> None:
    """Rename to the final name and flush the folder, so that the name survives a power cut."""
    temporary.replace(path)
    flush_folder(path.parent)


def flush_folder(folder: Path) -> None:
    """Flush a folder's names to disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def make_folder(folder: Path) -> None:
    """Make a folder and those above it, each flushed to disk."""
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    for each in reversed(missing):
        each.mkdir(exist_ok=True)
        flush_folder(each.parent)


@contextmanager
def holding(lock_file: Path, *, wait: float | None = None) -> Iterator[None]:
    """Hold the log; StoreBusyError when it is kept longer than `wait` seconds (default 30)."""
    wait = LOCK_WAIT_SECONDS if wait is None else wait
    until = time.monotonic() + wait
    with _GUARD:
        here = _HELD_HERE.setdefault(str(lock_file.resolve()), threading.Lock())
    if not here.acquire(timeout=wait):
        raise _busy(lock_file, wait)
    try:
        with _between_processes(lock_file, wait, until):
            yield
    finally:
        here.release()


@contextmanager
def _between_processes(lock_file: Path, wait: float, until: float) -> Iterator[None]:
    try:
        make_folder(lock_file.parent)
        lock = fasteners.InterProcessLock(lock_file)
        left = max(0.0, until - time.monotonic())
        got = lock.acquire(timeout=left, delay=0.01, max_delay=0.1)
    except OSError as error:
        raise disk_error(error, lock_file) from error
    if not got:
        raise _busy(lock_file, wait)
    try:
        yield
    finally:
        lock.release()


def _busy(lock_file: Path, wait: float) -> StoreBusyError:
    return StoreBusyError(
        f"another process holds the log at `{lock_file.parent}` for more than {wait:g} s. "
        "Wait for it to end, or stop it, and repeat the command."
    )


def disk_error(error: OSError, path: Path) -> StoreError:
    """A StoreError that says where writing failed and what to do."""
    return StoreError(
        f"writing `{path}` failed: {error.strerror or error}. What was acknowledged before is "
        "kept and nothing is half-written. Free space or fix permissions, then repeat the command."
    )
