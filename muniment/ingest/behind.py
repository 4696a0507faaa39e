"""Work that a second thread does while the first prepares the next piece of it."""

from __future__ import annotations

from collections.abc import Callable
from queue import Queue
from threading import Thread
from types import TracebackType
from typing import Generic, Self, TypeVar

Piece = TypeVar("Piece")
_WAITING = 1  # pieces between the two threads, so that memory stays bounded


class Behind(Generic[Piece]):
    """Hands pieces to a thread of its own, in order, and raises here what the work raises there.

    Most of reading and of writing is done by Arrow, the compressor and the disk, which hold no lock
    of Python's: two threads use two processors. After an error nothing more is worked on.
    """

    def __init__(self, work: Callable[[Piece], None]) -> None:
        self._work = work
        self._pieces: Queue[Piece | None] = Queue(_WAITING)
        self._error: BaseException | None = None
        self._thread = Thread(target=self._run, name="behind", daemon=True)

    def add(self, piece: Piece) -> None:
        """Hand on the next piece; waits while enough of them wait."""
        self._raise()
        self._pieces.put(piece)

    def finish(self) -> None:
        """Wait until all is done."""
        self._stop()
        self._raise()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop()

    def _stop(self) -> None:
        if self._thread.is_alive():
            self._pieces.put(None)
            self._thread.join()

    def _raise(self) -> None:
        error, self._error = self._error, None
        if error is not None:
            raise error

    def _run(self) -> None:
        failed = False
        while (piece := self._pieces.get()) is not None:
            try:
                if not failed:
                    self._work(piece)
            except BaseException as error:
                self._error, failed = error, True
