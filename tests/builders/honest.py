"""Honest stores: random work, rotations, late deliveries, and crashes wherever they may fall."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from muniment.sealing import heads
from muniment.sealing.anchors import held_at, read_anchor
from muniment.sealing.heads import seal_and_sign
from muniment.sealing.keys import KEY_VARIABLE, new_key, rotate_key
from muniment.sealing.log import AuditLog
from muniment.sealing.trust import Holdings
from muniment.sealing.verify import verify_store
from muniment.store.checkpoint_files import origin_in
from muniment.store.open import Store, create_store, open_store
from tests.builders.entries import deliver, entry
from tests.builders.sealed import person

STEPS = (
    "frame written", "parquet written", "parquet named", "leaves named", "index named",
    "header named", "tail rewritten", "outbox sealed", "outbox marked", "checkpoint written",
)  # fmt: skip


class CrashError(Exception):
    """The power goes."""


def honest_store(root: Path, dice: random.Random) -> None:
    """Build one, crash it, go on, and verify it after each: never broken, and 0 once anchored."""
    (root / "far").mkdir(parents=True)
    anchor = read_anchor(f"folder:{root / 'far'}")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(KEY_VARIABLE, str(root / "vault" / "log.pem"))
        with create_store(
            root / "store", organisation="Example Ltd", time_zone="Europe/Berlin",
            recorded_by="founder@example.org",
        ) as store:  # fmt: skip
            first = new_key(store, by="ana").public.fingerprint
            for step in range(dice.randint(2, 4)):
                work(store, dice, step)
                if dice.random() < 0.3:
                    rotate_key(store, by="ana")
                if dice.random() < 0.5:
                    crash(store, dice)
                    report = verify_store(store, deep=True, holdings=Holdings(first))
                    assert report.exit_code in {0, 5}, report.steps
                if dice.random() < 0.6:
                    seal_and_sign(store, (anchor,))
        with open_store(root / "store") as store:
            seal_and_sign(store, (anchor,))
            copies = [(str(anchor), head) for head in held_at(anchor, origin_in(store.layout))]
            holdings = Holdings(first, tuple(copies))
            for deep in (False, True):
                report = verify_store(store, deep=deep, holdings=holdings)
                assert report.exit_code == 0, report.steps
    os.environ.pop(KEY_VARIABLE, None)


def work(store: Store, dice: random.Random, step: int) -> None:
    """Some entries, some of them delivered again with other content, and some records."""
    log = AuditLog(store)
    rows = [entry(f"{step}-{n}") for n in range(dice.randint(1, 6))]
    deliver(log, *rows)
    if dice.random() < 0.5:
        deliver(log, {**rows[0], "model": f"m{step}"})
    if dice.random() < 0.5:
        person(store, f"p{dice.randint(0, 2)}", f"Ada {step}")


def crash(store: Store, dice: random.Random) -> None:
    """Die at one step of taking in, sealing or signing; what is left is on disk as it fell."""
    at = dice.choice(STEPS)

    def step(name: str) -> None:
        if name == at:
            raise CrashError(name)

    log = AuditLog(store, step=step)
    try:
        deliver(log, entry(f"crash {dice.random()}"))
        person(store, "crash", f"Eve {dice.random()}")
        log.seal()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(heads, "_write", _written_once(heads._write, at))
            seal_and_sign(store)
    except CrashError:
        pass


def _written_once(write: object, at: str) -> object:
    def once(path: Path, note: str, mode: int) -> None:
        write(path, note, mode)  # type: ignore[operator]
        if at == "checkpoint written":
            raise CrashError(at)

    return once
