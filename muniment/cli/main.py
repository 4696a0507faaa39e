"""The entry point: one application, one place that turns errors into exit codes.

Exit codes: 0 ok; 1 controls failing; 2 error, or more controls unconcluded than a parameter allows;
3 usage; 4 evidence broken; 5 trust not established.
"""

from __future__ import annotations

import errno
import os
import sys

import typer
from typer.exceptions import Abort, Exit, TyperException

from muniment import __version__
from muniment.cli import (
    assurance,
    frameworks,
    keeping,
    queueing,
    results,
    sealing,
    serving,
    sources,
    storing,
    verifying,
)
from muniment.cli.output import Output
from muniment.errors import MunimentError, UsageError

STOPPED = "stopped by the user; what was acknowledged is kept."

app = typer.Typer(
    name="muniment",
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Turns what your AI agents are and did into evidence that stands up.",
)
for module in (
    storing, sources, sealing, assurance, results, keeping, queueing, frameworks, verifying,
    serving,
):  # fmt: skip
    module.register(app)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"muniment {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: bool = typer.Option(
        False, "--version", callback=_version, is_eager=True, help="Print the version and stop."
    ),
) -> None:
    """Options that stand before the command."""
    del version


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and exit with the code that its contract names."""
    sys.exit(run(arguments))


def run(arguments: list[str] | None = None) -> int:
    """Run the command line and return the exit code."""
    given = (sys.argv[1:] if arguments is None else arguments) or ["--help"]
    try:
        code = app(given, standalone_mode=False)
    except Exit as stop:
        return stop.exit_code
    except (TyperException, Abort, MunimentError, OSError) as error:
        sentence, code = _explained(error)
        Output(as_json="--json" in given).error(sentence)
    except KeyboardInterrupt:
        Output(as_json="--json" in given).error(STOPPED)
        code = 2
    return code if isinstance(code, int) else 0


def _explained(error: Exception) -> tuple[str, int]:
    """What to say of an error, and the exit code."""
    if isinstance(error, MunimentError):
        return str(error), error.exit_code
    if isinstance(error, TyperException):  # typer would end with 2, which means an error here
        said = getattr(error, "format_message", error.__str__)()
        return f"{said} See `muniment --help`.", UsageError.exit_code
    if isinstance(error, OSError):
        return _system_error(error), 2
    return STOPPED, 2


def _system_error(error: OSError) -> str:
    place = f" at `{os.fspath(error.filename)}`" if error.filename else ""
    remedy = {
        errno.ENOSPC: "Free space on that disk and repeat the command; nothing is half-written.",
        errno.EACCES: "Fix the permissions, or use another folder.",
        errno.EROFS: "The disk is read-only; use another folder.",
    }.get(error.errno or 0, "Repeat the command once the cause is mended.")
    return f"{error.strerror or error}{place}. {remedy}"
