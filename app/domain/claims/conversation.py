"""What the two sides of a claim write to one another.

A claim's thread is for its parties alone: the worker, the members of the organisation, and who
was drawn for its panel: these until the panel is closed, and of what was there by then. Stewards
do not read it, though they may see the claim: what a party reports to them is another matter. It
opens with the claim and stays readable for ever; a while after the claim's end nobody writes in it
any more.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.domain.access import ALLOWED, SYSTEM, Actor, Decision, Denied, Scope, enforce
from app.domain.activity.actions import record
from app.domain.claims import clocks, queries
from app.domain.claims.agreements import shared_by
from app.domain.claims.rules import Side
from app.domain.files import actions as files
from app.domain.organisations import blocking
from app.domain.threads import actions as threads
from app.domain.threads import errors
from app.domain.threads import queries as messages
from app.domain.threads.queries import Thread
from app.domain.threads.rules import OPEN_AFTER_END, Seen, was_there
from app.errors import ConflictError, ForbiddenError, NotFoundError
from app.infra import clock
from app.infra.pagination import Page
from app.models.claims import LIVE_STATES, Claim, Elsewhere, Panel, PanelSeat, SeatState
from app.models.files import FileSubject
from app.models.needs import Need
from app.models.threads import Message, MessageFields, ThreadSide, ThreadSubject

# Who was drawn reads along until the panel is closed, and afterwards what was there by then.
SEATED = (SeatState.DRAWN, SeatState.DECIDED)


# Of one side that lives on another instance, where nobody of ours can be asked to stop.
LETTERS_A_DAY = 200


@dataclass(frozen=True)
class Conversation:
    """A claim's thread as one of its parties has it before them."""

    claim: Claim
    need: Need
    side: ThreadSide
    closes_at: datetime | None
    # When the panel was closed on which the reader sat: what came later is not for them.
    until: datetime | None = None

    @property
    def thread(self) -> Thread:
        """Where its messages are."""
        return ThreadSubject.CLAIM, self.claim.id

    def may_write(self, now: datetime) -> Decision:
        """Say whether somebody may still write here."""
        if self.until is not None:
            return Denied("panel_closed", conflict=True)
        if self.closes_at is not None and now >= self.closes_at:
            return Denied("thread_closed", conflict=True)
        if self.claim.elsewhere is not None and self.claim.accepted_at is None:
            return Denied("thread_after_yes", conflict=True)
        return ALLOWED


async def open_conversation(session: AsyncSession, actor: Actor, claim_id: UUID) -> Conversation:
    """Return a claim's thread to one of its parties; everybody else learns nothing."""
    claim = await session.get(Claim, claim_id)
    panel = None if claim is None else await _panel_of(session, actor, claim_id)
    if claim is not None and panel is not None and panel.closed_at is None:
        return await _as_panel(session, claim, panel)
    try:
        return await _as_party(session, actor, claim_id)
    except (NotFoundError, ForbiddenError):
        if claim is None or panel is None:
            raise
        return await _as_panel(session, claim, panel)


async def _as_party(session: AsyncSession, actor: Actor, claim_id: UUID) -> Conversation:
    view = await queries.get_claim_for(session, actor, claim_id)
    if Side.WORKER in view.sides:
        side = ThreadSide.WORKER
    elif Side.ORGANISATION in view.sides and Side.STEWARD not in view.sides:
        side = ThreadSide.ORGANISATION
    else:
        raise ForbiddenError("thread_parties_only")
    return Conversation(view.claim, view.need, side, await _closes_at(session, view.claim))


async def _as_panel(session: AsyncSession, claim: Claim, panel: Panel) -> Conversation:
    need = await session.get_one(Need, claim.need_id)
    closes_at = await _closes_at(session, claim)
    return Conversation(claim, need, ThreadSide.PANEL, closes_at, panel.closed_at)


async def _panel_of(session: AsyncSession, actor: Actor, claim_id: UUID) -> Panel | None:
    """Return the panel of a claim on which somebody sits, or else the last on which they sat."""
    if actor.account_id is None:
        return None
    statement = (
        select(Panel)
        .where(
            Panel.claim_id == claim_id,
            PanelSeat.panel_id == Panel.id,
            PanelSeat.account_id == actor.account_id,
            col(PanelSeat.state).in_(SEATED),
        )
        .order_by(col(Panel.closed_at).desc().nulls_first())
        .limit(1)
    )
    return (await session.exec(statement)).first()


async def _closes_at(session: AsyncSession, claim: Claim) -> datetime | None:
    """Return until when one may write: for a while after the claim's last move ended it."""
    if claim.state in LIVE_STATES:
        return None
    moves = await queries.history_of(session, claim.id)
    return (moves[-1].at if moves else claim.updated_at) + OPEN_AFTER_END


async def read_messages(
    session: AsyncSession, conversation: Conversation, limit: int, cursor: str | None
) -> tuple[Page[Message], Mapping[ThreadSide, Seen]]:
    """Return a page of the thread, newest first, and how far each side has read."""
    thread, until = conversation.thread, conversation.until
    page = await messages.messages_of(session, thread, limit, cursor, until=until)
    # Who reads it now is no more to be told to somebody who has left it.
    return page, {} if until is not None else await messages.marks_of(session, thread)


async def post_message(
    session: AsyncSession, actor: Actor, claim_id: UUID, fields: MessageFields
) -> tuple[Conversation, Message]:
    """Write to the other side; for the worker it is a sign of life as well."""
    actor.require(Scope.CLAIMS_WRITE)
    found = await open_conversation(session, actor, claim_id)
    enforce(found.may_write(clock.now()))
    await _check_blocks(session, found)
    if found.claim.elsewhere is not None:
        await _check_travels(session, found.claim, fields)
    if not fields.body.strip() and not fields.file_ids:
        raise errors.message_empty()
    message = await threads.add_message(session, actor, found.thread, found.side, fields.body)
    place = (FileSubject.CLAIM, claim_id)
    await files.attach_to_message(session, actor, place, message.id, fields.file_ids)
    await session.flush()  # its files are part of the answer
    await threads.mark_read(session, actor, found.thread, found.side, message.id)
    if found.side is ThreadSide.WORKER:
        await clocks.touch(session, actor, claim_id)
    _record_message(session, actor, found, message, len(fields.file_ids))
    return found, message


def _record_message(
    session: AsyncSession, actor: Actor, found: Conversation, message: Message, files_count: int = 0
) -> None:
    """Never the words: the log of what happened is read by more people than the thread."""
    record(
        session, actor, "claim.message_posted", found.claim.id,
        message_id=str(message.id),
        side=found.side.value,
        worker_id=str(found.claim.account_id),
        organisation_id=str(found.need.organisation_id),
        need_id=str(found.need.id),
        files=files_count,
    )  # fmt: skip


async def take_message(session: AsyncSession, claim_id: UUID, body: str) -> bool:
    """Keep what the side of a shared claim wrote that lives elsewhere; its side follows from it."""
    claim = await session.get_one(Claim, claim_id)
    need = await session.get_one(Need, claim.need_id)
    guest = claim.elsewhere == Elsewhere.WORKER
    side = ThreadSide.WORKER if guest else ThreadSide.ORGANISATION
    found = Conversation(claim, need, side, await _closes_at(session, claim))
    if not body.strip() or isinstance(found.may_write(clock.now()), Denied):
        return False
    if await messages.said_within_day(session, found.thread, side) >= LETTERS_A_DAY:
        return False
    home = need.organisation_id
    if guest and home is not None and await blocking.kept_apart(session, home, claim.account_id):
        return False  # said and not heard: whom the organisation blocked is not told of it there
    actor = Actor(account_id=claim.account_id) if guest else SYSTEM
    message = await threads.add_message(session, actor, found.thread, side, body)
    if guest:
        await clocks.touch(session, actor, claim_id)
    _record_message(session, actor, found, message)
    return True


async def _check_travels(session: AsyncSession, claim: Claim, fields: MessageFields) -> None:
    """Refuse what would not arrive on the other instance."""
    if fields.file_ids:
        raise ConflictError("thread_no_files")
    shared = (await shared_by(session, [claim.id])).get(claim.id)
    if shared is None or not shared.talking:
        raise ConflictError("instances_apart", host=shared.host if shared else "")


async def _check_blocks(session: AsyncSession, found: Conversation) -> None:
    """Keep the two sides apart where one of them wants it so; a panel reaches both."""
    home, worker_id = found.need.organisation_id, found.claim.account_id
    if found.side is ThreadSide.WORKER:
        await blocking.refuse_blocked(session, home, worker_id)
    elif found.side is ThreadSide.ORGANISATION:
        await blocking.refuse_unwanted(session, home, worker_id)


async def correct_message(
    session: AsyncSession, actor: Actor, place: tuple[UUID, UUID], body: str, expected_version: int
) -> tuple[Conversation, Message]:
    """Change the words of one's own message; `place` is the claim's id and the message's."""
    found, message = await _own_thread(session, actor, place)
    if found.until is not None:
        enforce(found.may_write(clock.now()))
    await _check_blocks(session, found)
    await threads.correct_message(session, actor, message, body, expected_version)
    return found, message


async def delete_message(session: AsyncSession, actor: Actor, place: tuple[UUID, UUID]) -> None:
    """Delete one's own message, with its files."""
    found, message = await _own_thread(session, actor, place)
    await threads.delete_message(session, actor, message)
    record(session, actor, "claim.message_deleted", found.claim.id, message_id=str(message.id))


async def hide_message(
    session: AsyncSession, actor: Actor, place: tuple[UUID, UUID], reason: str
) -> None:
    """Take a message that a party reported out of the thread, for everybody but its author.

    A steward decides on what was reported to them; the rest of the thread stays closed to them.
    """
    actor.require_steward()
    claim_id, message_id = place
    message = await messages.lock_message(session, (ThreadSubject.CLAIM, claim_id), message_id)
    await threads.hide_message(session, message, reason)
    record(
        session, actor, "claim.message_hidden", claim_id,
        message_id=str(message_id),
        tell=[str(message.account_id)] if message.account_id else [],
    )  # fmt: skip


async def _own_thread(
    session: AsyncSession, actor: Actor, place: tuple[UUID, UUID]
) -> tuple[Conversation, Message]:
    actor.require(Scope.CLAIMS_WRITE)
    claim_id, message_id = place
    found = await open_conversation(session, actor, claim_id)
    if found.claim.elsewhere is not None:
        raise ConflictError("message_sent_away")
    return found, await messages.lock_message(session, found.thread, message_id)


async def mark_read(
    session: AsyncSession, actor: Actor, claim_id: UUID, message_id: UUID
) -> Conversation:
    """Note that somebody has read up to a message."""
    found = await open_conversation(session, actor, claim_id)
    await threads.mark_read(session, actor, found.thread, found.side, message_id)
    return found


async def unread_in(
    session: AsyncSession, actor: Actor, claim_ids: Sequence[UUID]
) -> dict[UUID, int]:
    """Count what waits to be read in the threads of one's claims (already let through)."""
    if actor.account_id is None:
        return {}
    return await messages.unread_counts(session, ThreadSubject.CLAIM, claim_ids, actor.account_id)


async def is_party(session: AsyncSession, actor: Actor, claim_id: UUID) -> bool:
    """Say whether somebody has a part in a claim's thread now."""
    try:
        return (await open_conversation(session, actor, claim_id)).until is None
    except (NotFoundError, ForbiddenError):
        return False


async def reads_message(session: AsyncSession, actor: Actor, message: Message) -> bool:
    """Say whether somebody may read a message of a claim's thread, as far as it is theirs."""
    try:
        found = await open_conversation(session, actor, message.subject_id)
    except (NotFoundError, ForbiddenError):
        return False
    return found.until is None or was_there(message, found.until)
