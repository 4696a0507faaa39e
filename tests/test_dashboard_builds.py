"""Building packs beside the dashboard: in a process of its own, one at a time, whole or not."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from dashboard import builds
from muniment.store.open import create_store

NO_ADDRESS = ""


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "store"
    create_store(folder, organisation="O", time_zone="UTC", recorded_by="test").close()
    yield folder
    builds.stop()
    _wait(builds.last())


def _wait(build: builds.Build | None) -> str:
    until = time.monotonic() + 60
    while build is not None and build.state() == builds.RUNNING and time.monotonic() < until:
        time.sleep(0.05)
    return build.state() if build is not None else ""


def test_build_that_fails_says_why_in_a_sentence(store: Path) -> None:
    build = builds.start(store, "A-0", "evidence_pack", NO_ADDRESS)
    assert _wait(build) == builds.FAILED
    assert "no assessment `A-0`" in build.said()
    assert not list((store / "packs").glob("*"))


def test_second_build_waits_for_none_and_gives_the_running_one(store: Path) -> None:
    first = builds.start(store, "A-0", "evidence_pack", NO_ADDRESS)
    assert builds.start(store, "A-1", "evidence_pack", NO_ADDRESS) is first
    _wait(first)
    assert builds.start(store, "A-1", "evidence_pack", NO_ADDRESS) is not first


def test_stopped_build_is_stopped_and_leaves_nothing(store: Path) -> None:
    build = builds.start(store, "A-0", "evidence_pack", NO_ADDRESS)
    builds.stop()
    assert _wait(build) == builds.STOPPED
    assert not list((store / "packs").glob("*"))
