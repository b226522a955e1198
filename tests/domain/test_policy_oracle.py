"""Two programs that know nothing of each other say the same of a period: ours, and the verifier's.

The verifier reads a book's export without any of our code; what it computes of random facts under
random rules is what members were told, to the last figure.
"""

from hypothesis import given

from app import verifier_book
from app.domain.policies.document import Policy
from app.domain.policies.rules import PeriodFacts, close, outcome_document
from tests.domain.test_policy_rules import CALM, FACTS, POLICIES


@CALM
@given(POLICIES, FACTS)
def test_the_verifier_comes_to_the_same_outcome(rules: Policy, facts: PeriodFacts) -> None:
    document = rules.document()
    workers = {str(worker.account_id): worker for worker in facts.workers}
    capital = {str(holder): amount for holder, amount in facts.capital.items()}
    lines = {}
    for holder in {*workers, *capital}:
        worker = workers.get(holder)
        minutes = {
            (status.value if status else None, stream.value): amount
            for (status, stream), amount in (worker.minutes.items() if worker else ())
        }
        carried = worker.carried if worker else 0
        lines[holder] = verifier_book.measure(document, holder, minutes, carried)
    lock = {"id": str(facts.period_id), "surplus": facts.surplus}
    theirs = verifier_book.share_out(document, lock, lines, facts.reserve, capital)
    assert theirs == outcome_document(close(rules, facts))
