"""A co-operative whose worker-owners keep its book, with work that somebody confirmed."""

from dataclasses import dataclass
from datetime import timedelta
from secrets import token_hex
from typing import Any
from uuid import UUID

from sqlalchemy import text

from app.domain.administration.invariants import count_violations
from app.infra import clock
from app.infra.database import transaction
from app.infra.ids import private_id
from app.models.governance import Decision, DecisionSubject, VoteBase
from app.models.ledger import LedgerAccountKind
from tests.factories.world import Json, Person, World

# Who is a worker-owner by name and was not written down as one yet.
FOUNDERS = """
    INSERT INTO book_statuses (status_id, book_id, account_id, status, since, recorded_at)
    SELECT gen_random_uuid(), books.id, memberships.account_id, 'worker_owner',
        CAST(CAST(:founded AS timestamptz) AS date), CAST(:founded AS timestamptz)
    FROM memberships JOIN books USING (organisation_id)
    WHERE worker_owner AND NOT EXISTS (
        SELECT FROM book_statuses WHERE book_statuses.book_id = books.id
            AND book_statuses.account_id = memberships.account_id
    )
"""


@dataclass
class House:
    """The one who confirms, the one who works, other worker-owners, and an entry."""

    world: World
    organisation: Json
    owner: Person
    worker: Person
    owners: list[Person]
    claim: Json
    entry_id: str

    @property
    def everybody(self) -> dict[str, Person]:
        """All who have an account, by id."""
        return {person.id: person for person in self.world.people if person.me}

    async def rows(self, statement: str, **values: object) -> list[Any]:
        """Ask the database itself."""
        async with self.world.runtime.engine.connect() as connection:
            return list((await connection.execute(text(statement), values)).all())

    async def run(self, *statements: str, **values: object) -> None:
        """Change what no person can."""
        async with self.world.runtime.engine.begin() as connection:
            for statement in statements:
                await connection.execute(text(statement), values)

    async def minutes(self, kind: LedgerAccountKind = LedgerAccountKind.WORKER) -> int:
        """What stands in the accounts of one kind."""
        statement = (
            "SELECT coalesce(sum(amount), 0) FROM balances "
            "JOIN ledger_accounts ON id = account_id WHERE kind = :kind AND unit = 'minute'"
        )
        return int((await self.rows(statement, kind=kind.value))[0][0])

    async def held(self) -> tuple[int, int]:
        """What is the worker's, and what waits in suspense."""
        return await self.minutes(), await self.minutes(LedgerAccountKind.SUSPENSE)

    async def dispute(self, person: Person, entry_id: str = "", *, expect: int = 201) -> Json:
        """Dispute an entry."""
        path = f"/entries/{entry_id or self.entry_id}/disputes"
        body = {"reason": "It was half of that"}
        return await person.post(path, body, expect=expect, key=token_hex(8))

    async def judges(self, dispute: Json, state: str = "drawn") -> list[Person]:
        """Return those who sit on a panel, in the order of the draw."""
        found = await self.rows(
            "SELECT account_id::text FROM dispute_seats "
            "WHERE dispute_id = :id AND state = :state ORDER BY number",
            id=dispute["id"], state=state,
        )  # fmt: skip
        return [self.everybody[row[0]] for row in found]

    async def decision(self, dispute: Json) -> UUID:
        """Write down that the assembly decided; how it does is told elsewhere."""
        now = clock.now()
        row = Decision(
            id=private_id(), book_id=UUID(dispute["book_id"]), subject=DecisionSubject.APPEAL,
            subject_id=UUID(dispute["id"]), terms={}, base=VoteBase.YES_NO, numerator=1,
            denominator=2, quorum_numerator=0, quorum_denominator=1, roll_size=1,
            opened_by=UUID(self.owner.id), opened_at=now, ends_at=now + timedelta(days=1),
        )  # fmt: skip
        async with transaction(self.world.runtime.sessions) as session:
            session.add(row)
        return row.id

    async def sound(self) -> None:
        """Everything that must hold holds."""
        async with transaction(self.world.runtime.sessions) as session:
            found = await count_violations(session)
        assert {name: count for name, count in found.items() if count} == {}


async def house_of(world: World, owners: int = 5, minutes: int = 90) -> House:
    """Found a co-operative: an owner, a worker, and so many other worker-owners."""
    owner = await world.sign_up("owner")
    worker = await world.sign_up("worker", email="worker@example.org")
    organisation = await world.organisation(owner)
    others = [await world.sign_up(f"mate{number}") for number in range(owners)]
    path = f"/organisations/{organisation['id']}/members"
    for person in (worker, *others):
        handle = person.me["account"]["handle"]
        await owner.post(path, {"handle": handle, "role": "member", "worker_owner": True})
    need = await world.open_need(owner, organisation, places=3)
    claim = await world.submitted_claim(worker, owner, need, minutes)
    confirmed = await world.confirm(owner, claim, minutes)
    made = House(world, organisation, owner, worker, others, claim, confirmed["entry"]["entry_id"])
    path = f"/organisations/{organisation['id']}/ownership"
    await owner.post(path, {"currency": "EUR"}, key=token_hex(8))
    await world.work()
    await made.run(FOUNDERS, founded=clock.now() - timedelta(days=30))
    return made
