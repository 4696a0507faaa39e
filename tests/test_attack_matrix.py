"""The attack matrix, executed: attack × powers × what the verifier holds (docs/verification.md)."""

from __future__ import annotations

import os
import random
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from muniment.errors import EvidenceBrokenError
from muniment.sealing.verify import VerifyReport, verify_store
from muniment.store import segment_files
from muniment.store.segment_files import run_query
from tests.builders.attacks import ATTACKS, HOLDS, POWERS, Attacker, Template, make_template
from tests.builders.honest import honest_store

OPEN = {"UNSIGNED", "KEY NOT CONFIRMED", "UNANCHORED"}
LOCATED = ("header ", "segment ", "checkpoint ", "row `", "outbox entry ", "key ", "`segments/",
           "headers", "entry `", "the checkpoint that you kept", "folder:")  # fmt: skip
SHORT, LONG = 20, 2_000


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Template:
    return make_template(tmp_path_factory.mktemp("attacks"), random.Random(6))


def attacked(
    template: Template, place: Path, attack: str, power: str, dice: random.Random
) -> Attacker:
    attacker = Attacker(template, template.copy(place), power, dice)
    ATTACKS[attack](attacker)
    return attacker


def judged(attacker: Attacker, holds: str) -> tuple[str, VerifyReport]:
    """`found` (exit 4, and where) or `open` (exit 5, and what is not established)."""
    report = verify_store(attacker.store, deep=True, holdings=attacker.template.holdings(holds))
    detail = [(step.title, step.detail, step.open) for step in report.steps]
    if report.exit_code == 4:
        faults = [step.detail for step in report.steps if not step.ok]
        assert any(word in fault for fault in faults for word in LOCATED), detail
        return "found", report
    assert report.exit_code == 5, detail
    assert {step.open for step in report.steps if step.open} <= OPEN, detail
    return "open", report


def cell(template: Template, root: Path, names: tuple[str, str, str], dice: random.Random) -> str:
    attack, power, holds = names
    attacker = attacked(template, root / "copy", attack, power, dice)
    try:
        return judged(attacker, holds)[0]
    finally:
        attacker.store.close()
        shutil.rmtree(root / "copy")


def random_attacks(
    template: Template, root: Path, count: int, seed: int
) -> Counter[tuple[str, str]]:
    dice, tally = random.Random(seed), Counter[tuple[str, str]]()
    for number in range(count):
        attack, power = dice.choice(list(ATTACKS)), dice.choice(POWERS)
        holds = dice.choice(HOLDS)
        try:
            verdict = cell(template, root, (attack, power, holds), dice)
        except AssertionError as error:
            raise AssertionError(f"attack {number}: {attack}, {power}, {holds}: {error}") from error
        tally[power, verdict] += 1
        if power == "data" or (holds == "fingerprint and anchor" and attack != "flip a bit"):
            assert verdict == "found", (number, attack, power, holds)
    return tally


def test_random_attacks_are_found_or_said_to_be_open(template: Template, tmp_path: Path) -> None:
    tally = random_attacks(template, tmp_path, SHORT, seed=20261120)
    assert sum(tally.values()) == SHORT and {v for _, v in tally} == {"found", "open"}


@pytest.mark.soak
@pytest.mark.parametrize("share", range(4))
def test_two_thousand_random_attacks_are_found_or_said_to_be_open(
    template: Template, tmp_path: Path, share: int
) -> None:
    tally = random_attacks(template, tmp_path, LONG // 4, seed=share)
    assert sum(tally.values()) == LONG // 4
    print(dict(tally))


# The matrix as it is documented

MATRIX = Path(__file__).resolve().parent.parent / "docs" / "verification.md"
TRIES = {"checkpoint": 8}  # it may be hit before or after the head that was kept; else 3


def documented() -> dict[tuple[str, str], list[str]]:
    """Rows of the table: (attack, power) to what is said for each holding."""
    rows = {}
    for line in MATRIX.read_text("utf-8").splitlines():
        cells = [each.strip() for each in line.strip("|").split("|")]
        if len(cells) == 2 + len(HOLDS) and cells[1] in POWERS:
            rows[cells[0], cells[1]] = cells[2:]
    return rows


def test_documented_matrix_names_every_attack_and_power() -> None:
    rows = documented()
    assert rows.keys() == {(attack, power) for attack in ATTACKS for power in POWERS}
    assert {cell for cells in rows.values() for cell in cells} <= {"found", "open", "found / open"}


@pytest.mark.soak
@pytest.mark.parametrize("power", POWERS)
def test_matrix_holds_as_documented(template: Template, tmp_path: Path, power: str) -> None:
    found = {}
    for attack in ATTACKS:
        cells = []
        for holds in HOLDS:
            tries = {
                cell(template, tmp_path, (attack, power, holds), random.Random(f"{attack} {seed}"))
                for seed in range(TRIES.get(holds, 3))
            }
            cells.append(" / ".join(sorted(tries)))
        found[attack, power] = cells
        print(f"| {attack} | {power} | {' | '.join(cells)} |")
    said = {key: cells for key, cells in documented().items() if key[1] == power}
    assert found == said


# Honest stores


def test_honest_stores_raise_no_alarm(tmp_path: Path) -> None:
    for number in range(3):
        honest_store(tmp_path / str(number), random.Random(number))


@pytest.mark.soak
@pytest.mark.parametrize("share", range(4))
def test_two_hundred_honest_stores_raise_no_alarm(tmp_path: Path, share: int) -> None:
    for number in range(50):
        honest_store(tmp_path / str(number), random.Random(1_000 * share + number))
        shutil.rmtree(tmp_path / str(number))


def test_query_engine_ended_by_a_damaged_file_is_started_anew(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Which damage is fatal to DuckDB depends on its version; random attacks meet such files."""
    assert run_query("select 1 as one", []).num_rows == 1
    before, answer = segment_files._database(os.getpid()), segment_files._answer
    fatal = iter([True])

    def ended_once(*words: Any) -> pa.Table:
        if next(fatal, False):
            raise duckdb.FatalException("database has been invalidated")
        return answer(*words)

    monkeypatch.setattr(segment_files, "_answer", ended_once)
    assert run_query("select 1 as one", []).num_rows == 1
    assert segment_files._database(os.getpid()) is not before
    fatal = iter([True, True])
    with pytest.raises(EvidenceBrokenError, match="cannot be read"):
        run_query("select 1 as one", [])
    assert run_query("select 1 as one", []).num_rows == 1
