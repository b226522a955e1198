"""Reading asks. Stewards read by id, the asker by the link that was mailed."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, tuple_
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.domain.access import Actor, enforce
from app.domain.asks import errors
from app.domain.asks.policy import may_review
from app.domain.asks.rules import EDIT
from app.domain.letters.actions import open_link
from app.domain.letters.errors import mail_link_gone
from app.errors import ForbiddenError, InvalidError
from app.infra.pagination import Page, cut_page, decode_cursor, encode_cursor
from app.models.asks import Ask, AskHistory, AskNeed, AskState
from app.models.claims import Claim, ClaimState
from app.models.identity import Account
from app.models.needs import Need, NeedState


async def get_ask_for(session: AsyncSession, actor: Actor, ask_id: UUID) -> Ask:
    """Return a confirmed ask to a steward."""
    actor.signed_in()
    enforce(may_review(actor))
    ask = await session.get(Ask, ask_id)
    if ask is None or ask.state == AskState.UNCONFIRMED:
        raise errors.ask_not_found()
    return ask


async def lock_ask(session: AsyncSession, ask_id: UUID) -> Ask:
    """Return an ask, held until the end of the transaction."""
    ask = await session.get(Ask, ask_id, with_for_update=True, populate_existing=True)
    if ask is None:
        raise errors.ask_not_found()
    return ask


async def ask_of_link(session: AsyncSession, token: str) -> Ask:
    """Return the ask that a mailed link belongs to; one whose holder is blocked opens nothing."""
    ask = await session.get_one(Ask, await open_link(session, EDIT, token))
    holder = await _holder_account(session, ask)
    if holder is not None and holder.disabled_at is not None:
        raise mail_link_gone()
    return ask


async def ask_to_write(session: AsyncSession, token: str) -> Ask:
    """As `ask_of_link`, unless the stewards let its holder only read."""
    ask = await ask_of_link(session, token)
    holder = await _holder_account(session, ask)
    if holder is not None and holder.limited_at is not None:
        raise ForbiddenError("account_limited", reason=holder.standing_reason)
    return ask


async def is_askers_own(session: AsyncSession, ask: Ask, account_id: UUID) -> bool:
    """Say whether an account is known by the very address that the link was mailed to."""
    account = await session.get(Account, account_id)
    if account is None or account.email is None or ask.address is None:
        return False
    return account.email.casefold() == ask.address.casefold()


async def _holder_account(session: AsyncSession, ask: Ask) -> Account | None:
    return await session.get(Account, ask.holder_id) if ask.holder_id is not None else None


async def list_asks(
    session: AsyncSession, actor: Actor, state: AskState | None, limit: int, cursor: str | None
) -> Page[Ask]:
    """List to stewards what waits for them, oldest first; with a state, all asks in it."""
    actor.signed_in()
    enforce(may_review(actor))
    since = col(Ask.waiting_since if state is None else Ask.created_at)
    chosen = since.is_not(None) if state is None else col(Ask.state) == state
    statement = select(Ask).where(chosen, col(Ask.state) != AskState.UNCONFIRMED)
    if cursor is not None:
        statement = statement.where(tuple_(since, col(Ask.id)) > _after(cursor))
    rows = (await session.exec(statement.order_by(since, col(Ask.id)).limit(limit + 1))).all()

    def cursor_of(ask: Ask) -> str:
        at = ask.waiting_since if state is None and ask.waiting_since else ask.created_at
        return encode_cursor(at.isoformat(), ask.id)

    return cut_page(rows, limit, cursor_of)


def _after(cursor: str) -> tuple[datetime, UUID]:
    at, last = decode_cursor(cursor, 2)
    try:
        return datetime.fromisoformat(at or ""), UUID(last or "")
    except ValueError:
        raise InvalidError("cursor_invalid") from None


async def count_waiting(session: AsyncSession) -> int:
    """Count the asks that wait for a steward."""
    waits = col(Ask.waiting_since).is_not(None), col(Ask.state) != AskState.UNCONFIRMED
    return (await session.exec(select(func.count()).select_from(Ask).where(*waits))).one()


async def history_of(session: AsyncSession, ask_id: UUID) -> Sequence[AskHistory]:
    """Return what was done and said, oldest first."""
    statement = select(AskHistory).where(AskHistory.ask_id == ask_id).order_by(col(AskHistory.id))
    return (await session.exec(statement)).all()


async def needs_of(session: AsyncSession, ask_id: UUID) -> Sequence[Need]:
    """Return the needs that an ask became, the first one first."""
    statement = (
        select(Need)
        .where(col(Need.id) == AskNeed.need_id, AskNeed.ask_id == ask_id)
        .order_by(col(Need.created_at), col(Need.id))
    )
    return (await session.exec(statement)).all()


async def confirmed_claims(session: AsyncSession, ask_id: UUID) -> Sequence[Claim]:
    """Return the claims on an ask's needs whose work was confirmed."""
    statement = (
        select(Claim)
        .where(
            col(Claim.need_id) == AskNeed.need_id,
            AskNeed.ask_id == ask_id,
            Claim.state == ClaimState.CONFIRMED,
        )
        .order_by(col(Claim.id))
    )
    return (await session.exec(statement)).all()


async def ask_of_need(session: AsyncSession, need_id: UUID) -> Ask | None:
    """Return the ask that a need came from, if it came from one."""
    statement = select(Ask).where(Ask.id == AskNeed.ask_id, AskNeed.need_id == need_id)
    return (await session.exec(statement)).first()


async def needs_in_review(session: AsyncSession, limit: int) -> Sequence[Need]:
    """Return members' own needs that wait for a steward, oldest first."""
    statement = (
        select(Need)
        .where(col(Need.state) == NeedState.REVIEW, col(Need.organisation_id).is_not(None))
        .order_by(col(Need.updated_at), col(Need.id))
        .limit(limit)
    )
    return (await session.exec(statement)).all()
