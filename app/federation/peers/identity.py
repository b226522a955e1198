"""Who we are to our peers: the instance actor, the keys that speak for it, its epoch."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.federation.peers.own_keys import open_key, open_rsa_key, our_keys
from app.federation.wire.actors import (
    ED25519_CAPABILITY,
    RFC9421,
    Actor,
    Capability,
    Endpoints,
    Generator,
    KeyList,
    Multikey,
    RsaKey,
)
from app.infra import clock, keys
from app.infra.ids import public_id
from app.infra.runtime import Runtime
from app.infra.signatures import (
    HttpAnswer,
    HttpMessage,
    RsaSigner,
    Signer,
    sign_answer,
    sign_request,
)
from app.models.federation import (
    Delivery,
    DeliveryState,
    FederationEvent,
    InstanceKey,
    KeyKind,
    KeyState,
)

SOFTWARE = "Tornallom"
# In the order of the actor document: a stranger pins the first.
LISTED = (KeyState.CURRENT, KeyState.NEXT)
RETIRING_LISTED_MAX = 5


@dataclass(frozen=True)
class Identity:
    """Our name, keys and epoch; signs what goes out."""

    origin: str
    epoch: str
    # Signs to peers; for one that takes our next key already, with that.
    signer: Signer
    created_at: datetime
    # Signs to the rest of the fediverse.
    rsa_signer: RsaSigner
    keys: Sequence[InstanceKey] = ()
    # Messages that one certain key must sign, by their address.
    letters: Mapping[str, Signer] = field(default_factory=dict)

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
        """The public half of the key that signs."""
        return self.signer.private_key.public_key()

    def new_id(self, kind: str) -> str:
        """Make an address of ours for something new."""
        return f"{self.origin}/{kind}/{public_id()}"

    def sign(self, message: HttpMessage, *, about: str = "") -> dict[str, str]:
        """Return the headers with which this message may be sent once, now.

        `about` is the address of the activity in it: some are signed by a key of their own.
        """
        signer = self.letters.get(about, self.signer)
        return sign_request(signer, message, nonce=str(public_id()), now=clock.now())

    def sign_answer(self, answer: HttpAnswer) -> dict[str, str]:
        """Return the headers of an answer, bound to its request."""
        return sign_answer(self.signer, answer, nonce=str(public_id()), now=clock.now())

    def actor(self, name: str, *more: InstanceKey) -> Actor:
        """Describe ourselves, with the keys that are accepted of us, and `more` of them."""
        signing = [key for key in self.keys if key.kind == KeyKind.ED25519]
        # The newest of those that end; a document holds eight at most.
        ending = [key for key in signing if key.state == KeyState.RETIRING][-RETIRING_LISTED_MAX:]
        listed = [*(k for state in LISTED for k in signing if k.state == state), *ending]
        return Actor(
            id=self.actor_url,
            name=name,
            inbox=self.inbox_url,
            outbox=f"{self.origin}/outbox",
            followers=f"{self.origin}/followers",
            url=f"{self.origin}/",
            endpoints=Endpoints(sharedInbox=self.inbox_url),
            generator=Generator(
                name=SOFTWARE,
                implements=(
                    Capability(href=RFC9421, name="RFC-9421: HTTP Message Signatures"),
                    Capability(href=ED25519_CAPABILITY, name="RFC-9421 signatures with Ed25519"),
                ),
            ),
            publicKey=self._rsa_key(),
            assertionMethod=tuple(self._multikey(key) for key in [*listed, *more]),
        )

    def key_list(self) -> KeyList:
        """List every key that ever signed for us, so that what it signed can be checked."""
        signing = [key for key in self.keys if key.kind == KeyKind.ED25519]
        return KeyList(
            id=f"{self.actor_url}/keys",
            attributedTo=self.actor_url,
            totalItems=len(signing),
            items=tuple(self._multikey(key) for key in signing),
        )

    def key_address(self, key: InstanceKey) -> str:
        """Return the address under which others name a key of ours."""
        return f"{self.actor_url}#{key.name}"

    def _multikey(self, key: InstanceKey) -> Multikey:
        return Multikey(
            id=self.key_address(key),
            controller=self.actor_url,
            publicKeyMultibase=keys.encode_multikey(keys.load_public_key(key.public_key)),
            expires=key.expires_at,
            revoked=key.revoked_at,
        )

    def _rsa_key(self) -> RsaKey | None:
        for key in self.keys:
            if key.kind == KeyKind.RSA and key.state == KeyState.CURRENT:
                return RsaKey(
                    id=self.key_address(key),
                    owner=self.actor_url,
                    publicKeyPem=keys.rsa_pem(key.public_key),
                )
        return None


async def our_identity(session: AsyncSession, runtime: Runtime, to: UUID | None = None) -> Identity:
    """Return who we are, to a certain peer when `to` is given.

    Read anew each time: another process may have changed our keys a moment ago.
    """
    rows = await our_keys(session, runtime)
    current = _in_state(rows, KeyKind.ED25519, KeyState.CURRENT)
    rsa_key = _in_state(rows, KeyKind.RSA, KeyState.CURRENT)
    following = _in_state(rows, KeyKind.ED25519, KeyState.NEXT)
    if current is None or rsa_key is None:
        raise keys.SealBrokenError("the instance keys could not be stored")
    actor_url = f"{runtime.origin}/actor"

    def signer(row: InstanceKey) -> Signer:
        return Signer(open_key(runtime, row), f"{actor_url}#{row.name}")

    taken = following is not None and to is not None and await _has_taken(session, following, to)
    return Identity(
        origin=runtime.origin,
        epoch=current.epoch,
        signer=signer(following if following is not None and taken else current),
        rsa_signer=RsaSigner(open_rsa_key(runtime, rsa_key), f"{actor_url}#{rsa_key.name}"),
        created_at=rows[0].created_at,
        keys=rows,
        letters={
            letter: signer(row) for row in rows if row.sealed_private_key for letter in row.letters
        },
    )


def _in_state(rows: Sequence[InstanceKey], kind: KeyKind, state: KeyState) -> InstanceKey | None:
    return next((row for row in rows if (row.kind, row.state) == (kind, state)), None)


async def _has_taken(session: AsyncSession, key: InstanceKey, peer_id: UUID) -> bool:
    """Whether a peer has answered the message that tells of a key: it accepts it since."""
    statement = (
        select(col(Delivery.id))
        .join(FederationEvent, col(FederationEvent.id) == col(Delivery.event_id))
        .where(
            col(FederationEvent.activity_id) == key.announcement,
            col(Delivery.peer_id) == peer_id,
            col(Delivery.state) == DeliveryState.SENT,
        )
        .limit(1)
    )
    return (await session.exec(statement)).first() is not None
