"""The PAdES signature of a signed-off pack: made from a PKCS#12 file, checked as a reader does."""

from __future__ import annotations

import os
import random
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from muniment.cli.main import run
from muniment.errors import ReportError, StoreError
from muniment.evidence.pack_note import note_line, with_note
from muniment.evidence.pack_signature import prepared, with_signature
from muniment.evidence.pack_verification import pack_steps
from muniment.evidence.verify import Step, Verification, split_pdf
from muniment.sealing.certificates import (
    CERTIFICATE_VARIABLE,
    PASSPHRASE_VARIABLE,
    new_certificate,
    read_certificate,
)
from muniment.sealing.trust import Holdings
from tests.builders.pack_attacks import PDF, PackAttacker
from tests.builders.packs import SealedPack
from tests.test_attack_matrix_packs import Target

pytest.importorskip("pyhanko")


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return new_certificate(tmp_path_factory.mktemp("p12") / "owner.p12", "Example Ltd").path


@pytest.fixture(scope="module")
def signed(sealed_pack: SealedPack, file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A pack as signing leaves it, its pages printed by the library below the printer."""
    target = Target(sealed_pack)
    attacker = PackAttacker(
        dict(target.files), "pack and key", target.owner, random.Random(1),
        certificate=read_certificate(file),
    )  # fmt: skip
    folder = tmp_path_factory.mktemp("signed") / "pack"
    attacker.write(folder)
    return folder


def steps_of(place: Path) -> list[Step]:
    return pack_steps(place, Holdings())


def test_signed_pdf_holds_by_a_readers_eye_and_by_the_programs(signed: Path) -> None:
    for place in (signed, signed / PDF):
        steps = steps_of(place)
        assert [step.detail for step in steps if not step.ok] == []
        assert [step.number for step in steps] == list(range(1, 13))
        assert "signed by" in steps[-1].detail and "certified against changes" in steps[-1].detail
        assert "Example Ltd" in steps[-1].detail


def test_bytes_before_signing_are_the_same_whenever_it_was_signed(signed: Path, file: Path) -> None:
    first = (signed / PDF).read_bytes()
    again = with_signature(first, read_certificate(file))
    assert again != first and len(again) == len(first)
    assert split_pdf(again) == split_pdf(first)


def test_signature_taken_out_or_spoilt_is_broken_though_the_note_holds(
    signed: Path, tmp_path: Path
) -> None:
    pdf = (signed / PDF).read_bytes()
    at = pdf.index(b"/Contents <3") + 11
    for name, changed in {
        "taken out": pdf[: at - 1] + b"<" + b"0" * 24_000 + pdf[at + 24_000 :],
        "spoilt": pdf[: at + 900] + bytes([pdf[at + 900] ^ 1]) + pdf[at + 901 :],
    }.items():
        place = tmp_path / f"{name}.pdf"
        place.write_bytes(changed)
        assert all(step.ok for step in Verification(place).steps())
        assert [step.number for step in steps_of(place) if not step.ok] == [12]


def test_byte_changed_outside_the_signature_breaks_both(signed: Path, tmp_path: Path) -> None:
    pdf = bytearray((signed / PDF).read_bytes())
    pdf[pdf.index(b"/M (D:2") + 6] ^= 1
    place = tmp_path / "changed.pdf"
    place.write_bytes(pdf)
    assert {7, 12} <= {step.number for step in steps_of(place) if not step.ok}


def test_update_hung_on_a_signed_pdf_is_broken(signed: Path, tmp_path: Path) -> None:
    place = tmp_path / "more.pdf"
    place.write_bytes(
        (signed / PDF).read_bytes() + b"\n1 0 obj\n<<>>\nendobj\nstartxref\n0\n%%EOF\n"
    )
    assert not all(step.ok for step in steps_of(place))


def test_signed_off_pack_of_the_real_printer_is_signed_and_clean(
    sealed_pack: SealedPack, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import pikepdf

    from muniment.reporting.printer import print_pdf
    from muniment.reporting.report_folder import reports_root

    monkeypatch.setenv(CERTIFICATE_VARIABLE, str(file))
    html = "<html lang=en><title>t</title><body><h1>Signed</h1></body></html>"
    words = {"styles": [], "roots": [reports_root()], "files": [], "identifier": b"x" * 16}
    at = "2026-11-20T09:00:00.000000000Z"
    printed = [print_pdf(html, made_at=at, signed_at=at, **words) for _ in range(2)]
    assert printed[0] == printed[1]
    note = "x" * 400
    pdf = with_note(prepared(printed[0], len(note_line(note))), note)
    place = tmp_path / "signed.pdf"
    place.write_bytes(with_signature(pdf, read_certificate(file)))
    from muniment.evidence.pack_signature import signature_step

    step = signature_step(place.read_bytes(), 11)
    assert step is not None and step.ok, step
    with pikepdf.open(place) as opened:
        assert opened.check_pdf_syntax() == []
        assert opened.Root.Perms.DocMDP.Reference[0].TransformParams.P == 1
    with pytest.raises(ReportError, match="no place for its signature"):
        prepared(print_pdf(html, made_at=at, **words), 10)


# The PKCS#12 file


def test_command_makes_and_checks_a_certificate_and_notes_it(
    sealed_pack: SealedPack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    shutil.copytree(sealed_pack.store, tmp_path / "store")
    monkeypatch.setenv(PASSPHRASE_VARIABLE, "long and dull")
    file, words = tmp_path / "vault" / "own.p12", ["keys", "certificate"]
    store = ["--store", str(tmp_path / "store")]
    assert run([*words, str(file), "--make", "Example Ltd", *store]) == 0
    said = capsys.readouterr()
    assert "WARNING: this is a development certificate" in said.err
    assert file.stat().st_mode & 0o777 == 0o600
    assert run([*words, str(file), *store]) == 0
    assert read_certificate(file).fingerprint in capsys.readouterr().out
    assert run([*words, str(file), "--make", "Other", *store]) == 3
    from muniment.store.open import open_store

    with open_store(tmp_path / "store") as opened:
        assert len(opened.records.noted("pdf_certificate")) >= 1


def test_certificate_that_cannot_sign_is_refused_with_the_remedy(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = tmp_path / "copy.p12"
    with pytest.raises(StoreError, match="cannot be read"):
        read_certificate(copy)
    copy.write_bytes(file.read_bytes())
    copy.chmod(0o644)
    with pytest.raises(StoreError, match="chmod 600"):
        read_certificate(copy)
    copy.chmod(0o600)
    monkeypatch.setenv(PASSPHRASE_VARIABLE, "wrong")
    with pytest.raises(StoreError, match=PASSPHRASE_VARIABLE):
        read_certificate(copy)
    monkeypatch.delenv(PASSPHRASE_VARIABLE)
    copy.write_bytes(b"no container")
    with pytest.raises(StoreError, match="no PKCS#12 file"):
        read_certificate(copy)
    from muniment.sealing import certificates

    class Later(datetime):
        @classmethod
        def now(cls, tz: object = None) -> datetime:  # type: ignore[override]
            return datetime(2099, 1, 1, tzinfo=UTC)

    monkeypatch.setattr(certificates, "datetime", Later)
    with pytest.raises(StoreError, match="not today"):
        read_certificate(file)
    assert os.access(file, os.R_OK)
