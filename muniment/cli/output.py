"""What the command line prints: sentences and tables for people, one JSON document for programs."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

ProgressCall = Any
FILE_WIDTH = 240  # columns where the output goes to a file or a pipe, so that nothing is cut


class Output:
    """Prints for a person, or with `as_json` one document at the end and nothing else on stdout.

    Everything that comes from evidence is printed as plain text: control characters are shown as
    escapes and markup is never interpreted, so that a log cannot write on the reader's terminal.
    """

    def __init__(self, *, as_json: bool) -> None:
        self.as_json = as_json
        width = None if sys.stdout.isatty() else FILE_WIDTH
        self._out = Console(highlight=False, soft_wrap=True, width=width)
        self._err = Console(stderr=True, highlight=False, soft_wrap=True)

    def say(self, sentence: str) -> None:
        """One line for a person."""
        if not self.as_json:
            self._out.print(Text(plain(sentence)))

    def table(self, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
        """A table for a person; numbers stand right."""
        if self.as_json:
            return
        table = Table(box=None, pad_edge=False, header_style="bold")
        kept = [[*row] for row in rows]
        for index, name in enumerate(columns):
            numeric = bool(kept) and all(isinstance(row[index], int) for row in kept)
            table.add_column(name, justify="right" if numeric else "left", overflow="fold")
        for row in kept:
            table.add_row(*(Text(_cell(value)) for value in row))
        self._out.print(table)

    def document(self, content: dict[str, Any]) -> None:
        """The one JSON document, when asked for."""
        if self.as_json:
            json.dump(content, sys.stdout, indent=2, sort_keys=True)
            sys.stdout.write("\n")

    def warn(self, sentence: str) -> None:
        """One line on stderr that is no error."""
        self._err.print(Text(f"muniment: {plain(sentence)}", style="bold"))

    def error(self, sentence: str) -> None:
        """One sentence on stderr; with `as_json` also a document, so that a program sees why."""
        self._err.print(Text(f"muniment: {plain(sentence)}"))
        self.document({"error": sentence})

    @contextmanager
    def progress(self, title: str) -> Iterator[ProgressCall]:
        """A bar on stderr; gives a call (label, done, total), which the engine may ignore."""
        bar = Progress(
            TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(),
            TimeElapsedColumn(), console=self._err, transient=True,
            disable=self.as_json or not self._err.is_terminal,
        )  # fmt: skip
        with bar:
            task = bar.add_task(_line(title)[:60], total=None)

            def report(label: str, done: int, total: int | None = None) -> None:
                bar.update(task, description=_line(label)[:60], completed=done, total=total)

            yield report


def plain(text: str) -> str:
    """Text with control characters (escape sequences, overrides of direction) made visible."""
    return "".join(c if c == "\n" or c.isprintable() else repr(c)[1:-1] for c in text)


def _line(text: str) -> str:
    """Text for one line: a line break is shown as well."""
    return plain(text).replace("\n", "\\n")


def _cell(value: object) -> str:
    if value is None:
        return "–"
    return (
        f"{value:,}"
        if isinstance(value, int) and not isinstance(value, bool)
        else plain(str(value))
    )
