"""The rules of needs, claims, the ledger and matching, as properties."""

from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import TypeVar
from uuid import UUID, uuid5

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.claims import rules as claims
from app.domain.claims.rules import Side
from app.domain.ledger import rules as ledger
from app.domain.ledger.rules import PostingLine
from app.domain.needs import rules as needs
from app.infra.text import fold
from app.models.claims import HOLDING_STATES, ClaimState
from app.models.ledger import WorkStream
from app.models.needs import NeedState

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
State = TypeVar("State", ClaimState, NeedState)
PEOPLE = frozenset({Side.WORKER, Side.ORGANISATION, Side.STEWARD})
LEDGER_ALONE = frozenset({Side.LEDGER})
SLUGS = st.sampled_from(["python", "django", "css", "linux", "figma", "legal"])


def _reachable(start: State, moves: dict[State, set[State]]) -> set[State]:
    seen, waiting = {start}, [start]
    while waiting:
        new = moves[waiting.pop()] - seen
        seen |= new
        waiting.extend(new)
    return seen


def test_every_claim_can_begin_and_end() -> None:
    moves = {state: set(to) for state, to in claims.TRANSITIONS.items()}
    begun = _reachable(ClaimState.APPLIED, moves)
    assert begun == set(ClaimState)
    over = {state for state, to in moves.items() if not to} | {ClaimState.CONFIRMED}
    assert all(_reachable(state, moves) & over for state in ClaimState)
    # Confirmed work has used its place up; every other end gives it back.
    assert over & set(HOLDING_STATES) == {ClaimState.CONFIRMED}
    # What is confirmed moves again only by a dispute, which ends in a decision of people: at the
    # claim, or in the book that the ledger then answers for.
    assert moves[ClaimState.CONFIRMED] == {ClaimState.DISPUTED, ClaimState.REJECTED}


def test_only_the_ledger_confirms() -> None:
    for state, moves in claims.TRANSITIONS.items():
        assert (ClaimState.CONFIRMED in moves) == (state in claims.CONFIRMABLE)
        assert moves.get(ClaimState.CONFIRMED, LEDGER_ALONE) == LEDGER_ALONE
        assert moves.get(ClaimState.REJECTED, LEDGER_ALONE) == LEDGER_ALONE
        assert ClaimState.CONFIRMED not in claims.possible_transitions(state, PEOPLE)


@given(st.sampled_from(ClaimState), st.frozensets(st.sampled_from(Side)))
def test_more_sides_mean_more_moves(state: ClaimState, sides: frozenset[Side]) -> None:
    alone = {to for side in sides for to in claims.possible_transitions(state, frozenset({side}))}
    assert set(claims.possible_transitions(state, sides)) == alone


@given(st.integers(0, 10_000))
def test_trust_grows_with_confirmed_work_and_has_an_end(confirmed: int) -> None:
    assert claims.LIVE_BASE <= claims.live_claims_max(confirmed) <= claims.LIVE_MAX
    assert claims.live_claims_max(confirmed) <= claims.live_claims_max(confirmed + 1)


def test_every_need_can_end_and_people_never_expire_one() -> None:
    moves = {state: set(to) for state, to in needs.TRANSITIONS.items()}
    assert _reachable(NeedState.DRAFT, moves) == set(NeedState)
    over = {NeedState.ARCHIVED, NeedState.WITHDRAWN}
    # Stewards can hold even what is archived: strangers read it.
    assert {state for state, to in moves.items() if not to - {NeedState.HELD}} == over
    assert all(_reachable(state, moves) & over for state in NeedState)
    for alone in (NeedState.EXPIRED, NeedState.HELD):
        assert all(alone not in needs.possible_transitions(state) for state in NeedState)
    hidden = {NeedState.DRAFT, NeedState.REVIEW, NeedState.WITHDRAWN, NeedState.HELD}
    assert needs.PUBLISHED.isdisjoint(hidden)


@pytest.mark.parametrize(
    ("wanted", "text"),
    [
        ("αλληλεγγυη", "Δίκτυο ΑΛΛΗΛΕΓΓΎΗΣ και αλληλεγγύη"),
        ("ΨΗΦΙΑΚΟΣ", "ψηφιακός"),
        ("collaboracio", "Col·laboració entre veïnes"),
        ("cooperatie", "Coöperatie"),
        ("ESPANOL", "español"),
    ],
)
def test_searching_finds_what_people_would_type(wanted: str, text: str) -> None:
    assert fold(wanted) in needs.search_text_of(text, "", "", ())


def _account(number: int) -> UUID:
    return uuid5(UUID(int=0), str(number))


@given(st.integers(1, 10**9))
def test_confirmed_work_is_a_balanced_entry(minutes: int) -> None:
    lines = ledger.contribution_sides(_account(1), _account(2), minutes, WorkStream.GIFT)
    assert ledger.is_balanced(lines)
    assert {line.amount for line in lines} == {minutes, -minutes}


LINES = st.builds(
    PostingLine,
    account_id=st.integers(0, 5).map(_account),
    unit=st.sampled_from(["minute", "EUR"]),
    amount=st.integers(-500, 500),
)


@given(st.lists(LINES, max_size=6))
def test_an_entry_is_balanced_exactly_when_each_unit_sums_to_zero(lines: list[PostingLine]) -> None:
    for_each_unit = [sum(x.amount for x in lines if x.unit == unit) for unit in ("minute", "EUR")]
    whole = len(lines) >= 2 and all(line.amount for line in lines)
    assert ledger.is_balanced(lines) == (whole and not any(for_each_unit))


@given(st.lists(st.integers(0, 10**7), min_size=1, max_size=30))
def test_shares_are_rounded_half_up_and_nearly_whole(parts: list[int]) -> None:
    whole = sum(parts)
    shares = [ledger.share_percent(part, whole) for part in parts]
    if whole == 0:
        assert set(shares) == {"0.0"}
        return
    for part, share in zip(parts, shares, strict=True):
        exact = (Decimal(part) * 100 / Decimal(whole)).quantize(Decimal("0.1"), ROUND_HALF_UP)
        assert abs(Decimal(share) - exact) <= Decimal("0.1")
    assert abs(sum(map(Decimal, shares), Decimal(-100))) <= Decimal("0.05") * len(parts)
