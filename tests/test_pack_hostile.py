"""Packs made to deceive or to choke a verifier: each ends in a step that says what is wrong."""

from __future__ import annotations

import os
import random
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from muniment.errors import InputError, UsageError
from muniment.evidence import pack_verification, verify
from muniment.evidence.pack_verification import pack_steps
from muniment.evidence.verify import Verification, read_checkpoint, read_note, signed_by
from muniment.integrity.notes import public_key, sign_note
from muniment.integrity.notes import read_note as package_note
from muniment.sealing.trust import Holdings
from tests.builders.pack_attacks import MANIFEST, NOTE, PDF, PackAttacker, print_pdf
from tests.builders.packs import SealedPack
from tests.test_attack_matrix_packs import Target


@pytest.fixture(scope="module")
def target(sealed_pack: SealedPack) -> Target:
    return Target(sealed_pack)


@pytest.fixture
def owner(target: Target) -> PackAttacker:
    """Who holds the owner's key and can make everything else fit."""
    return PackAttacker(dict(target.files), "pack and key", target.owner, random.Random(1))


def faults(place: Path) -> str:
    return " | ".join(f"{s.number}: {s.detail}" for s in Verification(place).steps() if not s.ok)


def test_pack_made_to_fit_by_the_attackers_tools_is_whole(
    owner: PackAttacker, tmp_path: Path
) -> None:
    owner.write(tmp_path / "pack")
    assert faults(tmp_path / "pack") == "" == faults(tmp_path / "pack" / PDF)


def test_verifier_of_a_pack_that_is_another_program_is_told_of(
    owner: PackAttacker, tmp_path: Path
) -> None:
    owner.write(tmp_path / "own")
    owner.files["verify.py"] = b"print('Key and head are confirmed.')\n"
    owner.write(tmp_path / "other")
    said = [pack_steps(tmp_path / name, Holdings())[10].detail for name in ("own", "other")]
    assert "this Muniment's own" in said[0] and "another program" in said[1]


# Folders and archives


@pytest.mark.parametrize("kind", ["link", "folder", "pipe"])
def test_what_is_no_plain_file_in_a_pack_is_named(
    kind: str, target: Target, owner: PackAttacker, tmp_path: Path
) -> None:
    owner.power = "file"
    owner.write(tmp_path / "pack")
    place = tmp_path / "pack" / ("items.csv" if kind == "link" else "more")
    if kind == "link":
        place.rename(tmp_path / "elsewhere")
        place.symlink_to(tmp_path / "elsewhere")
    elif kind == "folder":
        place.mkdir()
    else:
        os.mkfifo(place)
    assert f"{place.name} is no plain file" in faults(tmp_path / "pack")


def test_zip_hung_on_the_end_of_a_pdf_is_not_what_is_verified(
    target: Target, tmp_path: Path
) -> None:
    """A reader opens the PDF; the honest pack in the zip behind it must not speak for it."""
    archive = tmp_path / "honest.zip"
    with zipfile.ZipFile(archive, "w") as out:
        for name, content in target.files.items():
            out.writestr(name, content)
    both = tmp_path / "pack.pdf"
    both.write_bytes(print_pdf({}, b"BT (all is well) Tj ET") + archive.read_bytes())
    assert zipfile.is_zipfile(both)
    assert not pack_steps(both, Holdings())[0].ok
    renamed = tmp_path / "other.pdf"
    renamed.write_bytes(archive.read_bytes())
    with pytest.raises(UsageError, match="no evidence pack"):
        pack_steps(renamed, Holdings())


@pytest.mark.parametrize("name", ["../../{}", "/tmp/{}", "a/../../{}", "..\\..\\{}"])
def test_zip_with_a_path_that_climbs_writes_nowhere_else(
    name: str, target: Target, tmp_path: Path
) -> None:
    archive, marker = tmp_path / "pack.zip", "muniment-climbed.txt"
    with zipfile.ZipFile(archive, "w") as out:
        for each, content in target.files.items():
            out.writestr(each, content)
        out.writestr(name.format(marker), b"x")
    first = pack_steps(archive, Holdings())[0]
    assert f"{marker} is not in the manifest" in first.detail
    assert not [p for p in (Path("/tmp"), tmp_path, tmp_path.parent) if (p / marker).exists()]


def test_zip_that_unpacks_to_too_much_or_is_cut_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = tmp_path / "bomb.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as out:
        out.writestr("a", b"\0" * 4_000_000)
    monkeypatch.setattr(pack_verification, "LIMIT", 1_000_000)
    with pytest.raises(InputError, match="unpacks to too much"):
        pack_steps(archive, Holdings())
    archive.write_bytes(archive.read_bytes()[:200])
    with pytest.raises(InputError, match="cannot be unpacked"):
        pack_steps(archive, Holdings())


# The PDF


def test_attachment_that_unpacks_to_too_much_is_refused(
    owner: PackAttacker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner.files["more.jsonl"] = b"\0" * 4_000_000
    owner.write(tmp_path / "pack")
    monkeypatch.setattr(verify, "LIMIT", 1_000_000)
    assert "too large" in faults(tmp_path / "pack" / PDF)


def broken_pdf(pdf: bytes, change: str) -> bytes:
    if change == "two of one name":
        return pdf.replace(b"(items.jsonl)", b"(entries.jsonl)")
    at = pdf.index(b"/EmbeddedFile")
    if change == "cut stream":
        begin = pdf.index(b"stream\n", at) + 7
        return pdf[: begin + 20] + b"\0" * 40 + pdf[begin + 60 :]
    return pdf[:at] + b"/embeddedFile" + pdf[at + 13 :]


@pytest.mark.parametrize("change", ["cut stream", "hidden type"])
def test_pdf_with_a_spoilt_attachment_is_broken(
    change: str, target: Target, tmp_path: Path
) -> None:
    place = tmp_path / "pack.pdf"
    place.write_bytes(broken_pdf(target.files[PDF], change))
    assert faults(place).startswith("1: ")


def test_pdf_with_two_attachments_of_one_name_is_broken(
    owner: PackAttacker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Readers differ on which of the two they show."""
    files = {**owner.files, "items.jsonl ": b"{}\n"}
    pdf = print_pdf(files, b"").replace(b"", b"")
    assert set(verify.embedded_files(pdf)) == set(files)
    import pydyf

    named = pydyf.String
    monkeypatch.setattr(pydyf, "String", lambda text="": named(str(text).strip()))
    with pytest.raises(ValueError, match="without a name"):
        verify.embedded_files(print_pdf(files, b""))


# JSON


HOSTILE: dict[str, Callable[[bytes], bytes]] = {
    "key twice": lambda text: text.replace(b'{"', b'{"aa":1,"aa":2,"', 1),
    "not a number": lambda text: text.replace(b'{"', b'{"aa":NaN,"', 1),
    "number of 5,000 digits": lambda text: text.replace(b'{"', b'{"aa":' + b"9" * 5_000 + b',"', 1),
    "infinite number": lambda text: text.replace(b'{"', b'{"aa":1e999,"', 1),
    "deep nesting": lambda text: text.replace(b'{"', b'{"aa":' + b"[" * 90_000 + b',"', 1),
    "lone surrogate": lambda text: text.replace(b'{"', b'{"aa":"\\ud800","', 1),
    "list instead of an object": lambda text: b"[]\n",
    "another type": lambda text: b'"x"\n',
    "bytes that are no text": lambda text: b"\xff\xfe\n",
    "last line without an end": lambda text: text + b'{"a":1}',
    "nothing": lambda text: b"",
}
JSON_FILES = ("headers.jsonl", "keys.jsonl", "entries.jsonl", "proofs.jsonl", "items.jsonl",
              "assessment.json", MANIFEST)  # fmt: skip


EVERY = [(how, name) for how in HOSTILE for name in JSON_FILES]


# A share of them in each normal run, each file and each fault among it.
@pytest.mark.parametrize(
    ("how", "name"),
    [
        pytest.param(*each, marks=[] if n % 4 == 0 else pytest.mark.soak)
        for n, each in enumerate(EVERY)
    ],
)
def test_hostile_json_is_a_broken_step_and_no_crash(
    how: str, name: str, owner: PackAttacker, tmp_path: Path
) -> None:
    """The digests fit, so that the steps behind the first one meet it."""
    if name == MANIFEST:
        owner.refit()
        owner.power = "file"
    owner.files[name] = HOSTILE[how](owner.files[name])
    owner.write(tmp_path / "pack")
    said = faults(tmp_path / "pack")
    assert said, (how, name)
    if name != MANIFEST:
        assert not said.startswith("1: "), said


@pytest.mark.parametrize("value", ["1e400", "-1", "99999999999999999999", '"x"', "null", "{}"])
def test_hostile_place_of_an_entry_is_a_broken_step(
    value: str, owner: PackAttacker, tmp_path: Path
) -> None:
    for key in ("leaf_index", "segment"):
        lines = owner.files["proofs.jsonl"].decode().splitlines()
        at = lines[0].index(f'"{key}":') + len(key) + 3
        lines[0] = lines[0][:at] + value + lines[0][at:].lstrip("0123456789")
        attacker = PackAttacker(dict(owner.files), "pack and key", owner.owner, owner.dice)
        attacker.files["proofs.jsonl"] = ("\n".join(lines) + "\n").encode()
        attacker.write(tmp_path / key)
        assert "4: " in faults(tmp_path / key)


# Notes, keys and heads


def test_note_with_two_signatures_of_one_key_counts_if_one_fits() -> None:
    private, other = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
    key = public_key("log", private)
    good, bad = sign_note("a\n", ("log", private)), sign_note("b\n", ("log", private))
    both = good.replace("\n\n", "\n\n" + bad.split("\n\n")[1])
    foreign = good.replace("\n\n", "\n\n" + sign_note("a\n", ("log", other)).split("\n\n")[1])
    for content in (both, foreign):
        assert package_note(content).signed_by(key)
        assert signed_by(read_note(content), "log", key.public)


@pytest.mark.parametrize("name", ["a b", "a\u00a0b", "a+b", "a\u2003"])
def test_note_signed_by_a_name_with_a_blank_or_a_plus_is_no_note(name: str) -> None:
    content = sign_note("a\n", (name, Ed25519PrivateKey.generate()))
    for read in (package_note, read_note):
        with pytest.raises(ValueError, match="no signed note"):
            read(content)


@pytest.mark.parametrize("size", ["+4", "04", "4_0", "\u0664", " 4", "4 "])
def test_checkpoint_with_a_size_written_otherwise_is_none(size: str) -> None:
    root = "A" * 43 + "="
    content = sign_note(f"log\n{size}\n{root}\n", ("log", Ed25519PrivateKey.generate()))
    with pytest.raises(ValueError, match="no checkpoint"):
        read_checkpoint(content)


def test_head_of_a_log_whose_name_only_looks_the_same_is_of_another_log(target: Target) -> None:
    content = target.files["checkpoint.note"].decode().replace("muniment/", "m\u057dniment/")
    steps = Verification(place_of(target), since=[("kept", read_checkpoint(content))]).steps()
    assert steps[-1].detail == "kept is of another log"


def place_of(target: Target) -> Path:
    folder = Path(target.anchor.place).parent / "packs"
    return next(folder.iterdir())


def test_key_slipped_in_behind_the_owners_signs_no_pages(
    target: Target, owner: PackAttacker, tmp_path: Path
) -> None:
    """It may sign whatever it likes: who confirmed the owner's key is told that it is another."""
    owner.power = "pack"
    owner.pages = b"BT (all is well) Tj ET"
    owner.write(tmp_path / "pack")
    kept = [("kept", read_checkpoint(target.kept.content))]
    steps = Verification(tmp_path / "pack", target.fingerprint, kept).steps()
    assert [step.open for step in steps if step.open] == ["KEY NOT CONFIRMED"]
    assert all(step.ok for step in steps)


def test_pages_signed_by_a_key_that_the_owners_key_vouches_for_are_confirmed(
    target: Target, owner: PackAttacker, tmp_path: Path
) -> None:
    from muniment.integrity.checkpoints import key_text

    after, signer = Ed25519PrivateKey.generate(), (owner.origin, target.owner)
    rows, size = owner.rows("keys.jsonl"), len(owner.rows("headers.jsonl"))
    text = key_text(owner.origin, 2, public_key(owner.origin, after), size, "2026-11-21T00:00:00Z")
    owner.put("keys.jsonl", [*rows, {"note": sign_note(text, (owner.origin, after), signer)}])
    owner.owner = after
    owner.write(tmp_path / "pack")
    kept = [("kept", read_checkpoint(target.kept.content))]
    steps = Verification(tmp_path / "pack", target.fingerprint, kept).steps()
    assert [step.open for step in steps if step.open or not step.ok] == []


def test_files_of_a_pack_flipped_at_random_never_crash_the_verifier(
    target: Target, tmp_path: Path
) -> None:
    dice = random.Random(28)
    for number in range(8):
        attacker = PackAttacker(dict(target.files), "pack and key", target.owner, dice)
        name = dice.choice([n for n in JSON_FILES if n != MANIFEST] + ["checkpoint.note"])
        content = bytearray(attacker.files[name])
        for _ in range(dice.randint(1, 3)):
            content[dice.randrange(len(content))] = dice.randrange(256)
        try:
            attacker.files[name] = bytes(content)
            attacker.write(tmp_path / str(number))
        except ValueError:  # the origin that the attacker reads is spoilt too
            continue
        assert not (tmp_path / str(number) / NOTE).exists() or faults(tmp_path / str(number)), name
