"""Counting votes, and standing at a day: T3 of the ledger paper, and every vote by brute force."""

from dataclasses import replace
from datetime import date, timedelta
from fractions import Fraction
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.governance.rules import (
    Criterion,
    Standing,
    Tally,
    add_months,
    explain,
    has_quorum,
    instalment,
    passes,
    settled,
    tally_of,
    whole_months,
)
from app.domain.policies.document import Admission, VoteRule
from app.models.governance import VoteBase, VoteChoice

TWO_THIRDS = VoteRule()
MAJORITY = VoteRule(threshold=Fraction(1, 2), more_than=True)
MAJORITY_OF_ROLL = VoteRule(base=VoteBase.ROLL, threshold=Fraction(1, 2), more_than=True)
UNANIMOUS = VoteRule(base=VoteBase.CAST, threshold=Fraction(1))
T3_VOTE = Tally(roll=9, yes=4, no=2, abstain=1)
NOTHING = Admission(months=0, minutes=0, recent_months=0, recent_minutes=0)
T3_ASKED = Admission(months=12, minutes=600 * 60, recent_months=6, recent_minutes=300 * 60)
JOINED, TODAY = date(2025, 3, 15), date(2026, 3, 15)

fractions = st.integers(1, 6).flatmap(lambda d: st.builds(Fraction, st.integers(1, d), st.just(d)))
rules = st.builds(
    VoteRule,
    base=st.sampled_from(VoteBase),
    threshold=fractions,
    more_than=st.booleans(),
    quorum=fractions,
)
tallies = st.lists(st.sampled_from([*VoteChoice, None]), min_size=1, max_size=8).map(
    lambda said: tally_of(len(said), [one for one in said if one is not None])
)


def test_t3_the_vote() -> None:
    assert has_quorum(VoteRule(quorum=Fraction(7, 9)), T3_VOTE)
    assert passes(TWO_THIRDS, T3_VOTE)
    # 0.67 in place of two thirds asks for 4.02 of 6.
    assert not passes(VoteRule(threshold=Fraction(67, 100)), T3_VOTE)
    assert not passes(MAJORITY_OF_ROLL, T3_VOTE)
    assert not passes(UNANIMOUS, T3_VOTE)
    assert not passes(VoteRule(quorum=Fraction(8, 9)), T3_VOTE)


@pytest.mark.parametrize(
    ("minutes", "recent", "eligible"),
    [
        (596 * 60 + 30, 291 * 60 + 30, False),  # the dispute is open
        (605 * 60, 300 * 60, True),  # upheld: exactly what is asked
        (604 * 60 + 30, 299 * 60 + 30, False),  # cut to eight hours
    ],
)
def test_t3_standing(minutes: int, recent: int, *, eligible: bool) -> None:
    found = explain(T3_ASKED, Standing(JOINED, minutes, recent), TODAY)
    assert all(one.met for one in found) is eligible
    assert [one.criterion for one in found] == [
        Criterion.MONTHS,
        Criterion.MINUTES,
        Criterion.RECENT_MINUTES,
    ]


def test_a_year_is_full_on_its_day() -> None:
    enough = Standing(JOINED, 10**6, 10**6)
    the_day_before = TODAY - timedelta(days=1)
    assert all(one.met for one in explain(T3_ASKED, enough, TODAY))
    assert [one.met for one in explain(T3_ASKED, enough, the_day_before)] == [False, True, True]


def test_a_training_is_there_or_not() -> None:
    asked = NOTHING.model_copy(update={"trainings": ("Book-keeping", "Safety")})
    found = explain(asked, Standing(None, trainings=frozenset({"safety"})), TODAY)
    assert [(one.name, one.met) for one in found] == [("Book-keeping", False), ("Safety", True)]


def test_what_is_not_asked_is_not_held_against_anybody() -> None:
    assert explain(NOTHING, Standing(None), TODAY) == ()


@given(st.dates(date(1990, 1, 1), date(2100, 1, 1)), st.integers(0, 600))
def test_months_are_counted_as_they_are_added(since: date, months: int) -> None:
    there = add_months(since, months)
    assert whole_months(since, there) == months
    if months:
        assert whole_months(since, there - timedelta(days=1)) == months - 1


@given(rules, tallies)
def test_what_is_settled_ends_so_whatever_comes(rule: VoteRule, tally: Tally) -> None:
    able = tally.roll - tally.cast
    ends = {
        passes(rule, Tally(tally.roll, tally.yes + y, tally.no + n, tally.abstain + a))
        for y, n, a in product(range(able + 1), repeat=3)
        if y + n + a <= able
    }
    found = settled(rule, tally, able)
    assert found is (ends.pop() if len(ends) == 1 else None)


@given(rules, tallies)
def test_a_yes_more_never_makes_a_decision_fail(rule: VoteRule, tally: Tally) -> None:
    if tally.cast < tally.roll and passes(rule, tally):
        assert passes(rule, replace(tally, yes=tally.yes + 1))


@given(rules, st.integers(1, 9))
def test_nothing_passes_without_a_yes(rule: VoteRule, roll: int) -> None:
    assert not passes(rule, Tally(roll, abstain=roll))
    assert not passes(rule, Tally(roll, no=roll))


def test_a_tie_is_no_majority() -> None:
    assert not passes(MAJORITY, Tally(4, yes=2, no=2))
    assert passes(MAJORITY, Tally(4, yes=2, no=1))


@given(st.integers(-10_000, 10**9), st.integers(1, 120))
def test_instalments_pay_all_and_no_more(owed: int, count: int) -> None:
    remaining, paid = owed, []
    for left in range(count, 0, -1):
        paid.append(instalment(remaining, left))
        remaining -= paid[-1]
    assert sum(paid) == max(owed, 0)
    assert max(paid) - min(paid) <= 1
