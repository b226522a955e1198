"""The handshake, as it comes in: their stewards' acts."""

from app.federation.entries import Entry, Step
from app.federation.peers.actions import accept_letter, move_by_them
from app.federation.peers.identity import our_identity
from app.federation.peers.lanes import as_counted, take_up_epoch
from app.federation.peers.post import send_letter
from app.federation.verification import VerifiedMessage
from app.federation.wire.addresses import origin_of
from app.federation.wire.context import PEER_RELATIONSHIP, PROFILE
from app.federation.wire.peering import AcceptPeering, OfferPeering, RejectPeering, UndoPeering
from app.federation.wire.problems import NOT_AUTHORISED, RULE, STATE_CONFLICT, RefusedError
from app.models.federation import Peer, PeerState

S = PeerState
NOT_BLOCKED = frozenset(S) - {S.BLOCKED}
ANSWERABLE = frozenset({S.PROPOSED, S.ACTIVE, S.SUSPENDED})
OFFERABLE = frozenset({S.NONE, S.PROPOSED, S.REQUESTED, S.ACTIVE, S.ENDED})


async def check_offer(at: Step, verified: VerifiedMessage, document: OfferPeering) -> None:
    """An Offer is about its sender and us, under the profile that we speak."""
    offered = document.object
    if offered.subject != verified.peer.actor_url:
        raise RefusedError(NOT_AUTHORISED, "offers somebody else")
    if offered.object != at.our_actor or document.to != at.our_actor:
        raise RefusedError(RULE, "offered to somebody else")
    if offered.relationship != PEER_RELATIONSHIP or offered.profile != PROFILE:
        raise RefusedError(RULE, "another relationship or profile")
    if offered.policy is not None and origin_of(offered.policy) != verified.peer.origin:
        raise RefusedError(NOT_AUTHORISED, "a policy of another origin")


async def apply_offer(at: Step, document: OfferPeering) -> bool:
    """Take an Offer to our stewards; an Offer that crosses our own is the agreement of both."""
    session, peer = at.session, at.peer
    peer.policy_url = document.object.policy or ""
    if peer.state == PeerState.PROPOSED:
        # Ours stays the Offer of record; theirs stands as its answer.
        peer.answer_id = document.id
        await take_up_epoch(session, peer.id, document.object.epoch)
        await move_by_them(session, peer, PeerState.ACTIVE)
    elif peer.state == PeerState.ACTIVE and peer.offer_id == document.id:
        # Our Accept was lost: the same one again, and no second effect.
        ours = await as_counted(session, await our_identity(session, at.runtime), peer.id)
        await send_letter(session, peer.id, accept_letter(ours, peer))
    else:
        peer.offer_id, peer.answer_id = document.id, None
        await take_up_epoch(session, peer.id, document.object.epoch)
        await move_by_them(session, peer, PeerState.REQUESTED)
    return True


async def check_accept(at: Step, verified: VerifiedMessage, document: AcceptPeering) -> None:
    """Only an Offer that we sent, to that actor, can be accepted or rejected."""
    _check_answers_our_offer(verified.peer, document.object, document.to, at.our_actor)


async def apply_accept(at: Step, document: AcceptPeering) -> bool:
    """Their stewards approved what ours proposed: we are peers."""
    session, peer = at.session, at.peer
    if peer.state == PeerState.ACTIVE and peer.answer_id in {document.id, None}:
        return False
    peer.answer_id = document.id
    await take_up_epoch(session, peer.id, document.epoch)
    await move_by_them(session, peer, PeerState.ACTIVE)
    return True


async def check_reject(at: Step, verified: VerifiedMessage, document: RejectPeering) -> None:
    """As for an Accept."""
    _check_answers_our_offer(verified.peer, document.object, document.to, at.our_actor)


async def apply_reject(at: Step, document: RejectPeering) -> bool:
    """Their stewards do not want to, this time."""
    session, peer = at.session, at.peer
    if peer.offer_id == document.object:
        await move_by_them(session, peer, PeerState.ENDED)
    return True


async def check_undo(at: Step, verified: VerifiedMessage, document: UndoPeering) -> None:
    """One takes back only one's own Offer or Accept."""
    if document.to != at.our_actor:
        raise RefusedError(RULE, "to somebody else")
    if not document.object.startswith(f"{verified.peer.origin}/"):
        raise RefusedError(NOT_AUTHORISED, "takes back somebody else's act")


async def apply_undo(at: Step, document: UndoPeering) -> bool:
    """They are our peer no longer; what we exchanged stays where it is."""
    session, peer = at.session, at.peer
    if document.object in {peer.offer_id, peer.answer_id}:
        await move_by_them(session, peer, PeerState.ENDED)
    return True


def _check_answers_our_offer(peer: Peer, offer: str, to: str, our_actor: str) -> None:
    if to != our_actor:
        raise RefusedError(RULE, "to somebody else")
    if peer.offer_id != offer or offer.startswith(f"{peer.origin}/"):
        raise RefusedError(STATE_CONFLICT, "answers an Offer that we did not send to them")


ENTRIES = (
    Entry(
        ("Offer", "Relationship"),
        OfferPeering,
        OFFERABLE,
        check_offer,
        apply_offer,
        repeatable=True,
    ),
    Entry(("Accept", ""), AcceptPeering, ANSWERABLE, check_accept, apply_accept),
    Entry(("Reject", ""), RejectPeering, ANSWERABLE, check_reject, apply_reject),
    Entry(("Undo", ""), UndoPeering, NOT_BLOCKED, check_undo, apply_undo),
)
