"""Reading files. Who may read one is decided above: see claims.attachments.get_file_for."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import func
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.domain.files import errors
from app.domain.files.rules import ORPHAN_AFTER, WAITS_FOR_MESSAGE, Usage, is_orphan
from app.infra import clock
from app.infra.storage import Storage
from app.models.files import File, FileSubject


async def get_file(session: AsyncSession, file_id: UUID) -> File:
    """Return a file that is there."""
    found = await session.get(File, file_id)
    if found is None or found.removed_at is not None:
        raise errors.file_not_found()
    return found


async def files_of_subject(
    session: AsyncSession, subject: FileSubject, subject_ids: Sequence[UUID]
) -> dict[UUID, list[File]]:
    """Return the files that lie directly on some things, oldest first."""
    if not subject_ids:
        return {}
    statement = (
        select(File)
        .where(
            File.subject == subject,
            col(File.subject_id).in_(subject_ids),
            col(File.removed_at).is_(None),
        )
        .order_by(col(File.created_at), col(File.id))
    )
    found: dict[UUID, list[File]] = {}
    for file in await session.exec(statement):
        found.setdefault(file.subject_id, []).append(file)
    return found


async def files_of_messages(
    session: AsyncSession, message_ids: Sequence[UUID]
) -> dict[UUID, list[File]]:
    """Return the files that some messages carry, in the order in which they were sent."""
    if not message_ids:
        return {}
    statement = (
        select(File)
        .where(col(File.message_id).in_(message_ids), col(File.removed_at).is_(None))
        .order_by(col(File.created_at), col(File.id))
    )
    found: dict[UUID, list[File]] = {}
    for file in await session.exec(statement):
        if file.message_id is not None:
            found.setdefault(file.message_id, []).append(file)
    return found


async def usage_of(session: AsyncSession, account_id: UUID, organisation_id: UUID | None) -> Usage:
    """Sum up how much room is used."""
    size = func.coalesce(func.sum(File.size_bytes), 0)
    here = col(File.removed_at).is_(None)
    own = await session.exec(select(size).where(here, File.account_id == account_id))
    whole = await session.exec(select(size).where(here))
    theirs = 0
    if organisation_id is not None:
        of_them = select(size).where(here, File.organisation_id == organisation_id)
        theirs = int((await session.exec(of_them)).one())
    return Usage(account=int(own.one()), organisation=theirs, instance=int(whole.one()))


async def removed_files(session: AsyncSession, limit: int) -> Sequence[File]:
    """Return removed files whose bytes wait for a worker, locked for this one."""
    statement = (
        select(File)
        .where(col(File.removed_at).is_not(None))
        .order_by(col(File.removed_at))
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    return (await session.exec(statement)).all()


async def abandoned_files(session: AsyncSession, limit: int) -> Sequence[File]:
    """Return uploads whose message never came."""
    statement = (
        select(File)
        .where(
            File.subject == FileSubject.CLAIM,
            col(File.message_id).is_(None),
            col(File.removed_at).is_(None),
            col(File.created_at) <= clock.now() - WAITS_FOR_MESSAGE,
        )
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    return (await session.exec(statement)).all()


async def known_ids(session: AsyncSession, ids: Sequence[UUID]) -> set[UUID]:
    """Return which of these ids have a row."""
    if not ids:
        return set()
    return set((await session.exec(select(File.id).where(col(File.id).in_(ids)))).all())


async def orphans_of(session: AsyncSession, storage: Storage, now: datetime) -> list[UUID]:
    """Return the objects that no row names and that nobody is just writing."""
    old = [one.id async for one in storage.everything() if is_orphan(one.written_at, now)]
    known = await known_ids(session, old)
    return [file_id for file_id in old if file_id not in known]


async def missing_bytes(session: AsyncSession, storage: Storage) -> list[UUID]:
    """Return the rows whose bytes are not in the storage."""
    stored = {one.id async for one in storage.everything()}
    statement = select(File.id).where(
        col(File.removed_at).is_(None), col(File.created_at) <= clock.now() - ORPHAN_AFTER
    )
    return [file_id for file_id in (await session.exec(statement)).all() if file_id not in stored]
