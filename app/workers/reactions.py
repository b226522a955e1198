"""REACTIONS: what follows from what. The one table of consequences; docs/reactions.md tells it.

A reaction runs after the commit of its activity, in a transaction of its own with the row that
says that it ran, so it has its effects once, however often it is tried.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from app.domain.access import SYSTEM
from app.domain.activity.actions import record
from app.domain.asks.review import tell_asker
from app.domain.feeds.actions import note_need
from app.domain.governance.actions import close_overtaken
from app.domain.ledger.following import follow_receipt
from app.domain.matching.queries import best_workers
from app.domain.needs.closing import draft_next
from app.domain.needs.following import follow_organisation
from app.domain.organisations.vouching import vouch_for_work
from app.domain.webhooks.actions import tell_webhooks
from app.federation import agreements
from app.federation.outbox import publish_existing, publish_need
from app.federation.receipts.issuing import resume, settle_receipt
from app.infra.runtime import Runtime
from app.models.activity import Activity
from app.models.claims import ClaimKind
from app.models.threads import ThreadSide

OFFERED_TO_MAX = 10


@dataclass(frozen=True)
class Reaction:
    """Something that follows from an activity, under a name that is never reused."""

    name: str
    run: Callable[[AsyncSession, Runtime, Activity], Awaitable[None]]


async def _tell_peers(session: AsyncSession, runtime: Runtime, activity: Activity) -> None:
    await publish_need(session, runtime, activity)


async def _greet_peer(session: AsyncSession, runtime: Runtime, activity: Activity) -> None:
    await publish_existing(session, runtime, activity)


async def _tell_instance(session: AsyncSession, runtime: Runtime, activity: Activity) -> None:
    await agreements.tell(session, runtime, activity)


async def _resume_claims(session: AsyncSession, runtime: Runtime, activity: Activity) -> None:
    await agreements.tell_again(session, runtime, activity)


async def _draft_next(session: AsyncSession, _: Runtime, activity: Activity) -> None:
    await draft_next(session, activity.object_id)


async def _follow(session: AsyncSession, _: Runtime, activity: Activity) -> None:
    await follow_organisation(session, activity.object_id)


async def _vouch_for_work(session: AsyncSession, _: Runtime, activity: Activity) -> None:
    """A scoping hour only finds out what the work would be."""
    home = activity.details.get("organisation_id")
    if home is not None and activity.details.get("kind") == ClaimKind.WORK:
        await vouch_for_work(session, SYSTEM, UUID(home))


async def _offer_place(session: AsyncSession, _: Runtime, activity: Activity) -> None:
    """Tell those whom a freed place fits, and who want to be found; not who has just let it go."""
    found = await best_workers(session, SYSTEM, activity.object_id, OFFERED_TO_MAX)
    people = {str(match.account.id) for match in found} - {activity.details["except_account"]}
    record(
        session, SYSTEM, "need.place_offered", activity.object_id,
        need_id=str(activity.object_id), tell=sorted(people),
    )  # fmt: skip


async def _tell_asker(session: AsyncSession, runtime: Runtime, activity: Activity) -> None:
    if activity.details.get("side", ThreadSide.WORKER) != ThreadSide.WORKER:
        return  # their own message
    await tell_asker(session, activity.verb, activity.object_id, runtime.origin)


async def _tell_webhooks(session: AsyncSession, runtime: Runtime, activity: Activity) -> None:
    await tell_webhooks(session, activity, runtime.origin)


async def _settle_receipt(session: AsyncSession, runtime: Runtime, activity: Activity) -> None:
    await settle_receipt(session, runtime, activity.object_id)


async def _resume_receipts(session: AsyncSession, runtime: Runtime, activity: Activity) -> None:
    await resume(session, runtime, activity)


async def _note_need(session: AsyncSession, _: Runtime, activity: Activity) -> None:
    await note_need(session, activity.object_id, activity.at)


async def _follow_receipt(session: AsyncSession, _: Runtime, activity: Activity) -> None:
    await follow_receipt(session, activity.object_id)


async def _close_overtaken(session: AsyncSession, _: Runtime, activity: Activity) -> None:
    await close_overtaken(session, UUID(activity.details["book_id"]))


CLOSE_OVERTAKEN = Reaction("governance.close_overtaken", _close_overtaken)
NOTE_NEED = Reaction("feeds.note_need", _note_need)
TELL_WEBHOOKS = Reaction("webhooks.tell", _tell_webhooks)
FOLLOW = Reaction("needs.follow_organisation", _follow)
TELL_PEERS = Reaction("federation.publish_need", _tell_peers)
TELL_INSTANCE = Reaction("federation.tell_of_claim", _tell_instance)
SETTLE_RECEIPT = Reaction("receipts.settle", _settle_receipt)
TELL_ASKER = Reaction("asks.tell_asker", _tell_asker)
FOLLOW_RECEIPT = Reaction("ledger.follow_receipt", _follow_receipt)

REACTIONS: Mapping[str, tuple[Reaction, ...]] = {
    "organisation.accepted": (FOLLOW,),
    "organisation.changed": (FOLLOW,),
    "organisation.declined": (FOLLOW,),
    "organisation.suspended": (FOLLOW,),
    "need.published": (TELL_PEERS, TELL_WEBHOOKS, NOTE_NEED),
    "need.mirrored": (NOTE_NEED,),
    "need.updated": (TELL_PEERS, TELL_WEBHOOKS),
    "need.withdrawn": (TELL_PEERS, TELL_WEBHOOKS),
    "claim.applied": (TELL_WEBHOOKS, TELL_ASKER, TELL_INSTANCE),
    "claim.accepted": (TELL_WEBHOOKS, TELL_INSTANCE),
    "claim.declined": (TELL_WEBHOOKS, TELL_INSTANCE),
    "claim.withdrawn": (TELL_WEBHOOKS, TELL_INSTANCE),
    "claim.released": (TELL_WEBHOOKS, TELL_INSTANCE),
    "claim.lapsed": (TELL_WEBHOOKS, TELL_INSTANCE),
    "claim.expired": (TELL_WEBHOOKS, TELL_INSTANCE),
    "claim.submitted": (TELL_WEBHOOKS, TELL_ASKER, TELL_INSTANCE),
    "claim.changes_requested": (TELL_WEBHOOKS, TELL_INSTANCE),
    "claim.disputed": (TELL_WEBHOOKS, TELL_INSTANCE),
    "claim.confirmed": (
        TELL_WEBHOOKS,
        TELL_INSTANCE,
        Reaction("organisations.vouch_for_work", _vouch_for_work),
        SETTLE_RECEIPT,
    ),
    "claim.rejected": (TELL_WEBHOOKS, TELL_INSTANCE, SETTLE_RECEIPT),
    "claim.minutes_ruled": (TELL_INSTANCE, SETTLE_RECEIPT),
    "claim.active": (TELL_INSTANCE,),
    "claim.work_logged": (TELL_INSTANCE,),
    "claim.heartbeat": (TELL_INSTANCE,),
    "claim.start_asked": (TELL_INSTANCE,),
    "claim.nudged": (TELL_INSTANCE,),
    "claim.message_posted": (TELL_ASKER, TELL_INSTANCE),
    "receipt.revoked": (FOLLOW_RECEIPT,),
    "receipt.replaced": (FOLLOW_RECEIPT,),
    "receipt.shown": (FOLLOW_RECEIPT,),
    "receipt.dispute_ended": (FOLLOW_RECEIPT,),
    "dispute.ruled": (CLOSE_OVERTAKEN,),
    "book.admission_taken_back": (CLOSE_OVERTAKEN,),
    "conversion.taken_back": (CLOSE_OVERTAKEN,),
    "exit.opened": (CLOSE_OVERTAKEN,),
    "need.place_freed": (Reaction("matching.offer_place", _offer_place),),
    "need.ended_to_recur": (Reaction("needs.draft_next", _draft_next),),
    "peer.activated": (
        Reaction("federation.publish_existing", _greet_peer),
        Reaction("federation.resume_claims", _resume_claims),
        Reaction("receipts.resume", _resume_receipts),
    ),
}
