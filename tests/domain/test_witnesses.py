"""A witness signs what grew and nothing else, whatever was done to the log; pure."""

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.witnesses.rules import (
    NO_TREE,
    Answer,
    Tree,
    answer_to,
    forks_of,
    is_log_of,
    log_after,
    why_frozen,
)
from app.infra.merkle import consistency_proof, leaf_hash, root_of
from app.models.witnesses import FreezeReason

SIZES = st.integers(min_value=1, max_value=40)


def leaves(size: int, salt: str = "") -> list[bytes]:
    return [leaf_hash(sha256(f"{salt}{at}".encode()).digest()) for at in range(size)]


def tree(of: list[bytes]) -> Tree:
    return Tree(len(of), root_of(of))


@given(SIZES, SIZES)
def test_what_grew_is_signed(first: int, more: int) -> None:
    log = leaves(first + more)
    seen = tree(log[:first])
    proof = consistency_proof(log, first)
    assert answer_to(seen, tree(log), first, proof) is Answer.SIGNED
    assert answer_to(seen, seen, first, []) is Answer.SIGNED  # the same once more
    assert answer_to(NO_TREE, seen, 0, []) is Answer.SIGNED  # met for the first time


@given(SIZES, SIZES, st.data())
def test_what_was_rewritten_is_never_signed(first: int, more: int, data: st.DataObject) -> None:
    log = leaves(first + more)
    at = data.draw(st.integers(min_value=0, max_value=first - 1))
    rewritten = [*log[:at], *leaves(1, "other"), *log[at + 1 :]]
    seen = tree(log[:first])
    proof = data.draw(st.sampled_from([consistency_proof(log, first),
                                       consistency_proof(rewritten, first), []]))  # fmt: skip
    said = answer_to(seen, tree(rewritten), first, proof)
    assert said is Answer.UNPROVEN
    # Of the size that was signed already, no proof is needed to see it.
    short = tree(rewritten[:first])
    assert answer_to(seen, short, first, []) is Answer.CONTRADICTS
    assert answer_to(seen, short, 0, []) is Answer.CONTRADICTS
    # And of a smaller one, what was signed then tells.
    assert answer_to(tree(log), short, 0, [], seen.root) is Answer.CONTRADICTS


@given(SIZES, SIZES)
def test_a_log_that_begins_elsewhere_is_told_what_is_held(first: int, more: int) -> None:
    log = leaves(first + more)
    assert answer_to(tree(log), tree(log[:first]), first, []) is Answer.ELSEWHERE
    assert answer_to(tree(log[:first]), tree(log), 0, []) is Answer.ELSEWHERE
    assert answer_to(tree(log), tree(log), first + more + 1, []) is Answer.UNREADABLE


@given(SIZES, SIZES)
def test_a_log_may_grow_only_while_it_holds_what_others_hold(first: int, more: int) -> None:
    log = leaves(first + more)
    ours, held = tree(log), tree(log[:first])
    assert why_frozen(held, ours.size, held.root) is None
    assert why_frozen(ours, held.size, None) is FreezeReason.BEHIND
    other = root_of(leaves(first, "other"))
    assert why_frozen(held, ours.size, other) is FreezeReason.DIFFERS


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("north.example/ledger", 0),
        ("north.example/ledger/fork-1", 1),
        ("north.example/ledger/fork-12", 12),
        ("north.example/ledger/fork-0", -1),
        ("north.example/ledger/fork-01", -1),
        ("north.example/ledger/fork-1/", -1),
        ("north.example/ledgers", -1),
        ("south.example/ledger", -1),
        ("evil.north.example/ledger", -1),
        ("", -1),
    ],
)
def test_a_log_has_one_name_for_each_fork(name: str, number: int) -> None:
    assert forks_of("north.example", name) == number
    assert is_log_of("north.example", name) is (number >= 0)
    if number >= 0:
        assert log_after("north.example", number) == name
