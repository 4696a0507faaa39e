"""Merkle trees: RFC 6962's known answers, and every departure from an honest proof."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

import pytest

from muniment.evidence.verify import root_by_path
from muniment.integrity.merkle import (
    EMPTY_ROOT,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    merkle_root,
    node_hash,
    verify_consistency,
    verify_inclusion,
)
from tests.test_canonical import VECTORS

FILE = VECTORS / "merkle_rfc6962_vectors.jsonl"
KINDS = ("testdata/inclusion/", "testdata/consistency/")


def _vectors() -> list[Any]:
    if not FILE.is_file():
        reason = f"no RFC 6962 vectors at {FILE}: set MUNIMENT_VECTORS to their folder"
        return [pytest.param(None, marks=pytest.mark.skip(reason=reason))]
    rows = [json.loads(line) for line in FILE.read_text("utf-8").splitlines()]
    return [
        pytest.param(row, id=row["path"].removeprefix("testdata/").removesuffix(".json"))
        for row in rows
        if row["path"].startswith(KINDS)
    ]


def _bytes(text: str | None) -> bytes:
    return base64.b64decode(text or "")


@pytest.mark.samples
@pytest.mark.parametrize("vector", _vectors())
def test_proof_of_a_published_vector_verifies_only_where_it_says_so(vector: dict[str, Any]) -> None:
    proof = [_bytes(step) for step in vector["proof"] or []]
    if vector["path"].startswith(KINDS[0]):
        holds = verify_inclusion(
            _bytes(vector["leafHash"]),
            vector["leafIdx"],
            vector["treeSize"],
            proof,
            _bytes(vector["root"]),
        )
        # What every pack carries decides alike; the leaf's hash, always whole, it computes itself.
        found = root_by_path(
            _bytes(vector["leafHash"]), vector["leafIdx"], vector["treeSize"], proof
        )
        same = len(_bytes(vector["leafHash"])) == 32 and found == _bytes(vector["root"])
        assert same is not vector["wantErr"], vector["desc"]
    else:
        holds = verify_consistency(
            vector["size1"],
            vector["size2"],
            _bytes(vector["root1"]),
            _bytes(vector["root2"]),
            proof,
        )
    assert holds is not vector["wantErr"], vector["desc"]


@pytest.mark.samples
@pytest.mark.skipif(not FILE.is_file(), reason="no RFC 6962 vectors: set MUNIMENT_VECTORS")
def test_published_vectors_are_all_196() -> None:
    assert len(_vectors()) == 196


LEAVES = [leaf_hash(bytes([number])) for number in range(8)]


def test_root_of_nothing_is_the_hash_of_nothing() -> None:
    assert merkle_root([]) == EMPTY_ROOT == hashlib.sha256(b"").digest()


def test_root_of_one_leaf_is_that_leaf() -> None:
    assert merkle_root(LEAVES[:1]) == hashlib.sha256(b"\x00\x00").digest()


def test_root_of_three_leaves_lets_the_last_rise_alone() -> None:
    first = hashlib.sha256(b"\x01" + LEAVES[0] + LEAVES[1]).digest()
    assert merkle_root(LEAVES[:3]) == hashlib.sha256(b"\x01" + first + LEAVES[2]).digest()


def test_root_of_seven_leaves_splits_at_the_largest_power_of_two() -> None:
    left, right = merkle_root(LEAVES[:4]), merkle_root(LEAVES[4:7])
    assert merkle_root(LEAVES[:7]) == node_hash(left, right)


def test_root_with_the_last_leaf_doubled_differs() -> None:
    assert merkle_root(LEAVES[:3]) != merkle_root([*LEAVES[:3], LEAVES[2]])


@pytest.mark.parametrize("size", range(1, 9))
def test_inclusion_of_every_leaf_verifies_at_its_place_only(size: int) -> None:
    root = merkle_root(LEAVES[:size])
    for index in range(size):
        proof = inclusion_proof(LEAVES[:size], index)
        for claimed in range(size):
            held = verify_inclusion(LEAVES[index], claimed, size, proof, root)
            assert held is (claimed == index)


@pytest.mark.parametrize("size", range(1, 9))
def test_consistency_of_every_prefix_verifies_with_its_own_roots_only(size: int) -> None:
    root = merkle_root(LEAVES[:size])
    for old in range(1, size + 1):
        proof, old_root = consistency_proof(LEAVES[:size], old), merkle_root(LEAVES[:old])
        assert verify_consistency(old, size, old_root, root, proof)
        assert not verify_consistency(old, size, leaf_hash(b"x"), root, proof)
        assert not verify_consistency(old, size, old_root, leaf_hash(b"x"), proof)


DEPARTURES = {
    "leaf edited": lambda a: {**a, "leaf": leaf_hash(b"x")},
    "leaf cut short": lambda a: {**a, "leaf": a["leaf"][:31]},
    "index beyond the tree": lambda a: {**a, "index": 7},
    "index below nought": lambda a: {**a, "index": -1},
    "size of nought": lambda a: {**a, "size": 0},
    "tree grown": lambda a: {**a, "size": 9},
    "step dropped": lambda a: {**a, "proof": a["proof"][:-1]},
    "step added": lambda a: {**a, "proof": [*a["proof"], LEAVES[0]]},
    "steps reordered": lambda a: {**a, "proof": a["proof"][::-1]},
    "step cut short": lambda a: {**a, "proof": [a["proof"][0][:31], *a["proof"][1:]]},
    "root of another tree": lambda a: {**a, "root": merkle_root(LEAVES[:6])},
}


@pytest.mark.parametrize("departure", DEPARTURES)
def test_inclusion_with_a_departure_is_refused(departure: str) -> None:
    honest = {
        "leaf": LEAVES[2], "index": 2, "size": 7,
        "proof": inclusion_proof(LEAVES[:7], 2), "root": merkle_root(LEAVES[:7]),
    }  # fmt: skip
    assert verify_inclusion(**honest)
    assert not verify_inclusion(**DEPARTURES[departure](honest))


def test_consistency_of_a_shrunk_or_empty_tree_is_refused() -> None:
    root = merkle_root(LEAVES)
    assert not verify_consistency(8, 7, root, merkle_root(LEAVES[:7]), [])
    assert not verify_consistency(0, 8, EMPTY_ROOT, root, [])
    assert not verify_consistency(4, 8, merkle_root(LEAVES[:4]), root, [])


@pytest.mark.parametrize("index", [-1, 3])
def test_inclusion_proof_outside_the_tree_is_an_error(index: int) -> None:
    with pytest.raises(IndexError, match="outside the tree of 3"):
        inclusion_proof(LEAVES[:3], index)


@pytest.mark.parametrize("old_size", [0, 4])
def test_consistency_proof_of_a_size_that_never_was_is_an_error(old_size: int) -> None:
    with pytest.raises(IndexError, match="does not fit a tree of 3"):
        consistency_proof(LEAVES[:3], old_size)
