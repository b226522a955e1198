"""Telling followers of public needs, in the transaction in which peers are told."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, func, tuple_
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.domain.needs.mirroring import SHOWN
from app.federation.peers.identity import Identity
from app.federation.public import followers, posts
from app.federation.public.writing import (
    followers_address,
    is_public,
    note_address,
    note_of,
    tombstone_of,
)
from app.federation.wire.documents import Document
from app.federation.wire.notes import CreateNote, DeleteNote, GoneNote, UpdateNote
from app.federation.wire.notes import Note as NoteDocument
from app.federation.wire.problems import OBJECT_MISSING, RefusedError
from app.infra import clock
from app.infra.canonical import canonical_json
from app.infra.ids import public_id
from app.infra.runtime import Runtime
from app.models.followers import Note
from app.models.needs import Audience, Need

PAGE_ITEMS = 20


@dataclass(frozen=True)
class Place:
    """Where a page of the outbox goes on: after this need."""

    published_at: datetime
    need_id: UUID


async def announce(
    session: AsyncSession, runtime: Runtime, ours: Identity, needs: Sequence[Need]
) -> None:
    """Write what followers have to hear of needs by now: that one is there, changed, or gone."""
    ids = [need.id for need in needs]
    told = {note.need_id: note for note in (
        await session.exec(select(Note).where(col(Note.need_id).in_(ids)))
    ).all()}  # fmt: skip
    to = await followers.inboxes(session) if await followers.are_welcome(session, runtime) else []
    for need in needs:
        await _announce(session, ours.origin, need, told.get(need.id), to)


async def _announce(
    session: AsyncSession,
    origin: str,
    need: Need,
    told: Note | None,
    to: Sequence[tuple[str, str]],
) -> None:
    if not is_public(need):
        if told is not None and told.gone_at is None:
            told.gone_at = clock.now()
            await posts.drop_all(session, need.id)
            await posts.write(session, _deletion(origin, told, told.gone_at), to, need.id)
        return
    note = note_of(origin, need)
    digest = _digest(note)
    if told is None or told.gone_at is not None:
        fresh = told or Note(need_id=need.id, digest=digest)
        fresh.digest, fresh.gone_at, fresh.updated_at = digest, None, clock.now()
        session.add(fresh)
        await posts.write(session, creation(origin, need, note), to, need.id)
    elif told.digest != digest:
        told.digest, told.updated_at = digest, clock.now()
        await posts.drop_updates(session, need.id)
        await posts.write(session, _update(origin, note), to, need.id)


def creation(origin: str, need: Need, note: NoteDocument) -> CreateNote:
    """Say that a need is public."""
    return CreateNote(
        id=f"{note_address(origin, need.id)}#create",
        actor=f"{origin}/actor",
        cc=(followers_address(origin),),
        published=note.published,
        object=note,
    )


def _update(origin: str, note: NoteDocument) -> UpdateNote:
    return UpdateNote(
        id=f"{origin}/activities/{public_id()}",
        actor=f"{origin}/actor",
        cc=(followers_address(origin),),
        object=note,
    )


def _deletion(origin: str, told: Note, gone_at: datetime) -> DeleteNote:
    return DeleteNote(
        id=f"{origin}/activities/{public_id()}",
        actor=f"{origin}/actor",
        cc=(followers_address(origin),),
        object=tombstone_of(origin, told.need_id, gone_at),
    )


def _digest(note: NoteDocument) -> bytes:
    """Return what a note says, without when: a change that nobody sees is no news."""
    said: Document = note.model_copy(update={"updated": None})
    return hashlib.sha256(canonical_json(said.model_dump(mode="json"))).digest()


async def find_note(
    session: AsyncSession, runtime: Runtime, need_id: UUID
) -> NoteDocument | GoneNote:
    """Return a public need's Note, or that it is gone; what never was public does not exist."""
    need = await session.get(Need, need_id)
    if need is None or need.origin_url is not None:
        raise RefusedError(OBJECT_MISSING)
    if is_public(need):
        return note_of(runtime.origin, need)
    told = await session.get(Note, need_id)
    if told is None:
        raise RefusedError(OBJECT_MISSING)
    return tombstone_of(runtime.origin, need_id, told.gone_at or need.updated_at)


async def count_notes(session: AsyncSession) -> int:
    """Count the public needs of ours."""
    return (await session.exec(select(func.count()).where(*_is_public()))).one()


async def outbox_page(
    session: AsyncSession, runtime: Runtime, after: Place | None
) -> tuple[list[CreateNote], Place | None]:
    """Return a page of the outbox, newest first: each public need as it stands now."""
    statement = select(Need).where(*_is_public())
    place = tuple_(col(Need.published_at), col(Need.id))
    if after is not None:
        statement = statement.where(place < (after.published_at, after.need_id))
    statement = statement.order_by(col(Need.published_at).desc(), col(Need.id).desc())
    needs = (await session.exec(statement.limit(PAGE_ITEMS + 1))).all()
    origin = runtime.origin
    shown = needs[:PAGE_ITEMS]
    items = [creation(origin, need, note_of(origin, need)) for need in shown]
    if len(needs) <= PAGE_ITEMS:
        return items, None
    last = shown[-1]
    return items, Place(last.published_at or last.created_at, last.id)


def _is_public() -> list[ColumnElement[bool]]:
    """As is_public(), for the database."""
    return [
        col(Need.origin_url).is_(None),
        col(Need.published_at).is_not(None),
        col(Need.audience) == Audience.PUBLIC,
        col(Need.state).in_(SHOWN),
        col(Need.care_of).is_(None),
    ]
