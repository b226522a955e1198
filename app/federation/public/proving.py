"""Proving who sent a message that is not a peer's. The only maker of ProvenStranger."""

from dataclasses import dataclass

from app.federation.peers.identity import our_identity
from app.federation.public import strangers
from app.federation.public.strangers import StrangerGoneError
from app.federation.verification import SIGNATURE_PROBLEMS, Received
from app.federation.wire import problems
from app.federation.wire.addresses import AddressError, origin_of
from app.federation.wire.problems import RefusedError
from app.federation.wire.strangers import Said, StrangerActor, StrangerError
from app.infra import clock
from app.infra.database import transaction
from app.infra.keys import KeyRefusedError, decode_multikey
from app.infra.public_signatures import (
    Claim,
    PublicKey,
    check_unproven,
    load_rsa_public_key,
    verify,
)
from app.infra.runtime import Runtime
from app.infra.signatures import HttpMessage, SignatureRefusedError
from app.models.followers import RemoteActor

_MAKER = object()


@dataclass(frozen=True)
class ProvenStranger:
    """A message's actor whose key signed the message; `fetched` when we have just asked for it."""

    actor: StrangerActor
    fetched: bool
    maker: object

    def __post_init__(self) -> None:
        """Refuse to be made anywhere else."""
        if self.maker is not _MAKER:
            raise AssertionError("only proving makes proven strangers")


def check_claim(runtime: Runtime, received: Received, said: Said) -> Claim:
    """Check what can be without anybody's key: coverage, digest, times, whose key is named."""
    try:
        claim = check_unproven(received.signed_as(runtime.origin), now=clock.now())
        key_origin = origin_of(claim.key_id)
    except SignatureRefusedError as error:
        raise RefusedError(SIGNATURE_PROBLEMS[error.reason], error.detail) from error
    except AddressError as error:
        raise RefusedError(problems.SIGNATURE_INVALID, "key id is no address") from error
    owner, fragment, _ = claim.key_id.partition("#")
    # Some servers give a key an address of its own beside the actor's; its owner is read there.
    if key_origin != said.origin or (fragment and owner != said.actor_url):
        raise RefusedError(problems.SIGNATURE_INVALID, "the key is not the actor's")
    return claim


async def prove(
    runtime: Runtime, received: Received, said: Said, claim: Claim, *, known_only: bool = False
) -> ProvenStranger | None:
    """Prove a message by its actor's key, which is asked for when we do not have it.

    `known_only`: nobody is asked for it, and None is answered for somebody we do not know.
    """
    message = received.signed_as(runtime.origin)
    async with transaction(runtime.sessions) as session:
        row = await session.get(RemoteActor, said.actor_url)
    if row is None and known_only:
        return None
    if row is not None:
        known = _known(row)
        fresh = row.fetched_at > clock.now() - strangers.FRESH_FOR
        refused = _refusal(message, known, claim)
        if refused is None and (fresh or known_only or said.kind != "Follow"):
            return ProvenStranger(known, fetched=False, maker=_MAKER)
        if refused is not None and (refused.reason != "invalid" or known_only):
            raise _problem(refused)
        return await _prove_anew(runtime, message, said, claim, again=refused is not None)
    return await _prove_anew(runtime, message, said, claim, again=False)


async def _prove_anew(
    runtime: Runtime, message: HttpMessage, said: Said, claim: Claim, *, again: bool
) -> ProvenStranger:
    async with transaction(runtime.sessions) as session:
        ours = await our_identity(session, runtime)
    async with strangers.permission(runtime, said.origin, again=again):
        try:
            found = await strangers.fetch_actor(runtime, ours, said.actor_url)
        except StrangerGoneError:
            raise
        except StrangerError as error:
            raise RefusedError(problems.SIGNATURE_INVALID, f"no key: {error}") from error
    refused = _refusal(message, found, claim)
    if refused is not None:
        raise _problem(refused)
    return ProvenStranger(found, fetched=True, maker=_MAKER)


def _refusal(
    message: HttpMessage, actor: StrangerActor, claim: Claim
) -> SignatureRefusedError | None:
    """Return why a message is not proven by a key that the actor shows, or None when it is."""
    text = actor.keys.get(claim.key_id)
    if text is None:
        return SignatureRefusedError("invalid", "not a key that the actor shows")
    try:
        verify(message, _load(text), claim.key_id, now=clock.now())
    except SignatureRefusedError as error:
        return error
    except KeyRefusedError as error:
        return SignatureRefusedError("invalid", str(error))
    return None


def _load(text: str) -> PublicKey:
    return load_rsa_public_key(text) if text.startswith("-----") else decode_multikey(text)


def _problem(error: SignatureRefusedError) -> RefusedError:
    return RefusedError(SIGNATURE_PROBLEMS[error.reason], error.detail)


def _known(row: RemoteActor) -> StrangerActor:
    return StrangerActor(
        actor_url=row.actor_url,
        origin=row.origin,
        inbox_url=row.inbox_url,
        shared_inbox_url=row.shared_inbox_url,
        name=row.name,
        keys=row.keys,
        speaks_rfc9421=row.speaks_rfc9421,
    )
