"""Merkle trees as in RFC 6962 section 2.1: root, inclusion and consistency, over leaf hashes.

Pure functions over bytes. A leaf's hash is SHA-256(0x00 ‖ content) and a node's
SHA-256(0x01 ‖ left ‖ right), so that a node can never pass for a leaf.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence

EMPTY_ROOT = hashlib.sha256(b"").digest()


def leaf_hash(content: bytes) -> bytes:
    """The hash of one leaf's content."""
    return hashlib.sha256(b"\x00" + content).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of an inner node."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def merkle_root(leaves: Sequence[bytes]) -> bytes:
    """The root over leaf hashes; of no leaves, the hash of nothing."""
    if not leaves:
        return EMPTY_ROOT
    level = list(leaves)
    while len(level) > 1:
        paired = [node_hash(level[i], level[i + 1]) for i in range(0, len(level) - 1, 2)]
        # A last node without partner rises unchanged; it is never paired with itself.
        level = paired + level[len(paired) * 2 :]
    return level[0]


def inclusion_proof(leaves: Sequence[bytes], index: int) -> list[bytes]:
    """The audit path of leaf `index`: the siblings from the leaf up to the root."""
    return MerkleTree(leaves).inclusion(index)


def verify_inclusion(
    leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes
) -> bool:
    """Whether `leaf` stands at `index` of a tree of `size` with this root (RFC 9162 2.1.3.2)."""
    if not 0 <= index < size or len(leaf) != 32 or any(len(step) != 32 for step in proof):
        return False
    node, last, current = index, size - 1, leaf
    for step in proof:
        if last == 0:
            return False
        if node & 1 or node == last:
            current = node_hash(step, current)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            current = node_hash(current, step)
        node, last = node >> 1, last >> 1
    return last == 0 and current == root


def consistency_proof(leaves: Sequence[bytes], old_size: int) -> list[bytes]:
    """The proof that the tree of the first `old_size` leaves is a prefix of this one."""
    return MerkleTree(leaves).consistency(old_size)


def verify_consistency(
    old_size: int, size: int, old_root: bytes, root: bytes, proof: Sequence[bytes]
) -> bool:
    """Whether the tree of `old_size` leaves is a prefix of that of `size` (RFC 9162 2.1.4.2)."""
    if not 0 < old_size <= size or any(len(step) != 32 for step in proof):
        return False
    if old_size == size:
        return not proof and old_root == root
    path = list(proof)
    if old_size & (old_size - 1) == 0:
        path.insert(0, old_root)
    if not path:
        return False
    node, last = old_size - 1, size - 1
    while node & 1:
        node, last = node >> 1, last >> 1
    older = newer = path[0]
    for step in path[1:]:
        if last == 0:
            return False
        if node & 1 or node == last:
            older, newer = node_hash(step, older), node_hash(step, newer)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            newer = node_hash(newer, step)
        node, last = node >> 1, last >> 1
    return last == 0 and older == old_root and newer == root


def prefix_roots(leaves: Sequence[bytes], sizes: Collection[int]) -> dict[int, bytes]:
    """The root of the first n leaves for each n of `sizes`, in one pass; none for a larger n."""
    wanted, roots = set(sizes), {}
    if 0 in wanted:
        roots[0] = EMPTY_ROOT
    full: list[bytes] = []  # roots of the full subtrees so far, largest first: the bits of `size`
    for size, leaf in enumerate(leaves, start=1):
        node, carried = leaf, size
        while not carried & 1:
            node, carried = node_hash(full.pop(), node), carried >> 1
        full.append(node)
        if size in wanted:
            root = full[-1]
            for left in reversed(full[:-1]):
                root = node_hash(left, root)
            roots[size] = root
    return roots


class MerkleTree:
    """All nodes over some leaf hashes, for many proofs at the cost of one root."""

    def __init__(self, leaves: Sequence[bytes]) -> None:
        self.size = len(leaves)
        self._levels = [list(leaves)]
        while len(self._levels[-1]) > 1:
            below = self._levels[-1]
            paired = [node_hash(below[i], below[i + 1]) for i in range(0, len(below) - 1, 2)]
            self._levels.append(paired + below[len(paired) * 2 :])

    @property
    def root(self) -> bytes:
        """The root; of no leaves, the hash of nothing."""
        return self._levels[-1][0] if self.size else EMPTY_ROOT

    def leaf(self, index: int) -> bytes:
        """A leaf's hash."""
        return self._levels[0][index]

    def inclusion(self, index: int) -> list[bytes]:
        """The audit path of leaf `index`; IndexError outside the tree."""
        if not 0 <= index < self.size:
            raise IndexError(f"leaf {index} is outside the tree of {self.size}")
        path = []
        for level in self._levels[:-1]:
            if index ^ 1 < len(level):
                path.append(level[index ^ 1])
            index >>= 1
        return path

    def consistency(self, old_size: int) -> list[bytes]:
        """The proof that the first `old_size` leaves are a prefix; IndexError outside the tree."""
        if not 0 < old_size <= self.size:
            raise IndexError(f"an older size of {old_size} does not fit a tree of {self.size}")
        return self._subproof(0, self.size, old_size, whole=True)

    def _subproof(self, start: int, size: int, old: int, *, whole: bool) -> list[bytes]:
        if old == size:
            return [] if whole else [self._node(start, size)]
        # RFC 6962 section 2.1: the left part holds the largest power of two below the size.
        split = 1 << ((size - 1).bit_length() - 1)
        if old <= split:
            right = self._node(start + split, size - split)
            return [*self._subproof(start, split, old, whole=whole), right]
        rest = self._subproof(start + split, size - split, old - split, whole=False)
        return [*rest, self._node(start, split)]

    def _node(self, start: int, size: int) -> bytes:
        """The root over `size` leaves from `start`: a full subtree, or one up to the last leaf."""
        height = (size - 1).bit_length()
        return self._levels[height][start >> height]
