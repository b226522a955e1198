"""Choosing another password: by the one before, or by a link for whoever forgot it."""

from datetime import datetime

from sqlalchemy import update
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from app.domain.access import Actor
from app.domain.activity.actions import record
from app.domain.identity import queries
from app.domain.identity.actions import check_password, check_password_again, end_sessions
from app.domain.identity.rules import RESET_LINK, RESET_LINK_LIFE
from app.domain.letters.actions import issue_link, open_link, revoke_links, use_link
from app.domain.letters.errors import mail_link_gone
from app.errors import NotFoundError
from app.infra import clock
from app.infra.passwords import hash_password
from app.models.identity import AccessToken, Account


async def change_password(
    session: AsyncSession, actor: Actor, passwords: tuple[str, str], minimum: int, tries: int
) -> None:
    """Change one's password from (current, new); every session ends, as does every token."""
    account = await queries.get_account(session, actor.require_session())
    current, new = passwords
    await check_password_again(session, account, current, tries)
    check_password(new, account.handle, minimum)
    await _set_password(session, account, new)


async def _set_password(session: AsyncSession, account: Account, password: str) -> None:
    """Every session and every token ends with the old password, and so does a way to reset it."""
    account.password_hash = await hash_password(password)
    await revoke_links(session, RESET_LINK, account.id)
    await end_sessions(session, account.id)
    await session.execute(
        update(AccessToken)
        .where(col(AccessToken.account_id) == account.id)
        .values(revoked_at=clock.now())
    )


async def offer_reset(session: AsyncSession, handle: str) -> tuple[str, datetime]:
    """Make a link to choose another password, and say until when it works (command line).

    It opens once; a newer one takes its place. It is on record, and its account is told: whoever
    has not asked for it finds out.
    """
    account = await queries.account_by_handle(session, handle)
    if account is None or account.silent or account.disabled_at is not None:
        raise NotFoundError("account_not_found")
    await revoke_links(session, RESET_LINK, account.id)
    token = await issue_link(session, RESET_LINK, account.id, RESET_LINK_LIFE)
    record(
        session,
        Actor(system=True),
        "account.password_link_made",
        account.id,
        tell=str(account.id),
    )
    return f"/password/{token}", clock.now() + RESET_LINK_LIFE


async def account_of_reset(session: AsyncSession, token: str) -> Account:
    """Return whose password a link is for, without using it up."""
    account = await queries.get_account(session, await open_link(session, RESET_LINK, token))
    if account.disabled_at is not None:
        raise mail_link_gone()
    return account


async def reset_password(session: AsyncSession, token: str, password: str, minimum: int) -> None:
    """Choose another password by a link, which is used up by it; a weak one leaves it as it is."""
    account = await account_of_reset(session, token)
    check_password(password, account.handle, minimum)
    await use_link(session, RESET_LINK, token)
    await _set_password(session, account, password)
    record(session, Actor(account_id=account.id), "account.password_reset", account.id)
