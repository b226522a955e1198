"""Shapes of messages, questions and answers."""

from datetime import datetime
from uuid import UUID

from app.api.schemas.base import Body, Shape
from app.api.schemas.files import FileShape
from app.models.base import Text
from app.models.threads import ThreadSide


class MessageAuthor(Shape):
    """Who wrote a message, by pseudonym."""

    account_id: UUID
    handle: str
    display_name: str


class MessageShape(Shape):
    """A message; `author` is null once the account is erased, `body` empty once it is deleted."""

    id: UUID
    author: MessageAuthor | None
    side: ThreadSide
    mine: bool
    body: str
    files: list[FileShape]
    created_at: datetime
    edited_at: datetime | None
    deleted: bool
    hidden: bool
    hidden_reason: str
    may_correct: bool
    may_delete: bool
    read_at: datetime | None
    version: int


class MessageList(Shape):
    """A page of a claim's thread, newest first, with what one may do in it."""

    items: list[MessageShape]
    next_cursor: str | None
    side: ThreadSide
    unread: int
    may_write: bool
    closes_at: datetime | None


class QuestionShape(MessageShape):
    """A question about a need with its answers, oldest first."""

    answers: list[MessageShape]


class QuestionList(Shape):
    """A page of the questions on a need, newest first."""

    items: list[QuestionShape]
    next_cursor: str | None
    unanswered: int
    may_ask: bool
    may_answer: bool


class ReadInput(Body):
    """The newest message that was seen."""

    message_id: UUID


class HideInput(Body):
    """Why a question or an answer is hidden; its author reads it."""

    reason: Text
