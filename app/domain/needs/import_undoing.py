"""Taking an import back, for a week: what it added is withdrawn, what it changed is as before.

What people did since is worth more than the undoing: a need that somebody has applied to or that
was changed by hand meanwhile stays as it is, and the answer says how many did.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import delete
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.domain.access import Actor, Scope
from app.domain.activity.actions import record
from app.domain.needs import errors, reviewing
from app.domain.needs.actions import add_history, apply_fields
from app.domain.needs.importing import BATCH, READ, Progress, hash_of, take_turn
from app.domain.needs.policy import stands_alone
from app.domain.needs.queries import has_claim_in
from app.domain.needs.rules import EDITABLE, PUBLISHED
from app.domain.organisations import actions as organisation_actions
from app.domain.organisations import queries as organisations
from app.infra import clock
from app.models.claims import ClaimState
from app.models.imports import ImportChange, ImportRun
from app.models.needs import Need, NeedFields, NeedState

UNDO_FOR = timedelta(days=7)
REASON = "import undone"


@dataclass
class UndoOutcome:
    """What became of the needs that an import had touched."""

    total: int = 0
    withdrawn: int = 0
    restored: int = 0
    kept: int = 0
    organisations: int = 0


def may_be_undone_until(run: ImportRun) -> datetime | None:
    """Return until when an import can be taken back, or nothing when it no longer can."""
    until = run.created_at + UNDO_FOR
    return None if run.undone_at is not None or until <= clock.now() else until


async def get_run_for(session: AsyncSession, actor: Actor, run_id: UUID) -> ImportRun:
    """Return an import to those who may take it back."""
    run = await session.get(ImportRun, run_id, with_for_update=True)
    if run is None or not await _may(session, actor, run):
        raise errors.import_not_found()
    return run


async def list_runs(
    session: AsyncSession, actor: Actor, organisation_id: UUID | None, limit: int
) -> Sequence[ImportRun]:
    """Return the newest imports into an organisation, or those of whole files (stewards)."""
    if organisation_id is None:
        actor.require_steward()
    else:
        own = await organisations.membership(session, organisation_id, actor.account_id)
        if own is None and not actor.acts_as_steward:
            raise errors.import_not_found()
    statement = (
        select(ImportRun)
        .where(
            col(ImportRun.organisation_id).is_(None)
            if organisation_id is None
            else ImportRun.organisation_id == organisation_id
        )
        .order_by(col(ImportRun.created_at).desc(), col(ImportRun.id))
        .limit(limit)
    )
    return (await session.exec(statement)).all()


async def undo_import(
    session: AsyncSession, actor: Actor, run_id: UUID, progress: Progress
) -> UndoOutcome:
    """Take an import back within the caller's transaction."""
    run = await get_run_for(session, actor, run_id)
    if may_be_undone_until(run) is None:
        raise errors.import_too_old()
    await take_turn(session)
    changes = (
        await session.exec(
            select(ImportChange)
            .where(ImportChange.run_id == run.id)
            .order_by(col(ImportChange.need_id))
        )
    ).all()
    outcome = UndoOutcome(total=len(changes))
    for start in range(0, len(changes), BATCH):
        for change in changes[start : start + BATCH]:
            await _undo(session, actor, change, outcome)
        await session.flush()
        await progress(min(start + BATCH, len(changes)), len(changes))
    fresh = [UUID(each) for each in run.new_organisations]
    outcome.organisations = await organisation_actions.unaccept_empty(session, actor, fresh)
    run.undone_at = clock.now()
    return outcome


async def forget_old(session: AsyncSession) -> None:
    """Drop what imports had changed once it can no longer be taken back."""
    old = select(ImportRun.id).where(col(ImportRun.created_at) < clock.now() - UNDO_FOR)
    await session.execute(delete(ImportChange).where(col(ImportChange.run_id).in_(old)))


async def _may(session: AsyncSession, actor: Actor, run: ImportRun) -> bool:
    if actor.system or actor.acts_as_steward:
        return True
    if run.organisation_id is None or not actor.allows(Scope.NEEDS_WRITE):
        return False
    return (
        await organisations.membership(session, run.organisation_id, actor.account_id) is not None
    )


async def _undo(
    session: AsyncSession, actor: Actor, change: ImportChange, outcome: UndoOutcome
) -> None:
    need = await session.get(Need, change.need_id, with_for_update=True, populate_existing=True)
    untouched = (
        need is not None
        and need.organisation_id is not None
        and need.state in EDITABLE
        and hash_of(need) == change.after_hash
    )
    if need is None or not untouched:
        outcome.kept += 1
        return
    if change.before is not None and await _was_read(session, actor, need):
        outcome.kept += 1
    elif change.before is not None:
        await _restore(session, actor, need, change.before)
        outcome.restored += 1
    elif await has_claim_in(session, need, tuple(ClaimState)):
        outcome.kept += 1
    else:
        _withdraw(session, actor, need)
        outcome.withdrawn += 1


async def _was_read(session: AsyncSession, actor: Actor, need: Need) -> bool:
    """Say whether a steward published these words, and others would now slip in under them."""
    if need.organisation_id is None or need.state not in READ or actor.system:
        return False
    organisation = await organisations.get_organisation(session, need.organisation_id)
    return not stands_alone(actor, organisation)


async def _restore(session: AsyncSession, actor: Actor, need: Need, before: dict[str, Any]) -> None:
    if need.organisation_id is None:
        return
    organisation = await organisations.get_organisation(session, need.organisation_id)
    said = NeedFields.model_validate(before["said"])
    # Places that people hold by now stay theirs.
    said = said.model_copy(update={"places": max(said.places, need.taken)})
    await reviewing.read_hold_again(session, need)
    apply_fields(need, said, organisation)
    need.source = before["source"]
    need.version += 1
    need.updated_at = clock.now()
    if need.state in PUBLISHED:
        record(session, actor, "need.updated", need.id)


def _withdraw(session: AsyncSession, actor: Actor, need: Need) -> None:
    """Take a need down; the file's id is free again, so that the file can be imported anew."""
    before, listed = need.state, need.published_at is not None
    need.state, need.state_reason = NeedState.WITHDRAWN, REASON
    need.external_id = None
    need.version += 1
    need.updated_at = clock.now()
    add_history(session, actor, need, before, NeedState.WITHDRAWN, REASON)
    if listed:
        record(session, actor, "need.withdrawn", need.id)
