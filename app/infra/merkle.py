"""Merkle trees as in RFC 6962 (hashing) and RFC 9162 (checking of proofs), over SHA-256.

A tree only ever grows to the right, so a *complete* subtree (2^level leaves that begin at a
multiple of 2^level) never changes again. Whoever stores those can prove anything by reading a
few dozen of them: `inclusion_spans` and `consistency_spans` say which parts of the tree a proof
names, `complete_nodes` of which stored subtrees such a part is made, and `joined` makes its hash.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

HASH_BYTES = 32
EMPTY_ROOT = hashlib.sha256().digest()


class ProofRefusedError(ValueError):
    """The proof does not lead from what it should to what it should."""


@dataclass(frozen=True, order=True)
class Span:
    """The leaves from `start` up to, not including, `end`."""

    start: int
    end: int


@dataclass(frozen=True, order=True)
class Node:
    """A complete subtree: the leaves index·2^level up to (index+1)·2^level."""

    level: int
    index: int


def leaf_hash(data: bytes) -> bytes:
    """Hash what a leaf stands for (RFC 6962, 2.1)."""
    return hashlib.sha256(b"\0" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash two neighbours into the node above them (RFC 6962, 2.1)."""
    return hashlib.sha256(b"\1" + left + right).digest()


def root_of(leaf_hashes: Sequence[bytes]) -> bytes:
    """The root of the tree over these leaf hashes, in memory."""
    row = list(leaf_hashes)
    if not row:
        return EMPTY_ROOT
    # A lonely last node climbs unchanged: the same tree as the recursion of RFC 6962.
    while len(row) > 1:
        pairs = [node_hash(row[at], row[at + 1]) for at in range(0, len(row) - 1, 2)]
        row = pairs + row[len(row) & ~1 :]
    return row[0]


def complete_nodes(span: Span) -> list[Node]:
    """The complete subtrees that a part of a tree is made of, from left to right.

    The part begins where a complete subtree of its size may begin, as all parts of proofs do.
    """
    nodes = []
    at = span.start
    while at < span.end:
        level = (span.end - at).bit_length() - 1
        nodes.append(Node(level, at >> level))
        at += 1 << level
    return nodes


def joined(hashes: Sequence[bytes]) -> bytes:
    """The hash over complete subtrees that stand side by side, the largest first."""
    if not hashes:
        return EMPTY_ROOT
    whole = hashes[-1]
    for left in reversed(hashes[:-1]):
        whole = node_hash(left, whole)
    return whole


def inclusion_spans(index: int, size: int) -> list[Span]:
    """What a proof that a leaf is in the tree names, from the leaf up (RFC 6962, 2.1.1)."""
    if not 0 <= index < size:
        message = "there is no such leaf in a tree of this size"
        raise ValueError(message)
    spans = []
    start, end = 0, size
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            spans.append(Span(middle, end))
            end = middle
        else:
            spans.append(Span(start, middle))
            start = middle
    return spans[::-1]


def consistency_spans(first: int, second: int) -> list[Span]:
    """What a proof that a tree grew out of an older one names (RFC 6962, 2.1.2)."""
    if not 0 <= first <= second:
        message = "a tree only grows"
        raise ValueError(message)
    if first in {0, second}:
        return []
    spans = []
    start, end = 0, second
    while first != end:
        middle = start + _split(end - start)
        if first <= middle:
            spans.append(Span(middle, end))
            end = middle
        else:
            spans.append(Span(start, middle))
            start = middle
    if start:  # the old tree is no complete subtree at the left edge: its own part is named too
        spans.append(Span(start, end))
    return spans[::-1]


def spans_hashes(spans: Iterable[Span], stored: Mapping[Node, bytes]) -> list[bytes]:
    """The hashes that a proof is made of, from stored complete subtrees."""
    return [joined([stored[node] for node in complete_nodes(span)]) for span in spans]


def grown(
    size: int, frontier: Mapping[Node, bytes], leaf_hashes: Sequence[bytes]
) -> list[tuple[Node, bytes]]:
    """The complete subtrees above the leaves that come to a tree with these new leaves.

    `frontier` holds the nodes of `complete_nodes(Span(0, size))`.
    """
    known = dict(frontier)
    made = []
    for at, leaf in enumerate(leaf_hashes, start=size):
        node, value = Node(0, at), leaf
        known[node] = value
        while node.index & 1:
            value = node_hash(known[Node(node.level, node.index - 1)], value)
            node = Node(node.level + 1, node.index >> 1)
            known[node] = value
            made.append((node, value))
    return made


class GrowingTree:
    """A tree that takes leaf after leaf and keeps no more than its complete subtrees."""

    def __init__(self) -> None:
        self.size = 0
        self._complete: list[bytes] = []  # from left to right, the largest first

    def append(self, data: bytes) -> None:
        """Add what a leaf stands for."""
        whole = leaf_hash(data)
        # Each one bit at the end of the size is a subtree that the new leaf makes larger.
        joining = self.size
        while joining & 1:
            whole, joining = node_hash(self._complete.pop(), whole), joining >> 1
        self._complete.append(whole)
        self.size += 1

    def root(self) -> bytes:
        """The root as of now."""
        return joined(self._complete)


def inclusion_proof(leaf_hashes: Sequence[bytes], index: int) -> list[bytes]:
    """Prove in memory that a leaf is in the tree over all these leaf hashes."""
    spans = inclusion_spans(index, len(leaf_hashes))
    return [root_of(leaf_hashes[span.start : span.end]) for span in spans]


def consistency_proof(leaf_hashes: Sequence[bytes], first: int) -> list[bytes]:
    """Prove in memory that the tree over all these leaf hashes grew out of its first leaves."""
    spans = consistency_spans(first, len(leaf_hashes))
    return [root_of(leaf_hashes[span.start : span.end]) for span in spans]


def root_from_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes]) -> bytes:
    """The root that a proof leads to from a leaf (RFC 9162, 2.1.3.2)."""
    if not 0 <= index < size:
        raise ProofRefusedError("there is no such leaf in a tree of this size")
    if any(len(one) != HASH_BYTES for one in (leaf, *proof)):
        raise ProofRefusedError("a hash has 32 bytes")
    spans = inclusion_spans(index, size)
    if len(spans) != len(proof):
        raise ProofRefusedError("the proof does not have the length of the leaf's way up")
    value = leaf
    for span, other in zip(spans, proof, strict=True):
        value = node_hash(other, value) if span.start < index else node_hash(value, other)
    return value


def check_inclusion(
    leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes
) -> None:
    """Refuse unless the leaf stands at this place in the tree with this root."""
    if root_from_inclusion(leaf, index, size, proof) != root:
        raise ProofRefusedError("the leaf is not at this place in this tree")


def check_consistency(
    first: tuple[int, bytes], second: tuple[int, bytes], proof: Sequence[bytes]
) -> None:
    """Refuse unless the second tree (size, root) grew out of the first (RFC 9162, 2.1.4.2)."""
    (old_size, old_root), (new_size, new_root) = first, second
    _check_sizes(first, second)
    spans = consistency_spans(old_size, new_size)
    if len(spans) != len(proof) or any(len(one) != HASH_BYTES for one in proof):
        raise ProofRefusedError("the proof does not have the length of the way between the trees")
    if not spans:
        return
    parts = list(zip(spans, proof, strict=True))
    # Where the old tree is one complete subtree at the left edge, the proof leaves it out.
    old = new = parts.pop(0)[1] if spans[0].end == old_size else old_root
    for span, other in parts:
        if span.start < old_size:
            old, new = node_hash(other, old), node_hash(other, new)
        else:
            new = node_hash(new, other)
    if old != old_root or new != new_root:
        raise ProofRefusedError("the newer tree did not grow out of the older one")


def _check_sizes(first: tuple[int, bytes], second: tuple[int, bytes]) -> None:
    """Refuse what no proof could make good."""
    (old_size, old_root), (new_size, new_root) = first, second
    if not 0 <= old_size <= new_size:
        raise ProofRefusedError("a tree only grows")
    if old_size == 0 and old_root != EMPTY_ROOT:
        raise ProofRefusedError("the empty tree has one root")
    if old_size == new_size and old_root != new_root:
        raise ProofRefusedError("two trees of one size have different roots")


def _split(size: int) -> int:
    """The largest power of two below `size`, which is two or more."""
    return 1 << ((size - 1).bit_length() - 1)
