"""Threads: what the two sides of a claim write, and questions about a need."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from fastapi import APIRouter, Request, Response, status

from app.api.dependencies import (
    DEFAULT_LIMIT,
    ClaimsReader,
    ClaimsWriter,
    Cursor,
    Db,
    ExpectedVersion,
    Limit,
    NeedsReader,
    NeedsWriter,
    set_next_link,
    set_version,
)
from app.api.routing import StrictRoute
from app.api.schemas.files import FileShape
from app.api.schemas.threads import (
    HideInput,
    MessageAuthor,
    MessageList,
    MessageShape,
    QuestionList,
    QuestionShape,
    ReadInput,
)
from app.domain.access import Actor, Denied, Scope
from app.domain.claims import conversation
from app.domain.claims.conversation import Conversation
from app.domain.files.queries import files_of_messages
from app.domain.identity.queries import accounts_by_id
from app.domain.needs import questions
from app.domain.needs.queries import get_need_for
from app.domain.needs.rules import EDITABLE
from app.domain.threads.rules import Seen, is_author, may_correct, may_read_words, read_by_other
from app.infra import clock
from app.models.files import File
from app.models.identity import Account
from app.models.threads import Message, MessageFields, ThreadSide, WordsFields

router = APIRouter(route_class=StrictRoute, tags=["threads"])


def _shape(
    actor: Actor,
    message: Message,
    people: Mapping[UUID, Account],
    files: Mapping[UUID, Sequence[File]],
) -> MessageShape:
    author = people.get(message.account_id) if message.account_id else None
    plain = ("id", "side", "body", "created_at", "edited_at", "hidden_reason", "version")
    mine = is_author(message, actor.account_id)
    return MessageShape(
        **{name: getattr(message, name) for name in plain},
        author=MessageAuthor(
            account_id=author.id, handle=author.handle, display_name=author.display_name
        )
        if author
        else None,
        mine=mine,
        files=[FileShape.of(file) for file in files.get(message.id, ())],
        deleted=message.deleted_at is not None,
        hidden=message.hidden_at is not None,
        may_correct=may_correct(message, actor.account_id, clock.now()),
        may_delete=mine and message.deleted_at is None,
        read_at=None,
    )


async def _shapes(db: Db, actor: Actor, found: Sequence[Message]) -> list[MessageShape]:
    people = await accounts_by_id(db, [one.account_id for one in found if one.account_id])
    files = await files_of_messages(db, [one.id for one in found])
    return [_shape(actor, one, people, files) for one in found]


async def _in_conversation(
    db: Db,
    actor: Actor,
    found: Conversation,
    rows: Sequence[Message],
    marks: Mapping[ThreadSide, Seen],
) -> list[MessageShape]:
    shapes = await _shapes(db, actor, rows)
    for shape, row in zip(shapes, rows, strict=True):
        if not may_read_words(row, actor.account_id):
            shape.body, shape.files, shape.hidden_reason = "", [], ""
        if row.side is found.side:
            shape.read_at = read_by_other(row, marks, found.side)
    return shapes


@router.get("/claims/{claim_id}/messages", operation_id="list_messages")
async def list_messages(
    claim_id: UUID,
    request: Request,
    response: Response,
    actor: ClaimsReader,
    db: Db,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> MessageList:
    """List what the two sides of a claim wrote to one another, newest first."""
    found = await conversation.open_conversation(db, actor, claim_id)
    page, marks = await conversation.read_messages(db, found, limit, cursor)
    set_next_link(request, response, page.next_cursor)
    unread = await conversation.unread_in(db, actor, [claim_id])
    return MessageList(
        items=await _in_conversation(db, actor, found, page.items, marks),
        next_cursor=page.next_cursor,
        side=found.side,
        unread=unread.get(claim_id, 0) if found.until is None else 0,
        may_write=not isinstance(found.may_write(clock.now()), Denied),
        closes_at=found.closes_at,
    )


@router.post(
    "/claims/{claim_id}/messages", status_code=status.HTTP_201_CREATED, operation_id="post_message"
)
async def post_message(
    claim_id: UUID, body: MessageFields, response: Response, actor: ClaimsWriter, db: Db
) -> MessageShape:
    """Write to the other side, with files that were uploaded to the claim before."""
    found, message = await conversation.post_message(db, actor, claim_id, body)
    set_version(response, message.version)
    (shape,) = await _in_conversation(db, actor, found, [message], {})
    return shape


@router.patch("/claims/{claim_id}/messages/{message_id}", operation_id="correct_message")
async def correct_message(
    claim_id: UUID,
    message_id: UUID,
    body: WordsFields,
    response: Response,
    actor: ClaimsWriter,
    db: Db,
    expected_version: ExpectedVersion,
) -> MessageShape:
    """Change the words of one's own message within ten minutes."""
    place = (claim_id, message_id)
    _, message = await conversation.correct_message(db, actor, place, body.body, expected_version)
    set_version(response, message.version)
    (shape,) = await _shapes(db, actor, [message])
    return shape


@router.delete(
    "/claims/{claim_id}/messages/{message_id}",
    status_code=status.HTTP_204_NO_CONTENT,
    operation_id="delete_message",
)
async def delete_message(claim_id: UUID, message_id: UUID, actor: ClaimsWriter, db: Db) -> None:
    """Delete one's own message: its words and files are gone, that there was one stays."""
    await conversation.delete_message(db, actor, (claim_id, message_id))


@router.post(
    "/claims/{claim_id}/messages/read",
    status_code=status.HTTP_204_NO_CONTENT,
    operation_id="mark_messages_read",
)
async def mark_messages_read(claim_id: UUID, body: ReadInput, actor: ClaimsReader, db: Db) -> None:
    """Say how far one has read; the other side sees when."""
    await conversation.mark_read(db, actor, claim_id, body.message_id)


@router.get("/needs/{need_id}/questions", operation_id="list_questions")
async def list_questions(
    need_id: UUID,
    request: Request,
    response: Response,
    actor: NeedsReader,
    db: Db,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> QuestionList:
    """List the questions on a need with their answers, newest question first."""
    need = await get_need_for(db, actor, need_id)
    page = await questions.list_questions(db, actor, need, limit, cursor)
    set_next_link(request, response, page.next_cursor)
    waiting = await questions.unanswered_on(db, [need_id])
    runs = actor.allows(Scope.NEEDS_WRITE) and await questions.runs_need(db, actor, need)
    takes = need.origin_url is None and need.state in EDITABLE
    return QuestionList(
        items=await _questions(db, actor, page.items),
        next_cursor=page.next_cursor,
        unanswered=waiting.get(need_id, 0),
        may_ask=takes and actor.account_id is not None and actor.allows(Scope.CLAIMS_WRITE),
        may_answer=runs,
    )


async def _questions(
    db: Db, actor: Actor, found: Sequence[questions.Question]
) -> list[QuestionShape]:
    rows = [row for one in found for row in (one.message, *one.answers)]
    shapes = {shape.id: shape for shape in await _shapes(db, actor, rows)}
    return [
        QuestionShape(
            **dict(shapes[one.message.id]), answers=[shapes[row.id] for row in one.answers]
        )
        for one in found
    ]


@router.post(
    "/needs/{need_id}/questions", status_code=status.HTTP_201_CREATED, operation_id="ask_question"
)
async def ask_question(
    need_id: UUID, body: WordsFields, actor: ClaimsWriter, db: Db
) -> QuestionShape:
    """Ask about a need, where everybody who may read the need reads it."""
    asked = await questions.ask_question(db, actor, need_id, body.body)
    (shape,) = await _questions(db, actor, [questions.Question(asked, [])])
    return shape


@router.post(
    "/needs/{need_id}/questions/{question_id}/answers",
    status_code=status.HTTP_201_CREATED,
    operation_id="answer_question",
)
async def answer_question(
    need_id: UUID, question_id: UUID, body: WordsFields, actor: NeedsWriter, db: Db
) -> MessageShape:
    """Answer a question for the need's organisation."""
    answer = await questions.answer_question(db, actor, need_id, question_id, body.body)
    (shape,) = await _shapes(db, actor, [answer])
    return shape


@router.post("/needs/{need_id}/questions/{question_id}/hide", operation_id="hide_question")
async def hide_question(
    need_id: UUID, question_id: UUID, body: HideInput, actor: NeedsWriter, db: Db
) -> MessageShape:
    """Take a question or an answer out of public sight, with a reason that its author reads."""
    message = await questions.hide_question(db, actor, need_id, question_id, body.reason)
    (shape,) = await _shapes(db, actor, [message])
    return shape


@router.delete(
    "/needs/{need_id}/questions/{question_id}",
    status_code=status.HTTP_204_NO_CONTENT,
    operation_id="delete_question",
)
async def delete_question(need_id: UUID, question_id: UUID, actor: ClaimsWriter, db: Db) -> None:
    """Delete one's own question or answer."""
    await questions.delete_question(db, actor, need_id, question_id)
