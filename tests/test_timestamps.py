"""Time stamps: asked of a real authority on loopback, kept as receipts, verified offline."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from muniment.cli.main import run
from muniment.errors import StoreError, UsageError
from muniment.sealing.anchors import held_at, read_anchor
from muniment.sealing.heads import seal_and_sign, sign_if_possible
from muniment.sealing.keys import new_key
from muniment.sealing.timestamps import stamped_heads
from muniment.store.checkpoint_files import latest_checkpoint, receipts
from muniment.store.open import Store
from tests.builders.sealed import person
from tests.builders.tsa import OPENSSL, Authority, authority

pytestmark = [pytest.mark.skipif(OPENSSL is None, reason="no openssl to run an authority with")]
pytest.importorskip("rfc3161_client")


@pytest.fixture(scope="module")
def tsa(tmp_path_factory: pytest.TempPathFactory) -> object:
    with authority(tmp_path_factory.mktemp("tsa") / "here") as found:
        yield found


@pytest.fixture
def stamped(sqlite_store: Store, tsa: Authority) -> Store:
    new_key(sqlite_store, by="ana")
    sqlite_store.layout.anchors_file.write_text(f'anchors = ["tsa:{tsa.url}"]')
    seal_and_sign(sqlite_store)
    return sqlite_store


def test_stamped_head_is_an_anchor_with_its_time_verified_offline(
    stamped: Store, tsa: Authority, capsys: pytest.CaptureFixture[str]
) -> None:
    head = latest_checkpoint(stamped.layout)
    ((where, held),) = stamped_heads(stamped.layout, tsa.root)
    assert held == head
    assert where.startswith("the stamp of 20") and where.endswith(f"over {held.size} headers")
    words = ["verify", str(stamped.layout.root), "--json"]
    assert run([*words, "--anchor", f"tsa:{tsa.root}"]) == 5
    steps = json.loads(capsys.readouterr().out)["verification"]["steps"]
    assert "UNANCHORED" not in {step["open"] for step in steps}
    assert where in steps[-1]["detail"]
    assert run(words) == 5
    steps = json.loads(capsys.readouterr().out)["verification"]["steps"]
    assert steps[-1]["open"] == "UNANCHORED"


def test_second_sealing_without_news_asks_for_no_second_stamp(stamped: Store) -> None:
    assert len(receipts(stamped.layout)) == 1
    seal_and_sign(stamped)
    assert len(receipts(stamped.layout)) == 1
    person(stamped, "p1", "Ada")
    seal_and_sign(stamped)
    assert len({receipt.stamp for receipt in receipts(stamped.layout)}) == 2


def test_stamp_of_another_authority_or_over_another_head_counts_for_nothing(
    stamped: Store, tsa: Authority, tmp_path: Path
) -> None:
    with authority(tmp_path / "other") as other:
        assert stamped_heads(stamped.layout, other.root) == []
    head = latest_checkpoint(stamped.layout)
    assert head
    path = stamped.layout.checkpoint_file(head.size)
    path.write_text(path.read_text().replace("made 2", "made 1"))
    assert stamped_heads(stamped.layout, tsa.root) == []


@pytest.mark.parametrize("stamp", ["", "AAAA", "!!", "MIIBAA=="])
def test_receipt_with_a_spoilt_stamp_counts_for_nothing(
    stamp: str, stamped: Store, tsa: Authority
) -> None:
    (path,) = stamped.layout.anchors.glob("*.json")
    path.write_text(json.dumps({**json.loads(path.read_text()), "stamp": stamp}))
    assert stamped_heads(stamped.layout, tsa.root) == []


@pytest.mark.parametrize("change", [{"checkpoint_size": "9"}, {"token": 1}, {"more": 1}])
def test_receipt_of_another_shape_is_none(change: dict[str, object], stamped: Store) -> None:
    (path,) = stamped.layout.anchors.glob("*.json")
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    assert receipts(stamped.layout) == []
    assert run(["log", "--store", str(stamped.layout.root)]) == 0


def test_authority_out_of_reach_or_refusing_leaves_a_signed_head_and_an_error(
    sqlite_store: Store, tmp_path: Path
) -> None:
    new_key(sqlite_store, by="ana")
    with pytest.raises(StoreError, match=r"gave no stamp.*signed and kept"):
        seal_and_sign(sqlite_store, (read_anchor("tsa:http://127.0.0.1:9/"),))
    assert latest_checkpoint(sqlite_store.layout)
    with authority(tmp_path / "no", refuses=True) as refusing:
        anchor = f"tsa:{refusing.url}"
        with pytest.raises(StoreError, match="gave no stamp"):
            seal_and_sign(sqlite_store, (read_anchor(anchor),))
        sqlite_store.layout.anchors_file.write_text(f'anchors = ["{anchor}"]')
        assert "gave no stamp" in sign_if_possible(sqlite_store).warnings[0]
    with pytest.raises(UsageError, match="names no address"):
        seal_and_sign(sqlite_store, (read_anchor("tsa:/etc/passwd"),))


def test_certificate_that_is_none_and_a_pack_are_refused(stamped: Store, tmp_path: Path) -> None:
    (tmp_path / "x.pem").write_text("no certificate")
    for place in (tmp_path / "x.pem", tmp_path / "absent.pem"):
        with pytest.raises(UsageError, match="no certificate in PEM"):
            stamped_heads(stamped.layout, place)
    with pytest.raises(UsageError, match="keeps no copies"):
        held_at(read_anchor("tsa:x.pem"), "muniment/x")
