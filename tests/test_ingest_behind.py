"""A second thread works behind the first: in order, bounded, and its errors are the first's."""

from __future__ import annotations

import threading
import time

import pytest

from muniment.ingest.behind import Behind


def test_behind_works_on_every_piece_in_order_in_a_thread_of_its_own() -> None:
    done: list[tuple[int, bool]] = []
    own = threading.get_ident()
    with Behind[int](lambda piece: done.append((piece, threading.get_ident() != own))) as behind:
        for piece in range(50):
            behind.add(piece)
        behind.finish()
    assert done == [(piece, True) for piece in range(50)]


def test_behind_holds_no_more_than_one_piece_that_waits() -> None:
    gate, given = threading.Event(), []

    def giving() -> None:
        with Behind[int](lambda _: gate.wait(10)) as behind:
            for piece in range(5):
                behind.add(piece)
                given.append(piece)

    first = threading.Thread(target=giving)
    first.start()
    time.sleep(0.1)
    held = len(given)
    gate.set()
    first.join()
    assert held <= 2  # one in work and one that waits
    assert len(given) == 5


def test_behind_error_is_raised_and_nothing_more_is_worked_on() -> None:
    done: list[int] = []

    def work(piece: int) -> None:
        if piece == 1:
            raise OSError("no space left")
        done.append(piece)

    with pytest.raises(OSError, match="no space left"), Behind[int](work) as behind:
        for piece in range(100):
            behind.add(piece)
        behind.finish()
    assert done == [0]


def test_behind_error_of_the_first_thread_lets_the_second_end() -> None:
    done: list[int] = []
    with pytest.raises(ValueError, match="mine"), Behind[int](done.append) as behind:
        behind.add(1)
        raise ValueError("mine")
    assert done == [1]
    assert "behind" not in {thread.name for thread in threading.enumerate()}
