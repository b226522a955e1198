"""Keeping a need with one tap on a mailed link, without signing in."""

from datetime import timedelta
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from app.domain.access import SYSTEM
from app.domain.letters.actions import issue_link, open_link, revoke_links, use_link
from app.domain.needs.actions import renew_need
from app.domain.needs.queries import get_need_for
from app.models.needs import Need

RENEWAL_LINK = "need.renewal"
RENEWAL_LINK_LIFETIME = timedelta(days=50)


async def renewal_link(session: AsyncSession, need_id: UUID) -> str:
    """Return the path of a page on which "still needed" needs no sign-in, once.

    For letters to the members of the need's organisation, and for nobody else.
    """
    return f"/renew/{await issue_link(session, RENEWAL_LINK, need_id, RENEWAL_LINK_LIFETIME)}"


async def need_of_link(session: AsyncSession, token: str) -> Need:
    """Return what a mailed link is about, without using it up."""
    need_id = await open_link(session, RENEWAL_LINK, token)
    return await get_need_for(session, SYSTEM, need_id)


async def renew_by_link(session: AsyncSession, token: str) -> Need:
    """Count the tap on a mailed link; the other links of the same need go with it."""
    need_id = await use_link(session, RENEWAL_LINK, token)
    need = await renew_need(session, SYSTEM, need_id)
    await revoke_links(session, RENEWAL_LINK, need_id)
    return need
