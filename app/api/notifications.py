"""Notices: what one was told, how one wants to be told, and a stream of what comes."""

from collections.abc import AsyncIterator, Sequence
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Query, Request, Response, status
from fastapi.sse import EventSourceResponse, ServerSentEvent

from app.api.dependencies import (
    DEFAULT_LIMIT,
    Cursor,
    Db,
    ExpectedVersion,
    InPerson,
    Limit,
    Tools,
    cookie_name,
    set_next_link,
    set_version,
)
from app.api.errors import language_of
from app.api.routing import StrictRoute
from app.api.schemas.notifications import (
    NoticeList,
    NoticeSettingsInput,
    NoticeSettingsShape,
    NoticeShape,
    ReadInput,
    StreamEvent,
    Unread,
)
from app.domain.access import Actor
from app.domain.identity import actions as identity_actions
from app.domain.identity import queries as identity
from app.domain.notifications import actions, queries
from app.domain.notifications.queries import WantedNotices
from app.domain.notifications.rules import wish_for
from app.domain.notifications.showing import show
from app.errors import InvalidError, LimitedError
from app.infra.database import transaction
from app.infra.runtime import Runtime
from app.models.notifications import (
    Notice,
    NoticeSettings,
    NoticeSettingsFields,
    Topic,
)

STREAMS_PER_PERSON = 6
EVENTS_AT_ONCE = 50
NUMBER_DIGITS_MAX = 18
RECONNECT_MILLISECONDS = 5_000

router = APIRouter(route_class=StrictRoute, tags=["notifications"])


def _may_stream(actor: InPerson, runtime: Tools) -> Actor:
    """Let a person hold a few streams: what is refused is refused before the answer begins."""
    if runtime.wakeups.held_by(actor.signed_in()) >= STREAMS_PER_PERSON:
        raise LimitedError("streams_limit", retry_after_seconds=30)
    return actor


def _begin(last_event_id: Annotated[str | None, Header()] = None) -> int | None:
    if not last_event_id:
        return None
    plain = last_event_id.isascii() and last_event_id.isdigit()
    if not plain or len(last_event_id) > NUMBER_DIGITS_MAX:
        raise InvalidError("cursor_invalid")
    return int(last_event_id)


Streaming = Annotated[Actor, Depends(_may_stream, scope="function")]
Begin = Annotated[int | None, Depends(_begin)]


@router.get("/me/notifications", operation_id="list_my_notices")
async def list_my_notices(
    request: Request,
    response: Response,
    actor: InPerson,
    db: Db,
    topic: Topic | None = None,
    unread: Annotated[bool, Query(description="Only what waits to be read.")] = False,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> NoticeList:
    """List what one was told, newest first, as far as one may still see it."""
    wanted = WantedNotices(topic, unread)
    page = await queries.list_notices(db, actor, wanted, limit, cursor)
    set_next_link(request, response, page.next_cursor)
    return NoticeList(
        items=await _shapes(db, actor, page.items, language_of(request)),
        next_cursor=page.next_cursor,
        unread=await queries.count_unread(db, actor),
    )


async def _shapes(
    db: Db, actor: Actor, notices: Sequence[Notice], language: str
) -> list[NoticeShape]:
    return [
        NoticeShape(
            **each.notice.model_dump(
                include={
                    "id", "topic", "count", "at", "read_at", "claim_id", "need_id",
                    "organisation_id",
                }
            ),
            kind=each.kind,
            title=each.title(language),
            text=each.text(language),
            href=each.href,
            workspace_href=each.workspace_href,
        )
        for each in await show(db, actor, notices)
    ]  # fmt: skip


@router.post("/me/notifications/read", operation_id="mark_notices_read")
async def mark_notices_read(body: ReadInput, actor: InPerson, db: Db) -> Unread:
    """Note that some notices were read, or all."""
    if body.all == (body.ids is not None):
        raise InvalidError("validation_failed")
    await actions.mark_read(db, actor, body.ids)
    return Unread(unread=await queries.count_unread(db, actor))


@router.get("/me/notification-settings", operation_id="get_notice_settings")
async def get_notice_settings(response: Response, actor: InPerson, db: Db) -> NoticeSettingsShape:
    """Say how one is told."""
    found = await queries.get_settings(db, actor.signed_in())
    return await _settings(response, db, found)


@router.put("/me/notification-settings", operation_id="change_notice_settings")
async def change_notice_settings(
    body: NoticeSettingsInput,
    expected_version: ExpectedVersion,
    response: Response,
    actor: InPerson,
    db: Db,
) -> NoticeSettingsShape:
    """Say how one wants to be told."""
    fields = NoticeSettingsFields.model_validate(body.model_dump())
    found = await actions.change_settings(db, actor, fields, expected_version)
    return await _settings(response, db, found)


@router.post(
    "/me/email-proof", status_code=status.HTTP_202_ACCEPTED, operation_id="ask_for_email_proof"
)
async def ask_for_email_proof(actor: InPerson, db: Db) -> None:
    """Send the link again that proves one's address; links sent before open nothing then."""
    account = await identity.get_account(db, actor.signed_in())
    await identity_actions.ask_for_proof(db, account)


async def _settings(response: Response, db: Db, found: NoticeSettings) -> NoticeSettingsShape:
    set_version(response, found.version)
    account = await identity.get_account(db, found.account_id)
    return NoticeSettingsShape(
        mail={topic: wish_for(found.wishes, topic) for topic in Topic},
        discreet=found.discreet,
        hour=found.hour,
        time_zone=found.time_zone,
        language=found.language,
        email=account.email,
        email_proven=account.email_proven_at is not None,
        version=found.version,
    )


@router.get("/activity-stream", operation_id="follow_activity", response_class=EventSourceResponse)
async def follow_activity(
    request: Request, actor: Streaming, runtime: Tools, begin: Begin
) -> AsyncIterator[ServerSentEvent]:
    """Tell, as it comes, that something concerns one; words are read elsewhere.

    The id of an event is the number of a change; whoever comes back with `Last-Event-ID` hears
    of all that came meanwhile. Who is asking is looked at again before anything is sent.
    """
    account_id = actor.signed_in()
    with runtime.wakeups.listening(account_id) as woken:
        async with transaction(runtime.sessions) as session:
            start = await queries.last_number(session, account_id)
        number = start if begin is None else min(begin, start)
        yield ServerSentEvent(
            event="hello", data={"number": number}, id=str(number), retry=RECONNECT_MILLISECONDS
        )
        while True:
            news = await _news(request, runtime, number)
            if news is None:
                return
            for event, number in news:
                yield ServerSentEvent(event="notice", data=event, id=str(number))
            if not news:
                yield ServerSentEvent(comment="still here")
            if len(news) < EVENTS_AT_ONCE:
                await runtime.wakeups.wait(woken)


async def _news(
    request: Request, runtime: Runtime, number: int
) -> list[tuple[StreamEvent, int]] | None:
    """Return what came after a number; None when who asks may not know any more.

    One short transaction: while a stream waits it holds no connection.
    """
    async with transaction(runtime.sessions) as session:
        secret = request.cookies.get(cookie_name(request.app.state.settings))
        actor = await identity.actor_of_session(session, secret) if secret else None
        if actor is None:
            return None
        notices = await queries.notices_since(session, actor, number, EVENTS_AT_ONCE)
        unread = await queries.count_unread(session, actor) if notices else 0
    return [
        (
            StreamEvent(
                kind=notice.kind,
                topic=notice.topic,
                unread=unread,
                claim_id=notice.claim_id,
                need_id=notice.need_id,
            ),
            notice.number,
        )
        for notice in notices
    ]
