"""A period with somebody's line and objection, for the table of rights."""

from datetime import date
from typing import Any
from uuid import UUID

from app.infra.database import transaction
from app.infra.ids import private_id
from app.models.periods import Period, PeriodLine, PeriodObjection
from tests.factories.world import Person, World

KEY = {"Idempotency-Key": "period"}


async def period_ids(
    world: World, book: dict[str, Any], people: dict[str, Person]
) -> dict[str, str]:
    """Write an open period into the book; the worker has a line in it, and objects."""
    keeper, worker = UUID(people["owner"].id), UUID(people["worker"].id)
    period = Period(
        id=private_id(), book_id=UUID(book["book_id"]), number=1, starts_on=date(2019, 1, 1),
        ends_on=date(2019, 3, 31), created_by=keeper,
    )  # fmt: skip
    objection = PeriodObjection(
        id=private_id(), period_id=period.id, draft=0, account_id=worker, text="An hour is missing"
    )
    async with transaction(world.runtime.sessions) as session:
        session.add(period)
        await session.flush()
        session.add(PeriodLine(period_id=period.id, account_id=worker, draft=0))
        session.add(objection)
    return {"period_id": str(period.id), "objection_id": str(objection.id)}


def period_requests() -> dict[str, dict[str, Any]]:
    """Return a request for each route that writes; the state refuses what rights allow."""
    stale = {"If-Match": '"999"'}
    move = {"to": "frozen", "version": 999}
    answer = {"kept": True, "answer": "It is in the next one"}
    return {
        "POST /books/{book_id}/periods": {"json": {"ends_on": "2018-12-31"}, "headers": KEY},
        "PATCH /periods/{period_id}": {"json": {"surplus": 1}, "headers": stale},
        "POST /periods/{period_id}/transitions": {"json": move},
        "POST /periods/{period_id}/objections": {"json": {"text": "x"}, "headers": KEY},
        "POST /period-objections/{objection_id}/answer": {"json": answer, "headers": KEY},
        "POST /periods/{period_id}/signatures": {
            "json": {"outcome_hash": "0" * 64},
            "headers": KEY,
        },
    }
