"""What people without an account do: ask, confirm by mail, answer, change, take back, thank.

Nothing that is only sent reaches anybody: what counts is the mailed link. Whether an address is
known here is told to nobody, because the answer is the same for every address.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.domain.access import ANONYMOUS, Actor, enforce
from app.domain.activity.actions import record
from app.domain.asks import errors, queries
from app.domain.asks.policy import holder_of, may_change_text
from app.domain.asks.rules import (
    CONFIRM,
    CONFIRM_WITHIN,
    EDIT,
    EDIT_FOR,
    ENDED,
    PER_ADDRESS_A_DAY,
    PER_NETWORK_A_DAY,
    TRANSITIONS,
    counted_name,
    secrets_in,
)
from app.domain.identity import actions as identity
from app.domain.letters.actions import issue_link, revoke_links, use_link, write_letter
from app.domain.letters.rules import Draft
from app.domain.needs import actions as needs
from app.domain.needs.rules import TRANSITIONS as NEED_TRANSITIONS
from app.domain.threads import actions as threads
from app.infra import clock, ids
from app.models.asks import (
    Ask,
    AskChanges,
    AskCount,
    AskDay,
    AskDeed,
    AskFields,
    AskHistory,
    AskSide,
    AskState,
)
from app.models.identity import AccountFields
from app.models.needs import NeedState
from app.models.threads import ThreadSide, ThreadSubject


@dataclass(frozen=True)
class Sender:
    """Where an ask comes from, and whether what was found in its text may stay."""

    origin: str
    network: str | None = None
    keep_secrets: bool = False


async def day_key(session: AsyncSession) -> bytes:
    """Return today's secret, made by whoever asks first today."""
    today = clock.today()
    made = insert(AskDay).values(day=today, key=secrets.token_bytes(32))
    await session.execute(made.on_conflict_do_nothing())
    return (await session.exec(select(AskDay.key).where(AskDay.day == today))).one()


async def submit_ask(session: AsyncSession, fields: AskFields, sender: Sender) -> None:
    """Keep an ask until its mailed link is opened; answers nothing, whatever the address."""
    if not sender.keep_secrets and (found := secrets_in(fields)):
        raise errors.ask_holds_secrets(found)
    key = await day_key(session)
    network = sender.network
    if network and await count_today(session, key, "network", network) > PER_NETWORK_A_DAY:
        raise errors.ask_limited()
    # Not refused: the answer would tell that somebody asked with this address before.
    if await count_today(session, key, "mail", fields.address.casefold()) > PER_ADDRESS_A_DAY:
        return
    ask = Ask(id=ids.private_id(), **fields.model_dump())
    session.add(ask)
    token = await issue_link(session, CONFIRM, ask.id, CONFIRM_WITHIN)
    link = f"{sender.origin}/ask/confirm/{token}"
    await _write(session, ask, "ask.confirm", {"link": link, "days": CONFIRM_WITHIN.days})


async def count_today(session: AsyncSession, key: bytes, kind: str, value: str) -> int:
    """Count something once more today, under a name that only today's secret makes."""
    row = insert(AskCount).values(name=counted_name(key, kind, value), day=clock.today(), count=1)
    counted = row.on_conflict_do_update(
        index_elements=["name"], set_={"count": col(AskCount.count) + 1}
    ).returning(col(AskCount.count))
    return int((await session.execute(counted)).scalar_one())


async def confirm_ask(
    session: AsyncSession, token: str, origin: str, request_id: str | None = None
) -> str:
    """Put an ask before the stewards, and return the token by which its asker follows it."""
    ask = await queries.lock_ask(session, await use_link(session, CONFIRM, token))
    ask.confirmed_at = clock.now()
    _move(ask, AskState.WAITING)
    ask.waiting_since = clock.now()
    add_history(session, ask, by_asker(request_id), AskDeed.CONFIRMED)
    record(session, ANONYMOUS, "ask.confirmed", ask.id)
    return await write_with_link(session, ask, "ask.received", origin)


async def change_ask(
    session: AsyncSession, ask: Ask, changes: AskChanges, version: int, *, keep_secrets: bool
) -> None:
    """Say it in other words, as long as it is no need yet."""
    ask = await queries.lock_ask(session, ask.id)
    enforce(may_change_text(ask))
    if ask.version != version:
        raise errors.stale(ask.version)
    if not keep_secrets and (found := secrets_in(changes)):
        raise errors.ask_holds_secrets(found)
    for name, value in changes.model_dump().items():
        setattr(ask, name, value)
    ask.version += 1
    add_history(session, ask, by_asker(), AskDeed.CHANGED)
    record(session, ANONYMOUS, "ask.changed", ask.id)


async def answer_question(session: AsyncSession, ask: Ask, text: str) -> None:
    """Answer what the stewards asked back; the ask takes its old place in the queue."""
    ask = await queries.lock_ask(session, ask.id)
    _move(ask, AskState.WAITING)
    ask.waiting_since = ask.confirmed_at
    add_history(session, ask, by_asker(), AskDeed.ANSWERED, text)
    record(session, ANONYMOUS, "ask.answered", ask.id)


async def suggest_change(session: AsyncSession, ask: Ask, text: str) -> None:
    """Say what should be different in what is published; a steward looks at it."""
    ask = await queries.lock_ask(session, ask.id)
    if ask.state != AskState.PUBLISHED:
        raise errors.ask_closed()
    add_history(session, ask, by_asker(), AskDeed.SUGGESTED, text)
    ask.waiting_since = ask.waiting_since or clock.now()
    record(session, ANONYMOUS, "ask.suggested", ask.id)


async def withdraw_ask(
    session: AsyncSession, ask: Ask, reason: str, request_id: str | None = None
) -> None:
    """Take an ask back, and the needs it became; a need under somebody's hands stays."""
    ask = await queries.lock_ask(session, ask.id)
    await _close_needs(session, ask, NeedState.WITHDRAWN, reason, request_id)
    _move(ask, AskState.WITHDRAWN)
    add_history(session, ask, by_asker(request_id), AskDeed.WITHDRAWN, reason)
    record(session, ANONYMOUS, "ask.withdrawn", ask.id)


async def finish_ask(
    session: AsyncSession, ask: Ask, thanks: str, request_id: str | None = None
) -> None:
    """Say that it is done, and thank."""
    ask = await queries.lock_ask(session, ask.id)
    await _close_needs(session, ask, NeedState.DONE, thanks, request_id)
    _move(ask, AskState.DONE)
    add_history(session, ask, by_asker(request_id), AskDeed.DONE)
    add_history(session, ask, by_asker(request_id), AskDeed.THANKED, thanks)
    await _thank(session, ask, thanks, request_id)


async def _thank(session: AsyncSession, ask: Ask, thanks: str, request_id: str | None) -> None:
    """Say it to everybody whose work was confirmed, where they read it: in their claim's thread."""
    holder = holder_of(ask, request_id)
    if holder is None:
        return
    for claim in await queries.confirmed_claims(session, ask.id):
        thread = (ThreadSubject.CLAIM, claim.id)
        await threads.add_message(session, holder, thread, ThreadSide.ORGANISATION, thanks)
        record(
            session, holder, "ask.thanked", ask.id,
            claim_id=str(claim.id), need_id=str(claim.need_id), tell=[str(claim.account_id)],
        )  # fmt: skip


async def _close_needs(
    session: AsyncSession, ask: Ask, to: NeedState, reason: str, request_id: str | None
) -> None:
    if ask.state != AskState.PUBLISHED:
        return
    holder = holder_of(ask, request_id)
    if holder is None:
        raise errors.ask_not_yours()
    for need in await queries.needs_of(session, ask.id):
        if to in NEED_TRANSITIONS[need.state]:
            await needs.move_need(session, holder, need.id, to, reason)


async def renew_link(
    session: AsyncSession, ask: Ask, origin: str, who: "Doer | None" = None
) -> None:
    """Make every link to an ask open nothing any more, and mail a new one."""
    ask = await queries.lock_ask(session, ask.id)
    await revoke_links(session, EDIT, ask.id)
    add_history(session, ask, who or by_asker(), AskDeed.LINK_SENT)
    await write_with_link(session, ask, "ask.link", origin)


async def make_account(
    session: AsyncSession, ask: Ask, fields: AccountFields, password: str, minimum: int
) -> UUID:
    """Turn the link into an account: what was done stays done by the same one."""
    ask = await queries.lock_ask(session, ask.id)
    holder = holder_of(ask, None)
    if holder is None:
        raise errors.ask_not_yours()
    mailed = fields.model_copy(update={"email": ask.address})
    account_id = holder.signed_in()
    await identity.take_over(session, account_id, mailed, password, minimum)
    # From here on the person signs in; whoever finds an old letter finds nothing.
    await revoke_links(session, EDIT, ask.id)
    ask.holder_id = None
    add_history(session, ask, by_asker(), AskDeed.ACCOUNT_MADE)
    return account_id


@dataclass(frozen=True)
class Doer:
    """Who does something with an ask: the asker by their link, or a steward."""

    side: AskSide
    account_id: UUID | None = None
    request_id: str | None = None


def by_asker(request_id: str | None = None) -> Doer:
    """Return the asker, who has no account."""
    return Doer(AskSide.ASKER, None, request_id)


def by_steward(actor: Actor) -> Doer:
    """Return a steward at work."""
    return Doer(AskSide.STEWARD, actor.account_id, actor.request_id)


def add_history(session: AsyncSession, ask: Ask, who: Doer, deed: AskDeed, text: str = "") -> None:
    """Write down who did what."""
    session.add(
        AskHistory(
            ask_id=ask.id,
            account_id=who.account_id,
            side=who.side,
            deed=deed,
            text=text,
            request_id=who.request_id,
        )
    )


def _move(ask: Ask, to: AskState) -> None:
    """Move an ask as the table allows; whatever was owed is settled by the move."""
    if to not in TRANSITIONS[ask.state]:
        raise errors.ask_closed()
    ask.state = to
    ask.version += 1
    ask.waiting_since = None
    if to in ENDED:
        ask.ended_at = clock.now()


move_ask = _move


async def write_with_link(
    session: AsyncSession,
    ask: Ask,
    template: str,
    origin: str,
    values: Mapping[str, Any] | None = None,
    key: str = "",
) -> str:
    """Write to an ask's asker, with a link of its own to follow the ask; return its secret.

    A second letter of the same key is none.
    """
    token = await issue_link(session, EDIT, ask.id, EDIT_FOR)
    link = f"{origin}/ask/mine/{token}"
    await _write(session, ask, template, {**(values or {}), "link": link}, key)
    return token


async def _write(
    session: AsyncSession, ask: Ask, template: str, values: dict[str, Any], key: str = ""
) -> None:
    if ask.address is None:
        return
    said = {"organisation": ask.organisation_name, **values}
    letter = Draft(
        address=ask.address,
        template=template,
        values=said,
        language=ask.language,
        list_name="asks",
        key=f"ask:{ask.id}:{key or ids.private_id()}",
    )
    await write_letter(session, letter)
