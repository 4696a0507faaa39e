"""The attack matrix on evidence packs: attack × powers × what the verifier holds."""

from __future__ import annotations

import random
import shutil
import zipfile
from collections import Counter
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from muniment.evidence.pack_verification import pack_steps
from muniment.sealing.anchors import held_at, read_anchor
from muniment.sealing.keys import signing_key
from muniment.sealing.trust import Holdings
from muniment.store.checkpoint_files import read_checkpoint_file
from muniment.store.open import open_store
from tests.builders.pack_attacks import ATTACKS, PDF, POWERS, PackAttacker
from tests.builders.packs import SealedPack
from tests.test_attack_matrix import MATRIX, OPEN

HOLDS = ("nothing", "fingerprint", "checkpoint", "anchor", "fingerprint and anchor")
FORMS = ("folder", "zip", "pdf")
SHORT, LONG = 60, 2_000


class Target:
    """The pack to attack, in memory, and what verifiers hold."""

    def __init__(self, pack: SealedPack) -> None:
        self.files = {path.name: path.read_bytes() for path in pack.folder.iterdir()}
        with open_store(pack.store) as store:
            key = signing_key(store)
        assert key is not None
        self.owner: Ed25519PrivateKey = key.private
        self.fingerprint = pack.fingerprint
        self.kept = read_checkpoint_file(pack.checkpoint)
        self.anchor = read_anchor(f"folder:{pack.anchor}")

    def holdings(self, holds: str) -> Holdings:
        heads = [("the checkpoint that you kept", self.kept)] if "checkpoint" in holds else []
        if "anchor" in holds:
            heads += [(str(self.anchor), h) for h in held_at(self.anchor, self.kept.origin)]
        return Holdings(self.fingerprint if "fingerprint" in holds else "", tuple(heads))


@pytest.fixture(scope="session")
def target(sealed_pack: SealedPack) -> Target:
    return Target(sealed_pack)


def judged(target: Target, root: Path, names: tuple[str, str, str], dice: random.Random) -> str:
    """`found` (exit 4, and where), `open` (exit 5), or `signed` (0: the owner's own word)."""
    attack, power, holds = names
    attacker = PackAttacker(dict(target.files), power, target.owner, dice)
    ATTACKS[attack](attacker)
    place = root / "pack"
    attacker.write(place)
    form = dice.choice(FORMS)
    # What lies beside a PDF is not there when the PDF is verified alone.
    if form == "pdf" and (power != "file" or attacker.files[PDF] != target.files[PDF]):
        place = place / PDF
    elif form == "zip":
        with zipfile.ZipFile(root / "pack.zip", "w") as archive:
            for path in place.iterdir():
                archive.write(path, f"pack/{path.name}")
        place = root / "pack.zip"
    try:
        steps = pack_steps(place, target.holdings(holds))
    finally:
        shutil.rmtree(root / "pack")
    said = [(step.title, step.detail, step.open) for step in steps]
    if not all(step.ok for step in steps):
        assert all(step.where for step in steps if not step.ok), said
        return "found"
    still = {step.open for step in steps if step.open}
    assert still <= OPEN, said
    return "open" if still else "signed"


# What the owner's key signs anew is the owner's word, to be read as such (docs/verification.md).
OWN_WORD = {"forge a sign-off", "edit a table", "edit the pages", "replace verify.py",
            "insert a file", "slip in a key", "delete a file"}  # fmt: skip


def random_attacks(target: Target, root: Path, count: int, seed: int) -> Counter[tuple[str, str]]:
    dice, tally = random.Random(seed), Counter[tuple[str, str]]()
    for number in range(count):
        names = dice.choice(list(ATTACKS)), dice.choice(POWERS), dice.choice(HOLDS)
        try:
            verdict = judged(target, root, names, dice)
        except AssertionError as error:
            raise AssertionError(f"attack {number}: {names}: {error}") from error
        tally[names[1], verdict] += 1
        assert verdict != "signed" or (names[1] == "pack and key" and names[0] in OWN_WORD), (
            number,
            names,
        )
        # A bit of the note's own mark takes the note away.
        if names[1] == "file" and names[0] not in {"strip the pages' signature", "flip a bit"}:
            assert verdict == "found", (number, names)
    return tally


def test_random_attacks_on_packs_are_found_or_said_to_be_open(
    target: Target, tmp_path: Path
) -> None:
    tally = random_attacks(target, tmp_path, SHORT, seed=20261128)
    assert {verdict for _, verdict in tally} >= {"found", "open"}


@pytest.mark.soak
@pytest.mark.parametrize("share", range(4))
def test_two_thousand_random_attacks_on_packs_are_found_or_said_to_be_open(
    target: Target, tmp_path: Path, share: int
) -> None:
    print(dict(random_attacks(target, tmp_path, LONG // 4, seed=share)))


def documented() -> dict[tuple[str, str], list[str]]:
    rows = {}
    for line in MATRIX.read_text("utf-8").splitlines():
        cells = [each.strip() for each in line.strip("|").split("|")]
        if len(cells) == 2 + len(HOLDS) and cells[1] in POWERS:
            rows[cells[0], cells[1]] = cells[2:]
    return rows


def test_documented_matrix_of_packs_names_every_attack_and_power() -> None:
    assert documented().keys() == {(attack, power) for attack in ATTACKS for power in POWERS}


@pytest.mark.soak
@pytest.mark.parametrize("power", POWERS)
def test_matrix_of_packs_holds_as_documented(target: Target, tmp_path: Path, power: str) -> None:
    found = {}
    for attack in ATTACKS:
        cells = []
        for holds in HOLDS:
            dice = [random.Random(f"{attack} {seed}") for seed in range(4)]
            tries = {judged(target, tmp_path, (attack, power, holds), each) for each in dice}
            cells.append(" / ".join(sorted(tries)))
        found[attack, power] = cells
        print(f"| {attack} | {power} | {' | '.join(cells)} |")
    assert found == {key: cells for key, cells in documented().items() if key[1] == power}
