"""A pack verified by an outsider: with the program alone, and with what they hold."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pikepdf
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from muniment.cli.main import run
from muniment.evidence.pack_note import with_note
from muniment.evidence.verify import (
    Verification,
    canonical,
    ed25519_holds,
    embedded_files,
    read_json,
    root_by_path,
    sha256,
    split_pdf,
    tree_root,
)
from muniment.integrity.canonical import canonical_json
from muniment.integrity.merkle import MerkleTree, leaf_hash, merkle_root
from muniment.integrity.notes import sign_note
from tests.builders.packs import SealedPack

ROOT = Path(__file__).resolve().parent.parent
VERIFIER = ROOT / "muniment" / "evidence" / "verify.py"


@pytest.fixture(scope="module")
def pack(sealed_pack: SealedPack) -> SealedPack:
    return sealed_pack


@pytest.fixture
def copy(pack: SealedPack, tmp_path: Path) -> SealedPack:
    shutil.copytree(pack.folder, tmp_path / "copy")
    return replace(pack, folder=tmp_path / "copy")


def alone(folder: Path, *words: str) -> tuple[int, str]:
    """The pack's program under the system's Python, isolated, in an empty folder."""
    place = folder.parent / "elsewhere"
    place.mkdir(exist_ok=True)
    python = Path(sys.base_prefix) / "bin" / "python3"
    done = subprocess.run(
        [str(python), "-I", "-S", str(folder / "verify.py"), *words],
        cwd=place, env={}, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


def broken(folder: Path) -> dict[int, str]:
    return {step.number: step.detail for step in Verification(folder).steps() if not step.ok}


# The program


def test_program_needs_the_standard_library_only_and_stays_readable() -> None:
    lines = VERIFIER.read_text("utf-8").splitlines()
    assert len(lines) <= 400 and max(map(len, lines)) <= 100
    imported = {
        line.split()[1].partition(".")[0] for line in lines if line.startswith(("import", "from"))
    }
    assert imported <= set(sys.stdlib_module_names)


def test_program_alone_verifies_folder_and_bare_pdf(pack: SealedPack, tmp_path: Path) -> None:
    shutil.copytree(pack.folder, tmp_path / "pack")
    code, said = alone(tmp_path / "pack")
    assert code == 5 and "KEY NOT CONFIRMED" in said and "UNANCHORED" in said, said
    held = ["--key-fingerprint", pack.fingerprint, "--since", str(pack.checkpoint)]
    assert alone(tmp_path / "pack", *held) == (0, alone(tmp_path / "pack", *held)[1])
    bare = str(tmp_path / "pack" / "evidence_pack.pdf")
    code, said = alone(tmp_path / "pack", bare, *held)
    assert code == 0, said
    assert "BROKEN" not in said and said.endswith("Key and head are confirmed.\n")


@pytest.mark.parametrize("module", ["json", "argparse", "hashlib", "__future__"])
def test_program_runs_no_module_that_a_pack_brings(
    pack: SealedPack, tmp_path: Path, module: str
) -> None:
    shutil.copytree(pack.folder, tmp_path / "pack")
    (tmp_path / "pack" / f"{module}.py").write_text("print('confirmed'); raise SystemExit(0)\n")
    python = Path(sys.base_prefix) / "bin" / "python3"
    done = subprocess.run(
        [str(python), "verify.py"], cwd=tmp_path / "pack", env={}, capture_output=True, text=True,
        timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 4, done.stdout
    assert f"{module}.py" in done.stdout


def test_command_verifies_folder_zip_and_pdf_alike(
    pack: SealedPack, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    archive = tmp_path / "pack.zip"
    with zipfile.ZipFile(archive, "w") as out:
        for path in pack.folder.iterdir():
            out.write(path, f"{pack.folder.name}/{path.name}")
    for place in (pack.folder, archive, pack.pdf):
        assert run(["verify", str(place)]) == 5
        anchored = ["--anchor", f"folder:{pack.anchor}", "--key-fingerprint", pack.fingerprint]
        assert run(["verify", str(place), *anchored]) == 0, capsys.readouterr().out
        assert run(["verify", str(place), "--key-fingerprint", "ab" * 32]) == 5
    capsys.readouterr()
    assert run(["verify", str(pack.folder), "--json"]) == 5
    steps = json.loads(capsys.readouterr().out)["verification"]["steps"]
    assert [step["number"] for step in steps] == list(range(1, 12))


@pytest.mark.parametrize("place", ["nothing.pdf", "tests", "README.md"])
def test_command_refuses_what_is_neither_store_nor_pack(
    place: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["verify", str(ROOT / place)]) == 3
    assert "no store and no evidence pack" in capsys.readouterr().err


def test_signatures_agree_with_the_library_and_refuse_every_flipped_bit() -> None:
    private = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
    public = private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    for text in (b"", b"a", b"muniment" * 99):
        assert ed25519_holds(public, text, private.sign(text))
    signature = private.sign(b"x")
    for bit in range(0, 512, 19):
        changed = bytearray(signature)
        changed[bit // 8] ^= 1 << bit % 8
        assert not ed25519_holds(public, b"x", bytes(changed))
    # RFC 8032 section 5.1.7: s must be below the order, else one text has many signatures.
    order = 2**252 + 27742317777372353535851937790883648493
    s = int.from_bytes(signature[32:], "little") + order
    assert not ed25519_holds(public, b"x", signature[:32] + s.to_bytes(32, "little"))
    assert not ed25519_holds(public[:31], b"x", signature)
    assert not ed25519_holds((2**255 - 1).to_bytes(32, "little"), b"x", signature)


def test_program_and_package_agree_on_trees_and_canonical_text() -> None:
    for size in range(1, 20):
        leaves = [leaf_hash(bytes([n])) for n in range(size)]
        assert tree_root(leaves) == merkle_root(leaves)
        tree = MerkleTree(leaves)
        for index in range(size):
            path = tree.inclusion(index)
            assert root_by_path(leaves[index], index, size, path) == tree.root
            assert root_by_path(leaves[index], index + 1, size, path) != tree.root
    value = {"b": [1, True, "\x01\u2028é\U0001f600"], "a\U0001f600": {}, "a\uffff": '\\"\b\x7f'}
    text = canonical_json(value)
    assert canonical(read_json(text.encode())) == text
    for other in ('{"a":1,"a":2}', '{"a": 1}', '{"a":NaN}', '{"a":1.0e0}', '{"a":"\\u00e9"}'):
        with pytest.raises(ValueError, match=r"canonical|JSON"):
            read_json(other.encode())


# The pack


def test_pack_is_the_same_before_and_after_signing_and_built_twice(
    pack: SealedPack, tmp_path: Path
) -> None:
    again = pack.build(tmp_path / "again")
    assert {p.name: p.read_bytes() for p in again.iterdir()} == {
        p.name: p.read_bytes() for p in pack.folder.iterdir()
    }
    signed = pack.pdf.read_bytes()
    bare, note = split_pdf(signed)
    assert with_note(bare, note) == signed and len(signed) - len(bare) < 800


def test_pdf_opens_clean_and_its_attachments_are_the_files_beside_it(pack: SealedPack) -> None:
    with pikepdf.open(pack.pdf) as pdf:
        assert pdf.check_pdf_syntax() == []
        inside = {name: spec.get_file().read_bytes() for name, spec in pdf.attachments.items()}
    beside = {p.name: p.read_bytes() for p in pack.folder.iterdir()}
    assert inside == {
        k: v for k, v in beside.items() if k not in {"evidence_pack.pdf", "pack.note"}
    }
    assert embedded_files(pack.pdf.read_bytes()) == inside


def test_oscal_results_are_valid_by_trestles_models(pack: SealedPack) -> None:
    models = pytest.importorskip("trestle.oscal.assessment_results")
    content = json.loads((pack.folder / "assessment_results.oscal.json").read_text())
    made = (
        models.Model.model_validate(content)
        if hasattr(models, "Model")
        else (models.AssessmentResults.model_validate(content["assessment-results"]))
    )
    assert made is not None
    results = content["assessment-results"]["results"][0]
    failed = [f for f in results["findings"] if f["target"]["status"]["state"] == "not-satisfied"]
    assert failed and all(f["description"] for f in failed)


def test_csv_disarms_formulas_and_tables_hold_the_same_rows(pack: SealedPack) -> None:
    import csv
    import io

    import pyarrow.parquet as pq

    text = (pack.folder / "items.csv").read_bytes().decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text)))
    lines = [json.loads(each) for each in (pack.folder / "items.jsonl").read_text().splitlines()]
    table = pq.read_table(pack.folder / "items.parquet").to_pylist()
    assert len(rows) == len(lines) == len(table)
    assert [row["item_id"] for row in table] == [row["item_id"] for row in lines]
    assert not any(cell.startswith(("=", "+", "-", "@")) for row in rows for cell in row.values())


def test_samples_of_small_populations_are_redrawn(pack: SealedPack) -> None:
    detail = Verification(pack.folder).steps()[5].detail
    redrawn, _, all_of_them = detail.split()[:3]
    assert redrawn != "0" and int(all_of_them) >= int(redrawn)


def test_auditors_nonce_draws_another_sample_of_the_same_population(
    pack: SealedPack, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["sample", "--store", str(pack.store), "--control", "OVR-03", "--json", "--nonce"]
    drawn = []
    for nonce in ("dice of 20 November", "other dice", "dice of 20 November"):
        assert run([*words, nonce]) == 0
        drawn.append(json.loads(capsys.readouterr().out)["samples"][0])
    assert drawn[0] == drawn[2] and drawn[0]["items"] != drawn[1]["items"]
    test = json.loads((pack.folder / "assessment.json").read_text())["assessment"]["controls"]
    ids = next(t for c in test for t in c["tests"] if c["control_id"] == "OVR-03")["population_ids"]
    assert len(ids) == 40 == drawn[0]["population"]
    seed = drawn[0]["seed"]
    by_hand = sorted(ids, key=lambda item: sha256((seed + item).encode()))
    assert drawn[0]["items"] == by_hand[:25]
    assert run([*words, "a|b"]) == 3


# Attacks on a pack


def edit_line(name: str) -> Callable[[Path], None]:
    def attack(folder: Path) -> None:
        path = folder / name
        path.write_bytes(path.read_bytes().replace(b"agent", b"agenT", 1))

    return attack


def refit_manifest(folder: Path) -> None:
    """Make manifest and statement agree with the files, as an attacker without the key would."""
    path = folder / "manifest.json"
    manifest = json.loads(path.read_text())
    for entry in manifest["files"]:
        content = (folder / entry["name"]).read_bytes()
        entry["sha256"], entry["bytes"] = sha256(content), len(content)
        manifest["inputs"]["files"][entry["name"]] = sha256(content)
    manifest["pack_id"] = "MP-" + sha256(canonical_json(manifest["inputs"]).encode())[:12]
    path.write_text(canonical_json(manifest) + "\n")


@pytest.mark.parametrize("name", ["assessment.json", "items.jsonl", "entries.jsonl", "items.csv"])
def test_file_edited_beside_the_pdf_is_named(name: str, copy: SealedPack) -> None:
    edit_line(name)(copy.folder)
    assert f"{name} is changed" in broken(copy.folder)[1]


@pytest.mark.parametrize(
    ("name", "step", "says"),
    [
        ("assessment.json", 5, "no sealed entry notes the digests"),
        ("items.jsonl", 5, "no sealed entry notes the digests"),
        ("entries.jsonl", 4, "the entry is not the one that was sealed"),
        ("headers.jsonl", 3, "header 2: it does not follow"),
        ("checkpoint.note", 2, "not signed by the log's key"),
        ("proofs.jsonl", 4, "leaf"),
    ],
)
def test_file_edited_with_its_manifest_is_found_by_the_log(
    name: str, step: int, says: str, copy: SealedPack
) -> None:
    """Without the PDF's attachments changed too, step 1 already tells; here the log must."""
    path = copy.folder / name
    content = path.read_bytes()
    changes = {
        "headers.jsonl": (b'"event_count":', b'"event_count":1'),
        "checkpoint.note": (b"made 2", b"made 3"),
        "proofs.jsonl": (b'"leaf_index":', b'"leaf_index":1'),
        "assessment.json": (b'"state":"fail"', b'"state":"pass"'),
        "items.jsonl": (b'"outcome":"exception"', b'"outcome":"pass"'),
    }
    old, new = changes.get(name, (b'"agent_id":"', b'"agent_id":"x'))
    assert old in content
    path.write_bytes(content.replace(old, new, 1))
    refit_manifest(copy.folder)
    assert says in broken(copy.folder)[step]


def test_pages_edited_inside_the_pdf_are_found_by_the_packs_note(copy: SealedPack) -> None:
    with pikepdf.open(copy.pdf, allow_overwriting_input=True) as pdf:
        pdf.docinfo["/Title"] = "Another title"
        pdf.save(copy.pdf, deterministic_id=True)
    found = broken(copy.folder)
    assert found, "a PDF written anew"
    assert any("signed for" in detail for detail in found.values()) or 1 in found


def test_byte_of_a_page_flipped_is_found(copy: SealedPack) -> None:
    content = bytearray(copy.pdf.read_bytes())
    at = content.index(b"stream\n") + 40
    content[at] ^= 1
    copy.pdf.write_bytes(bytes(content))
    assert 7 in broken(copy.pdf)


def test_file_slipped_into_the_folder_is_named(copy: SealedPack) -> None:
    (copy.folder / "more.jsonl").write_text("{}\n")
    assert "more.jsonl is not in the manifest" in broken(copy.folder)[1]


def test_note_of_another_key_does_not_sign_the_pack(copy: SealedPack) -> None:
    bare, note = split_pdf(copy.pdf.read_bytes())
    text = note.rpartition("\n\n")[0] + "\n"
    origin = text.split("\n")[1]
    forged = sign_note(text, (origin, Ed25519PrivateKey.generate()))
    copy.pdf.write_bytes(with_note(bare, forged))
    (copy.folder / "pack.note").unlink()
    assert broken(copy.folder)[7] == "the log's key did not sign for them"


def test_pack_without_its_note_is_unsigned_and_not_broken(copy: SealedPack) -> None:
    bare, _ = split_pdf(copy.pdf.read_bytes())
    copy.pdf.write_bytes(bare)
    (copy.folder / "pack.note").unlink()
    steps = Verification(copy.folder).steps()
    assert [s.open for s in steps if s.open] == ["UNSIGNED", "KEY NOT CONFIRMED", "UNANCHORED"]


def test_pack_of_a_forked_log_does_not_continue_what_the_auditor_holds(
    copy: SealedPack, tmp_path: Path
) -> None:
    kept = tmp_path / "kept.note"
    lines = copy.checkpoint.read_text().split("\n")
    lines[2] = "A" * 43 + "="
    kept.write_text("\n".join(lines))
    assert run(["verify", str(copy.folder), "--since", str(kept)]) == 4
