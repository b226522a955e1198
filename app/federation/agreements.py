"""What we tell another instance of a claim that the two share; the mirror of handlers/agreements.

A reaction to every move and sign of life of such a claim. It reads the rows as they stand and says
all of it with the next version, so it may run late, and for several changes at once.
"""

from uuid import NAMESPACE_URL, UUID, uuid5

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.domain.claims import remote
from app.domain.claims.agreements import agreement_of
from app.federation.agreement_desk import desk_of, event_of, send
from app.federation.peers.identity import our_identity
from app.federation.verification import VerifiedReader
from app.federation.wire import agreements as wire
from app.federation.wire.context import NATIVE_CONTEXT
from app.federation.wire.problems import OBJECT_MISSING, RefusedError
from app.infra import clock
from app.infra.runtime import Runtime
from app.models.activity import Activity
from app.models.agreements import Agreement
from app.models.claims import LIVE_STATES, Claim, ClaimState, Elsewhere
from app.models.federation import Delivery, DeliveryState, FederationEvent, Peer


async def tell(session: AsyncSession, runtime: Runtime, activity: Activity) -> None:
    """Say to the other instance what became of a claim, if there is one."""
    if await agreement_of(session, activity.object_id) is None:
        return
    # Two workers must not say two things under one version.
    agreement = await session.get_one(
        Agreement, activity.object_id, with_for_update=True, populate_existing=True
    )
    claim = await session.get_one(Claim, activity.object_id, populate_existing=True)
    desk = await desk_of(session, runtime, agreement, claim)
    if activity.verb == "claim.message_posted":
        await desk.pass_on(activity)
    elif claim.elsewhere == Elsewhere.NEED:
        await desk.tell_owner(activity)
    else:
        await desk.tell_worker(activity)


async def tell_again(session: AsyncSession, runtime: Runtime, activity: Activity) -> None:
    """Say anew how all open claims stand to a peer that we exchange with again."""
    statement = (
        select(Agreement)
        .join(Claim, col(Claim.id) == col(Agreement.claim_id))
        .where(Agreement.peer_id == activity.object_id, col(Claim.state).in_(LIVE_STATES))
        .order_by(col(Agreement.claim_id))
        .with_for_update(of=Agreement)
        .execution_options(populate_existing=True)
    )
    for agreement in (await session.exec(statement)).all():
        claim = await session.get_one(Claim, agreement.claim_id, populate_existing=True)
        desk = await desk_of(session, runtime, agreement, claim)
        await desk.say_again()


async def answer_again(session: AsyncSession, runtime: Runtime, agreement: Agreement) -> None:
    """Give an Offer that came again its answer again, if it has one."""
    claim = await session.get_one(Claim, agreement.claim_id)
    desk = await desk_of(session, runtime, agreement, claim)
    await desk.say_again()


async def refuse_offer(
    session: AsyncSession, runtime: Runtime, peer: Peer, offer_url: str, code: str
) -> None:
    """Answer an Offer that our rules do not take: the same Reject however often it comes."""
    ours = await our_identity(session, runtime)
    answer_id = f"{ours.origin}/activities/{uuid5(NAMESPACE_URL, offer_url)}"
    message = wire.RejectAgreement.model_validate(
        {
            "context": NATIVE_CONTEXT,
            "id": answer_id,
            "actor": ours.actor_url,
            "to": peer.actor_url,
            "published": clock.now(),
            "object": offer_url,
            "name": code,
        }
    )
    await send(session, peer.id, message)


async def was_refused(session: AsyncSession, runtime: Runtime, offer_url: str) -> bool:
    """Say whether our rules refused this Offer before; then they do so for ever."""
    answer_id = f"{runtime.origin}/activities/{uuid5(NAMESPACE_URL, offer_url)}"
    return await event_of(session, answer_id) is not None


async def settle_refused(session: AsyncSession) -> int:
    """End applications whose Offer the other instance refused for good; answers how many.

    What its rules say is told to the member; an answer in the normal way is a Reject.
    """
    statement = (
        select(Agreement, Delivery.last_code)
        .join(Claim, col(Claim.id) == col(Agreement.claim_id))
        .join(FederationEvent, col(FederationEvent.activity_id) == col(Agreement.offer_url))
        .join(Delivery, col(Delivery.event_id) == col(FederationEvent.id))
        .where(
            Claim.elsewhere == Elsewhere.NEED,
            Claim.state == ClaimState.APPLIED,
            Delivery.state == DeliveryState.DEAD,
        )
    )
    refused = (await session.exec(statement)).all()
    for agreement, code in refused:
        reason = f"elsewhere.{code.replace('-', '_')}"
        await remote.apply_rejection(session, agreement, "", reason)
    return len(refused)


async def agreement_document(
    session: AsyncSession, runtime: Runtime, key: UUID, reader: VerifiedReader
) -> wire.Agreement:
    """Return an agreement of ours to the instance whose member it is with; nobody else has one."""
    statement = select(Agreement).where(Agreement.key == key, Agreement.peer_id == reader.peer.id)
    agreement = (await session.exec(statement)).first()
    if agreement is None or agreement.agreement_url is None:
        raise RefusedError(OBJECT_MISSING)
    claim = await session.get_one(Claim, agreement.claim_id)
    if claim.elsewhere != Elsewhere.WORKER:
        raise RefusedError(OBJECT_MISSING)
    desk = await desk_of(session, runtime, agreement, claim)
    return await desk.document()
