"""Receipts are issued, received, shown, replaced and taken back; they are never altered."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from app.domain.access import SYSTEM, Actor
from app.domain.activity.actions import record
from app.domain.receipts import errors, queries
from app.domain.receipts.rules import Signed
from app.infra import clock, ids
from app.models.receipts import Receipt, ReceiptCode, ReceiptSource, ReceiptState

CODE_LIVES = timedelta(hours=24)


@dataclass(frozen=True)
class Work:
    """Confirmed work as its receipt says it, and who may have the receipt."""

    claim_id: UUID
    need_id: UUID
    organisation_id: UUID | None
    organisation: str
    minutes: int
    stream: str
    worked_on: date
    # The worker, here; or their id at a peer, the peer, and the agreement with it.
    account_id: UUID | None = None
    subject: str | None = None
    peer_id: UUID | None = None
    agreement: str = ""


@dataclass(frozen=True)
class Party:
    """Whom a receipt that came in is about."""

    account_id: UUID
    peer_id: UUID | None = None
    agreement: str = ""
    claim_id: UUID | None = None


# Makes and signs the document; given what it replaces and the opaque id that it keeps.
Write = Callable[[Work, Receipt | None], Signed]


async def settle(
    session: AsyncSession, claim_id: UUID, work: Work | None, write: Write
) -> Receipt | None:
    """Bring the receipt of a locked claim in line with what is confirmed; answers what changed.

    The same minutes leave the receipt as it is, other minutes replace it, none take it back.
    """
    issued = await queries.receipts_of_claim(session, claim_id)
    standing = next((each for each in issued if each.state == ReceiptState.VALID), None)
    if work is None:
        return _revoke(session, standing) if standing else None
    if standing is not None and standing.minutes == work.minutes:
        return None
    return await _issue(session, work, write, issued[-1] if issued else None)


async def _issue(
    session: AsyncSession, work: Work, write: Write, before: Receipt | None
) -> Receipt:
    signed = write(work, before)
    if before is not None:
        # One that was taken back stays so: it was not true, and this one is.
        if before.state == ReceiptState.VALID:
            before.state = ReceiptState.REPLACED
        before.replaced_by = signed.url
        await session.flush()  # a claim has one valid receipt at any moment
    receipt = _row(signed, ReceiptSource.ISSUED)
    receipt.id = UUID(signed.url.rpartition("/")[2])
    receipt.account_id, receipt.peer_id = work.account_id, work.peer_id
    receipt.claim_id, receipt.organisation_id = work.claim_id, work.organisation_id
    receipt.agreement = work.agreement
    session.add(receipt)
    await session.flush()
    if work.account_id is not None:
        verb = "receipt.replaced" if before is not None else "receipt.issued"
        _tell(session, verb, receipt, work.account_id)
    return receipt


def _revoke(session: AsyncSession, receipt: Receipt) -> Receipt:
    receipt.state = ReceiptState.REVOKED
    if receipt.account_id is not None:
        _tell(session, "receipt.revoked", receipt, receipt.account_id)
    return receipt


async def receive(session: AsyncSession, signed: Signed, party: Party) -> Receipt | None:
    """Keep a verified receipt that a peer sent about an agreement with us; None if we had it.

    The claim is its one account's, and what was taken back stays so whatever comes again.
    """
    known = await queries.receipt_by_url(session, signed.url)
    if known is not None:
        if known.document != signed.document:
            raise errors.receipt_id_reuse()
        return None
    receipt = _row(signed, ReceiptSource.RECEIVED)
    receipt.account_id, receipt.peer_id = party.account_id, party.peer_id
    receipt.claim_id, receipt.agreement = party.claim_id, party.agreement
    await _chain(session, receipt, party.account_id)
    session.add(receipt)
    await session.flush()
    verb = "receipt.replaced" if receipt.replaces else "receipt.received"
    _tell(session, verb, receipt, party.account_id)
    return receipt


async def withdraw(session: AsyncSession, url: str, peer_id: UUID) -> Receipt | None:
    """Mark a receipt that the peer who sent it no longer stands by; None if that is no news."""
    receipt = await queries.receipt_by_url(session, url)
    if receipt is None or receipt.source != ReceiptSource.RECEIVED or receipt.peer_id != peer_id:
        return None
    if receipt.state == ReceiptState.REVOKED:
        return None
    _revoke(session, receipt)
    return receipt


async def show(
    session: AsyncSession, actor: Actor, signed: Signed, *, proven: bool
) -> tuple[Receipt, bool]:
    """Keep a verified receipt that somebody brought; answers it and whether it was new here.

    It is marked as proven only when the instance that gave its subject said that it is theirs.
    """
    account_id = actor.require_session()
    known = await queries.held_by(session, account_id, signed.url)
    if known is not None:
        if known.document != signed.document:
            raise errors.receipt_id_reuse()
        if proven and known.source == ReceiptSource.SHOWN and known.proven_at is None:
            known.proven_at = clock.now()
        return known, False
    receipt = _row(signed, ReceiptSource.SHOWN)
    receipt.account_id = account_id
    receipt.proven_at = clock.now() if proven else None
    await _chain(session, receipt, account_id)
    session.add(receipt)
    await session.flush()
    record(session, actor, "receipt.shown", receipt.id)
    return receipt, True


async def forget(session: AsyncSession, actor: Actor, receipt_id: UUID) -> None:
    """Take back a receipt that one has shown; those from here and from peers stay."""
    account_id = actor.require_session()
    receipt = await session.get(Receipt, receipt_id)
    if receipt is None or receipt.account_id != account_id:
        raise errors.receipt_not_found()
    if receipt.source != ReceiptSource.SHOWN or await queries.stands_in_book(session, receipt.id):
        raise errors.receipt_stays()
    await session.delete(receipt)


async def give_code(session: AsyncSession, actor: Actor) -> ReceiptCode:
    """Give somebody a one-time code to carry to their other instance."""
    code = ReceiptCode(
        code=ids.secret_token(),
        account_id=actor.require_session(),
        expires_at=clock.now() + CODE_LIVES,
    )
    session.add(code)
    return code


async def use_code(session: AsyncSession, actor: Actor, code: str) -> None:
    """Use a code up: what came with it is this person's."""
    found = await queries.code_of(session, actor, code, clock.now())
    found.used_at = clock.now()


async def _chain(session: AsyncSession, receipt: Receipt, account_id: UUID) -> None:
    """Mark what a receipt replaces, and itself when what replaces it came first."""
    before = (
        await queries.held_by(session, account_id, receipt.replaces) if receipt.replaces else None
    )
    if before is not None and before.issuer == receipt.issuer:
        before.replaced_by = receipt.url
        if before.state == ReceiptState.VALID:
            before.state = ReceiptState.REPLACED
    after = await queries.successor_of(session, account_id, receipt.url)
    if after is not None and after.issuer == receipt.issuer:
        receipt.state, receipt.replaced_by = ReceiptState.REPLACED, after.url


def _row(signed: Signed, source: ReceiptSource) -> Receipt:
    return Receipt(
        id=ids.private_id(),
        url=signed.url,
        issuer=signed.issuer,
        key_id=signed.key_id,
        public_key=signed.public_key,
        document=signed.document,
        subject=signed.subject,
        agreement=signed.agreement,
        minutes=signed.minutes,
        issued_at=signed.issued_at,
        replaces=signed.replaces,
        source=source,
    )


def _tell(session: AsyncSession, verb: str, receipt: Receipt, account_id: UUID) -> None:
    record(
        session,
        SYSTEM,
        verb,
        receipt.id,
        receipt_id=str(receipt.id),
        claim_id=str(receipt.claim_id) if receipt.claim_id else None,
        tell=[str(account_id)],
    )
