"""What is costly is made once per run: the first worker that needs it makes it, others wait."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import fasteners


@dataclass(frozen=True)
class RunFolder:
    """A folder that all workers of this run share, and no other run."""

    path: Path

    @contextmanager
    def alone(self, name: str) -> Iterator[None]:
        """While this lasts, no other worker holds `name`."""
        with fasteners.InterProcessLock(self.path / f"{name}.lock"):
            yield

    def once(self, name: str, build: Callable[[Path], None]) -> Path:
        """The folder `name` as `build` left it; whoever would change it works on a copy."""
        made, half = self.path / name, self.path / f"{name}.half"
        with self.alone(name):
            if not made.exists():
                shutil.rmtree(half, ignore_errors=True)
                build(half)
                half.rename(made)
        return made


def worker() -> str | None:
    """This worker's name; None where one process runs all tests."""
    return os.environ.get("PYTEST_XDIST_WORKER")
