"""A need of north that somebody of south works for, through the public API of both."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlmodel import select

from app.domain.administration.invariants import count_violations
from app.models.claims import Claim
from app.models.federation import FederationEvent, IncomingMessage
from tests.factories.instances import Instance, Pair
from tests.factories.world import Json, Person, work_day

CANARY = "Quetzalcoatlus"


@dataclass
class Helping:
    """Who takes part, and the need as both sides know it."""

    pair: Pair
    owner: Person
    organisation: Json
    need: Json
    worker: Person

    @property
    def north(self) -> Instance:
        """Where the need lives."""
        return self.pair.north

    @property
    def south(self) -> Instance:
        """Where the worker lives."""
        return self.pair.south

    async def mirror(self) -> Json:
        """Return the need as south lists it."""
        url = f"{self.north.origin}/needs/{self.need['id']}"
        (found,) = [need for need in await self.south.mirrored() if need.origin_url == url]
        return await self.worker.get(f"/needs/{found.id}")

    async def apply(self, **claim: Any) -> Json:
        """Apply at south, without telling north yet."""
        mirror = await self.mirror()
        return await self.worker.post(f"/needs/{mirror['id']}/claims", claim)

    async def theirs(self, claim: Json) -> Json:
        """Return a claim as south has it."""
        return await self.worker.get(f"/claims/{claim['id']}")

    async def guest_claims(self) -> list[Json]:
        """Return the claims on the need as its organisation sees them, the oldest first."""
        found = await self.owner.get(f"/needs/{self.need['id']}/claims")
        items: list[Json] = found["items"]
        return items[::-1]

    async def guest_claim(self) -> Json:
        """Return the one claim on the need as its organisation sees it."""
        (claim,) = await self.guest_claims()
        return await self.owner.get(f"/claims/{claim['id']}")

    async def accepted(self, **claim: Any) -> tuple[Json, Json]:
        """Return the claim of an accepted worker, as south and as north have it."""
        here = await self.apply(**claim)
        await self.pair.work()
        there = await self.guest_claim()
        await self.owner.move(f"/claims/{there['id']}", "accepted")
        await self.pair.work()
        mine = await self.theirs(here)
        assert mine["state"] == "accepted", await self.pair.stuck()
        return mine, await self.guest_claim()

    async def handed_in(self, minutes: int = 90) -> tuple[Json, Json]:
        """Return a claim whose work waits at north for its confirmation."""
        here, there = await self.accepted()
        await self.log(here, minutes)
        await self.worker.move(f"/claims/{here['id']}", "submitted")
        await self.pair.work()
        return here, await self.owner.get(f"/claims/{there['id']}")

    async def log(self, claim: Json, minutes: int = 90, note: str = "done") -> Json:
        """Log work at south."""
        body = {"worked_on": work_day(), "minutes": minutes, "note": note}
        return await self.worker.post(f"/claims/{claim['id']}/work-logs", body)

    async def sound(self) -> None:
        """Both databases hold what must always hold."""
        for instance in (self.north, self.south):
            async with instance.runtime.sessions() as session:
                broken = {k: n for k, n in (await count_violations(session)).items() if n}
            assert broken == {}, instance.name


async def helping(pair: Pair, **need: Any) -> Helping:
    """Let north ask for something, and somebody of south hear of it."""
    number = len(pair.north.people)
    owner = await pair.north.sign_up(f"owner{number}")
    organisation = await pair.north.organisation(owner, f"Forn Roig {number}")
    asked = {"audience": "public", "title": f"Move our site {number}", "places": 1, **need}
    opened = await pair.north.open_need(owner, organisation, **asked)
    worker = await pair.south.sign_up(f"{CANARY}{number}", email=f"{CANARY}{number}@example.org")
    await pair.work()
    return Helping(pair, owner, organisation, opened, worker)


async def bodies(instance: Instance) -> bytes:
    """Return every byte that an instance has said or heard."""
    async with instance.runtime.sessions() as session:
        said = (await session.exec(select(FederationEvent.body))).all()
        heard = (await session.exec(select(IncomingMessage.body))).all()
    return b"\n".join([*said, *heard])


async def claims_in(instance: Instance) -> list[Claim]:
    """Return all claims of an instance."""
    async with instance.runtime.sessions() as session:
        return list((await session.exec(select(Claim))).all())


async def claim_of(instance: Instance, claim_id: str) -> Claim:
    """Return the row of a claim, whoever may see it."""
    async with instance.runtime.sessions() as session:
        return await session.get_one(Claim, UUID(claim_id))
