"""Where both lanes of a peer stand: epochs, and what each side says that the other should hold."""

import secrets
from dataclasses import replace
from uuid import UUID

from sqlalchemy import update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.federation.peers.identity import Identity
from app.federation.rules import EpochStep, Holding, Tally, epoch_step, with_past
from app.models.federation import PeerInbox, PeerOutbox, PeerTally


def new_epoch_name() -> str:
    """Make a name for an epoch that nobody has used."""
    return f"e-{secrets.token_hex(6)}"


def epoch_of(outbox: PeerOutbox, ours: Identity) -> str:
    """Return the epoch in which we count for a peer, and keep it: keys may change, it does not."""
    outbox.epoch = outbox.epoch or ours.epoch
    return outbox.epoch


async def as_counted(session: AsyncSession, ours: Identity, peer_id: UUID) -> Identity:
    """Return who we are with the epoch in which we count for a peer."""
    outbox = await session.get(PeerOutbox, peer_id)
    return ours if outbox is None else replace(ours, epoch=epoch_of(outbox, ours))


def our_tally(outbox: PeerOutbox, epoch: str = "") -> Tally:
    """Say what a peer should hold of us once it has all our messages."""
    return Tally(outbox.last_seq, Holding(outbox.held_count, outbox.held_digest), epoch)


async def note_tally(session: AsyncSession, peer_id: UUID, tally: Tally | None, epoch: str) -> None:
    """Keep what a peer says that we should hold; it is compared when its messages are applied."""
    if tally is None:
        return
    said = {
        "epoch": tally.epoch or epoch,
        "seq": tally.seq,
        "count": tally.holding.count,
        "digest": tally.holding.digest,
    }
    await session.execute(
        insert(PeerTally)
        .values(peer_id=peer_id, **said)
        .on_conflict_do_update(index_elements=["peer_id"], set_=said)
    )


async def ask_for_news(session: AsyncSession, peer_id: UUID) -> None:
    """Let the worker read a peer's log."""
    await session.execute(
        update(PeerInbox)
        .where(col(PeerInbox.peer_id) == peer_id, ~col(PeerInbox.news_due))
        .values(news_due=True)
    )


async def take_up_epoch(session: AsyncSession, peer_id: UUID, epoch: str) -> None:
    """Count a peer's sequence from the beginning when it was installed or restored anew.

    Not for an epoch that has ended: that is a message which was long on its way.
    """
    standing = select(PeerInbox.epoch, PeerInbox.past_epochs).where(PeerInbox.peer_id == peer_id)
    found = (await session.exec(standing)).first()
    if found is None or epoch_step(*found, epoch) is not EpochStep.NEW:
        return
    lane = (
        await session.exec(
            select(PeerInbox)
            .where(PeerInbox.peer_id == peer_id)
            .with_for_update()
            .execution_options(populate_existing=True)
        )
    ).one()
    if epoch_step(lane.epoch, lane.past_epochs, epoch) is EpochStep.NEW:
        # What we hold was said in another epoch: only its whole manifest can tell what still is.
        counted = lane.epoch != ""
        lane.manifest_due, lane.news_due = lane.manifest_due or counted, lane.news_due or counted
        lane.past_epochs = with_past(lane.past_epochs, lane.epoch)
        lane.epoch, lane.applied_seq, lane.mismatches = epoch, 0, 0
        session.add(lane)
        await session.flush()
