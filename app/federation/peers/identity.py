"""Who we are to our peers: the instance actor, its key made on the first start, its epoch."""

import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sqlalchemy.dialects.postgresql import insert
from sqlmodel.ext.asyncio.session import AsyncSession

from app.federation.wire.actors import (
    ED25519_CAPABILITY,
    KEY_FRAGMENT,
    RFC9421,
    Actor,
    Capability,
    Endpoints,
    Generator,
    Multikey,
)
from app.infra import clock, keys
from app.infra.database import transaction
from app.infra.ids import public_id
from app.infra.runtime import Runtime
from app.infra.signatures import HttpAnswer, HttpMessage, Signer, sign_answer, sign_request
from app.models.federation import InstanceKey

KEY_FILE = "instance.key"
SEAL_PURPOSE = "instance-signing-key"
SOFTWARE = "Tornallom"
_SHARED = "federation.identity"


@dataclass(frozen=True)
class Identity:
    """Our name, key and epoch; signs what goes out."""

    origin: str
    epoch: str
    signer: Signer
    created_at: datetime

    @property
    def actor_url(self) -> str:
        """The address of the instance actor."""
        return f"{self.origin}/actor"

    @property
    def inbox_url(self) -> str:
        """The one address that takes messages."""
        return f"{self.origin}/inbox"

    @property
    def peers_audience(self) -> str:
        """Whom a message to all peers is addressed to; tells nobody who they are."""
        return f"{self.origin}/peers"

    @property
    def public_key(self) -> Ed25519PublicKey:
        """The public half of the key."""
        return self.signer.private_key.public_key()

    def new_id(self, kind: str) -> str:
        """Make an address of ours for something new."""
        return f"{self.origin}/{kind}/{public_id()}"

    def sign(self, message: HttpMessage) -> dict[str, str]:
        """Return the headers with which this message may be sent once, now."""
        return sign_request(self.signer, message, nonce=str(public_id()), now=clock.now())

    def sign_answer(self, answer: HttpAnswer) -> dict[str, str]:
        """Return the headers of an answer, bound to its request."""
        return sign_answer(self.signer, answer, nonce=str(public_id()), now=clock.now())

    def actor(self, name: str) -> Actor:
        """Describe ourselves."""
        return Actor(
            id=self.actor_url,
            name=name,
            inbox=self.inbox_url,
            url=f"{self.origin}/",
            endpoints=Endpoints(sharedInbox=self.inbox_url),
            generator=Generator(
                name=SOFTWARE,
                implements=(
                    Capability(href=RFC9421, name="RFC-9421: HTTP Message Signatures"),
                    Capability(href=ED25519_CAPABILITY, name="RFC-9421 signatures with Ed25519"),
                ),
            ),
            assertionMethod=(
                Multikey(
                    id=self.signer.key_id,
                    controller=self.actor_url,
                    publicKeyMultibase=keys.encode_multikey(self.public_key),
                ),
            ),
        )


async def our_identity(session: AsyncSession, runtime: Runtime) -> Identity:
    """Return who we are; makes the key on the first start, one key however many processes."""
    found: Any = runtime.shared.get(_SHARED)
    if isinstance(found, Identity):
        return found
    key_file = keys.load_or_create_key_file(runtime.data_dir / KEY_FILE)
    row = await session.get(InstanceKey, KEY_FRAGMENT)
    if row is None:
        # In a transaction of its own: ours may be rolled back after the key was used.
        async with transaction(runtime.sessions) as apart:
            await apart.execute(_new_key(key_file))
        # Another process may have been first: read what stands in the database by now.
        row = await session.get(InstanceKey, KEY_FRAGMENT, populate_existing=True)
    if row is None:
        raise keys.SealBrokenError("the instance key could not be stored")
    raw = keys.unseal(key_file, row.sealed_private_key, purpose=SEAL_PURPOSE)
    identity = Identity(
        origin=runtime.origin,
        epoch=row.epoch,
        signer=Signer(keys.load_private_key(raw), f"{runtime.origin}/actor#{KEY_FRAGMENT}"),
        created_at=row.created_at,
    )
    runtime.shared[_SHARED] = identity
    return identity


def _new_key(key_file: bytes) -> Any:
    private_key = keys.new_private_key()
    sealed = keys.seal(key_file, private_key.private_bytes_raw(), purpose=SEAL_PURPOSE)
    return (
        insert(InstanceKey)
        .values(
            name=KEY_FRAGMENT,
            public_key=private_key.public_key().public_bytes_raw(),
            sealed_private_key=sealed,
            epoch=f"e-{secrets.token_hex(6)}",
            created_at=clock.now(),
        )
        .on_conflict_do_nothing()
    )
