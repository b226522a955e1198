"""A co-operative with a book that its worker-owners keep, and work in it on chosen days.

What another part of the instance decides (who is what, which work was done) is written here as
that part writes it, so that a test can have the figures of a worked example.
"""

from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from app.domain.access import SYSTEM
from app.domain.ledger.posting import NewEntry, book_of, post_entry
from app.domain.ledger.rules import Side
from app.domain.policies.actions import adopt_policy
from app.domain.policies.document import Policy
from app.infra import clock, ids
from app.infra.database import transaction
from app.models.governance import Decision, DecisionSubject, VoteBase
from app.models.ledger import (
    MINUTE,
    Book,
    BookStatus,
    BookStatusKind,
    EntryKind,
    LedgerAccountKind,
    WorkStream,
)
from app.models.organisations import Membership
from app.models.periods import Period
from app.models.policies import AdoptedPolicy
from tests.factories.world import Json, Person, World

FOUNDED = date(2025, 1, 1)
# The rules of the worked examples T1 and T2 of the ledger paper.
PAPER = {"minimum_minutes": 16 * 60, "members_share": "1/5", "loss_to_reserve": "4/5"}


@dataclass
class Cooperative:
    """An organisation whose worker-owners keep its book, and its people by name."""

    world: World
    owner: Person
    organisation: Json
    book_id: UUID
    people: dict[str, Person] = field(default_factory=dict)

    async def join(
        self, name: str, kind: BookStatusKind | None = BookStatusKind.WORKER_OWNER
    ) -> Person:
        """Let somebody in, since the founding, as a worker-owner unless said otherwise."""
        person = await self.world.sign_up(name)
        body = {"handle": name, "role": "member"}
        await self.owner.post(f"/organisations/{self.organisation['id']}/members", body)
        if kind is not None:
            await self.become(person, kind, FOUNDED)
        self.people[name] = person
        return person

    async def become(self, person: Person, kind: BookStatusKind, since: date) -> None:
        """Write down what somebody is from a day on."""
        status = BookStatus(
            status_id=ids.private_id(),
            book_id=self.book_id,
            account_id=UUID(person.id),
            status=kind,
            since=since,
        )
        async with transaction(self.world.runtime.sessions) as session:
            session.add(status)
            key = {
                "organisation_id": UUID(self.organisation["id"]),
                "account_id": status.account_id,
            }
            member = await session.get(Membership, key)
            if member is not None:
                member.worker_owner = kind == BookStatusKind.WORKER_OWNER

    async def worked(
        self,
        person: Person,
        minutes: int,
        day: date,
        stream: WorkStream = WorkStream.LIVELIHOOD,
    ) -> None:
        """Put confirmed minutes of a day into the book; below zero, a correction."""
        kind = EntryKind.SLIP if minutes > 0 else EntryKind.CORRECTION
        new = NewEntry(kind, day, UUID(self.owner.id), booked_on=day)
        sides = [
            Side(LedgerAccountKind.WORKER, UUID(person.id), stream, MINUTE, minutes),
            Side(
                LedgerAccountKind.ORGANISATION,
                UUID(self.organisation["id"]),
                stream,
                MINUTE,
                -minutes,
            ),
        ]
        async with transaction(self.world.runtime.sessions) as session:
            await post_entry(session, SYSTEM, self.book_id, new, sides)

    async def holds(self, kind: LedgerAccountKind, holder: UUID, amount: int) -> None:
        """Put money into an account of the book, from outside."""
        new = NewEntry(EntryKind.OPENING, FOUNDED, UUID(self.owner.id), booked_on=FOUNDED)
        outside = Side(LedgerAccountKind.OUTSIDE, self.book_id, None, "EUR", -amount)
        sides = [Side(kind, holder, None, "EUR", amount), outside]
        async with transaction(self.world.runtime.sessions) as session:
            await post_entry(session, SYSTEM, self.book_id, new, sides)

    async def adopt(self, valid_from: date, **figures: Any) -> AdoptedPolicy:
        """Adopt rules, as a decision that passed does."""
        document = Policy.model_validate(figures)
        async with transaction(self.world.runtime.sessions) as session:
            return await adopt_policy(session, SYSTEM, self.book_id, document, valid_from, None)

    async def decision(self, draft_id: UUID) -> UUID:
        """Open a decision about a draft of rules."""
        row = Decision(
            id=ids.private_id(), book_id=self.book_id, subject=DecisionSubject.POLICY,
            subject_id=draft_id, terms={}, base=VoteBase.YES_NO, numerator=2, denominator=3,
            quorum_numerator=1, quorum_denominator=2, roll_size=1, opened_by=UUID(self.owner.id),
            ends_at=clock.now() + timedelta(days=14),
        )  # fmt: skip
        async with transaction(self.world.runtime.sessions) as session:
            session.add(row)
        return row.id

    async def period(self, number: int, first: date, last: date, **columns: Any) -> UUID:
        """Open a period of the book."""
        row = Period(
            id=ids.private_id(), book_id=self.book_id, number=number, starts_on=first,
            ends_on=last, created_by=UUID(self.owner.id), **columns,
        )  # fmt: skip
        async with transaction(self.world.runtime.sessions) as session:
            session.add(row)
        return row.id


async def found_cooperative(world: World) -> Cooperative:
    """Return a co-operative without anybody in it but an owner of its organisation."""
    owner = await world.sign_up("owner")
    organisation = await world.organisation(owner)
    async with transaction(world.runtime.sessions) as session:
        book_id = await book_of(session, UUID(organisation["id"]))
        book = await session.get_one(Book, book_id)
        book.ownership_since = clock.now()
    return Cooperative(world, owner, organisation, book_id)


async def paper_cooperative(world: World) -> Cooperative:
    """Return the co-operative of T1: A to D and P, who is on probation, with their minutes."""
    coop = await found_cooperative(world)
    day = date(2026, 2, 2)
    for name, minutes in {"ana": 36_750, "bel": 20_000, "cas": 3_260, "dor": 945}.items():
        await coop.worked(await coop.join(name), minutes, day)
    await coop.worked(await coop.join("pau", BookStatusKind.PROBATIONARY), 24_000, day)
    return coop
