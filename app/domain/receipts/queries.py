"""Reading receipts. `get_receipt_for` is the only door to one for people."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import tuple_
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.domain.access import Actor, Scope
from app.domain.organisations.queries import membership
from app.domain.receipts import errors
from app.domain.receipts.policy import may_read
from app.errors import InvalidError
from app.infra.pagination import Page, cut_page, decode_cursor, encode_cursor
from app.models.ledger import Entry
from app.models.receipts import Receipt, ReceiptCode, ReceiptSource, ReceiptState

EXPORT_MAX = 1_000


async def get_receipt_for(session: AsyncSession, actor: Actor, receipt_id: UUID) -> Receipt:
    """Return a receipt to its worker or to members of who confirmed; others learn nothing."""
    receipt = await session.get(Receipt, receipt_id)
    if receipt is None:
        raise errors.receipt_not_found()
    own = None
    if receipt.organisation_id is not None:
        own = await membership(session, receipt.organisation_id, actor.account_id)
    if not may_read(actor, receipt, own):
        raise errors.receipt_not_found()
    actor.require(Scope.LEDGER_READ)
    return receipt


async def receipts_of(
    session: AsyncSession, actor: Actor, limit: int, cursor: str | None
) -> Page[Receipt]:
    """List one's own receipts, newest first: those from here, from peers, and those one brought."""
    account_id = actor.require(Scope.LEDGER_READ)
    statement = select(Receipt).where(Receipt.account_id == account_id)
    if cursor is not None:
        try:
            issued, made, last = decode_cursor(cursor, 3)
            place = (
                datetime.fromisoformat(issued or ""),
                datetime.fromisoformat(made or ""),
                UUID(last or ""),
            )
        except ValueError:
            raise InvalidError("cursor_invalid") from None
        statement = statement.where(
            tuple_(col(Receipt.issued_at), col(Receipt.created_at), col(Receipt.id))
            < tuple_(*place)
        )
    # A receipt says its moment to the second, and two of one claim may fall within it.
    statement = statement.order_by(
        col(Receipt.issued_at).desc(), col(Receipt.created_at).desc(), col(Receipt.id).desc()
    )
    rows = (await session.exec(statement.limit(limit + 1))).all()
    return cut_page(
        rows,
        limit,
        lambda row: encode_cursor(row.issued_at.isoformat(), row.created_at.isoformat(), row.id),
    )


async def own_receipts(session: AsyncSession, actor: Actor, origin: str) -> Sequence[Receipt]:
    """Return what one may take along: valid receipts about ids that this instance gave one."""
    statement = (
        select(Receipt)
        .where(
            Receipt.account_id == actor.require(Scope.LEDGER_READ),
            Receipt.state == ReceiptState.VALID,
            Receipt.source != ReceiptSource.SHOWN,
            col(Receipt.subject).startswith(f"{origin}/", autoescape=True),
        )
        .order_by(col(Receipt.issued_at), col(Receipt.created_at), col(Receipt.id))
        .limit(EXPORT_MAX)
    )
    return (await session.exec(statement)).all()


async def receipt_by_url(session: AsyncSession, url: str) -> Receipt | None:
    """Find what we issued or a peer sent us under an address."""
    statement = select(Receipt).where(Receipt.url == url, Receipt.source != ReceiptSource.SHOWN)
    return (await session.exec(statement)).first()


async def held_by(session: AsyncSession, account_id: UUID, url: str) -> Receipt | None:
    """Find a receipt among somebody's own, however it came."""
    statement = select(Receipt).where(Receipt.url == url, Receipt.account_id == account_id)
    return (await session.exec(statement)).first()


async def successor_of(session: AsyncSession, account_id: UUID, url: str) -> Receipt | None:
    """Find what somebody holds in place of a receipt: files may come in any order."""
    statement = select(Receipt).where(
        Receipt.replaces == url,
        Receipt.account_id == account_id,
    )
    return (await session.exec(statement)).first()


async def receipts_of_claim(session: AsyncSession, claim_id: UUID) -> Sequence[Receipt]:
    """Return the receipts that we issued for a claim, oldest first."""
    statement = (
        select(Receipt)
        .where(Receipt.claim_id == claim_id, Receipt.source == ReceiptSource.ISSUED)
        .order_by(col(Receipt.created_at), col(Receipt.id))
    )
    return (await session.exec(statement)).all()


async def receipts_of_peer(session: AsyncSession, peer_id: UUID) -> Sequence[Receipt]:
    """Return the receipts that we issued to a peer and that no other has replaced, oldest first."""
    statement = (
        select(Receipt)
        .where(
            Receipt.peer_id == peer_id,
            Receipt.source == ReceiptSource.ISSUED,
            Receipt.state != ReceiptState.REPLACED,
        )
        .order_by(col(Receipt.created_at), col(Receipt.id))
    )
    return (await session.exec(statement)).all()


async def stands_in_book(session: AsyncSession, receipt_id: UUID) -> bool:
    """Say whether an entry of some book stands on a receipt: then it is its proof."""
    statement = select(Entry.id).where(col(Entry.receipt_id) == receipt_id).limit(1)
    return (await session.exec(statement)).first() is not None


async def code_of(session: AsyncSession, actor: Actor, code: str, now: datetime) -> ReceiptCode:
    """Return a one-time code that we gave to this person and that is still good, locked."""
    found = await session.get(ReceiptCode, code, with_for_update=True, populate_existing=True)
    usable = found is not None and found.used_at is None and found.expires_at > now
    if found is None or not usable or found.account_id != actor.account_id:
        raise errors.receipt_code_invalid()
    return found


async def account_of_subject(session: AsyncSession, subject: str) -> UUID | None:
    """Return whose opaque id this is, if it is one that was given out here."""
    statement = (
        select(Receipt.account_id)
        .where(Receipt.subject == subject, Receipt.source != ReceiptSource.SHOWN)
        .limit(1)
    )
    return (await session.exec(statement)).first()
