"""Building packs in a process of their own, one at a time for this server, watched by the pages.

The process is `muniment report`; it leaves a whole pack or none, so stopping it is safe.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

RUNNING, DONE, FAILED, STOPPED = "running", "done", "failed", "stopped"


@dataclass(slots=True)
class Build:
    """One build: what was asked, how it stands, and the last line that the process wrote."""

    assessment_id: str
    report: str
    base_url: str
    started: float
    process: subprocess.Popen[bytes]
    output: IO[bytes]
    stopped: bool = False

    def state(self) -> str:
        """running, done, failed or stopped."""
        code = self.process.poll()
        if code is None:
            return RUNNING
        if self.stopped:
            return STOPPED
        return DONE if code == 0 else FAILED

    def seconds(self) -> int:
        """Since its start."""
        return int(time.monotonic() - self.started)

    def said(self) -> str:
        """The last line of its output: the pack's place, or what went wrong."""
        self.output.seek(0)
        lines = self.output.read().decode("utf-8", "replace").strip().splitlines()
        return lines[-1] if lines else ""


_LOCK = threading.Lock()
_LAST: list[Build] = []


def last() -> Build | None:
    """The build that runs, or ended last."""
    return _LAST[-1] if _LAST else None


def start(
    store: Path,
    assessment_id: str,
    report: str,
    base_url: str,
    parameters: Mapping[str, str] | None = None,
) -> Build:
    """Begin a build, unless one runs; gives the one that runs. parameters: of the report's kind."""
    with _LOCK:
        running = last()
        if running is not None and running.state() == RUNNING:
            return running
        output = tempfile.TemporaryFile()  # noqa: SIM115  # closed with the build it belongs to
        given = [f"--set={name}={value}" for name, value in (parameters or {}).items()]
        command = [sys.executable, "-m", "muniment", "report", report, "--store", str(store),
                   "--assessment", assessment_id, "--base-url", base_url,
                   *given]  # fmt: skip
        process = subprocess.Popen(  # noqa: S603  # our own module; arguments are no shell's
            command, stdout=output, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL
        )
        for ended in _LAST:
            ended.output.close()
        _LAST[:] = [Build(assessment_id, report, base_url, time.monotonic(), process, output)]
        return _LAST[-1]


def stop() -> None:
    """End the build that runs, if any; nothing half-written is left."""
    with _LOCK:
        running = last()
        if running is not None and running.state() == RUNNING:
            running.stopped = True
            running.process.terminate()
