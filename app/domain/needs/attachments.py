"""Files on a need: its organisation puts them there, whoever may read the need reads them."""

from collections.abc import Sequence
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from app.domain.access import Actor, Scope
from app.domain.files import queries as files
from app.domain.files.actions import Place
from app.domain.files.rules import FILES_PER_NEED_MAX
from app.domain.needs import reviewing
from app.domain.needs.actions import touch
from app.domain.needs.queries import get_need_for, lock_need, require_need_side
from app.domain.needs.rules import EDITABLE
from app.errors import ConflictError
from app.models.files import File, FileSubject


async def place_on_need(session: AsyncSession, actor: Actor, need_id: UUID) -> Place:
    """Return where a file for a need goes, to those who answer for the need."""
    actor.require(Scope.NEEDS_WRITE)
    need = await get_need_for(session, actor, need_id)
    await require_need_side(session, actor, need)
    if need.state not in EDITABLE:
        raise ConflictError("need_closed")
    await reviewing.refuse_published(session, actor, need)
    if len(await files_on_need(session, need_id)) >= FILES_PER_NEED_MAX:
        raise ConflictError("files_per_need", limit=FILES_PER_NEED_MAX)
    return Place(FileSubject.NEED, need_id, need.organisation_id)


async def note_new_file(session: AsyncSession, actor: Actor, file: File) -> None:
    """Count a file on a need among what a steward reads; what was read before stays as it was."""
    if file.subject is not FileSubject.NEED:
        return
    need = await lock_need(session, file.subject_id)
    await reviewing.check_addition(session, actor, need, [file.name, file.alt])
    if need.state in reviewing.READ_FIRST:
        touch(session, actor, need)


async def files_on_need(session: AsyncSession, need_id: UUID) -> Sequence[File]:
    """Return the files on a need (already let through), oldest first."""
    found = await files.files_of_subject(session, FileSubject.NEED, [need_id])
    return found.get(need_id, [])
