"""A vote, gifts to be recognised and an exit, for the table of rights."""

from datetime import date, timedelta
from typing import Any
from uuid import UUID

from app.infra import clock
from app.infra.database import transaction
from app.infra.ids import private_id
from app.models.governance import (
    Conversion,
    Decision,
    DecisionElector,
    DecisionSubject,
    Exit,
    ExitPayout,
    VoteBase,
)
from tests.factories.world import Person, World

DAY = "2026-01-01"


async def governance_ids(world: World, book: str, people: dict[str, Person]) -> dict[str, str]:
    """Let there be one worker-owner, somebody on probation, and something to vote on."""
    owner, partner, leaver = people["owner"], people["worker-owner"], people["leaver"]
    path = f"/books/{book}"
    founders = {"account_ids": [partner.id], "since": DAY}
    await owner.post(f"{path}/founders", founders, key="founders")
    handle, today = leaver.me["account"]["handle"], clock.today().isoformat()
    await owner.post(f"{path}/probations", {"handle": handle, "since": today}, key="probation")
    training = {"name": "Safety", "done_on": DAY}
    done = await owner.post(f"{path}/people/{leaver.id}/trainings", training, key="training")
    book_id, partner_id = UUID(book), UUID(partner.id)
    decision = Decision(
        id=private_id(), book_id=book_id, subject=DecisionSubject.ADMISSION,
        subject_id=private_id(), terms={}, base=VoteBase.YES_NO, numerator=2, denominator=3,
        quorum_numerator=1, quorum_denominator=2, roll_size=2, opened_by=partner_id,
        ends_at=clock.now() + timedelta(days=14),
    )  # fmt: skip
    conversion = Conversion(
        id=private_id(), book_id=book_id, account_id=UUID(leaver.id), opened_by=partner_id
    )
    left = Exit(
        id=private_id(), book_id=book_id, account_id=UUID(people["newcomer"].id),
        left_on=date(2026, 1, 1), instalments=1, interval_months=1,
        first_due_on=date(2026, 2, 1),
    )  # fmt: skip
    async with transaction(world.runtime.sessions) as session:
        session.add_all([decision, conversion, left])
        await session.flush()  # the roll and the instalment refer to them
        roll = (partner_id, private_id())
        session.add_all(DecisionElector(decision_id=decision.id, account_id=one) for one in roll)
        session.add(ExitPayout(exit_id=left.id, number=1, due_on=date(2026, 2, 1)))
    return {
        "decision_id": str(decision.id),
        "conversion_id": str(conversion.id),
        "exit_id": str(left.id),
        "training_id": done["training_id"],
    }


def governance_requests(ids: dict[str, str]) -> dict[str, dict[str, Any]]:
    """Return a request for each route that writes, each with a key of its own."""
    gifts = {"account_id": ids["account_id"], "entry_ids": [ids["entry_id"]]}
    schedule = {"instalments": 2, "interval_months": 1, "first_due_on": "2026-02-01"}
    motion = {"subject": "policy", "subject_id": ids["policy_draft_id"]}
    requests: dict[str, Any] = {
        "POST /books/{book_id}/founders": {"account_ids": [ids["account_id"]], "since": DAY},
        "POST /books/{book_id}/probations": {
            "handle": "nobody",
            "since": clock.today().isoformat(),
        },
        "POST /books/{book_id}/people/{account_id}/trainings": {"name": "x", "done_on": DAY},
        "POST /books/{book_id}/admissions": {},
        "POST /books/{book_id}/decisions": motion,
        "POST /decisions/{decision_id}/votes": {"choice": "abstain"},
        "POST /books/{book_id}/conversions": gifts,
        "POST /conversions/{conversion_id}/signatures": {},
        "POST /exits/{exit_id}/schedule": schedule,
        "POST /exits/{exit_id}/payouts": {"paid_on": DAY},
        "POST /exits/{exit_id}/closing": {},
        "POST /books/{book_id}/exits": {},
    }
    return {
        **{
            route: {"json": body, "headers": {"Idempotency-Key": f"governance {number}"}}
            for number, (route, body) in enumerate(requests.items())
        },
        "DELETE /books/{book_id}/people/{account_id}/trainings/{training_id}": {},
        "DELETE /books/{book_id}/admissions": {},
        "DELETE /conversions/{conversion_id}": {},
    }
