"""What a policy makes of a period: the worked examples to the cent, and properties of any close."""

import hashlib
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from math import ceil
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from app.domain.policies.document import Policy
from app.domain.policies.rules import (
    Counted,
    LineReason,
    Outcome,
    OutcomeLine,
    PeriodFacts,
    WorkerFacts,
    close,
    largest_remainder,
    outcome_document,
)
from app.infra.canonical import canonical_json
from app.models.ledger import BookStatusKind, WorkStream

OWNER, PROBATION = BookStatusKind.WORKER_OWNER, BookStatusKind.PROBATIONARY
LIVELIHOOD, GIFT = WorkStream.LIVELIHOOD, WorkStream.GIFT
PERIOD = UUID("00000000-0000-4000-8000-000000000001")
A, B, C, D, P = (UUID(int=number) for number in range(0xA, 0xF))
LETTERS = dict(zip((A, B, C, D, P), "ABCDP", strict=True))
PAPER = {"minimum_minutes": 16 * 60, "members_share": "20/100", "loss_to_reserve": "80/100"}
T1_MINUTES = {A: 36_750, B: 20_000, C: 3_260, D: 945}


def policy(**figures: Any) -> Policy:
    return Policy.model_validate(figures)


def owner(account_id: UUID, minutes: int, carried: int = 0) -> WorkerFacts:
    return WorkerFacts(account_id, {(OWNER, LIVELIHOOD): minutes}, carried)


def paper_workers() -> tuple[WorkerFacts, ...]:
    return (
        *(owner(holder, minutes) for holder, minutes in T1_MINUTES.items()),
        WorkerFacts(P, {(PROBATION, LIVELIHOOD): 24_000}),
    )


def amounts(outcome: Outcome) -> dict[str, int]:
    return {LETTERS[line.account_id]: line.amount for line in outcome.lines if line.amount}


def line_of(outcome: Outcome, holder: UUID) -> OutcomeLine:
    return next(line for line in outcome.lines if line.account_id == holder)


def test_t1_a_surplus_to_the_cent() -> None:
    facts = PeriodFacts(PERIOD, paper_workers(), surplus=1_000_001)
    outcome = close(policy(**PAPER), facts)
    assert (outcome.pool, outcome.reserve_change, int(outcome.base)) == (200_000, 800_001, 60_010)
    assert amounts(outcome) == {"A": 122_480, "B": 66_655, "C": 10_865}
    assert line_of(outcome, D).reason == LineReason.BELOW_MINIMUM
    assert line_of(outcome, P).reason == LineReason.NOT_ELIGIBLE
    # What everybody tries first gives a cent that is not there.
    naive = {
        letter: int((Decimal(outcome.pool) * minutes / 60_010).quantize(Decimal(1), ROUND_HALF_UP))
        for letter, minutes in zip("ABC", (36_750, 20_000, 3_260), strict=True)
    }
    assert naive["B"] == 66_656
    assert sum(naive.values()) == outcome.pool + 1


def test_t1_a_cent_too_many_goes_by_the_hash_of_period_and_member() -> None:
    workers = tuple(owner(holder, 600) for holder in (A, B, C))
    outcome = close(policy(members_share="1/1"), PeriodFacts(PERIOD, workers, surplus=100))
    assert sorted(amounts(outcome).values()) == [33, 33, 34]
    hashes = {
        LETTERS[holder]: hashlib.sha256(f"{PERIOD}|{holder}".encode()).hexdigest()
        for holder in (A, B, C)
    }
    assert max(amounts(outcome), key=amounts(outcome).__getitem__) == min(hashes, key=hashes.get)  # type: ignore[arg-type]


def test_nobody_is_always_first() -> None:
    equal = {holder: Fraction(1) for holder in (A, B, C)}
    lucky = set()
    for number in range(40):
        parts = largest_remainder(UUID(int=number), 100, equal)
        lucky |= {holder for holder, part in parts.items() if part == 34}
    assert lucky == {A, B, C}


def test_t2_a_loss_to_the_cent() -> None:
    capital = {A: 250_000, B: 130_000, C: 20_000}
    facts = PeriodFacts(PERIOD, paper_workers(), -1_200_000, reserve=500_000, capital=capital)
    outcome = close(policy(**PAPER), facts)
    assert (outcome.reserve_change, outcome.reserve_after) == (-500_000, 0)
    assert outcome.members_loss == 700_000
    assert amounts(outcome) == {"A": -428_679, "B": -233_294, "C": -38_027}
    after = {LETTERS[line.account_id]: line.capital_after for line in outcome.lines}
    assert after == {"A": -178_679, "B": -103_294, "C": -18_027, "D": 0, "P": 0}
    assert outcome.net_worth == 900_000 - 1_200_000


def test_t4_a_correction_after_a_lock() -> None:
    whole = policy(members_share="1/1")
    first = close(whole, PeriodFacts(PERIOD, (owner(A, 6_000), owner(B, 3_000)), surplus=90_000))
    assert amounts(first) == {"A": 60_000, "B": 30_000}
    second = PeriodFacts(
        UUID(int=2),
        (
            owner(A, 80 * 60),
            WorkerFacts(B, {(OWNER, LIVELIHOOD): (70 - 10) * 60}),
            owner(C, (40 + 10) * 60),
        ),
        surplus=190_000,
    )
    assert amounts(close(whole, second)) == {"A": 80_000, "B": 60_000, "C": 50_000}
    little = PeriodFacts(UUID(int=2), (owner(A, 80 * 60), owner(B, (5 - 10) * 60)), 190_000)
    carried = line_of(close(whole, little), B)
    assert (carried.amount, carried.eligible, carried.carried_out) == (0, False, -5 * 60)
    assert carried.reason == LineReason.TAKEN_BACK
    third = PeriodFacts(UUID(int=3), (owner(A, 600), owner(B, 900, -5 * 60)), 100_00)
    repaid = line_of(close(whole, third), B)
    assert (repaid.effective, repaid.carried_out, repaid.amount) == (600, 0, 5_000)


def test_streams_weigh_and_a_cap_takes_the_same_part_of_each() -> None:
    weighing = policy(weights={"gift": "1/2", "care": "0/1"}, cap_minutes=900, members_share="1/1")
    minutes: dict[Counted, int] = {
        (OWNER, LIVELIHOOD): 600,
        (OWNER, GIFT): 600,
        (OWNER, WorkStream.CARE): 6_000,
    }
    line = line_of(close(weighing, PeriodFacts(PERIOD, (WorkerFacts(A, minutes),), 100)), A)
    assert (line.given, line.counted, line.effective) == (7_200, 1_200, 900)
    assert line.reason == LineReason.CAPPED
    assert line.weighted == Fraction(900) * 900 / 1_200
    assert (line.share, line.amount) == (Fraction(1), 100)


def test_probation_counts_where_the_policy_says_so() -> None:
    open_to_both = policy(**PAPER, eligible=["worker_owner", "probationary"])
    outcome = close(open_to_both, PeriodFacts(PERIOD, paper_workers(), surplus=1_000_001))
    assert line_of(outcome, P).eligible
    assert outcome.base == 60_010 + 24_000


def test_without_anybody_to_share_it_all_is_the_reserves() -> None:
    outside = (WorkerFacts(P, {(None, GIFT): 600}),)
    gained = close(policy(**PAPER), PeriodFacts(PERIOD, outside, 999, reserve=1))
    lost = close(policy(**PAPER), PeriodFacts(PERIOD, outside, -999, reserve=1))
    assert (gained.pool, gained.reserve_after) == (0, 1_000)
    assert (lost.members_loss, lost.reserve_after) == (0, -998)


@pytest.mark.parametrize(
    "facts",
    [
        PeriodFacts(PERIOD, (owner(A, 1), owner(A, 2))),
        PeriodFacts(PERIOD, (owner(A, 1, carried=5),)),
    ],
)
def test_facts_that_cannot_be_are_refused(facts: PeriodFacts) -> None:
    with pytest.raises(ValueError, match=r"worker stands twice|below zero"):
        close(policy(), facts)


@pytest.mark.parametrize(
    "figures",
    [
        {"members_share": 0.2},
        {"members_share": "0.2"},
        {"members_share": "1/0"},
        {"members_share": "3/2"},
        {"members_share": "-1/5"},
        {"members_share": "1/1000000000"},
        {"minimum_minutes": "960"},
        {"minimum_minutes": True},
        {"minimum_minutes": 60.5},
        {"cap_minutes": 10, "minimum_minutes": 11},
        {"cap_minutes": 0},
        {"eligible": []},
        {"eligible": ["left"]},
        {"eligible": ["worker_owner", 3]},
        {"weights": {stream.value: "0/1" for stream in WorkStream}},
        {"weights": {"livelihood": "101/1"}},
        {"weights": {"paid": "1/1"}},
        {"format": "tornallom-policy-2"},
        {"surprise": 1},
        {"votes": {"policy": {"threshold": 0.67}}},
        {"votes": {"policy": {"base": "everybody"}}},
        {"votes": {"policy": {"threshold": "0/1"}}},
        {"votes": {"policy": {"quorum": "1/1001"}}},
        {"admission": {"trainings": [""]}},
        {"admission": {"trainings": ["x" * 61]}},
        {"admission": {"months": 121}},
    ],
)
def test_a_policy_that_is_not_one_is_refused(figures: dict[str, Any]) -> None:
    assert policy().members_share == Fraction(1, 5)
    with pytest.raises(ValidationError):
        policy(**figures)


def test_equal_rules_have_one_hash() -> None:
    one = policy(members_share="20/100", eligible=["worker_owner", "probationary", "worker_owner"])
    same = policy(members_share="1/5", eligible=["probationary", "worker_owner"])
    assert one.hash() == same.hash()
    assert one.document() == Policy.model_validate(one.document()).document()
    assert one.document()["members_share"] == "1/5"
    named = policy(admission={"trainings": ["Money  matters", "Co-operation", "Co-operation"]})
    assert named.admission.trainings == ("Co-operation", "Money matters")
    assert one.hash() != policy(members_share="1/4", eligible=same.eligible).hash()


# A busy machine draws examples slowly; that says nothing about them.
CALM = settings(suppress_health_check=[HealthCheck.too_slow])
FRACTIONS = st.builds(lambda p, q: f"{min(p, q)}/{q}", st.integers(0, 999), st.integers(1, 999))
WEIGHTS = st.builds(lambda p, q: f"{p}/{q}", st.integers(1, 50), st.integers(1, 50))
POLICIES = st.builds(
    policy,
    weights=st.fixed_dictionaries(
        {"livelihood": WEIGHTS}, optional={"gift": WEIGHTS, "care": st.just("0/1")}
    ),
    eligible=st.sampled_from([["worker_owner"], ["probationary", "worker_owner"]]),
    minimum_minutes=st.integers(0, 1_000),
    cap_minutes=st.one_of(st.none(), st.integers(1_000, 40_000)),
    members_share=FRACTIONS,
    loss_to_reserve=FRACTIONS,
)
COUNTED = st.tuples(st.sampled_from([None, *BookStatusKind]), st.sampled_from(WorkStream))
# Few different figures, so that ties are common.
MINUTES = st.one_of(st.sampled_from([600, 1_200]), st.integers(-2_000, 60_000))
WORKERS = st.builds(
    WorkerFacts,
    st.integers(1, 2**64).map(lambda number: UUID(int=number)),
    st.dictionaries(COUNTED, MINUTES, max_size=5),
    st.one_of(st.just(0), st.integers(-3_000, 0)),
)
FACTS = st.builds(
    PeriodFacts,
    st.integers(0, 2**64).map(lambda number: UUID(int=number)),
    st.lists(WORKERS, max_size=9, unique_by=lambda worker: worker.account_id).map(tuple),
    st.integers(-(10**9), 10**9),
    st.integers(-(10**6), 10**9),
    st.dictionaries(
        st.integers(1, 2**64).map(lambda number: UUID(int=number)),
        st.integers(-(10**6), 10**7),
        max_size=3,
    ),
)


@CALM
@given(POLICIES, FACTS)
def test_nothing_is_lost_and_nothing_is_made(rules: Policy, facts: PeriodFacts) -> None:
    """R6: what is divided is what was there; accounts and reserve are the net worth."""
    outcome = close(rules, facts)
    before = sum(facts.capital.values()) + facts.reserve
    assert outcome.net_worth == before + facts.surplus
    moved = sum(line.amount for line in outcome.lines)
    assert moved == outcome.pool - outcome.members_loss
    assert moved + outcome.reserve_change == facts.surplus
    assert {line.account_id for line in outcome.lines} == {
        *(worker.account_id for worker in facts.workers),
        *facts.capital,
    }
    for line in outcome.lines:
        assert line.capital_after == line.capital_before + line.amount
        assert line.eligible or not (line.amount or line.weighted or line.share or line.effective)
        assert (line.carried_out < 0) == (line.counted + line.carried_in < 0)


@CALM
@given(POLICIES, FACTS)
def test_the_members_part_is_what_the_policy_says(rules: Policy, facts: PeriodFacts) -> None:
    outcome = close(rules, facts)
    shared = any(line.eligible for line in outcome.lines)
    share = rules.members_share
    if facts.surplus >= 0:
        expected = facts.surplus * share.numerator // share.denominator if shared else 0
        assert (outcome.pool, outcome.members_loss) == (expected, 0)
    elif shared:
        borne = ceil(-facts.surplus * rules.loss_to_reserve)
        assert -outcome.reserve_change == min(borne, max(facts.reserve, 0))
        assert outcome.pool == 0


@CALM
@given(POLICIES, FACTS)
def test_each_gets_their_share_within_one(rules: Policy, facts: PeriodFacts) -> None:
    outcome = close(rules, facts)
    moved = outcome.pool - outcome.members_loss
    counting = [line for line in outcome.lines if line.eligible]
    assert sum((line.share for line in counting), Fraction(0)) == (1 if counting else 0)
    for line in counting:
        assert line.weighted > 0
        assert line.effective >= max(rules.minimum_minutes, 1)
        assert rules.cap_minutes is None or line.effective <= rules.cap_minutes
        assert abs(line.amount - moved * line.share) < 1


@CALM
@given(POLICIES, FACTS, st.randoms(use_true_random=False))
def test_the_order_of_the_facts_never_matters(
    rules: Policy, facts: PeriodFacts, shuffler: Any
) -> None:
    workers = [
        WorkerFacts(
            worker.account_id,
            dict(shuffler.sample(list(worker.minutes.items()), len(worker.minutes))),
            worker.carried,
        )
        for worker in shuffler.sample(facts.workers, len(facts.workers))
    ]
    capital = dict(shuffler.sample(list(facts.capital.items()), len(facts.capital)))
    other = PeriodFacts(facts.period_id, tuple(workers), facts.surplus, facts.reserve, capital)
    once, again = (outcome_document(close(rules, each)) for each in (facts, other))
    assert canonical_json(once) == canonical_json(again)


@CALM
@given(POLICIES, FACTS)
def test_more_minutes_never_bring_less(rules: Policy, facts: PeriodFacts) -> None:
    """Whoever gives more in a stream that counts never gets less of the same surplus."""
    known = [worker for worker in facts.workers if worker.account_id != A]
    surplus = abs(facts.surplus)
    gained = []
    for given_minutes in (1_500, 1_560):
        workers = (*known, owner(A, given_minutes))
        outcome = close(rules, PeriodFacts(facts.period_id, workers, surplus))
        gained.append(line_of(outcome, A).amount)
    # One cent may go to another by the largest remainder.
    assert gained[1] >= gained[0] - 1


@CALM
@given(FACTS, POLICIES)
def test_what_is_below_zero_comes_back_in_the_next_period(
    facts: PeriodFacts, rules: Policy
) -> None:
    """R8: over any number of periods no minute counts that was taken back."""
    minutes = (-700, 500, 900)
    carried, seen = 0, 0
    for number, given_minutes in enumerate(minutes):
        outcome = close(
            rules, PeriodFacts(UUID(int=number), (owner(A, given_minutes, carried),), facts.surplus)
        )
        line = line_of(outcome, A)
        carried = line.carried_out
        seen += line.counted + line.carried_in - line.carried_out
    assert carried == 0
    assert seen == sum(minutes)
