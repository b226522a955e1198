"""The check that a member runs computes a period apart, and comes to the same figures."""

from fractions import Fraction
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from app import verifier_book
from app.domain.policies.document import Policy
from app.domain.policies.rules import PeriodFacts, WorkerFacts, close, outcome_document
from app.infra.canonical import canonical_json
from app.models.ledger import BookStatusKind, WorkStream

PERIOD = UUID(int=7)
FRACTIONS = st.fractions(0, 1, max_denominator=30).map(lambda f: f"{f.numerator}/{f.denominator}")
WEIGHTS = st.fractions(0, 3, max_denominator=4).map(lambda f: f"{f.numerator}/{f.denominator}")
KINDS = st.sampled_from([None, *BookStatusKind])
MINUTES = st.dictionaries(
    st.tuples(KINDS, st.sampled_from(list(WorkStream))), st.integers(-3_000, 40_000), max_size=4
)
WORKERS = st.lists(st.tuples(MINUTES, st.integers(-2_000, 0)), max_size=6)


@st.composite
def policies(draw: st.DrawFn) -> Policy:
    minimum = draw(st.integers(0, 2_000))
    return Policy.model_validate(
        {
            "weights": {
                "livelihood": "1/1",
                "gift": draw(WEIGHTS),
                "care": draw(WEIGHTS),
                "governance": draw(WEIGHTS),
            },
            "eligible": draw(
                st.sampled_from(
                    [["worker_owner"], ["probationary"], ["worker_owner", "probationary"]]
                )
            ),
            "minimum_minutes": minimum,
            "cap_minutes": draw(st.none() | st.integers(max(minimum, 1), 30_000)),
            "members_share": draw(FRACTIONS),
            "loss_to_reserve": draw(FRACTIONS),
        }
    )


@given(
    policies(),
    WORKERS,
    st.integers(-3_000_000, 3_000_000),
    st.integers(-50_000, 900_000),
    st.lists(st.integers(-90_000, 90_000), max_size=8),
)
def test_both_programs_come_to_the_same_outcome(
    policy: Policy,
    workers: list[tuple[dict[tuple[BookStatusKind | None, WorkStream], int], int]],
    surplus: int,
    reserve: int,
    money: list[int],
) -> None:
    ids = [UUID(int=1_000 + number) for number in range(9)]
    facts = PeriodFacts(
        PERIOD,
        tuple(
            WorkerFacts(ids[at], minutes, carried) for at, (minutes, carried) in enumerate(workers)
        ),
        surplus,
        reserve,
        {ids[at]: amount for at, amount in enumerate(money)},
    )
    ours = outcome_document(close(policy, facts))
    document = policy.model_dump(mode="json")
    lines = {
        str(worker.account_id): verifier_book.measure(
            document,
            str(worker.account_id),
            {
                (status.value if status else None, stream.value): given
                for (status, stream), given in worker.minutes.items()
            },
            worker.carried,
        )
        for worker in facts.workers
    }
    capital = {str(holder): amount for holder, amount in facts.capital.items()}
    for holder in capital.keys() - lines.keys():
        lines[holder] = verifier_book.measure(document, holder, {}, 0)
    lock = {"id": str(PERIOD), "surplus": surplus}
    theirs = verifier_book.share_out(document, lock, lines, reserve, capital)
    assert theirs == ours
    assert verifier_book.canonical(theirs) == canonical_json(ours)


def test_the_papers_first_example() -> None:
    """T1: 10,000.01 over A, B and C by their minutes; 16 hours are the minimum."""
    document = Policy(minimum_minutes=960).model_dump(mode="json")
    given = {"a": 36_750, "b": 20_000, "c": 3_260, "d": 945}
    lines = {
        name: verifier_book.measure(document, name, {("worker_owner", "livelihood"): minutes}, 0)
        for name, minutes in given.items()
    }
    out = verifier_book.share_out(document, {"id": "p", "surplus": 1_000_001}, lines, 0, {})
    assert [line["amount"] for line in out["lines"]] == [122_480, 66_655, 10_865, 0]
    assert (out["pool"], out["reserve_change"]) == (200_000, 800_001)
    parts = verifier_book.largest_remainder("p", 100, dict.fromkeys("abc", Fraction(1)))
    assert sorted(parts.values()) == [33, 33, 34]
