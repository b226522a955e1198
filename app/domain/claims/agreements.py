"""What a claim has beside its own row when its worker and its need live on different instances.

The row of an agreement is made with its claim. What the other instance says about it, and what
follows, stands in `remote`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlsplit
from uuid import UUID

from sqlalchemy import ColumnElement
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.errors import ConflictError
from app.infra import clock, ids
from app.models.agreements import Agreement
from app.models.claims import Claim, Elsewhere
from app.models.federation import Peer, PeerOutbox, PeerState
from app.models.identity import Account
from app.models.needs import Need

# An offer that nobody answered is over after this time, on both instances.
ANSWERED_WITHIN = timedelta(days=30)
# What a peer answers that does not exchange with us at present.
TURNED_AWAY = frozenset({"not-peer", "peer-suspended", "key-changed"})


@dataclass(frozen=True)
class Shared:
    """A claim's agreement, with where the other part lives and whether the two still talk."""

    agreement: Agreement
    elsewhere: Elsewhere
    host: str
    talking: bool


async def begin(session: AsyncSession, claim: Claim, need: Need, *, share_name: bool) -> Agreement:
    """Make the agreement of a claim of ours on a need that lives elsewhere.

    The name is told only when the worker said so for this claim; all else is a fresh pseudonym.
    """
    if need.peer_id is None or need.origin_url is None:
        raise ConflictError("need_not_open")
    peer = await session.get_one(Peer, need.peer_id)
    if peer.limited:
        raise ConflictError("peer_limited", host=urlsplit(peer.origin).netloc)
    account = await session.get_one(Account, claim.account_id)
    claim.elsewhere = Elsewhere.NEED
    agreement = Agreement(
        claim_id=claim.id,
        peer_id=need.peer_id,
        key=ids.private_id(),  # tells neither when it was made nor by whom
        need_url=need.origin_url,
        need_title=need.title,
        shown_name=account.display_name if share_name else "",
        answer_by=clock.now() + ANSWERED_WITHIN,
    )
    session.add(agreement)
    return agreement


async def agreement_of(session: AsyncSession, claim_id: UUID) -> Agreement | None:
    """Return what a claim shares with another instance; None for a claim of this one alone."""
    return await session.get(Agreement, claim_id)


async def shared_by(session: AsyncSession, claim_ids: Sequence[UUID]) -> dict[UUID, Shared]:
    """Return for each claim that two instances share where the other part of it lives."""
    if not claim_ids:
        return {}
    statement = (
        select(Agreement, Claim.elsewhere, Peer, PeerOutbox.last_failure)
        .join(Claim, col(Claim.id) == col(Agreement.claim_id))
        .join(Peer, col(Peer.id) == col(Agreement.peer_id))
        .join(PeerOutbox, col(PeerOutbox.peer_id) == col(Agreement.peer_id), isouter=True)
        .where(col(Agreement.claim_id).in_(claim_ids), col(Claim.elsewhere).is_not(None))
    )
    return {
        agreement.claim_id: Shared(
            agreement,
            Elsewhere(elsewhere or Elsewhere.NEED),
            urlsplit(peer.origin).netloc,
            peer.state == PeerState.ACTIVE and (failure or "") not in TURNED_AWAY,
        )
        for agreement, elsewhere, peer, failure in (await session.exec(statement)).all()
    }


async def check_acceptable(session: AsyncSession, claim: Claim) -> None:
    """Nobody is accepted after the offer's end, nor while nothing of it could be told there."""
    found = (await shared_by(session, [claim.id])).get(claim.id)
    if found is None:
        return
    if not found.talking:
        raise ConflictError("instances_apart", host=found.host)
    if found.agreement.answer_by <= clock.now():
        raise ConflictError("offer_over")


async def find_by_offer(
    session: AsyncSession, peer_id: UUID, offer_url: str, elsewhere: Elsewhere
) -> Agreement | None:
    """Find the agreement that began with an offer: ours to that peer, or that peer's to us."""
    return await _find(session, peer_id, elsewhere, col(Agreement.offer_url) == offer_url)


async def find_by_agreement(
    session: AsyncSession, peer_id: UUID, agreement_url: str, elsewhere: Elsewhere
) -> Agreement | None:
    """Find an agreement with a peer by the address that its owner gave it."""
    return await _find(session, peer_id, elsewhere, col(Agreement.agreement_url) == agreement_url)


async def find_by_report(
    session: AsyncSession, peer_id: UUID, report_url: str, elsewhere: Elsewhere
) -> Agreement | None:
    """Find an agreement with a peer by the address of the work report on it."""
    return await _find(session, peer_id, elsewhere, col(Agreement.report_url) == report_url)


async def _find(
    session: AsyncSession, peer_id: UUID, elsewhere: Elsewhere, named: ColumnElement[bool]
) -> Agreement | None:
    statement = (
        select(Agreement)
        .join(Claim, col(Claim.id) == col(Agreement.claim_id))
        .where(Agreement.peer_id == peer_id, Claim.elsewhere == elsewhere, named)
    )
    return (await session.exec(statement)).first()
