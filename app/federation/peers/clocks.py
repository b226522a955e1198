"""Clocks that differ: noted for stewards, forgotten as soon as they agree, survived when set."""

from datetime import timedelta
from email.utils import parsedate_to_datetime
from uuid import UUID

from sqlalchemy import or_, update
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from app.infra import clock
from app.models.federation import PeerInbox, PeerOutbox

OFFSET_MAX = timedelta(days=365 * 50)
# A lane that waits beyond this was told to before the clock was set back.
SLACK = timedelta(minutes=2)
PULL_PAUSE_MAX = timedelta(hours=1)


def ahead_of_us(date_header: str) -> timedelta | None:
    """Say how far a clock is ahead of ours, by the Date of its answer."""
    try:
        said = parsedate_to_datetime(date_header)
        ahead = said - clock.now()
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return ahead if abs(ahead) < OFFSET_MAX else None


def minutes_apart(outbox: PeerOutbox | None, inbox: PeerInbox | None) -> int | None:
    """Say by how many minutes a peer's clock and ours differ, while messages fail for it."""
    told = outbox.clock_offset_seconds if outbox is not None else None
    seen = inbox.clock_offset_seconds if inbox is not None else None
    offset = told if told is not None else seen
    return None if offset is None else max(round(abs(offset) / 60), 1)


async def trouble_with_clock(session: AsyncSession, peer_id: UUID, ahead: timedelta) -> None:
    """Note that we refuse a peer's messages for its clock; a message that holds clears it."""
    seconds = round(max(min(ahead, OFFSET_MAX), -OFFSET_MAX).total_seconds())
    await session.execute(
        update(PeerInbox)
        .where(col(PeerInbox.peer_id) == peer_id)
        .values(clock_offset_seconds=seconds)
    )


async def heal_lanes(session: AsyncSession) -> None:
    """Let lanes go on that wait for a time that is far off only since our clock was set back.

    What has failed in the future tells: then everything that was planned from it is void.
    """
    now = clock.now()
    await session.execute(
        update(PeerOutbox)
        .where(
            or_(
                col(PeerOutbox.last_failure_at) > now + SLACK,
                col(PeerOutbox.last_success_at) > now + SLACK,
                col(PeerOutbox.leased_until) > now + SLACK,
            )
        )
        .values(
            next_attempt_at=now,
            leased_until=now,
            last_failure_at=None,
            last_success_at=None,
            nudged_at=None,
        )
    )
    await session.execute(
        update(PeerInbox)
        .where(
            or_(
                col(PeerInbox.pull_after) > now + PULL_PAUSE_MAX + SLACK,
                col(PeerInbox.last_message_at) > now + SLACK,
            )
        )
        .values(pull_after=now, last_message_at=None)
    )
