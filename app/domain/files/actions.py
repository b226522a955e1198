"""Taking files in and removing them.

Bytes are written before their row commits, so no row is ever without its bytes. What a failed
request leaves behind is bytes without a row, which nobody can reach and a sweep removes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

from app.domain.access import Actor
from app.domain.activity.actions import PENDING_MARK
from app.domain.files import errors, queries
from app.domain.files.preparing import Prepared
from app.domain.files.rules import Limits, quota_reached_by
from app.infra import clock, ids
from app.infra.storage import Storage
from app.models.files import File, FileSubject

BATCH = 100
# Uploads are counted one after the other, so that two at once cannot both be the last that fits.
LOCK_QUOTAS = text("SELECT pg_advisory_xact_lock(hashtextextended('files:quotas', 0))")


@dataclass(frozen=True)
class Place:
    """Where a file goes: what it is attached to, and whose room it takes beside the uploader's."""

    subject: FileSubject
    subject_id: UUID
    organisation_id: UUID | None


async def check_room(
    session: AsyncSession, actor: Actor, place: Place, size: int, limits: Limits
) -> None:
    """Refuse what would go beyond somebody's room."""
    usage = await queries.usage_of(session, actor.signed_in(), place.organisation_id)
    whose = quota_reached_by(size, usage, limits)
    if whose is not None:
        raise errors.quota_reached(whose, getattr(limits, whose))


async def store_file(
    session: AsyncSession,
    actor: Actor,
    storage: Storage,
    place: Place,
    prepared: Prepared,
    limits: Limits,
) -> File:
    """Keep a file; who may attach it there was decided above."""
    size = len(prepared.content)
    await check_room(session, actor, place, size, limits)
    file = File(
        id=ids.private_id(),
        subject=place.subject,
        subject_id=place.subject_id,
        organisation_id=place.organisation_id,
        account_id=actor.signed_in(),
        size_bytes=size,
        **{name: getattr(prepared, name) for name in (
            "name", "media_type", "digest", "alt", "width", "height",
        )},
    )  # fmt: skip
    await storage.put(file.id, prepared.content)
    try:
        # Only now, so that nobody waits for another's network: the bytes lie there already.
        await session.execute(LOCK_QUOTAS)
        await check_room(session, actor, place, size, limits)
        session.add(file)
        await session.flush()  # before the lock ends: the next one must count this row
    except BaseException:
        await storage.delete(file.id)
        raise
    return file


async def attach_to_message(
    session: AsyncSession,
    actor: Actor,
    place: tuple[FileSubject, UUID],
    message_id: UUID,
    file_ids: Sequence[UUID],
) -> None:
    """Let a message carry files that its author has uploaded to the same place."""
    for file_id in dict.fromkeys(file_ids):
        file = await session.get(File, file_id, with_for_update=True)
        if (
            file is None
            or file.removed_at is not None
            or file.message_id is not None
            or file.account_id != actor.account_id
            or (file.subject, file.subject_id) != place
        ):
            raise errors.file_not_found()
        file.message_id = message_id


async def remove_files(session: AsyncSession, files: Sequence[File]) -> None:
    """Hide files from everybody at once; a worker then removes their bytes."""
    now = clock.now()
    for file in files:
        file.removed_at = now
    if files:
        session.info[PENDING_MARK] = True


async def remove_bytes(session: AsyncSession, storage: Storage) -> int:
    """Remove the bytes of removed files and then their rows; answers how many."""
    files = await queries.removed_files(session, BATCH)
    for file in files:
        await storage.delete(file.id)
        await session.delete(file)
    return len(files)


async def sweep_storage(session: AsyncSession, storage: Storage) -> int:
    """Remove uploads that no message carries, and bytes that no row names; answers how many."""
    abandoned = await queries.abandoned_files(session, BATCH)
    await remove_files(session, abandoned)
    orphans = await queries.orphans_of(session, storage, clock.now())
    for file_id in orphans:
        await storage.delete(file_id)
    return len(abandoned) + len(orphans)
