"""What stewards do with asks: ask back, decline kindly, merge, and make needs of them.

And what the clock does: what was never confirmed is deleted, what is over forgets whom it
came from.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import delete, exists, update
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.domain.access import Actor
from app.domain.activity.actions import record
from app.domain.asks import errors, queries
from app.domain.asks.actions import (
    add_history,
    by_steward,
    move_ask,
    renew_link,
    write_with_link,
)
from app.domain.asks.policy import holder_of
from app.domain.asks.rules import CONFIRM, CONFIRM_WITHIN, EDIT, ERASED_AFTER, TEXT_OPEN
from app.domain.identity import actions as identity
from app.domain.letters.actions import revoke_links
from app.domain.needs import actions as needs
from app.domain.organisations import actions as organisations
from app.domain.organisations.queries import get_organisation
from app.domain.threads.queries import first_unread
from app.errors import reason_required
from app.infra import clock
from app.models.asks import Ask, AskCount, AskDay, AskDeed, AskHistory, AskNeed, AskState
from app.models.claims import Claim
from app.models.letters import Letter
from app.models.needs import Need, NeedFields, NeedState
from app.models.organisations import Organisation, OrganisationFields, OrganisationState
from app.models.threads import ThreadSubject

# A need in one of these asks nobody for anything any more.
OVER = (NeedState.DONE, NeedState.ARCHIVED, NeedState.WITHDRAWN)
# Which of a claim's moves the asker is written about, and how.
TOLD = {
    "claim.applied": "ask.offered",
    "claim.submitted": "ask.worked",
    "claim.message_posted": "ask.message",
}


async def _lock_for(session: AsyncSession, actor: Actor, ask_id: UUID, version: int) -> Ask:
    await queries.get_ask_for(session, actor, ask_id)
    ask = await queries.lock_ask(session, ask_id)
    if ask.version != version:
        raise errors.stale(ask.version)
    return ask


async def ask_back(
    session: AsyncSession, actor: Actor, ask_id: UUID, version: int, question: str, origin: str
) -> Ask:
    """Ask the asker something, by mail, with a link to answer."""
    ask = await _lock_for(session, actor, ask_id, version)
    _require(question)
    if ask.state not in TEXT_OPEN:
        raise errors.ask_closed()
    if ask.state == AskState.WAITING:
        move_ask(ask, AskState.ASKED)
    add_history(session, ask, by_steward(actor), AskDeed.QUESTIONED, question)
    record(session, actor, "ask.questioned", ask.id)
    await write_with_link(session, ask, "ask.question", origin, {"question": question})
    return ask


async def decline_ask(
    session: AsyncSession, actor: Actor, ask_id: UUID, version: int, reason: str, origin: str
) -> Ask:
    """Say no, with a reason that the asker reads."""
    ask = await _lock_for(session, actor, ask_id, version)
    _require(reason)
    move_ask(ask, AskState.DECLINED)
    add_history(session, ask, by_steward(actor), AskDeed.DECLINED, reason)
    record(session, actor, "ask.declined", ask.id)
    await write_with_link(session, ask, "ask.declined", origin, {"reason": reason})
    return ask


async def merge_ask(
    session: AsyncSession, actor: Actor, ask_id: UUID, version: int, into: UUID, origin: str
) -> Ask:
    """Let one ask go on in another one of the same people."""
    ask = await _lock_for(session, actor, ask_id, version)
    other = await session.get(Ask, into)
    if (
        other is None
        or other.id == ask.id
        or other.state in {AskState.UNCONFIRMED, AskState.MERGED}
    ):
        raise errors.nothing_to_merge_into()
    move_ask(ask, AskState.MERGED)
    ask.merged_into = other.id
    add_history(session, ask, by_steward(actor), AskDeed.MERGED)
    add_history(session, other, by_steward(actor), AskDeed.MERGED, ask.stuck)
    record(session, actor, "ask.merged", ask.id, into=str(into))
    await write_with_link(session, ask, "ask.changed", origin)
    return ask


async def settle_ask(session: AsyncSession, actor: Actor, ask_id: UUID, version: int) -> Ask:
    """Say that what was suggested for a published ask has been looked at."""
    ask = await _lock_for(session, actor, ask_id, version)
    if ask.state != AskState.PUBLISHED:
        raise errors.ask_closed()
    ask.waiting_since = None
    ask.version += 1
    add_history(session, ask, by_steward(actor), AskDeed.SETTLED)
    return ask


async def send_link(session: AsyncSession, actor: Actor, ask_id: UUID, origin: str) -> None:
    """Mail the asker a new link; those before it open nothing any more."""
    ask = await queries.get_ask_for(session, actor, ask_id)
    await renew_link(session, ask, origin, by_steward(actor))


@dataclass(frozen=True)
class Publication:
    """What becomes of an ask: one need or several, of an organisation here or the asker's own."""

    needs: Sequence[NeedFields]
    organisation_id: UUID | None = None


async def publish_ask(
    session: AsyncSession,
    actor: Actor,
    ask_id: UUID,
    version: int,
    wanted: Publication,
    origin: str,
) -> tuple[Ask, list[Need]]:
    """Make open needs of an ask, for an organisation that is here or for the asker's own.

    The version decides between two stewards: the second one is told that it has happened.
    """
    ask = await _lock_for(session, actor, ask_id, version)
    move_ask(ask, AskState.PUBLISHED)
    organisation = await _organisation_for(session, actor, ask, wanted.organisation_id)
    made = []
    for fields in wanted.needs:
        need = await needs.post_need(session, actor, organisation.id, fields)
        session.add(AskNeed(need_id=need.id, ask_id=ask.id))
        for state in (NeedState.REVIEW, NeedState.OPEN):
            await needs.move_need(session, actor, need.id, state, "")
        made.append(need)
    add_history(
        session, ask, by_steward(actor), AskDeed.PUBLISHED, "\n".join(n.title for n in made)
    )
    record(session, actor, "ask.published", ask.id, needs=[str(need.id) for need in made])
    addresses = "\n".join(f"{origin}/needs/{need.id}" for need in made)
    await write_with_link(session, ask, "ask.published", origin, {"addresses": addresses})
    return ask, made


async def _organisation_for(
    session: AsyncSession, actor: Actor, ask: Ask, organisation_id: UUID | None
) -> Organisation:
    chosen = ask.organisation_id or organisation_id
    if chosen is not None:
        ask.organisation_id = chosen
        return await get_organisation(session, chosen)
    holder = await identity.add_silent_account(session, ask.organisation_name, ask.language)
    fields = OrganisationFields(name=ask.organisation_name, languages=[ask.language])
    first = Actor(account_id=holder.id, request_id=actor.request_id)
    organisation = await organisations.create_organisation(session, first, fields, settled=True)
    await organisations.move_organisation(
        session, actor, organisation.id, OrganisationState.ACCEPTED, ""
    )
    ask.organisation_id, ask.holder_id = organisation.id, holder.id
    return organisation


def _require(words: str) -> None:
    if not words.strip():
        raise reason_required()


async def tell_asker(session: AsyncSession, verb: str, claim_id: UUID, origin: str) -> None:
    """Write to the asker when somebody offers help or has done the work."""
    claim = await session.get(Claim, claim_id)
    ask = await queries.ask_of_need(session, claim.need_id) if claim else None
    if ask is None or claim is None or holder_of(ask, None) is None:
        return
    need = await session.get_one(Need, claim.need_id)
    told: dict[str, Any] = {"title": need.title}
    if verb == "claim.applied":
        # Who gives a place back and applies again the same day makes no second letter.
        who = f"{claim.need_id}:{claim.account_id}:{claim.created_at.date()}"
        await write_with_link(session, ask, TOLD[verb], origin, told, f"applied:{who}")
        return
    if verb != "claim.message_posted":
        await write_with_link(session, ask, TOLD[verb], origin, told)
        return
    # One letter for all that waits to be read: none while the one before it is not answered to.
    thread = (ThreadSubject.CLAIM, claim_id)
    first = await first_unread(session, thread, ask.holder_id) if ask.holder_id else None
    if first is not None:
        await write_with_link(session, ask, TOLD[verb], origin, told, f"message:{first}")


async def forget_asks(session: AsyncSession) -> None:
    """Delete what was never confirmed, and take the person out of what is long over."""
    now, today = clock.now(), clock.today()
    await session.execute(delete(AskDay).where(col(AskDay.day) < today))
    await session.execute(delete(AskCount).where(col(AskCount.day) < today))
    stale = select(Ask).where(
        Ask.state == AskState.UNCONFIRMED, col(Ask.created_at) < now - CONFIRM_WITHIN
    )
    for ask in (await session.exec(stale.with_for_update(skip_locked=True))).all():
        await _forget_mail(session, ask)
        await session.delete(ask)
    await _end_those_over(session)
    over = select(Ask).where(col(Ask.ended_at) < now - ERASED_AFTER, col(Ask.erased_at).is_(None))
    for ask in (await session.exec(over.with_for_update(skip_locked=True))).all():
        await _erase(session, ask)


async def _end_those_over(session: AsyncSession) -> None:
    """A published ask is over with the last of its needs, and goes on if one is opened again."""
    going = exists(
        select(AskNeed.ask_id).where(
            AskNeed.ask_id == Ask.id,
            AskNeed.need_id == Need.id,
            col(Need.state).not_in(OVER),
        )
    )
    published = col(Ask.state) == AskState.PUBLISHED
    await session.execute(
        update(Ask)
        .where(published, ~going, col(Ask.ended_at).is_(None))
        .values(ended_at=clock.now())
    )
    await session.execute(
        update(Ask).where(published, going, col(Ask.erased_at).is_(None)).values(ended_at=None)
    )


async def _erase(session: AsyncSession, ask: Ask) -> None:
    await _forget_mail(session, ask)
    if ask.holder_id is not None:
        await identity.close_silent_account(session, ask.holder_id)
    ask.address, ask.signal, ask.stuck, ask.size, ask.organisation_name = None, None, "", "", ""
    ask.holder_id, ask.waiting_since, ask.erased_at = None, None, clock.now()
    ask.version += 1
    await session.execute(
        update(AskHistory).where(col(AskHistory.ask_id) == ask.id).values(text="")
    )


async def _forget_mail(session: AsyncSession, ask: Ask) -> None:
    for purpose in (CONFIRM, EDIT):
        await revoke_links(session, purpose, ask.id)
    await session.execute(delete(Letter).where(col(Letter.key).startswith(f"ask:{ask.id}:")))
