"""A co-operative whose book is closed: its rules, its people, their minutes, and the way to a lock.

What has its own issue (admission, adoption, slips) is written as its verbs leave it; everything
about periods goes through the API.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.domain.access import SYSTEM
from app.domain.ledger.posting import NewEntry, book_of, post_entry
from app.domain.ledger.rules import Side
from app.domain.policies.document import Policy
from app.infra import clock
from app.infra.database import transaction
from app.infra.ids import private_id
from app.infra.runtime import Runtime
from app.models.ledger import (
    MINUTE,
    Balance,
    Book,
    BookStatus,
    BookStatusKind,
    EntryKind,
    LedgerAccount,
    LedgerAccountKind,
    WorkStream,
)
from app.models.periods import Period
from app.models.policies import AdoptedPolicy
from tests.factories.world import PASSWORD, Json, Person, World

FIRST, LAST = date(2026, 1, 1), date(2026, 3, 31)
T1_POLICY: Json = {"members_share": "1/5", "minimum_minutes": 960, "loss_to_reserve": "4/5"}
AFTER_OBJECTIONS = timedelta(days=30, minutes=1)


@dataclass
class Cooperative:
    """An organisation whose worker-owners keep its book."""

    world: World
    organisation: Json
    book_id: UUID
    owner: Person
    members: dict[str, Person]

    def id_of(self, name: str) -> UUID:
        """The account of a member."""
        return UUID(self.members[name].id)

    async def give(self, holder: UUID, minutes: int, day: date = FIRST, **more: Any) -> UUID:
        """Write confirmed minutes into the book, or take some back; answers the entry."""
        async with transaction(self.world.runtime.sessions) as session:
            return await self.post_minutes(session, holder, minutes, day, **more)

    async def post_minutes(
        self, session: AsyncSession, holder: UUID, minutes: int, day: date, **more: Any
    ) -> UUID:
        stream = WorkStream.LIVELIHOOD
        organisation_id = UUID(self.organisation["id"])
        kinds = LedgerAccountKind
        lines = [
            Side(kinds.WORKER, holder, stream, MINUTE, minutes),
            Side(kinds.ORGANISATION, organisation_id, stream, MINUTE, -minutes),
        ]
        new = NewEntry(EntryKind.SLIP, day, UUID(self.owner.id), **more)
        return (await post_entry(session, SYSTEM, self.book_id, new, lines)).entry_id

    async def bring_money(self, reserve: int, capital: Mapping[UUID, int]) -> None:
        """Write what was there before the first period."""
        organisation_id = UUID(self.organisation["id"])
        kinds = LedgerAccountKind
        lines = [Side(kinds.RESERVE, organisation_id, None, "EUR", reserve)] if reserve else []
        lines += [Side(kinds.CAPITAL, who, None, "EUR", held) for who, held in capital.items()]
        whole = reserve + sum(capital.values())
        lines.append(Side(kinds.OUTSIDE, organisation_id, None, "EUR", -whole))
        day = FIRST - timedelta(days=1)
        new = NewEntry(EntryKind.OPENING, day, UUID(self.owner.id))
        async with transaction(self.world.runtime.sessions) as session:
            await post_entry(session, SYSTEM, self.book_id, new, lines)

    async def status(self, holder: UUID, status: BookStatusKind, since: date) -> None:
        """Write what somebody is from a day on."""
        row = BookStatus(
            status_id=private_id(), book_id=self.book_id, account_id=holder, status=status,
            since=since,
        )  # fmt: skip
        async with transaction(self.world.runtime.sessions) as session:
            session.add(row)

    async def open(self, last: date, surplus: int, first: date | None = None) -> Json:
        """Open the next period and enter what was earned."""
        days = {"ends_on": last.isoformat(), "starts_on": first.isoformat() if first else None}
        made = await self.owner.post(f"/books/{self.book_id}/periods", days, key=f"open-{last}")
        body = {"surplus": surplus}
        return await self.owner.change(f"/periods/{made['id']}", body, made["version"])

    async def draw_up(self, period: Json, **more: Any) -> Json:
        """Freeze a period and let the workers draw it up."""
        body = {"to": "frozen", "version": period["version"], **more}
        await self.owner.post(f"/periods/{period['id']}/transitions", body, expect=200)
        await self.world.work()
        return await self.owner.get(f"/periods/{period['id']}")

    async def sign(self, period: Json, name: str, *, expect: int = 201) -> Json:
        """Let a member sign what the draft says."""
        body = {"outcome_hash": period["outcome_hash"]}
        path = f"/periods/{period['id']}/signatures"
        return await self.members[name].post(
            path, body, expect=expect, key=f"{name}-{period['id']}-{period['draft']}-{expect}"
        )

    async def sign_in_again(self) -> None:
        """Give everybody a fresh session, as after a month."""
        for person, handle in (
            (self.owner, "keeper"), *((member, name) for name, member in self.members.items())
        ):  # fmt: skip
            body = {"handle": handle, "password": PASSWORD}
            await person.post("/sessions", body)

    async def close(self, period: Json) -> Json:
        """Take a period from its freeze to its lock, with the days for objections between."""
        drafted = await self.draw_up(period)
        assert drafted["state"] == "drafted", drafted
        with clock.moved(AFTER_OBJECTIONS):
            await self.sign_in_again()
            first, second = list(self.members)[:2]
            await self.sign(drafted, first)
            await self.sign(drafted, second)
            await self.world.work()
            return await self.owner.get(f"/periods/{period['id']}")

    async def lines(self, period: Json) -> dict[str, Json]:
        """All lines of a period, by account."""
        listed = await self.owner.get(f"/periods/{period['id']}/lines", limit=100)
        return {line["account_id"]: line for line in listed["items"]}

    async def money(self) -> dict[tuple[str, UUID], int]:
        """What stands on each account of money, by kind and holder."""
        statement = select(LedgerAccount.kind, LedgerAccount.holder_id, Balance.amount).where(
            LedgerAccount.book_id == self.book_id,
            Balance.account_id == LedgerAccount.id,
            Balance.unit == "EUR",
        )
        async with transaction(self.world.runtime.sessions) as session:
            rows = (await session.exec(statement)).all()
        return {(str(kind), holder): amount for kind, holder, amount in rows}


async def cooperative(world: World, *names: str, policy: Json | None = None) -> Cooperative:
    """Return a co-operative with some worker-owners, since the first day of 2026."""
    owner = await world.sign_up("keeper")
    organisation = await world.organisation(owner)
    members = {}
    for name in names:
        members[name] = await world.sign_up(name)
        body = {"handle": name, "role": "member", "worker_owner": True}
        await owner.post(f"/organisations/{organisation['id']}/members", body)
    book_id = await found_book(world.runtime, organisation, policy)
    made = Cooperative(world, organisation, book_id, owner, members)
    for name in names:
        await made.status(made.id_of(name), BookStatusKind.WORKER_OWNER, FIRST)
    return made


async def found_book(runtime: Runtime, organisation: Json, policy: Json | None = None) -> UUID:
    """Return an organisation's book, kept by worker-owners under rules since the first day."""
    async with transaction(runtime.sessions) as session:
        book_id = await book_of(session, UUID(organisation["id"]))
        book = await session.get_one(Book, book_id)
        book.ownership_since = clock.now() - timedelta(days=400)
    await let_rules_hold(runtime, book_id, policy)
    return book_id


async def let_rules_hold(runtime: Runtime, book_id: UUID, policy: Json | None = None) -> None:
    """Let rules hold in a book since the first day, as if its people had voted for them."""
    document = Policy.model_validate(policy or T1_POLICY)
    async with transaction(runtime.sessions) as session:
        session.add(
            AdoptedPolicy(
                id=private_id(),
                book_id=book_id,
                version=1,
                valid_from=FIRST,
                document=document.document(),
                document_hash=document.hash(),
            )
        )


async def open_too_early(
    runtime: Runtime, book_id: UUID, by: UUID, days: tuple[date, date], number: int = 1
) -> UUID:
    """Leave a period as those have it who opened one before a period needed rules."""
    first, last = days
    async with transaction(runtime.sessions) as session:
        period = Period(
            id=private_id(), book_id=book_id, number=number, starts_on=first, ends_on=last,
            created_by=by,
        )  # fmt: skip
        session.add(period)
    return period.id
