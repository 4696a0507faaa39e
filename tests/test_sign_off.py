"""Signing a pack: who may, in which order, and what the signed pack says."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from muniment.cli.main import run
from muniment.errors import EvidenceBrokenError, StoreError, UsageError, WorkflowError
from muniment.evidence.pack_verification import pack_steps
from muniment.jobs.sign_off import SignedPack, sign_pack_off
from muniment.sealing.certificates import CERTIFICATE_VARIABLE, new_certificate
from muniment.sealing.trust import Holdings
from muniment.store.open import Store, open_store
from muniment.workflow.sign_off import os_user, sign_offs
from tests.builders.packs import SealedPack
from tests.builders.records import person, put
from tests.test_report_pack import text_of

USERS = {"ada": "ada@example.org", "bo": "bo@example.org", "svc": "svc", "gone": "gone@example.org"}


@pytest.fixture(scope="module")
def template(sealed_pack: SealedPack) -> SealedPack:
    return sealed_pack


@pytest.fixture
def drafted(template: SealedPack, tmp_path: Path) -> tuple[Store, str]:
    """A copy of the store with people, its draft in packs/, and that draft's id."""
    shutil.copytree(template.store, tmp_path / "store")
    store = open_store(tmp_path / "store")
    store.layout.anchors_file.unlink()
    lines = [f'{user} = "{name}"' for user, name in USERS.items()]
    store.layout.people_file.write_text("[operating_system_users]\n" + "\n".join(lines))
    for name in ("ada@example.org", "bo@example.org"):
        put(store, "person", person(name, name=name.split("@")[0].title()))
    put(store, "person", person("svc", kind="service"))
    put(store, "person", person("gone@example.org", active=False))
    shutil.copytree(template.folder, store.layout.packs / template.folder.name)
    return store, template.folder.name


def signed(drafted: tuple[Store, str], role: str, user: str, remark: str = "") -> SignedPack:
    return sign_pack_off(drafted[0], drafted[1], role, user=user, remark=remark or None)


def test_pack_is_a_draft_until_preparer_and_another_reviewer_have_signed(
    drafted: tuple[Store, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, pack_id = drafted
    certificate = new_certificate(tmp_path / "owner.p12", "Example Ltd")
    monkeypatch.setenv(CERTIFICATE_VARIABLE, str(certificate.path))
    assert signed(drafted, "preparer", "ada").final is None
    done = signed(drafted, "reviewer", "bo", "followed five items to the source")
    assert done.final is not None and done.final.pack_id != pack_id
    assert set(sign_offs(store, pack_id)) == {"preparer", "reviewer"}
    text = text_of(done.final.pdf_path)
    assert "DRAFT" not in text and "Prepared by Ada, reviewed by Bo" in text
    assert f"They signed the draft {pack_id}" in text
    assert "Review notes: followed five items to the source" in text
    steps = pack_steps(done.final.pdf_path.parent, Holdings())
    assert [step.detail for step in steps if not step.ok] == []
    assert certificate.fingerprint in steps[-1].detail


def test_reviewer_before_or_as_the_preparer_is_refused(drafted: tuple[Store, str]) -> None:
    with pytest.raises(WorkflowError, match="no preparer yet"):
        signed(drafted, "reviewer", "bo")
    signed(drafted, "preparer", "ada")
    with pytest.raises(WorkflowError, match="somebody else than the preparer"):
        signed(drafted, "reviewer", "ada")
    with pytest.raises(WorkflowError, match="has signed pack"):
        signed(drafted, "preparer", "bo")


def test_who_started_the_assessment_cannot_review(drafted: tuple[Store, str]) -> None:
    people = drafted[0].layout.people_file
    people.write_text(people.read_text() + '\nfounder = "bo@example.org"')
    signed(drafted, "preparer", "ada")
    with pytest.raises(WorkflowError, match="who started the assessment"):
        signed(drafted, "reviewer", "founder")


@pytest.mark.parametrize(
    ("user", "why"),
    [("eve", "mapped to no person"), ("svc", "no active person"), ("gone", "no active person")],
)
def test_user_who_is_no_active_person_cannot_sign(
    user: str, why: str, drafted: tuple[Store, str]
) -> None:
    with pytest.raises(WorkflowError, match=why):
        signed(drafted, "preparer", user)
    assert sign_offs(*drafted) == {}


def test_pack_that_does_not_verify_or_does_not_exist_is_not_signed(
    drafted: tuple[Store, str],
) -> None:
    store, pack_id = drafted
    path = store.layout.packs / pack_id / "items.jsonl"
    path.write_bytes(path.read_bytes() + b"{}\n")
    with pytest.raises(EvidenceBrokenError, match=r"items\.jsonl is changed"):
        signed(drafted, "preparer", "ada")
    for name in ("MP-000000000000", "../store", "MP-"):
        with pytest.raises(StoreError, match="holds no pack"):
            sign_pack_off(store, name, "preparer", user="ada")


def test_command_signs_as_the_user_of_the_process(
    drafted: tuple[Store, str], capsys: pytest.CaptureFixture[str]
) -> None:
    store, pack_id = drafted
    words = ["sign-off", pack_id, "--store", str(store.layout.root), "--role"]
    assert run([*words, "preparer"]) == 2
    assert f"the user `{os_user()}` is mapped to no person" in capsys.readouterr().err
    people = store.layout.people_file
    people.write_text(people.read_text() + f'\n{os_user()} = "ada@example.org"')
    assert run([*words, "preparer"]) == 0
    assert "ada@example.org signed" in capsys.readouterr().out
    with pytest.raises(UsageError, match="is no role"):
        signed(drafted, "approver", "bo")
