"""What a dispute does in the book, for any minutes: nothing is made, nothing is lost (R1, R3)."""

from collections import Counter
from itertools import permutations

from hypothesis import given
from hypothesis import strategies as st

from app.domain.disputes.rules import (
    Matter,
    into_suspense,
    out_of_suspense,
    outcome,
    resolution_of,
    seats_wanted,
)
from app.domain.ledger.rules import PostingLine, is_balanced, opposite
from app.infra.ids import private_id
from app.models.disputes import DisputeResolution, JudgeState

WORKER, OTHER, SUSPENSE = private_id(), private_id(), private_id()
MINUTES = st.integers(1, 10**6)


def held(*entries: list[PostingLine]) -> Counter[object]:
    """Sum what entries leave on each account."""
    sums: Counter[object] = Counter()
    for lines in entries:
        assert is_balanced(lines)
        for line in lines:
            sums[line.account_id] += line.amount
    return sums


@given(MINUTES, st.booleans(), st.integers(0, 10**6))
def test_the_end_gives_the_worker_what_was_decided(minutes: int, takes: bool, final: int) -> None:
    matter = Matter(WORKER, OTHER, minutes, takes)
    disputed = [
        PostingLine(WORKER, "minute", -minutes if takes else minutes),
        PostingLine(OTHER, "minute", minutes if takes else -minutes),
    ]
    before = -minutes if takes else 0  # without the entry, and what it is about
    suspended = held(disputed, into_suspense(matter, SUSPENSE))
    assert (suspended[SUSPENSE], suspended[WORKER]) == (minutes, before)
    ruling = out_of_suspense(matter, SUSPENSE, final)
    ended = held(disputed, into_suspense(matter, SUSPENSE), ruling)
    assert (ended[SUSPENSE], ended[WORKER]) == (0, before + final)
    # A re-appeal puts everything where it was before the ruling.
    again = held(disputed, into_suspense(matter, SUSPENSE), ruling, opposite(ruling))
    assert again == suspended


@given(MINUTES, st.booleans())
def test_what_stood_is_upheld_and_its_opposite_takes_it_back(minutes: int, takes: bool) -> None:
    stood = 0 if takes else minutes
    named = {
        final: resolution_of(final=final, minutes=minutes, takes=takes)
        for final in {0, minutes, minutes + 1}
    }
    assert named[stood] == DisputeResolution.UPHELD
    assert named[minutes - stood] == DisputeResolution.TAKEN_BACK
    assert named[minutes + 1] == DisputeResolution.CHANGED


@given(st.lists(st.integers(0, 500), max_size=3))
def test_what_a_panel_decides_hangs_on_no_order(given_minutes: list[int]) -> None:
    found = {outcome(order) for order in permutations(given_minutes)}
    assert len(found) == 1
    (decided,) = found
    alike = [minutes for minutes, times in Counter(given_minutes).items() if times > 1]
    if alike:
        assert decided == alike[0]
    elif len(given_minutes) == 3:
        assert decided == sorted(given_minutes)[1]
    else:
        assert decided is None


@given(st.lists(st.sampled_from(JudgeState), max_size=12))
def test_a_panel_wants_three_and_no_more(states: list[JudgeState]) -> None:
    seated = sum(state in {JudgeState.DRAWN, JudgeState.DECIDED} for state in states)
    assert seats_wanted(states) == max(0, 3 - seated)
