"""A co-operative whose worker-owners keep its book, and receipts from elsewhere, for tests."""

from dataclasses import dataclass
from datetime import UTC, datetime
from secrets import token_hex
from typing import Any
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from app.domain.receipts.rules import hours_text
from app.infra.canonical import canonical_json
from app.infra.data_integrity import sign
from app.infra.database import transaction
from app.infra.ids import private_id
from app.models.receipts import Receipt, ReceiptSource
from tests.factories.world import Json, Person, World

ELSEWHERE = "https://elsewhere.example"


@dataclass
class Cooperative:
    """An owner, a worker-owner and a worker, and the book that the first two keep."""

    world: World
    owner: Person
    keeper: Person
    worker: Person
    organisation: Json
    book: Json

    @property
    def path(self) -> str:
        """The book's address."""
        return f"/books/{self.book['id']}"

    def slip(self, worker: str = "worker", minutes: int = 90, **said: Any) -> Json:
        """Return a slip that holds."""
        return {
            "worker": worker, "worked_on": "2026-03-02", "minutes": minutes, "stream": "care",
            "note": token_hex(4), **said,
        }  # fmt: skip

    async def write(self, *slips: Json, by: Person | None = None, expect: int = 201) -> Json:
        """Enter slips."""
        person = by or self.keeper
        body = {"slips": list(slips)}
        return await person.post(f"{self.path}/slips", body, expect=expect, key=token_hex(8))

    async def minutes(self) -> dict[str, int]:
        """Return everybody's minutes in the book, by handle."""
        workers = (await self.owner.get(self.path))["workers"]
        return {each["handle"]: each["minutes"] for each in workers}


async def cooperative(world: World) -> Cooperative:
    """Return a co-operative that has switched worker ownership on."""
    owner, keeper, worker = [await world.sign_up(name) for name in ("owner", "keeper", "worker")]
    organisation = await world.organisation(owner)
    members = f"/organisations/{organisation['id']}/members"
    await owner.post(members, {"handle": "keeper", "role": "member", "worker_owner": True})
    await owner.post(members, {"handle": "worker", "role": "member", "worker_owner": False})
    path = f"/organisations/{organisation['id']}/ownership"
    book = await owner.post(path, {"currency": "EUR"}, key="ownership")
    return Cooperative(world, owner, keeper, worker, organisation, book)


@dataclass
class Issuer:
    """Another instance that signs receipts."""

    world: World
    key: Ed25519PrivateKey

    async def receipt(
        self,
        worker: Person,
        minutes: int = 120,
        *,
        replaces: str | None = None,
        on: str = "2026-03-01",
        **row: Any,
    ) -> Receipt:
        """Keep a signed receipt of somebody's, as if a peer had sent it."""
        url = f"{ELSEWHERE}/receipts/{private_id()}"
        key_id = f"{ELSEWHERE}/actor#key"
        document = {
            "@context": ["https://www.w3.org/ns/credentials/v2"],
            "id": url, "type": ["VerifiableCredential", "ContributionReceipt"],
            "issuer": f"{ELSEWHERE}/actor", "validFrom": "2026-03-02T10:00:00Z",
            "credentialSubject": {
                "id": "https://here.example/members/1", "need": f"{ELSEWHERE}/needs/1",
                "fulfills": f"{ELSEWHERE}/agreements/1", "hours": hours_text(minutes),
                "stream": "gift", "workedOn": on, "organisation": "Old Town Movers",
            },
            **({"replaces": replaces} if replaces else {}),
        }  # fmt: skip
        options = {
            "created": "2026-03-02T10:00:00Z", "verificationMethod": key_id,
            "proofPurpose": "assertionMethod",
        }  # fmt: skip
        values: dict[str, Any] = {
            "id": private_id(), "url": url, "issuer": f"{ELSEWHERE}/actor", "key_id": key_id,
            "public_key": self.key.public_key().public_bytes_raw(),
            "document": canonical_json(sign(document, self.key, options)),
            "subject": "https://here.example/members/1", "account_id": UUID(worker.id),
            "minutes": minutes, "issued_at": datetime(2026, 3, 2, 10, tzinfo=UTC),
            "source": ReceiptSource.RECEIVED, "replaces": replaces, **row,
        }  # fmt: skip
        kept = Receipt(**values)
        async with transaction(self.world.runtime.sessions) as session:
            session.add(kept)
        return kept


def issuer(world: World) -> Issuer:
    """Return another instance with a key of its own."""
    return Issuer(world, Ed25519PrivateKey.generate())
