"""Questions about a need, asked and answered where everybody who may read the need reads them."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from app.domain.access import Actor, Denied, Scope
from app.domain.activity.actions import record
from app.domain.needs import reviewing
from app.domain.needs.policy import may_write
from app.domain.needs.queries import get_need_for, need_membership, require_need_side
from app.domain.needs.rules import EDITABLE
from app.domain.organisations.blocking import refuse_blocked
from app.domain.threads import actions as threads
from app.domain.threads import errors
from app.domain.threads import queries as messages
from app.domain.threads.queries import Thread
from app.errors import ConflictError, reason_required
from app.infra.pagination import Page
from app.models.needs import Need
from app.models.threads import Message, ThreadSide, ThreadSubject


@dataclass(frozen=True)
class Question:
    """A question with its answers, as one reader may see them."""

    message: Message
    answers: Sequence[Message]


def _thread(need_id: UUID) -> Thread:
    return ThreadSubject.NEED, need_id


async def list_questions(
    session: AsyncSession, actor: Actor, need: Need, limit: int, cursor: str | None
) -> Page[Question]:
    """Return the questions on a need, newest first; what was hidden only to whom it concerns."""
    runs = await runs_need(session, actor, need)
    page = await messages.messages_of(session, _thread(need.id), limit, cursor)
    answers = await messages.answers_to(session, [asked.id for asked in page.items])

    def shown(one: Message) -> bool:
        own = actor.account_id is not None and one.account_id == actor.account_id
        return one.hidden_at is None or runs or own

    questions = [
        Question(asked, [one for one in answers.get(asked.id, []) if shown(one)])
        for asked in page.items
        if shown(asked)
    ]
    return Page(questions, page.next_cursor)


async def runs_need(session: AsyncSession, actor: Actor, need: Need) -> bool:
    """Say whether somebody answers for a need."""
    own = await need_membership(session, actor, need)
    return not isinstance(may_write(actor, need, own), Denied)


async def ask_question(session: AsyncSession, actor: Actor, need_id: UUID, body: str) -> Message:
    """Ask about a need, for everybody to read."""
    actor.require(Scope.CLAIMS_WRITE)
    need = await get_need_for(session, actor, need_id)
    if need.origin_url is not None:
        raise ConflictError("answer_at_origin")
    if need.state not in EDITABLE:
        raise ConflictError("need_closed")
    await refuse_blocked(session, need.organisation_id, actor.account_id)
    if await need_membership(session, actor, need) is not None:
        await reviewing.check_answer(session, actor, need, body)
    await threads.check_asking(session, actor, need_id)
    asked = await threads.add_message(session, actor, _thread(need_id), ThreadSide.ASKER, body)
    record(
        session, actor, "need.question_asked", need_id,
        message_id=str(asked.id),
        organisation_id=str(need.organisation_id),
    )  # fmt: skip
    return asked


async def answer_question(
    session: AsyncSession, actor: Actor, need_id: UUID, question_id: UUID, body: str
) -> Message:
    """Answer a question for the need's organisation."""
    actor.require(Scope.NEEDS_WRITE)
    need = await get_need_for(session, actor, need_id)
    await require_need_side(session, actor, need)
    await reviewing.check_answer(session, actor, need, body)
    asked = await messages.lock_message(session, _thread(need_id), question_id)
    if asked.parent_id is not None:
        raise errors.message_not_found()
    if asked.deleted_at is not None or asked.hidden_at is not None:
        raise ConflictError("message_gone")
    side = ThreadSide.ORGANISATION
    answer = await threads.add_message(session, actor, _thread(need_id), side, body, asked.id)
    record(
        session, actor, "need.question_answered", need_id,
        message_id=str(answer.id),
        question_id=str(asked.id),
        asker_id=str(asked.account_id) if asked.account_id else None,
    )  # fmt: skip
    return answer


async def delete_question(
    session: AsyncSession, actor: Actor, need_id: UUID, message_id: UUID
) -> None:
    """Delete one's own question or answer; a question without words keeps its answers."""
    actor.signed_in()
    await get_need_for(session, actor, need_id)
    message = await messages.lock_message(session, _thread(need_id), message_id)
    actor.require(Scope.CLAIMS_WRITE if message.parent_id is None else Scope.NEEDS_WRITE)
    await threads.delete_message(session, actor, message)
    record(session, actor, "need.question_deleted", need_id, message_id=str(message_id))


async def hide_question(
    session: AsyncSession, actor: Actor, need_id: UUID, message_id: UUID, reason: str
) -> Message:
    """Take a question or an answer out of public sight, with a reason that its author reads."""
    actor.require(Scope.NEEDS_WRITE)
    need = await get_need_for(session, actor, need_id)
    await require_need_side(session, actor, need)
    message = await messages.lock_message(session, _thread(need_id), message_id)
    if not reason.strip():
        raise reason_required()
    await threads.hide_message(session, message, reason.strip())
    record(
        session, actor, "need.question_hidden", need_id,
        message_id=str(message_id),
        asker_id=str(message.account_id) if message.account_id else None,
    )  # fmt: skip
    return message


async def unanswered_on(session: AsyncSession, need_ids: Sequence[UUID]) -> dict[UUID, int]:
    """Count by need the questions that wait for an answer."""
    return await messages.unanswered_counts(session, need_ids)
