"""Writing so that a crash leaves either the old or the new, and one holder of the log at a time."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import fasteners

from muniment.errors import StoreBusyError, StoreError

LOCK_WAIT_SECONDS = 30.0


def write_temporary(path: Path, write: Callable[[BinaryIO], object]) -> Path:
    """Write beside `path` under a temporary name and flush it to disk; the caller renames it."""
    temporary = path.with_name(path.name + ".tmp")
    path.parent.mkdir(parents=True, exist_ok=True)
    with temporary.open("wb") as file:
        write(file)
        file.flush()
        os.fsync(file.fileno())
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


@contextmanager
def holding(lock_file: Path, *, wait: float = LOCK_WAIT_SECONDS) -> Iterator[None]:
    """Hold the log; StoreBusyError when another process keeps it longer than `wait` seconds."""
    try:
        lock_file.parent.mkdir(parents=True, exist_ok=True)
        lock = fasteners.InterProcessLock(lock_file)
        got = lock.acquire(timeout=wait, delay=0.01, max_delay=0.1)
    except OSError as error:
        raise disk_error(error, lock_file) from error
    if not got:
        raise StoreBusyError(
            f"another process holds the log at `{lock_file.parent}` for more than {wait:g} s. "
            "Wait for it to end, or stop it, and repeat the command."
        )
    try:
        yield
    finally:
        lock.release()


def disk_error(error: OSError, path: Path) -> StoreError:
    """A StoreError that says where writing failed and what to do."""
    return StoreError(
        f"writing `{path}` failed: {error.strerror or error}. What was acknowledged before is "
        "kept and nothing is half-written. Free space or fix permissions, then repeat the command."
    )
