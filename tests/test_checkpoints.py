"""Signed heads: notes, keys, the rule never to sign a head that did not grow, anchors."""

from __future__ import annotations

import base64
import json
import os
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from muniment.cli.main import run
from muniment.errors import EvidenceBrokenError, StoreError, UsageError
from muniment.integrity.checkpoints import (
    header_leaves,
    key_for,
    read_checkpoint,
    read_keys,
    trusted_numbers,
)
from muniment.integrity.merkle import (
    leaf_hash,
    merkle_root,
    prefix_roots,
    verify_consistency,
    verify_inclusion,
)
from muniment.integrity.notes import public_key, read_note, read_vkey, sign_note
from muniment.sealing import heads
from muniment.sealing.anchors import held_at, read_anchor
from muniment.sealing.heads import seal_and_sign, sign_if_possible
from muniment.sealing.keys import (
    KEY_VARIABLE,
    PASSPHRASE_VARIABLE,
    new_key,
    rotate_key,
    signing_key,
)
from muniment.store.audit import AuditReader
from muniment.store.checkpoint_files import (
    checkpoint_sizes,
    key_contents,
    latest_checkpoint,
    log_keys,
)
from muniment.store.open import Store
from tests.builders.sealed import fill, person
from tests.test_canonical import VECTORS

BUNDLE = VECTORS / "sigstore_rekor2_cosigned.bundle.json"


def grown(store: Store, name: str) -> None:
    person(store, name, name)


# Notes


def test_note_of_the_c2sp_specification_verifies() -> None:
    """The example note and key of the Go package that defined the format."""
    text = (
        "If you think cryptography is the answer to your problem,\n"
        "then you don't know what your problem is.\n"
    )
    vkey = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
    signed = (
        f"{text}\n\N{EM DASH} PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FF"
        "YC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
    )
    note, key = read_note(signed), read_vkey(vkey)
    assert note.text == text and note.signed_by(key)
    assert key.vkey == vkey


def test_note_with_an_edited_text_or_another_key_is_not_signed() -> None:
    private, other = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
    signed = sign_note("a\nb\n", ("log", private))
    key = public_key("log", private)
    assert read_note(signed).signed_by(key)
    assert not read_note(signed.replace("b", "c", 1)).signed_by(key)
    assert not read_note(signed).signed_by(public_key("log", other))
    assert not read_note(signed).signed_by(public_key("gol", private))


@pytest.mark.parametrize("content", ["", "a\n", "a\n\n", "a\n\nb\n", "a\n\n\N{EM DASH} n !!!\n"])
def test_note_that_is_not_written_as_one_is_refused(content: str) -> None:
    with pytest.raises(ValueError, match="no signed note"):
        read_note(content)


@pytest.mark.samples
@pytest.mark.skipif(not BUNDLE.is_file(), reason="no sigstore bundle: set MUNIMENT_VECTORS")
def test_inclusion_proof_of_a_real_foreign_bundle_verifies() -> None:
    """Rekor's; its signatures cannot be checked, as the log's and the witness's keys are absent."""
    entry = json.loads(BUNDLE.read_text())["verificationMaterial"]["tlogEntries"][0]
    proof = entry["inclusionProof"]
    head = read_checkpoint(proof["checkpoint"]["envelope"])
    steps = [base64.b64decode(step) for step in proof["hashes"]]
    leaf = leaf_hash(base64.b64decode(entry["canonicalizedBody"]))
    index, size = int(proof["logIndex"]), int(proof["treeSize"])
    assert head.size == size and head.root == base64.b64decode(proof["rootHash"])
    assert len(head.note.signatures) == 2
    assert verify_inclusion(leaf, index, size, steps, head.root)
    assert not verify_inclusion(leaf, index - 1, size, steps, head.root)


def test_prefix_roots_are_those_of_each_prefix() -> None:
    leaves = [leaf_hash(bytes([n])) for n in range(21)]
    found = prefix_roots(leaves, range(30))
    assert found == {n: merkle_root(leaves[:n]) for n in range(22)}


# Keys


def test_key_is_readable_by_its_owner_only_and_warns_where_it_lies_in_the_store(
    sqlite_store: Store, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert run(["keys", "new", "--store", str(sqlite_store.layout.root)]) == 0
    said = capsys.readouterr()
    assert "WARNING: this is a development key" in said.err
    key = sqlite_store.layout.development_key
    assert key.stat().st_mode & 0o777 == 0o600
    assert log_keys(sqlite_store.layout)[0].key.fingerprint in said.out
    key.chmod(0o640)
    with pytest.raises(StoreError, match="mode 0640, so others can read it"):
        seal_and_sign(sqlite_store)


def test_key_outside_the_store_may_be_encrypted(
    sqlite_store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "vault" / "log.pem"
    monkeypatch.setenv(PASSPHRASE_VARIABLE, "long and dull")
    monkeypatch.setenv(KEY_VARIABLE, str(place))
    assert not new_key(sqlite_store, by="ana").development
    assert b"ENCRYPTED" in place.read_bytes()
    assert seal_and_sign(sqlite_store).warnings == []
    monkeypatch.delenv(PASSPHRASE_VARIABLE)
    with pytest.raises(StoreError, match="holds no Ed25519 key that can be opened"):
        signing_key(sqlite_store)


def test_heads_signed_before_a_rotation_keep_verifying(sqlite_store: Store) -> None:
    first = new_key(sqlite_store, by="ana").public
    old = seal_and_sign(sqlite_store).checkpoint
    second = rotate_key(sqlite_store, by="ana").public
    new = seal_and_sign(sqlite_store).checkpoint
    assert old and new and new.size > old.size
    assert old.note.signed_by(first) and new.note.signed_by(second)
    keys = log_keys(sqlite_store.layout)
    assert [key_for(keys, head.size).key for head in (old, new)] == [first, second]  # type: ignore[union-attr]
    assert trusted_numbers(keys, first.fingerprint) == {1, 2}
    assert trusted_numbers(keys, second.fingerprint) == {2}


def test_key_after_a_lost_one_is_not_vouched_for(sqlite_store: Store) -> None:
    first = new_key(sqlite_store, by="ana")
    seal_and_sign(sqlite_store)
    first.path.unlink()
    with pytest.raises(StoreError, match="rotate --lost"):
        seal_and_sign(sqlite_store)
    assert AuditReader(sqlite_store.layout).segments()
    rotate_key(sqlite_store, by="ana", lost=True)
    assert seal_and_sign(sqlite_store).checkpoint
    assert trusted_numbers(log_keys(sqlite_store.layout), first.public.fingerprint) == {1}


def test_wrong_key_signs_nothing_and_the_log_is_sealed(
    sqlite_store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    new_key(sqlite_store, by="ana")
    other = tmp_path / "other.pem"
    other.write_bytes(sqlite_store.layout.development_key.read_bytes())
    other.chmod(0o600)
    rotate_key(sqlite_store, by="ana")
    monkeypatch.setenv(KEY_VARIABLE, str(other))
    with pytest.raises(StoreError, match="this log signs with"):
        seal_and_sign(sqlite_store)
    done = sign_if_possible(sqlite_store)
    assert done.checkpoint is None and "not signed" in done.warnings[0]
    assert done.state.unsealed_entries == 0


def test_second_first_key_is_refused(sqlite_store: Store) -> None:
    new_key(sqlite_store, by="ana")
    with pytest.raises(UsageError, match="keys rotate"):
        new_key(sqlite_store, by="ana")


def test_note_of_a_key_signed_by_nobody_of_this_log_is_refused(sqlite_store: Store) -> None:
    new_key(sqlite_store, by="ana")
    held = key_contents(sqlite_store.layout)
    origin = log_keys(sqlite_store.layout)[0].key.name
    with pytest.raises(ValueError, match="key 1: its note is not of this log"):
        read_keys(held, "muniment/other")
    with pytest.raises(ValueError, match="key 1: it did not sign its own note"):
        read_keys([held[0].replace("after 1", "after 0")], origin)


# Heads


def test_head_is_the_root_over_the_headers_and_grows_consistently(sqlite_store: Store) -> None:
    new_key(sqlite_store, by="ana")
    first = seal_and_sign(sqlite_store).checkpoint
    fill(sqlite_store)
    second = seal_and_sign(sqlite_store).checkpoint
    assert first and second
    leaves = header_leaves([s.header for s in AuditReader(sqlite_store.layout).segments()])
    assert second.size == len(leaves) and second.root == merkle_root(leaves)
    from muniment.integrity.merkle import consistency_proof

    proof = consistency_proof(leaves, first.size)
    assert verify_consistency(first.size, second.size, first.root, second.root, proof)
    assert seal_and_sign(sqlite_store).checkpoint == second
    assert checkpoint_sizes(sqlite_store.layout) == [first.size, second.size]


def test_head_after_the_tail_was_cut_is_not_signed(sqlite_store: Store) -> None:
    """The attacker removes the newest checkpoint too; the key remembers what it signed."""
    new_key(sqlite_store, by="ana")
    seal_and_sign(sqlite_store)
    fill(sqlite_store)
    last = seal_and_sign(sqlite_store).checkpoint
    assert last
    layout = sqlite_store.layout
    layout.checkpoint_file(last.size).unlink()
    layout.header_file(last.size).unlink()
    AuditReader(layout)
    for path in layout.segments.rglob(f"seg-{last.size:010d}.parquet"):
        path.unlink()
    with pytest.raises(EvidenceBrokenError, match="the last head that the key signed"):
        seal_and_sign(sqlite_store)


def test_head_over_an_edited_header_is_not_signed(sqlite_store: Store) -> None:
    new_key(sqlite_store, by="ana")
    fill(sqlite_store)
    seal_and_sign(sqlite_store)
    path = sqlite_store.layout.header_file(2)
    path.write_bytes(path.read_bytes().replace(b'"event_count":', b'"event_count":1'))
    grown(sqlite_store, "x")
    with pytest.raises(EvidenceBrokenError, match="header 3 does not follow"):
        seal_and_sign(sqlite_store)


def test_head_is_signed_though_the_clock_went_back_and_says_so(
    sqlite_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    new_key(sqlite_store, by="ana")
    seal_and_sign(sqlite_store)
    grown(sqlite_store, "x")
    monkeypatch.setattr(heads, "time_now", lambda: "2001-01-01T00:00:00.000000000Z")
    done = seal_and_sign(sqlite_store)
    assert done.checkpoint and done.checkpoint.made_at == "2001-01-01T00:00:00.000000000Z"
    assert any("the clock went back" in warning for warning in done.warnings)
    monkeypatch.undo()
    grown(sqlite_store, "y")
    assert all("clock" not in warning for warning in seal_and_sign(sqlite_store).warnings)


def test_head_where_the_disk_is_full_is_not_written_and_the_log_is_intact(
    sqlite_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    new_key(sqlite_store, by="ana")
    seal_and_sign(sqlite_store)
    grown(sqlite_store, "x")

    def full(path: Path, write: object) -> Path:
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr(heads, "write_temporary", full)
    with pytest.raises(StoreError, match=r"No space left on device.*sealed and intact"):
        seal_and_sign(sqlite_store)
    monkeypatch.undo()
    done = seal_and_sign(sqlite_store)
    assert done.checkpoint and done.checkpoint.size == done.state.segments


@pytest.mark.skipif(os.name != "posix", reason="needs processes")
def test_two_sealers_at_once_queue_and_leave_one_consistent_log(sqlite_store: Store) -> None:
    import sys

    new_key(sqlite_store, by="ana")
    grown(sqlite_store, "x")
    script = (
        "import sys; from pathlib import Path; from muniment.store.open import open_store\n"
        "from muniment.sealing.heads import seal_and_sign\n"
        "with open_store(Path(sys.argv[1])) as store: seal_and_sign(store)"
    )
    words = [sys.executable, "-c", script, str(sqlite_store.layout.root)]
    both = [subprocess.Popen(words, stdout=subprocess.PIPE) for _ in range(2)]
    assert [each.wait(60) for each in both] == [0, 0]
    for each in both:
        each.communicate()
    head = latest_checkpoint(sqlite_store.layout)
    assert head and head.size == len(AuditReader(sqlite_store.layout).segments())


# Anchors


def git_repository(folder: Path) -> Path:
    folder.mkdir()
    subprocess.run(["git", "init", "--quiet", str(folder)], check=True)
    return folder


@pytest.mark.parametrize("kind", ["folder", "git"])
def test_anchor_keeps_each_head_once(kind: str, sqlite_store: Store, tmp_path: Path) -> None:
    place = git_repository(tmp_path / "far") if kind == "git" else tmp_path / "far"
    place.mkdir(exist_ok=True)
    anchor = read_anchor(f"{kind}:{place}")
    new_key(sqlite_store, by="ana")
    sqlite_store.layout.anchors_file.write_text(f'anchors = ["{anchor}"]')
    first = seal_and_sign(sqlite_store).checkpoint
    grown(sqlite_store, "x")
    done = seal_and_sign(sqlite_store)
    seal_and_sign(sqlite_store)
    assert first and done.checkpoint and done.anchored == [str(anchor)]
    assert held_at(anchor, first.origin) == [first, done.checkpoint]
    assert done.state.checkpoint and done.state.checkpoint.anchors


@pytest.mark.parametrize("kind", ["folder", "git"])
def test_anchor_that_holds_another_head_stops_the_signing(
    kind: str, sqlite_store: Store, tmp_path: Path
) -> None:
    """Rewritten from genesis with the key at hand: the copy outside does not agree."""
    place = git_repository(tmp_path / "far") if kind == "git" else tmp_path / "far"
    place.mkdir(exist_ok=True)
    anchor = read_anchor(f"{kind}:{place}")
    key = new_key(sqlite_store, by="ana")
    fill(sqlite_store)
    head = seal_and_sign(sqlite_store, (anchor,)).checkpoint
    assert head
    from muniment.integrity.checkpoints import checkpoint_text

    text = checkpoint_text(head.origin, head.size, leaf_hash(b"another"), "2026-11-20T00:00:00Z")
    forged = sign_note(text, (head.origin, key.private))
    sqlite_store.layout.checkpoint_file(head.size).unlink()
    copy = next(path for path in place.rglob("*.note") if ".git" not in path.parts)
    copy.chmod(0o644)
    copy.write_text(forged)
    with pytest.raises(EvidenceBrokenError, match="does not continue the last copy at"):
        seal_and_sign(sqlite_store, (anchor,))


def test_anchor_out_of_reach_leaves_a_signed_head_and_an_error(
    sqlite_store: Store, tmp_path: Path
) -> None:
    new_key(sqlite_store, by="ana")
    with pytest.raises(StoreError, match="Mount it"):
        seal_and_sign(sqlite_store, (read_anchor(f"folder:{tmp_path}/absent"),))
    assert latest_checkpoint(sqlite_store.layout)
    assert not (tmp_path / "absent").exists()
    with pytest.raises(StoreError, match="no git work tree"):
        seal_and_sign(sqlite_store, (read_anchor(f"git:{tmp_path}"),))


@pytest.mark.parametrize("text", ["worm", "ftp:x", "folder:"])
def test_anchor_of_an_unknown_kind_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="Write folder:PATH or git:PATH"):
        read_anchor(text)


def test_log_command_prints_a_proof_that_verifies(
    sqlite_store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    from tests.builders.entries import event_id

    fill(sqlite_store)
    new_key(sqlite_store, by="ana")
    seal_and_sign(sqlite_store)
    root = str(sqlite_store.layout.root)
    assert run(["log", "--proof", event_id(13), "--store", root]) == 0
    proof = json.loads(capsys.readouterr().out)
    leaf = leaf_hash(proof["canonical"].encode())
    path = [bytes.fromhex(step) for step in proof["path"]]
    merkle = bytes.fromhex(proof["header"]["merkle_root"])
    assert verify_inclusion(leaf, proof["leaf_index"], proof["segment_size"], path, merkle)
    head = read_checkpoint(proof["checkpoint"])
    steps = [bytes.fromhex(step) for step in proof["header_path"]]
    (header,) = header_leaves([proof["header"]])
    assert verify_inclusion(header, proof["header_index"], head.size, steps, head.root)
    assert head.note.signed_by(log_keys(sqlite_store.layout)[0].key)
    assert run(["log", "--store", root]) == 0
    assert "signed to" in capsys.readouterr().out
