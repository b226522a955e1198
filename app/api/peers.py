"""Peers: what stewards see of them and do about them."""

from uuid import UUID

from fastapi import APIRouter, BackgroundTasks, Request, Response, status

from app.api.dependencies import Db, ExpectedVersion, Steward, Tools, set_version
from app.api.errors import language_of
from app.api.routing import StrictRoute
from app.api.schemas.administration import JobShape
from app.api.schemas.base import Listing
from app.api.schemas.peers import (
    IntroductionShape,
    PeerChanges,
    PeerLook,
    PeerMessage,
    PeerMove,
    PeerProposal,
    PeerShape,
    PeerStep,
    PeerWishShape,
)
from app.federation import mending
from app.federation.inbox import PROCESS_JOB
from app.federation.peers import actions, introductions, queries, stewarding, wishes
from app.models.federation import PeerState

JOBS_CHORE = "run_jobs"
DELIVER_CHORE = "deliver_messages"

router = APIRouter(prefix="/peers", route_class=StrictRoute, tags=["peers"])


@router.get("", operation_id="list_peers")
async def list_peers(actor: Steward, db: Db, request: Request) -> Listing[PeerShape]:
    """List all peers with where we stand and how it goes."""
    views = await queries.list_views_for(db, actor)
    return Listing(items=[PeerShape.of(view, language_of(request)) for view in views])


@router.post("", status_code=status.HTTP_201_CREATED, operation_id="propose_peer")
async def propose_peer(
    body: PeerProposal,
    actor: Steward,
    db: Db,
    tools: Tools,
    request: Request,
    response: Response,
) -> PeerShape:
    """Propose to another instance to be peers: asks who it is and sends our offer."""
    peer = await stewarding.connect(db, tools, actor, body.origin, body.fingerprint)
    return await _answer(db, actor, peer.id, request, response)


@router.post("/introductions", operation_id="look_at_peer")
async def look_at_peer(body: PeerLook, actor: Steward, tools: Tools) -> IntroductionShape:
    """Say who answers at an address; nothing is asked of it yet, and nothing is kept."""
    return IntroductionShape.of(await introductions.look_at(tools, actor, body.origin))


@router.get("/wishes", operation_id="list_peer_wishes")
async def list_wishes(actor: Steward, db: Db) -> Listing[PeerWishShape]:
    """List the addresses that have not answered yet, or do by now."""
    return Listing(items=[PeerWishShape.of(wish) for wish in await wishes.list_wishes(db, actor)])


@router.post("/wishes", status_code=status.HTTP_201_CREATED, operation_id="wish_for_peer")
async def wish_for_peer(body: PeerLook, actor: Steward, db: Db, tools: Tools) -> PeerWishShape:
    """Keep asking an address that does not answer; the stewards are told when it does."""
    return PeerWishShape.of(await wishes.wish_for(db, tools, actor, body.origin))


@router.get("/{peer_id}", operation_id="get_peer")
async def get_peer(
    peer_id: UUID, actor: Steward, db: Db, request: Request, response: Response
) -> PeerShape:
    """Return one peer."""
    return await _answer(db, actor, peer_id, request, response)


@router.patch("/{peer_id}", operation_id="change_peer")
async def change_peer(
    *,
    peer_id: UUID,
    body: PeerChanges,
    actor: Steward,
    version: ExpectedVersion,
    db: Db,
    request: Request,
    response: Response,
) -> PeerShape:
    """Limit a peer, lift the limit, or write down why it stands where it stands."""
    wanted = stewarding.Setting(body.limited, body.note, body.reason)
    await stewarding.set_peer(db, actor, peer_id, wanted, version)
    return await _answer(db, actor, peer_id, request, response)


@router.post("/{peer_id}/transitions", operation_id="move_peer")
async def move_peer(
    *,
    peer_id: UUID,
    body: PeerMove,
    actor: Steward,
    db: Db,
    tools: Tools,
    request: Request,
    response: Response,
) -> PeerShape:
    """Approve, suspend, end, block or ask anew."""
    wanted = actions.Wanted(PeerState(body.to), body.reason, body.fingerprint)
    await actions.move_peer(db, tools, actor, peer_id, wanted)
    return await _answer(db, actor, peer_id, request, response)


@router.get("/{peer_id}/history", operation_id="list_peer_history")
async def list_history(peer_id: UUID, actor: Steward, db: Db) -> Listing[PeerStep]:
    """List who decided what about a peer and when, the newest first."""
    await queries.get_view_for(db, actor, peer_id)
    return Listing(
        items=[PeerStep.of(step) for step in await queries.history_of(db, actor, peer_id)]
    )


@router.post("/{peer_id}/sync", status_code=status.HTTP_202_ACCEPTED, operation_id="sync_peer")
async def sync_peer(
    *,
    peer_id: UUID,
    actor: Steward,
    db: Db,
    tools: Tools,
    request: Request,
    response: Response,
    background: BackgroundTasks,
) -> JobShape:
    """Bring both sides in step now; answers the job to follow."""
    job = await stewarding.order_sync(db, actor, peer_id)
    response.headers["Location"] = f"/api/v1/jobs/{job.id}"
    background.add_task(tools.doorbell.ring, JOBS_CHORE)
    return JobShape.of(job, language_of(request))


@router.get("/{peer_id}/messages", operation_id="list_peer_messages")
async def list_messages(
    peer_id: UUID, actor: Steward, db: Db, request: Request
) -> Listing[PeerMessage]:
    """List the messages that only a person can take further: parked and refused ones."""
    found = await mending.stuck_messages(db, actor, peer_id)
    return Listing(items=[PeerMessage.of(stuck, language_of(request)) for stuck in found])


@router.post(
    "/{peer_id}/messages/{message_id}/retry",
    status_code=status.HTTP_204_NO_CONTENT,
    operation_id="retry_peer_message",
)
async def retry_message(
    peer_id: UUID,
    message_id: str,
    actor: Steward,
    db: Db,
    tools: Tools,
    background: BackgroundTasks,
) -> None:
    """Let a message be applied, or sent, once more."""
    await mending.try_again(db, tools, actor, peer_id, mending.Ref.of(message_id))
    background.add_task(tools.doorbell.ring, PROCESS_JOB)
    background.add_task(tools.doorbell.ring, DELIVER_CHORE)


@router.post(
    "/{peer_id}/messages/{message_id}/drop",
    status_code=status.HTTP_204_NO_CONTENT,
    operation_id="drop_peer_message",
)
async def drop_message(peer_id: UUID, message_id: str, actor: Steward, db: Db) -> None:
    """Leave a message at what became of it."""
    await mending.drop(db, actor, peer_id, mending.Ref.of(message_id))


async def _answer(
    db: Db, actor: Steward, peer_id: UUID, request: Request, response: Response
) -> PeerShape:
    view = await queries.get_view_for(db, actor, peer_id)
    set_version(response, view.peer.version)
    return PeerShape.of(view, language_of(request))
