"""Messages, questions and files as templates show them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from urllib.parse import quote
from uuid import UUID

from markupsafe import Markup

from app.domain.access import Actor
from app.domain.claims.conversation import Conversation
from app.domain.files.queries import files_of_messages
from app.domain.identity.queries import accounts_by_id
from app.domain.needs import questions
from app.domain.needs.attachments import files_on_need
from app.domain.needs.reviewing import stays_as_read
from app.domain.needs.rules import EDITABLE
from app.domain.threads.rules import Seen, is_author, may_read_words, read_by_other
from app.models.files import File
from app.models.identity import Account
from app.models.needs import Need
from app.models.threads import Message, ThreadSide
from app.pages import text
from app.pages.dependencies import Db, Visit

QUESTIONS_SHOWN = 30


@dataclass(frozen=True)
class FileView:
    """A file: a picture is shown, all else is a link that saves."""

    id: UUID
    name: str
    href: str
    alt: str
    shown: bool
    size_bytes: int
    width: int | None
    height: int | None
    mine: bool


@dataclass(frozen=True)
class MessageView:
    """A message, a question or an answer."""

    id: UUID
    author_name: str
    author_handle: str
    side: str
    mine: bool
    body: Markup
    files: Sequence[FileView]
    at: datetime
    edited: bool
    deleted: bool
    hidden_reason: str
    hidden: bool
    read_at: datetime | None = None
    answers: Sequence["MessageView"] = ()


def file_view(file: File, account_id: UUID | None) -> FileView:
    """Show a file."""
    return FileView(
        id=file.id,
        name=file.name,
        href=f"/files/{file.id}/{quote(file.name)}",
        alt=file.alt,
        shown=file.media_type.startswith("image/"),
        size_bytes=file.size_bytes,
        width=file.width,
        height=file.height,
        mine=account_id is not None and file.account_id == account_id,
    )


def _handle_of(author: Account) -> str:
    # Who has no account here is known by a name, not by a handle that nobody signs in with.
    return "" if author.silent and author.display_name else author.handle


def _view(
    message: Message,
    people: Mapping[UUID, Account],
    files: Sequence[File],
    account_id: UUID | None,
    read_at: datetime | None = None,
    answers: Sequence[MessageView] = (),
) -> MessageView:
    author = people.get(message.account_id) if message.account_id else None
    return MessageView(
        id=message.id,
        author_name=author.display_name if author else "",
        # Who has no account here is known by a name, not by what they cannot sign in with.
        author_handle=author.handle
        if author and not (author.silent and author.display_name)
        else "",
        side=message.side.value,
        mine=is_author(message, account_id),
        body=text.markdown(message.body),
        files=[file_view(file, account_id) for file in files],
        at=message.created_at,
        edited=message.edited_at is not None,
        deleted=message.deleted_at is not None,
        hidden_reason=message.hidden_reason,
        hidden=message.hidden_at is not None,
        read_at=read_at,
        answers=answers,
    )


async def message_views(
    db: Db,
    actor: Actor,
    found: Conversation,
    rows: Sequence[Message],
    marks: Mapping[ThreadSide, Seen],
) -> list[MessageView]:
    """Show the messages of a claim's thread, the oldest first."""
    people = await accounts_by_id(db, [row.account_id for row in rows if row.account_id])
    files = await files_of_messages(db, [row.id for row in rows])
    own = actor.account_id
    shown = [
        _view(
            row, people, files.get(row.id, ()), own,
            read_by_other(row, marks, found.side) if row.side is found.side else None,
        )
        for row in reversed(rows)
    ]  # fmt: skip
    return [
        view
        if may_read_words(row, own)
        else replace(view, body=Markup(""), files=(), hidden_reason="")
        for view, row in zip(shown, reversed(rows), strict=True)
    ]


async def question_values(db: Db, visit: Visit, need: Need, *, runs: bool) -> dict[str, Any]:
    """Return what a need's page shows of its files and its questions."""
    page = await questions.list_questions(db, visit.actor, need, QUESTIONS_SHOWN, None)
    rows = [row for one in page.items for row in (one.message, *one.answers)]
    people = await accounts_by_id(db, [row.account_id for row in rows if row.account_id])
    own = visit.actor.account_id
    takes = need.origin_url is None and need.state in EDITABLE
    return {
        "files": [file_view(file, own) for file in await files_on_need(db, need.id)],
        "questions": [
            _view(
                one.message, people, (), own, None,
                [_view(row, people, (), own) for row in one.answers],
            )
            for one in page.items
        ],
        "takes_questions": takes,
        "may_remove": runs and takes,
        "may_attach": runs and takes and not await stays_as_read(db, visit.actor, need),
    }  # fmt: skip
