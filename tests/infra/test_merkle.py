"""RFC 6962 and RFC 9162: the published vectors, and properties over many sizes."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.infra import merkle
from app.infra.merkle import Node, Span

VECTORS = json.loads((Path(__file__).parent.parent / "vectors" / "merkle.json").read_text("utf-8"))
LEAVES = [merkle.leaf_hash(bytes.fromhex(text)) for text in VECTORS["leaves"]]
ROOTS = [bytes.fromhex(text) for text in VECTORS["roots"]]
MANY = [merkle.leaf_hash(str(number).encode()) for number in range(260)]


def _hashes(texts: list[str]) -> list[bytes]:
    return [bytes.fromhex(text) for text in texts]


def _by_recursion(leaves: list[bytes]) -> bytes:
    """The definition of RFC 6962, 2.1, written down once more."""
    if not leaves:
        return hashlib.sha256().digest()
    if len(leaves) == 1:
        return leaves[0]
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    both = _by_recursion(leaves[:split]) + _by_recursion(leaves[split:])
    return hashlib.sha256(b"\x01" + both).digest()


def test_roots_are_the_published_ones() -> None:
    assert [merkle.root_of(LEAVES[:size]) for size in range(9)] == ROOTS


def test_a_tree_that_takes_leaf_after_leaf_has_the_same_roots() -> None:
    tree = merkle.GrowingTree()
    for size, text in enumerate(VECTORS["leaves"]):
        assert (tree.size, tree.root()) == (size, ROOTS[size])
        tree.append(bytes.fromhex(text))
    assert tree.root() == ROOTS[len(VECTORS["leaves"])]


@pytest.mark.parametrize("vector", VECTORS["inclusion"])
def test_published_proofs_of_inclusion(vector: dict[str, Any]) -> None:
    index, size = vector["index"], vector["size"]
    proof = _hashes(vector["proof"])
    assert merkle.inclusion_proof(LEAVES[:size], index) == proof
    merkle.check_inclusion(LEAVES[index], index, size, proof, ROOTS[size])


@pytest.mark.parametrize("vector", VECTORS["consistency"])
def test_published_proofs_of_consistency(vector: dict[str, Any]) -> None:
    first, second = vector["first"], vector["second"]
    proof = _hashes(vector["proof"])
    assert merkle.consistency_proof(LEAVES[:second], first) == proof
    merkle.check_consistency((first, ROOTS[first]), (second, ROOTS[second]), proof)


def test_the_root_is_that_of_the_definition() -> None:
    for size in (*range(70), 127, 128, 129, 255, 256, 257):
        assert merkle.root_of(MANY[:size]) == _by_recursion(MANY[:size])


def test_every_leaf_is_proven_in_every_tree() -> None:
    for size in range(1, 40):
        root = merkle.root_of(MANY[:size])
        for index in range(size):
            proof = merkle.inclusion_proof(MANY[:size], index)
            merkle.check_inclusion(MANY[index], index, size, proof, root)


def test_every_tree_is_proven_to_grow_out_of_every_older_one() -> None:
    for second in range(40):
        for first in range(second + 1):
            proof = merkle.consistency_proof(MANY[:second], first)
            merkle.check_consistency(
                (first, merkle.root_of(MANY[:first])),
                (second, merkle.root_of(MANY[:second])),
                proof,
            )


def _refuses_inclusion(leaf: bytes, index: int, size: int, proof: list[bytes], root: bytes) -> None:
    with pytest.raises(merkle.ProofRefusedError):
        merkle.check_inclusion(leaf, index, size, proof, root)


@given(st.integers(2, 260).flatmap(lambda size: st.tuples(st.just(size), st.integers(0, size - 1))))
@settings(max_examples=60, deadline=None)
def test_a_changed_proof_of_inclusion_is_refused(case: tuple[int, int]) -> None:
    size, index = case
    root, proof = merkle.root_of(MANY[:size]), merkle.inclusion_proof(MANY[:size], index)
    leaf = MANY[index]
    for at in range(len(proof)):
        _refuses_inclusion(leaf, index, size, [*proof[:at], bytes(32), *proof[at + 1 :]], root)
    for changed in (proof[:-1], [*proof, root], [root, *proof], [*proof, b""], proof[1:]):
        _refuses_inclusion(leaf, index, size, changed, root)
    _refuses_inclusion(MANY[(index + 1) % size], index, size, proof, root)
    _refuses_inclusion(leaf, (index + 1) % size, size, proof, root)
    _refuses_inclusion(leaf, index, size, proof, bytes(32))
    for other in (-1, size):
        _refuses_inclusion(leaf, other, size, proof, root)
    _refuses_inclusion(merkle.leaf_hash(b"another"), index, size, proof, root)


@given(st.tuples(st.integers(1, 260), st.integers(1, 260)).filter(lambda pair: pair[0] != pair[1]))
@settings(max_examples=60, deadline=None)
def test_a_changed_proof_of_consistency_is_refused(case: tuple[int, int]) -> None:
    first, second = sorted(case)
    old, new = merkle.root_of(MANY[:first]), merkle.root_of(MANY[:second])
    proof = merkle.consistency_proof(MANY[:second], first)
    changed = [[*proof[:at], bytes(32), *proof[at + 1 :]] for at in range(len(proof))]
    changed += [proof[:-1], [*proof, new], [proof[0], *proof], []]
    for one in changed:
        with pytest.raises(merkle.ProofRefusedError):
            merkle.check_consistency((first, old), (second, new), one)
    rewritten = [merkle.leaf_hash(b"another"), *MANY[1:second]]
    for claimed in ((first, bytes(32)), (first, merkle.root_of(rewritten[:first]))):
        with pytest.raises(merkle.ProofRefusedError):
            merkle.check_consistency(claimed, (second, new), proof)
    with pytest.raises(merkle.ProofRefusedError):
        merkle.check_consistency((first, old), (second, merkle.root_of(rewritten)), proof)
    with pytest.raises(merkle.ProofRefusedError):
        merkle.check_consistency((second, new), (first, old), proof)


def test_what_is_trivial_is_checked_as_well() -> None:
    root = merkle.root_of(MANY[:5])
    merkle.check_consistency((0, merkle.EMPTY_ROOT), (5, root), [])
    merkle.check_consistency((5, root), (5, root), [])
    for first in ((0, root), (5, bytes(32))):
        with pytest.raises(merkle.ProofRefusedError):
            merkle.check_consistency(first, (5, root), [])
    with pytest.raises(merkle.ProofRefusedError):
        merkle.check_consistency((5, root), (5, root), [root])


@given(st.lists(st.integers(0, 40), max_size=8))
@settings(max_examples=60, deadline=None)
def test_a_tree_that_is_stored_as_it_grows_proves_the_same(steps: list[int]) -> None:
    """Complete subtrees, kept once and never changed, are enough for every proof."""
    stored: dict[Node, bytes] = {}
    size = 0
    for step in steps:
        step = min(step, len(MANY) - size)  # noqa: PLW2901
        new = MANY[size : size + step]
        frontier = {node: stored[node] for node in merkle.complete_nodes(Span(0, size))}
        made = merkle.grown(size, frontier, new)
        assert not {node for node, _ in made} & set(stored)
        stored.update({Node(0, size + at): leaf for at, leaf in enumerate(new)})
        stored.update(made)
        size += step
        assert merkle.spans_hashes([Span(0, size)], stored) == [merkle.root_of(MANY[:size])]
    for index in range(0, size, 7):
        spans = merkle.inclusion_spans(index, size)
        assert merkle.spans_hashes(spans, stored) == merkle.inclusion_proof(MANY[:size], index)
        spans = merkle.consistency_spans(index, size)
        assert merkle.spans_hashes(spans, stored) == merkle.consistency_proof(MANY[:size], index)


def test_what_cannot_be_asked_is_refused() -> None:
    with pytest.raises(ValueError, match="no such leaf"):
        merkle.inclusion_spans(3, 3)
    with pytest.raises(ValueError, match="only grows"):
        merkle.consistency_spans(4, 3)
