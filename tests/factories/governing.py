"""A co-operative with worker-owners, over HTTP."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from secrets import token_hex
from uuid import UUID

from app.infra import clock
from app.infra.database import transaction
from app.models.ledger import Book
from tests.factories.world import PASSWORD, Json, Person, World

FOUNDED = "2024-01-01"
DAY_MINUTES = 24 * 60


@dataclass
class Cooperative:
    """An organisation whose worker-owners keep its book."""

    world: World
    organisation: Json
    book_id: str
    owner: Person
    people: dict[str, Person]

    @property
    def path(self) -> str:
        """Where its book is."""
        return f"/books/{self.book_id}"

    async def begin_probation(self, person: Person, since: str) -> None:
        """Let a member begin, on that very day."""
        body = {"handle": person.me["account"]["handle"], "since": since}
        with clock.frozen(noon(date.fromisoformat(since))):
            await self.owner.post(f"{self.path}/probations", body, key=token_hex(8))

    async def slips(
        self, worker: Person, minutes: int, until: date, *, stream: str = "livelihood"
    ) -> list[str]:
        """Enter work that ended on a day, 24 hours of each day; returns the entries."""
        rows = []
        while minutes > 0:
            some = min(minutes, DAY_MINUTES)
            rows.append(
                {
                    "worker": worker.me["account"]["handle"],
                    "worked_on": until.isoformat(),
                    "minutes": some,
                    "stream": stream,
                    "note": "on paper",
                }
            )
            minutes, until = minutes - some, until - timedelta(days=1)
        writer = self.owner if worker is not self.owner else self.people["b"]
        entered = await writer.post(f"{self.path}/slips", {"slips": rows}, key=token_hex(8))
        ids: list[str] = entered["entry_ids"]
        return ids

    async def motion(self, person: Person, subject: str, subject_id: str, **more: object) -> Json:
        """Put something to the vote."""
        body = {"subject": subject, "subject_id": subject_id, **more}
        return await person.post(f"{self.path}/decisions", body, key=token_hex(8))

    async def vote(self, person: Person, decision: Json, choice: str, *, expect: int = 200) -> Json:
        """Vote."""
        path = f"/decisions/{decision['id']}/votes"
        return await person.post(path, {"choice": choice}, key=token_hex(8), expect=expect)


async def cooperative(
    world: World, owners: Sequence[str] = ("a", "b", "c"), members: Sequence[str] = ()
) -> Cooperative:
    """Return a co-operative: the first of the owners also owns the organisation."""
    people = {name: await world.sign_up(name * 3) for name in (*owners, *members)}
    owner = people[owners[0]]
    organisation = await world.organisation(owner)
    home = f"/organisations/{organisation['id']}"
    for name in (*owners[1:], *members):
        await owner.post(f"{home}/members", {"handle": name * 3, "role": "member"})
    book = await owner.post(f"{home}/ownership", {"currency": "EUR"}, key=token_hex(8))
    founders = {"account_ids": [people[name].id for name in owners], "since": FOUNDED}
    await owner.post(f"/books/{book['id']}/founders", founders, key=token_hex(8))
    async with transaction(world.runtime.sessions) as session:
        kept = await session.get_one(Book, UUID(book["id"]))
        kept.ownership_since = noon(date.fromisoformat(FOUNDED))
    return Cooperative(world, organisation, book["id"], owner, people)


async def give_capital(coop: Cooperative, worker: str, amount: int) -> None:
    """Let somebody's account begin with money, as the opening of the book says."""
    opening = {
        "on": clock.today().isoformat(),
        "minutes": [],
        "capital": [{"worker": worker, "amount": amount}],
        "reserve": 0,
    }
    path = f"{coop.path}/opening"
    a, b = coop.people["a"], coop.people["b"]
    prepared = await a.post(path, opening, key="prepare")
    await b.post(f"{path}/confirmation", {"version": prepared["version"]}, key="open")


async def back(person: Person) -> None:
    """Sign in again, after a long time."""
    handle = person.me["account"]["handle"]
    await person.post("/sessions", {"handle": handle, "password": PASSWORD})


def noon(day: date) -> datetime:
    """Return the middle of a day."""
    return datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
