"""Files on claims, and the one door to any file: whoever may read what it is attached to."""

from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from app.domain.access import Actor, Scope, enforce
from app.domain.activity.actions import record
from app.domain.claims.conversation import is_party, open_conversation, reads_message
from app.domain.files import actions, errors, queries
from app.domain.files.actions import Place
from app.domain.needs.policy import may_read
from app.domain.needs.queries import need_membership, require_need_side
from app.domain.threads.rules import may_read_words
from app.errors import ForbiddenError
from app.infra import clock
from app.models.files import File, FileSubject
from app.models.needs import Audience, Need, NeedState
from app.models.threads import Message, ThreadSide

PUBLIC_STATES = frozenset({NeedState.OPEN, NeedState.PAUSED, NeedState.IN_PROGRESS, NeedState.DONE})


async def place_on_claim(session: AsyncSession, actor: Actor, claim_id: UUID) -> Place:
    """Return where a party's file for the thread of a claim goes."""
    actor.require(Scope.CLAIMS_WRITE)
    found = await open_conversation(session, actor, claim_id)
    enforce(found.may_write(clock.now()))
    theirs = found.side is ThreadSide.ORGANISATION
    owner = found.need.organisation_id if theirs else None
    return Place(FileSubject.CLAIM, claim_id, owner)


async def get_file_for(session: AsyncSession, actor: Actor, file_id: UUID) -> File:
    """Return a file that the asker may read; everybody else learns nothing."""
    file = await queries.get_file(session, file_id)
    if not await _may_read(session, actor, file):
        raise errors.file_not_found()
    return file


async def _may_read(session: AsyncSession, actor: Actor, file: File) -> bool:
    if file.subject is FileSubject.NEED:
        need = await session.get(Need, file.subject_id)
        reach = actor.allows(Scope.NEEDS_READ)
        return bool(
            need and reach and may_read(actor, need, await need_membership(session, actor, need))
        )
    if not actor.allows(Scope.CLAIMS_READ):
        return False
    if file.message_id is None:  # not sent yet: only who uploaded it has seen it
        own = actor.account_id is not None and file.account_id == actor.account_id
        return own and await is_party(session, actor, file.subject_id)
    message = await session.get(Message, file.message_id)
    if message is None or not may_read_words(message, actor.account_id):
        return False
    return await reads_message(session, actor, message)


async def is_public(session: AsyncSession, file: File) -> bool:
    """Say whether anybody may read a file, so that caches between us may keep it."""
    if file.subject is not FileSubject.NEED:
        return False
    need = await session.get(Need, file.subject_id)
    return bool(need and need.audience == Audience.PUBLIC and need.state in PUBLIC_STATES)


async def remove_file(session: AsyncSession, actor: Actor, file_id: UUID) -> None:
    """Remove a file: on a need its organisation, on a claim who uploaded it."""
    file = await get_file_for(session, actor, file_id)
    if file.subject is FileSubject.NEED:
        actor.require(Scope.NEEDS_WRITE)
        need = await session.get_one(Need, file.subject_id)
        await require_need_side(session, actor, need)
        record(session, actor, "need.file_removed", need.id, file_id=str(file.id))
    else:
        actor.require(Scope.CLAIMS_WRITE)
        if file.account_id != actor.account_id:
            raise ForbiddenError("file_not_yours")
    await actions.remove_files(session, [file])
